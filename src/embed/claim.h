/* SPDX-License-Identifier: MIT */
/*
 * claim: chunks in one worker's hands: taken with a lease, and settled in one transaction.
 *
 *     struct embed_claim c = {0};
 *     TRY(embed_claim_take(&c, &pg, declared));         // c.count may be 0
 *     ... c.pieces[i].fate, c.vectors; embed_claim_renew(&c, &pg) in between ...
 *     TRY(embed_claim_settle(&c, &pg, &report, &settled));
 *     embed_claim_free(&c);
 *
 * A settlement changes only what is still the claim's: a lease that lapsed may have been taken by
 * somebody else, and a newer version of the document may have removed the chunk. It may be tried
 * again after a failure, on another connection, too.
 *
 * The claim owns the texts. Errors are the database's.
 */
#ifndef SPOOLGATE_EMBED_CLAIM_H
#define SPOOLGATE_EMBED_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"
#include "embed/embedder.h"
#include "io/pg.h"
#include "kb/shape.h"
#include "manifest/manifest.h"

enum embed_fate {
    PIECE_BACK,    /* nothing was found out: it waits as before */
    PIECE_DONE,    /* its vector is there */
    PIECE_AGAIN,   /* its answer made no sense: an attempt is spent */
    PIECE_BREAKS,  /* the server fails at it alone: the same, of more attempts */
    PIECE_REFUSED, /* it can't have a vector */
};

struct embed_piece {
    const char *chunk_id, *doc_id;
    struct embed_text text;
    uint64_t tokens;
    size_t vector; /* its place among the claim's vectors; pieces of one text share it */
    enum embed_fate fate;
    char *error; /* of one that is at fault; malloc'ed */
};

struct embed_claim {
    char id[UUID_TEXT];
    struct embed_piece *pieces;
    size_t count;
    float *vectors; /* room for one of each piece, `dimensions` numbers */
    size_t dimensions;

    /* private */
    PGresult *rows;
    int64_t lease_us, until_us; /* monotonic */
};

/* most: chunks; the manifest says how many at once, a server's refusals may say fewer. */
struct err embed_claim_take(struct embed_claim *c, struct pg *pg,
                            const struct manifest_embedder *declared, size_t most);

/* Makes sure that the lease lasts for one more request. */
struct err embed_claim_renew(struct embed_claim *c, struct pg *pg);
/* Nobody else has it, as far as the clock goes. */
bool embed_claim_holds(const struct embed_claim *c);

enum embed_health { EMBED_UNKNOWN, EMBED_WELL, EMBED_FAILING, EMBED_HALTED };
struct embed_report {
    const struct manifest_embedder *declared;
    const struct kb_shape *shape;
    uint64_t requests;
    enum embed_health health;
    const char *error; /* NULL: none */
    int64_t pause_us;  /* EMBED_FAILING: what the provider asked for; 0: nothing */
};
struct embed_settled {
    uint64_t embedded, failed; /* chunks */
    uint64_t documents;        /* completed */
};

struct err embed_claim_settle(struct embed_claim *c, struct pg *pg,
                              const struct embed_report *report, struct embed_settled *settled);
void embed_claim_free(struct embed_claim *c);

#endif
