/*
 * What a record lacks that another pass could give it: a link whose other end
 * was not in the target when it was sent, a parent that was missing, a lead
 * that has become a contact since. Pure.
 */
#ifndef DROVER_AUDITOR_LACKING_H
#define DROVER_AUDITOR_LACKING_H

#include "judge.h"

enum lacking {
    LACKS_NOTHING,
    LACKS_LINKS, /* and could not be written better now */
    LACKS_ONCE,  /* sent again it would have more of them */
};

enum lacking lacking(const struct judge_case *c);

#endif
