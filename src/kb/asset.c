/* SPDX-License-Identifier: MIT */
/* Frames of assets and documents. */
#include <string.h>

#include "base/hash.h"
#include "kb/file.h"
#include "kb/media.h"
#include "kb/reading.h"

/* It stands in a btree index. */
enum { TYPE_MAX = 200 };

/* --- assets ------------------------------------------------------------------------------------
 */

static struct media_text text_of_key(const struct kb_reading *g, enum kb_key key)
{
    const struct frame_pair *pair = g->keys.of[key];
    if (!pair || pair->value.type != MP_STR)
        return (struct media_text){"", 0};
    return (struct media_text){pair->value.bytes, pair->value.len};
}

static struct media_text text_of_uri(const struct kb_reading *g)
{
    const struct kb_span *uri = &g->record.name.uri;
    return uri->len > 0 ? (struct media_text){g->held->texts.data + uri->at, uri->len}
                        : (struct media_text){"", 0};
}

/* The keys that no field takes, and those of `meta`, which win. NULL where there are none. */
static bool put_asset_meta(struct kb_reading *g, struct buf *out)
{
    struct buf *map = &g->reader->rest; /* five bytes for its header, then the keys */
    const struct frame_pair *meta = g->keys.of[KEY_META];
    uint32_t count = g->keys.ignored;
    struct mp_value header;
    if (meta && (meta->value.type != MP_MAP || count == 0))
        return kb_put_key(g, KEY_META, out);
    if (count == 0) {
        kb_put_null(out);
        return true;
    }
    if (meta) {
        struct mp_cursor at = meta->at;
        (void)mp_read(&at, &header); /* which meta->value is */
        count += meta->value.len;
        buf_put(map, at.p, (size_t)(at.end - at.p));
    }
    map->data[0] = 0xdf; /* map 32 */
    word_put_be32(map->data + 1, count);
    const struct frame_pair whole = {.value = {.type = MP_MAP, .len = count},
                                     .at = {map->data, map->data + map->len}};
    g->keys.ignored = 0;
    return kb_put_value(g, KEY_META, &whole, out);
}

static bool put_size(struct kb_reading *g, struct buf *out)
{
    size_t begun = out->len;
    if (!kb_put_key(g, KEY_SIZE_BYTES, out))
        return false;
    return !g->keys.of[KEY_SIZE_BYTES] || !(out->data[begun + 4] & 0x80) ||
           kb_refuse(g, KEY_SIZE_BYTES, "it is negative");
}

static void put_checksum(struct kb_reading *g, struct buf *out)
{
    const struct kb_span *checksum = &g->record.checksum;
    if (checksum->len > 0)
        field_put_bytes(out, g->held->texts.data + checksum->at, checksum->len);
    else
        kb_put_null(out);
}

/* In the order of enum kb_asset_field. A document's frame says less of its asset: its title and
 * meta are its own. */
static bool read_asset(struct kb_reading *g)
{
    struct buf *out = &g->held->fields;
    struct media_text mime = text_of_key(g, KEY_MIME);
    struct media_text uri = text_of_uri(g);
    bool is_asset = g->kind == KB_ASSET;
    size_t begun = out->len;
    if (text_of_key(g, KEY_TYPE).len > TYPE_MAX)
        return kb_refuse(g, KEY_TYPE, "it is longer than %d bytes", TYPE_MAX);
    if (!kb_put_key(g, KEY_TYPE, out) || !kb_put_key(g, KEY_MIME, out))
        return false;
    if (!is_asset)
        kb_put_null(out);
    else if (!kb_put_key(g, KEY_TITLE, out))
        return false;
    if (!kb_put_key(g, KEY_SOURCE, out) || !kb_put_key(g, KEY_LICENSE, out))
        return false;
    put_checksum(g, out);
    if (!put_size(g, out) || !kb_put_key(g, KEY_LANGUAGE, out) ||
        !kb_put_key(g, KEY_TRANSCRIPT_URI, out) || !kb_put_key(g, KEY_THUMBNAIL_URI, out) ||
        !kb_put_key(g, KEY_CREATED_AT, out))
        return false;
    if (!is_asset)
        kb_put_null(out);
    else if (!put_asset_meta(g, out))
        return false;
    const char *guess = media_type(&mime, &uri);
    field_put_bytes(out, guess, strlen(guess));
    g->record.asset = (struct kb_span){begun, out->len - begun};
    g->record.has_asset = is_asset;
    return true;
}

/* --- documents ---------------------------------------------------------------------------------
 */

static bool read_format(struct kb_reading *g, enum text_format *format)
{
    struct media_text named = text_of_key(g, KEY_FORMAT);
    struct media_text mime = text_of_key(g, KEY_MIME);
    struct media_text uri = text_of_uri(g);
    char text[FIELD_SHOWN];
    if (!g->keys.of[KEY_FORMAT]) {
        (void)media_format(&mime, &uri, format);
        return true;
    }
    for (unsigned i = 0; text_format_names[i]; i++) {
        *format = (enum text_format)i;
        if (strlen(text_format_names[i]) == named.len &&
            word_same(named.bytes, text_format_names[i], named.len))
            return true;
    }
    return kb_refuse(g, KEY_FORMAT, "text, markdown or html is wanted, but it is \"%s\"",
                     field_show(named.bytes, named.len, text));
}

/* All that makes the revision: what its sections and chunks follow from. */
static void put_document_digest(struct kb_reading *g, bool has_text, enum text_format format)
{
    const struct split_settings *split = &g->reader->split;
    const uint64_t how[] = {g->record.is_retired,          has_text,
                            has_text ? SPLIT_VERSION : 0,  has_text ? split->tokens : 0,
                            has_text ? split->overlap : 0, has_text ? format : 0};
    const struct kb_span *document = &g->record.document;
    struct buf *digests = &g->held->digests;
    struct hash h;
    hash_start(&h);
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        uint8_t number[8];
        word_put_be64(number, how[i]);
        hash_update(&h, number, sizeof number);
    }
    hash_update(&h, g->held->fields.data + document->at, document->len);
    if (has_text) { /* pack_id and md, then the text */
        hash_update(&h, g->reader->json.data, g->reader->json.len);
        hash_update(&h, g->reader->text.data, g->reader->text.len);
    }
    hash_finish(&h, buf_reserve(digests, HASH_BYTES));
    digests->len += HASH_BYTES;
}

/* title and meta, behind the asset's fields. has_text: the reader's is split. */
static bool read_document(struct kb_reading *g, bool has_text, enum text_format format)
{
    struct buf *out = &g->held->fields;
    size_t begun = out->len;
    g->record.is_head = true;
    if (has_text && !kb_text_read(g, format, out))
        return false;
    if (g->keys.of[KEY_TITLE] || !has_text) {
        out->len = begun; /* the text's own title counts where the frame has none */
        if (!kb_put_key(g, KEY_TITLE, out))
            return false;
    }
    if (!kb_put_key(g, KEY_META, out))
        return false;
    g->record.document = (struct kb_span){begun, out->len - begun};
    put_document_digest(g, has_text, format);
    g->next_idx = g->record.chunks;
    return true;
}

/* The frame's own text, into the reader's. */
static bool read_inline(struct kb_reading *g)
{
    struct buf *text = &g->reader->text;
    buf_clear(text);
    if (!kb_put_key(g, KEY_TEXT, text))
        return false;
    memmove(text->data, text->data + 4, text->len - 4);
    text->len -= 4;
    return true;
}

static bool is_text(const struct buf *text)
{
    return utf8_check(text->data, text->len) == text->len && !memchr(text->data, '\0', text->len);
}

/* The file may have been replaced since its producer looked at it. */
static bool is_that_file(const struct kb_reading *g, const struct buf *bytes)
{
    const struct kb_span *checksum = &g->record.checksum;
    char is[HASH_HEX];
    if (checksum->len == 0)
        return true;
    hash_bytes_hex(bytes->data, bytes->len, is);
    return word_same((const uint8_t *)is, g->held->texts.data + checksum->at, HASH_HEX - 1) ||
           kb_refuse(g, KEY_CHECKSUM,
                     "%.12s... is that of the file: it is another version; send the asset anew",
                     is);
}

/* The text of the file that the uri names, where there is one. What may not be read is refused,
 * whatever it is. */
static bool read_file(struct kb_reading *g, bool *has_text, enum text_format *format)
{
    struct media_text mime = text_of_key(g, KEY_MIME);
    struct media_text uri = text_of_uri(g);
    struct buf *text = &g->reader->text;
    enum text_format guess;
    char problem[KB_FILE_PROBLEM];
    bool is_wanted = g->keys.of[KEY_FORMAT] || media_format(&mime, &uri, &guess);
    buf_clear(text);
    enum kb_file found = kb_file_read(g->reader->roots, uri.bytes, uri.len, g->reader->file_bytes,
                                      is_wanted ? text : NULL, problem);
    if (found == KB_FILE_FAILED)
        g->reader->failure =
            err_make(ERR_SPOOL, "%.*s, %s", (int)uri.len, (const char *)uri.bytes, problem);
    if (found == KB_FILE_REFUSED || found == KB_FILE_FAILED)
        return kb_refuse(g, KEY_URI, "%s", problem);
    if (found == KB_FILE_READ && is_wanted && !is_that_file(g, text))
        return false;
    *has_text = found == KB_FILE_READ && is_wanted && is_text(text);
    return !*has_text || read_format(g, format);
}

static bool read_previous_uri(struct kb_reading *g)
{
    if (!kb_read_uri(g, KEY_PREVIOUS_URI, &g->record.previous_uri))
        return false;
    return !g->keys.of[KEY_PREVIOUS_URI] || g->record.name.uri.len > 0 ||
           kb_refuse(g, KEY_PREVIOUS_URI, "the uri that it has now is missing");
}

bool kb_asset_read(struct kb_reading *g)
{
    enum text_format format = TEXT_PLAIN;
    bool has_text = g->keys.of[KEY_TEXT] != NULL;
    if (!read_asset(g) || !read_previous_uri(g))
        return false;
    if (has_text ? !read_format(g, &format) || !read_inline(g) : !read_file(g, &has_text, &format))
        return false;
    g->record.checksum = (struct kb_span){0}; /* what the asset is, not what it must be */
    return !has_text || read_document(g, true, format);
}

bool kb_document_read(struct kb_reading *g)
{
    enum text_format format = TEXT_PLAIN;
    const struct frame_pair *deleted = g->keys.of[KEY_DELETED];
    bool has_text = g->keys.of[KEY_TEXT] != NULL;
    if (!read_asset(g) || !read_previous_uri(g))
        return false;
    if (deleted && deleted->value.type != MP_BOOL)
        return kb_refuse(g, KEY_DELETED, "true or false is wanted");
    g->record.is_retired = deleted && deleted->value.boolean;
    if (g->record.is_retired && has_text)
        return kb_refuse(g, KEY_DELETED, "a document that is deleted has no text");
    if (has_text && (!read_format(g, &format) || !read_inline(g)))
        return false;
    return read_document(g, has_text, format);
}
