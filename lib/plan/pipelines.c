/* Pipelines and stages: one for one, by name. */
#include "propose_private.h"

static const char *forecast_type(const struct dr_json *stage)
{
    if (dr_json_true(dr_json_get(stage, "is_won"))) {
        return "Closed Won";
    }
    return dr_json_true(dr_json_get(stage, "is_closed")) ? "Closed Lost"
                                                         : "Open";
}

/* "0.20" is 20. */
static int64_t percent(struct dr_str s)
{
    int64_t v = 0;
    bool point = false;
    int after = 0;

    for (size_t i = 0; i < s.n && after < 2; i++) {
        if (s.p[i] == '.') {
            point = true;
        } else if (s.p[i] >= '0' && s.p[i] <= '9') {
            v = v * 10 + (s.p[i] - '0');
            after += point;
        }
    }
    for (; after < 2; after++) {
        v *= 10;
    }
    return v;
}

static bool stage_used(struct proposing *p, const struct dr_json *pipeline,
                       const struct dr_json *stage)
{
    struct dr_str key =
        dr_arena_printf(p->a, DR_STR_FMT "\n" DR_STR_FMT,
                        DR_STR_ARG(id_of(pipeline)), DR_STR_ARG(id_of(stage)));

    return !dr_json_true(dr_json_get(stage, "archived")) ||
           dr_map_has(p->profile->stages, key);
}

static bool pipeline_used(struct proposing *p, const struct dr_json *pipeline)
{
    if (!dr_json_true(dr_json_get(pipeline, "archived"))) {
        return true;
    }
    DR_JSON_EACH(s, dr_json_get(pipeline, "stages"))
    {
        if (stage_used(p, pipeline, s) &&
            dr_map_has(p->profile->stages,
                       dr_arena_printf(p->a, DR_STR_FMT "\n" DR_STR_FMT,
                                       DR_STR_ARG(id_of(pipeline)),
                                       DR_STR_ARG(id_of(s))))) {
            return true;
        }
    }
    return false;
}

static void stage_keys(struct dr_json_w *w, const struct dr_json *stage)
{
    dr_json_w_kvi(w, "position", dr_json_get_i64(stage, "order", 1));
    dr_json_w_kvi(w, "probability",
                  percent(dr_json_get_str(stage, "probability")));
    dr_json_w_kvz(w, "forecast_type", forecast_type(stage));
}

static void ask_pipeline(struct proposing *p, const struct dr_json *pipeline)
{
    struct dr_json_w *w = &p->list;

    if (!item_begin(p, "pipeline", DR_STR_LIT("deals"),
                    dr_json_get_str(pipeline, "label"),
                    DR_STR_LIT("a pipeline of the source, with its stages in "
                               "order"))) {
        return;
    }
    dr_json_w_key(w, "stages");
    dr_json_w_arr(w);
    DR_JSON_EACH(s, dr_json_get(pipeline, "stages"))
    {
        if (stage_used(p, pipeline, s)) {
            dr_json_w_obj(w);
            dr_json_w_kv(w, "name", dr_json_get_str(s, "label"));
            stage_keys(w, s);
            dr_json_w_end(w);
        }
    }
    dr_json_w_end(w);
    item_end(p);
}

static void ask_stage(struct proposing *p, const struct dr_json *stage,
                      const struct dr_json *target)
{
    struct dr_str name = dr_json_get_str(target, "name");

    if (!item_begin(p, "stage", DR_STR_LIT("deals"),
                    dr_json_get_str(stage, "label"),
                    dr_arena_printf(p->a,
                                    "a stage of the source that the pipeline "
                                    "\"" DR_STR_FMT "\" lacks",
                                    DR_STR_ARG(name)))) {
        return;
    }
    dr_json_w_kv(&p->list, "pipeline", name);
    stage_keys(&p->list, stage);
    item_end(p);
}

/* null: not there yet. */
static void propose_stages(struct proposing *p, const struct dr_json *pipeline,
                           const struct dr_json *target)
{
    DR_JSON_EACH(s, dr_json_get(pipeline, "stages"))
    {
        const struct dr_json *hit =
            by_name(p->a, dr_json_get(target, "deal_stages"), "name",
                    dr_json_get_str(s, "label"));

        if (!stage_used(p, pipeline, s)) {
            continue;
        }
        dr_json_w_keys(&p->plan, id_of(s));
        if (hit) {
            dr_json_w_str(&p->plan, id_of(hit));
        } else {
            dr_json_w_null(&p->plan);
            if (target) {
                ask_stage(p, s, target);
            }
        }
    }
}

/* What a deal of that stage has when nobody says otherwise. */
static void propose_probabilities(struct proposing *p,
                                  const struct dr_json *pipeline,
                                  const struct dr_json *target)
{
    DR_JSON_EACH(s, dr_json_get(pipeline, "stages"))
    {
        const struct dr_json *hit =
            by_name(p->a, dr_json_get(target, "deal_stages"), "name",
                    dr_json_get_str(s, "label"));
        const struct dr_json *is = dr_json_get(hit, "probability");

        if (stage_used(p, pipeline, s) && dr_json_type(is) == DR_JSON_NUMBER) {
            dr_json_w_keys(&p->plan, id_of(s));
            dr_json_w_str(&p->plan, is->text);
        }
    }
}

void propose_pipelines(struct proposing *p)
{
    const struct dr_json *have =
        dr_json_get(p->c->dst_selectors, "deal_pipelines");

    dr_json_w_key(&p->plan, "pipelines");
    dr_json_w_arr(&p->plan);
    DR_JSON_EACH(j, dr_json_get(p->c->src_pipelines, "deal"))
    {
        const struct dr_json *target =
            by_name(p->a, have, "name", dr_json_get_str(j, "label"));

        if (!wanted(p, "deal") || !pipeline_used(p, j)) {
            continue;
        }
        dr_json_w_obj(&p->plan);
        dr_json_w_kv(&p->plan, "source_id", id_of(j));
        dr_json_w_key(&p->plan, "target_id");
        if (target) {
            dr_json_w_str(&p->plan, id_of(target));
        } else {
            dr_json_w_null(&p->plan);
            ask_pipeline(p, j);
        }
        dr_json_w_key(&p->plan, "stages");
        dr_json_w_obj(&p->plan);
        propose_stages(p, j, target);
        dr_json_w_end(&p->plan);
        dr_json_w_key(&p->plan, "probabilities");
        dr_json_w_obj(&p->plan);
        propose_probabilities(p, j, target);
        dr_json_w_end(&p->plan);
        dr_json_w_end(&p->plan);
    }
    dr_json_w_end(&p->plan);
}
