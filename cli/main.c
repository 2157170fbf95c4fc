/* drover: drives a migration through its auditor. Contract: cli/README.md. */
#include "shell.h"

int main(int argc, char **argv)
{
    return shell_run(argc, argv);
}
