/* SPDX-License-Identifier: MIT */
/*
 * knowledge: a database of the test's own with the knowledge base in it, vectors of three numbers,
 * and a loader that takes its frames.
 *
 *     struct knowledge k;
 *     knowledge_open(&k);
 *     EXPECT_OK(knowledge_load(&k, LOAD_HELD, "{\"kind\": \"asset\", ...}\n{...}"));
 *     knowledge_settle(&k, &k.x.db.pg, "complete", "text = 'one'");     // as a worker would
 *     EXPECT_VALUE(&k.x.db, "SELECT ...", "...");
 *     knowledge_close(&k);
 */
#ifndef SPOOLGATE_TESTS_KNOWLEDGE_H
#define SPOOLGATE_TESTS_KNOWLEDGE_H

#include "kb/complete.h"
#include "kb/load.h"
#include "loading.h"
#include "schema/knowledge.h"

struct knowledge {
    struct loading x;
    struct config config;
    struct kb_context kb;
};

/* One listener, of everything. */
static inline void knowledge_sinks(const struct load_terms *terms, enum event_type event,
                                   const char *gate, struct buf *array)
{
    (void)terms;
    (void)event;
    (void)gate;
    buf_str(array, "{\"ear\"}");
}

static inline void knowledge_terms(void *streams, const char *gate, struct load_terms *terms)
{
    loading_terms(streams, gate, terms);
    terms->sinks = knowledge_sinks;
    terms->model = "m";
}

static inline void knowledge_open(struct knowledge *k)
{
    const struct knowledge_wish wish = {.is_made = true, .type = KNOWLEDGE_REAL, .dimensions = 3};
    struct migrate_report report = {0};
    *k = (struct knowledge){0};
    config_init(&k->config);
    database_open_own(&k->x.db);
    EXPECT_OK(knowledge_apply(&k->x.db.pg, &wish, &report));
    migrate_report_free(&report);
    kb_context_open(&k->kb, &k->config);
    EXPECT_OK(kb_context_refresh(&k->kb, &k->x.db.pg));
    loading_start(&k->x, shipped_streams());
    struct preparer *preparer = &k->x.worker.loader.preparer;
    preparer->handler = kb_handler(&k->kb);
    preparer->terms.get = knowledge_terms;
    k->x.worker.prepared.handler = preparer->handler;
    k->x.worker.prepared.terms_source = preparer->terms;
}

static inline void knowledge_close(struct knowledge *k)
{
    if (!k->x.db.pg.connection) /* skipped */
        return;
    loading_close(&k->x);
    kb_context_close(&k->kb);
    config_free(&k->config);
}

static inline struct err knowledge_load(struct knowledge *k, enum load_way way, const char *lines)
{
    k->kb.budget = way == LOAD_AGAIN_FROM_DISK ? 0 : PREPARE_BUDGET;
    return loading_load(&k->x, way, lines);
}

/* The chunks that wait and that the condition is true of come to their end: the transaction of a
 * worker, without its COMMIT. Returns how many documents are complete. */
static inline uint64_t knowledge_settle_open(struct knowledge *k, struct pg *pg, const char *status,
                                             const char *condition)
{
    PGresult *rows;
    struct buf sql = {0};
    uint64_t done;
    (void)k;
    EXPECT_OK(pg_exec(pg, "BEGIN"));
    buf_printf(&sql,
               "SELECT coalesce(array_agg(DISTINCT doc_id), '{}') FROM pmoves_kb.chunks_next"
               " WHERE embedding_status IN ('pending', 'processing') AND (%s)",
               condition);
    EXPECT_OK(pg_query(pg, buf_cstr(&sql), PG_NO_PARAMS, &rows));
    const char *docs = PQgetvalue(rows, 0, 0);
    EXPECT_OK(kb_lock(pg, docs));
    buf_clear(&sql);
    buf_printf(&sql,
               "UPDATE pmoves_kb.chunks_next SET claim_id = NULL, embedding_status = '%s',"
               " error = CASE WHEN '%s' = 'failed' THEN 'refused' END, model = 'm',"
               " embedding = CASE WHEN '%s' = 'complete' THEN '{0,1,0}'::real[] END"
               " WHERE embedding_status IN ('pending', 'processing') AND (%s)",
               status, status, status, condition);
    EXPECT_OK(pg_exec(pg, buf_cstr(&sql)));
    EXPECT_OK(kb_complete(pg, docs, &done));
    PQclear(rows);
    buf_free(&sql);
    return done;
}

static inline uint64_t knowledge_settle(struct knowledge *k, struct pg *pg, const char *status,
                                        const char *condition)
{
    uint64_t done = knowledge_settle_open(k, pg, status, condition);
    EXPECT_OK(pg_commit(pg));
    return done;
}

#endif
