/* libcurl's start, with memory that is wiped when it is given back. */
#ifndef DROVER_HTTP_MEMORY_PRIVATE_H
#define DROVER_HTTP_MEMORY_PRIVATE_H

#include <drover/base/attrs.h>

/* Once, before anything of libcurl is used. -1: it did not start. */
int memory_start_curl(void) DR_MUSTCHECK;

#endif
