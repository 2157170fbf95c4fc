/* What the files of the skeleton share. */
#ifndef DROVER_SERVICE_PRIVATE_H
#define DROVER_SERVICE_PRIVATE_H

#include <drover/base/buf.h>
#include <drover/service/service.h>

struct dr_conf *dr_conf_new(const struct dr_conf_key *keys);
/* File first (NULL: none), then the environment. Errors name file, line and
 * key and say what to do. */
int dr_conf_read(struct dr_conf *c, const char *path,
                 struct dr_err *err) DR_MUSTCHECK;
int dr_conf_apply_env(struct dr_conf *c, char *const *environ_,
                      struct dr_err *err) DR_MUSTCHECK;
/* Required keys are there, secrets can be read. */
int dr_conf_finish(struct dr_conf *c, struct dr_err *err) DR_MUSTCHECK;
int dr_conf_set(struct dr_conf *c, struct dr_str key, struct dr_str value,
                struct dr_err *err) DR_MUSTCHECK;
void dr_conf_print(const struct dr_conf *c, struct dr_buf *out);
void dr_conf_help(const struct dr_conf *c, struct dr_buf *out);
void dr_conf_free(struct dr_conf *c);

struct dr_metrics *dr_metrics_new(void);
void dr_metrics_free(struct dr_metrics *m);
void dr_metrics_print(const struct dr_metrics *m, struct dr_buf *out);

#endif
