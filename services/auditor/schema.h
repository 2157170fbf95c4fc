/* The tables of the books, and the number that stands for this shape of them:
 * a file with another one is made anew from Kafka. */
#ifndef DROVER_AUDITOR_SCHEMA_H
#define DROVER_AUDITOR_SCHEMA_H

#define BOOKS_VERSION 3

extern const char books_schema[];

#endif
