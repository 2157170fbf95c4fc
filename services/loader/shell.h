/* The loader's life: connect to all, loop, leave politely. */
#ifndef DROVER_LOADER_SHELL_H
#define DROVER_LOADER_SHELL_H

#include <drover/service/service.h>

struct loader;

/* The values that the table of keys cannot judge. */
extern dr_conf_check_fn *const shell_checks[];

void shell_open(struct loader *l);
void shell_run(struct loader *l);
void shell_close(struct loader *l);

#endif
