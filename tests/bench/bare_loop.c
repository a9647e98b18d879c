/* SPDX-License-Identifier: MIT */
/*
 * bare_loop: the least that a durable loader of single files can do, to hold latency against.
 *
 *   bare_loop SPOOL CONNINFO
 *
 * For each file that is renamed into SPOOL/incoming, the durable acts that spoolgate's promises
 * need and nothing besides: a folder in processing/, the rename, the three folders synced; a
 * receipt, committed; ledger row, rows, the receipt's end and its NOTIFY, committed; the rename to
 * archive/ and two syncs after it. No gate, no parser (the file is rows for a binary COPY already),
 * no checks, no recovery. Prints "ready" when it watches.
 */
#include <err.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct loop {
    int incoming, processing, archive;
    PGconn *pg;
};

static int open_folder(int at, const char *name)
{
    (void)mkdirat(at, name, 0770); /* it may be there; when it can't be made, the open says so */
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        err(1, "%s", name);
    return fd;
}

static void sync_fd(int fd)
{
    if (fsync(fd) != 0)
        err(1, "fsync");
}

static void move(int from_dir, const char *from, int to_dir, const char *to)
{
    if (renameat(from_dir, from, to_dir, to) != 0)
        err(1, "rename %s", from);
}

static void query(struct loop *l, const char *sql, const char *const *params, int count)
{
    PGresult *r = count > 0 ? PQexecParams(l->pg, sql, count, NULL, params, NULL, NULL, 0)
                            : PQexec(l->pg, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        errx(1, "%s: %s", sql, PQerrorMessage(l->pg));
    PQclear(r);
}

static void make_id(char id[37])
{
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != sizeof b)
        err(1, "getrandom");
    (void)snprintf(id, 37, "%02x%02x%02x%02x-%02x%02x-7%x%02x-8%x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10],
                   b[11], b[12], b[13], b[14], b[15]);
}

static void copy_file(struct loop *l, int folder, const char *name)
{
    char bytes[65536];
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (n <= 0 || close(fd) != 0)
        err(1, "%s", name);
    PGresult *r =
        PQexec(l->pg, "COPY metrics (ts, source, name, value, labels, batch_id) FROM STDIN "
                      "(FORMAT binary)");
    if (PQresultStatus(r) != PGRES_COPY_IN || PQputCopyData(l->pg, bytes, (int)n) != 1 ||
        PQputCopyEnd(l->pg, NULL) != 1)
        errx(1, "COPY: %s", PQerrorMessage(l->pg));
    PQclear(r);
    while ((r = PQgetResult(l->pg)) != NULL) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            errx(1, "COPY: %s", PQerrorMessage(l->pg));
        PQclear(r);
    }
}

static void load(struct loop *l, const char *name)
{
    char id[37];
    make_id(id);
    const char *params[] = {id, name};
    int folder = open_folder(l->processing, id);
    sync_fd(l->processing);
    move(l->incoming, name, folder, name);
    sync_fd(folder);
    sync_fd(l->incoming);
    query(
        l,
        "INSERT INTO ingestion_manifest (batch_id, batch_tag, spool_id, gate, reason, file_count, "
        "bytes_total, host, version, opened_at) VALUES ($1, 'bare', $1, 'bare', 'bare', 1, 1, "
        "'bare', 'bare', now())",
        params, 1);
    query(l, "BEGIN", NULL, 0);
    query(l,
          "INSERT INTO ingestion_segment (dedupe_key, batch_id, gate, name, bytes, bytes_raw, "
          "sha256, "
          "frames) VALUES ($1 || $2, $1::uuid, 'bare', $2, 1, 1, 'bare', 1)",
          params, 2);
    copy_file(l, folder, name);
    query(
        l,
        "WITH finished AS (UPDATE ingestion_manifest SET status = 'done', frames_total = 1, "
        "rows_loaded = 1, finished_at = clock_timestamp() WHERE batch_id = $1 RETURNING *) SELECT "
        "pg_notify('ingest_updates', json_build_object('id', batch_id, 'status', status)::text) "
        "FROM finished",
        params, 1);
    query(l, "COMMIT", NULL, 0);
    move(l->processing, id, l->archive, id);
    sync_fd(l->archive);
    sync_fd(l->processing);
    (void)close(folder);
}

int main(int argc, char **argv)
{
    _Alignas(struct inotify_event) char events[65536];
    char incoming[PATH_MAX];
    if (argc != 3)
        errx(64, "usage: bare_loop SPOOL CONNINFO");
    int root = open_folder(AT_FDCWD, argv[1]);
    struct loop l = {.incoming = open_folder(root, "incoming"),
                     .processing = open_folder(root, "processing"),
                     .archive = open_folder(root, "archive"),
                     .pg = PQconnectdb(argv[2])};
    if (PQstatus(l.pg) != CONNECTION_OK)
        errx(1, "%s", PQerrorMessage(l.pg));
    (void)snprintf(incoming, sizeof incoming, "%s/incoming", argv[1]);
    int watch = inotify_init1(IN_CLOEXEC);
    if (watch < 0 || inotify_add_watch(watch, incoming, IN_MOVED_TO) < 0)
        err(1, "inotify");
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;) {
        ssize_t n = read(watch, events, sizeof events);
        if (n <= 0)
            err(1, "inotify");
        for (const char *p = events; p < events + n;) {
            const struct inotify_event *event = (const struct inotify_event *)p;
            load(&l, event->name);
            p += sizeof *event + event->len;
        }
    }
}
