/*
 * A file of an export folder. Only what is a plain file is opened: a pipe waits
 * for its other end, and a device may have none.
 */
#ifndef EXTRACTOR_PLAIN_H
#define EXTRACTOR_PLAIN_H

#include <stdbool.h>
#include <stdio.h>

/* NULL: errno says why, as the two below read it. */
FILE *plain_open(const char *path);
/* There is nothing of that name. */
bool plain_is_absent(void);
/* Why it was not opened or read, and what to do. */
void plain_why(char *out, size_t n);

#endif
