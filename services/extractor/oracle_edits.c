/* What people do in FastTrack while the service reads it. */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

#include <drover/json/json.h>

#define TYPES 32
#define PAIRS_MAX 64

struct kind {
    char name[65];
    struct dr_str rows[400]; /* the records as they were at the start */
    size_t n;
};

static struct kind kinds[TYPES];
static size_t kind_n;
static struct {
    char from[65], to[65];
} pairs[PAIRS_MAX];
static size_t pair_n;

/* ---- the world at the start ---- */

static void text_of(char out[65], struct dr_str s)
{
    (void)snprintf(out, 65, DR_STR_FMT, DR_STR_ARG(s));
}

static const struct dr_json *results(struct dr_arena *a, const char *path)
{
    struct dr_str body = sim_api("GET", path, (struct dr_str){0});
    const struct dr_json *j =
        dr_json_parse(a, dr_arena_dup(a, body), NULL, NULL);

    if (sim_status != 200 || !dr_json_get(j, "results")) {
        oracle_fail("the world at the start", path);
    }
    return dr_json_get(j, "results");
}

static void read_rows(struct dr_arena *a, struct kind *k)
{
    struct dr_str text;
    char path[128];

    (void)snprintf(path, sizeof(path), "/sim/records/%s", k->name);
    text = dr_arena_dup(a, admin("GET", path, (struct dr_str){0}));
    for (k->n = 0; text.n > 0 && k->n < DR_ARRAY_LEN(k->rows);) {
        struct dr_str line = dr_str_split(&text, '\n');
        if (line.n > 0) {
            k->rows[k->n++] = line;
        }
    }
}

void world_read(struct dr_arena *a)
{
    kind_n = pair_n = 0;
    DR_JSON_EACH(j, results(a, "/v1/schema/objects"))
    {
        DR_ASSERT(kind_n < TYPES);
        text_of(kinds[kind_n].name, dr_json_get_str(j, "type"));
        read_rows(a, &kinds[kind_n]);
        kind_n += kinds[kind_n].n > 0;
    }
    DR_JSON_EACH(j, results(a, "/v1/schema/associations"))
    {
        DR_ASSERT(pair_n < PAIRS_MAX);
        if (!dr_str_eqz(dr_json_get_str(j, "to"), "line_item")) {
            text_of(pairs[pair_n].from, dr_json_get_str(j, "from"));
            text_of(pairs[pair_n++].to, dr_json_get_str(j, "to"));
        }
    }
}

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < kind_n; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static const struct dr_json *row(struct dr_arena *a, const struct kind *k,
                                 size_t i)
{
    return dr_json_parse(a, k->rows[i], NULL, NULL);
}

static const struct dr_json *some(struct dr_arena *a, const struct kind *k)
{
    return row(a, k, roll(k->n));
}

static struct dr_str id_of(const struct dr_json *rec)
{
    return dr_json_scalar(dr_json_get(rec, "id"));
}

static void op_on(const char *type, struct dr_str id, const char *op,
                  const char *more)
{
    char path[200];

    (void)snprintf(path, sizeof(path), "/sim/admin/%.64s/" DR_STR_FMT, type,
                   DR_STR_ARG(id));
    postf(path, "{\"op\":\"%s\"%s%s}", op, more[0] ? "," : "", more);
}

/* ---- records that cannot be read ---- */

/* Those that may be mended again: their type and place in `kinds`. */
static struct {
    size_t kind, row;
} bad[8];
static size_t bad_n;

static void spoil(size_t kind, size_t i, const char *form, const char *line)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);
    const struct kind *k = &kinds[kind];
    char more[100];

    (void)snprintf(more, sizeof(more), "\"form\":\"%s\",\"line\":\"%s\"", form,
                   line);
    op_on(k->name, id_of(row(a, k, i)), "poison", more);
    if (bad_n < DR_ARRAY_LEN(bad)) {
        bad[bad_n].kind = kind;
        bad[bad_n++].row = i;
    }
}

static const char *a_form(void)
{
    return !drawn("poison.with_id")      ? "without_id"
           : !drawn("poison.without_id") ? "with_id"
           : roll(2)                     ? "with_id"
                                         : "without_id";
}

static bool is_listed(const struct kind *k)
{
    return strcmp(k->name, "line_item") != 0 && strcmp(k->name, "contact") != 0;
}

/* On the first page of its list; `page` rows are on it. */
static void spoil_at(const char *place, size_t page)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);
    size_t kind = roll(kind_n), n, at = 0;

    while (!is_listed(&kinds[kind]) || kinds[kind].n < 3) {
        kind = roll(kind_n);
    }
    n = kinds[kind].n < page ? kinds[kind].n : page;
    if (strcmp(place, "alone") == 0 && page > 1) {
        for (size_t i = 1; i < kinds[kind].n; i++) {
            op_on(kinds[kind].name, id_of(row(a, &kinds[kind], i)), "purge",
                  "");
        }
    } else if (strcmp(place, "middle") == 0 && n > 2) {
        at = 1 + roll(n - 2);
    } else if (strcmp(place, "last") == 0) {
        at = n - 1;
    }
    spoil(kind, at, a_form(), "");
}

static size_t page_size(void)
{
    uint64_t n = 200;

    for (size_t i = 0; i < sim_arg_n; i++) {
        if (strncmp(sim_args[i], "page_rows=", 10) == 0 &&
            dr_str_u64(dr_str_z(sim_args[i] + 10), &n)) {
            n = 200;
        }
    }
    return (size_t)n;
}

void poison_start(void)
{
    static const char *const places[] = {"alone", "first", "middle", "last"};
    static const char *const lines[] = {"whole", "truncated", "utf8",
                                        "nul",   "two",       "long"};
    char name[64];

    bad_n = 0;
    for (size_t i = 0; i < DR_ARRAY_LEN(places); i++) {
        (void)snprintf(name, sizeof(name), "poison.%s", places[i]);
        if (drawn(name)) {
            spoil_at(places[i], page_size());
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(lines); i++) {
        (void)snprintf(name, sizeof(name), "line.%s", lines[i]);
        if (drawn(name)) {
            size_t kind = roll(kind_n);
            while (!is_listed(&kinds[kind])) { /* lines have sets, no parts */
                kind = roll(kind_n);
            }
            spoil(kind, roll(kinds[kind].n), a_form(), lines[i]);
        }
    }
}

/* ---- an edit ---- */

struct change {
    const char *id, *flag;        /* NULL: as it is */
    const char *property, *value; /* this one becomes that */
};

static void write_properties(struct dr_json_w *w, const struct dr_json *of,
                             const struct change *c)
{
    dr_json_w_obj(w);
    DR_JSON_EACH(p, of)
    {
        dr_json_w_keys(w, p->key);
        if (dr_str_eqz(p->key, c->property)) {
            dr_json_w_z(w, c->value);
        } else {
            dr_json_w_tree(w, p);
        }
    }
    dr_json_w_end(w);
}

/* A copy with another owner; of a line, at times in another deal. */
static void write_record(struct dr_json_w *w, const struct dr_json *rec,
                         const struct change *c)
{
    char owner[16];

    (void)snprintf(owner, sizeof(owner), "o_%llu",
                   (unsigned long long)(1 + roll(1000)));
    dr_json_w_obj(w);
    DR_JSON_EACH(m, rec)
    {
        bool flagged = c->flag && dr_str_eqz(m->key, c->flag);
        dr_json_w_keys(w, m->key);
        if (dr_str_eqz(m->key, "id") && c->id) {
            dr_json_w_z(w, c->id);
        } else if (dr_str_eqz(m->key, "owner_id")) {
            dr_json_w_z(w, owner);
        } else if (flagged) {
            dr_json_w_raw(w, c->flag[0] == 'c'
                                 ? DR_STR_LIT("{\"code\":\"encoding\","
                                              "\"fields\":[\"notes\"]}")
                                 : DR_STR_LIT("[\"notes\"]"));
        } else if (dr_str_eqz(m->key, "properties") && c->property) {
            write_properties(w, m, c);
        } else {
            dr_json_w_tree(w, m);
        }
    }
    dr_json_w_end(w);
}

/* A stamp in the past, or a change that shows when the tail is long gone. */
static void break_word(struct dr_json_w *w)
{
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "op", "upsert");
    if (roll(2)) {
        dr_json_w_kvi(w, "updated_at_offset_s", -9000000);
        fired("stamp.back_dated");
    } else {
        dr_json_w_kvi(w, "visible_after_s", 1000000000);
        fired("stamp.seen_too_late");
    }
    dr_json_w_key(w, "record");
}

static void save_record(const char *type, const struct dr_json *rec,
                        const struct change *c)
{
    bool breaks = oracle->breaks_word && roll(2);
    char path[200];
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, 1 << 20);
    dr_json_w_init(&w, &b);
    if (breaks) {
        break_word(&w);
    }
    write_record(&w, rec, c);
    if (breaks) {
        dr_json_w_end(&w);
    }
    (void)snprintf(path, sizeof(path), "/sim/admin/%s/" DR_STR_FMT, type,
                   DR_STR_ARG(c->id ? dr_str_z(c->id) : id_of(rec)));
    post(path, &b);
}

/* What FastTrack holds back or has lost, or says the wrong length of. */
static void bad_file(struct change *c)
{
    static const struct {
        const char *knob, *property, *value;
    } ways[] = {{"file.quarantined", "status", "quarantined"},
                {"file.lost", "status", "missing"},
                {"file.other_length", "size", "8"}};
    size_t i = roll(DR_ARRAY_LEN(ways));

    if (drawn(ways[i].knob)) {
        c->property = ways[i].property;
        c->value = ways[i].value;
        fired(ways[i].knob);
    }
}

static void edit_record(struct dr_arena *a, const struct kind *k)
{
    const struct dr_json *rec = some(a, k);
    struct change c = {0};
    char id[32], deal[32];

    if (roll(5) == 0) {
        (void)snprintf(id, sizeof(id), "new_%u", ++oracle->fresh);
        c.id = id;
    }
    if (strcmp(k->name, "line_item") == 0 && roll(2)) {
        (void)snprintf(deal, sizeof(deal), "de_%03llu",
                       (unsigned long long)(1 + roll(40)));
        c.property = "deal_id";
        c.value = deal;
    } else if (strcmp(k->name, "attachment") == 0 && roll(2)) {
        bad_file(&c);
    }
    if (drawn("corrupt.flagged") && roll(4) == 0) {
        c.flag = "corrupt";
        fired("corrupt.flagged");
    } else if (drawn("redacted") && roll(4) == 0) {
        c.flag = "redacted";
        fired("redacted");
    }
    save_record(k->name, rec, &c);
    fired(c.id ? "create" : "edit");
}

static void mend_record(struct dr_arena *a)
{
    if (bad_n > 0) {
        const struct kind *k = &kinds[bad[--bad_n].kind];
        save_record(k->name, row(a, k, bad[bad_n].row), &(struct change){0});
        fired("poison.mended");
    }
}

/* The same person under another id. */
static void recreate(struct dr_arena *a)
{
    const struct dr_json *rec = some(a, kind_named("contact"));
    char id[32];

    (void)snprintf(id, sizeof(id), "again_%u", ++oracle->fresh);
    op_on("contact", id_of(rec), "delete", "");
    save_record("contact", rec, &(struct change){.id = id});
    fired("create.same_mail");
}

static void change_record(struct dr_arena *a, const struct kind *k,
                          const char *op)
{
    struct dr_str id = id_of(some(a, k));
    char more[120] = "";

    if (strcmp(op, "merge") == 0) {
        (void)snprintf(more, sizeof(more), "\"merged_into\":\"" DR_STR_FMT "\"",
                       DR_STR_ARG(id_of(some(a, k))));
    }
    op_on(k->name, id, op, more);
    fired(op);
}

static void edit_ends(struct dr_arena *a)
{
    size_t i = roll(pair_n);
    const struct kind *from, *to;

    for (int n = 0; n < 20 && roll(2) && strcmp(pairs[i].from, "note") != 0 &&
                    strcmp(pairs[i].from, "email") != 0;
         n++) { /* what has files */
        i = roll(pair_n);
    }
    from = kind_named(pairs[i].from);
    to = kind_named(pairs[i].to);
    if (!from || !to) {
        return;
    }
    postf("/sim/admin/associations",
          "{\"op\":\"%s\",\"from_type\":\"%s\",\"to_type\":\"%s\",\"from_id\":"
          "\"" DR_STR_FMT "\",\"to_id\":\"" DR_STR_FMT
          "\",\"type_id\":%llu,\"label\":\"L%llu\",\"category\":\"user\","
          "\"primary\":%s}",
          roll(3) ? "assoc_add" : "assoc_remove", pairs[i].from, pairs[i].to,
          DR_STR_ARG(id_of(some(a, from))), DR_STR_ARG(id_of(some(a, to))),
          (unsigned long long)(1 + roll(3)), (unsigned long long)roll(9),
          roll(2) ? "true" : "false");
    fired("ends_only");
}

static void add_event(void)
{
    bool bad_one = drawn("poison.event") && roll(4) == 0;

    oracle->fresh++;
    postf("/sim/admin/event",
          "{\"id\":\"ev_%s_%u\",\"notification_type\":\"CUSTOM\","
          "\"type\":\"order_placed\",\"contact_id\":\"ct_001\","
          "\"origin\":\"store\",\"occurred_at\":\"2026-01-01T00:00:00Z\","
          "\"schema_version\":1,\"data\":{\"n\":\"%u\"}%s}",
          bad_one ? "bad" : "new", oracle->fresh, oracle->fresh,
          bad_one ? ",\"poison\":true" : "");
}

static void edit_schema(void)
{
    static const struct {
        const char *knob, *head, *tail; /* a number comes between them */
    } changes[] = {
        {"schema.option_add",
         "\"option_add\",\"type\":\"contact\",\"property\":\"lead_source\","
         "\"option\":{\"label\":\"V\",\"value\":\"v",
         "\"}"},
        {"schema.property_add",
         "\"property_add\",\"type\":\"deal\",\"property\":{\"label\":\"P\","
         "\"data_type\":\"string\",\"name\":\"p",
         "\"}"},
        {"schema.property_type",
         "\"property_type\",\"type\":\"company\",\"property\":\"name\","
         "\"new_type\":\"text\",\"n\":",
         ""},
        {"schema.stage_add",
         "\"stage_add\",\"type\":\"deal\",\"pipeline\":\"pl_sales\","
         "\"stage\":{\"label\":\"S\",\"id\":\"st_",
         "\"}"},
    };
    size_t i = roll(DR_ARRAY_LEN(changes));

    if (drawn(changes[i].knob)) {
        postf("/sim/admin/schema", "{\"op\":\"schema\",\"change\":%s%u%s}",
              changes[i].head, ++oracle->fresh, changes[i].tail);
        fired(changes[i].knob);
    }
}

/* The values move with the name; of no record does the version. */
static void rename_property(void)
{
    char was[32] = "job_title";

    if (oracle->renames > 0) {
        (void)snprintf(was, sizeof(was), "job_title_%u", oracle->renames);
    }
    postf("/sim/admin/schema",
          "{\"op\":\"schema\",\"change\":\"property_rename\",\"type\":"
          "\"contact\",\"property\":\"%s\",\"new_name\":\"job_title_%u\"}",
          was, oracle->renames + 1);
    oracle->renames++;
    fired("schema.property_rename");
}

/* The owner is the first: who they are is read at a start alone. */
void damage_item(void)
{
    static const char *const items[] = {
        "\"owner\",\"id\":\"o_2\"",
        "\"property\",\"type\":\"company\",\"id\":\"domain\"",
        "\"pipeline\",\"type\":\"deal\",\"id\":\"pl_sales\"",
        "\"property\",\"type\":\"task\",\"id\":\"subject\"",
    };

    if (oracle->damaged < DR_ARRAY_LEN(items)) {
        postf("/sim/admin/schema",
              "{\"op\":\"schema\",\"change\":\"item_flag\",\"item\":%s}",
              items[oracle->damaged++]);
    }
}

/* What some may not see any more; half of it they may in the end. */
static void hide(struct dr_arena *a, const struct kind *k)
{
    op_on(k->name, id_of(some(a, k)), "hide", "");
}

void one_edit(void)
{
    static const char *const ops[] = {"delete", "merge", "archive", "restore"};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);
    size_t kind = roll(kind_n);

    switch (roll(16)) {
    case 0:
    case 1:
        change_record(a, &kinds[kind], ops[roll(DR_ARRAY_LEN(ops))]);
        break;
    case 2:
        change_record(a, kind_named("contact"),
                      oracle->edits % 8 ? "restore" : "purge");
        break;
    case 3:
    case 4:
    case 5:
        edit_ends(a);
        break;
    case 6:
        add_event();
        break;
    case 7:
        if (drawn("schema.property_rename") && roll(4) == 0) {
            rename_property();
        } else if (drawn("catalogue.damaged") && roll(4) == 0) {
            damage_item();
        } else {
            edit_schema();
        }
        break;
    case 8:
        if (roll(4) == 0) {
            recreate(a);
        } else if (drawn("poison.mended")) {
            mend_record(a);
        }
        break;
    case 9:
        if (drawn("poison.later") && roll(4) == 0) {
            spoil(kind, roll(kinds[kind].n), a_form(), "");
            fired("poison.later");
        } else if (drawn("hidden") && roll(2) &&
                   strcmp(kinds[kind].name, "line_item") != 0) {
            hide(a, &kinds[kind]);
        }
        break;
    default:
        edit_record(a, &kinds[kind]);
        break;
    }
    oracle->edits++;
}

/* ---- many at once ---- */

void flood(void)
{
    static const char *const of[] = {"product", "task",      "contact",
                                     "company", "line_item", "attachment"};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);
    bool huge = drawn("flood.15000");
    const struct kind *k = kind_named(of[huge ? 0 : roll(DR_ARRAY_LEN(of))]);
    size_t page = page_size();
    size_t n = huge ? 15000 : page + 1 + roll(page + 10);
    char more[40];

    (void)snprintf(more, sizeof(more), "\"n\":%zu", n);
    op_on(k->name,
          drawn("flood.edited") ? DR_STR_LIT("nobody") : id_of(some(a, k)),
          "flood", more);
}

/* What lives of a type goes without a word. */
static void purge_all(const char *type, const char *prefix)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    char path[128];
    struct dr_str text;

    (void)snprintf(path, sizeof(path), "/sim/records/%s", type);
    text = dr_arena_dup(a, admin("GET", path, (struct dr_str){0}));
    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        struct dr_str id = id_of(dr_json_parse(a, line, NULL, NULL));
        if (id.n > 0 && dr_str_starts(id, dr_str_z(prefix))) {
            op_on(type, id, "purge", "");
        }
    }
}

void unhide(void)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);

    for (size_t i = 0; drawn("hidden.shown_again") && i < kind_n; i++) {
        for (size_t r = 0; r < kinds[i].n; r += 2) {
            op_on(kinds[i].name, id_of(row(a, &kinds[i], r)), "unhide", "");
        }
        fired("hidden.shown_again");
    }
}

void vanish(void)
{
    static const char *const small[] = {"letter", "meeting", "note", "call"};

    if (drawn("absence.many")) {
        purge_all("task", "flood-");
    }
    if (drawn("absence.whole_object")) {
        purge_all(small[roll(DR_ARRAY_LEN(small))], "");
    }
}

void crowd(void)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);
    char more[40];

    (void)snprintf(more, sizeof(more), "\"n\":%llu",
                   (unsigned long long)(55 + roll(30)));
    op_on("task", id_of(some(a, kind_named("task"))), "flood", more);
}

void tombstones_expire(void)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);

    for (int i = 0; i < 3; i++) {
        const struct kind *k = &kinds[roll(kind_n)];
        op_on(k->name, id_of(some(a, k)), i ? "delete" : "merge",
              i ? "" : "\"merged_into\":\"nobody\"");
    }
    advance(INT64_C(91) * 86400000 + 1000);
    fired("tombstones_expire");
}
