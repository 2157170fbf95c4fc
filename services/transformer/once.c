/* --once FILE: what one record of the source becomes, without any server. */
#include "once.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>
#include <drover/plan/plan.h>

#define FILE_LIMIT ((size_t)64 << 20)

static int slurp(const char *path, struct dr_buf *out)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char chunk[65536];
    size_t n;

    if (!f) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        return -1;
    }
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        dr_buf_add(out, chunk, n);
    }
    if (f != stdin) {
        (void)fclose(f);
    }
    if (out->over) {
        (void)fprintf(stderr, "%s is larger than 64 MiB\n", path);
        return -1;
    }
    return 0;
}

/* "associations": [{"pair","to_id","primary"}] may stand in the record. */
static int take_links(const struct dr_json *j, struct dr_arena *a,
                      struct dr_source *s)
{
    const struct dr_json *list = dr_json_get(j, "associations");
    struct dr_assoc *v =
        dr_arena_calloc(a, (list ? list->count : 0) + 1u, sizeof(*v));

    if (!v) {
        return -1;
    }
    DR_JSON_EACH(e, list)
    {
        v[s->assoc_count++] = (struct dr_assoc){
            .pair = dr_json_get_str(e, "pair"),
            .to_id = dr_json_scalar(dr_json_get(e, "to_id")),
            .primary = dr_json_true(dr_json_get(e, "primary"))};
    }
    s->assocs = v;
    return 0;
}

static struct dr_source source_of(const struct dr_json *j, struct dr_part *line)
{
    struct dr_source s = {.object = dr_json_get_str(j, "type"),
                          .id = dr_json_scalar(dr_json_get(j, "id")),
                          .rev = 1,
                          .archived = dr_json_true(dr_json_get(j, "archived")),
                          .origin = DR_ORIGIN_SNAPSHOT,
                          .op = DR_SRC_UPSERT,
                          .body = j->raw};

    if (dr_str_eqz(s.object, "line_item")) { /* a set of this one line */
        *line = (struct dr_part){.id = s.id, .version = 1, .body = s.body};
        s.id = dr_json_scalar(
            dr_json_get(dr_json_get(j, "properties"), "deal_id"));
        s.body = (struct dr_str){"", 0};
        s.parts = line;
        s.part_count = 1;
    }
    return s;
}

/* "blob": {"size", "sha256"}: as if the bytes were here. */
static void take_blob(const struct dr_json *j, uint8_t hash[32],
                      struct dr_source *s)
{
    const struct dr_json *b = dr_json_get(j, "blob");
    struct dr_str hex = dr_json_get_str(b, "sha256");

    if (b && hex.n == 64 && dr_unhex(hex, hash, 32) == 0) {
        s->blob =
            (struct dr_blob){.state = DR_BLOB_STORED,
                             .size = (uint64_t)dr_json_get_i64(b, "size", 0),
                             .sha256 = {(const char *)hash, 32}};
    }
}

static int print_record(const struct dr_plan *plan, struct dr_str text)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(FILE_LIMIT * 2);
    struct dr_apply_opts o = {.migration = DR_STR_LIT("once"), .pass = 1};
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(a, text, NULL, &err);
    struct dr_part line;
    struct dr_source s;
    uint8_t hash[32];
    struct dr_outcome out;
    struct dr_buf b;

    if (!j) {
        (void)fprintf(stderr, "the record cannot be read: %s\n", err.text);
        return DR_EXIT_FAILURE;
    }
    s = source_of(j, &line);
    take_blob(j, hash, &s);
    if (take_links(j, a, &s) || dr_plan_apply(plan, &s, &o, a, &out, &err)) {
        (void)fprintf(stderr, "the record is too large: %s\n", err.text);
        return DR_EXIT_FAILURE;
    }
    dr_buf_init(&b, FILE_LIMIT);
    dr_outcome_print(&out, &b);
    (void)fwrite(b.p, 1, b.n, stdout);
    dr_buf_done(&b);
    return DR_EXIT_OK;
}

static int with_plan(const char *record, const char *plan_file)
{
    struct dr_err err = {0};
    struct dr_buf text, plan_text;
    struct dr_plan *plan;
    int code = DR_EXIT_FAILURE;

    dr_buf_init(&text, FILE_LIMIT);
    dr_buf_init(&plan_text, FILE_LIMIT);
    if (slurp(record, &text) == 0 && slurp(plan_file, &plan_text) == 0) {
        plan = dr_plan_parse(dr_buf_view(&plan_text), &err);
        if (plan) {
            code = print_record(plan, dr_buf_view(&text));
        } else {
            (void)fprintf(stderr, "%s: %s\n", plan_file, err.text);
        }
        dr_plan_free(plan);
    }
    dr_buf_done(&text);
    dr_buf_done(&plan_text);
    return code;
}

int once(int argc, char **argv)
{
    const char *record = NULL, *plan = NULL;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--once") == 0) {
            record = argv[i + 1];
        } else if (strcmp(argv[i], "--plan") == 0) {
            plan = argv[i + 1];
        }
    }
    if (!record || !plan || argc != 5) {
        (void)fprintf(stderr,
                      "usage: drover-transformer --once FILE --plan PLAN\n"
                      "FILE holds one record as FastTrack gives it, with its "
                      "links under \"associations\" if there are any; - is "
                      "standard input\n");
        return DR_EXIT_USAGE;
    }
    dr_crypto_init();
    return with_plan(record, plan);
}
