/* SPDX-License-Identifier: MIT */
/*
 * gen: the bench's rows, the same for the same arguments, in every form that a contender reads.
 *
 *   gen [OPTIONS] metrics|events ROWS
 *
 *   --raw DIR, --zst DIR   segments, plain and compressed (zstd -3)
 *   --segment BYTES        raw bytes of a segment, or
 *   --frames N             frames of a segment
 *   --binary FILE          all rows for COPY ... (FORMAT binary)
 *   --by-day PREFIX        the same in one file a day, PREFIX0, PREFIX1, ...
 *   --csv FILE             all rows for COPY ... (FORMAT csv)
 *   --days N               the days that the times spread over (1)
 *   --shuffle              the same rows in an order that has nothing to do with their times
 *
 * Prints one line of JSON: rows, the sum of the numbers in them (in quarters, so that it is exact),
 * and how many bytes each form has. Keys inside of labels and payload stand in a producer's order,
 * which isn't the one in which jsonb keeps them.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#define BASE_US  INT64_C(1740787200000000) /* 2025-03-01T00:00:00Z */
#define EPOCH_US INT64_C(946684800000000)  /* 2000-01-01, where timestamptz starts */
#define DAY_US   INT64_C(86400000000)
#define STRIDE   UINT64_C(2654435761) /* a prime: i * STRIDE mod ROWS visits each row once */

enum { DAYS_MAX = 4096, COLUMNS = 6 };

static const uint8_t batch_id[16] = {0x01, 0x95, 0x4f, 0x7a, 0x10, 0x00, 0x70, 0x00,
                                     0x80, 0x00, 0x5b, 0xe4, 0xc4, 0x00, 0x00, 0x01};
static const char batch_text[] = "01954f7a-1000-7000-8000-5be4c4000001";

/* ---- bytes ---- */

struct bytes {
    uint8_t *p;
    size_t len, cap;
};

static void put(struct bytes *b, const void *bytes, size_t len)
{
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->p = realloc(b->p, b->cap);
        if (!b->p)
            err(1, "memory");
    }
    memcpy(b->p + b->len, bytes, len);
    b->len += len;
}

static void put_be(struct bytes *b, uint64_t value, unsigned size)
{
    uint8_t be[8];
    for (unsigned i = 0; i < size; i++)
        be[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    put(b, be, size);
}

static void put_text(struct bytes *b, const char *text)
{
    put(b, text, strlen(text));
}

static uint64_t double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- msgpack ---- */

static void mp_str(struct bytes *b, const char *text)
{
    size_t len = strlen(text);
    if (len < 32) {
        put_be(b, 0xa0 | len, 1);
    } else {
        put_be(b, 0xd9, 1);
        put_be(b, len, 1);
    }
    put(b, text, len);
}

static void mp_double(struct bytes *b, double value)
{
    put_be(b, 0xcb, 1);
    put_be(b, double_bits(value), 8);
}

static void mp_time(struct bytes *b, int64_t us)
{
    uint64_t ns = (uint64_t)(us % 1000000) * 1000;
    put_be(b, 0xd7ff, 2);
    put_be(b, ns << 34 | (uint64_t)(us / 1000000), 8);
}

/* ---- an object, as msgpack and as JSON text at once ---- */

struct object {
    struct bytes *mp;
    struct bytes json;
    bool any;
};

static void object_start(struct object *o, struct bytes *mp, unsigned members)
{
    o->mp = mp;
    o->json.len = 0;
    o->any = false;
    put_be(mp, 0x80 | members, 1);
    put_text(&o->json, "{");
}

static void object_key(struct object *o, const char *key)
{
    mp_str(o->mp, key);
    put_text(&o->json, o->any ? ",\"" : "\"");
    put_text(&o->json, key);
    put_text(&o->json, "\":");
    o->any = true;
}

static void object_str(struct object *o, const char *key, const char *value)
{
    object_key(o, key);
    mp_str(o->mp, value);
    put_text(&o->json, "\"");
    put_text(&o->json, value);
    put_text(&o->json, "\"");
}

static void object_uint(struct object *o, const char *key, uint32_t value)
{
    char text[16];
    object_key(o, key);
    put_be(o->mp, 0xce, 1);
    put_be(o->mp, value, 4);
    (void)snprintf(text, sizeof text, "%" PRIu32, value);
    put_text(&o->json, text);
}

static void object_quarters(struct object *o, const char *key, uint32_t quarters)
{
    char text[24];
    object_key(o, key);
    mp_double(o->mp, quarters / 4.0);
    (void)snprintf(text, sizeof text, "%.15g", quarters / 4.0);
    put_text(&o->json, text);
}

static void object_bool(struct object *o, const char *key, bool value)
{
    object_key(o, key);
    put_be(o->mp, value ? 0xc3 : 0xc2, 1);
    put_text(&o->json, value ? "true" : "false");
}

static void object_end(struct object *o)
{
    put_text(&o->json, "}");
}

/* ---- COPY ---- */

static void copy_text(struct bytes *b, const char *text)
{
    put_be(b, strlen(text), 4);
    put_text(b, text);
}

static void copy_8(struct bytes *b, uint64_t bits)
{
    put_be(b, 8, 4);
    put_be(b, bits, 8);
}

static void copy_jsonb(struct bytes *b, const struct bytes *json)
{
    put_be(b, json->len + 1, 4);
    put_be(b, 1, 1); /* the version of jsonb's binary form: text follows */
    put(b, json->p, json->len);
}

static void copy_batch(struct bytes *b)
{
    put_be(b, sizeof batch_id, 4);
    put(b, batch_id, sizeof batch_id);
}

static void csv_time(struct bytes *b, int64_t us)
{
    char text[48];
    time_t seconds = us / 1000000;
    struct tm tm;
    size_t len = strftime(text, sizeof text, "%F %T", gmtime_r(&seconds, &tm));
    (void)snprintf(text + len, sizeof text - len, ".%06d+00,", (int)(us % 1000000));
    put_text(b, text);
}

static void csv_json(struct bytes *b, const struct bytes *json)
{
    put_text(b, ",\"");
    for (size_t i = 0; i < json->len; i++) {
        if (json->p[i] == '"')
            put_text(b, "\"");
        put(b, json->p + i, 1);
    }
    put_text(b, "\",");
    put_text(b, batch_text);
    put_text(b, "\n");
}

/* ---- rows ---- */

struct row {
    struct bytes frame, binary, csv;
    struct object object;
    int64_t us;
    uint32_t quarters;
};

/* splitmix64: a number for a row that depends on nothing but its index. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void start_row(struct row *r, const char *kind, unsigned keys)
{
    r->frame.len = r->binary.len = r->csv.len = 0;
    put_be(&r->frame, 0x80 | keys, 1);
    mp_str(&r->frame, "kind");
    mp_str(&r->frame, kind);
    mp_str(&r->frame, "ts");
    mp_time(&r->frame, r->us);
    put_be(&r->binary, COLUMNS, 2);
    copy_8(&r->binary, (uint64_t)(r->us - EPOCH_US));
    csv_time(&r->csv, r->us);
}

static void text_column(struct row *r, const char *key, const char *value)
{
    mp_str(&r->frame, key);
    mp_str(&r->frame, value);
    copy_text(&r->binary, value);
    put_text(&r->csv, value);
}

static void end_row(struct row *r)
{
    object_end(&r->object);
    copy_jsonb(&r->binary, &r->object.json);
    copy_batch(&r->binary);
    csv_json(&r->csv, &r->object.json);
}

static void make_metric(struct row *r, uint64_t index)
{
    static const char *const names[] = {
        "cpu.user",  "cpu.system", "cpu.iowait",      "memory.free",  "memory.cached",
        "disk.read", "disk.write", "disk.io_time_ms", "net.received", "net.sent"};
    static const char *const regions[] = {"eu-west-1", "eu-north-1", "us-east-2", "ap-south-1"};
    static const char *const devices[] = {"nvme0n1", "nvme1n1", "eth0", "all"};
    static const char *const zones[] = {"a", "b", "c"};
    uint64_t bits = mix(index);
    char text[32];
    start_row(r, "metric", 6);
    (void)snprintf(text, sizeof text, "web-%03u", (unsigned)(bits % 400));
    text_column(r, "source", text);
    put_text(&r->csv, ",");
    text_column(r, "name", names[(bits >> 12) % 10]);
    r->quarters = (uint32_t)(bits >> 44);
    mp_str(&r->frame, "value");
    mp_double(&r->frame, r->quarters / 4.0);
    copy_8(&r->binary, double_bits(r->quarters / 4.0));
    (void)snprintf(text, sizeof text, ",%.15g", r->quarters / 4.0);
    put_text(&r->csv, text);
    mp_str(&r->frame, "labels");
    object_start(&r->object, &r->frame, 3);
    object_str(&r->object, "region", regions[bits % 4]);
    object_str(&r->object, "device", devices[(bits >> 16) % 4]);
    object_str(&r->object, "az", zones[bits % 3]);
    end_row(r);
}

static void make_event(struct row *r, uint64_t index)
{
    static const char *const types[] = {"login", "logout", "order.placed", "order.paid", "search"};
    static const char *const agents[] = {"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
                                         "Mozilla/5.0 (Macintosh) Safari/605.1.15", "okhttp/4.12"};
    uint64_t bits = mix(index);
    char text[48];
    start_row(r, "event", 6);
    (void)snprintf(text, sizeof text, "shop-%02u", (unsigned)(bits % 24));
    text_column(r, "source", text);
    put_text(&r->csv, ",");
    text_column(r, "type", types[(bits >> 8) % 5]);
    put_text(&r->csv, ",");
    (void)snprintf(text, sizeof text, "%016" PRIx64, mix(bits));
    text_column(r, "id", text);
    r->quarters = (uint32_t)(bits >> 52);
    mp_str(&r->frame, "payload");
    object_start(&r->object, &r->frame, 8);
    (void)snprintf(text, sizeof text, "u%07" PRIu64, (bits >> 16) % 1000000);
    object_str(&r->object, "user", text);
    (void)snprintf(text, sizeof text, "/shop/item/%" PRIu64 "/view", (bits >> 20) % 100000);
    object_str(&r->object, "path", text);
    object_uint(&r->object, "status", (bits >> 9) % 20 == 0 ? 404 : 200);
    object_quarters(&r->object, "ms", r->quarters);
    object_bool(&r->object, "cached", bits >> 40 & 1);
    object_uint(&r->object, "bytes", (uint32_t)(bits >> 24) % 1000000);
    object_str(&r->object, "agent", agents[bits % 3]);
    (void)snprintf(text, sizeof text, "%016" PRIx64, mix(bits + 1));
    object_str(&r->object, "trace", text);
    end_row(r);
}

/* ---- files ---- */

struct copy_file {
    FILE *file;
    bool is_binary;
    uint64_t bytes;
};

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file || setvbuf(file, NULL, _IOFBF, 1 << 20) != 0)
        err(1, "%s", path);
    return file;
}

static void write_all(FILE *file, const void *bytes, size_t len)
{
    if (fwrite(bytes, 1, len, file) != len)
        err(1, "write");
}

static void close_file(FILE *file)
{
    if (fclose(file) != 0)
        err(1, "write");
}

static void copy_open(struct copy_file *f, const char *path, bool is_binary)
{
    f->file = open_file(path);
    f->is_binary = is_binary;
    if (is_binary)
        write_all(f->file, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

static void copy_add(struct copy_file *f, const struct bytes *row)
{
    write_all(f->file, row->p, row->len);
    f->bytes += row->len;
}

static void copy_close(struct copy_file *f)
{
    if (!f->file)
        return;
    if (f->is_binary)
        write_all(f->file, "\377\377", 2);
    close_file(f->file);
}

struct segments {
    const char *raw, *zst; /* folders, or NULL */
    uint64_t bytes_max, frames_max;
    struct bytes bytes, packed;
    uint64_t frames, count, raw_bytes, zst_bytes;
};

static void write_segment(const char *folder, uint64_t number, const char *ending,
                          const void *bytes, size_t len)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%07" PRIu64 ".msgpack%s", folder, number, ending);
    FILE *file = fopen(path, "we");
    if (!file)
        err(1, "%s", path);
    write_all(file, bytes, len);
    close_file(file);
}

static void segments_flush(struct segments *s)
{
    if (s->frames == 0)
        return;
    if (s->raw)
        write_segment(s->raw, s->count, "", s->bytes.p, s->bytes.len);
    if (s->zst) {
        size_t most = ZSTD_compressBound(s->bytes.len);
        if (s->packed.cap < most) {
            s->packed.cap = most;
            s->packed.p = realloc(s->packed.p, most);
            if (!s->packed.p)
                err(1, "memory");
        }
        size_t len = ZSTD_compress(s->packed.p, most, s->bytes.p, s->bytes.len, 3);
        if (ZSTD_isError(len))
            errx(1, "%s", ZSTD_getErrorName(len));
        write_segment(s->zst, s->count, ".zst", s->packed.p, len);
        s->zst_bytes += len;
    }
    s->raw_bytes += s->bytes.len;
    s->count++;
    s->bytes.len = s->frames = 0;
}

static void segments_add(struct segments *s, const struct bytes *frame)
{
    if (s->bytes.len + frame->len > s->bytes_max || s->frames == s->frames_max)
        segments_flush(s);
    put(&s->bytes, frame->p, frame->len);
    s->frames++;
}

/* ---- all of it ---- */

struct plan {
    void (*make)(struct row *r, uint64_t index);
    uint64_t rows;
    int64_t days;
    bool shuffle;
    const char *by_day;
    struct segments segments;
    struct copy_file binary, csv, day[DAYS_MAX];
};

static void add_to_day(struct plan *p, const struct row *r)
{
    char path[PATH_MAX];
    int64_t day = (r->us - BASE_US) / DAY_US;
    if (!p->day[day].file) {
        (void)snprintf(path, sizeof path, "%s%" PRId64, p->by_day, day);
        copy_open(&p->day[day], path, true);
    }
    copy_add(&p->day[day], &r->binary);
}

static void generate(struct plan *p)
{
    struct row r = {0};
    uint64_t quarters = 0;
    /* Spread over all days, a little off the exact beat, as real samples are. */
    int64_t beat = p->days * DAY_US / (int64_t)p->rows;
    for (uint64_t i = 0; i < p->rows; i++) {
        uint64_t index = p->shuffle ? i * STRIDE % p->rows : i;
        int64_t jitter = beat > 0 ? (int64_t)(mix(~index) % (uint64_t)beat) : 0;
        r.us = BASE_US + beat * (int64_t)index + jitter;
        p->make(&r, index);
        quarters += r.quarters;
        if (p->segments.raw || p->segments.zst)
            segments_add(&p->segments, &r.frame);
        if (p->binary.file)
            copy_add(&p->binary, &r.binary);
        if (p->csv.file)
            copy_add(&p->csv, &r.csv);
        if (p->by_day)
            add_to_day(p, &r);
    }
    segments_flush(&p->segments);
    copy_close(&p->binary);
    copy_close(&p->csv);
    for (int64_t d = 0; d < p->days; d++)
        copy_close(&p->day[d]);
    (void)printf("{\"rows\": %" PRIu64 ", \"quarters\": %" PRIu64 ", \"segments\": %" PRIu64
                 ", \"raw\": %" PRIu64 ", \"zst\": %" PRIu64 ", \"binary\": %" PRIu64
                 ", \"csv\": %" PRIu64 "}\n",
                 p->rows, quarters, p->segments.count, p->segments.raw_bytes, p->segments.zst_bytes,
                 p->binary.bytes, p->csv.bytes);
}

static uint64_t number(const char *text, uint64_t most)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value > most)
        errx(64, "%s: want a number of at most %" PRIu64, text, most);
    return value;
}

int main(int argc, char **argv)
{
    static struct plan p = {.days = 1,
                            .segments = {.bytes_max = 16 << 20, .frames_max = UINT64_MAX}};
    static const struct option options[] = {
        {"raw", required_argument, NULL, 'r'},     {"zst", required_argument, NULL, 'z'},
        {"segment", required_argument, NULL, 's'}, {"frames", required_argument, NULL, 'f'},
        {"binary", required_argument, NULL, 'b'},  {"by-day", required_argument, NULL, 'd'},
        {"csv", required_argument, NULL, 'c'},     {"days", required_argument, NULL, 'n'},
        {"shuffle", no_argument, NULL, 'u'},       {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'r':
            p.segments.raw = optarg;
            break;
        case 'z':
            p.segments.zst = optarg;
            break;
        case 's':
            p.segments.bytes_max = number(optarg, UINT64_C(1) << 40);
            break;
        case 'f':
            p.segments.frames_max = number(optarg, UINT32_MAX);
            break;
        case 'b':
            copy_open(&p.binary, optarg, true);
            break;
        case 'd':
            p.by_day = optarg;
            break;
        case 'c':
            copy_open(&p.csv, optarg, false);
            break;
        case 'n':
            p.days = (int64_t)number(optarg, DAYS_MAX);
            break;
        case 'u':
            p.shuffle = true;
            break;
        default:
            return 64;
        }
    }
    if (argc - optind != 2)
        errx(64, "usage: gen [OPTIONS] metrics|events ROWS");
    p.make = strcmp(argv[optind], "events") == 0 ? make_event : make_metric;
    p.rows = number(argv[optind + 1], UINT32_MAX);
    generate(&p);
    return 0;
}
