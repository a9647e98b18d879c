/* SPDX-License-Identifier: MIT */
#include "io/pg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/meter.h"
#include "base/pulse.h"
#include "base/sql.h"
#include "base/time.h"
#include "io/pooler.h"

/* Whoever waits for the server isn't stuck. */
#define SERVER(call)                  \
    ({                                \
        pulse_wait();                 \
        __auto_type answer_ = (call); \
        pulse_go_on();                \
        answer_;                      \
    })

/*
 * What the server says of the rows rejects the rows. What it says of anything else (its own health,
 * our permissions, a missing table, and every code that is not named here) is the environment: the
 * batch is held, because holding loses nothing and an operator can still park it.
 */
enum err_class pg_class(const char *sqlstate)
{
    static const char *const row_classes[] = {"22", "23", "44"};
    if (strcmp(sqlstate, "22P03") == 0) /* our binary form isn't the column's: so it is for all */
        return ERR_DATABASE;
    if (strcmp(sqlstate, "P0001") == 0) /* RAISE EXCEPTION in somebody's trigger */
        return ERR_ROW;
    for (size_t i = 0; i < sizeof row_classes / sizeof *row_classes; i++)
        if (strncmp(sqlstate, row_classes[i], 2) == 0)
            return ERR_ROW;
    return ERR_DATABASE;
}

/* CONTEXT says `COPY metrics, line 17, column ts`, in the server's language: the number after the
 * first comma. It is a hint: whoever uses it tries the row by itself. */
static uint64_t copy_line(const char *context)
{
    const char *at = context && strncmp(context, "COPY ", 5) == 0 ? strchr(context, ',') : NULL;
    size_t skip = at ? strcspn(at, "0123456789") : 0;
    return at ? strtoull(at + skip, NULL, 10) : 0;
}

/* From a result, or, where there is none, from the connection. */
static struct err server_error(struct pg *pg, const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    pg->copy_line = copy_line(result ? PQresultErrorField(result, PG_DIAG_CONTEXT) : NULL);
    if (!state)
        return err_make(ERR_DATABASE, "database: %s", PQerrorMessage(pg->connection));
    struct err e = err_make(pg_class(state), "database: %s%s%s (SQLSTATE %s)", text ? text : "",
                            detail ? ": " : "", detail ? detail : "", state);
    (void)snprintf(e.sqlstate, sizeof e.sqlstate, "%s", state);
    return e;
}

static struct err take_rows(struct pg *pg, PGresult *result, PGresult **rows)
{
    ExecStatusType status = PQresultStatus(result);
    if (rows)
        *rows = NULL;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        struct err e = server_error(pg, result);
        PQclear(result);
        return e;
    }
    pg->answered_us = time_monotonic();
    if (rows)
        *rows = result;
    else
        PQclear(result);
    return ERR_OK;
}

void pg_init(struct pg *pg)
{
    *pg = (struct pg){0};
    (void)pthread_mutex_init(&pg->cancel_lock, NULL);
}

static void set_cancel(struct pg *pg, PGcancel *cancel)
{
    (void)pthread_mutex_lock(&pg->cancel_lock);
    PGcancel *old = pg->cancel;
    pg->cancel = cancel;
    (void)pthread_mutex_unlock(&pg->cancel_lock);
    PQfreeCancel(old);
}

/* *pid: of the server process, as the server says. */
static struct err set_up_session(struct pg *pg, const char *schema, int *pid)
{
    struct buf sql = {0};
    PGresult *rows;
    buf_str(&sql, "SET search_path = ");
    sql_identifier(&sql, schema);
    buf_str(&sql, ", pg_temp; SET client_min_messages = warning; SET TimeZone = 'UTC';"
                  " SET DateStyle = ISO; SET IntervalStyle = iso_8601; SET bytea_output = hex;"
                  " SET standard_conforming_strings = on; SELECT pg_backend_pid()");
    struct err e = take_rows(pg, SERVER(PQexec(pg->connection, buf_cstr(&sql))), &rows);
    if (!err_is(&e))
        *pid = (int)strtol(PQgetvalue(rows, 0, 0), NULL, 10);
    PQclear(rows);
    buf_free(&sql);
    return e;
}

/* A dead peer must be noticed without a timer of ours: keepalives and tcp_user_timeout do that.
 * What the operator writes into the conninfo wins over these, since dbname is expanded in its
 * place. */
static PGconn *connect_with_defaults(const char *conninfo)
{
    static const char *const keys[] = {
        "connect_timeout",  "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "fallback_application_name",
        "client_encoding",  "dbname",           NULL};
    const char *values[] = {"10", "30", "10", "3", "60000", "spoolgate", "UTF8", conninfo, NULL};
    return SERVER(PQconnectdbParams(keys, values, 1));
}

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* libpq quotes the piece that it can't parse, which may be the password: say less. */
static struct err check_conninfo(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    bool good = options != NULL;
    PQconninfoFree(options);
    return good ? ERR_OK
                : err_make(ERR_CONFIG, "the database's connection string can't be parsed: neither "
                                       "key=value pairs nor a postgresql:// URL");
}

struct err pg_open(struct pg *pg, const struct pg_target *target)
{
    pg_close(pg);
    TRY(check_conninfo(target->conninfo));
    pg->connection = connect_with_defaults(target->conninfo);
    if (PQstatus(pg->connection) != CONNECTION_OK) {
        struct err e = err_make(ERR_DATABASE, "%s", PQerrorMessage(pg->connection));
        pg_close(pg);
        return e;
    }
    (void)PQsetNoticeProcessor(pg->connection, ignore_notice, NULL);
    set_cancel(pg, PQgetCancel(pg->connection));
    pg->connects++;
    if (pg->who)
        meter_add(METER_RECONNECTS, METER_LABELS(pg->who), pg->connects > 1);
    int pid = 0;
    struct err e = set_up_session(pg, target->schema, &pid);
    if (!err_is(&e))
        e = SERVER(pooler_check(pg->connection, pid, target->conninfo));
    if (err_is(&e))
        pg_close(pg);
    return e;
}

void pg_close(struct pg *pg)
{
    set_cancel(pg, NULL);
    PQfinish(pg->connection);
    pg->connection = NULL;
    pg->prepared_count = 0;
}

bool pg_is_open(const struct pg *pg)
{
    return pg->connection && PQstatus(pg->connection) == CONNECTION_OK;
}

/* A byte that waits may be the server's farewell. */
static bool is_quiet(const struct pg *pg)
{
    char byte;
    return recv(PQsocket(pg->connection), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

struct err pg_ping(struct pg *pg)
{
    bool is_recent = time_monotonic() - pg->answered_us < TIME_US_PER_S;
    return is_recent && is_quiet(pg) ? ERR_OK : pg_exec(pg, "SELECT 1");
}

void pg_cancel(struct pg *pg)
{
    char problem[256];
    (void)pthread_mutex_lock(&pg->cancel_lock);
    if (pg->cancel)
        (void)PQcancel(pg->cancel, problem, sizeof problem);
    (void)pthread_mutex_unlock(&pg->cancel_lock);
}

char *pg_describe(const char *conninfo)
{
    static const char *const shown[] = {"host", "hostaddr", "port", "dbname", "user", "service"};
    struct buf text = {0};
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    for (size_t i = 0; options && i < sizeof shown / sizeof *shown; i++)
        for (const PQconninfoOption *o = options; o->keyword; o++)
            if (o->val && *o->val && strcmp(o->keyword, shown[i]) == 0)
                buf_printf(&text, "%s%s=%s", text.len ? " " : "", o->keyword, o->val);
    PQconninfoFree(options);
    if (text.len == 0)
        buf_str(&text, options ? "(libpq's defaults)" : "(not a valid connection string)");
    return buf_take(&text);
}

struct err pg_exec(struct pg *pg, const char *sql)
{
    PGresult *result = SERVER(PQexec(pg->connection, sql));
    ExecStatusType status = PQresultStatus(result);
    struct err e = ERR_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
        e = server_error(pg, result);
    else
        pg->answered_us = time_monotonic();
    PQclear(result);
    return e;
}

struct err pg_commit(struct pg *pg)
{
    PGresult *result = SERVER(PQexec(pg->connection, "COMMIT"));
    struct err e = ERR_OK;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        e = server_error(pg, result);
    else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
        e = err_make(ERR_DATABASE, "database: COMMIT ended as %s", PQcmdStatus(result));
    else
        pg->answered_us = time_monotonic();
    PQclear(result);
    return e;
}

void pg_rollback(struct pg *pg)
{
    if (pg_is_open(pg))
        PQclear(SERVER(PQexec(pg->connection, "ROLLBACK")));
}

struct err pg_query(struct pg *pg, const char *sql, int count, const char *const *params,
                    PGresult **rows)
{
    return take_rows(
        pg, SERVER(PQexecParams(pg->connection, sql, count, NULL, params, NULL, NULL, 0)), rows);
}

/* The name of the statement, which is prepared where it isn't yet; "" where there is no room. */
static struct err prepare(struct pg *pg, const char *sql, int count, char name[16])
{
    unsigned i = 0;
    while (i < pg->prepared_count && pg->prepared[i] != sql)
        i++;
    name[0] = '\0';
    if (i == PG_PREPARED_MAX)
        return ERR_OK;
    (void)snprintf(name, 16, "s%u", i);
    if (i < pg->prepared_count)
        return ERR_OK;
    TRY(take_rows(pg, SERVER(PQprepare(pg->connection, name, sql, count, NULL)), NULL));
    pg->prepared[pg->prepared_count++] = sql;
    return ERR_OK;
}

struct err pg_query_prepared(struct pg *pg, const char *sql, int count, const char *const *params,
                             PGresult **rows)
{
    char name[16];
    if (rows)
        *rows = NULL;
    TRY(prepare(pg, sql, count, name));
    if (!*name)
        return pg_query(pg, sql, count, params, rows);
    return take_rows(pg, SERVER(PQexecPrepared(pg->connection, name, count, params, NULL, NULL, 0)),
                     rows);
}

static struct err connection_error(const struct pg *pg)
{
    return err_make(ERR_DATABASE, "database: %s", PQerrorMessage(pg->connection));
}

static struct err send_all(struct pg *pg, const struct pg_statement *statements, size_t count)
{
    char name[16];
    for (size_t i = 0; i < count; i++) /* not inside the pipeline: each waits for its answer */
        TRY(prepare(pg, statements[i].sql, statements[i].count, name));
    if (!PQenterPipelineMode(pg->connection))
        return connection_error(pg);
    for (size_t i = 0; i < count; i++) {
        const struct pg_statement *s = &statements[i];
        TRY(prepare(pg, s->sql, s->count, name)); /* its name */
        int sent =
            *name ? PQsendQueryPrepared(pg->connection, name, s->count, s->params, NULL, NULL, 0)
                  : PQsendQueryParams(pg->connection, s->sql, s->count, NULL, s->params, NULL, NULL,
                                      0);
        if (!sent)
            return connection_error(pg);
    }
    return SERVER(PQpipelineSync(pg->connection)) ? ERR_OK : connection_error(pg);
}

/* A statement's result, and the NULL that ends it. */
static struct err take_one(struct pg *pg, PGresult **rows)
{
    struct err e = take_rows(pg, SERVER(PQgetResult(pg->connection)), rows);
    if (PQstatus(pg->connection) == CONNECTION_OK)
        PQclear(SERVER(PQgetResult(pg->connection)));
    return e;
}

struct err pg_query_all(struct pg *pg, const struct pg_statement *statements, size_t count,
                        PGresult **rows)
{
    for (size_t i = 0; i < count; i++)
        rows[i] = NULL;
    TRY(send_all(pg, statements, count));
    struct err first = ERR_OK;
    size_t i = 0;
    for (; i < count && PQstatus(pg->connection) == CONNECTION_OK; i++) {
        struct err e = take_one(pg, &rows[i]);
        if (!err_is(&first))
            first = e;
    }
    if (i < count && !err_is(&first))
        first = connection_error(pg);
    PQclear(SERVER(PQgetResult(pg->connection))); /* of the sync */
    if (!PQexitPipelineMode(pg->connection) && !err_is(&first))
        first = connection_error(pg);
    return first;
}

int pg_socket(const struct pg *pg)
{
    return PQsocket(pg->connection);
}

struct err pg_heard(struct pg *pg, bool *heard)
{
    PGnotify *notice;
    *heard = false;
    if (!PQconsumeInput(pg->connection))
        return connection_error(pg);
    while ((notice = PQnotifies(pg->connection))) {
        *heard = true;
        PQfreemem(notice);
    }
    return ERR_OK;
}

struct err pg_copy_begin(struct pg *pg, const char *sql)
{
    PGresult *result = SERVER(PQexec(pg->connection, sql));
    struct err e = ERR_OK;
    if (PQresultStatus(result) != PGRES_COPY_IN)
        e = server_error(pg, result);
    PQclear(result);
    return e;
}

/* What the server has to say of a COPY comes as results after it: the first failure counts. */
static struct err copy_results(struct pg *pg, uint64_t *rows)
{
    struct err e = ERR_OK;
    PGresult *result;
    while ((result = SERVER(PQgetResult(pg->connection)))) {
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            *rows = strtoull(PQcmdTuples(result), NULL, 10);
        else if (!err_is(&e))
            e = server_error(pg, result);
        PQclear(result);
        if (PQstatus(pg->connection) == CONNECTION_BAD)
            break;
    }
    return e;
}

static struct err copy_broken(struct pg *pg)
{
    uint64_t rows;
    struct err reported = copy_results(pg, &rows);
    return err_is(&reported)
               ? reported
               : err_make(ERR_DATABASE, "database: %s", PQerrorMessage(pg->connection));
}

struct err pg_copy_data(struct pg *pg, const void *bytes, size_t len)
{
    /* 1 only means queued; success is the command tag's, in pg_copy_end. Pieces keep libpq's own
     * output buffer, which doubles to whatever it is given, small. */
    enum { PIECE = 64 * 1024 };
    const char *p = bytes;
    while (len > 0) {
        int n = len < PIECE ? (int)len : PIECE;
        if (SERVER(PQputCopyData(pg->connection, p, n)) != 1)
            return copy_broken(pg);
        p += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

struct err pg_copy_end(struct pg *pg, uint64_t *rows)
{
    *rows = 0;
    if (SERVER(PQputCopyEnd(pg->connection, NULL)) != 1)
        return copy_broken(pg);
    return copy_results(pg, rows);
}
