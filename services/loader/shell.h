/* The loader's life: connect to all, loop, leave politely. */
#ifndef DROVER_LOADER_SHELL_H
#define DROVER_LOADER_SHELL_H

#include <drover/base/attrs.h>
#include <drover/base/err.h>

struct loader;
struct dr_conf;

/* The values that the table of keys cannot judge; -1: err says which. */
int shell_check(const struct dr_conf *c, struct dr_err *err) DR_MUSTCHECK;

void shell_open(struct loader *l);
void shell_run(struct loader *l);
void shell_close(struct loader *l);

#endif
