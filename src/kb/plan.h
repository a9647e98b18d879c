/* SPDX-License-Identifier: MIT */
/*
 * plan: the records of a batch put together by the document that they are about. Pure.
 *
 *     struct kb_plan p;
 *     kb_plan_open(&p, &held);
 *     for each record of a segment that is loaded: kb_plan_add(&p, record);
 *     ... p.refs[i] ...;  p.ref_of[record] is the ref that a record belongs to ...
 *     kb_plan_close(&p);
 *
 * A ref is one asset with one document, as far as the batch names it. Frames belong to the same ref
 * when a frame before them has named it by the same uri, asset_id or doc_id. A second head of a
 * document begins a new ref, and what the first one said of the document counts no more
 * (is_superseded; its frames are skipped). Two refs may turn out to be one document only in the
 * database, where they are named differently: kb/load.c supersedes the earlier one then.
 */
#ifndef SPOOLGATE_KB_PLAN_H
#define SPOOLGATE_KB_PLAN_H

#include "kb/held.h"

#define KB_NO_REF UINT32_MAX

/* What is done with a ref's chunks; kb/load.c decides. */
enum kb_target {
    KB_TARGET_NONE,   /* nothing: it is there already, or the ref is an asset alone */
    KB_TARGET_SERVED, /* pmoves_kb.chunks: a new document whose chunks all have vectors */
    KB_TARGET_NEXT,   /* chunks_next */
    KB_TARGET_REJECT, /* its frames are rejects */
};

struct kb_ref {
    struct kb_name name;           /* all that is known of it */
    const struct kb_record *asset; /* the last that describes the asset; NULL: none */
    const struct kb_record *head;  /* NULL: sections and chunks for a document that is there */
    const struct kb_record *first; /* the record that began it */
    struct kb_span checksum;       /* the last that was asked for */
    bool is_superseded;
    uint64_t frames; /* that say something of the document: not those of assets alone */
    uint64_t sections, chunks, vectors;
    uint8_t digest[HASH_BYTES]; /* over the records' */

    /* what the database made of it */
    struct uuid doc_id;
    enum kb_target target;
    char problem[200]; /* KB_TARGET_REJECT */
};

struct kb_plan {
    const struct kb_held *held;
    struct kb_ref *refs;
    size_t count, cap;
    uint32_t *ref_of; /* by record; KB_NO_REF: its segment isn't loaded */

    /* private */
    struct kb_index *index;
};

void kb_plan_open(struct kb_plan *p, const struct kb_held *held);
void kb_plan_add(struct kb_plan *p, size_t record);
void kb_plan_close(struct kb_plan *p);

#endif
