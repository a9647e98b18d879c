/* SPDX-License-Identifier: MIT */
#include "kb/keys.h"

#include <string.h>

#include "base/word.h"

#define ASSET    (1U << KB_ASSET)
#define DOCUMENT (1U << KB_DOCUMENT)
#define SECTION  (1U << KB_SECTION)
#define CHUNK    (1U << KB_CHUNK)
#define ALL      (ASSET | DOCUMENT | SECTION | CHUNK)

const struct column kb_key_columns[KB_KEYS] = {
#define KEY_COLUMN(key, name_, type_, kinds) \
    [KEY_##key] = {.name = (name_), .type = COLUMN_##type_},
    KB_KEY_LIST(KEY_COLUMN)
#undef KEY_COLUMN
};

static const struct {
    uint8_t len, kinds;
} looks[KB_KEYS] = {
#define KEY_LOOK(key, name, type, kinds) [KEY_##key] = {sizeof(name) - 1, (kinds)},
    KB_KEY_LIST(KEY_LOOK)
#undef KEY_LOOK
};

/* The reader's walk has been over the bytes. */
static const struct frame_limits no_limits = {.frame_bytes = UINT64_MAX,
                                              .string_bytes = UINT64_MAX,
                                              .keys = UINT64_MAX,
                                              .depth = FRAME_DEPTH_MAX};

bool kb_kind_of(const struct frame *frame, enum kb_kind *kind)
{
    static const struct {
        const char *name;
        uint32_t len;
        enum kb_kind kind;
    } kinds[] = {{"chunk", 5, KB_CHUNK},
                 {"document", 8, KB_DOCUMENT},
                 {"section", 7, KB_SECTION},
                 {"asset", 5, KB_ASSET},
                 {"kb.ingest.asset.created.v1", 26, KB_ASSET}};
    for (size_t i = 0; frame->kind && i < sizeof kinds / sizeof *kinds; i++) {
        *kind = kinds[i].kind;
        if (frame->kind_len == kinds[i].len && word_same(frame->kind, kinds[i].name, kinds[i].len))
            return true;
    }
    return false;
}

static enum kb_key find_key(const struct mp_value *name, enum kb_kind kind)
{
    if (name->type != MP_STR)
        return KB_KEYS;
    for (unsigned i = 0; i < KB_KEYS; i++)
        if (looks[i].len == name->len && looks[i].kinds >> kind & 1 &&
            word_same(name->bytes, kb_key_columns[i].name, name->len))
            return i;
    return KB_KEYS;
}

/* `kind`, and `event` where it is the kind. */
static bool is_kind(const struct frame *frame, const struct frame_pair *pair)
{
    return mp_is_str(&pair->key, "kind", 4) ||
           (pair->value.type == MP_STR && pair->value.bytes == frame->kind);
}

/* The next pair, noted by the reader or not. */
static bool next_pair(const struct frame *frame, uint32_t i, struct mp_cursor *c,
                      struct frame_pair *pair)
{
    if (frame->pairs && i < FRAME_PAIRS) {
        *pair = frame->pairs[i];
        c->p = pair->at.end;
        return true;
    }
    if (mp_take(c, &pair->key, 1, &no_limits) != MP_OK)
        return false;
    pair->at.p = c->p;
    if (mp_take(c, &pair->value, 1, &no_limits) != MP_OK)
        return false;
    pair->at.end = c->p;
    return true;
}

void kb_keys_find(struct kb_keys *keys, const struct frame *frame, enum kb_kind kind,
                  struct buf *rest)
{
    struct mp_cursor c = {frame->bytes, frame->bytes + frame->len};
    struct mp_value map = {.type = MP_NIL};
    struct frame_pair pair;
    const uint8_t *start;
    memset(keys->of, 0, sizeof keys->of);
    keys->ignored = 0;
    if (mp_read(&c, &map) != MP_OK || map.type != MP_MAP)
        return; /* the reader gives out nothing else */
    for (uint32_t i = 0; i < map.len && (start = c.p, next_pair(frame, i, &c, &pair)); i++) {
        enum kb_key key = find_key(&pair.key, kind);
        if (key < KB_KEYS) {
            keys->pairs[key] = pair;
            keys->of[key] = pair.value.type == MP_NIL ? NULL : &keys->pairs[key];
        } else if (!is_kind(frame, &pair)) {
            keys->ignored++;
            if (rest)
                buf_put(rest, start, (size_t)(c.p - start));
        }
    }
}
