/* The plain proposal: same names, known standard fields, owners by e-mail,
 * pipelines and stages by name. */
#include "propose_private.h"

#include <string.h>

#include <drover/crypto/crypto.h>

#define TEXT_LIMIT ((size_t)16 << 20)
/* Normalised names and checklist keys of one proposal. */
#define PROPOSE_ARENA ((size_t)1 << 30)

bool wanted(const struct proposing *p, const char *object)
{
    if (p->o->scope_count == 0) { /* all that this source has */
        if (strcmp(object, "event") == 0) {
            return has_events(p);
        }
        return dr_json_get(dr_json_get(p->c->src_schema, "properties"),
                           object) != NULL;
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

static void head(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;

    dr_json_w_obj(w);
    dr_json_w_kvz(w, "format", "drover-plan/1");
    dr_json_w_kv(w, "source_schema_hash", source_schema_hash(p->a, p->c));
    dr_json_w_kv(w, "target_schema_hash", target_schema_hash(p->a, p->c));
    dr_json_w_key(w, "scope");
    dr_json_w_arr(w);
    for (size_t i = 0; i < p->kind_n; i++) {
        if (wanted(p, p->kinds[i].object)) {
            dr_json_w_z(w, p->kinds[i].object);
        }
    }
    dr_json_w_end(w);
}

static void objects(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;

    dr_json_w_key(w, "objects");
    dr_json_w_arr(w);
    for (size_t i = 0; i < p->kind_n; i++) {
        const struct target_kind *k = &p->kinds[i];
        if (!wanted(p, k->object) ||
            (is_event_kind(k) && p->o->events_report)) {
            continue;
        }
        if (is_custom_kind(k)) {
            propose_custom_object(p, k);
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

static const struct dr_json *lead_stage(const struct proposing *p)
{
    const struct dr_json *stages =
        dr_json_get(p->c->dst_selectors, "lifecycle_stages");

    DR_JSON_EACH(s, stages)
    {
        if (dr_str_eqz(dr_json_get_str(s, "type"), "Lead")) {
            return s;
        }
    }
    return by_name(p->a, stages, "name", DR_STR_LIT("Lead"));
}

static void tail(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;
    struct dr_str orphan = p->o->orphan_name.n
                               ? p->o->orphan_name
                               : DR_STR_LIT("Unassigned Account");

    dr_json_w_key(w, "orphans");
    dr_json_w_obj(w);
    dr_json_w_kv(w, "account_name", orphan);
    dr_json_w_key(w, "account_id");
    dr_json_w_str(w,
                  map_text(p->profile->had_accounts, plan_norm(p->a, orphan)));
    dr_json_w_end(w);
    dr_json_w_key(w, "custom_objects");
    dr_json_w_raw(w, dr_arena_printf(p->a, "{" DR_STR_FMT "}",
                                     DR_STR_ARG(dr_buf_view(&p->fates))));
    propose_events(p);
    dr_json_w_kvz(w, "leads", p->classic ? "lead" : "contact");
    dr_json_w_key(w, "lead_stage_id");
    dr_json_w_str(w, p->lead_stage);
    propose_activities(p);
    propose_lines(p);
    propose_files(p);
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

static void open_texts(struct proposing *p)
{
    dr_buf_init(&p->plan_text, TEXT_LIMIT);
    dr_buf_init(&p->list_text, TEXT_LIMIT);
    dr_json_w_init(&p->plan, &p->plan_text);
    dr_json_w_init(&p->list, &p->list_text);
    dr_json_w_obj(&p->list);
    dr_json_w_key(&p->list, "items");
    dr_json_w_arr(&p->list);
}

static int close_texts(struct proposing *p, struct dr_proposal *out,
                       struct dr_err *err)
{
    int rc;

    dr_json_w_end(&p->list);
    dr_json_w_end(&p->list);
    dr_buf_str(&out->checklist, dr_buf_view(&p->list_text));
    rc = p->plan_text.over || p->list_text.over || out->owners.over ||
                 out->duplicates.over
             ? dr_err_set(err, DR_HALT, 0, "plan",
                          "a text of the proposal is larger than 16 MiB")
             : with_hash(p, &out->plan, err);
    dr_buf_done(&p->plan_text);
    dr_buf_done(&p->list_text);
    return rc;
}

/* A name that was mistyped would leave an object out without a word. */
static int check_wishes(const struct proposing *p, struct dr_err *err)
{
    for (size_t i = 0; i < p->o->scope_count; i++) {
        struct dr_str name = p->o->scope[i];
        struct dr_buf known;
        int rc;
        if (kind_in(p->kinds, p->kind_n, name)) {
            continue;
        }
        dr_buf_init(&known, 4096);
        for (size_t k = 0; k < p->kind_n; k++) {
            dr_buf_printf(&known, "%s%s", k > 0 ? ", " : "",
                          p->kinds[k].object);
        }
        rc = dr_err_set(err, DR_REJECT, 0, "scope",
                        "the scope names \"%.*s\", which Drover does not "
                        "carry; it carries " DR_STR_FMT,
                        (int)(name.n < 60 ? name.n : 60), name.n ? name.p : "",
                        DR_STR_ARG(dr_buf_view(&known)));
        dr_buf_done(&known);
        return rc;
    }
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
    p.a = dr_arena_new(PROPOSE_ARENA);
    p.kinds = kinds_of(p.a, c, o, &p.kind_n);
    if (check_wishes(&p, err) || check_fate_wishes(&p, err)) {
        dr_arena_free(p.a);
        return -1;
    }
    p.asked = dr_map_new(NULL);
    p.made = dr_map_new(NULL);
    dr_buf_init(&p.fates, TEXT_LIMIT);
    p.classic =
        dr_str_eqz(dr_json_get_str(c->dst_account, "edition"), "classic");
    p.lead_stage = id_of(lead_stage(&p));
    open_texts(&p);
    head(&p);
    objects(&p);
    propose_pipelines(&p);
    propose_owners(&p, &out->owners);
    propose_currencies(&p);
    propose_hierarchy(&p);
    propose_names(&p, &out->duplicates);
    tail(&p);
    rc = close_texts(&p, out, err);
    dr_buf_done(&p.fates);
    dr_map_free(p.asked);
    dr_map_free(p.made);
    dr_arena_free(p.a);
    return rc;
}
