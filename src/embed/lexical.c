/* SPDX-License-Identifier: MIT */
/*
 * All sums are of whole numbers, and what is left (one square root, one division for each number of
 * the vector) IEEE 754 rounds in one way only: so neither the order of the sums, nor the compiler,
 * nor the machine changes a bit of the result.
 */
#include "embed/lexical.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* What a feature of each kind counts for. */
enum {
    WEIGHT_WORD = 16,
    WEIGHT_PAIR = 4,  /* of neighbours */
    WEIGHT_PIECE = 8, /* three letters of a word */
    WEIGHT_SIGNS = 16 /* two neighbours of a script without spaces */
};

enum {
    WORD_MAX = 64,     /* characters; what is longer is several words */
    TERMS_START = 4096 /* room for half as many: a chunk's; a power of 2 */
};

/* ---- hashing: FNV-1a over characters, and the finalizer of MurmurHash3 ---- */

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t fnv(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * FNV_PRIME;
}

static uint64_t finish(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

/* ---- the features of a text, counted ---- */

struct term {
    uint64_t hash; /* 0: none */
    uint32_t count, weight;
};

struct bag {
    struct term *terms; /* open addressing, half full at the most */
    size_t cap, count;
};

static struct term *find(struct bag *b, uint64_t hash)
{
    size_t at = hash & (b->cap - 1);
    while (b->terms[at].hash != 0 && b->terms[at].hash != hash)
        at = (at + 1) & (b->cap - 1);
    return &b->terms[at];
}

static void grow(struct bag *b)
{
    struct bag old = *b;
    b->cap = old.cap > 0 ? old.cap * 2 : TERMS_START;
    b->terms = mem_calloc(b->cap, sizeof *b->terms);
    for (size_t i = 0; i < old.cap; i++)
        if (old.terms[i].hash != 0)
            *find(b, old.terms[i].hash) = old.terms[i];
    free(old.terms);
}

static void count(struct bag *b, uint64_t value, uint32_t weight)
{
    uint64_t hash = finish(value);
    hash += hash == 0;
    if (b->count >= b->cap / 2)
        grow(b);
    struct term *term = find(b, hash);
    b->count += term->hash == 0;
    term->hash = hash;
    term->weight = weight;
    term->count += term->count < UINT32_MAX;
}

/* ---- characters ---- */

/* The letters of U+00C0 to U+017F without their marks, in lower case; a space: no letter. A few are
 * two letters in truth; the first will do. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty"
                            "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
                            "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

static bool is_between(uint32_t c, uint32_t first, uint32_t last)
{
    return c - first <= last - first;
}

/* Han, Hiragana and Katakana: words aren't set apart. */
static bool is_sign(uint32_t c)
{
    return is_between(c, 0x3040, 0x30ff) || is_between(c, 0x3400, 0x4dbf) ||
           is_between(c, 0x4e00, 0x9fff) || is_between(c, 0xf900, 0xfaff) ||
           is_between(c, 0x20000, 0x3ffff);
}

/* Beyond Latin: no letters are the blocks of punctuation, symbols, private use and emoji. */
static bool is_letter(uint32_t c)
{
    return !(is_between(c, 0x2000, 0x2bff) || is_between(c, 0x3000, 0x303f) ||
             is_between(c, 0xe000, 0xf8ff) || is_between(c, 0xfe00, 0xfe6f) ||
             is_between(c, 0xff00, 0xff0f) || is_between(c, 0xff1a, 0xff20) ||
             is_between(c, 0xff3b, 0xff40) || is_between(c, 0xff5b, 0xff65) ||
             is_between(c, 0xfff0, 0xffff) || is_between(c, 0x1f000, 0x1fbff));
}

#define NOT_A_LETTER 0
#define IN_A_WORD    1 /* a mark on the letter before: neither ends a word nor is a part of it */

/* The letter or digit that stands for this character, small and plain. */
static uint32_t fold(uint32_t c)
{
    if (c < 0x80)
        return is_between(c, 'A', 'Z')                              ? c + 32
               : is_between(c, 'a', 'z') || is_between(c, '0', '9') ? c
                                                                    : NOT_A_LETTER;
    if (c < 0xc0)
        return c == 0xad ? IN_A_WORD : NOT_A_LETTER; /* a soft hyphen */
    if (c < 0x180)
        return latin[c - 0xc0] == ' ' ? NOT_A_LETTER : (uint32_t)latin[c - 0xc0];
    if (is_between(c, 0x300, 0x36f))
        return IN_A_WORD;
    if (is_between(c, 0x391, 0x3a9) || is_between(c, 0x410, 0x42f))
        return c + 32; /* Greek, Cyrillic */
    if (is_between(c, 0x400, 0x40f))
        return c + 80;
    if (c == 0x3c2)
        return 0x3c3; /* a sigma at a word's end */
    return is_letter(c) ? c : NOT_A_LETTER;
}

/* ---- words ---- */

/* Words that any English text has. Sorted. */
static const char *const common[] = {
    "a",     "about", "all",   "also", "am",   "an",    "and",   "any",  "are",  "as",     "at",
    "be",    "been",  "being", "but",  "by",   "can",   "could", "did",  "do",   "does",   "for",
    "from",  "had",   "has",   "have", "he",   "her",   "his",   "how",  "i",    "if",     "in",
    "into",  "is",    "it",    "its",  "may",  "me",    "more",  "most", "my",   "no",     "not",
    "of",    "on",    "one",   "only", "or",   "other", "our",   "s",    "she",  "should", "so",
    "some",  "such",  "t",     "than", "that", "the",   "their", "them", "then", "there",  "these",
    "they",  "this",  "those", "to",   "up",   "us",    "was",   "we",   "were", "what",   "when",
    "where", "which", "who",   "why",  "will", "with",  "would", "you",  "your",
};
enum { COMMON_LETTERS = 6 };

struct words {
    struct bag *bag;
    uint32_t letters[WORD_MAX + 2]; /* of the word that is being read; room for its borders */
    size_t len;
    uint64_t before; /* the word before it; 0: none */
    uint32_t sign;   /* the character before, where it is one; 0: it isn't */
    bool is_pair;    /* it has been counted with its neighbour */
};

static int compare(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

static bool is_common(const uint32_t *letters, size_t len)
{
    char text[COMMON_LETTERS + 1] = {0};
    for (size_t i = 0; i < len; i++) {
        if (i == COMMON_LETTERS || letters[i] >= 0x80)
            return false;
        text[i] = (char)letters[i];
    }
    return bsearch(text, common, sizeof common / sizeof *common, sizeof *common, compare) != NULL;
}

/* The plural's s: systems is system. Not of words as short as "gas", nor of "class". */
static size_t without_plural(const uint32_t *letters, size_t len)
{
    return len > 3 && letters[len - 1] == 's' && letters[len - 2] != 's' && letters[len - 2] != 'u'
               ? len - 1
               : len;
}

static void end_word(struct words *w)
{
    uint64_t hash = FNV_START;
    uint32_t *letters = w->letters + 1;
    size_t len = w->len;
    w->len = 0;
    if (len == 0 || is_common(letters, len))
        return;
    len = without_plural(letters, len);
    for (size_t i = 0; i < len; i++)
        hash = fnv(hash, letters[i]);
    count(w->bag, hash, WEIGHT_WORD);
    if (w->before != 0)
        count(w->bag, fnv(w->before, hash), WEIGHT_PAIR);
    w->before = hash;
    letters[-1] = ' ';
    letters[len] = ' ';
    for (size_t i = 0; i < len && len > 2; i++)
        count(w->bag, letters[i - 1] | (uint64_t)letters[i] << 21 | (uint64_t)letters[i + 1] << 42,
              WEIGHT_PIECE);
}

static void end_signs(struct words *w)
{
    if (w->sign != 0 && !w->is_pair)
        count(w->bag, fnv(FNV_START, w->sign), WEIGHT_SIGNS);
    w->sign = 0;
    w->is_pair = false;
}

static void add_sign(struct words *w, uint32_t c)
{
    end_word(w);
    w->before = 0;
    if (w->sign != 0) {
        count(w->bag, fnv(fnv(FNV_START, w->sign), c), WEIGHT_SIGNS);
        w->is_pair = true;
    }
    w->sign = c;
}

static void add_character(struct words *w, uint32_t c)
{
    if (is_sign(c)) {
        add_sign(w, c);
        return;
    }
    c = fold(c);
    if (c == IN_A_WORD)
        return;
    end_signs(w);
    if (c == NOT_A_LETTER || w->len == WORD_MAX)
        end_word(w);
    if (c != NOT_A_LETTER)
        w->letters[++w->len] = c;
}

static uint32_t decode(const uint8_t *p, size_t len)
{
    static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = *p & lead[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

static void read_words(struct bag *bag, const char *text, size_t len)
{
    struct words w = {.bag = bag};
    const uint8_t *p = (const uint8_t *)text;
    for (size_t at = 0; at < len;) {
        size_t n = p[at] < 0x80 ? 1 : utf8_length(p + at, len - at);
        add_character(&w, n > 0 ? decode(p + at, n) : ' ');
        at += n > 0 ? n : 1;
    }
    end_word(&w);
    end_signs(&w);
}

/* ---- the vector ---- */

/* 1024 times 1 + ln(n): from a table up to 15; beyond it, each halving is worth ln(2). */
static int64_t dampen(uint32_t n)
{
    static const uint16_t table[] = {0,    1024, 1734, 2149, 2444, 2672, 2859, 3017,
                                     3153, 3274, 3382, 3479, 3569, 3651, 3726, 3797};
    int64_t halvings = 0;
    for (; n > 15; n >>= 1)
        halvings += 710;
    return table[n] + halvings;
}

/* Of 4000 dimensions and 2^32 features, each below 2^20, the squares stay below 2^128. */
static bool make_vector(const struct bag *b, float *vector, size_t dimensions)
{
    int64_t *sums = mem_calloc(dimensions, sizeof *sums);
    unsigned __int128 squares = 0;
    for (size_t i = 0; i < b->cap; i++) {
        const struct term *term = &b->terms[i];
        if (term->hash == 0)
            continue;
        int64_t weight = term->weight * dampen(term->count);
        sums[(term->hash >> 32) * dimensions >> 32] += term->hash & 1 ? weight : -weight;
    }
    for (size_t i = 0; i < dimensions; i++)
        squares += (unsigned __int128)((__int128)sums[i] * sums[i]);
    double length = sqrt((double)squares);
    for (size_t i = 0; i < dimensions; i++)
        vector[i] = length > 0 ? (float)((double)sums[i] / length) : 0;
    free(sums);
    return squares > 0;
}

bool lexical_embed(const char *text, size_t len, float *vector, size_t dimensions)
{
    struct bag bag = {0};
    grow(&bag);
    read_words(&bag, text, len);
    bool has_words = make_vector(&bag, vector, dimensions);
    free(bag.terms);
    return has_words;
}
