/* SPDX-License-Identifier: MIT */
#include "replay/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/queries.h"
#include "spool/name.h"

#define KEY \
    512 /* "name:" + a gate + a percent-encoded name is the longest, hashed where it is longer */

struct entry {
    char key[KEY];
    size_t segment;
};

/* A key that is made of names; by its hash where it would be too long for an index. */
static void key_of_names(const char *kind, const char *scope, const char *name, char key[KEY])
{
    char hex[HASH_HEX];
    if (snprintf(key, KEY, "%s:%s/%s", kind, scope, name) < KEY)
        return;
    struct buf whole = {0};
    buf_printf(&whole, "%s/%s", scope, name);
    hash_bytes_hex(whole.data, whole.len, hex);
    (void)snprintf(key, KEY, "%s:sha256:%s", kind, hex);
    buf_free(&whole);
}

/* A segment that went back to incoming/ beside one of its name is the one that it was.
 *
 * What `retry` puts back must never pass for a duplicate of what was loaded meanwhile: its name,
 * which says from which batch it comes, is its key. */
static void make_key(const struct batch *b, const struct batch_segment *s, char key[KEY])
{
    char hex[HASH_HEX];
    char original[NAME_BYTES];
    struct buf name = {0};
    str_percent_encode(&name, name_original(s->name, original));
    if (name_is_retry(original))
        key_of_names("retry", b->claim->gate, buf_cstr(&name), key);
    else if (b->terms->rules->dedupe == DEDUPE_NAME)
        key_of_names("name", b->claim->gate, buf_cstr(&name), key);
    else if (b->terms->rules->dedupe == DEDUPE_OFF)
        key_of_names("batch", b->claim->batch, s->encoded, key);
    else
        (void)snprintf(key, KEY, "sha256:%s", hash_hex(s->sum.sha256, hex));
    buf_free(&name);
}

static bool wants_row(const struct batch_segment *s)
{
    bool all_rejected = s->sum.frames > 0 && s->sum.rejected == s->sum.frames;
    return s->fate != SEGMENT_FAILED && !all_rejected;
}

static void entries_json(const struct batch *b, struct buf *out)
{
    struct jsonw j = {.out = out};
    jsonw_array(&j);
    for (size_t i = 0; i < b->count; i++) {
        const struct batch_segment *s = &b->segments[i];
        char key[KEY];
        char hex[HASH_HEX];
        if (!wants_row(s))
            continue;
        make_key(b, s, key);
        jsonw_object(&j);
        jsonw_key(&j, "key");
        jsonw_str(&j, key);
        jsonw_key(&j, "name");
        jsonw_str(&j, s->encoded);
        jsonw_key(&j, "bytes");
        jsonw_int(&j, (int64_t)s->sum.bytes);
        jsonw_key(&j, "bytes_raw");
        jsonw_int(&j, (int64_t)s->sum.bytes_raw);
        jsonw_key(&j, "sha256");
        jsonw_str(&j, hash_hex(s->sum.sha256, hex));
        jsonw_key(&j, "frames");
        jsonw_int(&j, (int64_t)s->sum.frames);
        jsonw_end(&j);
    }
    jsonw_end(&j);
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Twins lie side by side, in the order of the batch: the first of them is the one that was
 * inserted. */
static int by_key_and_place(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : (x->segment > y->segment) - (x->segment < y->segment);
}

static struct err mark_duplicate(struct pg *pg, struct batch *b, const struct entry *entry)
{
    struct batch_segment *s = &b->segments[entry->segment];
    PGresult *rows;
    TRY(pg_query(pg, sql_ledger_owner, PG_PARAMS(entry->key), &rows));
    s->fate = SEGMENT_DUPLICATE;
    if (PQntuples(rows) == 1)
        (void)snprintf(s->duplicate_of, sizeof s->duplicate_of, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return ERR_OK;
}

static struct err mark_duplicates(struct pg *pg, struct batch *b, const PGresult *ours)
{
    size_t taken = (size_t)PQntuples(ours);
    size_t wanted = 0;
    for (size_t i = 0; i < b->count; i++)
        wanted += wants_row(&b->segments[i]);
    if (taken == wanted) /* nearly always */
        return ERR_OK;
    char(*keys)[KEY] = mem_calloc(taken, KEY);
    struct entry *entries = mem_calloc(b->count, sizeof *entries);
    size_t count = 0;
    struct err e = ERR_OK;
    for (size_t i = 0; i < taken; i++)
        (void)snprintf(keys[i], KEY, "%s", PQgetvalue(ours, (int)i, 0));
    qsort(keys, taken, KEY, compare_text);
    for (size_t i = 0; i < b->count; i++)
        if (wants_row(&b->segments[i])) {
            entries[count].segment = i;
            make_key(b, &b->segments[i], entries[count++].key);
        }
    qsort(entries, count, sizeof *entries, by_key_and_place);
    for (size_t i = 0; i < count && !err_is(&e); i++) {
        bool is_twin = i > 0 && strcmp(entries[i].key, entries[i - 1].key) == 0;
        if (is_twin || !bsearch(entries[i].key, keys, taken, KEY, compare_text))
            e = mark_duplicate(pg, b, &entries[i]);
    }
    free(keys);
    free(entries);
    return e;
}

struct err ledger_claim(struct pg *pg, struct batch *b)
{
    struct buf entries = {0};
    PGresult *ours;
    for (size_t i = 0; i < b->count; i++) /* what an earlier, rolled back attempt found */
        if (b->segments[i].fate == SEGMENT_DUPLICATE)
            b->segments[i].fate = SEGMENT_LOADED;
    entries_json(b, &entries);
    struct err e =
        pg_query_prepared(pg, sql_ledger_claim,
                          PG_PARAMS(b->claim->batch, b->claim->gate, buf_cstr(&entries)), &ours);
    buf_free(&entries);
    if (err_is(&e))
        return e;
    e = mark_duplicates(pg, b, ours);
    PQclear(ours);
    return e;
}

struct err ledger_release(struct pg *pg, const struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct batch_segment *s = &b->segments[i];
        if (s->fate == SEGMENT_LOADED && s->refused > 0 &&
            s->refused + s->sum.rejected == s->sum.frames)
            TRY(pg_query(pg, sql_ledger_release, PG_PARAMS(b->claim->batch, s->encoded), NULL));
    }
    return ERR_OK;
}
