/* What an export folder is made of, between its drops and its answers. */
#ifndef EXTRACTOR_FOLDER_PRIVATE_H
#define EXTRACTOR_FOLDER_PRIVATE_H

#include "drop.h"
#include "folder.h"

#define FOLDER_ABSENT_MAX ((size_t)256 << 20) /* bytes of ids */

struct folder {
    struct extractor *ex;
    struct drop *drop;
    struct drop *next; /* read, but not taken yet */
    unsigned unpack_ratio;
    int64_t looked_ms, again_ms;
    int64_t noticed_ms; /* when the drop was seen; stamp of its changes */
    bool delta;         /* the drop is offered as changes */
    bool started;
    bool waits; /* it is not, until its absences are answered */
    int64_t pause_ms;
    bool halts;            /* the extractor's halt is ours to end */
    struct dr_str *absent; /* ids of the object that is listed now */
    size_t absent_n;
    struct dr_arena *absent_ids;
};

/* Looks, now and then, whether there is a new drop. */
void folder_look(struct folder *f);

#endif
