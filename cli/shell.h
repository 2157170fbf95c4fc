/* The process: settings, terminal, signals, output. */
#ifndef DROVER_CLI_SHELL_H
#define DROVER_CLI_SHELL_H

#include "cli.h"

/* Does what the command line says; returns the exit code. */
int shell_run(int argc, char *const *argv);

#endif
