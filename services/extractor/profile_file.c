/* The profile as configured: a file, or the one that is compiled in. */
#include "profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_file(struct dr_arena *a, const char *path, struct dr_str *out,
                     struct dr_err *err)
{
    FILE *f = fopen(path, "rbe");
    char *text;
    size_t n;
    bool bad;

    if (!f) {
        return dr_err_set(err, DR_HALT, errno, "source.profile", "%s",
                          strerror(errno));
    }
    text = dr_xmalloc(PROFILE_MAX + 1);
    n = fread(text, 1, PROFILE_MAX + 1, f);
    bad = ferror(f) != 0;
    (void)fclose(f);
    *out = dr_arena_dup(a, (struct dr_str){text, n});
    free(text);
    return bad               ? dr_err_set(err, DR_HALT, 0, "source.profile",
                                          "it cannot be read: is it a file?")
           : n > PROFILE_MAX ? dr_err_set(err, DR_HALT, 0, "source.profile",
                                          "larger than %zu bytes", PROFILE_MAX)
                             : 0;
}

int profile_load(struct dr_arena *a, const char *path, struct profile *out,
                 struct dr_err *err)
{
    struct dr_str text = profile_builtin();

    if (path && path[0] && read_file(a, path, &text, err)) {
        return -1;
    }
    return profile_parse(a, text, out, err);
}

void profile_open(struct dr_arena *a, const char *path, struct profile *out)
{
    struct dr_err err = {0};

    if (profile_load(a, path, out, &err)) {
        dr_die(DR_EXIT_CONFIG, "source.profile", "%s: %s",
               path && path[0] ? path : "fasttrack/1", err.text);
    }
}
