/*
 * The classes of what is set aside: `class` of a Rejected, and of a line of
 * rejected.ndjson. Whoever gives one to a record names it here, with what is to
 * be done where nothing better is said; tests/support/classes_test.py holds the
 * sources against the table.
 */
#ifndef DROVER_WIRE_CLASSES_H
#define DROVER_WIRE_CLASSES_H

#include <stddef.h>

#include <drover/base/str.h>

struct dr_class {
    const char *name, *cure;
};

/* In the order of their names. */
extern const struct dr_class dr_classes[];
extern const size_t dr_class_count;

/* NULL: there is no such class. */
const struct dr_class *dr_class_named(struct dr_str name);

#endif
