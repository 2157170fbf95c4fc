#include "scratch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_KEPT ((uint64_t)256 << 20)
#define LOOK_EVERY ((uint64_t)4 << 20)

static const char *folder(void)
{
    const char *dir = getenv("TMPDIR");

    return dir && dir[0] == '/' ? dir : "/tmp";
}

void scratch_many_files(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
}

const char *scratch_too_many(void)
{
    if (errno != EMFILE && errno != ENFILE) {
        return NULL;
    }
    return "no more files can be open at once, and each one of the folder is: "
           "raise the hard limit (ulimit -Hn, LimitNOFILE=) above four times "
           "their number, or export fewer and larger ones";
}

FILE *scratch_file(void)
{
    char path[4096];
    FILE *f = NULL;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/drover-XXXXXX", folder());
    fd = mkstemp(path);
    if (fd >= 0) {
        (void)unlink(path);
        f = fdopen(fd, "w+b");
    }
    if (!f && scratch_too_many()) {
        dr_die(DR_EXIT_REFUSED, "open files", "%s", scratch_too_many());
    }
    if (!f) {
        dr_die(DR_EXIT_FAILURE, "disk",
               "no temporary file below %s: check $TMPDIR and start again",
               folder());
    }
    return f;
}

struct scratch scratch_in(FILE *f)
{
    return (struct scratch){.f = f};
}

static int no_room(struct dr_err *err)
{
    return dr_err_set(err, DR_HALT, 0, "disk",
                      "less than %u MiB are free below %s, where it is "
                      "unfolded: make room, or let $TMPDIR name a larger disk",
                      (unsigned)(ROOM_KEPT >> 20), folder());
}

static bool has_room(const struct scratch *s)
{
    struct statvfs v;

    return fstatvfs(fileno(s->f), &v) ||
           (uint64_t)v.f_bavail * v.f_frsize > ROOM_KEPT;
}

int scratch_add(struct scratch *s, struct dr_str bytes, struct dr_err *err)
{
    if (s->n + bytes.n >= s->look) {
        if (!has_room(s)) {
            return no_room(err);
        }
        s->look = s->n + bytes.n + LOOK_EVERY;
    }
    s->n += bytes.n;
    return fwrite(bytes.p, 1, bytes.n, s->f) == bytes.n ? 0 : no_room(err);
}

int scratch_end(struct scratch *s, struct dr_err *err)
{
    return fflush(s->f) || ferror(s->f) ? no_room(err) : 0;
}
