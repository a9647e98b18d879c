/* SPDX-License-Identifier: MIT */
/*
 * Rows of sections and chunks on their way into the tables. A connection runs one COPY at a time,
 * so rows gather by table, and go out together: sections before the chunks that are in them.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sql.h"
#include "base/word.h"
#include "db/queries.h"
#include "kb/work.h"
#include "replay/copier.h"

enum { SERVED, NEXT, TARGETS };

struct kb_sender {
    struct kb_work *work;
    struct buf sections;
    struct buf chunks[TARGETS];
    uint64_t section_count, chunk_count[TARGETS];
    char *copy[TARGETS]; /* commands */
    int64_t *last;       /* by ref: the highest idx of its chunks so far */
};

static void sender_open(struct kb_sender *s, struct kb_work *w)
{
    static const char *const tables[] = {"pmoves_kb.chunks", "pmoves_kb.chunks_next"};
    *s = (struct kb_sender){.work = w, .last = mem_calloc(w->plan.count + 1, sizeof *s->last)};
    for (size_t i = 0; i < w->plan.count; i++)
        s->last[i] = -1;
    for (size_t i = 0; i < TARGETS; i++) {
        struct buf command = {0};
        sql_fill(&command, sql_kb_chunk_copy, (const struct sql_var[]){{"table", tables[i]}, {0}});
        s->copy[i] = buf_take(&command);
    }
}

static void sender_close(struct kb_sender *s)
{
    buf_free(&s->sections);
    for (size_t i = 0; i < TARGETS; i++) {
        buf_free(&s->chunks[i]);
        free(s->copy[i]);
    }
    free(s->last);
}

static struct err flush(struct kb_sender *s)
{
    struct pg *pg = s->work->in->pg;
    if (s->section_count > 0) {
        TRY(kb_copy(pg, sql_kb_section_copy, &s->sections, s->section_count));
        TRY(pg_exec(pg, sql_kb_sections));
    }
    s->section_count = 0;
    buf_clear(&s->sections);
    for (size_t i = 0; i < TARGETS; i++) {
        if (s->chunk_count[i] > 0)
            TRY(kb_copy(pg, s->copy[i], &s->chunks[i], s->chunk_count[i]));
        s->chunk_count[i] = 0;
        buf_clear(&s->chunks[i]);
    }
    return ERR_OK;
}

/* --- rows --------------------------------------------------------------------------------------
 */

enum { FIELD_CHUNK = 0, FIELD_IDX = 6 }; /* of a chunk's row: kb/held.h */

static const uint8_t *field(const struct kb_row *row, unsigned number)
{
    const uint8_t *p = row->bytes + 2;
    for (; number > 0; number--) {
        uint32_t len = word_be32(p);
        p += 4 + (len == UINT32_MAX ? 0 : len);
    }
    return p + 4;
}

static void separate(struct buf *list)
{
    if (list->len > 0)
        buf_byte(list, ',');
}

/* Of chunks with one idx the last counts. Those of which none can have come before aren't noted:
 * nearly all, for a document's come in order. What joins a document may meet anything. */
static void note_idx(struct kb_sender *s, uint32_t ref, const struct kb_row *row)
{
    struct kb_work *w = s->work;
    const struct kb_ref *r = &w->plan.refs[ref];
    int64_t idx = (int32_t)word_be32(field(row, FIELD_IDX));
    struct uuid chunk;
    char text[UUID_TEXT];
    if (r->head && idx > s->last[ref]) {
        s->last[ref] = idx;
        return;
    }
    memcpy(chunk.bytes, field(row, FIELD_CHUNK), sizeof chunk.bytes);
    separate(&w->docs);
    separate(&w->idxs);
    separate(&w->chunks);
    buf_str(&w->docs, uuid_format(&r->doc_id, text));
    buf_printf(&w->idxs, "%" PRId64, idx);
    buf_str(&w->chunks, uuid_format(&chunk, text));
}

struct err kb_sender_record(struct kb_sender *s, uint32_t ref, const struct kb_held *held,
                            const struct kb_record *record)
{
    const struct kb_ref *r = &s->work->plan.refs[ref];
    unsigned target = r->target == KB_TARGET_SERVED ? SERVED : NEXT;
    struct kb_ids ids = {.doc = r->doc_id};
    struct kb_row row;
    struct kb_rows rows = kb_rows_of(&held->sections, record->section_rows);
    while (kb_rows_next(&rows, &row)) {
        kb_section_fill(&s->sections, &row, &ids);
        s->section_count++;
        s->work->rows_now[KB_SECTIONS]++;
    }
    rows = kb_rows_of(&held->chunks, record->chunk_rows);
    while (kb_rows_next(&rows, &row)) {
        note_idx(s, ref, &row);
        kb_chunk_fill(&s->chunks[target], &row, &ids);
        s->chunk_count[target]++;
        s->work->rows_now[KB_CHUNKS]++;
        if (s->chunks[target].len >= COPIER_GATHER)
            TRY(flush(s));
    }
    return s->sections.len + s->chunks[SERVED].len + s->chunks[NEXT].len >= COPIER_GATHER ? flush(s)
                                                                                          : ERR_OK;
}

/* --- all of a range ----------------------------------------------------------------------------
 */

static struct err send_held(struct kb_sender *s)
{
    const struct kb_work *w = s->work;
    for (size_t i = 0; i < w->held->count; i++) {
        uint32_t ref = w->plan.ref_of[i];
        if (kb_work_sends(w, i))
            TRY(kb_sender_record(s, ref, w->held, &w->held->records[i]));
    }
    return ERR_OK;
}

struct err kb_send(struct kb_work *w)
{
    struct kb_sender s;
    sender_open(&s, w);
    struct err e = w->held->is_over ? kb_walk(w, KB_WALK_SEND, &s) : send_held(&s);
    if (!err_is(&e))
        e = flush(&s);
    sender_close(&s);
    return e;
}
