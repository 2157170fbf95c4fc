/* The tables of the books, and the number that stands for this shape of them:
 * a file with another one is made anew from Kafka. */
#ifndef DROVER_AUDITOR_SCHEMA_H
#define DROVER_AUDITOR_SCHEMA_H

#define BOOKS_VERSION 11

/* landed.slot */
enum landed_slot {
    LANDED_EVIDENCE, /* what a loader found when it said DONE */
    LANDED_BEFORE,   /* was there before the load             */
};

extern const char books_schema[];

#endif
