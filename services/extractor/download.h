/*
 * A file that the source gives an address for, into a file of ours and hashed
 * on the way: from a host that files_address allows, without the token, and no
 * redirect is followed.
 */
#ifndef EXTRACTOR_DOWNLOAD_H
#define EXTRACTOR_DOWNLOAD_H

#include <stdint.h>
#include <stdio.h>

#include "extractor.h"

enum download_result {
    DOWNLOAD_OK,
    DOWNLOAD_EXPIRED, /* 401, 403, 404, 410: ask for another address */
    DOWNLOAD_BROKEN,  /* cut, too long, a status that is no answer   */
    DOWNLOAD_REFUSED, /* the address leads where it must not: err    */
    DOWNLOAD_STOPPED,
};

struct downloaded {
    uint64_t bytes;
    char sha256[65];
};

/* At most max_bytes; out is written from its start. */
enum download_result download(struct extractor *ex, struct dr_str url,
                              uint64_t max_bytes, FILE *out,
                              struct downloaded *got, struct dr_err *err);

#endif
