/* SPDX-License-Identifier: MIT */
/*
 * The paths of a stream's columns are kept as a tree of keys. The walk over a frame's own map is
 * the one that counts: most streams have no other. Maps that paths lead into are walked after it,
 * when it is known which of duplicate keys is the last.
 */
#include "replay/match.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What a key of the frame is, beside the number of one that columns know. */
#define KEY_IGNORED SIZE_MAX
#define KEY_KIND    (SIZE_MAX - 1)

enum { FRAME_ITSELF = 0, REST_KEPT = 64 * 1024 };

struct name {
    const char *text;
    size_t len;
};

/* A key that a column takes, or that leads to one. */
struct match_key {
    struct name name;
    bool is_taken;        /* a column takes all of it */
    size_t inside, count; /* the keys inside of it: `count` of them, from `inside` on */
    size_t depth;         /* 1 for those of the frame's own map */
};

struct match_stream {
    struct name kind;
    struct match_key *keys; /* the first is the frame itself, whose name nothing has */
    size_t key_count;
    size_t *key_of; /* by column; FRAME_ITSELF where no key fills it */
    bool has_paths; /* of more than one key */
    bool has_rest;
    size_t habits[FRAME_PAIRS]; /* by place in the map: what the last frame's key there was */
};

static const struct frame_limits no_limits = {.frame_bytes = UINT64_MAX,
                                              .string_bytes = UINT64_MAX,
                                              .keys = UINT64_MAX,
                                              .depth = FRAME_DEPTH_MAX};

/* --- learning the streams ----------------------------------------------------------------------
 */

static size_t learn_key(struct match_stream *known, size_t parent, const char *name)
{
    struct match_key *in = &known->keys[parent];
    size_t end = in->inside + in->count;
    for (size_t i = in->inside; i < end; i++)
        if (strcmp(known->keys[i].name.text, name) == 0)
            return i;
    known->keys[end] = (struct match_key){.name = {name, strlen(name)}, .depth = in->depth + 1};
    known->key_count++;
    in->count++;
    return end;
}

/* The keys inside of one, which lie together as they are all learned before those of the next. */
static void learn_inside(struct match_stream *known, const struct stream *s, size_t parent)
{
    size_t depth = known->keys[parent].depth;
    known->keys[parent].inside = known->key_count;
    for (size_t i = 0; i < s->column_count; i++) {
        const struct column *c = &s->columns[i];
        if (c->source != COLUMN_FROM_KEY || known->key_of[i] != parent || c->path_count <= depth)
            continue;
        size_t key = learn_key(known, parent, c->path[depth]);
        known->key_of[i] = key;
        if (c->path_count == depth + 1)
            known->keys[key].is_taken = true;
        else
            known->has_paths = true;
    }
}

static void learn(struct match_stream *known, const struct stream *s)
{
    size_t most = 1;
    for (size_t i = 0; i < s->column_count; i++) {
        const struct column *c = &s->columns[i];
        most += c->source == COLUMN_FROM_KEY ? c->path_count : 0;
        known->has_rest = known->has_rest || c->source == COLUMN_FROM_REST;
    }
    known->kind = (struct name){s->kind, strlen(s->kind)};
    known->keys = mem_calloc(most, sizeof *known->keys);
    known->keys[FRAME_ITSELF].name.len = SIZE_MAX;
    known->key_count = 1;
    known->key_of = mem_calloc(s->column_count, sizeof *known->key_of);
    for (size_t parent = FRAME_ITSELF; parent < known->key_count; parent++)
        learn_inside(known, s, parent);
}

void match_open(struct match *m, const struct stream_set *streams)
{
    size_t most = 0;
    *m = (struct match){.streams = streams, .known = mem_calloc(streams->count, sizeof *m->known)};
    for (size_t i = 0; i < streams->count; i++) {
        learn(&m->known[i], &streams->streams[i]);
        most = m->known[i].key_count > most ? m->known[i].key_count : most;
    }
    m->fields = mem_calloc(most, sizeof *m->fields);
    m->spare = mem_calloc(most, sizeof *m->spare);
}

void match_close(struct match *m)
{
    for (size_t i = 0; i < m->streams->count; i++) {
        free(m->known[i].keys);
        free(m->known[i].key_of);
    }
    free(m->known);
    free(m->fields);
    free(m->spare);
    buf_free(&m->rest);
    *m = (struct match){0};
}

/* --- names -------------------------------------------------------------------------------------
 */

static bool is_name(const struct name *name, const uint8_t *bytes, uint32_t len)
{
    return name->len == len && word_same(name->text, bytes, len);
}

bool match_stream(struct match *m, const struct frame *frame, size_t *stream)
{
    size_t count = frame->kind ? m->streams->count : 0;
    for (size_t tried = 0, i = m->last; tried < count; tried++, i = i + 1 < count ? i + 1 : 0)
        if (is_name(&m->known[i].kind, frame->kind, frame->kind_len)) {
            *stream = m->last = i;
            return true;
        }
    return false;
}

static size_t search(const struct match_stream *known, size_t parent, const struct mp_value *key)
{
    const struct match_key *in = &known->keys[parent];
    if (key->type == MP_STR)
        for (size_t i = in->inside; i < in->inside + in->count; i++)
            if (is_name(&known->keys[i].name, key->bytes, key->len))
                return i;
    return KEY_IGNORED;
}

/* In the frame's own map. A column may take `kind`, too. */
static size_t search_frame(struct match_stream *known, const struct mp_value *key, size_t place)
{
    size_t found = search(known, FRAME_ITSELF, key);
    if (found == KEY_IGNORED && mp_is_str(key, "kind", 4))
        found = KEY_KIND;
    if (place < FRAME_PAIRS)
        known->habits[place] = found;
    return found;
}

static inline size_t find(struct match_stream *known, const struct mp_value *key, size_t place)
{
    static const struct name kind = {"kind", 4};
    size_t habit = place < FRAME_PAIRS ? known->habits[place] : KEY_IGNORED;
    if (habit == KEY_IGNORED || key->type != MP_STR)
        return search_frame(known, key, place);
    const struct name *name = habit == KEY_KIND ? &kind : &known->keys[habit].name;
    return is_name(name, key->bytes, key->len) ? habit : search_frame(known, key, place);
}

/* --- the rest ----------------------------------------------------------------------------------
 */

/* What is left of one map. */
struct leftover {
    size_t at; /* its header in the rest, whose length is known at the end */
    uint32_t count;
};

static void open_leftover(struct match *m, const struct match_stream *known, struct leftover *left)
{
    *left = (struct leftover){.at = m->rest.len};
    if (known->has_rest) {
        buf_byte(&m->rest, 0xdf); /* map 32 */
        buf_be32(&m->rest, 0);
    }
}

static void close_leftover(struct match *m, const struct match_stream *known,
                           const struct leftover *left)
{
    if (known->has_rest)
        word_put_be32(m->rest.data + left->at + 1, left->count);
}

/* left: NULL inside of a value that a column takes. */
static void leave(struct match *m, const struct match_stream *known, struct leftover *left,
                  const uint8_t *pair, const uint8_t *end)
{
    if (!left)
        return;
    left->count++;
    m->ignored++;
    if (known->has_rest)
        buf_put(&m->rest, pair, (size_t)(end - pair));
}

static void put_name(struct match *m, const struct name *name)
{
    buf_byte(&m->rest, 0xdb); /* str 32 */
    buf_be32(&m->rest, (uint32_t)name->len);
    buf_put(&m->rest, name->text, name->len);
}

/* --- walks -------------------------------------------------------------------------------------
 */

/* Pairs from the cursor on, which nobody noted. They come by one at a time, so those that a column
 * takes are put aside. `parent`: whose map it is. */
static void walk(struct match *m, struct match_stream *known, size_t parent, struct mp_cursor c,
                 size_t place, uint32_t pair_count, struct leftover *left)
{
    for (; place < pair_count; place++) {
        struct frame_pair pair;
        const uint8_t *start = c.p;
        if (mp_take(&c, &pair.key, 1, &no_limits) != MP_OK)
            return;
        pair.at.p = c.p;
        if (mp_take(&c, &pair.value, 1, &no_limits) != MP_OK)
            return;
        pair.at.end = c.p;
        size_t key = parent == FRAME_ITSELF ? find(known, &pair.key, place)
                                            : search(known, parent, &pair.key);
        if (key == KEY_IGNORED) {
            leave(m, known, left, start, c.p);
        } else if (key != KEY_KIND) {
            m->spare[key] = pair;
            m->fields[key].pair = &m->spare[key];
        }
    }
}

static void look_inside(struct match *m, struct match_stream *known, size_t parent,
                        struct leftover *left);

/* A key that leads to others. */
static void look_into(struct match *m, struct match_stream *known, size_t key,
                      const struct frame_pair *pair, struct leftover *left)
{
    const struct match_key *k = &known->keys[key];
    struct leftover inner;
    size_t start = m->rest.len;
    struct mp_cursor c = pair->at;
    struct mp_value map = {.type = MP_NIL};
    if (left && known->has_rest)
        put_name(m, &k->name);
    if (pair->value.type != MP_MAP || mp_read(&c, &map) != MP_OK) {
        leave(m, known, left, pair->at.p, pair->at.end);
        return;
    }
    if (!left) {
        walk(m, known, key, c, 0, map.len, NULL);
        look_inside(m, known, key, NULL);
        return;
    }
    open_leftover(m, known, &inner);
    walk(m, known, key, c, 0, map.len, &inner);
    look_inside(m, known, key, &inner);
    close_leftover(m, known, &inner);
    left->count += inner.count > 0;
    if (inner.count == 0)
        m->rest.len = start;
}

/* The keys that lead to columns: the last of each are known now. nil leads nowhere, and is nothing
 * that could be left. Goes as deep as paths do. */
static void look_inside(struct match *m, struct match_stream *known, size_t parent,
                        struct leftover *left)
{
    const struct match_key *in = &known->keys[parent];
    for (size_t i = in->inside; i < in->inside + in->count; i++)
        if (known->keys[i].count > 0 && m->fields[i].pair &&
            m->fields[i].pair->value.type != MP_NIL)
            look_into(m, known, i, m->fields[i].pair, known->keys[i].is_taken ? NULL : left);
}

static void empty_rest(struct match *m)
{
    buf_clear(&m->rest);
    if (m->rest.cap > REST_KEPT)
        buf_free(&m->rest);
}

bool match_columns(struct match *m, const struct frame *frame, size_t stream, uint32_t *ignored)
{
    struct match_stream *known = &m->known[stream];
    struct mp_cursor c = {frame->bytes, frame->bytes + frame->len};
    struct mp_value map = {.type = MP_NIL};
    struct leftover left;
    size_t noted = 0;
    if (mp_read(&c, &map) != MP_OK || map.type != MP_MAP)
        return false;
    if (frame->pairs)
        noted = map.len < FRAME_PAIRS ? map.len : FRAME_PAIRS;
    m->key_of = known->key_of;
    m->ignored = 0;
    for (size_t i = 0; i < known->key_count; i++)
        m->fields[i].pair = NULL;
    empty_rest(m);
    open_leftover(m, known, &left);
    for (size_t i = 0; i < noted; i++) {
        const struct frame_pair *pair = &frame->pairs[i];
        size_t key = find(known, &pair->key, i);
        if (key == KEY_IGNORED)
            leave(m, known, &left, c.p, pair->at.end);
        else if (key != KEY_KIND)
            m->fields[key].pair = pair;
        c.p = pair->at.end;
    }
    if (noted < map.len)
        walk(m, known, FRAME_ITSELF, c, noted, map.len, &left);
    if (known->has_paths)
        look_inside(m, known, FRAME_ITSELF, &left);
    close_leftover(m, known, &left);
    *ignored = known->has_rest ? 0 : m->ignored;
    return true;
}
