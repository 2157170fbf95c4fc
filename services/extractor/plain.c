#include "plain.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

/* What open() itself says of a pipe without its other end. */
#define NOT_PLAIN ENXIO

static FILE *refused(int fd, int why)
{
    (void)close(fd);
    errno = why;
    return NULL;
}

FILE *plain_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    FILE *f;

    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &st)) {
        return refused(fd, errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return refused(fd, NOT_PLAIN);
    }
    f = fdopen(fd, "rb");
    return f ? f : refused(fd, errno);
}

bool plain_is_absent(void)
{
    return errno == ENOENT || errno == ENOTDIR;
}

void plain_why(char *out, size_t n)
{
    const char *many = scratch_too_many();
    bool rights = errno == EACCES || errno == EPERM;

    if (many) {
        (void)snprintf(out, n, "%s", many);
    } else if (plain_is_absent()) {
        (void)snprintf(out, n, "it is not there: export the folder again");
    } else if (errno == NOT_PLAIN) {
        (void)snprintf(out, n,
                       "it is a folder, a pipe or a device, and a file is "
                       "wanted: export the folder again");
    } else {
        (void)snprintf(out, n, "it cannot be read (%s): %s", strerror(errno),
                       rights ? "let the user that the extractor runs as read "
                                "it"
                              : "look at the disk and the folder");
    }
}
