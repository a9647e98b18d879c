/* SPDX-License-Identifier: MIT */
/* Every type's binary form, as a server reads it. */
#include "database.h"
#include "base/time.h"
#include "bytes.h"
#include "replay/copybin.h"
#include "stream/ddl.h"

static struct database db;

static void open_database(void)
{
    database_open(&db, false);
    EXPECT_OK(pg_exec(&db.pg, "SET timezone = 'UTC'"));
    EXPECT_OK(pg_exec(&db.pg, "SET intervalstyle = 'iso_8601'"));
}

static void close_database(void)
{
    database_close(&db);
}

TestSuite(types, .init = open_database, .fini = close_database);

#define FROM(key) .path = (const char *const[]){key}, .path_count = 1
#define KEY(name_, type_)                             \
    {                                                 \
        .name = (name_), .type = (type_), FROM(name_) \
    }

/* One table of all types; a frame fills one column, the others are NULL. The vectors come last:
 * they are left out where the server has no pgvector. */
enum { VECTORS = 2 };
static const struct column all_columns[] = {
    {.name = "frame", .type = COLUMN_INT8, .source = COLUMN_FROM_FRAME, .required = true},
    KEY("text", COLUMN_TEXT),
    KEY("jsonb", COLUMN_JSONB),
    KEY("bool", COLUMN_BOOL),
    KEY("int2", COLUMN_INT2),
    KEY("int4", COLUMN_INT4),
    KEY("int8", COLUMN_INT8),
    KEY("float4", COLUMN_FLOAT4),
    KEY("float8", COLUMN_FLOAT8),
    KEY("numeric", COLUMN_NUMERIC),
    KEY("timestamptz", COLUMN_TIMESTAMPTZ),
    KEY("date", COLUMN_DATE),
    KEY("interval", COLUMN_INTERVAL),
    KEY("uuid", COLUMN_UUID),
    KEY("bytea", COLUMN_BYTEA),
    KEY("inet", COLUMN_INET),
    KEY("text[]", COLUMN_TEXT_ARRAY),
    KEY("int8[]", COLUMN_INT8_ARRAY),
    KEY("float8[]", COLUMN_FLOAT8_ARRAY),
    {.name = "vector", .type = COLUMN_VECTOR, .dimensions = 3, FROM("vector")},
    {.name = "halfvec", .type = COLUMN_HALFVEC, .dimensions = 3, FROM("halfvec")},
};

static bool has_vectors(void)
{
    const char *made =
        database_value(&db, "SELECT count(*) FROM pg_type WHERE typname IN ('vector', 'halfvec')");
    return strcmp(made, "2") == 0;
}

static void put_str(struct buf *out, const char *text, size_t len)
{
    buf_byte(out, 0xda);
    buf_be16(out, (uint16_t)len);
    buf_put(out, text, len);
}

/* Rows of one stream on their way into its table. */
struct rows {
    const struct stream_set *set;
    struct copybin e;
    struct buf copy;
    uint64_t count;
};

static void rows_open(struct rows *r, const struct stream_set *set)
{
    static const struct uuid batch = {{1}};
    struct buf sql = {0};
    *r = (struct rows){.set = set};
    char schema[100];
    (void)snprintf(schema, sizeof schema, "%s",
                   database_value(&db, "SELECT min(typnamespace::regnamespace::text) FROM pg_type"
                                       " WHERE typname = 'vector'"));
    ddl_stream(&sql, set->streams, *schema ? schema : NULL);
    EXPECT_OK(pg_exec(&db.pg, buf_cstr(&sql)));
    buf_free(&sql);
    copybin_open(&r->e, set, &batch, 0, NUL_REJECT);
    copybin_header(&r->copy);
}

/* {key: value} */
static bool rows_add(struct rows *r, const char *key, const void *value, size_t len,
                     struct reject *reject)
{
    struct buf map = {0};
    struct copybin_row row;
    buf_byte(&map, 0x81);
    put_str(&map, key, strlen(key));
    buf_put(&map, value, len);
    struct frame frame = {.bytes = map.data,
                          .len = map.len,
                          .index = r->count,
                          .kind = (const uint8_t *)"t",
                          .kind_len = 1};
    bool good = copybin_encode(&r->e, &frame, &r->copy, &row, reject);
    r->count += good;
    buf_free(&map);
    return good;
}

static void rows_send(struct rows *r)
{
    struct buf command = {0};
    uint64_t taken;
    copybin_trailer(&r->copy);
    ddl_copy(&command, r->set->streams);
    EXPECT_OK(pg_copy_begin(&db.pg, buf_cstr(&command)));
    EXPECT_OK(pg_copy_data(&db.pg, r->copy.data, r->copy.len));
    EXPECT_OK(pg_copy_end(&db.pg, &taken));
    cr_assert_eq(taken, r->count);
    buf_free(&command);
    buf_free(&r->copy);
    copybin_close(&r->e);
}

#define FLOAT(bits) "\xcb" bits

Test(types, values_read_back)
{
    static const struct {
        const char *column, *value;
        size_t len;
        const char *want;
    } rows[] = {
        {"text", BYTES("\xa0"), ""},
        {"text",
         BYTES("\xa5"
               "caf\xc3\xa9"),
         "caf\xc3\xa9"},
        {"jsonb", BYTES("\x81\xa1k\x92\x01\xc0"), "{\"k\": [1, null]}"},
        {"bool", BYTES("\xc3"), "true"},
        {"bool", BYTES("\xc2"), "false"},
        {"int2", BYTES("\xd1\x80\x00"), "-32768"},
        {"int2", BYTES("\xcd\x7f\xff"), "32767"},
        {"int4", BYTES("\xd2\x80\x00\x00\x00"), "-2147483648"},
        {"int4", BYTES("\xce\x7f\xff\xff\xff"), "2147483647"},
        {"int8", BYTES("\xd3\x80\0\0\0\0\0\0\0"), "-9223372036854775808"},
        {"int8", BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), "9223372036854775807"},
        {"int8", BYTES(FLOAT("\x43\xd0\0\0\0\0\0\0")), "4611686018427387904"},
        {"float4", BYTES(FLOAT("\x3f\xb9\x99\x99\x99\x99\x99\x9a")), "0.1"},
        {"float4", BYTES("\xff"), "-1"},
        {"float4", BYTES(FLOAT("\x7f\xf8\0\0\0\0\0\0")), "NaN"},
        {"float4", BYTES(FLOAT("\xff\xf0\0\0\0\0\0\0")), "-Infinity"},
        {"float8", BYTES(FLOAT("\x3f\xb9\x99\x99\x99\x99\x99\x9a")), "0.1"},
        {"float8", BYTES("\x07"), "7"},
        {"numeric", BYTES("\xa6-12.50"), "-12.50"},
        {"numeric", BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615"},
        {"numeric", BYTES("\xd3\x80\0\0\0\0\0\0\0"), "-9223372036854775808"},
        {"numeric", BYTES(FLOAT("\x3f\xb9\x99\x99\x99\x99\x99\x9a")), "0.1"},
        {"numeric", BYTES(FLOAT("\x44\xb5\x2d\x02\xc7\xe1\x4a\xf6")), "100000000000000000000000"},
        {"numeric", BYTES(FLOAT("\x7f\xf8\0\0\0\0\0\0")), "NaN"},
        {"numeric", BYTES(FLOAT("\x7f\xf0\0\0\0\0\0\0")), "Infinity"},
        {"numeric", BYTES("\xa4-INF"), "-Infinity"},
        {"timestamptz", BYTES("\xd7\xff\x77\x35\x94\0\x6b\x00\xfa\x6d"),
         "2026-11-21 01:57:01.5+00"},
        {"timestamptz", BYTES("\xd3\xff\xff\xff\xce\xe7\x5b\xee\x00"), "4714-11-24 00:00:00+00 BC"},
        {"timestamptz",
         BYTES("\xb4"
               "9999-12-31T23:59:59Z"),
         "9999-12-31 23:59:59+00"},
        {"date",
         BYTES("\xaa"
               "2024-02-29"),
         "2024-02-29"},
        {"date", BYTES("\xff"), "1969-12-31"},
        {"date", BYTES("\xd3\xff\xff\xff\xce\xe7\x5b\xee\x00"), "4714-11-24 BC"},
        {"interval", BYTES("\xb0P1Y2M3DT4H5M6.5S"), "P1Y2M3DT4H5M6.5S"},
        {"interval", BYTES("\xa3P2W"), "P14D"},
        {"interval", BYTES("\xa7-P1MT1S"), "P-1MT-1S"},
        {"interval", BYTES(FLOAT("\xbf\xf8\0\0\0\0\0\0")), "PT-1.5S"},
        {"uuid",
         BYTES("\xd9\x24"
               "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"),
         "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
        {"bytea", BYTES("\xc4\x03\0\xff\\"), "\\x00ff5c"},
        {"bytea", BYTES("\xa0"), "\\x"},
        {"inet",
         BYTES("\xab"
               "192.168.1.5"),
         "192.168.1.5/32"},
        {"inet",
         BYTES("\xae"
               "192.168.1.5/24"),
         "192.168.1.5/24"},
        {"inet", BYTES("\xa3::1"), "::1/128"},
        {"inet",
         BYTES("\xae"
               "2001:db8::1/64"),
         "2001:db8::1/64"},
        {"text[]", BYTES("\x90"), "{}"},
        {"text[]",
         BYTES("\x95\xa1"
               "a\xa0\xc0\xa4NULL\xa4\"\\,}"),
         "{a,\"\",NULL,\"NULL\",\"\\\"\\\\,}\"}"},
        {"int8[]", BYTES("\x90"), "{}"},
        {"int8[]", BYTES("\x93\x01\xc0\xff"), "{1,NULL,-1}"},
        {"float8[]", BYTES("\x90"), "{}"},
        {"float8[]",
         BYTES("\x94\x01\xc0\xca\x7f\xc0\0\0" FLOAT("\x3f\xb9\x99\x99\x99\x99\x99\x9a")),
         "{1,NULL,NaN,0.1}"},
        {"vector", BYTES("\x93\x01\xff" FLOAT("\x3f\xb9\x99\x99\x99\x99\x99\x9a")), "[1,-1,0.1]"},
        {"vector", BYTES("\xc4\x0c\0\0\x80\x3f\0\0\0\xc0\0\0\x40\x40"), "[1,-2,3]"},
        {"halfvec", BYTES("\x93\x01\xff" FLOAT("\x3f\xe0\0\0\0\0\0\0")), "[1,-1,0.5]"},
        {"halfvec", BYTES("\x93\xcd\xff\xe0" FLOAT("\x3e\x70\0\0\0\0\0\0") "\x00"),
         "[65504,5.9604645e-08,0]"},
    };
    size_t left_out = has_vectors() ? 0 : VECTORS;
    const struct stream stream = {.name = "types",
                                  .kind = "t",
                                  .table = "types",
                                  .columns = all_columns,
                                  .column_count = COUNT(all_columns) - left_out,
                                  .time_column = STREAM_NO_COLUMN};
    const struct stream_set set = {&stream, 1};
    struct rows r;
    struct reject reject;
    rows_open(&r, &set);
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool is_vector = strstr(rows[i].column, "vec") != NULL;
        /* a key that no column takes: the row is there, so that frames and rows count alike */
        const char *key = is_vector && left_out > 0 ? "none" : rows[i].column;
        cr_assert(rows_add(&r, key, rows[i].value, rows[i].len, &reject), "row %zu: %s: %s", i,
                  reject.column, reject.reason);
    }
    rows_send(&r);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf sql = {0};
        if (strstr(rows[i].column, "vec") && left_out > 0)
            continue;
        buf_printf(&sql, "SELECT \"%s\"::text FROM types WHERE frame = %zu", rows[i].column, i);
        EXPECT_VALUE(&db, buf_cstr(&sql), rows[i].want);
        buf_free(&sql);
    }
}

/* --- the server's own reading ------------------------------------------------------------------
 */

/* One key fills two columns: as text, and as its type. What the server makes of the text must be
 * what it has. */
static void expect_same_reading(enum column_type type, const char *(*make)(uint64_t *seed),
                                unsigned count)
{
    const struct column columns[] = {{.name = "t", .type = COLUMN_TEXT, FROM("v")},
                                     {.name = "v", .type = type, FROM("v")}};
    const struct stream stream = {.name = "readings",
                                  .kind = "t",
                                  .table = "readings",
                                  .columns = columns,
                                  .column_count = COUNT(columns),
                                  .time_column = STREAM_NO_COLUMN};
    const struct stream_set set = {&stream, 1};
    struct rows r;
    struct buf sql = {0};
    char name[COLUMN_TYPE_NAME];
    uint64_t seed = 11;
    rows_open(&r, &set);
    for (unsigned i = 0; i < count; i++) {
        struct buf value = {0};
        struct reject reject;
        const char *text = make(&seed);
        put_str(&value, text, strlen(text));
        cr_assert(rows_add(&r, "v", value.data, value.len, &reject), "\"%s\": %s", text,
                  reject.reason);
        buf_free(&value);
    }
    rows_send(&r);
    buf_printf(&sql, "SELECT t || ' came as ' || v FROM readings WHERE v::text <> t::%s::text",
               column_type_name(&columns[1], name));
    EXPECT_VALUE(&db, buf_cstr(&sql), "(no row)");
    buf_free(&sql);
}

static char made[400];

static size_t put_digits(size_t at, uint64_t *seed, size_t most)
{
    size_t count = bytes_random(seed) % (most + 1);
    uint64_t sort = bytes_random(seed) % 4; /* zeros and nines are where carrying goes wrong */
    for (size_t i = 0; i < count; i++)
        made[at++] = sort == 0   ? '0'
                     : sort == 1 ? '9'
                                 : (char)('0' + bytes_random(seed) % (sort == 2 ? 2 : 10));
    return at;
}

static const char *make_numeric(uint64_t *seed)
{
    size_t at = 0;
    uint64_t shape = bytes_random(seed);
    if (shape & 1)
        made[at++] = shape & 2 ? '-' : '+';
    at = put_digits(at, seed, 30);
    made[at++] = (char)('0' + shape % 10);
    if (shape & 4) {
        made[at++] = '.';
        at = put_digits(at, seed, 30);
        if (made[at - 1] == '.' && (shape & 8))
            made[at++] = '7';
    }
    made[at] = '\0';
    if (shape & 16)
        (void)sprintf(made + at, "%c%d", shape & 32 ? 'e' : 'E', (int)(shape >> 8 & 127) - 64);
    return made;
}

Test(types, numeric_is_read_as_the_server_does)
{
    expect_same_reading(COLUMN_NUMERIC, make_numeric, 20000);
}

static const char *make_interval(uint64_t *seed)
{
    static const char *const parts[] = {"Y", "M", "W", "D", "H", "M", "S"};
    uint64_t shape = bytes_random(seed);
    size_t at = (size_t)sprintf(made, "%sP", shape & 128 ? "-" : "");
    for (int i = 0; i < 7; i++) {
        if (i == 4 && (shape & 0x70))
            made[at++] = 'T';
        if (!(shape >> i & 1))
            continue;
        at += (size_t)sprintf(made + at, "%s%u", bytes_random(seed) % 4 ? "" : "-",
                              (unsigned)(bytes_random(seed) % 1000));
        if (i == 6 && shape & 256)
            at += (size_t)sprintf(made + at, ".%u", (unsigned)(bytes_random(seed) % 1000000));
        at += (size_t)sprintf(made + at, "%s", parts[i]);
    }
    if ((shape & 0x7f) == 0)
        (void)strcpy(made + at, "0D");
    return made;
}

/* The server knows no sign in front of P, so those are left to values_read_back. */
static const char *make_unsigned_interval(uint64_t *seed)
{
    const char *text = make_interval(seed);
    return *text == '-' ? text + 1 : text;
}

Test(types, interval_is_read_as_the_server_does)
{
    expect_same_reading(COLUMN_INTERVAL, make_unsigned_interval, 5000);
}

static const char *make_inet(uint64_t *seed)
{
    uint64_t r = bytes_random(seed);
    uint64_t bits = bytes_random(seed);
    if (r & 1)
        (void)sprintf(made, "%u.%u.%u.%u", (unsigned)(r >> 8 & 255), (unsigned)(r >> 16 & 255),
                      (unsigned)(r >> 24 & 255), (unsigned)(r >> 32 & 255));
    else
        (void)sprintf(made, r & 2 ? "%x:%x::%x" : "%x:0:%x::ffff:%x", (unsigned)(r >> 8 & 0xffff),
                      (unsigned)(r >> 24 & 0xfff), (unsigned)(r >> 40 & 0xff));
    if (bits & 1)
        (void)sprintf(made + strlen(made), "/%u", (unsigned)((bits >> 8) % (r & 1 ? 33 : 129)));
    return made;
}

Test(types, inet_is_read_as_the_server_does)
{
    expect_same_reading(COLUMN_INET, make_inet, 2000);
}

static const char *make_time(uint64_t *seed)
{
    char text[TIME_TEXT];
    uint64_t span = (uint64_t)200000000 * 1000000000; /* 6337 years */
    return strcpy(
        made, time_format((int64_t)(bytes_random(seed) % span) - INT64_C(30000000000000000), text));
}

Test(types, times_are_read_as_the_server_does)
{
    expect_same_reading(COLUMN_TIMESTAMPTZ, make_time, 5000);
}

static const char *make_date(uint64_t *seed)
{
    (void)make_time(seed);
    made[10] = '\0';
    return made;
}

Test(types, dates_are_read_as_the_server_does)
{
    expect_same_reading(COLUMN_DATE, make_date, 5000);
}

/* The limits of numeric are the server's: the largest and the finest go in. */
Test(types, numeric_limits)
{
    const struct column columns[] = {{.name = "v", .type = COLUMN_NUMERIC, FROM("v")}};
    const struct stream stream = {.name = "limits",
                                  .kind = "t",
                                  .table = "limits",
                                  .columns = columns,
                                  .column_count = 1,
                                  .time_column = STREAM_NO_COLUMN};
    const struct stream_set set = {&stream, 1};
    static const char *const texts[] = {"1e131071", "-9.99e131071", "1e-16383", "0e-16383"};
    struct rows r;
    struct reject reject;
    rows_open(&r, &set);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buf value = {0};
        put_str(&value, texts[i], strlen(texts[i]));
        cr_assert(rows_add(&r, "v", value.data, value.len, &reject), "%s: %s", texts[i],
                  reject.reason);
        buf_free(&value);
    }
    struct buf digits = {0};
    buf_byte(&digits, 0xdb);
    buf_be32(&digits, 131072 + 1 + 16383);
    memset(buf_reserve(&digits, 131072 + 1 + 16383), '9', 131072 + 1 + 16383);
    digits.len += 131072 + 1 + 16383;
    digits.data[5 + 131072] = '.';
    cr_assert(rows_add(&r, "v", digits.data, digits.len, &reject), "%s", reject.reason);
    rows_send(&r);
    EXPECT_VALUE(
        &db, "SELECT string_agg(length(v::text) || ' ' || scale(v), ', ' ORDER BY v) FROM limits",
        "131073 0, 16385 16383, 16385 16383, 131072 0, 147456 16383");
    buf_free(&digits);
}
