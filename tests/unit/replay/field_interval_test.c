/* SPDX-License-Identifier: MIT */
/* tests/integration/types_test.c compares with what a server makes of the same texts. */
#include <inttypes.h>

#include "bytes.h"
#include "value.h"

static const struct column column = {.name = "c", .type = COLUMN_INTERVAL};

#define NO   "not an ISO 8601 duration (as P1DT2H30M): "
#define LONG " is longer than interval can hold"

/* Months, days and microseconds of a text, or its reject. */
Test(replay_field_interval, texts)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"P1Y2M3DT4H5M6.5S", "14 3 14706500000"},
        {"P2W", "0 14 0"},
        {"P1W1D", "0 8 0"},
        {"PT0S", "0 0 0"},
        {"PT36H", "0 0 129600000000"},
        {"P400D", "0 400 0"},
        {"p1dt2h", "0 1 7200000000"},
        {"-P1DT1S", "0 -1 -1000000"},
        {"+P1D", "0 1 0"},
        {"P-1DT+2S", "0 -1 2000000"},
        {"-P-1D", "0 1 0"},
        {"PT1,5M", "0 0 90000000"},
        {"PT0.1H", "0 0 360000000"},
        {"PT0.0000019S", "0 0 1"},
        {"PT-0.0000019S", "0 0 -1"},
        {"PT0.9999999999999999999S", "0 0 999999"},
        {"PT9223372036854S", "0 0 9223372036854000000"},
        {"P178956970Y7M", "2147483647 0 0"},
        {"P2147483647D", "0 2147483647 0"},
        {"P178956970Y8M", "\"P178956970Y8M\"" LONG},
        {"P2147483648D", "\"P2147483648D\"" LONG},
        {"P9223372036854775807W", "\"P9223372036854775807W\"" LONG},
        {"P99999999999999999999D", "\"P99999999999999999999D\"" LONG},
        {"PT9223372036855S", "\"PT9223372036855S\"" LONG},
        {"", NO "\"\""},
        {"P", NO "\"P\""},
        {"-", NO "\"-\""},
        {"PT", NO "\"PT\""},
        {"P1", NO "\"P1\""},
        {"P1DT", NO "\"P1DT\""},
        {"1D", NO "\"1D\""},
        {"PD", NO "\"PD\""},
        {"P1S", NO "\"P1S\""},
        {"PT1D", NO "\"PT1D\""},
        {"PT1HT1M", NO "\"PT1HT1M\""},
        {"P1D1D", NO "\"P1D1D\""},
        {"P1D1Y", NO "\"P1D1Y\""},
        {"P1.5D", NO "\"P1.5D\""},
        {"PT1.S", NO "\"PT1.S\""},
        {"PT.5S", NO "\"PT.5S\""},
        {"PT1S ", NO "\"PT1S \""},
        {"1 day", NO "\"1 day\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf in = {0};
        struct buf out = {0};
        struct reject reject;
        char got[300];
        buf_byte(&in, 0xd9);
        buf_byte(&in, (uint8_t)strlen(rows[i].in));
        buf_str(&in, rows[i].in);
        if (copybin_value(&out, &column, in.data, in.len, &reject)) {
            cr_assert(out.len == 20 && word_be32(out.data) == 16, "%s: %zu bytes", rows[i].in,
                      out.len);
            (void)snprintf(got, sizeof got, "%d %d %" PRId64, (int32_t)word_be32(out.data + 16),
                           (int32_t)word_be32(out.data + 12), (int64_t)word_be64(out.data + 4));
        } else {
            (void)snprintf(got, sizeof got, "%s", reject.reason);
        }
        cr_expect_str_eq(got, rows[i].want, "%s\nwant: %s\n got: %s", rows[i].in, rows[i].want,
                         got);
        buf_free(&in);
        buf_free(&out);
    }
}

Test(replay_field_interval, others)
{
    static const struct value_row rows[] = {
        {BYTES("\x02"), BYTES("\0\0\0\x10\0\0\0\0\0\0\x07\xd0\0\0\0\0\0\0\0\0")},
        {BYTES("\xff"), BYTES("\0\0\0\x10\xff\xff\xff\xff\xff\xff\xfc\x18\0\0\0\0\0\0\0\0")},
        {BYTES("\xcb\x3f\xf8\0\0\0\0\0\0"),
         BYTES("\0\0\0\x10\0\0\0\0\0\0\x05\xdc\0\0\0\0\0\0\0\0")},
        {BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
         "a number that is longer than interval can hold", 0},
        {BYTES("\xcb\x7f\xf8\0\0\0\0\0\0"), "a number that is longer than interval can hold", 0},
        {BYTES("\xc2"), "interval is wanted, but it is a boolean", 0},
        {BYTES("\xa4P1D\0"), NO "\"P1D?\"", 0},
    };
    const struct column c = {.name = "c", .type = COLUMN_INTERVAL, .unit_ns = 1000000};
    expect_values(&c, rows, COUNT(rows));
}
