/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what is piped into `put`. Input: a byte that says how many bytes each read gives (0:
 * as many as there are), then the JSON lines. What must hold: whoever loads a segment of the frames
 * takes each as a whole one, and finds no other; no seal is among them; reads of other lengths make
 * the same.
 */
#include "cli/lines.c"

#include <assert.h>
#include <sys/mman.h>

#include "base/utf8.h"
#include "frame/reader.h"

static const struct frame_limits limits = {
    .frame_bytes = 1024, .string_bytes = 64, .keys = 8, .depth = 8};

static bool is_plain(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return utf8_check((const uint8_t *)text, len) == len;
}

/* The frames, back to back, from reads of at most so many bytes; returns how many. */
static uint64_t pack_all(int fd, size_t most, struct buf *segment)
{
    struct lines in = {.name = "in", .fd = fd, .limits = &limits};
    struct buf frame = {0};
    uint64_t frames = 0;
    assert(lseek(fd, 0, SEEK_SET) == 0);
    for (;;) {
        bool found;
        struct err e = lines_next(&in, &frame, &found);
        if (err_is(&e)) {
            assert(e.cls == ERR_SEGMENT && strncmp(e.text, "in:", 3) == 0 && is_plain(e.text));
        } else if (found) {
            buf_put(segment, frame.data, frame.len);
            frames++;
        } else if (in.is_ended) {
            break;
        } else {
            e = lines_read(&in, most);
            assert(!err_is(&e));
        }
    }
    assert(lines_rest(&in) == 0);
    buf_free(&frame);
    lines_free(&in);
    return frames;
}

struct segment {
    const struct buf *bytes;
    size_t at;
};

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct segment *s = context;
    *got = size < s->bytes->len - s->at ? size : s->bytes->len - s->at;
    if (*got > 0)
        memcpy(room, s->bytes->data + s->at, *got);
    s->at += *got;
    return ERR_OK;
}

static void load(const struct buf *bytes, uint64_t frames)
{
    struct segment s = {bytes, 0};
    struct frame_reader r = {.fill = fill, .context = &s, .limits = &limits};
    struct frame frame;
    struct err e;
    enum frame_result result;
    while ((result = frame_next(&r, &frame, &e)) == FRAME_NEXT)
        ;
    assert(result == FRAME_END && r.frames == frames && !r.sealed);
    frame_reader_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static int fd = -1;
    struct buf whole = {0};
    struct buf pieces = {0};
    if (len == 0)
        return 0;
    if (fd < 0)
        fd = memfd_create("lines", MFD_CLOEXEC);
    assert(fd >= 0 && ftruncate(fd, 0) == 0);
    assert(pwrite(fd, bytes + 1, len - 1, 0) == (ssize_t)(len - 1));
    uint64_t frames = pack_all(fd, SIZE_MAX, &whole);
    load(&whole, frames);
    assert(pack_all(fd, bytes[0] ? bytes[0] : SIZE_MAX, &pieces) == frames);
    assert(pieces.len == whole.len &&
           (whole.len == 0 || memcmp(pieces.data, whole.data, whole.len) == 0));
    buf_free(&pieces);
    buf_free(&whole);
    return 0;
}
