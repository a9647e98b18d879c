/* SPDX-License-Identifier: MIT */
#include "replay/copier.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "replay/copybin.h"

void copier_open(struct copier *c, struct pg *pg, size_t tables)
{
    *c = (struct copier){.rows = mem_calloc(tables, sizeof *c->rows),
                         .counts = mem_calloc(tables, sizeof *c->counts),
                         .confirmed = mem_calloc(tables, sizeof *c->confirmed),
                         .pg = pg,
                         .commands = mem_calloc(tables, sizeof *c->commands),
                         .tables = tables,
                         .running = tables};
}

void copier_name(struct copier *c, size_t table, const char *command)
{
    c->commands[table] = mem_strdup(command);
}

static struct err send(struct copier *c)
{
    struct buf *rows = &c->rows[c->running];
    TRY(pg_copy_data(c->pg, rows->data, rows->len));
    buf_clear(rows);
    return ERR_OK;
}

static struct err begin(struct copier *c, size_t table)
{
    struct buf header = {0};
    TRY(pg_copy_begin(c->pg, c->commands[table]));
    c->running = table;
    copybin_header(&header);
    struct err e = pg_copy_data(c->pg, header.data, header.len);
    buf_free(&header);
    return err_is(&e) ? e : send(c);
}

/* Ends the COPY under way. The server's count must be ours, or rows were lost on the way. */
static struct err end(struct copier *c)
{
    uint64_t taken;
    size_t table = c->running;
    if (table == c->tables)
        return ERR_OK;
    copybin_trailer(&c->rows[table]);
    TRY(send(c));
    c->running = c->tables;
    TRY(pg_copy_end(c->pg, &taken));
    uint64_t sent = c->counts[table] - c->confirmed[table];
    c->confirmed[table] = c->counts[table];
    if (taken != sent)
        return err_make(ERR_DATABASE,
                        "COPY took %" PRIu64 " rows of the %" PRIu64
                        " that were sent (does a trigger or rule drop rows?)",
                        taken, sent);
    return ERR_OK;
}

struct err copier_row_added(struct copier *c, size_t table)
{
    c->counts[table]++;
    size_t waiting = c->rows[table].len;
    if (table == c->running)
        return waiting >= COPIER_PIECE ? send(c) : ERR_OK;
    bool first = c->running == c->tables;
    if (waiting < (first ? COPIER_PIECE : COPIER_GATHER))
        return ERR_OK;
    TRY(end(c));
    return begin(c, table);
}

void copier_row_kept(struct copier *c, size_t table)
{
    c->counts[table]++;
}

struct err copier_rows(struct copier *c, size_t table, const void *bytes, size_t len, uint64_t rows)
{
    if (table != c->running) {
        TRY(end(c));
        TRY(begin(c, table));
    }
    c->counts[table] += rows;
    if (len < COPIER_PIECE) { /* gathered: rows of many days come by the handful */
        buf_put(&c->rows[table], bytes, len);
        return c->rows[table].len >= COPIER_PIECE ? send(c) : ERR_OK;
    }
    TRY(send(c));
    return pg_copy_data(c->pg, bytes, len);
}

struct err copier_finish(struct copier *c)
{
    TRY(end(c));
    for (size_t table = 0; table < c->tables; table++)
        if (c->rows[table].len > 0) {
            TRY(begin(c, table));
            TRY(end(c));
        }
    return ERR_OK;
}

void copier_close(struct copier *c)
{
    for (size_t table = 0; table < c->tables; table++) {
        buf_free(&c->rows[table]);
        free(c->commands[table]);
    }
    free(c->rows);
    free(c->counts);
    free(c->confirmed);
    free(c->commands);
    *c = (struct copier){0};
}
