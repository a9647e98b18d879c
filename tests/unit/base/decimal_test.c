/* SPDX-License-Identifier: MIT */
#include "base/decimal.h"

#include <math.h>
#include <stdlib.h>

#include "bytes.h"

#define TEXT (DECIMAL_BYTES + 1)

static const char *double_text(double v, char text[TEXT])
{
    uint8_t *end = decimal_double((uint8_t *)text, v);
    cr_assert(end <= (uint8_t *)text + DECIMAL_BYTES, "%.17g takes %zu bytes", v,
              (size_t)(end - (uint8_t *)text));
    *end = '\0';
    return text;
}

Test(base_decimal, integers)
{
    char got[TEXT];
    char want[TEXT];
    for (int bit = 0; bit < 64; bit++)
        for (uint64_t off = 0; off < 3; off++) {
            uint64_t v = (UINT64_C(1) << bit) + off - 1;
            *decimal_uint((uint8_t *)got, v) = '\0';
            (void)snprintf(want, sizeof want, "%llu", (unsigned long long)v);
            cr_expect_str_eq(got, want, "want %s, got %s", want, got);
            *decimal_int((uint8_t *)got, (int64_t)v) = '\0';
            (void)snprintf(want, sizeof want, "%lld", (long long)v);
            cr_expect_str_eq(got, want, "want %s, got %s", want, got);
        }
    uint64_t ten = 1;
    for (int digits = 1; digits <= 20; digits++, ten *= 10)
        for (uint64_t off = 0; off < 3; off++) {
            *decimal_uint((uint8_t *)got, ten + off - 1) = '\0';
            (void)snprintf(want, sizeof want, "%llu", (unsigned long long)(ten + off - 1));
            cr_expect_str_eq(got, want, "want %s, got %s", want, got);
        }
}

Test(base_decimal, forms)
{
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-1.0, "-1"},
        {1.5, "1.5"},
        {-42.17, "-42.17"},
        {0.1, "0.1"},
        {0.30000000000000004, "0.30000000000000004"},
        {100, "100"},
        {1e14, "100000000000000"},
        {999999999999999.0, "999999999999999"},
        {1e15, "1e+15"},
        {1234567890123456.0, "1234567890123456"}, /* as many digits as it takes */
        {12345678901234568.0, "12345678901234568"},
        {1e16, "1e+16"},
        {1.2345678901234568e17, "1.2345678901234568e+17"},
        {9007199254740991.0, "9007199254740991"}, /* 2^53 - 1, 2^53, and what comes after it */
        {9007199254740992.0, "9007199254740992"},
        {9007199254740994.0, "9007199254740994"},
        {18014398509481984.0, "18014398509481984"},
        {123456.789, "123456.789"},
        {999999999.999999, "999999999.999999"},
        {0.001, "0.001"},
        {0.0001, "0.0001"},
        {0.00012345678901234567, "0.00012345678901234567"},
        {0.00001, "1e-05"},
        {1.25e-5, "1.25e-05"},
        {1e-10, "1e-10"},
        {1e-100, "1e-100"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {1e300, "1e+300"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {-1.7976931348623157e308, "-1.7976931348623157e+308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"}, /* the least normal number */
        {2.225073858507201e-308, "2.225073858507201e-308"},   /* and the subnormal below it */
        {0x1p-1074, "5e-324"},
        {0x1p-1073, "1e-323"},
        {0x3p-1074, "1.5e-323"},
        {0x1p-44, "5.684341886080802e-14"}, /* sixteen digits, of which printf's aren't the ones */
        {9.5367431640625e-07, "9.5367431640625e-07"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[TEXT];
        cr_expect_str_eq(double_text(rows[i].v, text), rows[i].want, "want %s, got %s",
                         rows[i].want, text);
    }
}

/* Significant digits of a text, without zeros at either end. */
static size_t digits_of(const char *text)
{
    size_t digits = 0;
    size_t zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && digits == 0))
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        digits++;
    }
    return digits - zeros;
}

/* Reads back as v; no shorter form does; and of the forms of its length it is the nearest: what
 * printf makes of that many digits, where that reads back at all. */
static void expect_shortest(double v)
{
    char text[TEXT];
    char other[64];
    double back = strtod(double_text(v, text), NULL);
    cr_assert(back == v && !signbit(back) == !signbit(v), "%.17g came out as %s", v, text);
    int digits = (int)digits_of(text);
    if (digits > 1) {
        (void)snprintf(other, sizeof other, "%.*e", digits - 2, v);
        cr_assert(strtod(other, NULL) != v, "%s is shorter than %s", other, text);
    }
    if (digits > 0) {
        (void)snprintf(other, sizeof other, "%.*e", digits - 1, v);
        double nearest = strtod(other, NULL);
        cr_assert(nearest != v || fabs(strtod(text, NULL) - v) <= fabs(nearest - v));
        (void)snprintf(other, sizeof other, "%.*g", digits > 15 ? digits : 15, strtod(other, NULL));
        cr_assert(nearest != v || digits < 15 || strcmp(other, text) == 0, "%s is nearer than %s",
                  other, text);
    }
}

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

Test(base_decimal, every_power_of_two_and_its_neighbours)
{
    for (uint64_t exponent = 0; exponent < 2047; exponent++)
        for (uint64_t off = 0; off < 5; off++)
            if (exponent > 0 || off >= 2)
                expect_shortest(from_bits((exponent << 52) + off - 2));
}

Test(base_decimal, every_power_of_ten_and_its_neighbours)
{
    for (int e = -323; e <= 308; e++) {
        char text[TEXT];
        (void)snprintf(text, sizeof text, "1e%d", e);
        double v = strtod(text, NULL);
        expect_shortest(v);
        expect_shortest(nextafter(v, 0));
        expect_shortest(nextafter(v, INFINITY));
    }
}

/* Random bits; subnormals of every width; decimals of few digits; whole numbers past 2^53. */
Test(base_decimal, random_numbers)
{
    uint64_t seed = 29;
    for (int i = 0; i < 250000; i++) {
        uint64_t bits = bytes_random(&seed);
        double v = from_bits(bits);
        if (isfinite(v))
            expect_shortest(v);
        expect_shortest(from_bits((bits & (UINT64_MAX >> 12)) >> i % 52));
        expect_shortest((double)(int64_t)(bits % 2000000000000) / pow(10, i % 9));
        expect_shortest((double)(bits >> i % 12));
    }
}

/* What the short way and the long way write is the same. */
Test(base_decimal, few_decimals)
{
    for (int decimals = 1; decimals <= 7; decimals++)
        for (int n = 1; n < 200000; n += 7) {
            char want[64];
            char got[TEXT];
            double v = n / pow(10, decimals);
            (void)snprintf(want, sizeof want, "%.15g", v);
            cr_assert_str_eq(double_text(v, got), want, "want %s, got %s", want, got);
        }
}
