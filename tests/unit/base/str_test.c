/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include "bytes.h"

Test(base_str, percent_encode)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"", ""},
        {"plain-name_1.msgpack", "plain-name_1.msgpack"},
        {"a b", "a%20b"},
        {"100%", "100%25"},
        {"a\nb\tc", "a%0Ab%09c"},
        {"caf\xc3\xa9", "caf%C3%A9"},
        {"\x01\x7f\x80\xff", "%01%7F%80%FF"},
        {"-rf", "-rf"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got = {0};
        str_percent_encode(&got, rows[i].name);
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "want: %s\n got: %s", rows[i].want,
                         buf_cstr(&got));
        buf_free(&got);
    }
}

Test(base_str, percent_every_byte_comes_back)
{
    for (unsigned byte = 1; byte < 256; byte++) {
        char name[] = {'x', (char)byte, 'y', '\0'};
        struct buf text = {0};
        struct buf back = {0};
        str_percent_encode(&text, name);
        bool good = str_percent_decode(buf_cstr(&text), &back);
        cr_expect(good, "byte %02x: %s is refused", byte, buf_cstr(&text));
        EXPECT_BYTES(back.data, back.len, name, 3, "byte %02x as %s", byte, buf_cstr(&text));
        for (const char *p = buf_cstr(&text); *p; p++)
            cr_expect(*p > ' ' && *p < 0x7f, "byte %02x: %s is not printable ASCII", byte,
                      buf_cstr(&text));
        buf_free(&text);
        buf_free(&back);
    }
}

Test(base_str, percent_decode)
{
    static const struct {
        const char *text;
        bool good;
        const char *want;
        size_t len;
    } rows[] = {
        {"", true, BYTES("")},          {"%41%5a%5A", true, BYTES("AZZ")},
        {"a%00b", true, BYTES("a\0b")}, {"a b", true, BYTES("a b")},
        {"%", false, BYTES("")},        {"%4", false, BYTES("")},
        {"a%", false, BYTES("")},       {"%g0", false, BYTES("")},
        {"%0g", false, BYTES("")},      {"%%41", false, BYTES("")},
        {"%+1", false, BYTES("")},      {"% 1", false, BYTES("")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf got = {0};
        bool good = str_percent_decode(rows[i].text, &got);
        cr_expect_eq(good, rows[i].good, "%s: want %d, got %d", rows[i].text, rows[i].good, good);
        if (good)
            EXPECT_BYTES(got.data, got.len, rows[i].want, rows[i].len, "%s", rows[i].text);
        buf_free(&got);
    }
}

Test(base_str, sizes)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t want;
    } rows[] = {
        {"0", true, 0},
        {"4096", true, 4096},
        {"4096B", true, 4096},
        {"16KiB", true, 16384},
        {"16 KiB", true, 16384},
        {"64MiB", true, UINT64_C(64) << 20},
        {"1GiB", true, UINT64_C(1) << 30},
        {"2TiB", true, UINT64_C(2) << 40},
        {"1K", true, 1024},
        {"1M", true, 1048576},
        {"1G", true, 1073741824},
        {"1kB", true, 1000},
        {"1MB", true, 1000000},
        {"1GB", true, 1000000000},
        {"1.5MiB", true, 1572864},
        {"0.5KiB", true, 512},
        {"9000000000000000000", true, UINT64_C(9000000000000000000)},
        {"9300000000000000000", false, 0},
        {"1e30", false, 0},
        {"99999999999999999999999GiB", false, 0},
        {"", false, 0},
        {" 1", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {".5MiB", false, 0},
        {"MiB", false, 0},
        {"16mib", false, 0},
        {"16KB", false, 0},
        {"16MiBs", false, 0},
        {"16MiB 1", false, 0},
        {"16,5MiB", false, 0},
        {"inf", false, 0},
        {"nan", false, 0},
        {"0x10", false, 0},
        {"0X10KiB", false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t got = 0;
        bool good = str_parse_size(rows[i].text, &got);
        cr_expect_eq(good, rows[i].good, "%s: want %d, got %d", rows[i].text, rows[i].good, good);
        cr_expect_eq(got, rows[i].want, "%s: want %zu, got %zu", rows[i].text, (size_t)rows[i].want,
                     (size_t)got);
    }
}

Test(base_str, durations)
{
    static const struct {
        const char *text;
        bool good;
        int64_t want;
    } rows[] = {
        {"0", true, 0},
        {"2", true, 2000000},
        {"2s", true, 2000000},
        {"0.25s", true, 250000},
        {"200ms", true, 200000},
        {"7us", true, 7},
        {"5m", true, 300000000},
        {"5min", true, 300000000},
        {"1h", true, INT64_C(3600000000)},
        {"1 hour", true, INT64_C(3600000000)},
        {"2hours", true, INT64_C(7200000000)},
        {"1d", true, INT64_C(86400000000)},
        {"1 day", true, INT64_C(86400000000)},
        {"90 days", true, INT64_C(7776000000000)},
        {"1 week", true, INT64_C(604800000000)},
        {"2 years", true, INT64_C(63072000000000)},
        {"1e3ms", true, 1000000},
        {"", false, 0},
        {"s", false, 0},
        {"-1s", false, 0},
        {"1 s s", false, 0},
        {"1s2", false, 0},
        {"1S", false, 0},
        {"1 month", false, 0}, /* of how many days? */
        {"200000000 days", false, 0},
        {"0x2s", false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t got = 0;
        bool good = str_parse_duration(rows[i].text, &got);
        cr_expect_eq(good, rows[i].good, "%s: want %d, got %d", rows[i].text, rows[i].good, good);
        cr_expect_eq(got, rows[i].want, "%s: want %lld, got %lld", rows[i].text,
                     (long long)rows[i].want, (long long)got);
    }
}

enum human { SIZE, DURATION, NUMBER };

Test(base_str, for_people)
{
    static const struct {
        enum human kind;
        uint64_t value;
        const char *want;
    } rows[] = {
        {SIZE, 0, "0 B"},
        {SIZE, 1023, "1023 B"},
        {SIZE, 1024, "1.0 KiB"},
        {SIZE, 1536, "1.5 KiB"},
        {SIZE, UINT64_C(16) << 20, "16.0 MiB"},
        {SIZE, UINT64_C(100) << 20, "100 MiB"},
        {SIZE, UINT64_C(3) << 40, "3.0 TiB"},
        {SIZE, UINT64_MAX, "16384 PiB"},
        {DURATION, 0, "0.0 ms"},
        {DURATION, 1500, "1.5 ms"},
        {DURATION, 350000, "350 ms"},
        {DURATION, 2100000, "2.1 s"},
        {DURATION, 61000000, "1 min 1 s"},
        {DURATION, 3600000000, "1 h 0 min"},
        {DURATION, 12000000000, "3 h 20 min"},
        {DURATION, 90000000000, "1 d 1 h"},
        {DURATION, INT64_MAX, "106751991 d 4 h"},
        {NUMBER, 0, "0"},
        {NUMBER, 999, "999"},
        {NUMBER, 1000, "1,000"},
        {NUMBER, 1234567, "1,234,567"},
        {NUMBER, 100000, "100,000"},
        {NUMBER, INT64_MAX, "9,223,372,036,854,775,807"},
        {NUMBER, UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[STR_HUMAN];
        uint64_t v = rows[i].value;
        const char *got = rows[i].kind == SIZE       ? str_size(v, text)
                          : rows[i].kind == DURATION ? str_duration((int64_t)v, text)
                                                     : str_count(v, text);
        cr_expect_eq(got, text, "the text is not the caller's");
        cr_expect_str_eq(got, rows[i].want, "row %zu: want %s, got %s", i, rows[i].want, got);
    }
}

Test(base_str, many)
{
    static const struct {
        uint64_t count;
        const char *one, *want;
    } rows[] = {
        {0, "row", "0 rows"},
        {1, "row", "1 row"},
        {2, "row", "2 rows"},
        {1, "batch", "1 batch"},
        {1234, "batch", "1,234 batches"},
        {1, "delivery", "1 delivery"},
        {2, "delivery", "2 deliveries"},
        {2, "key", "2 keys"},
        {2, "dead letter", "2 dead letters"},
        {2, "box", "2 boxes"},
        {2, "class", "2 classes"},
        {2, "hash", "2 hashes"},
        {UINT64_MAX, "document", "18,446,744,073,709,551,615 documents"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[STR_MANY];
        const char *got = str_many(rows[i].count, rows[i].one, text);
        cr_expect_eq(got, text, "the text is not the caller's");
        cr_expect_str_eq(got, rows[i].want, "row %zu: want %s, got %s", i, rows[i].want, got);
    }
}

Test(base_str, distance)
{
    static const struct {
        const char *a, *b;
        unsigned want;
    } rows[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "", 3},
        {"rescan", "rescan", 0},
        {"rescn", "rescan", 1},
        {"rescaan", "rescan", 1},
        {"rezcan", "rescan", 1},
        {"ercsan", "rescan", 3},
        {"kitten", "sitting", 3},
        {"limits.fram", "limits.frame", 1},
        {"abcdefghijklmnopqrstuvwxyz01234", "abcdefghijklmnopqrstuvwxyz01235", 1},
        {"abcdefghijklmnopqrstuvwxyz012345", "a", 99},
        {"a", "abcdefghijklmnopqrstuvwxyz012345", 99},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned got = str_distance(rows[i].a, rows[i].b);
        cr_expect_eq(got, rows[i].want, "%s, %s: want %u, got %u", rows[i].a, rows[i].b,
                     rows[i].want, got);
    }
}
