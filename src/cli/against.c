/* SPDX-License-Identifier: MIT */
#include "cli/against.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "db/queries.h"
#include "kb/load.h"
#include "replay/transaction.h"
#include "schema/plan.h"

static void note_partition(void *context, const char *leaf)
{
    struct against *a = context;
    *MEM_PUSH(a->partitions, a->partition_count, a->partition_cap) = mem_strdup(leaf);
}

static struct err note_refused(void *context, size_t segment, const struct frame *frame,
                               const struct reject *reject)
{
    struct against *a = context;
    (void)segment;
    *MEM_PUSH(a->refused, a->refused_count, a->refused_cap) =
        (struct against_refused){frame->index, frame->offset, *reject};
    return ERR_OK;
}

/* Of the streams that have rows here. */
static struct err check_fit(struct pg *pg, const struct prepared *p)
{
    const struct partition_list *rows = &p->batch.partitions;
    for (size_t i = 0; i < rows->count; i++) {
        struct buf why = {0};
        if (i > 0 && rows->items[i].stream == rows->items[i - 1].stream)
            continue;
        struct err e = plan_check_fit(pg, &p->terms.streams->streams[rows->items[i].stream], &why);
        if (!err_is(&e) && why.len > 0)
            e = err_make(ERR_CONFIG, "%s", buf_cstr(&why));
        buf_free(&why);
        if (err_is(&e))
            return e;
    }
    return ERR_OK;
}

static struct err find_duplicate(struct against *a, struct pg *pg, const struct prepared *p)
{
    char hex[HASH_HEX];
    char key[HASH_HEX + 8];
    PGresult *owner;
    if (p->terms.rules->dedupe != DEDUPE_CONTENT)
        return ERR_OK;
    (void)snprintf(key, sizeof key, "sha256:%s", hash_hex(p->batch.segments[0].sum.sha256, hex));
    TRY(pg_query(pg, sql_ledger_owner, PG_PARAMS(key), &owner));
    if (PQntuples(owner) == 1)
        (void)snprintf(a->duplicate_of, sizeof a->duplicate_of, "%s", PQgetvalue(owner, 0, 0));
    PQclear(owner);
    return ERR_OK;
}

static struct err try_batch(struct against *a, struct loader *l, struct prepared *p,
                            struct kb_context *kb)
{
    const struct batch *b = &p->batch;
    TRY(pg_open(&l->pg, &l->target));
    TRY(kb_context_refresh(kb, &l->pg));
    TRY(prepare_batch(&l->preparer, p));
    if (b->segments[0].fate == SEGMENT_FAILED)
        return err_make(ERR_SEGMENT, "%s", b->segments[0].reason);
    TRY(check_fit(&l->pg, p));
    TRY(find_duplicate(a, &l->pg, p));
    TRY(partition_missing(&l->pg, p->terms.streams, &b->partitions, note_partition, a));
    struct err e = transaction_try(l, p, note_refused, a);
    if (e.cls == ERR_ROW && b->checks_now) { /* it couldn't tell which rows */
        a->refused_count = 0;
        TRY(pg_open(&l->pg, &l->target));
        e = transaction_try(l, p, note_refused, a);
    }
    if (err_is(&e))
        return e;
    struct batch_totals t = batch_totals(b);
    a->rows = t.rows;
    a->skipped = t.skipped;
    return ERR_OK;
}

struct err against_try(struct against *a, const struct config *config,
                       struct manifest_current *current, const char *gate, const char *path)
{
    struct kb_context kb;
    kb_context_open(&kb, config);
    struct loader l = {
        .preparer = {.terms = manifest_current_terms(current), .handler = kb_handler(&kb)},
        .target = {config->database, config->schema}};
    struct prepared p;
    pg_init(&l.pg);
    prepared_open(&p, &l.preparer);
    claim_pretend(&p.claim, gate, AT_FDCWD, path);
    struct err e = try_batch(a, &l, &p, &kb);
    prepared_close(&p);
    preparer_close(&l.preparer);
    pg_close(&l.pg);
    kb_context_close(&kb);
    return e;
}

void against_free(struct against *a)
{
    for (size_t i = 0; i < a->partition_count; i++)
        free(a->partitions[i]);
    free(a->partitions);
    free(a->refused);
    *a = (struct against){0};
}
