/* SPDX-License-Identifier: MIT */
#include "kb/reading.h"

#include <string.h>

bool kb_require(struct kb_reading *g, enum kb_key key)
{
    return g->keys.of[key] ||
           field_reject(g->reject, REJECT_MISSING, kb_key_columns[key].name, "the key is missing");
}

void kb_put_null(struct buf *out)
{
    buf_be32(out, UINT32_MAX);
}

bool kb_put_value(struct kb_reading *g, enum kb_key key, const struct frame_pair *pair,
                  struct buf *out)
{
    uint32_t nulled = 0;
    struct field f = {.out = out,
                      .column = &kb_key_columns[key],
                      .value = &pair->value,
                      .at = &pair->at,
                      .nul = g->reader->nul,
                      .order = &g->reader->order,
                      .numbers_nulled = &nulled,
                      .reject = g->reject};
    if (f.column->type == COLUMN_JSONB && pair->value.type != MP_MAP)
        return field_refuse_type(&f, "a map");
    bool good = field_put(&f);
    g->held->numbers_nulled += nulled;
    return good;
}

bool kb_put_key(struct kb_reading *g, enum kb_key key, struct buf *out)
{
    const struct frame_pair *pair = g->keys.of[key];
    if (!pair) {
        kb_put_null(out);
        return true;
    }
    if (kb_key_columns[key].type == COLUMN_TEXT && field_put_plain(out, &pair->value))
        return true; /* most are */
    return kb_put_value(g, key, pair, out);
}

bool kb_read_count(struct kb_reading *g, enum kb_key key, uint32_t *count)
{
    const struct mp_value *v = &g->keys.of[key]->value;
    if (v->type == MP_UINT && v->u <= INT32_MAX) {
        *count = (uint32_t)v->u;
        return true;
    }
    struct buf *scratch = &g->reader->text;
    buf_clear(scratch);
    if (!kb_put_key(g, key, scratch))
        return false;
    *count = word_be32(scratch->data + 4);
    return *count <= INT32_MAX || kb_refuse(g, key, "an integer from 0 on is wanted");
}

/* Text that is kept with the records; len 0: the frame doesn't have it, or it is empty. */
static bool read_text(struct kb_reading *g, enum kb_key key, struct kb_span *span)
{
    struct buf *texts = &g->held->texts;
    size_t begun = texts->len;
    *span = (struct kb_span){0};
    if (!g->keys.of[key])
        return true;
    if (!kb_put_key(g, key, texts))
        return false;
    *span = (struct kb_span){begun + 4, texts->len - begun - 4};
    return true;
}

bool kb_read_uri(struct kb_reading *g, enum kb_key key, struct kb_span *uri)
{
    if (!read_text(g, key, uri))
        return false;
    if (g->keys.of[key] && uri->len == 0)
        return kb_refuse(g, key, "it is empty");
    return uri->len <= KB_URI_MAX ||
           kb_refuse(g, key, "%zu bytes; %d are the most", uri->len, KB_URI_MAX);
}

bool kb_read_id(struct kb_reading *g, enum kb_key key, bool *has, struct uuid *id)
{
    struct buf *scratch = &g->reader->text;
    *has = g->keys.of[key] != NULL;
    if (!*has)
        return true;
    buf_clear(scratch);
    if (!kb_put_key(g, key, scratch))
        return false;
    memcpy(id->bytes, scratch->data + 4, sizeof id->bytes);
    return true;
}

bool kb_read_checksum(struct kb_reading *g, struct kb_span *checksum)
{
    static const char prefix[] = "sha256:"; /* some producers say which hash it is */
    const size_t prefix_len = sizeof prefix - 1;
    bool good = true;
    if (!g->keys.of[KEY_CHECKSUM])
        return true;
    if (!read_text(g, KEY_CHECKSUM, checksum))
        return false;
    uint8_t *text = g->held->texts.data + checksum->at;
    if (checksum->len > prefix_len && memcmp(text, prefix, prefix_len) == 0) {
        checksum->at += prefix_len;
        checksum->len -= prefix_len;
        text += prefix_len;
    }
    for (size_t i = 0; i < checksum->len; i++) {
        text[i] = (uint8_t)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + ('a' - 'A') : text[i]);
        good = good && ((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'));
    }
    return (good && checksum->len == HASH_HEX - 1) ||
           kb_refuse(g, KEY_CHECKSUM, "a SHA-256 is wanted, as 64 hexadecimal digits");
}
