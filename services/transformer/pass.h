/*
 * What the transformer does with one message of a pass. Pure: a message and
 * the plan in, messages out. The shell sends them and commits behind them.
 */
#ifndef TRANSFORMER_PASS_H
#define TRANSFORMER_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/buf.h>
#include <drover/base/map.h>
#include <drover/plan/plan.h>

struct pass {
    const struct dr_plan *plan;
    uint32_t number;
    bool sample_only;
    bool other_plans;      /* another one was approved before */
    struct dr_map *sample; /* "<object>:<id>" */
    struct dr_apply_opts opts;
    int partitions;
};

enum out_topic { OUT_LOAD = 1, OUT_REJECTED };

struct out_message {
    enum out_topic topic;
    struct dr_str lane; /* OUT_LOAD */
    int32_t partition;
    struct dr_str key;
    struct dr_env env;
};

/* In the arena of the message. */
struct out_list {
    struct out_message *v;
    size_t n, cap;
};

/* The messages that `env`, read at (topic, partition, offset), becomes. Their
 * strings live in the arena or in env. -1: the arena's budget is used up. */
int pass_step(const struct pass *p, const struct dr_env *env,
              struct dr_str topic, int32_t partition, int64_t offset,
              struct dr_arena *a, struct out_list *out,
              struct dr_err *err) DR_MUSTCHECK;

/* The messages that a deletion becomes once a person lets it through: none in
 * a pass over the sample. */
int pass_removal(const struct pass *p, const struct dr_removal *r,
                 struct dr_arena *a, struct out_list *out,
                 struct dr_err *err) DR_MUSTCHECK;

/* What goes out for a record that used the budget up; needs no arena. `key`
 * holds the message's key and must outlive it. */
void pass_set_aside(const struct pass *p, const struct dr_source *rec,
                    struct dr_str topic, int32_t partition, int64_t offset,
                    struct dr_buf *key, struct out_message *out);

/* What goes out for a message that holds no readable record; `original` is
 * its bytes, `id` its key. `name` and `key` must outlive the message. */
void pass_unreadable(const struct pass *p, struct dr_str object,
                     struct dr_str id, struct dr_str original,
                     struct dr_str topic, int32_t partition, int64_t offset,
                     struct dr_buf *name, struct dr_buf *key,
                     struct out_message *out);

/* True when a record of the source belongs to the pass. */
bool pass_wants(const struct pass *p, const struct dr_source *s);

#endif
