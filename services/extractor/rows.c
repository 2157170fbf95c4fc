#include "rows.h"

#include <stdio.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#define GATHER_ROWS CONTRACT_BATCH
#define GATHER_BYTES ((size_t)1 << 20)

void gather_open(struct gather *g, struct extractor *ex, struct object *o,
                 enum dr_origin origin)
{
    *g = (struct gather){.ex = ex, .o = o, .origin = origin};
    dr_buf_init(&g->text, TEXT_LINE_MAX + 2 * GATHER_BYTES);
}

void gather_close(struct gather *g)
{
    dr_buf_done(&g->text);
}

void gather_bad(struct gather *g, struct dr_str raw, const char *file,
                uint64_t offset, uint64_t bytes, const char *why)
{
    struct dr_str id = id_in_broken(raw);
    char name[64], text[512], hex[65];
    uint8_t hash[32];
    struct reject r = {
        .class = DR_STR_LIT("unreadable"),
        .cure = DR_STR_LIT("ask FastTrack to repair the record, or accept "
                           "that it stays behind"),
        .original = raw,
    };

    (void)snprintf(text, sizeof(text),
                   "%s, offset %llu, length %llu: no record (%s)", file,
                   (unsigned long long)offset, (unsigned long long)bytes, why);
    if (id.n == 0) {
        dr_sha256(raw, hash);
        dr_hex(hash, sizeof(hash), hex);
        (void)snprintf(name, sizeof(name), "(no id) %.16s", hex);
        id = dr_str_z(name);
    }
    r.id = id;
    r.reason = dr_str_z(text);
    emit_rejected(g->ex, g->o, &r);
}

bool gather_flush(struct gather *g)
{
    struct dr_err err = {0};
    char now[DR_TIME_TEXT];
    struct page page;
    bool going;

    if (g->n == 0) {
        return true;
    }
    dr_buf_printf(&g->text, "],\"server_time\":\"%s\"}",
                  dr_time_format(g->ex->api.server_ms, now));
    dr_arena_reset(g->ex->page_arena);
    if (page_parse(g->ex->page_arena, dr_buf_view(&g->text), &page, &err)) {
        dr_die(DR_EXIT_INVARIANT, "extractor",
               "records that were read alone cannot be read together: %s",
               err.text);
    }
    going = emit_rows(g->ex, g->o, &page, g->origin);
    g->n = 0;
    dr_buf_reset(&g->text);
    emit_status(g->ex, false);
    return going;
}

bool gather_record(struct gather *g, struct dr_str json)
{
    dr_buf_z(&g->text, g->n == 0 ? "{\"results\":[" : ",");
    dr_buf_str(&g->text, json);
    g->n++;
    return (g->n < GATHER_ROWS && g->text.n < GATHER_BYTES) || gather_flush(g);
}

bool gather_line(struct gather *g, const struct text_line *line,
                 const char *file)
{
    struct dr_json_limits limits = {.max_nodes = 100000};
    struct dr_err err = {0};
    const struct dr_json *j;

    if (line->too_long) {
        gather_bad(g, line->text, file, line->offset, line->bytes,
                   "longer than 8 MiB");
        return true;
    }
    dr_arena_reset(g->ex->inner_arena);
    j = dr_json_parse(g->ex->inner_arena, line->text, &limits, &err);
    if (!j) {
        gather_bad(g, line->text, file, line->offset, line->bytes, err.text);
        return true;
    }
    if (!dr_str_eqz(dr_json_get_str(j, "type"), g->o->name)) {
        gather_bad(g, line->text, file, line->offset, line->bytes,
                   "not of this type");
        return true;
    }
    if (g->corrupt &&
        dr_map_has(g->corrupt, dr_json_scalar(dr_json_get(j, "id")))) {
        gather_bad(g, line->text, file, line->offset, line->bytes,
                   "FastTrack says that it cannot read it");
        return true;
    }
    return gather_record(g, line->text);
}
