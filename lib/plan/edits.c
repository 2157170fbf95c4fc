/* What only a plan that people edited can have wrong: a proposal never has. */
#include "check_private.h"

#include <stdio.h>
#include <string.h>

static const char cure[] = "correct the plan, and put it again";
static const struct dr_str none = {"", 0};

void invalid(struct checking *k, struct dr_str object, struct dr_str field,
             struct dr_str detail)
{
    problem(k, "invalid", object, field, detail, cure);
}

/* ---- the whole ---- */

static bool one_of(struct dr_str s, const char *const *words)
{
    for (; *words; words++) {
        if (dr_str_eqz(s, *words)) {
            return true;
        }
    }
    return false;
}

static void check_word(struct checking *k, const struct dr_json *word,
                       const char *name, const char *const *words)
{
    struct dr_buf list;

    if (one_of(dr_json_str(word), words)) {
        return;
    }
    dr_buf_init(&list, 1024);
    for (size_t i = 0; words[i]; i++) {
        dr_buf_printf(&list, "%s%s", i > 0 ? " or " : "", words[i]);
    }
    invalid(k, none, dr_str_z(name),
            dr_arena_printf(k->a, "it can be " DR_STR_FMT,
                            DR_STR_ARG(dr_buf_view(&list))));
    dr_buf_done(&list);
}

/* A word that may be left out. */
static void check_choice(struct checking *k, const char *member,
                         const char *name, const char *const *words)
{
    const struct dr_json *word =
        dr_json_get(dr_json_get(k->plan->root, member), name);
    char full[64];

    if (word) {
        (void)snprintf(full, sizeof(full), "%s.%s", member, name);
        check_word(k, word, full, words);
    }
}

static void check_files(struct checking *k)
{
    const struct dr_json *files = dr_json_get(k->plan->root, "files");
    const struct dr_json *max = dr_json_get(files, "max_bytes");
    struct dr_str url = dr_json_get_str(files, "source_url");
    uint64_t n;

    if (max && (dr_str_u64(dr_json_scalar(max), &n) || n > DR_FILE_MAX)) {
        invalid(k, none, DR_STR_LIT("files.max_bytes"),
                DR_STR_LIT("not a number of bytes up to 157286400, the "
                           "largest file that Freshsales takes"));
    }
    if (url.n > 0 && (dr_str_find(url, DR_STR_LIT("{id}")) == SIZE_MAX ||
                      !dr_str_starts(url, DR_STR_LIT("https://")))) {
        invalid(k, none, DR_STR_LIT("files.source_url"),
                DR_STR_LIT("not an https address with {id} in it"));
    }
    if ((k->plan->files.too_large == FILE_LINK ||
         k->plan->files.beyond == FILE_LINK) &&
        url.n == 0) {
        invalid(k, none, DR_STR_LIT("files.source_url"),
                DR_STR_LIT("links to files that there is no room for need the "
                           "address of an attachment in FastTrack, with {id} "
                           "in the place of its id"));
    }
}

/* What becomes of calls is said twice: both must say the same. */
static void check_activities(struct checking *k)
{
    static const char *const calls[] = {"sales_activity", "call_log", NULL};
    static const char *const html[] = {"text", "keep", NULL};
    static const char *const longer[] = {"cut", "note", NULL};
    static const char *const large[] = {"note", "link", "skip", NULL};
    static const char *const beyond[] = {"upload", "note", "link", "skip",
                                         NULL};
    static const char *const broken[] = {"note", "reject", NULL};
    static const char *const lines[] = {"reject", "deal", NULL};
    const struct object_plan *call = plan_object(k->plan, DR_STR_LIT("call"));
    bool logs = dr_str_eqz(
        dr_json_get_str(dr_json_get(k->plan->root, "activities"), "call"),
        "call_log");

    check_choice(k, "activities", "call", calls);
    check_choice(k, "activities", "html", html);
    check_choice(k, "activities", "long", longer);
    check_choice(k, "notes", "html", html);
    check_choice(k, "lines", "currency", lines);
    check_choice(k, "files", "too_large", large);
    check_choice(k, "files", "beyond", beyond);
    check_choice(k, "files", "broken", broken);
    check_files(k);
    if (call && dr_str_eqz(call->type, "call_logs") != logs) {
        invalid(k, DR_STR_LIT("call"), DR_STR_LIT("activities.call"),
                DR_STR_LIT("the rows of calls are for the other kind: propose "
                           "the plan with this choice instead"));
    }
}

static void check_ids(struct checking *k, const struct dr_json *map,
                      const char *name)
{
    DR_JSON_EACH(id, map)
    {
        uint64_t n;
        if (dr_str_u64(dr_json_scalar(id), &n) || n == 0) {
            invalid(k, dr_str_z(name), id->key,
                    DR_STR_LIT("the record to merge into is no id of "
                               "Freshsales"));
        }
    }
}

/* The fate and the rows were proposed together: another fate has other rows,
 * and those a proposal makes. */
static void check_fate(struct checking *k, const struct dr_json *j)
{
    const struct custom_plan *c = dr_map_get(k->plan->customs, j->key);
    const struct object_plan *o = plan_object(k->plan, j->key);
    const char *const lane[] = {[FATE_NONE] = "",
                                [FATE_MODULE] = "custom",
                                [FATE_FIELDS] = "link",
                                [FATE_NOTES] = "note",
                                [FATE_SKIP] = ""};

    if (!c || c->fate == FATE_NONE) {
        invalid(k, j->key, DR_STR_LIT("custom_objects"),
                DR_STR_LIT("a custom object becomes module, fields, notes or "
                           "skip"));
    } else if ((c->fate == FATE_SKIP) != !o ||
               (o &&
                (!dr_str_eqz(o->lane, lane[c->fate]) ||
                 (c->fate == FATE_MODULE && !dr_str_eq(o->type, c->entity))))) {
        invalid(k, j->key, DR_STR_LIT("custom_objects"),
                DR_STR_LIT("its rows are those of another fate: propose the "
                           "plan again with this one"));
    }
}

static bool is_left_out(const struct checking *k, struct dr_str object)
{
    const struct custom_plan *c = dr_map_get(k->plan->customs, object);

    return (c && c->fate == FATE_SKIP) ||
           (dr_str_eqz(object, "event") && k->plan->events_report);
}

static void check_decisions(struct checking *k)
{
    static const char *const leads[] = {"lead", "contact", NULL};
    static const char *const unresolved[] = {"park", "fallback", NULL};
    static const char *const policy[] = {"source_wins", NULL};
    static const char *const events[] = {"activities", "report", NULL};
    const struct dr_json *root = k->plan->root;
    const struct dr_json *owners = dr_json_get(root, "owners");
    const struct dr_json *merge = dr_json_get(root, "merge");

    check_activities(k);
    check_word(k, dr_json_get(root, "leads"), "leads", leads);
    check_word(k, dr_json_get(owners, "unresolved"), "owners.unresolved",
               unresolved);
    check_word(k, dr_json_get(merge, "policy"), "merge.policy", policy);
    if (dr_json_get(root, "events")) {
        check_word(k, dr_json_get(dr_json_get(root, "events"), "fate"),
                   "events.fate", events);
    }
    DR_JSON_EACH(c, dr_json_get(root, "custom_objects"))
    {
        check_fate(k, c);
    }
    check_ids(k, dr_json_get(merge, "company"), "company");
    check_ids(k, dr_json_get(merge, "contact"), "contact");
    if (dr_str_eqz(dr_json_get_str(owners, "unresolved"), "fallback") &&
        dr_json_is_null(dr_json_get(owners, "fallback"))) {
        invalid(k, none, DR_STR_LIT("owners.fallback"),
                DR_STR_LIT("no fallback owner is named"));
    }
}

/* ---- the scope ---- */

static size_t entries(const struct checking *k, struct dr_str object)
{
    size_t n = 0;

    DR_JSON_EACH(o, dr_json_get(k->plan->root, "objects"))
    {
        n += dr_str_eq(dr_json_get_str(o, "object"), object);
    }
    return n;
}

static void check_scope(struct checking *k)
{
    const struct dr_json *scope = dr_json_get(k->plan->root, "scope");

    if (!scope || scope->count == 0) {
        invalid(k, none, DR_STR_LIT("scope"),
                DR_STR_LIT("the scope is empty: nothing would be moved"));
    }
    DR_JSON_EACH(s, scope)
    {
        struct dr_str object = dr_json_str(s);
        size_t n = entries(k, object);
        if (!kind_in(k->kinds, k->kind_n, object)) {
            invalid(k, object, DR_STR_LIT("scope"),
                    DR_STR_LIT("Drover carries no such object"));
        } else if (n != 1 && !(n == 0 && is_left_out(k, object))) {
            invalid(k, object, DR_STR_LIT("objects"),
                    n ? DR_STR_LIT("the object is there more than once")
                      : DR_STR_LIT("the object is in the scope and has no "
                                   "rows"));
        }
    }
}

/* ---- rows ---- */

/* A row that fills its target with a value of its own. */
static bool fills(const struct dr_json *row)
{
    struct dr_str xf = dr_json_get_str(row, "transform");

    return dr_json_get_str(row, "target").n > 0 && !dr_str_eqz(xf, "ignore") &&
           !dr_str_eqz(xf, "append");
}

static bool is_special(const struct dr_json *row)
{
    return dr_str_starts(dr_json_get_str(row, "transform"),
                         DR_STR_LIT("special:"));
}

/* Special rows may share a target: a price and its currency. */
static void check_shared(struct checking *k, struct dr_str object,
                         const struct dr_json *row)
{
    for (const struct dr_json *r = row->next; r; r = r->next) {
        if (fills(r) && !(is_special(r) && is_special(row)) &&
            dr_str_eq(dr_json_get_str(r, "target"),
                      dr_json_get_str(row, "target"))) {
            invalid(
                k, object, dr_json_get_str(r, "source"),
                dr_arena_printf(k->a,
                                DR_STR_FMT " goes to the field that " DR_STR_FMT
                                           " goes to: " DR_STR_FMT,
                                DR_STR_ARG(dr_json_get_str(r, "source")),
                                DR_STR_ARG(dr_json_get_str(row, "source")),
                                DR_STR_ARG(dr_json_get_str(row, "target"))));
        }
    }
}

static void check_standard(struct checking *k, const struct dr_json *o,
                           const struct dr_json *row)
{
    struct dr_str object = dr_json_get_str(o, "object");
    struct dr_str target = dr_json_get_str(row, "target");
    const struct target_kind *kind = kind_in(k->kinds, k->kind_n, object);
    const struct dr_json *have =
        target_fields(k->c, dr_json_get_str(o, "target_type"));

    if (is_special(row) || dr_str_starts(target, DR_STR_LIT("cf_")) ||
        (kind &&
         standard_target(rows_of(kind, dr_json_get_str(o, "target_type")),
                         target))) {
        return;
    }
    /* Activities have no definitions that could be read: what every one of a
     * kind gets was proposed with the kind. */
    if (!have && dr_str_eqz(dr_json_get_str(row, "transform"), "const")) {
        return;
    }
    DR_JSON_EACH(f, have)
    {
        if (dr_str_eq(dr_json_get_str(f, "name"), target)) {
            return;
        }
    }
    invalid(k, object, dr_json_get_str(row, "source"),
            dr_arena_printf(k->a, "the target has no field " DR_STR_FMT,
                            DR_STR_ARG(target)));
}

/* Who owns a record and where it carries its id is no choice. */
static void check_own(struct checking *k, const struct dr_json *o)
{
    struct dr_str object = dr_json_get_str(o, "object");
    const struct target_kind *kind = kind_in(k->kinds, k->kind_n, object);

    for (size_t i = 0; kind && i < own_row_count; i++) {
        const struct own_row *own = &own_rows[i];
        bool there = false;
        if (strcmp(rows_of(kind, dr_json_get_str(o, "target_type")),
                   own->object) != 0 ||
            (strcmp(own->special, "id") != 0 &&
             strcmp(own->special, "owner") != 0)) {
            continue;
        }
        DR_JSON_EACH(row, dr_json_get(o, "fields"))
        {
            struct dr_str xf = dr_json_get_str(row, "transform");
            (void)dr_str_split(&xf, ':');
            there |= xf.p && dr_str_eqz(xf, own->special);
        }
        if (!there) {
            invalid(k, object, dr_str_z(own->source),
                    DR_STR_LIT("the row for the record's identity or owner "
                               "was taken out: every record carries both"));
        }
    }
}

/* The same of custom objects, whose rows stand in no table. */
static void check_custom_own(struct checking *k, const struct dr_json *o)
{
    const struct object_plan *op =
        plan_object(k->plan, dr_json_get_str(o, "object"));
    const struct custom_plan *c =
        dr_map_get(k->plan->customs, dr_json_get_str(o, "object"));
    bool id = false, owner = false;

    if (!c || !op || (c->fate != FATE_MODULE && c->fate != FATE_FIELDS)) {
        return;
    }
    for (size_t i = 0; i < op->n; i++) {
        id |= dr_str_eqz(op->rules[i].special, "id");
        owner |= dr_str_eqz(op->rules[i].special, "owner");
    }
    if (!id || (c->fate == FATE_MODULE && !owner)) {
        invalid(k, op->object, id ? DR_STR_LIT("owner_id") : DR_STR_LIT("id"),
                DR_STR_LIT("the row for the record's identity or owner was "
                           "taken out: every record carries both"));
    }
}

void check_edits(struct checking *k)
{
    check_shape(k);
    check_decisions(k);
    check_scope(k);
    DR_JSON_EACH(o, dr_json_get(k->plan->root, "objects"))
    {
        DR_JSON_EACH(row, dr_json_get(o, "fields"))
        {
            if (fills(row)) {
                check_shared(k, dr_json_get_str(o, "object"), row);
                check_standard(k, o, row);
            }
        }
        check_own(k, o);
        check_custom_own(k, o);
    }
}
