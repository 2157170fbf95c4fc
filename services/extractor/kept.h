/*
 * The refresh token that a source gave in place of the one in the file of
 * source.token_file, in a file of our own (source.refresh_file), so that it
 * outlives a restart. A new one in the token's file counts more.
 */
#ifndef EXTRACTOR_KEPT_H
#define EXTRACTOR_KEPT_H

#include "grant.h"

/* 1: out has it; 0: there is none, or it came in place of another token than
 * the file has now; -1: the file cannot be read, or is none of ours. */
int kept_read(const char *path, const struct grant *g,
              char out[GRANT_TOKEN_MAX + 1], struct dr_err *err) DR_MUSTCHECK;
/* Whole or not at all, also where several processes write at once; on the disk
 * when it returns, readable by this user alone. */
int kept_write(const char *path, const struct grant *g, struct dr_str token,
               struct dr_err *err) DR_MUSTCHECK;

#endif
