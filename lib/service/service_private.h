/* What the files of the skeleton share. */
#ifndef DROVER_SERVICE_PRIVATE_H
#define DROVER_SERVICE_PRIVATE_H

#include <drover/base/buf.h>
#include <drover/service/service.h>

struct dr_conf *dr_conf_new(const struct dr_conf_key *keys);
/* File first, then the environment, then whether required keys are there and
 * secrets can be read, then what the table cannot say (checks ends with NULL,
 * or is NULL). Each adds the faults that it finds, none ends it. */
void dr_conf_read(struct dr_conf *c, const char *path);
void dr_conf_apply_env(struct dr_conf *c, char *const *environ_);
void dr_conf_finish(struct dr_conf *c);
void dr_conf_check(struct dr_conf *c, dr_conf_check_fn *const *checks);
/* One a line: file, line and key and what to do; at most one of a key. Empty:
 * there are none. */
struct dr_str dr_conf_faults(const struct dr_conf *c);
int dr_conf_set(struct dr_conf *c, struct dr_str key, struct dr_str value,
                struct dr_err *err) DR_MUSTCHECK;
void dr_conf_print(const struct dr_conf *c, struct dr_buf *out);
void dr_conf_help(const struct dr_conf *c, struct dr_buf *out);
void dr_conf_free(struct dr_conf *c);

struct dr_metrics *dr_metrics_new(void);
void dr_metrics_free(struct dr_metrics *m);
void dr_metrics_print(const struct dr_metrics *m, struct dr_buf *out);

#endif
