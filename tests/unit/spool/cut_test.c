/* SPDX-License-Identifier: MIT */
#include "spool/cut.h"

#include "base/time.h"
#include "bytes.h"

#define S TIME_US_PER_S

Test(spool_cut, rules)
{
    static const struct {
        const char *rules[3];
        int64_t every_us;
        uint64_t bytes;
        const char *says; /* NULL: fine */
    } rows[] = {
        {{"5s"}, 5 * S, 0, NULL},
        {{"10MB"}, 0, 10000000, NULL},
        {{"200ms", "1MiB"}, S / 5, 1 << 20, NULL},
        {{"1KiB", "1 day"}, 86400 * S, 1024, NULL},
        {{"5m"}, 300 * S, 0, NULL},
        {{"5M"}, 0, 5 << 20, NULL},
        {{"256MiB"}, 0, CUT_BYTES_MAX, NULL},
        {{"5s", "6s"}, 0, 0, "second time"},
        {{"1MB", "2s", "3MB"}, 0, 0, "second size"},
        {{"5"}, 0, 0, "neither"},
        {{"0.5"}, 0, 0, "neither"},
        {{""}, 0, 0, "neither"},
        {{"often"}, 0, 0, "neither"},
        {{"-5s"}, 0, 0, ""},
        {{"0s"}, 0, 0, "between 10 ms"},
        {{"9ms"}, 0, 0, "between 10 ms"},
        {{"25h"}, 0, 0, "between 10 ms"},
        {{"1023B"}, 0, 0, "between 1 KiB"},
        {{"1GiB"}, 0, 0, "256 MiB"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cut c = {0};
        struct err e = ERR_OK;
        for (size_t r = 0; r < 3 && rows[i].rules[r] && !err_is(&e); r++)
            e = cut_rule(&c, rows[i].rules[r]);
        if (rows[i].says) {
            cr_expect(e.cls == ERR_USAGE && strstr(e.text, rows[i].says), "%s: want `%s`, got %s",
                      rows[i].rules[0], rows[i].says, e.text);
            continue;
        }
        cr_expect(!err_is(&e), "%s: got %s", rows[i].rules[0], e.text);
        cr_expect(c.every_us == rows[i].every_us && c.bytes == rows[i].bytes,
                  "%s: want %ld us and %lu bytes, got %ld and %lu", rows[i].rules[0],
                  (long)rows[i].every_us, (unsigned long)rows[i].bytes, (long)c.every_us,
                  (unsigned long)c.bytes);
    }
}

/* Frames come at these moments; when is the segment due? */
Test(spool_cut, due_by_time_or_size)
{
    static const struct {
        const char *what;
        int64_t every_us;
        uint64_t bytes;
        int64_t came_us[4]; /* of frames of 100 bytes; 0 ends the list */
        int64_t now_us;
        bool is_due;
        int64_t wait_us;
    } rows[] = {
        {"nothing came", 5 * S, 0, {0}, 100 * S, false, -1},
        {"within the time", 5 * S, 0, {10 * S}, 14 * S, false, S},
        {"it counts from the first", 5 * S, 0, {10 * S, 14 * S}, 15 * S, true, 0},
        {"and not from the last before it", 5 * S, 0, {10 * S, 14 * S}, 15 * S - 1, false, 1},
        {"long after", 5 * S, 0, {10 * S}, 60 * S, true, 0},
        {"below the size", 0, 300, {S, S}, 60 * S, false, -1},
        {"at the size", 0, 300, {S, S, S}, S, true, -1},
        {"the size is first", 5 * S, 200, {S, S}, S, true, 5 * S},
        {"the time is first", 5 * S, 300, {S, S}, 6 * S, true, 0},
        {"a clock that goes back", 5 * S, 0, {10 * S}, 9 * S, false, 6 * S},
    };
    static const char frame[100];
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cut c = {.every_us = rows[i].every_us, .bytes = rows[i].bytes};
        for (size_t n = 0; rows[i].came_us[n]; n++)
            cut_add(&c, frame, sizeof frame, rows[i].came_us[n]);
        bool due = cut_is_due(&c, rows[i].now_us);
        int64_t wait = cut_wait_us(&c, rows[i].now_us);
        cr_expect(due == rows[i].is_due && wait == rows[i].wait_us,
                  "%s: want due %d and %ld us, got %d and %ld", rows[i].what, rows[i].is_due,
                  (long)rows[i].wait_us, due, (long)wait);
        cut_free(&c);
    }
}

Test(spool_cut, after_a_cut_time_begins_anew)
{
    struct cut c = {.every_us = 5 * S};
    cut_add(&c, "a", 1, S);
    cut_add(&c, "bc", 2, 2 * S);
    EXPECT_BYTES(c.frames.data, c.frames.len, "abc", 3, "held");
    cr_expect_eq(c.count, 2, "got %lu", (unsigned long)c.count);
    cut_clear(&c);
    cr_expect(!cut_is_due(&c, 100 * S) && cut_wait_us(&c, 100 * S) == -1, "empty is never due");
    cut_add(&c, "d", 1, 100 * S);
    cr_expect(!cut_is_due(&c, 104 * S) && cut_is_due(&c, 105 * S), "five seconds from the next");
    cut_free(&c);
}

/* Memory has a bound without a rule of size. */
Test(spool_cut, a_size_without_a_rule)
{
    struct cut c = {.every_us = 5 * S};
    static const char frame[1 << 20];
    for (size_t n = 1; n < 16; n++)
        cut_add(&c, frame, sizeof frame, S);
    cr_expect(!cut_is_due(&c, S), "15 MiB");
    cut_add(&c, frame, sizeof frame, S);
    cr_expect(cut_is_due(&c, S), "16 MiB");
    cut_free(&c);
}
