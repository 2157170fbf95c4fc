/* How the rows of the attribute tables are written. */
#ifndef FRESHSALES_ATTRS_H
#define FRESHSALES_ATTRS_H

#include "store.h"

#define NUL "null"
#define KEPT(name, kind)                  \
    {                                     \
        name, kind, NULL, NULL, NUL, NULL \
    }
#define TEXT(name) KEPT(name, A_TEXT)
#define SELECT(name, include, of)              \
    {                                          \
        name, A_SELECT, include, of, NUL, NULL \
    }
#define FIXED(name, json)                        \
    {                                            \
        name, A_READONLY, NULL, NULL, json, NULL \
    }
#define SHOWN(name, show)                       \
    {                                           \
        name, A_READONLY, NULL, NULL, NUL, show \
    }
#define HIDDEN(name, kind, include, json)     \
    {                                         \
        name, kind, include, NULL, json, NULL \
    }
#define HIDDEN_SHOWN(name, include, show)           \
    {                                               \
        name, A_READONLY, include, NULL, "[]", show \
    }
#define CLASSIC "@classic" /* shown in that edition only */
#define END                                 \
    {                                       \
        NULL, A_RAW, NULL, NULL, NULL, NULL \
    }
#define ADMIN "@admin" /* shown by the admin port only */
/* What only its target tells (reference 7 to 10). */
#define TARGETS                                           \
    {                                                     \
        "targetables", A_READONLY, NULL, NULL, "[]", NULL \
    }

#endif
