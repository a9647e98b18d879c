/* SPDX-License-Identifier: MIT */
/* numeric: from decimal text, the producer's or ours. */
#include "replay/field.h"

#include <math.h>
#include <strings.h>

#include "base/decimal.h"

enum {
    WHOLE_MAX = 131072, /* digits before the point, and after it: what Postgres can hold */
    SCALE_MAX = 16383,
    EXPONENT_MAX = 1000000000, /* past all of that, far from overflow */
};

/* The sign words of numeric_recv. */
enum { POSITIVE = 0, NEGATIVE = 0x4000, NOT_A_NUMBER = 0xc000, INFINITE = 0xd000, MINUS = 0xf000 };

/* +-0.DIGITS * 10^whole; the text of the digits may have a point in it. */
struct number {
    bool is_negative;
    const uint8_t *digits; /* the first that isn't 0 */
    int64_t count;         /* of digits from there on, 0 for zero */
    int64_t whole;         /* digits before the point, where it is once the exponent is applied */
    int64_t scale;         /* digits after it, as written */
};

static bool is_digit(const uint8_t *p, const uint8_t *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

/* "e-12" at p, up to the end; saturated. */
static bool scan_exponent(const uint8_t *p, const uint8_t *end, int64_t *exponent)
{
    bool is_negative = ++p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (!is_digit(p, end))
        return false;
    for (*exponent = 0; is_digit(p, end); p++)
        if (*exponent < EXPONENT_MAX / 10)
            *exponent = *exponent * 10 + (*p - '0');
        else
            *exponent = EXPONENT_MAX;
    if (is_negative)
        *exponent = -*exponent;
    return p == end;
}

static bool scan_number(const uint8_t *p, const uint8_t *end, struct number *n)
{
    const uint8_t *point = NULL;
    int64_t zeros = 0; /* in front */
    int64_t after = 0; /* the point */
    int64_t exponent = 0;
    *n = (struct number){.is_negative = p < end && *p == '-'};
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; is_digit(p, end) || (p < end && *p == '.' && !point); p++) {
        if (*p == '.') {
            point = p;
            continue;
        }
        after += point != NULL;
        if (n->count == 0 && *p == '0') {
            zeros++;
        } else if (n->count++ == 0) {
            n->digits = p;
        }
    }
    if (zeros + n->count == 0)
        return false;
    if (p < end && ((*p != 'e' && *p != 'E') || !scan_exponent(p, end, &exponent)))
        return false;
    n->whole = n->count - after + exponent;
    n->scale = after > exponent ? after - exponent : 0;
    return true;
}

/* numeric_recv: four int16 (how many digits of base 10,000; weight, the power of the first; sign;
 * scale), then the digits as int16. */
static void put_parts(struct buf *out, size_t groups, int64_t weight, unsigned sign, int64_t scale)
{
    buf_be32(out, (uint32_t)(8 + 2 * groups));
    buf_be16(out, (uint16_t)groups);
    buf_be16(out, (uint16_t)weight);
    buf_be16(out, (uint16_t)sign);
    buf_be16(out, (uint16_t)scale);
}

static void put_number(struct buf *out, const struct number *n)
{
    if (n->count == 0) {
        put_parts(out, 0, 0, POSITIVE, n->scale);
        return;
    }
    int64_t weight = n->whole > 0 ? (n->whole - 1) / 4 : -((4 - n->whole) / 4);
    int64_t place = 4 * (weight + 1) - n->whole; /* of the first digit in its group of four */
    size_t groups = (size_t)(place + n->count + 3) / 4;
    put_parts(out, groups, weight, n->is_negative ? NEGATIVE : POSITIVE, n->scale);
    (void)buf_reserve(out, 2 * groups);
    unsigned group = 0;
    int64_t left = n->count;
    for (const uint8_t *p = n->digits; left > 0; p++) {
        if (*p == '.')
            continue;
        group = group * 10 + (*p - '0');
        if (--left == 0)
            for (; place < 3; place++)
                group *= 10;
        if (++place == 4) {
            buf_be16(out, (uint16_t)group);
            group = 0;
            place = 0;
        }
    }
}

static bool put_text(const struct field *f, const uint8_t *p, size_t len)
{
    struct number n;
    char text[FIELD_SHOWN];
    if (!scan_number(p, p + len, &n))
        return field_refuse(f, REJECT_TYPE, "numeric is wanted, but \"%s\" is no decimal number",
                            field_show(p, len, text));
    if (n.count > 0 && n.whole > WHOLE_MAX)
        return field_refuse(f, REJECT_RANGE, "numeric has at most %d digits before the point",
                            WHOLE_MAX);
    if (n.scale > SCALE_MAX)
        return field_refuse(f, REJECT_RANGE, "numeric has at most %d digits after the point",
                            SCALE_MAX);
    put_number(f->out, &n);
    return true;
}

static bool put_special(const struct field *f, const uint8_t *p, size_t len)
{
    static const struct {
        const char *word;
        unsigned sign;
    } words[] = {{"nan", NOT_A_NUMBER}, {"infinity", INFINITE}, {"+infinity", INFINITE},
                 {"inf", INFINITE},     {"+inf", INFINITE},     {"-infinity", MINUS},
                 {"-inf", MINUS}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (len == strlen(words[i].word) && strncasecmp((const char *)p, words[i].word, len) == 0) {
            put_parts(f->out, 0, 0, words[i].sign, 0);
            return true;
        }
    return false;
}

bool field_put_numeric(const struct field *f)
{
    const struct mp_value *v = f->value;
    uint8_t text[DECIMAL_BYTES];
    switch (v->type) {
    case MP_UINT:
        return put_text(f, text, (size_t)(decimal_uint(text, v->u) - text));
    case MP_INT:
        return put_text(f, text, (size_t)(decimal_int(text, v->i) - text));
    case MP_FLOAT:
        if (isfinite(v->f))
            return put_text(f, text, (size_t)(decimal_double(text, v->f) - text));
        put_parts(f->out, 0, 0, isnan(v->f) ? NOT_A_NUMBER : v->f > 0 ? INFINITE : MINUS, 0);
        return true;
    case MP_STR:
        return put_special(f, v->bytes, v->len) || put_text(f, v->bytes, v->len);
    default:
        return field_refuse_type(f, "numeric");
    }
}
