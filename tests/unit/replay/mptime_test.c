/* SPDX-License-Identifier: MIT */
#include "replay/mptime.h"

#include "bytes.h"

static const int64_t NO = INT64_MIN; /* no time */

Test(replay_mptime, extensions)
{
    static const struct {
        const char *bytes;
        size_t len;
        int64_t want;
    } rows[] = {
        /* timestamp 32 */
        {BYTES("\xd6\xff\0\0\0\0"), 0},
        {BYTES("\xd6\xff\x6b\x00\xfa\x6d"), INT64_C(1795226221000000)},
        {BYTES("\xd6\xff\xff\xff\xff\xff"), INT64_C(4294967295000000)},
        {BYTES("\xc7\x04\xff\0\0\0\x01"), 1000000}, /* the same in another form of ext */
        /* timestamp 64: 30 bits of nanoseconds, 34 of seconds */
        {BYTES("\xd7\xff\0\0\0\0\0\0\0\x01"), 1000000},
        {BYTES("\xd7\xff\xee\x6b\x27\xfc\0\0\0\0"), 999999}, /* 999,999,999 ns */
        {BYTES("\xd7\xff\xee\x6b\x28\x00\0\0\0\0"), NO},     /* 1,000,000,000 ns */
        {BYTES("\xd7\xff\0\0\0\x03\xff\xff\xff\xff"), INT64_C(17179869183000000)},
        {BYTES("\xd7\xff\0\0\x0f\x9c\0\0\0\0"), 0}, /* 999 ns */
        {BYTES("\xd7\xff\0\0\x0f\xa0\0\0\0\0"), 1}, /* 1,000 ns */
        /* timestamp 96: 32 bits of nanoseconds, 64 of signed seconds */
        {BYTES("\xc7\x0c\xff\0\0\0\0\0\0\0\0\0\0\0\x01"), 1000000},
        {BYTES("\xc7\x0c\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), -1000000},
        {BYTES("\xc7\x0c\xff\x1d\xcd\x65\0\xff\xff\xff\xff\xff\xff\xff\xff"), -500000},
        {BYTES("\xc7\x0c\xff\x3b\x9a\xca\0\0\0\0\0\0\0\0\0"), NO},
        {BYTES("\xc7\x0c\xff\0\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), NO},
        {BYTES("\xc7\x0c\xff\0\0\0\0\x80\0\0\0\0\0\0\0"), NO},
        {BYTES("\xc7\x0c\xff\0\0\0\0\0\0\x08\x2f\x79\xcd\x90\0"), INT64_C(9000000000000000000)},
        {BYTES("\xc7\x0c\xff\0\0\0\0\0\0\x08\x2f\x79\xcd\x90\x01"), NO},
        {BYTES("\xc7\x0c\xff\0\0\0\0\xff\xff\xf7\xd0\x86\x32\x70\0"),
         INT64_C(-9000000000000000000)},
        /* Fluentd's EventTime */
        {BYTES("\xd7\0\0\0\0\x01\x1d\xcd\x65\0"), 1500000},
        {BYTES("\xd7\0\0\0\0\x01\x3b\x9a\xca\0"), NO},
        {BYTES("\xd7\0\xff\xff\xff\xff\0\0\0\0"), INT64_C(4294967295000000)},
        /* no times */
        {BYTES("\xd6\0\0\0\0\0"), NO}, /* ext 0 of four bytes */
        {BYTES("\xd7\x01\0\0\0\0\0\0\0\0"), NO},
        {BYTES("\xd4\xff\0"), NO},
        {BYTES("\xc7\0\xff"), NO},
        {BYTES("\xc7\x0d\xff\0\0\0\0\0\0\0\0\0\0\0\0\0"), NO},
        {BYTES("\x01"), NO},
        {BYTES("\xa4"
               "abcd"),
         NO},
        {BYTES("\xc4\x04"
               "abcd"),
         NO},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const uint8_t *p = (const uint8_t *)rows[i].bytes;
        char text[BYTES_TEXT];
        struct mp_cursor c = {p, p + rows[i].len};
        struct mp_value v;
        int64_t got = NO;
        (void)bytes_show(p, rows[i].len, text);
        cr_assert(mp_read(&c, &v) == MP_OK && c.p == c.end, "%s is no test data", text);
        bool good = mptime_ext(&v, &got);
        cr_expect(good == (rows[i].want != NO) && (!good || got == rows[i].want),
                  "%s: want %lld, got %d, %lld", text, (long long)rows[i].want, good,
                  (long long)got);
    }
}
