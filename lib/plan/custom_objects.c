/* Custom objects of the source: which fate each is proposed, and its rows. */
#include "propose_private.h"

#include <stdio.h>
#include <string.h>

/* ---- what the schema says ---- */

static const struct dr_json *type_of(const struct proposing *p,
                                     const char *object)
{
    DR_JSON_EACH(t, dr_json_get(p->c->src_schema, "objects"))
    {
        if (dr_str_eqz(dr_json_get_str(t, "type"), object)) {
            return t;
        }
    }
    return NULL;
}

/* "shipment" */
static struct dr_str bare_name(const char *object)
{
    struct dr_str s = dr_str_z(object);

    return dr_str_starts(s, DR_STR_LIT("co_"))
               ? (struct dr_str){s.p + 3, s.n - 3}
               : s;
}

static struct dr_str singular(const struct proposing *p, const char *object)
{
    struct dr_str label = dr_json_get_str(type_of(p, object), "label");

    return label.n > 0 ? label : bare_name(object);
}

static struct dr_str plural(const struct proposing *p, const char *object)
{
    struct dr_str s = dr_json_get_str(type_of(p, object), "label_plural");

    return s.n > 0 ? s : singular(p, object);
}

static const struct dr_json *properties(const struct proposing *p,
                                        const char *object)
{
    return dr_json_get(dr_json_get(p->c->src_schema, "properties"), object);
}

static const struct parentage *parentage(const struct proposing *p,
                                         const char *object)
{
    return dr_map_get(p->profile->parentage, dr_str_z(object));
}

/* 0: no such link; 1: to one; 2: to several. */
static int cardinality(const struct proposing *p, const char *object,
                       size_t parent)
{
    const struct parentage *g = parentage(p, object);
    int out = g && g->of[parent].records > 0 ? 1 : 0;

    DR_JSON_EACH(a, dr_json_get(p->c->src_schema, "associations"))
    {
        if (dr_str_eqz(dr_json_get_str(a, "from"), object) &&
            dr_str_eqz(dr_json_get_str(a, "to"), parent_kinds[parent].object)) {
            bool many = dr_str_ends(dr_json_get_str(a, "cardinality"),
                                    DR_STR_LIT("to_many"));
            out = many ? 2 : out ? out : 1;
        }
    }
    return out;
}

/* ---- the fate ---- */

/* "co_shipment=notes" among the wishes; FATE_NONE: none. */
static enum fate wish_of(const struct proposing *p, const char *object)
{
    for (size_t i = 0; p->o && i < p->o->fate_count; i++) {
        struct dr_str rest = p->o->fates[i];
        struct dr_str name = dr_str_split(&rest, '=');
        if (dr_str_eqz(name, object) && rest.p) {
            return fate_named(rest);
        }
    }
    return FATE_NONE;
}

/* All records that hang on anything hang on this kind, each on its own. */
static const struct parent_kind *single_parent(const struct proposing *p,
                                               const char *object)
{
    const struct parentage *g = parentage(p, object);

    for (size_t k = 0; g && k < PARENT_KINDS; k++) {
        if (g->of[k].records > 0 && g->of[k].most == 1 &&
            g->of[k].records == g->linked) {
            return &parent_kinds[k];
        }
    }
    return NULL;
}

const char *custom_prefix(struct proposing *p, const struct target_kind *k)
{
    return dr_arena_dupz(p->a, bare_name(k->object));
}

static bool fields_fit(struct proposing *p, const struct target_kind *k,
                       const struct custom_fate *f)
{
    struct target_kind of_parent = custom_kind_of(p, k, f);
    struct quota_counts more = {0};
    const char *prefix = p->prefix;
    bool fits;

    quota_add(&more, DR_STR_LIT("text")); /* id     */
    quota_add(&more, DR_STR_LIT("text")); /* origin */
    p->prefix = custom_prefix(p, k);
    DR_JSON_EACH(prop, properties(p, k->object))
    {
        bool there = false;
        const char *type = custom_type(p, &of_parent, prop, &there);
        if (!there) {
            quota_add(&more, dr_str_z(type));
        }
    }
    fits = quota_allows(p, of_parent.type, &more);
    p->prefix = prefix;
    return fits;
}

static void as_module(struct proposing *p, const struct target_kind *k,
                      struct custom_fate *f)
{
    struct dr_str entity = dr_arena_printf(p->a, "cm_" DR_STR_FMT,
                                           DR_STR_ARG(bare_name(k->object)));
    const struct dr_json *module = module_named(
        p->a, p->c, entity, singular(p, k->object), plural(p, k->object));

    f->fate = FATE_MODULE;
    f->there = module != NULL;
    f->entity = module ? dr_json_get_str(module, "entity_name") : entity;
    f->why = module ? "the target has a custom module of this name"
                    : "the target's plan has custom modules";
}

struct custom_fate custom_fate_of(struct proposing *p,
                                  const struct target_kind *k)
{
    struct custom_fate f = {.fate = wish_of(p, k->object),
                            .why = "by decision"};
    const char *why;

    if (f.fate == FATE_MODULE ||
        (f.fate == FATE_NONE && modules_allowed(p->c))) {
        why = f.fate == FATE_MODULE ? f.why : NULL;
        as_module(p, k, &f);
        f.why = why ? why : f.why;
        return f;
    }
    if (f.fate == FATE_NOTES || f.fate == FATE_SKIP) {
        return f;
    }
    f.parent = single_parent(p, k->object);
    if (f.fate == FATE_FIELDS && f.parent) {
        return f;
    }
    f.fate = FATE_FIELDS;
    f.why = "no custom modules in the target's plan, and at most one record "
            "hangs on each parent";
    if (!f.parent) {
        f.fate = FATE_NOTES;
        f.why = "no custom modules in the target's plan, and several records "
                "hang on one parent, or on parents of several kinds";
    } else if (!fields_fit(p, k, &f)) {
        f.fate = FATE_NOTES;
        f.why = "no custom modules in the target's plan, and no room for the "
                "fields on the parent";
    }
    return f;
}

struct target_kind custom_kind_of(struct proposing *p,
                                  const struct target_kind *k,
                                  const struct custom_fate *f)
{
    struct target_kind out = *k;

    switch (f->fate) {
    case FATE_MODULE:
        out.type = dr_arena_dupz(p->a, f->entity);
        out.lane = "custom";
        out.custom = true;
        break;
    case FATE_FIELDS:
        out.type = f->parent ? f->parent->type : "";
        out.lane = "link";
        out.custom = true;
        break;
    case FATE_NOTES:
        out.type = "notes";
        out.lane = "note";
        out.custom = false;
        break;
    case FATE_NONE:
    case FATE_SKIP:
        break;
    }
    return out;
}

/* ---- wishes ---- */

static int bad_wish(struct dr_str wish, const char *why, struct dr_err *err)
{
    return dr_err_set(err, DR_REJECT, 0, "custom_objects", "\"%.*s\": %s",
                      (int)(wish.n < 80 ? wish.n : 80), wish.n ? wish.p : "",
                      why);
}

int check_fate_wishes(struct proposing *p, struct dr_err *err)
{
    for (size_t i = 0; p->o && i < p->o->fate_count; i++) {
        struct dr_str wish = p->o->fates[i], rest = wish;
        struct dr_str name = dr_str_split(&rest, '=');
        const struct target_kind *k = kind_in(p->kinds, p->kind_n, name);
        enum fate f = rest.p ? fate_named(rest) : FATE_NONE;

        if (!k || !is_custom_kind(k)) {
            return bad_wish(wish, "FastTrack has no such custom object", err);
        }
        if (f == FATE_NONE) {
            return bad_wish(wish,
                            "a custom object becomes module, fields, notes or "
                            "skip",
                            err);
        }
        if (f == FATE_MODULE && !modules_allowed(p->c)) {
            return bad_wish(wish,
                            "the target's plan has no custom modules "
                            "(Enterprise has)",
                            err);
        }
        if (f == FATE_FIELDS && !single_parent(p, k->object)) {
            return bad_wish(wish,
                            "several records hang on one parent, or on none "
                            "of one kind: fields of it would overwrite each "
                            "other",
                            err);
        }
    }
    return 0;
}

/* ---- rows ---- */

static void own(struct proposing *p, const struct target_kind *k,
                const char *name, const char *source, struct dr_str target,
                const char *special, const char *type)
{
    struct own_row row = {k->object, name, source, dr_arena_dupz(p->a, target),
                          special,   type};

    propose_own(p, k, &row);
}

/* cf_source_id, or the field that the module has for it. */
static struct dr_str id_field(struct proposing *p, struct dr_str entity)
{
    static const char *const names[] = {"cf_source_id", "source_id",
                                        "external_id", "cf_external_id"};
    char type[128];

    (void)snprintf(type, sizeof(type), DR_STR_FMT, DR_STR_ARG(entity));
    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        if (field_by_name(p->c, type, dr_str_z(names[i]))) {
            return dr_str_z(names[i]);
        }
    }
    return dr_str_z(names[0]);
}

static void ask_link(struct proposing *p, const struct target_kind *k,
                     const struct parent_kind *parent, bool many)
{
    struct dr_str name = {parent->type, strlen(parent->type) - 1};
    struct dr_json_w *w;
    char label[64];

    (void)snprintf(label, sizeof(label), "%.*s", (int)name.n, name.p);
    for (size_t i = 0; label[i]; i++) {
        label[i] = label[i] == '_' ? ' ' : label[i];
    }
    label[0] = (char)(label[0] - 'a' + 'A');
    w = field_begin(p, k->type, name, "lookup");
    if (!w) {
        return;
    }
    dr_json_w_kvz(w, "label", label);
    dr_json_w_kvz(w, "type", "lookup");
    dr_json_w_kvz(w, "relation", parent->type);
    dr_json_w_kvb(w, "multiple", many);
    dr_json_w_end(w);
}

static void link_row(struct proposing *p, const struct target_kind *k,
                     size_t parent)
{
    const struct parent_kind *to = &parent_kinds[parent];
    const struct dr_json *module = module_of(p->c, dr_str_z(k->type));
    int links = cardinality(p, k->object, parent);
    bool many = links == 2;
    struct dr_str target;

    if (links == 0) {
        return;
    }
    target = module_link(p->a, module, to, &many);
    if (target.n == 0) {
        ask_link(p, k, to, many);
        target = dr_arena_printf(p->a, "%.*s%s", (int)strlen(to->type) - 1,
                                 to->type, many ? "_ids" : "_id");
    }
    dr_json_w_obj(&p->plan);
    dr_json_w_kv(&p->plan, "rule",
                 dr_arena_printf(p->a, "%s.%s", k->object, to->object));
    dr_json_w_kv(&p->plan, "source",
                 dr_arena_printf(p->a, "%s_%s", k->object, to->object));
    dr_json_w_kv(&p->plan, "target", target);
    dr_json_w_kvz(&p->plan, "transform", "special:link");
    if (!many) {
        dr_json_w_kvi(&p->plan, "max", 1);
    }
    dr_json_w_end(&p->plan);
}

static void property_rows(struct proposing *p, const struct target_kind *k,
                          struct dr_str name)
{
    bool named = false;

    DR_JSON_EACH(prop, properties(p, k->object))
    {
        if (name.n > 0 && dr_str_eq(dr_json_get_str(prop, "name"), name)) {
            row_begin(p, k, name, "", DR_STR_LIT("name"), "special:name");
            dr_json_w_end(&p->plan);
            named = true;
        } else {
            propose_property(p, k, prop);
        }
    }
    if (name.p && !named) {
        own(p, k, "name", "id", DR_STR_LIT("name"), "name", NULL);
    }
}

static void module_rows(struct proposing *p, const struct target_kind *k)
{
    struct dr_str name =
        dr_json_get_str(type_of(p, k->object), "primary_display");

    own(p, k, "id", "id", id_field(p, dr_str_z(k->type)), "id", "text");
    own(p, k, "created_at", "created_at", DR_STR_LIT("cf_source_created_at"),
        "created_at", "date_time");
    own(p, k, "updated_at", "updated_at", DR_STR_LIT("cf_source_updated_at"),
        "updated_at", "date_time");
    own(p, k, "created_by", "created_by", DR_STR_LIT("cf_source_author"),
        "author", "text");
    own(p, k, "source_owner", "owner_id", DR_STR_LIT("cf_source_owner"),
        "source_owner", "text");
    own(p, k, "archived", "archived", DR_STR_LIT("cf_source_archived"),
        "archived", "checkbox");
    own(p, k, "owner_id", "owner_id", DR_STR_LIT("owner_id"), "owner", NULL);
    for (size_t i = 0; i < PARENT_KINDS; i++) {
        link_row(p, k, i);
    }
    property_rows(p, k, name.n > 0 ? name : DR_STR_LIT(""));
}

static void ask_module(struct proposing *p, const struct target_kind *k,
                       struct dr_str fields)
{
    struct dr_json_w *w = &p->list;

    if (!item_begin(p, "custom_module", dr_str_z(k->type),
                    singular(p, k->object),
                    DR_STR_LIT("a custom module for a custom object of the "
                               "source, with its fields"))) {
        return;
    }
    dr_json_w_kv(w, "singular_name", singular(p, k->object));
    dr_json_w_kv(w, "plural_name", plural(p, k->object));
    dr_json_w_key(w, "fields");
    dr_json_w_raw(w, fields);
    item_end(p);
}

static void new_module_rows(struct proposing *p, const struct target_kind *k)
{
    struct dr_json_w w;
    struct dr_buf fields;

    dr_buf_init(&fields, (size_t)4 << 20);
    dr_json_w_init(&w, &fields);
    dr_json_w_arr(&w);
    p->of_module = &w;
    module_rows(p, k);
    p->of_module = NULL;
    dr_json_w_end(&w);
    ask_module(p, k, dr_buf_view(&fields));
    dr_buf_done(&fields);
}

static void fold_rows(struct proposing *p, const struct target_kind *k)
{
    struct dr_str bare = bare_name(k->object);

    p->prefix = custom_prefix(p, k);
    own(p, k, "id", "id",
        key_of(p, dr_arena_printf(p->a, DR_STR_FMT " source id",
                                  DR_STR_ARG(bare))),
        "id", "text");
    own(p, k, "origin", "created_by",
        key_of(p,
               dr_arena_printf(p->a, DR_STR_FMT " origin", DR_STR_ARG(bare))),
        "origin", "text");
    property_rows(p, k, (struct dr_str){NULL, 0});
    p->prefix = NULL;
}

static void note_rows(struct proposing *p, const struct target_kind *k)
{
    own(p, k, "target", "associations", DR_STR_LIT("targetable_id"), "link",
        NULL);
    property_rows(p, k, (struct dr_str){NULL, 0});
}

static void rows(struct proposing *p, const struct target_kind *k,
                 const struct custom_fate *f)
{
    switch (f->fate) {
    case FATE_MODULE:
        if (f->there) {
            module_rows(p, k);
        } else {
            new_module_rows(p, k);
        }
        break;
    case FATE_FIELDS:
        fold_rows(p, k);
        break;
    case FATE_NOTES:
        note_rows(p, k);
        break;
    case FATE_NONE:
    case FATE_SKIP:
        break;
    }
}

/* The entry of custom_objects, kept until objects[] is at its end. */
static void keep_fate(struct proposing *p, const struct target_kind *k,
                      const struct custom_fate *f)
{
    struct dr_json_w w;
    struct dr_buf one;

    dr_buf_init(&one, (size_t)64 << 10);
    dr_json_w_init(&w, &one);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, k->object);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "fate", fate_name(f->fate));
    if (f->fate == FATE_MODULE) {
        dr_json_w_kv(&w, "entity", f->entity);
    }
    if (f->fate == FATE_FIELDS && f->parent) {
        dr_json_w_kvz(&w, "parent", f->parent->object);
    }
    dr_json_w_kvz(&w, "reason", f->why);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    /* the member alone, without the braces around it */
    dr_buf_z(&p->fates, p->fates.n > 0 ? "," : "");
    if (one.n > 2) {
        dr_buf_add(&p->fates, one.p + 1, one.n - 2);
    }
    dr_buf_done(&one);
}

void propose_custom_object(struct proposing *p, const struct target_kind *k)
{
    struct custom_fate f = custom_fate_of(p, k);
    struct target_kind as = custom_kind_of(p, k, &f);
    struct dr_json_w *w = &p->plan;

    keep_fate(p, k, &f);
    if (f.fate == FATE_SKIP) {
        return;
    }
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "object", as.object);
    dr_json_w_kvz(w, "target_type", as.type);
    dr_json_w_kvz(w, "lane", as.lane);
    dr_json_w_key(w, "fields");
    dr_json_w_arr(w);
    rows(p, &as, &f);
    dr_json_w_end(w);
    dr_json_w_end(w);
}
