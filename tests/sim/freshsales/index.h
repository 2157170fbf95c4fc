/* The indexes of the store: for store.c and tenant.c. */
#ifndef FS_INDEX_H
#define FS_INDEX_H

#include "fs.h"

struct dr_map *index_new(void);
/* Trimmed, ASCII letters lower-cased: how texts are compared for being
 * unique. */
void index_key(struct dr_str text, struct dr_buf *out);
void index_rec(struct fs *fs, const struct rec *r, bool add);

#endif
