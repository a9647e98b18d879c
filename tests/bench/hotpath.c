/* SPDX-License-Identifier: MIT */
/*
 * What one frame costs on its way from decompressed bytes to a row of COPY BINARY, in nanoseconds
 * of CPU. No disk, no database, nothing asserted: numbers to compare two builds by.
 *
 *     make build/hotpath && build/hotpath [ROUNDS]
 *
 * walk: frame_next() alone; row: the same and copybin_encode(). The best of ROUNDS rounds (30),
 * each over one segment in memory. `repeated`: 200 series, as a fleet of hosts sends them;
 * `distinct`: no two frames have the same texts, labels or numbers.
 */
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "frame/msgpack.h"
#include "shipped.h"
#include "replay/copybin.h"

enum { FRAMES = 20000, SERIES = 200, START_S = 1795226221, ROWS_KEPT = 1 << 18 };

static int append(void *out, const char *bytes, size_t len)
{
    buf_put(out, bytes, len);
    return 0;
}

static void put_text(msgpack_packer *pk, const char *text)
{
    (void)msgpack_pack_str_with_body(pk, text, strlen(text));
}

static void put_pair(msgpack_packer *pk, const char *key, const char *format, unsigned number)
{
    char text[80];
    (void)snprintf(text, sizeof text, format, number);
    put_text(pk, key);
    put_text(pk, text);
}

static void put_head(msgpack_packer *pk, const char *kind, unsigned pairs, unsigned n)
{
    const msgpack_timestamp ts = {START_S + n / 100, n % 100 * 10000000};
    (void)msgpack_pack_map(pk, pairs);
    put_pair(pk, "kind", kind, 0);
    put_text(pk, "ts");
    (void)msgpack_pack_timestamp(pk, &ts);
}

static void put_metric(msgpack_packer *pk, unsigned n, unsigned series)
{
    put_head(pk, "metric", 6, n);
    put_pair(pk, "source", "host-%05u", series);
    put_pair(pk, "name", "cpu.user.%u.percent", series % 10);
    put_text(pk, "value");
    (void)msgpack_pack_double(pk, n * 0.37);
    put_text(pk, "labels");
    (void)msgpack_pack_map(pk, 3);
    put_pair(pk, "region", "eu-west-%u", series);
    put_pair(pk, "core", "%u", series % 16);
    put_pair(pk, "instance", "i-%08x", series * 2654435761U);
}

static void put_event(msgpack_packer *pk, unsigned n, unsigned series)
{
    put_head(pk, "event", 6, n);
    put_pair(pk, "source", "web-%05u", series);
    put_pair(pk, "type", "http.request", 0);
    put_pair(pk, "id", "01J%012u", n);
    put_text(pk, "payload");
    (void)msgpack_pack_map(pk, 8);
    put_pair(pk, "method", "GET", 0);
    put_pair(pk, "path", "/api/v1/items/%u/details", series);
    put_text(pk, "status");
    (void)msgpack_pack_uint32(pk, 200 + series % 4);
    put_text(pk, "duration_ms");
    (void)msgpack_pack_double(pk, series * 0.25 + 0.125);
    put_text(pk, "ratio");
    (void)msgpack_pack_double(pk, 1.0 / (series + 3));
    put_pair(pk, "user_agent", "Mozilla/5.0 (X11; Linux x86_64; rv:%u) Gecko/20100101", series);
    put_text(pk, "tags");
    (void)msgpack_pack_array(pk, 2);
    put_text(pk, "prod");
    put_text(pk, "edge");
    put_text(pk, "user");
    (void)msgpack_pack_map(pk, 2);
    put_text(pk, "id");
    (void)msgpack_pack_uint32(pk, series * 7919);
    put_text(pk, "admin");
    (void)msgpack_pack_false(pk);
}

static struct err give(void *segment, uint8_t *room, size_t size, size_t *got)
{
    struct mp_cursor *left = segment;
    size_t n = (size_t)(left->end - left->p);
    *got = n < size ? n : size;
    memcpy(room, left->p, *got);
    left->p += *got;
    return ERR_OK;
}

static double cpu_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* encoder: NULL for the walk alone. Nanoseconds a frame. */
static double pass(struct frame_reader *r, const struct buf *segment, struct copybin *encoder,
                   struct buf *rows)
{
    struct mp_cursor left = {segment->data, segment->data + segment->len};
    struct frame frame;
    struct copybin_row row;
    struct reject reject;
    struct err e;
    double start = cpu_ns();
    r->context = &left;
    frame_reader_restart(r);
    while (frame_next(r, &frame, &e) == FRAME_NEXT) {
        if (!encoder)
            continue;
        if (!copybin_encode(encoder, &frame, rows, &row, &reject)) {
            (void)fprintf(stderr, "hotpath: %s: %s\n", reject.column, reject.reason);
            exit(70);
        }
        if (rows[row.stream].len > ROWS_KEPT)
            buf_clear(&rows[row.stream]);
    }
    double spent = cpu_ns() - start;
    if (r->frames != FRAMES) {
        (void)fprintf(stderr, "hotpath: %s\n", e.text);
        exit(70);
    }
    return spent / FRAMES;
}

static void measure(const char *name, int rounds, bool distinct,
                    void (*put)(msgpack_packer *, unsigned, unsigned))
{
    static const struct frame_limits limits = FRAME_LIMITS_DEFAULT;
    static const struct uuid batch = {{1}};
    struct frame_reader r = {.fill = give, .limits = &limits};
    struct copybin encoder;
    struct buf segment = {0};
    struct buf rows[2] = {{0}};
    double walk = 1e9;
    double row = 1e9;
    msgpack_packer pk;
    msgpack_packer_init(&pk, &segment, append);
    for (unsigned n = 0; n < FRAMES; n++)
        put(&pk, n, distinct ? n : n % SERIES);
    copybin_open(&encoder, shipped_streams(), &batch, START_S * INT64_C(1000000), NUL_REJECT);
    for (int i = 0; i < rounds; i++) {
        double ns = pass(&r, &segment, NULL, rows);
        walk = ns < walk ? ns : walk;
        ns = pass(&r, &segment, &encoder, rows);
        row = ns < row ? ns : row;
    }
    (void)printf("%-18s %5zu bytes  walk %6.1f ns  row %6.1f ns\n", name, segment.len / FRAMES,
                 walk, row);
    copybin_close(&encoder);
    frame_reader_free(&r);
    for (size_t i = 0; i < 2; i++)
        buf_free(&rows[i]);
    buf_free(&segment);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 30;
    measure("metrics repeated", rounds, false, put_metric);
    measure("metrics distinct", rounds, true, put_metric);
    measure("events repeated", rounds, false, put_event);
    measure("events distinct", rounds, true, put_event);
    return 0;
}
