/* SPDX-License-Identifier: MIT */
#include "cli/lines.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "frame/msgpack.h"
#include "frame/pack.h"

enum { LINE_BYTES_MAX = 64 << 20, READ_BYTES = 64 << 10 };

struct err lines_read(struct lines *l, size_t most)
{
    size_t room = most < READ_BYTES ? most : READ_BYTES;
    if (l->at > 0) {
        l->bytes.len -= l->at;
        memmove(l->bytes.data, l->bytes.data + l->at, l->bytes.len);
        l->seen -= l->at;
        l->at = 0;
    }
    ssize_t n = read(l->fd, buf_reserve(&l->bytes, room), room);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        return err_system(ERR_SPOOL, errno, "can't read %s", l->name);
    if (n > 0)
        l->bytes.len += (size_t)n;
    l->is_ended = n == 0;
    return ERR_OK;
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] == '\0' || !strchr(" \t\r", line[i]))
            return false;
    return true;
}

/* As the reader sees it: by `kind`, or by `event` where there is no kind that is a string. */
static bool is_seal(const json_t *frame)
{
    const char *kind = json_string_value(json_object_get(frame, "kind"));
    const char *event = json_string_value(json_object_get(frame, "event"));
    const char *name = kind ? kind : event;
    return name && strcmp(name, "seal") == 0;
}

/* NULL: whoever loads it takes it. */
static const char *problem_of(const struct frame_limits *limits, const struct buf *frame)
{
    static const char *const texts[] = {[MP_STRING] = "a string is longer than limits.string",
                                        [MP_KEYS] = "an object has more keys than limits.keys",
                                        [MP_DEEP] = "nested deeper than limits.depth"};
    struct mp_cursor c = {frame->data, frame->data + frame->len};
    if (frame->len > limits->frame_bytes)
        return "the frame is larger than limits.frame";
    enum mp_status status = mp_skip(&c, limits);
    return (size_t)status < sizeof texts / sizeof *texts ? texts[status] : NULL;
}

static struct err pack_line(const struct lines *l, const char *line, size_t len, struct buf *frame)
{
    json_error_t error;
    json_t *value = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        return err_make(ERR_SEGMENT, "%s:%lu:%d: %s", l->name, l->number, error.column, error.text);
    struct err e = ERR_OK;
    if (!json_is_object(value)) {
        e = err_make(ERR_SEGMENT, "%s:%lu:1: a frame is a JSON object", l->name, l->number);
    } else if (is_seal(value)) {
        e = err_make(ERR_SEGMENT, "%s:%lu:1: the kind `seal` is put's own: it ends the segment",
                     l->name, l->number);
    } else {
        buf_clear(frame);
        pack_json(frame, value);
        const char *problem = l->limits ? problem_of(l->limits, frame) : NULL;
        if (problem)
            e = err_make(ERR_SEGMENT, "%s:%lu:1: %s", l->name, l->number, problem);
    }
    json_decref(value);
    return e;
}

/* Where the next line stops and what follows it begins; false: it has no end yet. */
static bool find_end(const struct lines *l, size_t *stop, size_t *next)
{
    size_t unseen = l->bytes.len - l->seen;
    const uint8_t *end = unseen > 0 ? memchr(l->bytes.data + l->seen, '\n', unseen) : NULL;
    *stop = end ? (size_t)(end - l->bytes.data) : l->bytes.len;
    *next = *stop + (end ? 1 : 0);
    return end || (l->is_ended && *stop > l->at);
}

/* A line that is too long is told of at once, and dropped as its bytes come. */
static struct err take_line(struct lines *l, size_t *from, size_t *len, bool *found)
{
    size_t stop;
    size_t next;
    bool is_whole = find_end(l, &stop, &next);
    bool was_skipping = l->is_skipping;
    bool is_long = !was_skipping && stop - l->at > LINE_BYTES_MAX;
    *from = l->at;
    *len = stop - l->at;
    *found = is_whole && !was_skipping && !is_long;
    l->seen = stop;
    if (!is_whole && !was_skipping && !is_long)
        return ERR_OK;
    l->at = l->seen = next;
    l->is_skipping = !is_whole;
    if (was_skipping)
        return ERR_OK;
    l->number++;
    return is_long
               ? err_make(ERR_SEGMENT, "%s:%lu: the line is longer than 64 MiB", l->name, l->number)
               : ERR_OK;
}

struct err lines_next(struct lines *l, struct buf *frame, bool *found)
{
    size_t from;
    size_t len;
    for (;;) {
        size_t before = l->at;
        TRY(take_line(l, &from, &len, found));
        if (!*found && l->at == before)
            return ERR_OK;
        const char *line = (const char *)l->bytes.data + from;
        if (*found && !is_blank(line, len))
            return pack_line(l, line, len, frame);
    }
}

size_t lines_rest(const struct lines *l)
{
    return l->bytes.len - l->at;
}

void lines_free(struct lines *l)
{
    buf_free(&l->bytes);
}
