/*
 * What people want of a proposal: the body of POST /v1/plan/propose, kept so
 * that the readiness check proposes by the same wishes. Pure.
 */
#ifndef DROVER_AUDITOR_WISHES_H
#define DROVER_AUDITOR_WISHES_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/err.h>
#include <drover/json/json.h>
#include <drover/plan/plan.h>

#define WISHES_SCOPE 64
#define WISHES_FATES 32

struct wishes {
    uint64_t fallback_owner, house_owner;
    uint64_t file_max_bytes, storage_bytes;
    struct dr_str orphan_name;
    struct dr_str scope[WISHES_SCOPE], fates[WISHES_FATES];
    size_t scope_count, fate_count;
    bool calls_as_logs, html_keep, long_notes, events_report, lines_as_deal;
    /* NULL: the default */
    const char *files_too_large, *files_beyond, *files_broken;
};

/* The strings live in j, which may be NULL: no wishes. */
int wishes_parse(const struct dr_json *j, struct wishes *out,
                 struct dr_err *err) DR_MUSTCHECK;
void wishes_write(const struct wishes *w, struct dr_json_w *j);
/* The lists live in w. */
struct dr_propose_opts wishes_opts(const struct wishes *w);

#endif
