/* SPDX-License-Identifier: MIT */
/*
 * plan: the records of a batch put together by the assets and documents that they are about. Pure.
 *
 *     struct kb_plan p;
 *     kb_plan_open(&p, &held);
 *     for each record of a segment that is loaded: kb_plan_add(&p, record);
 *     ... p.assets[i], p.refs[i] ...;  p.ref_of[record], p.asset_of[record] ...
 *     kb_plan_close(&p);
 *
 * A frame belongs to the asset that a frame before it has named by the same asset_id or uri, and to
 * the document (a ref) that one has named by the same doc_id; without a doc_id, to the one that its
 * asset had last. A second head of a document begins a new ref, and what the first one said of the
 * document counts no more (is_superseded; its frames are skipped). Two entries may turn out to be
 * one only in the database, where they are named differently: kb/load.c sees to that.
 */
#ifndef SPOOLGATE_KB_PLAN_H
#define SPOOLGATE_KB_PLAN_H

#include "kb/held.h"

#define KB_NONE UINT32_MAX

struct kb_plan_asset {
    struct kb_span uri; /* of held.texts; len 0: the batch doesn't say */
    bool has_asset_id;
    struct uuid asset_id;
    struct kb_span previous_uri; /* it was called so before the batch; len 0: not renamed */

    /* is_described: asset frames say what it is: what they have changes one that is there. Else
     * documents' frames say what it is if it is new. Each of held.fields, of the last frame that
     * has it; len 0: none has. */
    bool is_described;
    struct kb_span fields[KB_ASSET_FIELDS];

    uint64_t frames;     /* that say something of the asset alone */
    const char *problem; /* its frames and its documents' are rejects; NULL: none */

    /* private */
    uint32_t ref; /* its last document */
};

/* What is done with a ref's chunks; kb/load.c decides. */
enum kb_target {
    KB_TARGET_NONE,   /* nothing: it is there already */
    KB_TARGET_SERVED, /* pmoves_kb.chunks: a new document whose chunks all have vectors */
    KB_TARGET_NEXT,   /* chunks_next */
    KB_TARGET_REJECT, /* its frames are rejects */
};

struct kb_ref {
    uint32_t asset;  /* of p.assets; KB_NONE: only its doc_id is known */
    bool has_doc_id; /* given, in given_id */
    struct uuid given_id;
    const struct kb_record *head; /* NULL: sections and chunks for a document that is there */
    struct kb_span checksum;      /* what the asset's must be; len 0: any */
    bool is_superseded;
    uint64_t frames; /* that say something of the document; an asset's with its text is one of them
                        while it is the head */
    uint64_t sections, chunks, vectors;
    uint8_t digest[HASH_BYTES]; /* of all that its frames say, in order */

    /* what the database made of it */
    struct uuid doc_id;
    enum kb_target target;
    char problem[200]; /* KB_TARGET_REJECT, which the plan sets where names contradict */
};

struct kb_plan {
    const struct kb_held *held;
    struct kb_plan_asset *assets;
    size_t asset_count, asset_cap;
    struct kb_ref *refs;
    size_t count, cap;
    uint32_t *asset_of, *ref_of; /* by record; KB_NONE: it isn't loaded, or has none */
    uint64_t superseded;         /* frames of refs that are */

    /* private */
    struct kb_index *index;
};

void kb_plan_open(struct kb_plan *p, const struct kb_held *held);
/* Once for a record, in their order. Pointers into assets and refs hold until the next. */
void kb_plan_add(struct kb_plan *p, size_t record);
void kb_plan_close(struct kb_plan *p);

/* The KB_ASSET_FIELDS of an asset, as a row of COPY BINARY has them one behind the other. */
void kb_plan_put_fields(struct buf *out, const struct kb_plan *p,
                        const struct kb_plan_asset *asset);

#endif
