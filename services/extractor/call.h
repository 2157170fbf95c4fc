/*
 * A call of the contract (4.4) taken apart again: the extractor's steps ask in
 * the contract's words, the door asks the source in its own. Pure.
 */
#ifndef EXTRACTOR_CALL_H
#define EXTRACTOR_CALL_H

#include <stdint.h>

#include "contract.h"

enum call_kind {
    CALL_OTHER, /* the profile has no words for it */
    CALL_ACCOUNT,
    CALL_SCHEMA_OBJECTS,
    CALL_PROPERTIES,
    CALL_SCHEMA_ASSOCIATIONS,
    CALL_CATALOGUE, /* owners, pipelines, currencies, …: whole lists */
    CALL_LIST,
    CALL_INDEX,
    CALL_CHANGES,
    CALL_READ,
    CALL_ONE,
    CALL_ASSOCIATIONS,
    CALL_ASSOCIATION_CHANGES,
    CALL_EVENTS,
};

struct call {
    enum call_kind kind;
    const char *name; /* in the profile's calls{}, or the object's part */
    char object[CONTRACT_ID_MAX + 1], to[CONTRACT_ID_MAX + 1];
    char id[CONTRACT_ID_MAX + 1];
    char after[CONTRACT_AFTER_MAX];
    int64_t limit; /* 0: not said */
    int64_t since_ms, before_ms;
};

/* path?query as contract.c writes it. */
void call_parse(struct dr_str path, struct call *out);

#endif
