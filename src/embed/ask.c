/* SPDX-License-Identifier: MIT */
#include "embed/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static uint64_t tokens_of(const struct embed_claim *c, size_t from, size_t count)
{
    uint64_t tokens = 0;
    for (size_t i = from; i < from + count; i++)
        tokens += c->pieces[i].tokens;
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
    enum embed_outcome how =
        embedder_ask(ask->embedder, texts, count, EMBED_CHUNKS, vectors, &ask->said);
    *ask->works = *ask->works || how == EMBED_DONE;
    return how;
}

/* A text that any embedder can do. False: it ends here, since nobody's text is at fault. */
static bool prove(struct embed_ask *ask)
{
    static const struct embed_text probe = {"spoolgate", 9};
    struct embed_said blamed = ask->said;
    float *vector = mem_calloc(ask->claim->dimensions, sizeof *vector);
    if (!*ask->works) {
        enum embed_outcome how = request(ask, &probe, 1, 2, vector);
        if (how == EMBED_TOO_MUCH) /* so it refuses everything */
            ask->how = EMBED_STOPPED;
        else if (how == EMBED_NONSENSE)
            ask->how = EMBED_LATER;
        else if (how != EMBED_DONE)
            ask->how = how;
        else
            ask->said = blamed;
    }
    free(vector);
    return ask->how == EMBED_DONE;
}

static void blame(struct embed_ask *ask, struct embed_piece *piece, enum embed_outcome how)
{
    if (!prove(ask))
        return;
    piece->fate = how == EMBED_TOO_MUCH ? PIECE_REFUSED : PIECE_AGAIN;
    piece->error = mem_strdup(ask->said.error);
}

static void ask_some(struct embed_ask *ask, const struct embed_text *texts, size_t from,
                     size_t count)
{
    struct embed_claim *c = ask->claim;
    if (ask->how != EMBED_DONE || count == 0)
        return;
    enum embed_outcome how = request(ask, texts + from, count, tokens_of(c, from, count),
                                     c->vectors + from * c->dimensions);
    if (how == EMBED_LATER || how == EMBED_STOPPED) {
        ask->how = how;
    } else if (how == EMBED_DONE) {
        for (size_t i = from; i < from + count; i++)
            c->pieces[i].fate = PIECE_DONE;
        ask->largest = count > ask->largest ? count : ask->largest;
    } else if (count == 1) {
        blame(ask, &c->pieces[from], how);
    } else {
        ask->was_halved = true;
        ask_some(ask, texts, from, count / 2);
        ask_some(ask, texts, from + count / 2, count - count / 2);
    }
}

/* Those that are too long for the embedder, as it is declared, go to the end. Returns how many are
 * left to ask for. */
static size_t set_aside(struct embed_claim *c, uint64_t max_tokens)
{
    size_t count = c->count;
    for (size_t i = 0; i < count && max_tokens > 0;) {
        struct embed_piece *p = &c->pieces[i];
        char text[120];
        if (p->tokens <= max_tokens) {
            i++;
            continue;
        }
        (void)snprintf(text, sizeof text,
                       "about %" PRIu64 " tokens, but the embedder's `max_tokens` is %" PRIu64,
                       p->tokens, max_tokens);
        p->fate = PIECE_REFUSED;
        p->error = mem_strdup(text);
        struct embed_piece last = c->pieces[--count];
        c->pieces[count] = *p;
        *p = last;
    }
    return count;
}

void embed_ask_all(struct embed_ask *ask)
{
    struct embed_claim *c = ask->claim;
    size_t count = set_aside(c, ask->embedder->declared->max_tokens);
    struct embed_text *texts = mem_calloc(c->count, sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = c->pieces[i].text;
    ask->how = EMBED_DONE;
    ask_some(ask, texts, 0, count);
    free(texts);
}
