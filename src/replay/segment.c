/* SPDX-License-Identifier: MIT */
#include "replay/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "frame/zstream.h"
#include "spool/name.h"

struct source {
    int fd;
    struct stat before;
    bool is_zstd;
    struct zstream zstream;
    struct hash hash;
    uint64_t raw;
    const struct frame_limits *limits;
};

static struct err read_file(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    ssize_t n;
    do {
        n = read(s->fd, room, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_system(ERR_SPOOL, errno, "can't read the segment");
    *got = (size_t)n;
    return ERR_OK;
}

static struct err fill(void *context, uint8_t *room, size_t size, size_t *got)
{
    struct source *s = context;
    char text[STR_HUMAN];
    if (s->is_zstd)
        TRY(zstream_fill(&s->zstream, room, size, got));
    else
        TRY(read_file(s, room, size, got));
    hash_update(&s->hash, room, *got);
    s->raw += *got;
    if (s->raw > s->limits->raw_bytes)
        return err_make(ERR_SEGMENT, "larger than limits.raw (%s)",
                        str_size(s->limits->raw_bytes, text));
    return ERR_OK;
}

/* O_NONBLOCK: a FIFO in disguise must not make us wait; regular files don't care. */
static struct err open_file(struct source *s, int folder, const char *name)
{
    char text[STR_HUMAN];
    s->fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0 && (errno == ELOOP || errno == ENXIO))
        return err_make(ERR_SEGMENT, "not a regular file");
    if (s->fd < 0 || fstat(s->fd, &s->before) != 0)
        return err_system(ERR_SPOOL, errno, "can't open the segment");
    if (!S_ISREG(s->before.st_mode))
        return err_make(ERR_SEGMENT, "not a regular file");
    if (s->before.st_size == 0)
        return err_make(ERR_SEGMENT,
                        "empty file (0 bytes): its content was never written, or lost");
    if ((uint64_t)s->before.st_size > s->limits->segment_bytes)
        return err_make(ERR_SEGMENT, "%s is larger than limits.segment",
                        str_size((uint64_t)s->before.st_size, text));
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
    if (row->time_us < sum->ts_min_us)
        sum->ts_min_us = row->time_us;
    if (row->time_us > sum->ts_max_us)
        sum->ts_max_us = row->time_us;
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
        } else {
            sum->rejected++;
            if (!walk->on_reject(walk->context, &frame, &reject, &e))
                return e;
        }
    }
    sum->frames = reader->frames;
    sum->sealed = reader->sealed;
    return e;
}

static struct err walk_source(const struct segment_walk *walk, struct source *s, const char *name,
                              struct segment_summary *sum)
{
    s->is_zstd = name_is_zstd(name);
    if (s->is_zstd) {
        s->zstream = (struct zstream){.fill = read_file, .context = s};
        struct err e = zstream_open(&s->zstream, s->limits);
        if (err_is(&e)) {
            zstream_close(&s->zstream);
            return e;
        }
    }
    hash_start(&s->hash);
    struct frame_reader reader = {.fill = fill, .context = s, .limits = s->limits};
    struct err e = walk_frames(walk, &reader, sum);
    frame_reader_free(&reader);
    hash_finish(&s->hash, sum->sha256);
    if (s->is_zstd)
        zstream_close(&s->zstream);
    sum->bytes_raw = s->raw;
    if (!err_is(&e))
        e = check_unchanged(s);
    return e;
}

struct err segment_walk(const struct segment_walk *walk, int folder, const char *name,
                        struct segment_summary *summary)
{
    struct source s = {.fd = -1, .limits = walk->limits};
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
