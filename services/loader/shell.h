/* The loader's life: connect to all, loop, leave politely. */
#ifndef DROVER_LOADER_SHELL_H
#define DROVER_LOADER_SHELL_H

struct loader;

void shell_open(struct loader *l);
void shell_run(struct loader *l);
void shell_close(struct loader *l);

#endif
