/* SPDX-License-Identifier: MIT */
#include "embed/lexical.h"

#include <math.h>

#include "base/buf.h"
#include "base/hash.h"
#include "bytes.h"

#define D LEXICAL_DIMENSIONS

static bool embed(const char *text, float vector[D])
{
    return lexical_embed(text, strlen(text), vector, D);
}

static double nearness(const char *a, const char *b)
{
    float x[D];
    float y[D];
    double sum = 0;
    (void)embed(a, x);
    (void)embed(b, y);
    for (size_t i = 0; i < D; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

/* The bytes of vectors on this machine and all others. Where they change, LEXICAL_MODEL has to. */
Test(embed_lexical, golden)
{
    static const struct {
        const char *text, *want; /* the hash's first digits */
    } rows[] = {
        {"The quick brown fox jumps over the lazy dog.", "c33509598b718020"},
        {"Größe, ÉCOLE, naïve; Ωμέγα; ДОМ; 東京都庁; e\xcc\x81", "3d1e32c5d63d4e1b"},
        {"x", "45acaefa7ba291d6"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        float vector[D];
        char hex[HASH_HEX];
        struct buf bytes = {0};
        cr_expect(embed(rows[i].text, vector));
        for (size_t k = 0; k < D; k++) {
            uint32_t word;
            memcpy(&word, &vector[k], sizeof word);
            buf_be32(&bytes, word);
        }
        hash_bytes_hex(bytes.data, bytes.len, hex);
        hex[16] = '\0';
        cr_expect_str_eq(hex, rows[i].want, "row %zu: want %s, got %s", i, rows[i].want, hex);
        buf_free(&bytes);
    }
}

Test(embed_lexical, length_is_one)
{
    static const size_t dimensions[] = {1, 2, 3, 384, 4000};
    for (size_t i = 0; i < COUNT(dimensions); i++) {
        float vector[4000];
        double sum = 0;
        cr_expect(lexical_embed("one word more", 13, vector, dimensions[i]));
        for (size_t k = 0; k < dimensions[i]; k++)
            sum += (double)vector[k] * vector[k];
        cr_expect(fabs(sum - 1) < 1e-6, "%zu dimensions: got a length of %g", dimensions[i], sum);
    }
}

Test(embed_lexical, no_word)
{
    static const char *const texts[] = {
        "", " \n\t", "... --- !?", "the and of", "\xf0\x9f\x98\x80", "\xe2\x80\xa6", "\xff\xfe"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        float vector[D];
        cr_expect(!embed(texts[i], vector), "row %zu: want none", i);
        for (size_t k = 0; k < D; k++)
            cr_assert_eq(vector[k], 0, "row %zu: %zu is %g", i, k, vector[k]);
    }
}

/* The same vector, to the last bit or nearly. */
Test(embed_lexical, same)
{
    static const struct {
        const char *a, *b;
    } rows[] = {
        {"Hash Tables", "hash  tables!"},
        {"systems", "the system"},
        {"\xc3\x89"
         "cole",
         "ecole"}, /* precomposed */
        {"e\xcc\x81"
         "cole",
         "ecole"},                                /* combining */
        {"co\xc2\xadoperate", "cooperate"},       /* a soft hyphen */
        {"\xce\xa9\xce\x9c", "\xcf\x89\xce\xbc"}, /* Greek */
        {"\xd0\x94\xd0\x9e\xd0\x9c \xd0\x81", "\xd0\xb4\xd0\xbe\xd0\xbc \xd1\x91"},
        {"\xe6\x9d\xb1\xe4\xba\xac", "\xe6\x9d\xb1\xe4\xba\xac\xe3\x80\x82"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        double got = nearness(rows[i].a, rows[i].b);
        cr_expect(got > 0.999999, "%s and %s: want 1, got %g", rows[i].a, rows[i].b, got);
    }
}

Test(embed_lexical, nearer)
{
    static const struct {
        const char *of, *near, *far;
    } rows[] = {
        {"restore a backup", "how backups are restored", "partition tables by day"},
        {"indexing", "an index of texts", "texts of a song"},
        {"\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd", "\xe6\x9d\xb1\xe4\xba\xac\xe5\xb8\x82",
         "\xe5\xa4\xa7\xe9\x98\xaa\xe5\xba\x9c"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        double near = nearness(rows[i].of, rows[i].near);
        double far = nearness(rows[i].of, rows[i].far);
        cr_expect(near > far + 0.1, "%s: %g is not nearer than %g", rows[i].of, near, far);
    }
}

/* More distinct words than the first table has room for, and a word without an end. */
Test(embed_lexical, long_texts)
{
    struct buf text = {0};
    float vector[D];
    for (unsigned i = 0; i < 50000; i++)
        buf_printf(&text, "w%u ", i * 7919);
    cr_expect(lexical_embed((const char *)text.data, text.len, vector, D));
    memset(text.data, 'x', text.len);
    cr_expect(lexical_embed((const char *)text.data, text.len, vector, D));
    buf_free(&text);
}
