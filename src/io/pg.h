/* SPDX-License-Identifier: MIT */
/*
 * pg: one blocking Postgres connection.
 *
 *     struct pg pg = {0};
 *     TRY(pg_open(&pg, &(struct pg_target){conninfo, schema}));
 *     PGresult *rows;
 *     TRY(pg_query(&pg, sql_receipt_find, PG_PARAMS(batch_id), &rows));
 *     ...
 *     PQclear(rows);
 *     pg_close(&pg);
 *
 * Every failure comes back as a struct err with its SQLSTATE and the class that the taxonomy gives
 * it (pg_class). A connection belongs to one thread; only pg_cancel may be called from another.
 * search_path is pinned to SCHEMA, pg_temp: unqualified names can't be captured.
 */
#ifndef SPOOLGATE_IO_PG_H
#define SPOOLGATE_IO_PG_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pg_target {
    const char *conninfo; /* URL or key=value; empty means libpq's own defaults */
    const char *schema;   /* quoted by us */
};

#define PG_PREPARED_MAX 32

struct pg {
    PGconn *connection;
    const char
        *prepared[PG_PREPARED_MAX]; /* texts of the statements s0, s1, ... of this connection */
    unsigned prepared_count;
    unsigned connects;   /* how often it was opened */
    const char *who;     /* whose METER_RECONNECTS it counts in; NULL: nobody's */
    int64_t answered_us; /* monotonic: when the server last did */
    pthread_mutex_t cancel_lock;
    PGcancel *cancel; /* guarded by cancel_lock */
    uint64_t
        copy_line; /* of the last failure: the row of the COPY that the server named, 1 the first */
};

void pg_init(struct pg *pg);
/* Connects, or connects again; pg_init must have run once. Through a connection pooler that doesn't
 * keep sessions it fails (io/pooler). */
struct err pg_open(struct pg *pg, const struct pg_target *target);
void pg_close(struct pg *pg); /* may be opened again */
bool pg_is_open(const struct pg *pg);
/* Is the server still there? One round trip, unless it answered within the last second and hasn't
 * hung up since. */
struct err pg_ping(struct pg *pg);
void pg_cancel(struct pg *pg); /* from any thread: breaks off the statement in progress */

/* "host=/run/pg dbname=spool user=ingest": for people and logs, the password left out. Caller
 * frees. */
char *pg_describe(const char *conninfo);

/* Several statements without parameters or rows. */
struct err pg_exec(struct pg *pg, const char *sql);

/* COMMIT, and nothing else that the server might make of it: an aborted transaction answers
 * ROLLBACK. */
struct err pg_commit(struct pg *pg);
void pg_rollback(struct pg *pg); /* whatever the state; a lost connection has rolled back already */

#define PG_PARAMS(...)                                                                        \
    (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)), (const char *const[]) \
    {                                                                                         \
        __VA_ARGS__                                                                           \
    }
#define PG_NO_PARAMS 0, NULL

/* One statement, text parameters (NULL is SQL NULL), text rows. rows may be NULL when none matter;
 * otherwise the caller clears it, and on failure it is NULL. */
struct err pg_query(struct pg *pg, const char *sql, int count, const char *const *params,
                    PGresult **rows);

/* The same for a statement that comes again and again: it is prepared the first time. `sql` is
 * known by its address: a constant that lives as long as the process. */
struct err pg_query_prepared(struct pg *pg, const char *sql, int count, const char *const *params,
                             PGresult **rows);

/* Several statements in one round trip, as pg_query_prepared would run them one after the other:
 * what follows a failure isn't run, and the failure is returned. rows[i] is the caller's to clear,
 * NULL where the statement wasn't reached. */
struct pg_statement {
    const char *sql;
    int count;
    const char *const *params;
};
struct err pg_query_all(struct pg *pg, const struct pg_statement *statements, size_t count,
                        PGresult **rows);

/* After LISTEN: poll pg_socket for reading, but ask pg_heard first, since what came with an answer
 * has been read already. *heard: notifications have come since the last call. */
int pg_socket(const struct pg *pg);
struct err pg_heard(struct pg *pg, bool *heard);

/* COPY ... FROM STDIN: begin, data any number of times, end. end returns the server's row count.
 * After a failure of any of the three, the COPY is over. */
struct err pg_copy_begin(struct pg *pg, const char *sql);
struct err pg_copy_data(struct pg *pg, const void *bytes, size_t len);
struct err pg_copy_end(struct pg *pg, uint64_t *rows);

/* The class of an SQLSTATE. Pure. "" (no answer from the server) is ERR_DATABASE. */
enum err_class pg_class(const char *sqlstate);

#endif
