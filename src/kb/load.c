/* SPDX-License-Identifier: MIT */
#include "kb/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "db/queries.h"
#include "io/newer.h"
#include "kb/work.h"
#include "replay/careful.h"
#include "replay/prepare.h"

/* What is known of one batch. */
struct handler_batch {
    struct kb_context *context;
    const struct load_terms *terms;
    const struct config *config; /* the terms' */
    char **roots;                /* its knowledge.roots; ends with NULL */
    struct kb_shape shape;       /* by which its vectors are judged */
    struct kb_reader reader;
    struct kb_held held;
};

/* --- inspection --------------------------------------------------------------------------------
 */

/* "/srv/docs:/srv/wiki" */
static char **split_roots(const char *roots)
{
    size_t count = 0;
    size_t cap = 0;
    char **list = NULL;
    while (*roots) {
        size_t len = strcspn(roots, ":");
        if (len > 0)
            *MEM_PUSH(list, count, cap) = mem_strndup(roots, len);
        roots += len + (roots[len] == ':');
    }
    *MEM_PUSH(list, count, cap) = NULL;
    return list;
}

static void free_roots(char **roots)
{
    for (char **root = roots; *root; root++)
        free(*root);
    free(roots);
}

static struct kb_reader fresh_reader(const struct handler_batch *s)
{
    const struct config *config = s->config;
    return (struct kb_reader){.shape = &s->shape,
                              .split = {.tokens = config->knowledge.chunk_tokens,
                                        .overlap = config->knowledge.chunk_overlap},
                              .roots = (const char *const *)s->roots,
                              .nul = (enum nul_rule)s->terms->rules->nul,
                              .file_bytes = config->limits.string_bytes};
}

static struct handler_batch *begin(void *context, const struct load_terms *terms)
{
    struct kb_context *kb = context;
    struct handler_batch *s = mem_calloc(1, sizeof *s);
    s->context = kb;
    s->terms = terms;
    s->config = terms->config ? terms->config : kb->config;
    s->roots = split_roots(s->config->knowledge.roots);
    (void)pthread_mutex_lock(&kb->lock);
    s->shape = kb->shape;
    (void)pthread_mutex_unlock(&kb->lock);
    s->reader = fresh_reader(s);
    kb_held_open(&s->held, kb->budget);
    return s;
}

static bool refuse(struct reject *reject)
{
    return field_reject(reject, REJECT_KIND, "kind",
                        "the knowledge base is switched off (knowledge.enabled)");
}

static bool inspect(struct handler_batch *s, size_t segment, const struct frame *frame,
                    bool *refused, struct reject *reject, struct err *failure)
{
    *refused = s->context->config->knowledge.is_on
                   ? !kb_frame_read(&s->reader, segment, frame, &s->held, reject)
                   : !refuse(reject);
    if (!err_is(&s->reader.failure))
        return true;
    *failure = s->reader.failure;
    return false;
}

static size_t held(const struct handler_batch *s, bool *is_over)
{
    *is_over = s->held.is_over;
    return kb_held_bytes(&s->held);
}

static void end(struct handler_batch *s)
{
    kb_reader_free(&s->reader);
    kb_held_close(&s->held);
    free_roots(s->roots);
    free(s);
}

/* --- loading -----------------------------------------------------------------------------------
 */

static bool same_shape(const struct kb_shape *a, const struct kb_shape *b)
{
    return a->type == b->type && a->dimensions == b->dimensions && strcmp(a->model, b->model) == 0;
}

/* The vectors that the batch brings were judged by a shape: it must still be that. */
static struct err check_shape(struct handler_batch *s, struct kb_work *w)
{
    struct kb_context *kb = s->context;
    struct kb_shape now;
    uint64_t vectors = 0;
    TRY(kb_shape_hold(w->in->pg, &now));
    (void)pthread_mutex_lock(&kb->lock);
    kb->shape = now;
    (void)pthread_mutex_unlock(&kb->lock);
    for (size_t i = 0; i < w->plan.count; i++)
        vectors += w->plan.refs[i].vectors;
    return vectors == 0 || same_shape(&s->shape, &now)
               ? ERR_OK
               : err_make(ERR_CONFIG,
                          "the vectors of the database became %s:%zu of model %s while the batch "
                          "was prepared; it is prepared anew",
                          kb_vector_type_names[now.type], now.dimensions,
                          *now.model ? now.model : "(none yet)");
}

static struct err load_range(struct kb_work *w, size_t from, size_t to)
{
    TRY(kb_resolve(w, from, to));
    TRY(kb_send(w));
    return kb_settle(w);
}

/* ERR_ROW leaves the transaction as it was before. */
static struct err try_range(struct kb_work *w, size_t from, size_t to)
{
    TRY(pg_exec(w->in->pg, "SAVEPOINT knowledge"));
    struct err e = load_range(w, from, to);
    if (!err_is(&e))
        e = pg_exec(w->in->pg, "RELEASE SAVEPOINT knowledge");
    else if (e.cls == ERR_ROW)
        TRY(pg_exec(w->in->pg, "ROLLBACK TO SAVEPOINT knowledge; RELEASE SAVEPOINT knowledge"));
    kb_work_accept(w, !err_is(&e));
    return e;
}

/* The server refuses something of this unit: of its document, or of the asset itself. */
static struct err refuse_unit(struct kb_work *w, size_t at, const struct err *why)
{
    struct kb_unit *u = &w->units[at];
    const struct kb_unit whole = *u;
    struct reject reject = {0};
    struct err e = *why;
    if (whole.asset != KB_NONE && whole.ref != KB_NONE) {
        u->ref = KB_NONE;
        e = try_range(w, at, at + 1);
        *u = whole;
        if (err_is(&e) && e.cls != ERR_ROW)
            return e;
    }
    careful_explain(why, &reject);
    if (whole.asset != KB_NONE && err_is(&e)) {
        w->plan.assets[whole.asset].problem = arena_strdup(&w->arena, reject.reason);
        memcpy(w->assets[whole.asset].sqlstate, reject.sqlstate, sizeof reject.sqlstate);
    }
    if (whole.ref != KB_NONE) {
        struct kb_ref *r = &w->plan.refs[whole.ref];
        r->target = KB_TARGET_REJECT;
        (void)snprintf(r->problem, sizeof r->problem, "%s", reject.reason);
        memcpy(w->refs[whole.ref].sqlstate, reject.sqlstate, sizeof reject.sqlstate);
    }
    return ERR_OK;
}

static struct err load_carefully(struct kb_work *w, size_t from, size_t to)
{
    struct err e = try_range(w, from, to);
    if (e.cls != ERR_ROW) /* or there is none */
        return e;
    if (to - from == 1)
        return refuse_unit(w, from, &e);
    size_t half = from + (to - from) / 2;
    TRY(load_carefully(w, from, half));
    return load_carefully(w, half, to);
}

/* One for the batch, where it leaves chunks that wait. */
static struct err announce(struct kb_work *w)
{
    const struct claim *c = w->in->batch->claim;
    struct uuid event = uuid_new();
    struct buf docs = {0};
    struct buf sinks = {0};
    char event_id[UUID_TEXT];
    if (w->next.len == 0)
        return ERR_OK;
    buf_byte(&docs, '{');
    buf_put(&docs, w->next.data, w->next.len);
    buf_byte(&docs, '}');
    w->terms->sinks(w->terms, EVENT_EMBED_START, c->gate, &sinks);
    struct err e = pg_query(w->in->pg, sql_kb_embed_start,
                            PG_PARAMS(c->batch, buf_cstr(&docs), w->terms->model,
                                      uuid_format(&event, event_id), buf_cstr(&sinks)),
                            NULL);
    buf_free(&docs);
    buf_free(&sinks);
    return e;
}

/* Frames without an effect are skipped; those of a reject are counted as such. */
static void count_frames(struct kb_work *w, bool *any_reject)
{
    const char *sqlstate;
    *any_reject = false;
    for (size_t i = 0; i < w->held->count; i++) {
        const struct kb_record *r = &w->held->records[i];
        uint32_t asset = w->plan.asset_of[i];
        uint32_t ref = w->plan.ref_of[i];
        if (w->in->batch->segments[r->segment].fate != SEGMENT_LOADED)
            continue;
        if (kb_work_problem(w, i, &sqlstate)) {
            *any_reject = true;
            continue;
        }
        bool has_effect = asset != KB_NONE && r->has_asset && w->assets[asset].is_changed;
        if (ref != KB_NONE && kb_record_is_document(r) && !w->plan.refs[ref].is_superseded)
            has_effect |= w->refs[ref].is_changed;
        if (!has_effect)
            w->in->skipped += r->frames;
    }
}

static void name_tables(const struct kb_work *w)
{
    static const char *const names[KB_TABLES] = {"pmoves_core.assets", "pmoves_kb.documents",
                                                 "pmoves_kb.sections", "pmoves_kb.chunks"};
    size_t n = 0;
    for (size_t i = 0; i < KB_TABLES; i++)
        if (w->rows[i] > 0)
            w->in->tables[n++] = (struct handler_table){names[i], w->rows[i]};
}

static struct err load_work(struct handler_batch *s, struct kb_work *w)
{
    bool any_reject;
    if (w->count > 0) {
        TRY(pg_query(w->in->pg, sql_kb_lock_batch, PG_NO_PARAMS, NULL));
        TRY(check_shape(s, w));
        if (w->in->is_careful)
            TRY(load_carefully(w, 0, w->count));
        else
            TRY(load_range(w, 0, w->count));
        kb_work_accept(w, true);
        TRY(announce(w));
        TRY(newer_check_knowledge(w->in->pg));
    }
    count_frames(w, &any_reject);
    name_tables(w);
    return any_reject || w->in->must_walk ? kb_walk(w, KB_WALK_REJECT, NULL) : ERR_OK;
}

/* It is switched off: nothing was held. */
static struct err refuse_frame(void *state, size_t segment, const struct frame *frame,
                               bool *refused, struct reject *reject)
{
    (void)state;
    (void)segment;
    (void)frame;
    *refused = !refuse(reject);
    return ERR_OK;
}

static struct err load(struct handler_batch *s, struct handler_load *in)
{
    struct kb_work w;
    if (!s->context->config->knowledge.is_on)
        return in->must_walk ? in->walk(in, true, refuse_frame, s) : ERR_OK;
    kb_work_open(&w, &s->held, in, s->terms);
    w.reader = fresh_reader(s);
    struct err e = load_work(s, &w);
    kb_work_close(&w);
    return e;
}

/* --- the context -------------------------------------------------------------------------------
 */

void kb_context_open(struct kb_context *kb, const struct config *config)
{
    *kb = (struct kb_context){.config = config,
                              .shape = {.type = KB_REAL},
                              .budget = PREPARE_BUDGET,
                              .handler = {.takes = kb_frame_is,
                                          .begin = begin,
                                          .inspect = inspect,
                                          .held = held,
                                          .load = load,
                                          .end = end,
                                          .context = kb}};
    (void)pthread_mutex_init(&kb->lock, NULL);
}

void kb_context_close(struct kb_context *kb)
{
    (void)pthread_mutex_destroy(&kb->lock);
}

struct err kb_context_refresh(struct kb_context *kb, struct pg *pg)
{
    struct kb_shape now;
    if (!kb->config->knowledge.is_on)
        return ERR_OK;
    TRY(kb_shape_read(pg, &now));
    (void)pthread_mutex_lock(&kb->lock);
    kb->shape = now;
    (void)pthread_mutex_unlock(&kb->lock);
    return ERR_OK;
}

const struct handler *kb_handler(struct kb_context *kb)
{
    return &kb->handler;
}
