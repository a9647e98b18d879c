/* SPDX-License-Identifier: MIT */
#include "embed/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What is asked for: each text once. */
struct asking {
    struct embed_ask *ask;
    struct embed_text *texts;
    struct embed_piece **pieces; /* of each text the first */
    size_t count;
};

static uint64_t tokens_of(const struct asking *a, size_t from, size_t count)
{
    uint64_t tokens = 0;
    for (size_t i = from; i < from + count; i++)
        tokens += a->pieces[i]->tokens;
    return tokens;
}

static enum embed_outcome request(struct embed_ask *ask, const struct embed_text *texts,
                                  size_t count, uint64_t tokens, float *vectors)
{
    if (!ask->may_ask(ask->context, tokens)) {
        ask->said = (struct embed_said){0};
        return EMBED_LATER;
    }
    ask->requests++;
    return embedder_ask(ask->embedder, texts, count, EMBED_CHUNKS, vectors, &ask->said);
}

/* Asks for a text that any embedder can do. False: it ends here, since nobody's text is at fault.
 */
static bool is_well(struct embed_ask *ask)
{
    static const struct embed_text probe = {"spoolgate", 9};
    struct embed_said blamed = ask->said;
    float *vector = mem_calloc(ask->claim->dimensions, sizeof *vector);
    enum embed_outcome how = request(ask, &probe, 1, 2, vector);
    free(vector);
    if (how == EMBED_DONE)
        ask->said = blamed;
    else if (how == EMBED_LATER || how == EMBED_TROUBLE || how == EMBED_NONSENSE)
        ask->how = EMBED_LATER;
    else
        ask->how = EMBED_STOPPED; /* it refuses everything */
    return how == EMBED_DONE;
}

/* What it did before says nothing: it may have begun to refuse everything a moment ago. */
static bool needs_proof(enum embed_outcome how, size_t count)
{
    return count == 1 || how == EMBED_TROUBLE || how == EMBED_FORBIDDEN;
}

static void blame(const struct embed_ask *ask, struct embed_piece *piece, enum embed_outcome how)
{
    piece->fate = how == EMBED_NONSENSE  ? PIECE_AGAIN
                  : how == EMBED_TROUBLE ? PIECE_BREAKS
                                         : PIECE_REFUSED;
    piece->error = mem_strdup(ask->said.error);
}

static void ask_some(const struct asking *a, size_t from, size_t count)
{
    struct embed_ask *ask = a->ask;
    struct embed_claim *c = ask->claim;
    if (ask->how != EMBED_DONE || count == 0)
        return;
    enum embed_outcome how = request(ask, a->texts + from, count, tokens_of(a, from, count),
                                     c->vectors + from * c->dimensions);
    bool is_trouble = how == EMBED_TROUBLE && !ask->suspects;
    if (how == EMBED_DONE) {
        for (size_t i = from; i < from + count; i++)
            a->pieces[i]->fate = PIECE_DONE;
        ask->largest = count > ask->largest ? count : ask->largest;
    } else if (how == EMBED_LATER || how == EMBED_STOPPED || is_trouble) {
        ask->how = is_trouble ? EMBED_LATER : how;
    } else if (needs_proof(how, count) && !is_well(ask)) {
        return;
    } else if (count == 1) {
        blame(ask, a->pieces[from], how);
    } else {
        ask->was_halved = ask->was_halved || how != EMBED_TROUBLE;
        ask_some(a, from, count / 2);
        ask_some(a, from + count / 2, count - count / 2);
    }
}

/* As it is declared. */
static bool is_too_long(const struct embed_ask *ask, struct embed_piece *p)
{
    uint64_t most = ask->embedder->declared->max_tokens;
    char text[120];
    if (most == 0 || p->tokens <= most)
        return false;
    (void)snprintf(text, sizeof text,
                   "about %" PRIu64 " tokens, but the embedder's `max_tokens` is %" PRIu64,
                   p->tokens, most);
    p->fate = PIECE_REFUSED;
    p->error = mem_strdup(text);
    return true;
}

/* ---- equal texts ---- */

static int compare_texts(const void *left, const void *right)
{
    const struct embed_piece *a = *(struct embed_piece *const *)left;
    const struct embed_piece *b = *(struct embed_piece *const *)right;
    if (a->text.len != b->text.len)
        return a->text.len < b->text.len ? -1 : 1;
    int order = memcmp(a->text.bytes, b->text.bytes, a->text.len);
    return order != 0 ? order : a < b ? -1 : a > b;
}

static bool is_same_text(const struct embed_piece *a, const struct embed_piece *b)
{
    return a->text.len == b->text.len && memcmp(a->text.bytes, b->text.bytes, a->text.len) == 0;
}

/* first[i]: the first piece with the text of piece i; NULL: it isn't asked for. */
static void find_firsts(const struct embed_ask *ask, struct embed_piece **first)
{
    struct embed_claim *c = ask->claim;
    struct embed_piece **sorted = mem_calloc(c->count, sizeof(struct embed_piece *));
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        if (!is_too_long(ask, &c->pieces[i]))
            sorted[count++] = &c->pieces[i];
    qsort(sorted, count, sizeof(struct embed_piece *), compare_texts);
    for (size_t i = 0; i < count; i++) {
        bool is_twin = i > 0 && is_same_text(sorted[i], sorted[i - 1]);
        first[sorted[i] - c->pieces] = is_twin ? first[sorted[i - 1] - c->pieces] : sorted[i];
    }
    free(sorted);
}

static void share(struct embed_piece *to, const struct embed_piece *from)
{
    to->fate = from->fate;
    to->vector = from->vector;
    to->error = from->error ? mem_strdup(from->error) : NULL;
}

void embed_ask_all(struct embed_ask *ask)
{
    struct embed_claim *c = ask->claim;
    struct embed_piece **first = mem_calloc(c->count, sizeof(struct embed_piece *));
    struct asking a = {.ask = ask,
                       .texts = mem_calloc(c->count, sizeof *a.texts),
                       .pieces = mem_calloc(c->count, sizeof(struct embed_piece *))};
    find_firsts(ask, first);
    for (size_t i = 0; i < c->count; i++)
        if (first[i] == &c->pieces[i]) {
            c->pieces[i].vector = a.count;
            a.texts[a.count] = c->pieces[i].text;
            a.pieces[a.count++] = &c->pieces[i];
        }
    ask->how = EMBED_DONE;
    ask_some(&a, 0, a.count);
    for (size_t i = 0; i < c->count; i++)
        if (first[i] && first[i] != &c->pieces[i])
            share(&c->pieces[i], first[i]);
    free(first);
    free(a.pieces);
    free(a.texts);
}
