/* SPDX-License-Identifier: MIT */
#include "embed/reply.h"

#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "embed/jsonr.h"

enum {
    NUMBER_BYTES = 48, /* in double precision, indented, a line each */
    ITEM_BYTES = 512,  /* around the numbers */
    REST_BYTES = 65536 /* around the items */
};

size_t embed_reply_limit(size_t count, size_t dimensions)
{
    return REST_BYTES + count * (ITEM_BYTES + dimensions * NUMBER_BYTES);
}

#define SAY(said, ...) ((void)snprintf((said)->error, sizeof(said)->error, __VA_ARGS__))

/* ---- numbers ---- */

struct reading {
    size_t count, dimensions;
    float *vectors;
    bool *is_there; /* by index */
    enum embedder_encoding encoding;
    struct embed_said *said;
};

/* How many numbers there are; only those that fit are kept. */
static size_t read_floats(struct jsonr *j, const struct reading *r, float *vector)
{
    size_t n = 0;
    double number;
    if (jsonr_open(j, '['))
        for (; jsonr_next_item(j) && jsonr_number(j, &number); n++)
            if (n < r->dimensions)
                vector[n] = (float)number;
    return n;
}

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* The same; a part of a number at the end makes it one more. JSON may write / as \/. */
static size_t read_base64(struct jsonr *j, const struct reading *r, float *vector)
{
    struct jsonr_span text = {0};
    uint32_t bits = 0;
    unsigned held = 0; /* of bits */
    uint32_t word = 0;
    size_t bytes = 0;
    (void)jsonr_string(j, &text);
    while (text.len > 0 && text.at[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len && !j->problem; i++) {
        int value = base64_value(text.at[i]);
        if (text.at[i] == '\\')
            continue;
        if (value < 0)
            j->problem = "a base64 text has other characters";
        bits = bits << 6 | (uint32_t)(value & 63);
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        word = word >> 8 | (bits >> held & 0xff) << 24; /* little-endian */
        bytes++;
        if (bytes % 4 == 0 && bytes / 4 <= r->dimensions)
            memcpy(&vector[bytes / 4 - 1], &word, sizeof word);
    }
    return (bytes + 3) / 4;
}

static enum embed_outcome check_numbers(const struct reading *r, size_t index, size_t n)
{
    const float *vector = r->vectors + index * r->dimensions;
    bool is_zero = true;
    if (n == 0) {
        SAY(r->said, "the answer's vector is empty");
        return EMBED_NONSENSE;
    }
    if (n != r->dimensions) {
        SAY(r->said,
            "the answer's vectors have %zu numbers, but the embedder's `dimensions` says %zu: mend "
            "its manifest, and run `spoolgate migrate --embedding auto:%zu --discard-vectors`",
            n, r->dimensions, n);
        return EMBED_STOPPED;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(vector[i])) {
            SAY(r->said, "the answer has numbers that aren't finite");
            return EMBED_NONSENSE;
        }
        is_zero = is_zero && vector[i] == 0;
    }
    if (is_zero)
        SAY(r->said, "the answer's vector is all zeros");
    return is_zero ? EMBED_NONSENSE : EMBED_DONE;
}

/* ---- the answer ---- */

static enum embed_outcome nonsense(const struct reading *r, const char *why)
{
    SAY(r->said, "the answer makes no sense: %s", why);
    return EMBED_NONSENSE;
}

static enum embed_outcome keep(const struct reading *r, double number,
                               const struct jsonr_span *embedding, enum embedder_encoding *encoding)
{
    struct jsonr j = {.at = embedding->at, .end = embedding->at + embedding->len};
    if (!(number >= 0 && number < (double)r->count) || number != floor(number))
        return nonsense(r, "an `index` that nobody asked for");
    size_t index = (size_t)number;
    if (r->is_there[index])
        return nonsense(r, "an `index` that is there twice");
    r->is_there[index] = true;
    float *vector = r->vectors + index * r->dimensions;
    bool is_text = jsonr_peek(&j) == '"';
    size_t n = (is_text ? read_base64 : read_floats)(&j, r, vector);
    *encoding = is_text ? EMBEDDER_BASE64 : EMBEDDER_FLOAT;
    return j.problem ? nonsense(r, j.problem) : check_numbers(r, index, n);
}

static enum embed_outcome read_item(struct jsonr *j, struct reading *r)
{
    struct jsonr_span key;
    struct jsonr_span embedding = {0};
    double index = -1;
    if (jsonr_open(j, '{'))
        while (jsonr_next_key(j, &key) && (jsonr_is(&key, "index")       ? jsonr_number(j, &index)
                                           : jsonr_is(&key, "embedding") ? jsonr_skip(j, &embedding)
                                                                         : jsonr_skip(j, NULL)))
            ;
    if (j->problem)
        return nonsense(r, j->problem);
    if (!embedding.at)
        return nonsense(r, "an entry without `embedding`");
    return keep(r, index, &embedding, &r->encoding);
}

static enum embed_outcome read_items(struct jsonr *j, struct reading *r)
{
    size_t n = 0;
    enum embed_outcome how = EMBED_DONE;
    if (jsonr_open(j, '['))
        for (; how == EMBED_DONE && jsonr_next_item(j); n++)
            how = read_item(j, r);
    if (how != EMBED_DONE)
        return how;
    if (j->problem)
        return nonsense(r, j->problem);
    return n == r->count ? EMBED_DONE : nonsense(r, "vectors are missing");
}

static enum embed_outcome read_answer(struct jsonr *j, struct reading *r)
{
    struct jsonr_span key;
    enum embed_outcome how = EMBED_NONSENSE;
    bool has_data = false;
    if (jsonr_open(j, '{'))
        while (jsonr_next_key(j, &key)) {
            if (!jsonr_is(&key, "data")) {
                (void)jsonr_skip(j, NULL);
                continue;
            }
            if (has_data)
                return nonsense(r, "`data` is there twice");
            has_data = true;
            how = read_items(j, r);
            if (how != EMBED_DONE)
                return how;
        }
    if (j->problem)
        return nonsense(r, j->problem);
    if (jsonr_peek(j) != '\0' || j->at != j->end)
        return nonsense(r, "there is something behind it");
    return has_data ? how : nonsense(r, "it has no `data`");
}

enum embed_outcome embed_reply_read(const void *bytes, size_t len, size_t count, size_t dimensions,
                                    float *vectors, enum embedder_encoding *encoding,
                                    struct embed_said *said)
{
    struct jsonr j = {.at = len > 0 ? bytes : "",
                      .end = (len > 0 ? (const char *)bytes : "") + len};
    struct reading r = {.count = count,
                        .dimensions = dimensions,
                        .vectors = vectors,
                        .is_there = mem_calloc(count, sizeof *r.is_there),
                        .said = said};
    *said = (struct embed_said){0};
    enum embed_outcome how = read_answer(&j, &r);
    *encoding = r.encoding;
    free(r.is_there);
    return how;
}

/* ---- refusals ---- */

struct refusal {
    struct jsonr_span message, type, code;
};

static void read_error(struct jsonr *j, struct refusal *f)
{
    struct jsonr_span key;
    if (jsonr_peek(j) == '"') {
        (void)jsonr_string(j, &f->message);
        return;
    }
    if (jsonr_peek(j) != '{' || !jsonr_open(j, '{')) {
        (void)jsonr_skip(j, NULL);
        return;
    }
    while (jsonr_next_key(j, &key)) {
        bool is_text = jsonr_peek(j) == '"';
        if (is_text && jsonr_is(&key, "message"))
            (void)jsonr_string(j, &f->message);
        else if (is_text && jsonr_is(&key, "type"))
            (void)jsonr_string(j, &f->type);
        else if (is_text && jsonr_is(&key, "code"))
            (void)jsonr_string(j, &f->code);
        else
            (void)jsonr_skip(j, NULL);
    }
}

/* As far as it goes: what was cut off is of no matter. */
static void read_refusal(const void *bytes, size_t len, struct refusal *f)
{
    struct jsonr j = {.at = bytes, .end = (const char *)bytes + len};
    struct jsonr_span key;
    if (len == 0 || jsonr_peek(&j) != '{' || !jsonr_open(&j, '{'))
        return;
    while (jsonr_next_key(&j, &key)) {
        if (jsonr_is(&key, "error") || jsonr_is(&key, "detail") || jsonr_is(&key, "message"))
            read_error(&j, f);
        else if (jsonr_is(&key, "error_type") && jsonr_peek(&j) == '"')
            (void)jsonr_string(&j, &f->type);
        else
            (void)jsonr_skip(&j, NULL);
    }
}

/* One line of text; what isn't becomes a space or '?'. */
static void clean(const struct buf *from, char *to, size_t room)
{
    size_t len = 0;
    for (size_t at = 0; at < from->len;) {
        const uint8_t *p = from->data + at;
        size_t n = utf8_length(p, from->len - at);
        bool is_control = *p < 0x20 || *p == 0x7f || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
        if (len + (n > 0 ? n : 1) >= room)
            break;
        if (n == 0 || is_control) {
            to[len++] = n == 0 ? '?' : ' ';
        } else {
            memcpy(to + len, p, n);
            len += n;
        }
        at += n > 0 ? n : 1;
    }
    to[len] = '\0';
}

/* Nobody's waiting helps where nobody pays. */
static bool is_quota(const struct refusal *f)
{
    static const char *const words[] = {"insufficient_quota", "billing_hard_limit_reached",
                                        "billing_not_active", "account_deactivated"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (jsonr_is(&f->type, words[i]) || jsonr_is(&f->code, words[i]))
            return true;
    return false;
}

static enum embed_outcome judge(int status, const struct refusal *f)
{
    if (is_quota(f))
        return EMBED_STOPPED;
    if (status >= 500)
        return EMBED_TROUBLE;
    if (status == 403)
        return EMBED_FORBIDDEN;
    if (status == 408 || status == 409 || status == 425 || status == 429)
        return EMBED_LATER;
    if (status == 400 || status == 413 || status == 422)
        return EMBED_TOO_MUCH;
    return EMBED_STOPPED;
}

enum embed_outcome embed_reply_refusal(int status, const void *bytes, size_t len,
                                       struct embed_said *said)
{
    struct refusal f = {{"", 0}, {"", 0}, {"", 0}};
    struct buf words = {0};
    char text[300];
    read_refusal(bytes, len, &f);
    if (f.message.len > 0)
        jsonr_unescape(&f.message, &words);
    else
        buf_put(&words, bytes, len < sizeof text ? len : sizeof text);
    clean(&words, text, sizeof text);
    SAY(said, "answered %d%s%s", status, *text ? ": " : "", text);
    buf_free(&words);
    return judge(status, &f);
}
