/* SPDX-License-Identifier: MIT */
#include "replay/held.h"

#include "base/time.h"
#include "bytes.h"

static struct held held;

static void add(size_t segment, size_t stream, int64_t day, const char *bytes)
{
    struct copybin_row row = {.stream = stream, .period_us = day * TIME_US_PER_DAY};
    buf_str(&held.rows[stream], bytes);
    held_row(&held, segment, &row, strlen(bytes));
}

static void refuse(size_t segment, const char *bytes, const char *reason)
{
    struct frame frame = {
        .bytes = (const uint8_t *)bytes, .len = strlen(bytes), .offset = 7, .index = 3};
    struct reject reject = {0};
    (void)snprintf(reject.reason, sizeof reject.reason, "%s", reason);
    held_reject(&held, segment, &frame, &reject);
}

/* "stream/segment/day:rows=bytes " for each run. */
static const char *shown(char text[BYTES_TEXT])
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < held.run_count; i++) {
        const struct held_run *run = &held.runs[i];
        at += (size_t)snprintf(text + at, BYTES_TEXT - at, "%u/%u/%d:%u=%.*s ", run->stream,
                               run->segment, (int)(run->period_us / TIME_US_PER_DAY), run->rows,
                               (int)run->len, (const char *)held.rows[run->stream].data + run->at);
    }
    return text;
}

#define EXPECT_RUNS(want)                                                         \
    do {                                                                          \
        char text_[BYTES_TEXT];                                                   \
        cr_expect_str_eq(shown(text_), (want), "want %s, got %s", (want), text_); \
    } while (0)

static void open_held(void)
{
    held_open(&held, 1000);
    held_begin(&held, 2);
}

static void close_held(void)
{
    held_close(&held);
}

TestSuite(held, .init = open_held, .fini = close_held);

Test(held, rows_of_one_segment_and_day_are_one_run)
{
    add(0, 0, 20, "a");
    add(0, 0, 20, "bb");
    add(1, 0, 20, "c");
    add(1, 0, 21, "d");
    add(1, 1, 21, "e");
    add(1, 0, 21, "f");
    EXPECT_RUNS("0/0/20:2=abb 0/1/20:1=c 0/1/21:1=d 1/1/21:1=e 0/1/21:1=f ");
}

Test(held, in_order_days_lie_together_and_segments_keep_theirs)
{
    static const int days[] = {22, 20, 21, 20, 22};
    for (size_t i = 0; i < COUNT(days); i++) {
        char bytes[] = {(char)('a' + i), '\0'};
        add(i, i % 2, days[i], bytes);
    }
    add(4, 0, 20, "z");
    held_order(&held);
    EXPECT_RUNS("0/4/20:1=z 0/2/21:1=c 0/0/22:1=a 0/4/22:1=e 1/1/20:1=b 1/3/20:1=d ");
}

Test(held, days_before_1970_have_an_order_too)
{
    add(0, 0, 1, "b");
    add(0, 0, -1, "a");
    held_order(&held);
    EXPECT_RUNS("0/0/-1:1=a 0/0/1:1=b ");
}

Test(held, rejects_keep_their_frames)
{
    refuse(0, "first", "why");
    refuse(2, "second", "why not");
    cr_assert_eq(held.reject_count, 2);
    const struct held_reject *second = &held.rejects[1];
    struct frame frame = held_frame(&held, second);
    EXPECT_BYTES(frame.bytes, frame.len, "second", 6, "frame");
    cr_expect_eq(frame.offset, 7);
    cr_expect_eq(frame.index, 3);
    cr_expect_eq(second->segment, 2);
    cr_expect_str_eq(second->reject.reason, "why not");
}

Test(held, over_the_budget_all_is_let_go_until_it_is_cleared)
{
    static char many[1001];
    memset(many, 'x', sizeof many - 1);
    add(0, 0, 20, "a");
    add(0, 1, 20, many);
    cr_expect(held.is_over);
    cr_expect_eq(held_bytes(&held), 0, "got %zu", held_bytes(&held));
    add(0, 0, 20, "b");
    refuse(0, "frame", "why");
    EXPECT_RUNS("");
    cr_expect_eq(held.reject_count, 0);
    cr_expect_eq(held.rows[0].len, 0, "the encoder's room is given back row by row");
    cr_expect_lt(held.rows[1].cap, 1000, "a giant's memory isn't kept");
    held_clear(&held);
    add(0, 0, 20, "c");
    EXPECT_RUNS("0/0/20:1=c ");
    cr_expect_not(held.is_over);
}

Test(held, runs_and_rejects_count_as_well)
{
    for (int i = 0; i < 100 && !held.is_over; i++)
        add((size_t)i, 0, i, "r");
    cr_expect(held.is_over, "a row of each of many days isn't free");
    held_clear(&held);
    for (int i = 0; i < 10 && !held.is_over; i++)
        refuse(0, "f", "r");
    cr_expect(held.is_over, "nor are reasons");
}
