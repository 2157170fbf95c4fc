#include "db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include <drover/base/arena.h>
#include <drover/base/err.h>
#include <drover/base/log.h>
#include <drover/base/map.h>

/* Pages kept in memory; what the file is larger than this is read again. */
#define CACHE "PRAGMA cache_size=-2000"

struct query {
    struct db *db;
    sqlite3_stmt *stmt;
    bool busy;
};

struct db {
    sqlite3 *handle;
    struct dr_map *queries; /* SQL -> struct query * */
};

static void die(struct db *db, const char *what)
{
    int code = sqlite3_errcode(db->handle) & 0xff;

    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        dr_die(DR_EXIT_FAILURE, "books.file",
               "another process has the books open: a migration has one "
               "auditor; stop the other, or name another file");
    }
    dr_die(DR_EXIT_FAILURE, "books",
           "%s: %s. When the disk is sound, delete the file: the books are "
           "rebuilt from Kafka",
           what, sqlite3_errmsg(db->handle));
}

static void query_free(void *p)
{
    struct query *q = p;

    if (q) {
        (void)sqlite3_finalize(q->stmt);
        free(q);
    }
}

void db_exec(struct db *db, const char *sql)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        die(db, sql);
    }
}

static void open_handle(struct db *db, const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;

    if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK) {
        dr_die(DR_EXIT_FAILURE, "books.file",
               "cannot open %s: %s. Name a folder that exists and that the "
               "auditor may write to",
               path, sqlite3_errmsg(db->handle));
    }
    (void)sqlite3_busy_timeout(db->handle, 5000);
    db_exec(db, "PRAGMA journal_mode=WAL");
    db_exec(db, "PRAGMA synchronous=NORMAL");
    db_exec(db, "PRAGMA locking_mode=EXCLUSIVE");
    db_exec(db, CACHE);
}

static void close_handle(struct db *db)
{
    dr_map_free(db->queries);
    db->queries = dr_map_new(query_free);
    (void)sqlite3_close(db->handle);
    db->handle = NULL;
}

static void remove_file(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[4096];

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)remove(name);
    }
}

struct db *db_open(const char *path, const char *schema, int version)
{
    struct db *db = dr_xcalloc(1, sizeof(*db));
    char set[64];
    int64_t have;

    db->queries = dr_map_new(query_free);
    open_handle(db, path);
    have = db_one(db_query(db, "PRAGMA user_version"));
    if (have != 0 && have != version) {
        dr_log(DR_LOG_WARN, "auditor.books_remade",
               "the file has format %d, this auditor writes %d: rebuilding "
               "from Kafka",
               (int)have, version);
        close_handle(db);
        remove_file(path);
        open_handle(db, path);
    }
    db_exec(db, "BEGIN");
    db_exec(db, schema);
    (void)snprintf(set, sizeof(set), "PRAGMA user_version=%d", version);
    db_exec(db, set);
    db_exec(db, "COMMIT");
    return db;
}

void db_close(struct db *db)
{
    if (!db) {
        return;
    }
    close_handle(db);
    dr_map_free(db->queries);
    free(db);
}

struct query *db_query(struct db *db, const char *sql)
{
    struct query *q = dr_map_get(db->queries, dr_str_z(sql));

    if (!q) {
        q = dr_xcalloc(1, sizeof(*q));
        q->db = db;
        if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                               &q->stmt, NULL) != SQLITE_OK) {
            die(db, sql);
        }
        dr_map_put(db->queries, dr_str_z(sql), q);
    }
    DR_ASSERT(!q->busy);
    (void)sqlite3_reset(q->stmt);
    (void)sqlite3_clear_bindings(q->stmt);
    return q;
}

void db_text(struct query *q, int at, struct dr_str s)
{
    if (sqlite3_bind_text64(q->stmt, at, s.p ? s.p : "", s.n, SQLITE_STATIC,
                            SQLITE_UTF8) != SQLITE_OK) {
        die(q->db, "bind");
    }
}

void db_textz(struct query *q, int at, const char *z)
{
    db_text(q, at, dr_str_z(z));
}

void db_blob(struct query *q, int at, struct dr_str s)
{
    if (sqlite3_bind_blob64(q->stmt, at, s.p ? s.p : "", s.n, SQLITE_STATIC) !=
        SQLITE_OK) {
        die(q->db, "bind");
    }
}

void db_int(struct query *q, int at, int64_t v)
{
    if (sqlite3_bind_int64(q->stmt, at, v) != SQLITE_OK) {
        die(q->db, "bind");
    }
}

bool db_step(struct query *q)
{
    switch (sqlite3_step(q->stmt)) {
    case SQLITE_ROW:
        q->busy = true;
        return true;
    case SQLITE_DONE:
        db_end(q);
        return false;
    default:
        die(q->db, sqlite3_sql(q->stmt));
        return false;
    }
}

void db_run(struct query *q)
{
    while (db_step(q)) {
    }
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes(db->handle);
}

void db_end(struct query *q)
{
    q->busy = false;
    (void)sqlite3_reset(q->stmt);
}

struct dr_str db_col(struct query *q, int at)
{
    const void *p = sqlite3_column_blob(q->stmt, at);
    int n = sqlite3_column_bytes(q->stmt, at);

    return (struct dr_str){p ? p : "", n > 0 ? (size_t)n : 0};
}

int64_t db_col_int(struct query *q, int at)
{
    return sqlite3_column_int64(q->stmt, at);
}

bool db_col_null(struct query *q, int at)
{
    return sqlite3_column_type(q->stmt, at) == SQLITE_NULL;
}

int64_t db_one(struct query *q)
{
    int64_t v = 0;

    if (db_step(q)) {
        v = db_col_int(q, 0);
        db_end(q);
    }
    return v;
}
