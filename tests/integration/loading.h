/* SPDX-License-Identifier: MIT */
/*
 * loading: a database, a spool and a loader for streams of the test's own.
 *
 *     struct loading x;
 *     loading_open(&x, &streams);                    // migrated; the streams' tables are there
 *     EXPECT_OK(loading_load(&x, LOAD_HELD, "{\"kind\": \"k\"}\n{...}"));   // a batch of one
 * segment EXPECT_VALUE(&x.db, "SELECT ...", "..."); loading_close(&x);
 */
#ifndef SPOOLGATE_TESTS_LOADING_H
#define SPOOLGATE_TESTS_LOADING_H

#include <jansson.h>

#include "base/log.h"
#include "database.h"
#include "frame/pack.h"
#include "replay/load.h"
#include "stream/ddl.h"

/* The ways that rows take into the transaction. */
enum load_way { LOAD_HELD, LOAD_AGAIN_FROM_DISK, LOAD_CAREFUL, LOAD_WAYS };

/* What a thread of its own needs; `name` is its segments'. */
struct loading_worker {
    const char *name;
    struct spool *spool;
    struct loader loader;
    struct prepared prepared; /* between two batches it is empty */
    struct uuid id;           /* of the last batch */
    struct load_outcome outcome;
};

struct loading {
    struct database db;
    struct folder top;
    struct spool spool;
    struct loading_worker worker;
};

/* Events that nobody hears. */
static inline void loading_sinks(const struct load_terms *terms, enum event_type event,
                                 const char *gate, struct buf *array)
{
    (void)terms;
    (void)event;
    (void)gate;
    buf_str(array, "{}");
}

/* The context is the set of streams. */
static inline void loading_terms(void *streams, const char *gate, struct load_terms *terms)
{
    static const struct frame_limits limits = FRAME_LIMITS_DEFAULT;
    static const struct load_rules rules = {.dedupe = DEDUPE_OFF, .max_rejects = {.count = 50}};
    (void)gate;
    *terms = (struct load_terms){.streams = streams,
                                 .takes_handled = true,
                                 .rules = &rules,
                                 .limits = &limits,
                                 .model = "",
                                 .sinks = loading_sinks};
}

static inline void loading_terms_done(void *streams, struct load_terms *terms)
{
    (void)streams;
    (void)terms;
}

static inline void loading_worker_open(struct loading_worker *w, struct loading *x,
                                       const struct stream_set *streams, const char *name)
{
    *w = (struct loading_worker){.name = name,
                                 .spool = &x->spool,
                                 .loader = {.spool = &x->spool,
                                            .preparer = {.terms = {.get = loading_terms,
                                                                   .done = loading_terms_done,
                                                                   .context = (void *)streams}},
                                            .target = x->db.target}};
    pg_init(&w->loader.pg);
    EXPECT_OK(pg_open(&w->loader.pg, &w->loader.target));
    prepared_open(&w->prepared, &w->loader.preparer);
}

static inline void loading_worker_close(struct loading_worker *w)
{
    prepared_close(&w->prepared);
    preparer_close(&w->loader.preparer);
    pg_close(&w->loader.pg);
}

/* In x->db, which is open. */
static inline void loading_start(struct loading *x, const struct stream_set *streams)
{
    char path[80];
    struct buf sql = {0};
    log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    for (size_t i = 0; i < streams->count; i++)
        if (!streams->streams[i].is_foreign)
            ddl_stream(&sql, &streams->streams[i], NULL);
    EXPECT_OK(pg_exec(&x->db.pg, buf_cstr(&sql)));
    buf_free(&sql);
    x->top = folder_make();
    (void)snprintf(path, sizeof path, "%s/spool", x->top.path);
    EXPECT_OK(spool_open(&x->spool, path, true));
    loading_worker_open(&x->worker, x, streams, "a.msgpack");
}

static inline void loading_open(struct loading *x, const struct stream_set *streams)
{
    *x = (struct loading){0};
    database_open(&x->db, true);
    loading_start(x, streams);
}

static inline void loading_close(struct loading *x)
{
    if (!x->db.pg.connection) /* skipped */
        return;
    loading_worker_close(&x->worker);
    spool_close(&x->spool);
    folder_remove(&x->top);
    database_close(&x->db);
}

/* JSON lines as a segment in incoming/. Returns no failure, but aborts: it may run on a thread. */
static inline struct scan_file loading_put(struct loading_worker *w, const char *lines)
{
    struct buf segment = {0};
    struct stat st;
    json_error_t problem;
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        json_t *frame = json_loadb(lines, len, 0, &problem);
        if (!frame)
            abort();
        pack_json(&segment, frame);
        json_decref(frame);
        lines += len + (lines[len] == '\n');
    }
    int fd = openat(w->spool->incoming, w->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
    if (fd < 0 || write(fd, segment.data, segment.len) != (ssize_t)segment.len || fstat(fd, &st))
        abort();
    (void)close(fd);
    buf_free(&segment);
    return (struct scan_file){.name = (char *)w->name,
                              .bytes = (uint64_t)st.st_size,
                              .arrived_us = scan_change_time(&st)};
}

static inline struct err loading_batch(struct loading_worker *w, enum load_way way,
                                       const struct scan_file *file)
{
    struct prepared *p = &w->prepared;
    p->held.budget = way == LOAD_AGAIN_FROM_DISK ? 0 : PREPARE_BUDGET;
    TRY(claim_make(w->spool, &w->id, "default", "because", file, 1, &p->claim));
    TRY(prepare_batch(&w->loader.preparer, p));
    p->batch.is_careful = way == LOAD_CAREFUL;
    TRY(load_claim(&w->loader, p, &w->outcome));
    return load_retire(w->spool, &p->claim, &w->outcome.times);
}

static inline struct err loading_work(struct loading_worker *w, enum load_way way,
                                      const char *lines)
{
    struct scan_file file = loading_put(w, lines);
    w->id = uuid_new();
    struct err e = loading_batch(w, way, &file);
    prepared_clear(&w->prepared);
    return e;
}

static inline struct err loading_load(struct loading *x, enum load_way way, const char *lines)
{
    return loading_work(&x->worker, way, lines);
}

#endif
