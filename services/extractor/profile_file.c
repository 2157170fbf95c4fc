/* The profile as configured: a file, or the one that is compiled in. */
#include "profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dr_str read_file(struct dr_arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    char *text = dr_xmalloc(PROFILE_MAX + 1);
    struct dr_str kept;
    size_t n;

    if (!f) {
        dr_die(DR_EXIT_CONFIG, "source.profile", "%s: %s", path,
               strerror(errno));
    }
    n = fread(text, 1, PROFILE_MAX + 1, f);
    (void)fclose(f);
    if (n > PROFILE_MAX) {
        dr_die(DR_EXIT_CONFIG, "source.profile", "%s: larger than %zu bytes",
               path, PROFILE_MAX);
    }
    kept = dr_arena_dup(a, (struct dr_str){text, n});
    free(text);
    return kept;
}

void profile_open(struct dr_arena *a, const char *path, struct profile *out)
{
    struct dr_err err = {0};
    bool named = path && path[0];
    struct dr_str text = named ? read_file(a, path) : profile_builtin();

    if (profile_parse(a, text, out, &err)) {
        dr_die(DR_EXIT_CONFIG, "source.profile", "%s: %s",
               named ? path : "fasttrack/1", err.text);
    }
}
