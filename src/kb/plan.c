/* SPDX-License-Identifier: MIT */
#include "kb/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/word.h"

/* --- names -------------------------------------------------------------------------------------
 */

/* What a name is: of an asset, or of a document. */
enum sort { BY_URI, BY_ASSET_ID, BY_DOC_ID };

struct entry {
    uint64_t hash; /* 0: empty */
    enum sort sort;
    uint32_t index; /* of assets, or of refs */
};

/* Open addressing, at most half full. Producers choose the names, so the hash has a seed of its own
 * in every plan. */
struct kb_index {
    uint64_t seed;
    struct entry *entries;
    size_t count, size; /* size: a power of two */
};

struct key {
    enum sort sort;
    const uint8_t *bytes;
    size_t len;
};

static struct key key_of_uri(const struct kb_plan *p, struct kb_span uri)
{
    return (struct key){BY_URI, p->held->texts.data + uri.at, uri.len};
}

static struct key key_of_id(enum sort sort, const struct uuid *id)
{
    return (struct key){sort, id->bytes, sizeof id->bytes};
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_key(const struct kb_index *index, const struct key *key)
{
    uint64_t hash = index->seed ^ (uint64_t)key->sort;
    size_t at = 0;
    for (; at + 8 <= key->len; at += 8)
        hash = mix(hash ^ word_load64(key->bytes + at), UINT64_C(0x9e3779b97f4a7c15) ^ index->seed);
    uint64_t rest = at < key->len ? word_gather(key->bytes + at, key->len - at) : 0;
    hash = mix(hash ^ rest, UINT64_C(0xd6e8feb86659fd93) ^ key->len);
    return hash ? hash : 1;
}

static struct key key_of_entry(const struct kb_plan *p, const struct entry *e)
{
    switch (e->sort) {
    case BY_URI:
        return key_of_uri(p, p->assets[e->index].uri);
    case BY_ASSET_ID:
        return key_of_id(e->sort, &p->assets[e->index].asset_id);
    default:
        return key_of_id(e->sort, &p->refs[e->index].given_id);
    }
}

static bool is_key_of(const struct kb_plan *p, const struct entry *e, const struct key *key)
{
    if (e->sort != key->sort)
        return false;
    struct key own = key_of_entry(p, e);
    return own.len == key->len && word_same(own.bytes, key->bytes, key->len);
}

/* Its entry, or the empty one where it would be. */
static struct entry *find(const struct kb_plan *p, const struct key *key, uint64_t hash)
{
    const struct kb_index *index = p->index;
    size_t at = hash & (index->size - 1);
    while (index->entries[at].hash != 0 &&
           !(index->entries[at].hash == hash && is_key_of(p, &index->entries[at], key)))
        at = (at + 1) & (index->size - 1);
    return &index->entries[at];
}

static uint32_t look_up(const struct kb_plan *p, struct key key)
{
    const struct entry *e = find(p, &key, hash_key(p->index, &key));
    return e->hash ? e->index : KB_NONE;
}

static void grow(struct kb_index *index)
{
    struct entry *old = index->entries;
    size_t old_size = index->size;
    index->size = old_size ? old_size * 2 : 64;
    index->entries = mem_calloc(index->size, sizeof *index->entries);
    for (size_t i = 0; i < old_size; i++) {
        size_t at = old[i].hash & (index->size - 1);
        if (old[i].hash == 0)
            continue;
        while (index->entries[at].hash != 0)
            at = (at + 1) & (index->size - 1);
        index->entries[at] = old[i];
    }
    free(old);
}

/* What the name stands for from now on. */
static void note(struct kb_plan *p, struct key key, uint32_t what)
{
    if (p->index->count * 2 >= p->index->size)
        grow(p->index);
    uint64_t hash = hash_key(p->index, &key);
    struct entry *e = find(p, &key, hash);
    p->index->count += e->hash == 0;
    *e = (struct entry){hash, key.sort, what};
}

static const char contradiction[] =
    "its uri, asset_id and doc_id don't belong together: frames before it in the batch say so";

/* --- assets ------------------------------------------------------------------------------------
 */

static bool same_uri(const struct kb_plan *p, struct kb_span a, struct kb_span b)
{
    const uint8_t *texts = p->held->texts.data;
    return a.len == b.len && word_same(texts + a.at, texts + b.at, a.len);
}

static bool same_id(const struct uuid *a, const struct uuid *b)
{
    return word_same(a->bytes, b->bytes, sizeof a->bytes);
}

/* Do the asset and the name have different uris, or different ids? */
static bool contradicts(const struct kb_plan *p, const struct kb_plan_asset *a,
                        const struct kb_name *name)
{
    return (a->uri.len > 0 && name->uri.len > 0 && !same_uri(p, a->uri, name->uri)) ||
           (a->has_asset_id && name->has_asset_id && !same_id(&a->asset_id, &name->asset_id));
}

static uint32_t push_asset(struct kb_plan *p)
{
    *MEM_PUSH(p->assets, p->asset_count, p->asset_cap) = (struct kb_plan_asset){.ref = KB_NONE};
    return (uint32_t)(p->asset_count - 1);
}

/* The asset has the names that the frame has, besides those that it had. */
static void learn_names(struct kb_plan *p, uint32_t asset, const struct kb_name *name)
{
    struct kb_plan_asset *a = &p->assets[asset];
    if (a->uri.len == 0 && name->uri.len > 0) {
        a->uri = name->uri;
        note(p, key_of_uri(p, a->uri), asset);
    }
    if (!a->has_asset_id && name->has_asset_id) {
        a->has_asset_id = true;
        a->asset_id = name->asset_id;
        note(p, key_of_id(BY_ASSET_ID, &a->asset_id), asset);
    }
}

/* One that no name leads to: what belongs to it is refused by itself. */
static uint32_t push_contradiction(struct kb_plan *p, const struct kb_name *name)
{
    uint32_t asset = push_asset(p);
    p->assets[asset].uri = name->uri;
    p->assets[asset].has_asset_id = name->has_asset_id;
    p->assets[asset].asset_id = name->asset_id;
    p->assets[asset].problem = contradiction;
    return asset;
}

/* An asset that a frame before has named takes the new uri; what the database calls it is kept. The
 * index keeps the old uri, too, which is no key of the asset any more: nobody finds it. */
static void rename_asset(struct kb_plan *p, const struct kb_record *r)
{
    uint32_t asset = look_up(p, key_of_uri(p, r->previous_uri));
    if (asset == KB_NONE || look_up(p, key_of_uri(p, r->name.uri)) != KB_NONE)
        return;
    struct kb_plan_asset *a = &p->assets[asset];
    if (a->previous_uri.len == 0)
        a->previous_uri = a->uri;
    a->uri = r->name.uri;
    note(p, key_of_uri(p, a->uri), asset);
}

/* KB_NONE: the frame names a document alone, which none before it did. */
static uint32_t find_asset(struct kb_plan *p, const struct kb_record *r)
{
    const struct kb_name *name = &r->name;
    uint32_t asset = KB_NONE;
    if (r->previous_uri.len > 0 && name->uri.len > 0)
        rename_asset(p, r);
    if (name->has_asset_id)
        asset = look_up(p, key_of_id(BY_ASSET_ID, &name->asset_id));
    if (asset == KB_NONE && name->uri.len > 0)
        asset = look_up(p, key_of_uri(p, name->uri));
    if (asset == KB_NONE && name->has_doc_id) {
        uint32_t ref = look_up(p, key_of_id(BY_DOC_ID, &name->doc_id));
        asset = ref == KB_NONE ? KB_NONE : p->refs[ref].asset;
    }
    if (asset != KB_NONE && contradicts(p, &p->assets[asset], name))
        return push_contradiction(p, name);
    if (asset == KB_NONE && (name->uri.len > 0 || name->has_asset_id))
        asset = push_asset(p);
    if (asset != KB_NONE)
        learn_names(p, asset, name);
    return asset;
}

/* What the frame says of the asset; an asset's frames before a document's. */
static void describe_asset(struct kb_plan *p, struct kb_plan_asset *a, const struct kb_record *r)
{
    const uint8_t *fields = p->held->fields.data;
    size_t at = r->asset.at;
    if (r->previous_uri.len > 0 && a->previous_uri.len == 0)
        a->previous_uri = r->previous_uri;
    if (r->asset.len == 0 || (a->is_described && !r->has_asset))
        return;
    if (r->has_asset && !a->is_described)
        memset(a->fields, 0, sizeof a->fields);
    a->is_described = r->has_asset;
    for (size_t i = 0; i < KB_ASSET_FIELDS; i++) {
        uint32_t len = word_be32(fields + at);
        size_t bytes = 4 + (len == UINT32_MAX ? 0 : (size_t)len);
        if (len != UINT32_MAX)
            a->fields[i] = (struct kb_span){at, bytes};
        at += bytes;
    }
}

void kb_plan_put_fields(struct buf *out, const struct kb_plan *p, const struct kb_plan_asset *asset)
{
    for (size_t i = 0; i < KB_ASSET_FIELDS; i++) {
        if (asset->fields[i].len == 0)
            buf_be32(out, UINT32_MAX);
        else
            buf_put(out, p->held->fields.data + asset->fields[i].at, asset->fields[i].len);
    }
}

/* --- documents ---------------------------------------------------------------------------------
 */

static uint32_t push_ref(struct kb_plan *p, uint32_t asset)
{
    *MEM_PUSH(p->refs, p->count, p->cap) = (struct kb_ref){.asset = asset};
    return (uint32_t)(p->count - 1);
}

/* The frame's names lead to the ref from now on. */
static void note_ref(struct kb_plan *p, uint32_t ref)
{
    const struct kb_ref *r = &p->refs[ref];
    if (r->asset != KB_NONE)
        p->assets[r->asset].ref = ref;
    if (r->has_doc_id)
        note(p, key_of_id(BY_DOC_ID, &r->given_id), ref);
}

/* Has the document no id but the one that follows from its asset's uri, and is this it? */
static bool is_its_own(const struct kb_plan *p, const struct kb_ref *ref, const struct uuid *id)
{
    struct kb_span uri = p->assets[ref->asset].uri;
    if (ref->has_doc_id || uri.len == 0)
        return false;
    struct uuid own = kb_doc_id(p->held->texts.data + uri.at, uri.len);
    return same_id(&own, id);
}

/* The document that frames before this one have named so; else KB_NONE. A frame with a doc_id that
 * is new here is about another document than the asset's last. */
static uint32_t find_ref(const struct kb_plan *p, uint32_t asset, const struct kb_name *name)
{
    uint32_t ref = KB_NONE;
    if (name->has_doc_id)
        ref = look_up(p, key_of_id(BY_DOC_ID, &name->doc_id));
    if (ref != KB_NONE || asset == KB_NONE)
        return ref;
    ref = p->assets[asset].ref;
    if (ref != KB_NONE && name->has_doc_id && !is_its_own(p, &p->refs[ref], &name->doc_id))
        return KB_NONE;
    return ref;
}

static void supersede(struct kb_plan *p, struct kb_ref *old)
{
    /* An asset's frame that brought the text still says what the asset is. */
    if (old->head && old->head->has_asset) {
        old->frames--;
        p->assets[old->asset].frames++;
    }
    old->is_superseded = true;
    p->superseded += old->frames;
}

static bool differs(const struct kb_plan *p, struct kb_span a, struct kb_span b)
{
    return a.len > 0 && b.len > 0 && !same_uri(p, a, b);
}

/* A ref for the frame alone, which no name leads to: it is to be refused. */
static uint32_t push_refused(struct kb_plan *p, uint32_t asset, const char *problem)
{
    uint32_t ref = push_ref(p, asset);
    p->refs[ref].target = KB_TARGET_REJECT;
    (void)snprintf(p->refs[ref].problem, sizeof p->refs[ref].problem, "%s", problem);
    return ref;
}

static uint32_t take_ref(struct kb_plan *p, uint32_t asset, const struct kb_record *r)
{
    uint32_t ref = find_ref(p, asset, &r->name);
    if (asset != KB_NONE && p->assets[asset].problem)
        return push_refused(p, asset, p->assets[asset].problem);
    if (ref != KB_NONE && asset != KB_NONE && p->refs[ref].asset != KB_NONE &&
        p->refs[ref].asset != asset)
        return push_refused(p, asset, contradiction);
    if (ref == KB_NONE) {
        ref = push_ref(p, asset);
    } else if (r->is_head) {
        struct kb_ref old = p->refs[ref];
        supersede(p, &p->refs[ref]);
        ref = push_ref(p, old.asset);
        p->refs[ref].has_doc_id = old.has_doc_id;
        p->refs[ref].given_id = old.given_id;
    } else if (differs(p, p->refs[ref].checksum, r->checksum) ||
               (p->refs[ref].head && p->refs[ref].head->is_retired)) {
        /* Of two versions of the file only the database knows which one is right. Nothing belongs
         * to a document that ends: what follows is refused (kb_decide.sql). */
        uint32_t other = push_ref(p, p->refs[ref].asset);
        p->refs[other].has_doc_id = p->refs[ref].has_doc_id;
        p->refs[other].given_id = p->refs[ref].given_id;
        return other;
    }
    struct kb_ref *taken = &p->refs[ref];
    if (taken->asset == KB_NONE)
        taken->asset = asset;
    if (r->name.has_doc_id && !taken->has_doc_id) {
        taken->has_doc_id = true;
        taken->given_id = r->name.doc_id;
    }
    note_ref(p, ref);
    return ref;
}

static void chain_digests(struct kb_ref *ref, const uint8_t *digests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct hash h;
        hash_start(&h);
        hash_update(&h, ref->digest, HASH_BYTES);
        hash_update(&h, digests + (size_t)i * HASH_BYTES, HASH_BYTES);
        hash_finish(&h, ref->digest);
    }
}

static void add_to_ref(struct kb_plan *p, struct kb_ref *ref, const struct kb_record *r)
{
    if (r->is_head)
        ref->head = r;
    if (r->checksum.len > 0)
        ref->checksum = r->checksum;
    ref->frames += r->frames;
    ref->sections += r->sections;
    ref->chunks += r->chunks;
    ref->vectors += r->vectors;
    chain_digests(ref, p->held->digests.data + r->digest_at, r->frames);
}

/* --- the plan ----------------------------------------------------------------------------------
 */

void kb_plan_open(struct kb_plan *p, const struct kb_held *held)
{
    struct uuid random = uuid_new();
    *p = (struct kb_plan){.held = held};
    p->index = mem_calloc(1, sizeof *p->index);
    memcpy(&p->index->seed, random.bytes + 8, sizeof p->index->seed);
    grow(p->index);
    p->asset_of = mem_alloc(held->count * sizeof *p->asset_of + 1);
    p->ref_of = mem_alloc(held->count * sizeof *p->ref_of + 1);
    memset(p->asset_of, 0xff, held->count * sizeof *p->asset_of);
    memset(p->ref_of, 0xff, held->count * sizeof *p->ref_of);
}

void kb_plan_add(struct kb_plan *p, size_t record)
{
    const struct kb_record *r = &p->held->records[record];
    uint32_t asset = find_asset(p, r);
    p->asset_of[record] = asset;
    if (asset != KB_NONE)
        describe_asset(p, &p->assets[asset], r);
    if (!kb_record_is_document(r)) {
        p->assets[asset].frames += r->frames;
        return;
    }
    uint32_t ref = take_ref(p, asset, r);
    p->ref_of[record] = ref;
    add_to_ref(p, &p->refs[ref], r);
}

void kb_plan_close(struct kb_plan *p)
{
    free(p->index->entries);
    free(p->index);
    free(p->assets);
    free(p->refs);
    free(p->asset_of);
    free(p->ref_of);
    *p = (struct kb_plan){0};
}
