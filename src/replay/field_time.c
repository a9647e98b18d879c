/* SPDX-License-Identifier: MIT */
/* timestamptz and date. */
#include "replay/field.h"

#include <math.h>
#include <stdio.h>

#include "base/str.h"
#include "base/time.h"
#include "replay/mptime.h"

/* Midnight of 24 November 4714 BC (julian day 0), the first instant that Postgres has, in
 * timestamptz as in date. In the other direction it has all that int64_t microseconds reach. */
#define PG_FIRST_DAY (-INT64_C(2440588))
#define PG_FIRST_US  (PG_FIRST_DAY * TIME_US_PER_DAY)

/* Before the end of int64_t microseconds, so that the period of any time has an end, too. */
#define LAST_US INT64_C(9200000000000000000)

/* time_format() writes a year of four digits. */
static bool is_printable(int64_t us)
{
    return us > INT64_C(-60000000000000000) && us < INT64_C(250000000000000000);
}

static bool inside(const struct field_window *w, int64_t us)
{
    return us >= w->from_us && us <= w->to_us;
}

/* The usual mistake: milliseconds (or finer) where the stream counts seconds. Read from the number
 * itself: counted in the stream's unit, nanoseconds are past what microseconds can hold. */
static const char *hint(const struct field *f)
{
    static const struct {
        double us;
        const char *hint;
    } units[] = {{1000, "; it looks like milliseconds"},
                 {1, "; it looks like microseconds"},
                 {0.001, "; it looks like nanoseconds"}};
    const struct mp_value *v = f->value;
    if (!f->window || (v->type != MP_UINT && v->type != MP_FLOAT))
        return "";
    double count = v->type == MP_UINT ? (double)v->u : v->f;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        double us = count * units[i].us;
        if (fabs(us) < 9e18 && inside(f->window, (int64_t)us))
            return units[i].hint;
    }
    return "";
}

/* "90 days" where it is days; for people. */
static const char *kept(int64_t us, char text[STR_HUMAN])
{
    char days[STR_HUMAN];
    if (us < TIME_US_PER_DAY || us % TIME_US_PER_DAY != 0)
        return str_duration(us, text);
    (void)snprintf(text, STR_HUMAN, "%.20s day%s",
                   str_count((uint64_t)(us / TIME_US_PER_DAY), days),
                   us == TIME_US_PER_DAY ? "" : "s");
    return text;
}

static FIELD_APART bool refuse_time(const struct field *f, int64_t us)
{
    char text[TIME_TEXT];
    char long_ago[STR_HUMAN];
    const struct field_window *w = f->window;
    const char *when = is_printable(us) ? time_format(us, text) : "the time";
    if (!inside(w, us))
        return field_refuse(f, REJECT_TIME, "%s is outside the stream's window of times%s", when,
                            hint(f));
    return field_refuse(f, REJECT_TIME, "%s is older than the stream keeps (%s)", when,
                        kept(w->keep_us, long_ago));
}

bool field_check_time(const struct field *f, int64_t us)
{
    const struct field_window *w = f->window;
    return !w || (inside(w, us) && us >= w->keep_from_us) || refuse_time(f, us);
}

/* "2026-11-21", which is its midnight. */
static bool parse_date(const uint8_t *bytes, size_t len, int64_t *us)
{
    char text[] = "YYYY-MM-DDT00:00:00Z";
    if (len != 10)
        return false;
    memcpy(text, bytes, 10);
    return time_parse(text, sizeof text - 1, us);
}

static FIELD_APART bool read_text(const struct field *f, int64_t *us)
{
    char text[FIELD_SHOWN];
    const struct mp_value *v = f->value;
    bool is_date = f->column->type == COLUMN_DATE;
    if (time_parse((const char *)v->bytes, v->len, us) ||
        (is_date && parse_date(v->bytes, v->len, us)))
        return true;
    return field_refuse(f, REJECT_TIME, "not %san RFC 3339 time with an offset: \"%s\"",
                        is_date ? "a date (YYYY-MM-DD), nor " : "",
                        field_show(v->bytes, v->len, text));
}

static bool read_instant(const struct field *f, int64_t *us)
{
    const struct mp_value *v = f->value;
    switch (v->type) {
    case MP_UINT:
    case MP_INT:
    case MP_FLOAT:
        if (!mptime_number(v, f->column->unit_ns, us))
            return field_refuse(f, REJECT_TIME, "a number that is no time%s", hint(f));
        break;
    case MP_STR:
        if (!read_text(f, us))
            return false;
        break;
    case MP_EXT:
        if (!mptime_ext(v, us))
            return field_refuse(f, REJECT_TIME, "extension type %d of %u bytes is no time", v->ext,
                                v->len);
        break;
    default:
        return field_refuse_type(f, f->column->type == COLUMN_DATE ? "date" : "timestamptz");
    }
    if (*us < PG_FIRST_US)
        return field_refuse(f, REJECT_TIME, "a time before 4714 BC, where Postgres's begin");
    return *us <= LAST_US ||
           field_refuse(f, REJECT_TIME, "a time after 293000 AD, which is out of reach");
}

/* timestamptz_recv: microseconds since 2000-01-01. */
bool field_put_timestamptz(struct field *f)
{
    if (!read_instant(f, &f->time_us) || !field_check_time(f, f->time_us))
        return false;
    field_put_64(f->out, (uint64_t)(f->time_us - TIME_PG_EPOCH_US));
    return true;
}

/* date_recv: days since 2000-01-01. */
bool field_put_date(struct field *f)
{
    if (!read_instant(f, &f->time_us))
        return false;
    int64_t day = time_day(f->time_us);
    f->time_us = day * TIME_US_PER_DAY;
    if (!field_check_time(f, f->time_us))
        return false;
    field_put_32(f->out, (uint32_t)(day - TIME_PG_EPOCH_US / TIME_US_PER_DAY));
    return true;
}
