/* SPDX-License-Identifier: MIT */
/*
 * The chunks of the sections. A chunk is scanned from its front, overlap included, until its tokens
 * are too many; then it ends at the best of the borders that were met. What was scanned in vain is
 * scanned again by the next chunk, and is less than a chunk; so the time grows with the text alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kb/split_work.h"

/* The better, the greater. */
enum border_kind { BORDER_CHARACTER, BORDER_WORD, BORDER_LINE, BORDER_SENTENCE, BORDER_PARAGRAPH };

struct border {
    size_t at;
    size_t tokens; /* from the chunk's front to here */
    enum border_kind kind;
    bool may_end; /* a chunk may end here; words in a block that is kept only begin overlaps */
};

/* A place in the text, which only moves on. */
struct place {
    size_t at, chars, breaks, feeds;
};

struct chunker {
    struct split_work *w;
    const uint8_t *text;
    size_t end;   /* of the section */
    size_t keep;  /* the first keep that isn't passed */
    size_t fresh; /* where the chunk's new text begins */
    struct border *borders;
    size_t count, cap;
    struct place place;
    bool has_pages;
};

/* What was met since the last character that isn't white space, and before. */
struct gap {
    bool spaces;
    unsigned lines;
    bool page;
    uint32_t before; /* that character */
    enum split_kind kind;
    enum split_ending ending; /* of a sentence, there */
};

struct scan {
    size_t at;
    struct split_estimate estimate;
    struct gap gap;
    bool has_text; /* in what is new */
};

static void gap_add(struct gap *gap, uint32_t c)
{
    gap->spaces = true;
    /* CR LF is met as its CR */
    gap->lines += c == '\n' || c == '\r' || c == 0x85 || c == 0x2028;
    gap->page |= c == '\f' || c == 0x2029;
}

static void gap_close(struct gap *gap, uint32_t c, enum split_kind kind)
{
    bool is_word = kind == SPLIT_LETTER || kind == SPLIT_DIGIT;
    enum split_ending ending = is_word ? SPLIT_GOES_ON : split_ending(c);
    if (!is_word && ending == SPLIT_GOES_ON && !gap->spaces && split_closes(c))
        ending = gap->ending;
    *gap = (struct gap){.before = c, .kind = kind, .ending = ending};
}

static enum border_kind border_kind(const struct gap *gap, uint32_t c, enum split_kind kind)
{
    if (gap->page || gap->lines > 1)
        return BORDER_PARAGRAPH;
    if (gap->spaces) {
        bool goes_on = c < 0x80 && c >= 'a' && c <= 'z'; /* as after "e.g." */
        if (gap->ending != SPLIT_GOES_ON && !goes_on)
            return BORDER_SENTENCE;
        return gap->lines > 0 ? BORDER_LINE : BORDER_WORD;
    }
    /* without a space, words end beside ideographs only */
    if ((kind != SPLIT_IDEOGRAPH && gap->kind != SPLIT_IDEOGRAPH) || kind == SPLIT_PUNCTUATION ||
        split_stays_behind(c) || split_opens(gap->before))
        return BORDER_CHARACTER;
    return gap->ending == SPLIT_ENDS ? BORDER_SENTENCE : BORDER_WORD;
}

/* Is `at` inside of a block that is kept? At its ends is as good as a paragraph. */
static bool keep_holds(struct chunker *k, size_t at, enum border_kind *kind)
{
    const struct split_keep *keeps = k->w->keeps;
    size_t i = k->keep;
    while (i < k->w->keep_count && keeps[i].to < at)
        i++;
    for (; i < k->w->keep_count && keeps[i].from <= at; i++) {
        if (at > keeps[i].from && at < keeps[i].to)
            return true;
        *kind = BORDER_PARAGRAPH;
    }
    return false;
}

static void border_push(struct chunker *k, const struct scan *scan)
{
    size_t n;
    uint32_t c = split_char(k->text + scan->at, &n);
    enum border_kind kind = border_kind(&scan->gap, c, split_kind(c));
    if (kind == BORDER_CHARACTER)
        return;
    bool is_held = keep_holds(k, scan->at, &kind);
    *MEM_PUSH(k->borders, k->count, k->cap) =
        (struct border){scan->at, scan->estimate.tokens, kind, scan->has_text && !is_held};
}

/* Adds one character with what joins it. */
static void scan_add(struct scan *scan, const uint8_t *text, size_t n, size_t fresh)
{
    uint32_t c = 0;
    enum split_kind kind = SPLIT_SPACE;
    size_t more;
    for (size_t at = 0; at < n; at += more) {
        uint32_t next = split_char(text + scan->at + at, &more);
        enum split_kind is = split_kind(next);
        split_estimate_add(&scan->estimate, next, is);
        if (at == 0 || kind == SPLIT_SPACE) {
            c = next;
            kind = is;
        }
    }
    gap_close(&scan->gap, c, kind);
    scan->has_text |= scan->at >= fresh;
    scan->at += n;
}

static bool is_space(const uint8_t *text, size_t n)
{
    return text[0] < 0x80 && n == 1 ? split_ascii_kinds[text[0]] == SPLIT_SPACE
                                    : split_blank(text, n);
}

/* Goes over white space; true: something else follows, of *n bytes. */
static bool scan_spaces(struct scan *scan, const uint8_t *text, size_t end, size_t *n)
{
    while (scan->at < end) {
        *n = split_cluster(text + scan->at, end - scan->at);
        if (!is_space(text + scan->at, *n))
            return true;
        size_t length;
        uint32_t c = split_char(text + scan->at, &length);
        split_estimate_add(&scan->estimate, c, SPLIT_SPACE);
        gap_add(&scan->gap, c);
        scan->at += *n;
    }
    return false;
}

/* Of the borders where the chunk may end; NULL: there is none. In the front half one is as good as
 * any other. */
static const struct border *border_best(const struct chunker *k)
{
    size_t half = k->w->settings->tokens / 2;
    const struct border *best = NULL;
    for (size_t i = k->count; i-- > 0 && !(best && k->borders[i].tokens < half);) {
        const struct border *b = &k->borders[i];
        if (b->may_end && (!best || b->kind > best->kind))
            best = b;
    }
    return best;
}

/* The end of the chunk that begins at `from`, and its tokens. False: with the overlap not even one
 * character fits. */
static bool chunk_scan(struct chunker *k, size_t from, size_t *end, size_t *tokens)
{
    struct scan scan = {.at = from};
    size_t n;
    k->count = 0;
    while (scan_spaces(&scan, k->text, k->end, &n)) {
        size_t at = scan.at;
        size_t so_far = scan.estimate.tokens;
        bool had_text = scan.has_text;
        if (at > from)
            border_push(k, &scan);
        scan_add(&scan, k->text, n, k->fresh);
        if (scan.estimate.tokens <= k->w->settings->tokens)
            continue;
        const struct border *best = border_best(k);
        enum border_kind any;
        if (best || (had_text && !keep_holds(k, at, &any))) {
            *end = best ? best->at : at;
            *tokens = best ? best->tokens : so_far;
            return true;
        }
        if (from < k->fresh)
            return false;
        /* a single character is too large, and white space can't stay alone */
        (void)scan_spaces(&scan, k->text, k->end, &n);
        break;
    }
    *end = scan.at;
    *tokens = scan.estimate.tokens;
    return true;
}

/* Where the overlap begins that the next chunk takes from the one that was just scanned: with a
 * sentence, if that is half of what it may be, else with a word. A long gap isn't worth its bytes.
 */
static size_t overlap_begin(const struct chunker *k, size_t end, size_t tokens)
{
    size_t most = k->w->settings->overlap;
    size_t best = end;
    bool is_sentence = false;
    for (size_t i = k->count; i-- > 0;) {
        const struct border *b = &k->borders[i];
        if (b->at >= end)
            continue;
        size_t has = tokens - b->tokens;
        if (has > most || end - b->at > 16 * most)
            break;
        bool begins = b->kind >= BORDER_SENTENCE && has >= most / 2;
        if (begins || !is_sentence)
            best = b->at;
        is_sentence |= begins;
    }
    return best;
}

static void place_move(struct place *place, const uint8_t *text, size_t to)
{
    for (; place->at < to; place->at++) {
        uint8_t c = text[place->at];
        place->chars += (c & 0xc0) != 0x80;
        place->breaks +=
            c == '\n' || (c == '\r' && (place->at + 1 == to || text[place->at + 1] != '\n'));
        place->feeds += c == '\f';
    }
}

static bool chunk_add(struct chunker *k, size_t section, size_t from, size_t end, size_t tokens)
{
    struct split *s = k->w->s;
    place_move(&k->place, k->text, from);
    struct place fresh = k->place;
    place_move(&fresh, k->text, k->fresh);
    struct place last = fresh;
    place_move(&last, k->text, end);
    bool ends_line = k->text[end - 1] == '\n' || k->text[end - 1] == '\r';
    *MEM_PUSH(s->chunks, s->chunk_count, s->chunk_cap) =
        (struct split_chunk){.section = section,
                             .at = from,
                             .len = end - from,
                             .overlap = k->fresh - from,
                             .tokens = tokens,
                             .char_at = k->place.chars,
                             .chars = last.chars - k->place.chars,
                             .overlap_chars = fresh.chars - k->place.chars,
                             .line = k->place.breaks + 1,
                             .lines = last.breaks - k->place.breaks + !ends_line,
                             .page = k->has_pages ? k->place.feeds + 1 : 0};
    return s->chunk_count <= SPLIT_CHUNKS_MAX;
}

static bool section_chunk(struct chunker *k, size_t section)
{
    const struct split_section *of = &k->w->s->sections[section];
    size_t from = of->at;
    k->fresh = of->at;
    k->end = of->at + of->len;
    while (k->fresh < k->end) {
        size_t end;
        size_t tokens;
        while (k->keep < k->w->keep_count && k->w->keeps[k->keep].to < k->fresh)
            k->keep++;
        if (!chunk_scan(k, from, &end, &tokens)) {
            from = k->fresh;
            continue;
        }
        if (!chunk_add(k, section, from, end, tokens))
            return false;
        from = overlap_begin(k, end, tokens);
        k->fresh = end;
    }
    return true;
}

static bool fits(const uint8_t *text, const struct split_keep *keep, size_t limit)
{
    struct split_estimate e = {0};
    size_t n;
    for (size_t at = keep->from; at < keep->to && e.tokens <= limit; at += n) {
        uint32_t c = split_char(text + at, &n);
        split_estimate_add(&e, c, split_kind(c));
    }
    return e.tokens <= limit;
}

/* Leaves the keeps that fit into a chunk, that lie in one section, and not in another keep. They
 * begin and end with text. */
static void keeps_choose(struct split_work *w)
{
    const struct split *s = w->s;
    const uint8_t *text = s->text.data;
    size_t section = 0;
    size_t count = 0;
    size_t past = 0; /* the end of the last one */
    for (size_t i = 0; i < w->keep_count; i++) {
        struct split_keep keep = w->keeps[i];
        struct scan scan = {.at = keep.from};
        size_t n;
        if (keep.from < past || !scan_spaces(&scan, text, keep.to, &n))
            continue;
        keep.from = scan.at;
        while (section + 1 < s->section_count && s->sections[section + 1].at <= keep.from)
            section++;
        if (keep.to > s->sections[section].at + s->sections[section].len ||
            !fits(text, &keep, w->settings->tokens))
            continue;
        past = keep.to;
        w->keeps[count++] = keep;
    }
    w->keep_count = count;
}

const char *split_chunks(struct split_work *w)
{
    const struct buf *text = &w->s->text;
    struct chunker k = {.w = w, .text = text->data};
    bool good = true;
    k.has_pages = text->len > 0 && memchr(text->data, '\f', text->len);
    keeps_choose(w);
    for (size_t i = 0; good && i < w->s->section_count; i++)
        good = section_chunk(&k, i);
    free(k.borders);
    return good ? NULL : "more than 200000 chunks; send it as several documents";
}
