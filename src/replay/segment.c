/* SPDX-License-Identifier: MIT */
#include "replay/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pulse.h"
#include "base/str.h"
#include "spool/name.h"

struct source {
    int fd;
    struct stat before;
    uint64_t left;           /* bytes of the file, as large as it was when it was opened */
    struct zstream *zstream; /* NULL for a raw segment */
    struct hash hash;
    uint64_t raw;
    const struct frame_limits *limits;
    const atomic_bool *stop;
};

/* Gigabytes of zstd may hold no byte of a frame (skippable ones, empty ones): with every block we
 * show that we live, and look whether we may go on. */
static struct err read_file(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    ssize_t n = 0;
    pulse_beat();
    if (s->stop && atomic_load_explicit(s->stop, memory_order_relaxed))
        return err_make(ERR_STOPPED, "asked to stop");
    if (s->left == 0) { /* one that grew meanwhile has changed, which is looked at in the end */
        *got = 0;
        return ERR_OK;
    }
    do {
        n = read(s->fd, room, size < s->left ? size : s->left);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_system(ERR_SPOOL, errno, "can't read the segment");
    s->left -= (size_t)n;
    *got = (size_t)n;
    return ERR_OK;
}

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    char text[STR_HUMAN];
    pulse_beat(); /* a block of the file may be many of these */
    if (s->zstream)
        TRY(zstream_fill(s->zstream, room, size, got));
    else
        TRY(read_file(s, room, size, got));
    hash_update(&s->hash, room, *got);
    s->raw += *got;
    if (s->raw > s->limits->raw_bytes)
        return err_make(ERR_SEGMENT, "larger than limits.raw (%s)",
                        str_size(s->limits->raw_bytes, text));
    return ERR_OK;
}

/* The environment's fault, also where the mode was changed after the claim: somebody can mend it.
 * What logs and receipts say of it is text, whatever the name's bytes are. */
static struct err cannot_open(int number, const char *name)
{
    struct buf text = {0};
    str_percent_encode(&text, name);
    struct err e = err_system(ERR_SPOOL, number, "can't open %s", buf_cstr(&text));
    buf_free(&text);
    return e;
}

/* O_NONBLOCK: a FIFO in disguise must not make us wait; regular files don't care. */
static struct err open_file(struct source *s, int folder, const char *name)
{
    char text[STR_HUMAN];
    s->fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0 && (errno == ELOOP || errno == ENXIO))
        return err_make(ERR_SEGMENT, "not a regular file");
    if (s->fd < 0 || fstat(s->fd, &s->before) != 0)
        return cannot_open(errno, name);
    if (!S_ISREG(s->before.st_mode))
        return err_make(ERR_SEGMENT, "not a regular file");
    if (s->before.st_size == 0)
        return err_make(ERR_SEGMENT,
                        "empty file (0 bytes): its content was never written, or lost");
    if ((uint64_t)s->before.st_size > s->limits->segment_bytes)
        return err_make(ERR_SEGMENT, "%s is larger than limits.segment",
                        str_size((uint64_t)s->before.st_size, text));
    s->left = (uint64_t)s->before.st_size;
    return ERR_OK;
}

/* A segment is immutable from its rename on. One that changes under us is not what was announced.
 */
static struct err check_unchanged(const struct source *s)
{
    struct stat now;
    if (fstat(s->fd, &now) != 0)
        return err_system(ERR_SPOOL, errno, "can't look at the segment again");
    if (now.st_size != s->before.st_size || now.st_mtim.tv_sec != s->before.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != s->before.st_mtim.tv_nsec)
        return err_make(ERR_SEGMENT, "the file changed while it was read");
    return ERR_OK;
}

static void count_row(struct segment_summary *sum, const struct copybin_row *row)
{
    sum->keys_ignored += row->keys_ignored;
    sum->numbers_nulled += row->numbers_nulled;
    if (row->time_us < sum->ts_min_us && row->time_us != INT64_MIN) /* it has none */
        sum->ts_min_us = row->time_us;
    if (row->time_us > sum->ts_max_us)
        sum->ts_max_us = row->time_us;
}

static void count_reject(struct segment_summary *sum, const struct reject *reject)
{
    sum->rejected++;
    sum->rejected_by[reject->why]++;
}

/* Rare, and kept out of the loop over rows. */
static FIELD_APART bool walk_other(const struct segment_walk *walk, const struct frame *frame,
                                   struct segment_summary *sum, struct err *failure)
{
    struct reject reject = {0};
    bool refused = false;
    sum->others++;
    if (!walk->on_other(walk->context, frame, &refused, &reject, failure))
        return false;
    if (!refused)
        return true;
    count_reject(sum, &reject);
    sum->others_rejected++;
    return !walk->on_reject || walk->on_reject(walk->context, frame, &reject, failure);
}

static struct err walk_others(const struct segment_walk *walk, struct frame_reader *reader,
                              struct segment_summary *sum)
{
    struct frame frame;
    struct err e;
    while (frame_next(reader, &frame, &e) == FRAME_NEXT) {
        if (walk->stop && atomic_load_explicit(walk->stop, memory_order_relaxed))
            return err_make(ERR_STOPPED, "asked to stop");
        if (copybin_is_elsewhere(walk->encoder, &frame) && !walk_other(walk, &frame, sum, &e))
            return e;
    }
    sum->frames = reader->frames;
    sum->sealed = reader->sealed;
    return e;
}

static struct err walk_frames(const struct segment_walk *walk, struct frame_reader *reader,
                              struct segment_summary *sum)
{
    struct frame frame;
    struct copybin_row row;
    struct reject reject;
    struct err e;
    while (frame_next(reader, &frame, &e) == FRAME_NEXT) {
        if (walk->stop && atomic_load_explicit(walk->stop, memory_order_relaxed))
            return err_make(ERR_STOPPED, "asked to stop");
        if (copybin_encode(walk->encoder, &frame, walk->rows, &row, &reject)) {
            count_row(sum, &row);
            if (!walk->on_row(walk->context, &frame, &row, &e))
                return e;
        } else if (row.stream == COPYBIN_ELSEWHERE) {
            if (!walk_other(walk, &frame, sum, &e))
                return e;
        } else {
            count_reject(sum, &reject);
            if (!walk->on_reject(walk->context, &frame, &reject, &e))
                return e;
        }
    }
    sum->frames = reader->frames;
    sum->sealed = reader->sealed;
    return e;
}

static struct err start_zstream(struct segment_tools *t, struct source *s)
{
    t->zstream.fill = read_file;
    t->zstream.context = s;
    s->zstream = &t->zstream;
    if (t->zstream_is_open)
        return zstream_restart(&t->zstream);
    t->zstream_is_open = true;
    return zstream_open(&t->zstream, s->limits);
}

static struct err walk_source(const struct segment_walk *walk, struct source *s, const char *name,
                              struct segment_summary *sum)
{
    struct frame_reader *reader = &walk->tools->reader;
    if (name_is_zstd(name))
        TRY(start_zstream(walk->tools, s));
    hash_start(&s->hash);
    reader->fill = fill;
    reader->context = s;
    reader->limits = s->limits;
    frame_reader_restart(reader);
    struct err e = walk->on_row ? walk_frames(walk, reader, sum) : walk_others(walk, reader, sum);
    hash_finish(&s->hash, sum->sha256);
    sum->bytes_raw = s->raw;
    return err_is(&e) ? e : check_unchanged(s);
}

struct err segment_walk(const struct segment_walk *walk, int folder, const char *name,
                        struct segment_summary *summary)
{
    struct source s = {.fd = -1, .limits = walk->limits, .stop = walk->stop};
    *summary = (struct segment_summary){.ts_min_us = INT64_MAX, .ts_max_us = INT64_MIN};
    struct err e = open_file(&s, folder, name);
    if (s.fd >= 0)
        summary->bytes = (uint64_t)s.before.st_size;
    if (!err_is(&e))
        e = walk_source(walk, &s, name, summary);
    if (s.fd >= 0)
        (void)close(s.fd);
    return e;
}

void segment_tools_close(struct segment_tools *t)
{
    frame_reader_free(&t->reader);
    if (t->zstream_is_open)
        zstream_close(&t->zstream);
    *t = (struct segment_tools){0};
}
