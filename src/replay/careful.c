/* SPDX-License-Identifier: MIT */
#include "replay/careful.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"

enum {
    BLOCK_ROWS = 1000,
    BLOCK_BYTES = 4 << 20,

    /* Rows that wait for others: so many bytes, and of those that were found one by one so many
     * rows; what comes then is refused at once. A chain in which each wants the next ends, too. */
    LATER_BYTES = 64 << 20,
    LATER_ROWS = 1000,
    LATER_ROUNDS = 16,
};

/* One row of a block, and the frame it came from. */
struct item {
    size_t row_at, row_len;     /* in the block's rows */
    size_t frame_at, frame_len; /* in the block's frames */
    size_t segment;
    uint64_t index, offset;
    int64_t time_us;
};

struct careful_block {
    struct buf rows, frames;
    struct item *items;
    size_t count, cap;
};

void careful_open(struct careful *c, struct pg *pg, struct copier *copier, struct stages *stages,
                  careful_refused_fn *refused, void *context)
{
    size_t tables = stages->streams->count;
    *c = (struct careful){.ts_min_us = INT64_MAX,
                          .ts_max_us = INT64_MIN,
                          .pg = pg,
                          .copier = copier,
                          .stages = stages,
                          .tables = tables,
                          .blocks = mem_calloc(tables, sizeof *c->blocks),
                          .later = mem_calloc(tables, sizeof *c->later),
                          .refused = refused,
                          .context = context};
}

static void free_blocks(struct careful_block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_free(&blocks[i].rows);
        buf_free(&blocks[i].frames);
        free(blocks[i].items);
    }
    free(blocks);
}

void careful_close(struct careful *c)
{
    free_blocks(c->blocks, c->tables);
    free_blocks(c->later, c->tables);
    *c = (struct careful){0};
}

static void add_item(struct careful_block *b, struct item item, const void *row, const void *frame)
{
    item.row_at = b->rows.len;
    item.frame_at = b->frames.len;
    *MEM_PUSH(b->items, b->count, b->cap) = item;
    buf_put(&b->rows, row, item.row_len);
    buf_put(&b->frames, frame, item.frame_len);
}

struct err careful_check_now(struct careful *c)
{
    return pg_exec(c->pg, "SET CONSTRAINTS ALL IMMEDIATE");
}

static struct err copy_range(struct careful *c, size_t table, size_t from, size_t to)
{
    const struct careful_block *b = &c->blocks[table];
    const struct item *first = &b->items[from];
    const struct item *last = &b->items[to - 1];
    struct buf frame = {0};
    uint64_t taken = 0;
    TRY(pg_copy_begin(c->pg, c->copier->commands[table]));
    copybin_header(&frame);
    struct err e = pg_copy_data(c->pg, frame.data, frame.len);
    if (!err_is(&e))
        e = pg_copy_data(c->pg, b->rows.data + first->row_at,
                         last->row_at + last->row_len - first->row_at);
    buf_clear(&frame);
    copybin_trailer(&frame);
    if (!err_is(&e))
        e = pg_copy_data(c->pg, frame.data, frame.len);
    buf_free(&frame);
    if (!err_is(&e))
        e = pg_copy_end(c->pg, &taken);
    if (!err_is(&e) && taken != to - from)
        e = err_make(ERR_DATABASE,
                     "COPY took %zu rows of the %zu that were sent (does a trigger or rule drop "
                     "rows?)",
                     (size_t)taken, to - from);
    return e;
}

static bool is_staged(const struct careful *c, size_t table)
{
    return stream_is_staged(&c->stages->streams->streams[table]);
}

/* Changed: the rows of the range that are in the table now. */
static struct err insert_range(struct careful *c, size_t table, size_t from, size_t to,
                               uint64_t *changed)
{
    TRY(copy_range(c, table, from, to));
    *changed = to - from;
    return is_staged(c, table) ? stage_merge(c->stages, table, changed) : ERR_OK;
}

static void note_loaded(struct careful *c, size_t table, size_t from, size_t to, uint64_t changed)
{
    c->copier->counts[table] += changed;
    c->skipped += to - from - changed;
    for (size_t i = from; i < to; i++) {
        int64_t us = c->blocks[table].items[i].time_us;
        if (us < c->ts_min_us && us != INT64_MIN) /* it has none */
            c->ts_min_us = us;
        if (us > c->ts_max_us)
            c->ts_max_us = us;
    }
}

void careful_explain(const struct err *why, struct reject *reject)
{
    /* The row of ingestion_reject has a column for the SQLSTATE, and says who refused. */
    const char *said = strncmp(why->text, "database: ", 10) == 0 ? why->text + 10 : why->text;
    const char *state = strstr(said, " (SQLSTATE ");
    (void)snprintf(reject->reason, sizeof reject->reason, "%.*s",
                   (int)(state ? state - said : (ptrdiff_t)strlen(said)), said);
    /* The reason may have been cut inside a character, and it is going to be text in a row. */
    reject->reason[utf8_check((const uint8_t *)reject->reason, strlen(reject->reason))] = '\0';
    (void)snprintf(reject->sqlstate, sizeof reject->sqlstate, "%s", why->sqlstate);
    reject->why = REJECT_SERVER;
}

static struct err refuse(struct careful *c, size_t table, size_t at, const struct err *why)
{
    const struct careful_block *b = &c->blocks[table];
    const struct item *item = &b->items[at];
    struct frame frame = {.bytes = b->frames.data + item->frame_at,
                          .len = item->frame_len,
                          .offset = item->offset,
                          .index = item->index};
    struct reject reject = {0};
    careful_explain(why, &reject);
    return c->refused(c->context, item->segment, &frame, &reject);
}

/* Tries the rows all at once; ERR_ROW leaves the transaction as it was before. */
static struct err try_range(struct careful *c, size_t table, size_t from, size_t to)
{
    uint64_t changed;
    TRY(pg_exec(c->pg, "SAVEPOINT careful"));
    struct err e = insert_range(c, table, from, to, &changed);
    if (!err_is(&e)) {
        TRY(pg_exec(c->pg, "RELEASE SAVEPOINT careful"));
        note_loaded(c, table, from, to, changed);
        return is_staged(c, table) ? stage_empty(c->stages, table) : ERR_OK;
    }
    if (e.cls == ERR_ROW) {
        uint64_t line = c->pg->copy_line;
        TRY(pg_exec(c->pg, "ROLLBACK TO SAVEPOINT careful; RELEASE SAVEPOINT careful"));
        c->pg->copy_line = line;
    }
    return e;
}

/* What lacks the row that it refers to may find it when all others are in. Where rows have a key
 * their order counts, so none waits. */
static bool may_wait(const struct careful *c, size_t table, size_t count, const struct err *why)
{
    if (strcmp(why->sqlstate, "23503") != 0 || is_staged(c, table) || c->later_bytes >= LATER_BYTES)
        return false;
    return c->patience == CAREFUL_WAIT_RANGES ||
           (c->patience == CAREFUL_WAIT_ROWS && count == 1 && c->later_rows < LATER_ROWS);
}

static void set_aside(struct careful *c, size_t table, size_t from, size_t to)
{
    const struct careful_block *b = &c->blocks[table];
    for (size_t i = from; i < to; i++) {
        const struct item *item = &b->items[i];
        add_item(&c->later[table], *item, b->rows.data + item->row_at,
                 b->frames.data + item->frame_at);
        c->later_bytes += item->row_len + item->frame_len + sizeof *item;
    }
    c->later_rows += to - from;
}

static struct err load_range(struct careful *c, size_t table, size_t from, size_t to)
{
    while (from < to) {
        /* What waited may be tried many times, long after the last frame was read. */
        if (c->stop && atomic_load_explicit(c->stop, memory_order_relaxed))
            return err_make(ERR_STOPPED, "asked to stop");
        struct err e = try_range(c, table, from, to);
        if (e.cls != ERR_ROW) /* or there is none */
            return e;
        if (may_wait(c, table, to - from, &e)) {
            set_aside(c, table, from, to);
            return ERR_OK;
        }
        size_t count = to - from;
        if (count == 1)
            return refuse(c, table, from, &e);
        /* The line that the server named is tried by itself; without one, the halves are. */
        uint64_t line = c->pg->copy_line;
        bool named = line >= 1 && line <= count;
        size_t cut = named ? from + (size_t)line - 1 : from + count / 2;
        TRY(load_range(c, table, from, cut));
        if (named)
            TRY(load_range(c, table, cut, cut + 1));
        from = cut + named;
    }
    return ERR_OK;
}

static struct err flush(struct careful *c, size_t table)
{
    struct careful_block *b = &c->blocks[table];
    for (size_t from = 0; from < b->count; from += BLOCK_ROWS)
        TRY(load_range(c, table, from,
                       b->count - from > BLOCK_ROWS ? from + BLOCK_ROWS : b->count));
    b->count = 0;
    buf_clear(&b->rows);
    buf_clear(&b->frames);
    return ERR_OK;
}

/* What has a key goes in behind all that has none, as in a plain load, where it is merged at the
 * end: it can't wait, and may want one of those. */
static struct err flush_plain(struct careful *c)
{
    for (size_t table = 0; table < c->tables; table++)
        if (!is_staged(c, table))
            TRY(flush(c, table));
    return ERR_OK;
}

struct err careful_add(struct careful *c, size_t table, struct buf *row, size_t segment,
                       const struct frame *frame, int64_t time_us)
{
    struct careful_block *b = &c->blocks[table];
    const struct item item = {.row_len = row->len,
                              .frame_len = frame->len,
                              .segment = segment,
                              .index = frame->index,
                              .offset = frame->offset,
                              .time_us = time_us};
    add_item(b, item, row->data, frame->bytes);
    buf_clear(row);
    bool full = b->count == BLOCK_ROWS || b->rows.len + b->frames.len >= BLOCK_BYTES;
    if (!full)
        return ERR_OK;
    if (is_staged(c, table))
        TRY(flush_plain(c));
    return flush(c, table);
}

static struct err load_later(struct careful *c)
{
    c->later_bytes = c->later_rows = 0;
    for (size_t table = 0; table < c->tables; table++) {
        struct careful_block waiting = c->later[table];
        c->later[table] = c->blocks[table]; /* which is empty */
        c->blocks[table] = waiting;
        TRY(flush(c, table));
    }
    return ERR_OK;
}

/* Again and again, while that helps. */
static struct err load_waiting(struct careful *c, enum careful_patience patience)
{
    size_t before = SIZE_MAX;
    c->patience = patience;
    for (int round = 0; c->later_rows > 0 && c->later_rows < before && round < LATER_ROUNDS;
         round++) {
        before = c->later_rows;
        TRY(load_later(c));
    }
    return ERR_OK;
}

struct err careful_finish(struct careful *c)
{
    TRY(flush_plain(c));
    for (size_t table = 0; table < c->tables; table++)
        TRY(flush(c, table));
    TRY(load_waiting(c, CAREFUL_WAIT_RANGES));
    TRY(load_waiting(c, CAREFUL_WAIT_ROWS)); /* the rows that keep their ranges back */
    return load_waiting(c, CAREFUL_WAIT_NO_MORE);
}
