/* SPDX-License-Identifier: MIT */
#include "replay/match.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What a key is, beside a column's index. */
#define KEY_IGNORED SIZE_MAX
#define KEY_KIND    (SIZE_MAX - 1)

struct name {
    const char *text;
    size_t len; /* SIZE_MAX where no key fills the column */
};

struct match_stream {
    struct name kind;
    struct name *columns;
    size_t column_count;
    size_t habits[FRAME_PAIRS]; /* by place in the map: what the last frame's key there was */
};

static const struct frame_limits no_limits = {.frame_bytes = UINT64_MAX,
                                              .string_bytes = UINT64_MAX,
                                              .keys = UINT64_MAX,
                                              .depth = FRAME_DEPTH_MAX};

static void learn(struct match_stream *known, const struct stream *s)
{
    known->kind = (struct name){s->kind, strlen(s->kind)};
    known->columns = mem_calloc(s->column_count, sizeof *known->columns);
    known->column_count = s->column_count;
    for (size_t i = 0; i < s->column_count; i++) {
        const struct column *c = &s->columns[i];
        bool has_key = c->source == COLUMN_FROM_KEY;
        known->columns[i] = (struct name){c->name, has_key ? strlen(c->name) : SIZE_MAX};
    }
}

void match_open(struct match *m, const struct stream_set *streams)
{
    size_t widest = 0;
    *m = (struct match){.streams = streams, .known = mem_calloc(streams->count, sizeof *m->known)};
    for (size_t i = 0; i < streams->count; i++) {
        size_t columns = streams->streams[i].column_count;
        widest = columns > widest ? columns : widest;
        learn(&m->known[i], &streams->streams[i]);
    }
    m->fields = mem_calloc(widest, sizeof *m->fields);
    m->spare = mem_calloc(widest, sizeof *m->spare);
}

void match_close(struct match *m)
{
    for (size_t i = 0; i < m->streams->count; i++)
        free(m->known[i].columns);
    free(m->known);
    free(m->fields);
    free(m->spare);
    *m = (struct match){0};
}

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

/* A column of the name `kind` is one like others. */
static size_t search(const struct match_stream *known, const struct mp_value *key)
{
    for (size_t i = 0; i < known->column_count; i++)
        if (is_name(&known->columns[i], key->bytes, key->len))
            return i;
    return mp_is_str(key, "kind", 4) ? KEY_KIND : KEY_IGNORED;
}

static size_t find(struct match_stream *known, const struct mp_value *key, size_t place)
{
    static const struct name kind = {"kind", 4};
    if (key->type != MP_STR)
        return KEY_IGNORED;
    if (place >= FRAME_PAIRS)
        return search(known, key);
    size_t habit = known->habits[place];
    const struct name *name = habit < known->column_count ? &known->columns[habit] : &kind;
    if (habit == KEY_IGNORED || !is_name(name, key->bytes, key->len))
        known->habits[place] = habit = search(known, key);
    return habit;
}

static const struct frame_pair *unless_nil(const struct frame_pair *pair)
{
    return pair->value.type == MP_NIL ? NULL : pair;
}

/* Pairs that the reader's walk didn't note, from the cursor on. They come by one at a time, so
 * those that a column takes are put aside. */
static void take_others(struct match *m, struct match_stream *known, struct mp_cursor c,
                        size_t place, uint32_t pair_count, uint32_t *ignored)
{
    for (; place < pair_count; place++) {
        struct frame_pair pair;
        if (mp_take(&c, &pair.key, 1, &no_limits) != MP_OK)
            return;
        pair.at.p = c.p;
        if (mp_take(&c, &pair.value, 1, &no_limits) != MP_OK)
            return;
        pair.at.end = c.p;
        size_t column = find(known, &pair.key, place);
        *ignored += column == KEY_IGNORED;
        if (column < known->column_count) {
            m->spare[column] = pair;
            m->fields[column].pair = unless_nil(&m->spare[column]);
        }
    }
}

bool match_columns(struct match *m, const struct frame *frame, size_t stream, uint32_t *ignored)
{
    struct match_stream *known = &m->known[stream];
    struct mp_cursor c = {frame->bytes, frame->bytes + frame->len};
    uint32_t pair_count = frame->pair_count;
    size_t noted = 0;
    *ignored = 0;
    for (size_t i = 0; i < known->column_count; i++)
        m->fields[i].pair = NULL;
    if (frame->pairs) {
        noted = pair_count < FRAME_PAIRS ? pair_count : FRAME_PAIRS;
        for (size_t i = 0; i < noted; i++) {
            size_t column = find(known, &frame->pairs[i].key, i);
            *ignored += column == KEY_IGNORED;
            if (column < known->column_count)
                m->fields[column].pair = unless_nil(&frame->pairs[i]);
        }
        c.p = noted > 0 ? frame->pairs[noted - 1].at.end : c.end;
    } else {
        struct mp_value map;
        if (mp_read(&c, &map) != MP_OK || map.type != MP_MAP)
            return false;
        pair_count = map.len;
    }
    take_others(m, known, c, noted, pair_count, ignored);
    return true;
}
