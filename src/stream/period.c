/* SPDX-License-Identifier: MIT */
#include "stream/period.h"

#include "base/time.h"

#define US_PER_HOUR (TIME_US_PER_DAY / 24)

static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - (rest < 0 ? rest + unit : rest);
}

static int64_t first_of(int year, int month)
{
    return time_day_of_date(year, month, 1) * TIME_US_PER_DAY;
}

struct period_range period_range(enum period every, int64_t us)
{
    struct time_date date;
    int64_t from;
    switch (every) {
    case PERIOD_HOUR:
        from = floor_to(us, US_PER_HOUR);
        return (struct period_range){from, from + US_PER_HOUR};
    case PERIOD_DAY:
        from = floor_to(us, TIME_US_PER_DAY);
        return (struct period_range){from, from + TIME_US_PER_DAY};
    case PERIOD_WEEK: /* 1970-01-01 was a Thursday */
        from = floor_to(us + 3 * TIME_US_PER_DAY, 7 * TIME_US_PER_DAY) - 3 * TIME_US_PER_DAY;
        return (struct period_range){from, from + 7 * TIME_US_PER_DAY};
    case PERIOD_MONTH:
        date = time_date_of_day(time_day(us));
        return (struct period_range){first_of(date.year, date.month),
                                     date.month == 12 ? first_of(date.year + 1, 1)
                                                      : first_of(date.year, date.month + 1)};
    case PERIOD_YEAR:
        date = time_date_of_day(time_day(us));
        return (struct period_range){first_of(date.year, 1), first_of(date.year + 1, 1)};
    default:
        return (struct period_range){INT64_MIN, INT64_MAX};
    }
}

const char *period_name(enum period every)
{
    static const char *const names[] = {"none", "hour", "day", "week", "month", "year"};
    return names[every];
}
