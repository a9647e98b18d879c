/* SPDX-License-Identifier: MIT */
/*
 * The shortest digits of a double are found by Raffaello Giulietti's Schubfach ("The Schubfach way
 * to render doubles", 2021): the double and the borders of its rounding interval are scaled by a
 * power of ten, so that the interval is between one and ten integers wide, with 128-bit arithmetic
 * that is exact where it matters.
 */
#include "base/decimal.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* --- integers ----------------------------------------------------------------------------------
 */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

static const uint64_t tens[] = {UINT64_C(1),
                                UINT64_C(10),
                                UINT64_C(100),
                                UINT64_C(1000),
                                UINT64_C(10000),
                                UINT64_C(100000),
                                UINT64_C(1000000),
                                UINT64_C(10000000),
                                UINT64_C(100000000),
                                UINT64_C(1000000000),
                                UINT64_C(10000000000),
                                UINT64_C(100000000000),
                                UINT64_C(1000000000000),
                                UINT64_C(10000000000000),
                                UINT64_C(100000000000000),
                                UINT64_C(1000000000000000),
                                UINT64_C(10000000000000000),
                                UINT64_C(100000000000000000),
                                UINT64_C(1000000000000000000),
                                UINT64_C(10000000000000000000)};

/* Digits of v; 1 for 0. The logarithm by the bits, off by one at the most. */
static int count_digits(uint64_t v)
{
    int estimate = (64 - __builtin_clzll(v | 1)) * 1233 >> 12;
    return estimate + (v >= tens[estimate] || v == 0);
}

/* Exactly `count` digits, zeros in front where v has fewer. */
static void put_digits(uint8_t *to, uint64_t v, int count)
{
    for (; count >= 2; count -= 2, v /= 100)
        memcpy(to + count - 2, pairs + v % 100 * 2, 2);
    if (count == 1)
        to[0] = (uint8_t)('0' + v % 10);
}

uint8_t *decimal_uint(uint8_t *to, uint64_t v)
{
    int count = count_digits(v);
    put_digits(to, v, count);
    return to + count;
}

uint8_t *decimal_int(uint8_t *to, int64_t v)
{
    if (v >= 0)
        return decimal_uint(to, (uint64_t)v);
    *to = '-';
    return decimal_uint(to + 1, 0 - (uint64_t)v);
}

/* --- powers of ten -----------------------------------------------------------------------------
 */

enum { POWER_MIN = -292, POWER_MAX = 324, POWERS = POWER_MAX - POWER_MIN + 1 };

/* 10^k = hi.lo * 2^e, with the highest bit of hi set; rounded up where it has more bits than 128.
 */
struct power {
    uint64_t hi, lo;
};

static struct power powers[POWERS];
static pthread_once_t powers_made = PTHREAD_ONCE_INIT;

/* A large integer, lowest word first; 1216 bits hold 10^324 (1077 bits), and leave a quotient of at
 * least 200 bits when 2^1215 is divided by 10^292 (970 bits). */
enum { WORDS = 38 };

static uint32_t bits_at(const uint32_t *words, int word)
{
    return word >= 0 ? words[word] : 0;
}

/* The 128 highest bits of a number that isn't 0, with the highest of them set; rest: the number has
 * bits below those of `words`, too. */
static struct power highest_bits(const uint32_t *words, bool rest)
{
    int top = WORDS - 1;
    while (words[top] == 0)
        top--;
    int shift = __builtin_clz(words[top]);
    uint32_t part[5];
    for (int i = 0; i < 5; i++)
        part[i] = bits_at(words, top - i);
    unsigned __int128 high = 0;
    for (int i = 0; i < 4; i++)
        high = high << 32 | (uint32_t)(((uint64_t)part[i] << 32 | part[i + 1]) << shift >> 32);
    rest = rest || (uint32_t)((uint64_t)part[4] << shift) != 0;
    for (int i = top - 5; i >= 0; i--)
        rest = rest || words[i] != 0;
    high += rest;
    return (struct power){(uint64_t)(high >> 64), (uint64_t)high};
}

/* 600 powers of 16 bytes in less than a tenth of a millisecond, rather than 600 lines of digits
 * that nobody can check by reading. */
static void make_powers(void)
{
    uint32_t up[WORDS] = {1};
    for (int k = 0; k <= POWER_MAX; k++) {
        uint64_t carry = 0;
        powers[k - POWER_MIN] = highest_bits(up, false);
        for (int i = 0; i < WORDS; i++) {
            carry += (uint64_t)up[i] * 10;
            up[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    /* floor(floor(x / 10) / 10) is floor(x / 100): dividing on and on keeps every quotient exact.
     */
    uint32_t down[WORDS] = {0};
    down[WORDS - 1] = UINT32_C(1) << 31;
    for (int k = -1; k >= POWER_MIN; k--) {
        uint64_t remainder = 0;
        for (int i = WORDS - 1; i >= 0; i--) {
            remainder = remainder << 32 | down[i];
            down[i] = (uint32_t)(remainder / 10);
            remainder %= 10;
        }
        powers[k - POWER_MIN] = highest_bits(down, true);
    }
}

/* --- doubles -----------------------------------------------------------------------------------
 */

/* digits * 10^exponent */
struct decimal {
    uint64_t digits;
    int exponent;
};

/* The product's upper 64 bits of 192, made odd where anything lies below them. */
static uint64_t round_to_odd(struct power g, uint64_t v)
{
    unsigned __int128 low = (unsigned __int128)g.lo * v;
    unsigned __int128 high = (unsigned __int128)g.hi * v + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* floor(log10(2^e)), or of 3/4 of that; floor(log2(10^e)). Exact for all exponents of doubles. */
static int log10_of_power2(int e, bool three_quarters)
{
    return (e * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}

static int log2_of_power10(int e)
{
    return (e * 1741647) >> 19;
}

/* Positive and finite. The names are those of Giulietti's paper, section 9: v is the double, u and
 * w its neighbours among the multiples of 10^k; with a prime, of 10^(k+1). */
static struct decimal shortest(uint64_t bits)
{
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52);
    uint64_t c = biased ? fraction | UINT64_C(1) << 52 : fraction;
    int q = (biased ? biased : 1) - 1075;
    bool is_odd = c & 1; /* then the interval's borders belong to others */
    bool lower_is_nearer = fraction == 0 && biased > 1; /* a power of two */

    int k = log10_of_power2(q, lower_is_nearer);
    int h = q + log2_of_power10(-k) + 1;
    struct power g = powers[-k - POWER_MIN];
    uint64_t lower = round_to_odd(g, (4 * c - 2 + lower_is_nearer) << h) + is_odd;
    uint64_t v = round_to_odd(g, 4 * c << h);
    uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - is_odd;

    uint64_t u = v / 4;
    if (u >= 10) {
        uint64_t tenth = u / 10;
        bool u_inside = lower <= 40 * tenth;
        bool w_inside = 40 * tenth + 40 <= upper;
        if (u_inside != w_inside)
            return (struct decimal){tenth + w_inside, k + 1};
    }
    bool u_inside = lower <= 4 * u;
    bool w_inside = 4 * u + 4 <= upper;
    if (u_inside != w_inside)
        return (struct decimal){u + w_inside, k};
    uint64_t middle = 4 * u + 2;
    bool up = v > middle || (v == middle && (u & 1));
    return (struct decimal){u + up, k};
}

static struct decimal without_zeros(struct decimal d)
{
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

/* Most numbers that people and programs send have few decimals. Below 10^15 a decimal is the only
 * one of its length that reads back as its double, and a quotient of two exact numbers is rounded
 * as reading is: where n / 10^6 is v, n holds v's shortest digits. */
static bool short_decimal(double v, struct decimal *d)
{
    if (!(v >= 1e-3 && v < 1e9))
        return false;
    uint64_t n = (uint64_t)(v * 1e6 + 0.5);
    *d = (struct decimal){n, -6};
    return (double)n / 1e6 == v;
}

static uint8_t *put_scientific(uint8_t *to, uint64_t digits, int count, int exponent)
{
    /* the digits behind the place of the first, which then moves before the point */
    put_digits(to + 1, digits, count);
    to[0] = to[1];
    to[1] = '.';
    to += count > 1 ? count + 1 : 1;
    *to++ = 'e';
    *to++ = exponent < 0 ? '-' : '+';
    unsigned size = (unsigned)(exponent < 0 ? -exponent : exponent);
    int width = size < 100 ? 2 : 3;
    put_digits(to, size, width);
    return to + width;
}

/* As printf's %.15g has it, or %.16g and %.17g where so many digits are needed. */
static uint8_t *put_decimal(uint8_t *to, struct decimal d)
{
    int count = count_digits(d.digits);
    int exponent = d.exponent + count - 1; /* of the first digit */
    if (exponent < -4 || exponent >= (count > 15 ? count : 15))
        return put_scientific(to, d.digits, count, exponent);
    if (d.exponent >= 0) {
        put_digits(to, d.digits, count);
        memset(to + count, '0', (size_t)d.exponent);
        return to + count + d.exponent;
    }
    int whole = exponent >= 0 ? exponent + 1 : 0; /* digits before the point */
    if (whole == 0) {
        int zeros = -exponent - 1;
        memcpy(to, "0.000", 5);
        put_digits(to + 2 + zeros, d.digits, count);
        return to + 2 + zeros + count;
    }
    put_digits(to + 1, d.digits, count);
    memmove(to, to + 1, (size_t)whole);
    to[whole] = '.';
    return to + count + 1;
}

uint8_t *decimal_double(uint8_t *to, double v)
{
    assert(isfinite(v));
    if (signbit(v)) {
        *to++ = '-';
        v = -v;
    }
    if (v < 1e15 && v == (double)(uint64_t)v)
        return decimal_uint(to, (uint64_t)v);
    struct decimal d;
    if (!short_decimal(v, &d)) {
        uint64_t bits;
        memcpy(&bits, &v, sizeof bits);
        (void)pthread_once(&powers_made, make_powers);
        d = shortest(bits);
    }
    return put_decimal(to, without_zeros(d));
}
