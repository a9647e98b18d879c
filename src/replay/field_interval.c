/* SPDX-License-Identifier: MIT */
/* interval: ISO 8601 durations, and numbers that count the column's unit. */
#include "replay/field.h"

#include "base/time.h"
#include "replay/mptime.h"

/* As Postgres keeps it: a month has no fixed number of days, a day none of hours. */
struct duration {
    int64_t months, days, us;
};

enum outcome { READ, MALFORMED, TOO_LONG };

struct scan {
    const uint8_t *p, *end;
};

static bool scan_any(struct scan *s, const char *set)
{
    if (s->p < s->end && *s->p != '\0' && strchr(set, *s->p)) {
        s->p++;
        return true;
    }
    return false;
}

static bool scan_digit(struct scan *s, int64_t *digit)
{
    if (s->p == s->end || *s->p < '0' || *s->p > '9')
        return false;
    *digit = *s->p++ - '0';
    return true;
}

/* A component's number: "-12.5" is 12 and 500,000,000. */
struct count {
    bool is_negative, has_fraction;
    int64_t whole, billionths;
};

static enum outcome scan_count(struct scan *s, struct count *n)
{
    int64_t digit;
    *n = (struct count){.is_negative = scan_any(s, "-")};
    if (!n->is_negative)
        (void)scan_any(s, "+");
    if (!scan_digit(s, &digit))
        return MALFORMED;
    do {
        if (__builtin_mul_overflow(n->whole, 10, &n->whole) ||
            __builtin_add_overflow(n->whole, digit, &n->whole))
            return TOO_LONG;
    } while (scan_digit(s, &digit));
    n->has_fraction = scan_any(s, ".,");
    if (!n->has_fraction)
        return READ;
    int64_t place = 100000000;
    if (!scan_digit(s, &digit))
        return MALFORMED;
    do {
        n->billionths += digit * place;
        place /= 10; /* 0 after the ninth: the rest is cut */
    } while (scan_digit(s, &digit));
    return READ;
}

/* The designators in their order. */
struct unit {
    char letter;
    bool is_time; /* behind the T; may have a fraction */
    int64_t months, days, us;
};
static const struct unit units[] = {
    {'Y', false, 12, 0, 0},
    {'M', false, 1, 0, 0},
    {'W', false, 0, 7, 0},
    {'D', false, 0, 1, 0},
    {'H', true, 0, 0, INT64_C(3600000000)},
    {'M', true, 0, 0, INT64_C(60000000)},
    {'S', true, 0, 0, INT64_C(1000000)},
};
enum { UNITS = sizeof units / sizeof *units };

static bool add(int64_t *to, const struct count *n, int64_t unit, bool is_negative)
{
    int64_t part;
    if (__builtin_mul_overflow(n->whole, unit, &part))
        return false;
    /* a billionth at most of 3.6e18: no overflow */
    if (n->billionths > 0 && __builtin_add_overflow(part, n->billionths * unit / 1000000000, &part))
        return false;
    return !__builtin_add_overflow(*to, is_negative ? -part : part, to);
}

/* One component; *next: the first unit that may still come. */
static enum outcome scan_component(struct scan *s, bool is_time, bool is_negative, size_t *next,
                                   struct duration *d)
{
    struct count n;
    enum outcome outcome = scan_count(s, &n);
    if (outcome != READ)
        return outcome;
    for (size_t i = *next; i < UNITS; i++) {
        const struct unit *u = &units[i];
        const char letters[] = {u->letter, (char)(u->letter | 0x20), '\0'};
        if (u->is_time != is_time || (n.has_fraction && !u->is_time) || !scan_any(s, letters))
            continue;
        bool minus = is_negative != n.is_negative;
        *next = i + 1;
        return add(&d->months, &n, u->months, minus) && add(&d->days, &n, u->days, minus) &&
                       add(&d->us, &n, u->us, minus)
                   ? READ
                   : TOO_LONG;
    }
    return MALFORMED;
}

/* "-P1Y2M3DT4H5M6.5S"; each component may have a sign of its own, as Postgres writes them. */
static enum outcome parse(const uint8_t *p, size_t len, struct duration *d)
{
    struct scan s = {p, p + len};
    size_t next = 0;
    bool is_negative = scan_any(&s, "-");
    *d = (struct duration){0};
    if (!is_negative)
        (void)scan_any(&s, "+");
    if (!scan_any(&s, "Pp"))
        return MALFORMED;
    bool is_time = false;
    do {
        is_time = is_time || scan_any(&s, "Tt");
        enum outcome outcome = scan_component(&s, is_time, is_negative, &next, d);
        if (outcome != READ)
            return outcome;
    } while (s.p < s.end);
    bool fits = d->months == (int32_t)d->months && d->days == (int32_t)d->days;
    return fits ? READ : TOO_LONG;
}

static bool read_duration(const struct field *f, struct duration *d)
{
    const struct mp_value *v = f->value;
    char text[FIELD_SHOWN];
    switch (v->type) {
    case MP_UINT:
    case MP_INT:
    case MP_FLOAT:
        return mptime_number(v, f->column->unit_ns, &d->us) ||
               field_refuse(f, REJECT_RANGE, "a number that is longer than interval can hold");
    case MP_STR:
        break;
    default:
        return field_refuse_type(f, "interval");
    }
    enum outcome outcome = parse(v->bytes, v->len, d);
    if (outcome == READ)
        return true;
    (void)field_show(v->bytes, v->len, text);
    return outcome == TOO_LONG
               ? field_refuse(f, REJECT_RANGE, "\"%s\" is longer than interval can hold", text)
               : field_refuse(f, REJECT_TIME, "not an ISO 8601 duration (as P1DT2H30M): \"%s\"",
                              text);
}

/* interval_recv: int64 microseconds, int32 days, int32 months. */
bool field_put_interval(const struct field *f)
{
    struct duration d = {0};
    if (!read_duration(f, &d))
        return false;
    buf_be32(f->out, 16);
    buf_be64(f->out, (uint64_t)d.us);
    buf_be32(f->out, (uint32_t)d.days);
    buf_be32(f->out, (uint32_t)d.months);
    return true;
}
