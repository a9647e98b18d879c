/* SPDX-License-Identifier: MIT */
#include "io/pooler.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "base/uuid.h"

/*
 * The proof is a notification. Our connection listens and then stands idle; another one notifies.
 * A pooler that keeps the session passes it on to us. One that took the server process back with
 * our last answer has nobody to pass it to: whatever else it does with it, we hear nothing. (To ask
 * for pg_backend_pid() twice proves nothing: an idle pool hands out the same process again.)
 *
 * Silence is proof of nothing until time has passed, so that two other signs are looked at first:
 * the second connection was given the process that is ours, or we are given another one by now.
 */
enum { PATIENCE_S = 10 };

struct probe {
    PGconn *ours;
    PGconn *other;
    int pid; /* of our server process */
    char channel[UUID_TEXT];
    int64_t deadline_us;
};

static struct err not_kept(void)
{
    return err_make(ERR_CONFIG,
                    "the connection pooler in front of the database doesn't keep sessions "
                    "(pool_mode is transaction or statement?), and spoolgate can't work without: "
                    "its locks, LISTEN, settings and prepared statements belong to one. Connect to "
                    "the server itself, or to a pool with pool_mode = session "
                    "(docs/OPERATIONS.md, connection pools)");
}

static struct err no_second_connection(const char *why)
{
    return err_make(ERR_DATABASE,
                    "the connection pooler in front of the database has no second connection for "
                    "us, by which we tell whether it keeps sessions; its pool must be larger "
                    "(docs/OPERATIONS.md, connection pools): %s",
                    why);
}

static struct err failed(PGconn *connection)
{
    return err_make(ERR_DATABASE, "database: %s", PQerrorMessage(connection));
}

/* False: the deadline has passed, or the connection is gone. */
static bool wait_for_input(PGconn *connection, int64_t deadline_us)
{
    struct pollfd p = {.fd = PQsocket(connection), .events = POLLIN};
    int64_t left_us = deadline_us - time_monotonic();
    if (left_us <= 0 || p.fd < 0)
        return false;
    int ready = poll(&p, 1, (int)(left_us / 1000) + 1);
    return (ready > 0 && PQconsumeInput(connection)) || (ready < 0 && errno == EINTR);
}

/* One answer's first value as a number. A pooler whose pool is full doesn't answer at all: hence
 * the deadline. */
static bool ask(PGconn *connection, const char *sql, int64_t deadline_us, int *number)
{
    if (!PQsendQuery(connection, sql))
        return false;
    while (PQisBusy(connection))
        if (!wait_for_input(connection, deadline_us))
            return false;
    bool good = true;
    PGresult *rows;
    *number = 0;
    while ((rows = PQgetResult(connection))) {
        ExecStatusType status = PQresultStatus(rows);
        good = good && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK);
        if (status == PGRES_TUPLES_OK && PQntuples(rows) == 1)
            *number = (int)strtol(PQgetvalue(rows, 0, 0), NULL, 10);
        PQclear(rows);
    }
    return good;
}

static bool heard(struct probe *p)
{
    bool it_is = false;
    PGnotify *notice;
    while ((notice = PQnotifies(p->ours))) {
        it_is = it_is || strcmp(notice->relname, p->channel) == 0;
        PQfreemem(notice);
    }
    return it_is;
}

static struct err connect_other(struct probe *p, const char *conninfo)
{
    static const char *const keys[] = {"connect_timeout", "fallback_application_name", "dbname",
                                       NULL};
    const char *values[] = {"10", "spoolgate", conninfo, NULL};
    p->other = PQconnectdbParams(keys, values, 1);
    return PQstatus(p->other) == CONNECTION_OK ? ERR_OK
                                               : no_second_connection(PQerrorMessage(p->other));
}

static struct err ask_other(struct probe *p, const char *sql, int *pid)
{
    if (ask(p->other, sql, p->deadline_us, pid))
        return ERR_OK;
    const char *why = PQerrorMessage(p->other);
    return no_second_connection(*why ? why : "no answer");
}

static struct err ask_ours(struct probe *p, const char *sql, int *pid)
{
    return ask(p->ours, sql, p->deadline_us, pid) ? ERR_OK : failed(p->ours);
}

/* Nothing is sent on our connection meanwhile: it would be given a server process for that, and
 * could hear what it isn't there for. */
static struct err wait_to_hear(struct probe *p)
{
    while (!heard(p))
        if (!wait_for_input(p->ours, p->deadline_us))
            return PQstatus(p->ours) == CONNECTION_OK ? not_kept() : failed(p->ours);
    return ERR_OK;
}

static struct err probe(struct probe *p, const char *conninfo)
{
    char listen[UUID_TEXT + 16];
    char notify[UUID_TEXT + 32];
    char unlisten[UUID_TEXT + 16];
    int pid = 0;
    int other_pid = 0;
    (void)snprintf(listen, sizeof listen, "LISTEN \"%s\"", p->channel);
    (void)snprintf(notify, sizeof notify, "NOTIFY \"%s\"", p->channel);
    (void)snprintf(unlisten, sizeof unlisten, "UNLISTEN \"%s\"", p->channel);
    TRY(ask_ours(p, listen, &pid));
    TRY(connect_other(p, conninfo));
    TRY(ask_other(p, "SELECT pg_backend_pid()", &other_pid));
    TRY(ask_ours(p, "SELECT pg_backend_pid()", &pid));
    if (other_pid == p->pid || pid != p->pid)
        return not_kept();
    TRY(ask_other(p, notify, &other_pid));
    TRY(wait_to_hear(p));
    return ask_ours(p, unlisten, &pid);
}

struct err pooler_check(PGconn *connection, int backend_pid, const char *conninfo)
{
    /* Threads that connect side by side would need twice their connections, and wait for each other
     * where the pool has less. */
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    struct uuid id = uuid_new();
    if (PQbackendPID(connection) == backend_pid)
        return ERR_OK;
    struct probe p = {.ours = connection, .pid = backend_pid};
    (void)uuid_format(&id, p.channel);
    (void)pthread_mutex_lock(&one_at_a_time);
    p.deadline_us = time_monotonic() + PATIENCE_S * TIME_US_PER_S;
    struct err e = probe(&p, conninfo);
    PQfinish(p.other);
    (void)pthread_mutex_unlock(&one_at_a_time);
    return e;
}
