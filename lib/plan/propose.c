/* The plain proposal: same names, known standard fields, owners by e-mail,
 * pipelines and stages by name. */
#include "propose_private.h"

#include <string.h>

#include <drover/crypto/crypto.h>

#define TEXT_LIMIT ((size_t)16 << 20)

const struct target_kind target_kinds[] = {
    {"company", "sales_accounts", "account", true},
    {"contact", "contacts", "contact", true},
    {"deal", "deals", "deal", true},
    {"product", "products", "product", false},
    {"line_item", "deals", "deal_product", false},
    {"task", "tasks", "activity", false},
};
const size_t target_kind_count = DR_ARRAY_LEN(target_kinds);

bool wanted(const struct proposing *p, const char *object)
{
    if (p->o->scope_count == 0) {
        return true;
    }
    for (size_t i = 0; i < p->o->scope_count; i++) {
        if (dr_str_eqz(p->o->scope[i], object)) {
            return true;
        }
    }
    return false;
}

void dr_proposal_init(struct dr_proposal *p)
{
    dr_buf_init(&p->plan, TEXT_LIMIT);
    dr_buf_init(&p->checklist, TEXT_LIMIT);
    dr_buf_init(&p->owners, TEXT_LIMIT);
    dr_buf_init(&p->duplicates, TEXT_LIMIT);
}

void dr_proposal_done(struct dr_proposal *p)
{
    dr_buf_done(&p->plan);
    dr_buf_done(&p->checklist);
    dr_buf_done(&p->owners);
    dr_buf_done(&p->duplicates);
}

void item_begin(struct proposing *p, const char *kind, struct dr_str entity,
                struct dr_str name, struct dr_str detail)
{
    dr_json_w_obj(&p->list);
    dr_json_w_kvz(&p->list, "kind", kind);
    dr_json_w_kv(&p->list, "entity", entity);
    dr_json_w_kv(&p->list, "name", name);
    dr_json_w_kv(&p->list, "detail", detail);
    dr_json_w_kvz(&p->list, "status", "missing");
}

/* Over the canonical form of what a plan depends on. */
static void schema_hash(struct dr_json_w *w, const char *key,
                        const struct dr_json *const *parts, size_t n)
{
    struct dr_hash h;
    uint8_t out[32];
    char text[72] = "sha256:";
    struct dr_buf b;

    dr_hash_init(&h);
    dr_buf_init(&b, (size_t)64 << 20);
    for (size_t i = 0; i < n; i++) {
        dr_buf_reset(&b);
        dr_json_canonical(&b, parts[i]);
        dr_hash_part(&h, dr_buf_view(&b));
    }
    dr_buf_done(&b);
    dr_hash_final(&h, out);
    dr_hex(out, 32, text + 7);
    dr_json_w_kvz(w, key, text);
}

static void source_hash_row(struct dr_json_w *w, const struct dr_catalogs *c)
{
    const struct dr_json *parts[] = {dr_json_get(c->src_schema, "properties"),
                                     c->src_pipelines};

    schema_hash(w, "source_schema_hash", parts, DR_ARRAY_LEN(parts));
}

static void target_hash_row(struct dr_json_w *w, const struct dr_catalogs *c)
{
    const struct dr_json *parts[] = {
        c->dst_fields, dr_json_get(c->dst_selectors, "deal_pipelines"),
        dr_json_get(c->dst_selectors, "currencies")};

    schema_hash(w, "target_schema_hash", parts, DR_ARRAY_LEN(parts));
}

static void head(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;

    dr_json_w_obj(w);
    dr_json_w_kvz(w, "format", "drover-plan/1");
    source_hash_row(w, p->c);
    target_hash_row(w, p->c);
    dr_json_w_key(w, "scope");
    dr_json_w_arr(w);
    for (size_t i = 0; i < target_kind_count; i++) {
        if (wanted(p, target_kinds[i].object)) {
            dr_json_w_z(w, target_kinds[i].object);
        }
    }
    dr_json_w_end(w);
}

static void objects(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;

    dr_json_w_key(w, "objects");
    dr_json_w_arr(w);
    for (size_t i = 0; i < target_kind_count; i++) {
        const struct target_kind *k = &target_kinds[i];
        if (!wanted(p, k->object)) {
            continue;
        }
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "object", k->object);
        dr_json_w_kvz(w, "target_type", k->type);
        dr_json_w_kvz(w, "lane", k->lane);
        dr_json_w_key(w, "fields");
        dr_json_w_arr(w);
        propose_fields(p, k);
        dr_json_w_end(w);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void tail(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;
    struct dr_str orphan = p->o->orphan_name.n
                               ? p->o->orphan_name
                               : DR_STR_LIT("Unassigned Account");
    bool classic =
        dr_str_eqz(dr_json_get_str(p->c->dst_account, "edition"), "classic");

    dr_json_w_key(w, "orphans");
    dr_json_w_obj(w);
    dr_json_w_kv(w, "account_name", orphan);
    dr_json_w_key(w, "account_id");
    dr_json_w_str(w,
                  map_text(p->profile->had_accounts, plan_norm(p->a, orphan)));
    dr_json_w_end(w);
    dr_json_w_kvz(w, "leads", classic ? "lead" : "contact");
    dr_json_w_key(w, "files");
    dr_json_w_obj(w);
    dr_json_w_end(w);
    dr_json_w_end(w);
}

/* The hash stands behind "format": the file reads from the top. */
static int with_hash(struct proposing *p, struct dr_buf *out,
                     struct dr_err *err)
{
    static const char mark[] = "{\"format\":\"drover-plan/1\",";
    struct dr_plan *plan = dr_plan_parse(dr_buf_view(&p->plan_text), err);
    char hex[65];

    if (!plan) {
        return -1;
    }
    dr_hex(plan->hash, 32, hex);
    dr_plan_free(plan);
    dr_buf_z(out, mark);
    dr_buf_printf(out, "\"hash\":\"sha256:%s\",", hex);
    dr_buf_add(out, p->plan_text.p + sizeof(mark) - 1,
               p->plan_text.n - (sizeof(mark) - 1));
    return 0;
}

int dr_plan_propose(const struct dr_profile *profile,
                    const struct dr_catalogs *c,
                    const struct dr_propose_opts *o, struct dr_proposal *out,
                    struct dr_err *err)
{
    struct proposing p = {.profile = profile, .c = c, .o = o};
    int rc;

    if (!c->src_schema || !c->dst_fields || !c->dst_selectors) {
        return dr_err_set(err, DR_RETRY, 0, "plan",
                          "the catalogues of both CRMs are not read yet");
    }
    p.a = dr_arena_new((size_t)512 << 20);
    dr_buf_init(&p.plan_text, TEXT_LIMIT);
    dr_buf_init(&p.list_text, TEXT_LIMIT);
    dr_json_w_init(&p.plan, &p.plan_text);
    dr_json_w_init(&p.list, &p.list_text);
    dr_json_w_obj(&p.list);
    dr_json_w_key(&p.list, "items");
    dr_json_w_arr(&p.list);
    head(&p);
    objects(&p);
    propose_pipelines(&p);
    propose_owners(&p, &out->owners);
    propose_currencies(&p);
    propose_names(&p, &out->duplicates);
    tail(&p);
    dr_json_w_end(&p.list);
    dr_json_w_end(&p.list);
    dr_buf_str(&out->checklist, dr_buf_view(&p.list_text));
    rc = p.plan_text.over || p.list_text.over
             ? dr_err_set(err, DR_HALT, 0, "plan", "larger than 16 MiB")
             : with_hash(&p, &out->plan, err);
    dr_buf_done(&p.plan_text);
    dr_buf_done(&p.list_text);
    dr_arena_free(p.a);
    return rc;
}

/* ---- check ---- */

struct checking {
    struct dr_json_w w;
    size_t n;
};

static void problem(struct checking *c, const char *code, struct dr_str object,
                    struct dr_str field, const char *detail, const char *cure)
{
    dr_json_w_obj(&c->w);
    dr_json_w_kvz(&c->w, "code", code);
    dr_json_w_kv(&c->w, "object", object);
    dr_json_w_kv(&c->w, "field", field);
    dr_json_w_kvz(&c->w, "detail", detail);
    dr_json_w_kvz(&c->w, "cure", cure);
    dr_json_w_end(&c->w);
    c->n++;
}

static bool hash_differs(const struct dr_catalogs *c,
                         void (*row)(struct dr_json_w *,
                                     const struct dr_catalogs *),
                         struct dr_str said)
{
    struct dr_json_w w;
    struct dr_buf b;
    bool differs;

    dr_buf_init(&b, 4096);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    row(&w, c);
    dr_json_w_end(&w);
    differs = said.n == 0 || dr_str_find(dr_buf_view(&b), said) == SIZE_MAX;
    dr_buf_done(&b);
    return differs;
}

static void check_targets(struct checking *k, const struct dr_plan *p,
                          const struct dr_catalogs *c)
{
    for (size_t i = 0; i < p->object_n; i++) {
        const struct object_plan *o = &p->objects[i];
        for (size_t r = 0; r < o->n; r++) {
            bool there = false;
            if (!dr_str_starts(o->rules[r].target, DR_STR_LIT("cf_"))) {
                continue;
            }
            DR_JSON_EACH(f, dr_json_gets(c->dst_fields, o->type))
            {
                there |=
                    dr_str_eq(dr_json_get_str(f, "name"), o->rules[r].target);
            }
            if (!there) {
                problem(k, "missing_field", o->object, o->rules[r].target,
                        "the target has no such custom field",
                        "create it as the checklist says, then `drover "
                        "ready`");
            }
        }
    }
}

static void check_pipelines(struct checking *k, const struct dr_plan *p)
{
    struct dr_str id;
    void *value;
    size_t at = 0;

    while (dr_map_next(p->pipelines, &at, &id, &value)) {
        const struct pipeline_plan *pp = value;
        if (pp->target.n == 0) {
            problem(k, "missing_pipeline", DR_STR_LIT("deal"), id,
                    "the target has no pipeline of this name",
                    "create it as the checklist says, then propose again");
        }
    }
}

size_t dr_plan_check(const struct dr_plan *p, const struct dr_catalogs *c,
                     struct dr_buf *problems_json)
{
    struct checking k = {.n = 0};
    struct dr_str none = {"", 0};

    dr_json_w_init(&k.w, problems_json);
    dr_json_w_arr(&k.w);
    if (hash_differs(c, source_hash_row, p->source_schema_hash)) {
        problem(&k, "source_schema", none, none,
                "the plan was made for another source schema",
                "propose the plan again and approve the new one");
    }
    if (hash_differs(c, target_hash_row, p->target_schema_hash)) {
        problem(&k, "target_schema", none, none,
                "the plan was made for another state of the target's set-up",
                "propose the plan again and approve the new one");
    }
    check_targets(&k, p, c);
    check_pipelines(&k, p);
    dr_json_w_end(&k.w);
    return k.n;
}
