/* SPDX-License-Identifier: MIT */
#include "embed/claim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/sql.h"
#include "base/time.h"
#include "db/queries.h"
#include "io/newer.h"
#include "kb/complete.h"

enum {
    RETRY_S = 5, /* until a text's second attempt */
    NUMBER = 24  /* bytes of one as text */
};
#define MARGIN_US (30 * TIME_US_PER_S) /* of a lease, beyond a request's time-out */

static const char *number(uint64_t v, char text[NUMBER])
{
    (void)snprintf(text, NUMBER, "%" PRIu64, v);
    return text;
}

/* ---- arrays as Postgres writes them ---- */

static void array_next(struct buf *array)
{
    buf_byte(array, array->len == 0 ? '{' : ',');
}

static const char *array_end(struct buf *array)
{
    if (array->len == 0)
        buf_byte(array, '{');
    buf_byte(array, '}');
    return buf_cstr(array);
}

static void array_add(struct buf *array, const char *item)
{
    array_next(array);
    buf_str(array, item);
}

/* ---- taking ---- */

static void read_pieces(struct embed_claim *c)
{
    c->count = (size_t)PQntuples(c->rows);
    c->pieces = mem_calloc(c->count, sizeof *c->pieces);
    for (size_t i = 0; i < c->count; i++) {
        int row = (int)i;
        c->pieces[i] = (struct embed_piece){
            .chunk_id = PQgetvalue(c->rows, row, 0),
            .doc_id = PQgetvalue(c->rows, row, 1),
            .text = {PQgetvalue(c->rows, row, 2), (size_t)PQgetlength(c->rows, row, 2)},
            .tokens = strtoull(PQgetvalue(c->rows, row, 3), NULL, 10),
            .vector = i,
            .fate = PIECE_BACK,
        };
    }
}

struct err embed_claim_take(struct embed_claim *c, struct pg *pg,
                            const struct manifest_embedder *declared, size_t most)
{
    struct uuid id = uuid_new();
    char dimensions[NUMBER];
    char count[NUMBER];
    char tokens[NUMBER];
    char lease[NUMBER];
    *c = (struct embed_claim){.dimensions = declared->dimensions,
                              .lease_us = declared->timeout_us + MARGIN_US};
    c->until_us = time_monotonic() + c->lease_us;
    TRY(pg_query_prepared(pg, sql_embed_claim,
                          PG_PARAMS(uuid_format(&id, c->id), declared->name, declared->model,
                                    number(declared->dimensions, dimensions), number(most, count),
                                    number(declared->batch_tokens, tokens),
                                    number((uint64_t)c->lease_us, lease)),
                          &c->rows));
    read_pieces(c);
    if (c->count > 0)
        c->vectors = mem_calloc(c->count * c->dimensions, sizeof *c->vectors);
    return ERR_OK;
}

static const char *all_chunks(const struct embed_claim *c, struct buf *array)
{
    for (size_t i = 0; i < c->count; i++)
        array_add(array, c->pieces[i].chunk_id);
    return array_end(array);
}

struct err embed_claim_renew(struct embed_claim *c, struct pg *pg)
{
    struct buf chunks = {0};
    char lease[NUMBER];
    if (c->until_us - time_monotonic() > c->lease_us - MARGIN_US / 2)
        return ERR_OK;
    int64_t until_us = time_monotonic() + c->lease_us;
    struct err e = pg_query_prepared(
        pg, sql_embed_renew,
        PG_PARAMS(c->id, all_chunks(c, &chunks), number((uint64_t)c->lease_us, lease)), NULL);
    if (!err_is(&e))
        c->until_us = until_us;
    buf_free(&chunks);
    return e;
}

bool embed_claim_holds(const struct embed_claim *c)
{
    return time_monotonic() < c->until_us;
}

/* ---- settling ---- */

static const char *documents(const struct embed_claim *c, struct buf *array)
{
    for (size_t i = 0; i < c->count; i++)
        if (i == 0 || strcmp(c->pieces[i].doc_id, c->pieces[i - 1].doc_id) != 0)
            array_add(array, c->pieces[i].doc_id);
    return array_end(array);
}

/* A vector that this type can't hold is the text's end, too; but not where the database's vectors
 * have become others (`migrate --embedding`) since it was asked for. */
static void check_vectors(struct embed_claim *c, const struct kb_shape *shape)
{
    for (size_t i = 0; i < c->count; i++) {
        struct embed_piece *p = &c->pieces[i];
        char problem[KB_VECTOR_PROBLEM];
        if (p->fate != PIECE_DONE ||
            kb_vector_check(shape, c->vectors + p->vector * c->dimensions, c->dimensions, problem))
            continue;
        if (shape->dimensions != c->dimensions) {
            p->fate = PIECE_BACK;
            continue;
        }
        p->fate = PIECE_REFUSED;
        p->error = mem_strdup(problem);
    }
}

static size_t count_of(const struct embed_claim *c, enum embed_fate fate)
{
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++)
        n += c->pieces[i].fate == fate;
    return n;
}

static struct err copy_vectors(const struct embed_claim *c, struct pg *pg,
                               const struct kb_shape *shape)
{
    struct buf rows = {0};
    uint64_t copied;
    buf_put(&rows, "PGCOPY\n\377\r\n\0", 11); /* signature, flags, no extension */
    buf_be32(&rows, 0);
    buf_be32(&rows, 0);
    for (size_t i = 0; i < c->count; i++) {
        const struct embed_piece *p = &c->pieces[i];
        struct uuid id;
        if (p->fate != PIECE_DONE || !uuid_parse(p->chunk_id, &id))
            continue;
        buf_be16(&rows, 2);
        buf_be32(&rows, sizeof id.bytes);
        buf_put(&rows, id.bytes, sizeof id.bytes);
        kb_vector_put(&rows, shape, c->vectors + p->vector * c->dimensions);
    }
    buf_be16(&rows, UINT16_MAX);
    struct err e = pg_copy_begin(pg, sql_embed_result_copy);
    if (!err_is(&e))
        e = pg_copy_data(pg, rows.data, rows.len);
    if (!err_is(&e))
        e = pg_copy_end(pg, &copied);
    buf_free(&rows);
    return e;
}

static struct err store(const struct embed_claim *c, struct pg *pg,
                        const struct embed_report *report, struct embed_settled *settled)
{
    PGresult *rows;
    if (count_of(c, PIECE_DONE) == 0)
        return ERR_OK;
    TRY(copy_vectors(c, pg, report->shape));
    TRY(pg_query_prepared(pg, sql_embed_store, PG_PARAMS(c->id, report->declared->model), &rows));
    settled->embedded = strtoull(PQcmdTuples(rows), NULL, 10);
    PQclear(rows);
    return ERR_OK;
}

/* How many attempts a text has. A server that fails at it may do so for a reason of its own, and
 * needs time to mend. 0: nothing is wrong with it. */
static uint64_t attempts_of(const struct embed_piece *p)
{
    static const uint64_t attempts[] = {[PIECE_AGAIN] = 3, [PIECE_BREAKS] = 6, [PIECE_REFUSED] = 1};
    return attempts[p->fate];
}

static struct err refuse(const struct embed_claim *c, struct pg *pg, struct embed_settled *settled)
{
    struct buf chunks = {0};
    struct buf errors = {0};
    struct buf most = {0};
    char wait[NUMBER];
    char attempts[NUMBER];
    PGresult *rows = NULL;
    if (count_of(c, PIECE_BACK) + count_of(c, PIECE_DONE) == c->count)
        return ERR_OK;
    for (size_t i = 0; i < c->count; i++) {
        const struct embed_piece *p = &c->pieces[i];
        if (attempts_of(p) == 0)
            continue;
        array_add(&chunks, p->chunk_id);
        if (errors.len == 0)
            buf_byte(&errors, '{');
        sql_element(&errors, p->error);
        array_add(&most, number(attempts_of(p), attempts));
    }
    struct err e = pg_query_prepared(pg, sql_embed_refuse,
                                     PG_PARAMS(c->id, array_end(&chunks), array_end(&errors),
                                               array_end(&most), number(RETRY_S, wait)),
                                     &rows);
    settled->failed = err_is(&e) ? 0 : (uint64_t)PQntuples(rows);
    PQclear(rows);
    buf_free(&chunks);
    buf_free(&errors);
    buf_free(&most);
    return e;
}

static struct err release(const struct embed_claim *c, struct pg *pg,
                          const struct embed_report *report)
{
    struct buf chunks = {0};
    if (count_of(c, PIECE_BACK) == 0)
        return ERR_OK;
    for (size_t i = 0; i < c->count; i++)
        if (c->pieces[i].fate == PIECE_BACK)
            array_add(&chunks, c->pieces[i].chunk_id);
    struct err e = pg_query_prepared(
        pg, sql_embed_release,
        PG_PARAMS(c->id, array_end(&chunks),
                  report->health == EMBED_FAILING ? report->declared->name : NULL),
        NULL);
    buf_free(&chunks);
    return e;
}

/* Last, and right before the COMMIT: all workers of an embedder write this one row. */
static struct err note_health(struct pg *pg, const struct embed_report *report,
                              const struct embed_settled *settled)
{
    static const char *const words[] = {[EMBED_UNKNOWN] = "unknown",
                                        [EMBED_WELL] = "well",
                                        [EMBED_FAILING] = "later",
                                        [EMBED_HALTED] = "stopped"};
    char requests[NUMBER];
    char chunks[NUMBER];
    char pause[NUMBER];
    return pg_query_prepared(pg, sql_embed_health,
                             PG_PARAMS(report->declared->name, number(report->requests, requests),
                                       number(settled->embedded, chunks), words[report->health],
                                       report->error, number((uint64_t)report->pause_us, pause)),
                             NULL);
}

typedef struct err complete_fn(struct pg *pg, const char *docs, uint64_t *done);

/* The documents are locked first, in the order of their ids, and the embedder's row last: two
 * settlements never wait for each other in a circle. */
static struct err settle(struct embed_claim *c, struct pg *pg, const struct embed_report *report,
                         const char *docs, complete_fn *complete, struct embed_settled *settled)
{
    *settled = (struct embed_settled){0};
    TRY(pg_exec(pg, "BEGIN"));
    TRY(kb_lock(pg, docs));
    TRY(store(c, pg, report, settled));
    TRY(refuse(c, pg, settled));
    TRY(release(c, pg, report));
    if (settled->embedded + settled->failed > 0)
        TRY(complete(pg, docs, &settled->documents));
    if (settled->documents > 0)
        TRY(pg_exec(pg, sql_embed_tell));
    TRY(note_health(pg, report, settled));
    TRY(newer_check_both(pg)); /* behind what was locked: see io/newer */
    return pg_commit(pg);
}

struct err embed_claim_settle(struct embed_claim *c, struct pg *pg,
                              const struct embed_report *report, struct embed_settled *settled)
{
    struct buf docs = {0};
    check_vectors(c, report->shape);
    (void)documents(c, &docs);
    struct err e = settle(c, pg, report, buf_cstr(&docs), kb_complete, settled);
    if (e.cls == ERR_ROW) {
        /* One document can't be swapped in: its chunks keep their vectors, or they would be asked
         * for again and again, and those of its neighbours in the claim with them. */
        pg_rollback(pg);
        e = settle(c, pg, report, buf_cstr(&docs), kb_complete_each, settled);
    }
    buf_free(&docs);
    if (err_is(&e)) {
        pg_rollback(pg);
        *settled = (struct embed_settled){0};
    }
    return e;
}

void embed_claim_free(struct embed_claim *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->pieces[i].error);
    free(c->pieces);
    free(c->vectors);
    PQclear(c->rows);
    *c = (struct embed_claim){0};
}
