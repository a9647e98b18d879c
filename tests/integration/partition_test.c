/* SPDX-License-Identifier: MIT */
#include "replay/partition.h"

#include "base/time.h"
#include "bytes.h"

Test(partition, days_are_kept_once_and_in_order)
{
    struct partition_list days = {0};
    uint64_t seed = 7;
    enum { STREAMS = 3, DAYS = 50 };
    for (int i = 0; i < 5000; i++) {
        uint64_t r = bytes_random(&seed);
        int64_t day = (int64_t)(r % DAYS) - DAYS / 2; /* some before 1970 */
        partition_need(&days, (r >> 32) % STREAMS, day * TIME_US_PER_DAY);
    }
    cr_assert_eq(days.count, STREAMS * DAYS, "got %zu", days.count);
    for (size_t i = 0; i < days.count; i++) {
        cr_expect_eq(days.items[i].stream, i / DAYS, "place %zu", i);
        int64_t day = days.items[i].from_us / TIME_US_PER_DAY;
        cr_expect_eq(day, (int64_t)(i % DAYS) - DAYS / 2, "place %zu: got day %d", i, (int)day);
    }
    partition_free(&days);
}
