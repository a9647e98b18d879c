/* SPDX-License-Identifier: MIT */
/*
 * copier: rows of several tables through one connection, in few and long COPYs.
 *
 *     struct copier c;
 *     copier_open(&c, &pg, table_count);
 *     copier_name(&c, 0, "COPY metrics (...) FROM STDIN (FORMAT binary)");
 *     ... append a row to c.rows[0] ...
 *     TRY(copier_row_added(&c, 0));
 *     TRY(copier_finish(&c));            // every table's rows are in; c.counts[] says how many
 *     copier_close(&c);
 *
 * A connection runs one COPY at a time. Rows of the table whose COPY is running go out in pieces of
 * COPIER_PIECE; rows of other tables gather, and a table whose rows reach COPIER_GATHER gets the
 * next COPY. So a batch of one table is one COPY, and mixed batches switch once in several MiB.
 */
#ifndef SPOOLGATE_REPLAY_COPIER_H
#define SPOOLGATE_REPLAY_COPIER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/pg.h"

#define COPIER_PIECE  ((size_t)64 << 10)
#define COPIER_GATHER ((size_t)4 << 20)

struct copier {
    struct buf *rows; /* by table: rows not sent yet */
    uint64_t *counts; /* by table: rows appended so far */

    /* private */
    struct pg *pg;
    char **commands;
    size_t tables, running; /* running == tables: no COPY is under way */
    uint64_t *confirmed;    /* by table: rows that the server counted, too */
};

void copier_open(struct copier *c, struct pg *pg, size_t tables);
void copier_name(struct copier *c, size_t table, const char *command);
struct err copier_row_added(struct copier *c, size_t table);
/* The row stays with us until copier_finish: while careful.c runs COPYs of its own. */
void copier_row_kept(struct copier *c, size_t table);
/* Rows that are encoded elsewhere, `rows` of them in `len` bytes. */
struct err copier_rows(struct copier *c, size_t table, const void *bytes, size_t len,
                       uint64_t rows);
struct err copier_finish(struct copier *c);
void copier_close(struct copier *c);

#endif
