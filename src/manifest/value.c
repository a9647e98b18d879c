/* SPDX-License-Identifier: MIT */
/*
 * Values that a manifest states: YAML becomes msgpack, which the loader's own encoder takes as it
 * would a frame's, so that a default is what a producer could have sent. What SQL reads is made
 * from the encoded field, so that both are the same value.
 */
#include <errno.h>
#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/sql.h"
#include "base/time.h"
#include "base/uuid.h"
#include "base/word.h"
#include "manifest/read.h"
#include "replay/copybin.h"

/* ---- YAML to msgpack ---- */

static int append(void *data, const char *bytes, size_t len)
{
    buf_put(data, bytes, len);
    return 0;
}

static void pack_text(msgpack_packer *pk, const char *text, size_t len)
{
    (void)msgpack_pack_str(pk, len);
    (void)msgpack_pack_str_body(pk, text, len);
}

/* Of 64 bits; false: it has more. */
static bool pack_int(msgpack_packer *pk, const char *text)
{
    bool is_negative = *text == '-';
    text += *text == '-' || *text == '+';
    int base = strncmp(text, "0x", 2) == 0 ? 16 : strncmp(text, "0o", 2) == 0 ? 8 : 10;
    errno = 0;
    uint64_t number = strtoull(text + (base == 10 ? 0 : 2), NULL, base);
    if (errno != 0 || (is_negative && number > (uint64_t)INT64_MAX + 1))
        return false;
    if (is_negative)
        (void)msgpack_pack_int64(pk, (int64_t)(0 - number));
    else
        (void)msgpack_pack_uint64(pk, number);
    return true;
}

static double float_value(const char *text)
{
    const char *digits = text + (*text == '-' || *text == '+');
    double sign = *text == '-' ? -1 : 1;
    if (strcmp(digits, ".inf") == 0 || strcmp(digits, ".Inf") == 0 || strcmp(digits, ".INF") == 0)
        return sign * (double)INFINITY;
    return *digits == '.' && strchr("nN", digits[1]) ? (double)NAN : strtod(text, NULL);
}

/* Depth is bounded by that of the YAML. False: a value that was told. */
static bool pack_node(const struct reader *r, msgpack_packer *pk, const struct yaml_node *node)
{
    bool good = true;
    if (node->is_bad)
        return false;
    switch (node->type) {
    case YAML_NULL:
        (void)msgpack_pack_nil(pk);
        break;
    case YAML_BOOL:
        (void)(yaml_bool(node) ? msgpack_pack_true(pk) : msgpack_pack_false(pk));
        break;
    case YAML_INT:
        good = pack_int(pk, node->text);
        if (!good)
            READ_ERROR(r, node, "`%.80s` has more than 64 bits", node->text);
        break;
    case YAML_FLOAT:
        (void)msgpack_pack_double(pk, float_value(node->text));
        break;
    case YAML_TEXT:
        pack_text(pk, node->text, node->len);
        break;
    case YAML_LIST:
        (void)msgpack_pack_array(pk, node->count);
        for (size_t i = 0; i < node->count; i++)
            good &= pack_node(r, pk, node->entries[i].value);
        break;
    case YAML_MAP:
        (void)msgpack_pack_map(pk, node->count);
        for (size_t i = 0; i < node->count; i++) {
            pack_text(pk, node->entries[i].key->text, node->entries[i].key->len);
            good &= pack_node(r, pk, node->entries[i].value);
        }
        break;
    }
    return good;
}

/* A numeric keeps all digits that were written, and so goes as text. */
static bool is_exact(const struct yaml_node *node, const struct column *c)
{
    return c->type == COLUMN_NUMERIC && (node->type == YAML_INT || node->type == YAML_FLOAT) &&
           strspn(node->text, "0123456789.+-eE") == node->len;
}

/* ---- a field of COPY BINARY to what SQL reads ---- */

static void put_float(struct buf *out, double v)
{
    if (isfinite(v)) {
        uint8_t *at = buf_reserve(out, DECIMAL_BYTES);
        out->len += (size_t)(decimal_double(at, v) - at);
    } else {
        buf_str(out, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
    }
}

static double load_double(const uint8_t *p)
{
    uint64_t bits = word_be64(p);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static float load_float(const uint8_t *p)
{
    uint32_t bits = word_be32(p);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void put_interval(struct buf *out, const uint8_t *p)
{
    int64_t us = (int64_t)word_be64(p);
    int32_t days = (int32_t)word_be32(p + 8);
    int32_t months = (int32_t)word_be32(p + 12);
    uint64_t size = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    buf_printf(out, "%d mons %d days %s%llu.%06llu secs", months, days, us < 0 ? "-" : "",
               (unsigned long long)(size / 1000000), (unsigned long long)(size % 1000000));
}

/* The number of dimensions (0 or 1), a flag, the elements' type, their count, the first one's
 * index; then each as a field. */
static void put_array(struct buf *out, enum column_type type, const uint8_t *p)
{
    uint32_t count = word_be32(p) == 0 ? 0 : word_be32(p + 12);
    struct buf text = {0};
    p += 20;
    buf_byte(out, '{');
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = word_be32(p);
        p += 4;
        if (len == UINT32_MAX) {
            buf_printf(out, "%sNULL", i > 0 ? "," : "");
            continue;
        }
        buf_clear(&text);
        if (type == COLUMN_TEXT_ARRAY)
            buf_put(&text, p, len);
        else if (type == COLUMN_INT8_ARRAY)
            buf_printf(&text, "%lld", (long long)word_be64(p));
        else
            put_float(&text, load_double(p));
        sql_element(out, buf_cstr(&text));
        p += len;
    }
    buf_byte(out, '}');
    buf_free(&text);
}

/* Postgres writes other years in ways of its own. */
static bool put_time(struct buf *out, int64_t us, bool is_date)
{
    char text[TIME_TEXT];
    struct time_date date = time_date_of_day(time_day(us));
    if (date.year < 1 || date.year > 9999)
        return false;
    if (is_date)
        buf_printf(out, "%04d-%02d-%02d", date.year, date.month, date.day);
    else
        buf_str(out, time_format(us, text));
    return true;
}

/* p: behind the field's length. False: a time that has no text. */
static bool put_sql(struct buf *out, const struct column *c, const struct yaml_node *node,
                    const uint8_t *p, size_t len)
{
    char id[UUID_TEXT];
    struct uuid uuid;
    switch (c->type) {
    case COLUMN_JSONB:
        buf_put(out, p + 1, len - 1); /* behind the version */
        break;
    case COLUMN_BOOL:
        buf_str(out, *p ? "true" : "false");
        break;
    case COLUMN_INT2:
        buf_printf(out, "%d", (int16_t)word_be16(p));
        break;
    case COLUMN_INT4:
        buf_printf(out, "%d", (int32_t)word_be32(p));
        break;
    case COLUMN_INT8:
        buf_printf(out, "%lld", (long long)word_be64(p));
        break;
    case COLUMN_FLOAT4:
        put_float(out, (double)load_float(p));
        break;
    case COLUMN_FLOAT8:
        put_float(out, load_double(p));
        break;
    case COLUMN_TIMESTAMPTZ:
        return put_time(out, (int64_t)word_be64(p) + TIME_PG_EPOCH_US, false);
    case COLUMN_DATE:
        return put_time(out, (int32_t)word_be32(p) * TIME_US_PER_DAY + TIME_PG_EPOCH_US, true);
    case COLUMN_INTERVAL:
        put_interval(out, p);
        break;
    case COLUMN_UUID:
        memcpy(uuid.bytes, p, sizeof uuid.bytes);
        buf_str(out, uuid_format(&uuid, id));
        break;
    case COLUMN_TEXT_ARRAY:
    case COLUMN_INT8_ARRAY:
    case COLUMN_FLOAT8_ARRAY:
        put_array(out, c->type, p);
        break;
    case COLUMN_NUMERIC:
        if (node->type == YAML_FLOAT && !is_exact(node, c))
            put_float(out, float_value(node->text));
        else if (node->type == YAML_INT && !is_exact(node, c))
            buf_printf(out, "%llu", strtoull(node->text + 2, NULL, node->text[1] == 'x' ? 16 : 8));
        else
            buf_str(out, node->text);
        break;
    default: /* text and inet, as written */
        buf_str(out, node->text);
        break;
    }
    return true;
}

/* ---- both ---- */

static bool can_state(const struct reader *r, const struct yaml_node *node, const struct column *c)
{
    char name[COLUMN_TYPE_NAME];
    if (c->type != COLUMN_BYTEA && c->type != COLUMN_VECTOR && c->type != COLUMN_HALFVEC)
        return true;
    READ_ERROR(r, node, "a %s column can't have a default or constant", column_type_name(c, name));
    return false;
}

bool read_value(const struct reader *r, const struct yaml_node *node, const struct column *c,
                struct column_value *value)
{
    struct buf packed = {0};
    struct buf field = {0};
    struct buf text = {0};
    struct reject reject;
    msgpack_packer pk;
    if (!can_state(r, node, c))
        return false;
    msgpack_packer_init(&pk, &packed, append);
    bool good = true;
    if (is_exact(node, c))
        pack_text(&pk, node->text, node->len);
    else
        good = pack_node(r, &pk, node);
    if (good) {
        good = copybin_value(&field, c, packed.data, packed.len, &reject);
        if (!good)
            READ_ERROR(r, node, "not a value for column `%s`: %s", c->name, reject.reason);
    }
    if (good) {
        good = put_sql(&text, c, node, field.data + 4, field.len - 4);
        if (!good)
            READ_ERROR(r, node, "not a value for column `%s`: a year before 1 or after 9999",
                       c->name);
    }
    if (good)
        *value = (struct column_value){
            .text = arena_strndup(r->arena, (const char *)text.data, text.len),
            .field = arena_copy(r->arena, field.data, field.len),
            .field_len = field.len,
        };
    buf_free(&packed);
    buf_free(&field);
    buf_free(&text);
    return good;
}
