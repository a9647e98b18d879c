/* SPDX-License-Identifier: MIT */
/*
 * An embeddings server's answer of any bytes. Input: how many texts were asked for and how many
 * numbers each vector has, a byte each; the rest is the answer, read once as a success and once as
 * a refusal.
 *
 * What must hold: vectors that are called done are finite and have a direction; what people get to
 * see is one line of UTF-8.
 */
#include "embed/jsonr.c"
#include "embed/reply.c"

#include <assert.h>

static void check_text(const struct embed_said *said)
{
    size_t len = strlen(said->error);
    assert(len < sizeof said->error);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)said->error[i] >= ' ' && said->error[i] != 0x7f);
    assert(utf8_check((const uint8_t *)said->error, len) == len);
}

static void check_vectors(const float *vectors, size_t count, size_t dimensions)
{
    for (size_t i = 0; i < count; i++) {
        bool is_zero = true;
        for (size_t k = 0; k < dimensions; k++) {
            assert(isfinite(vectors[i * dimensions + k]));
            is_zero = is_zero && vectors[i * dimensions + k] == 0;
        }
        assert(!is_zero);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const int statuses[] = {100, 302, 400, 401, 413, 429, 500};
    if (len < 2)
        return 0;
    size_t count = 1 + bytes[0] % 8;
    size_t dimensions = 1 + bytes[1] % 16;
    char *answer = mem_alloc(len - 1); /* its end is where ASan sees a byte too many */
    memcpy(answer, bytes + 2, len - 2);
    char *exact = mem_realloc(answer, len - 2 > 0 ? len - 2 : 1);
    float *vectors = mem_calloc(count * dimensions, sizeof *vectors);
    struct embed_said said = {0};
    enum embedder_encoding encoding;
    enum embed_outcome how =
        embed_reply_read(exact, len - 2, count, dimensions, vectors, &encoding, &said);
    assert(how == EMBED_DONE || how == EMBED_NONSENSE || how == EMBED_STOPPED);
    assert((how == EMBED_DONE) == (said.error[0] == '\0'));
    check_text(&said);
    if (how == EMBED_DONE)
        check_vectors(vectors, count, dimensions);
    how = embed_reply_refusal(statuses[bytes[0] / 8 % 7], exact, len - 2, &said);
    assert(how == EMBED_LATER || how == EMBED_TROUBLE || how == EMBED_FORBIDDEN ||
           how == EMBED_STOPPED || how == EMBED_TOO_MUCH);
    check_text(&said);
    free(vectors);
    free(exact);
    return 0;
}
