/*
 * SQLite, in the few words the books need: the only file that includes it is
 * db.c. Statements are prepared once and found again by their text. Whatever
 * SQLite refuses ends the process (DR_EXIT_FAILURE): the books are a read
 * model, and without the file they are rebuilt from Kafka.
 *
 * Text and blobs of a row are valid until the statement is stepped or asked
 * for again. One thread.
 */
#ifndef DROVER_AUDITOR_DB_H
#define DROVER_AUDITOR_DB_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/str.h>

struct db;
struct query;

/* Opens or makes the file. schema: the statements that make the tables;
 * version: another number in the file means older or newer books: the file is
 * emptied, to be rebuilt. */
struct db *db_open(const char *path, const char *schema, int version);
void db_close(struct db *db);
void db_exec(struct db *db, const char *sql);

/* The statement, reset and without parameters. It must not be in use. */
struct query *db_query(struct db *db, const char *sql);
/* Parameters ?1, ?2, … Values are borrowed until the statement ends. */
void db_text(struct query *q, int at, struct dr_str s);
void db_textz(struct query *q, int at, const char *z);
void db_blob(struct query *q, int at, struct dr_str s);
void db_int(struct query *q, int at, int64_t v);
/* true: a row. false: the end; the statement is then reset. */
bool db_step(struct query *q);
/* Runs a statement that gives no rows. */
void db_run(struct query *q);
/* Rows that the last statement made, changed or took away. */
int64_t db_changes(struct db *db);
/* Ends a statement before its last row. */
void db_end(struct query *q);

struct dr_str db_col(struct query *q, int at); /* text or blob; NULL: empty */
int64_t db_col_int(struct query *q, int at);
bool db_col_null(struct query *q, int at);
/* The one integer of a statement that has one row; 0 without. */
int64_t db_one(struct query *q);

#endif
