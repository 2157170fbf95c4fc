/* --once FILE --plan PLAN: prints what one record becomes. */
#ifndef TRANSFORMER_ONCE_H
#define TRANSFORMER_ONCE_H

/* Returns the process's exit code. */
int once(int argc, char **argv);

#endif
