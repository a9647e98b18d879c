/* SPDX-License-Identifier: MIT */
#include "index/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "spool/name.h"
#include "spool/scan.h"
#include "spool/seal.h"

#define CUT_AT ((size_t)32 << 20)

void writer_open(struct writer *w, const char *about)
{
    char hex[HASH_HEX];
    hash_bytes_hex(about, strlen(about), hex);
    (void)snprintf(w->prefix, sizeof w->prefix, "index-%.12s-", hex);
}

/* ---- what the last run has sent ---- */

struct search {
    const char *prefix;
    char found[NAME_BYTES];
    char folder[NAME_BYTES]; /* where it was, below the folder that is searched */
};

static struct err visit_segment(void *context, int folder, const char *name)
{
    struct search *s = context;
    (void)folder;
    if (strncmp(name, s->prefix, strlen(s->prefix)) == 0)
        (void)snprintf(s->found, sizeof s->found, "%s", name);
    return ERR_OK;
}

static struct err visit_folder(void *context, int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) /* a file, or retired since it was listed */
        return ERR_OK;
    struct search *s = context;
    bool was_found = *s->found;
    struct err e = scan_folder(fd, visit_segment, s);
    if (*s->found && !was_found)
        (void)snprintf(s->folder, sizeof s->folder, "%s", name);
    (void)close(fd);
    return e;
}

/* Retried later, it would bring back what is older than what we send now. */
static struct err check_failed(const struct writer *w)
{
    struct search s = {.prefix = w->prefix};
    TRY(scan_folder(w->spool->failed, visit_folder, &s));
    if (!*s.found)
        return ERR_OK;
    return err_make(ERR_BUSY,
                    "%s, which an earlier run sent, failed: `spoolgate retry %s` offers it again, "
                    "or remove it from failed/%s and send everything with --all",
                    s.found, s.folder, s.folder);
}

/* incoming/ first: what is claimed meanwhile is found in processing/ then. */
struct err writer_check_earlier(const struct writer *w)
{
    struct search s = {.prefix = w->prefix};
    TRY(scan_folder(w->spool->incoming, visit_segment, &s));
    TRY(scan_folder(w->spool->incoming, visit_folder, &s));
    TRY(scan_folder(w->spool->processing, visit_folder, &s));
    if (!*s.found)
        return check_failed(w);
    return err_make(ERR_BUSY,
                    "%s, which the last run sent, isn't loaded yet, and what comes after it must "
                    "not overtake it: try again when it is; `spoolgate drain --force` loads it now",
                    s.found);
}

/* ---- segments ---- */

static struct err fill_seal(const struct writer *w, struct seal *s, bool zstd)
{
    TRY(seal_open(s, w->spool, zstd));
    struct uuid id = uuid_new(); /* files may become again what they were */
    (void)uuid_format(&id, s->id);
    for (size_t i = 0; i < w->end_count; i++) {
        size_t from = i > 0 ? w->ends[i - 1] : 0;
        TRY(seal_frame(s, w->pending.data + from, w->ends[i] - from));
    }
    return seal_end(s);
}

/* A file of one and the same letter shrinks so much that the loader would take it for a bomb. The
 * loader looks at what it has read in blocks of 128 KiB, so the whole segment's rate is what
 * counts.
 */
static bool shrinks_too_much(const struct writer *w, const struct seal *s)
{
    return s->raw_bytes / s->file_bytes >= (w->limits->expansion + 1) / 2;
}

static struct err publish(struct writer *w, struct seal *s, bool zstd)
{
    char id[UUID_TEXT];
    char name[NAME_BYTES];
    char folder[SPOOL_GATE];
    struct buf path = {0};
    struct uuid unique = uuid_new();
    if (w->before && w->segment_count == 0)
        TRY(w->before(w->context));
    (void)snprintf(name, sizeof name, "%s%s.msgpack%s", w->prefix, uuid_format(&unique, id),
                   zstd ? ".zst" : "");
    TRY(seal_publish(s, w->spool, w->gate, name));
    spool_gate_folder(w->spool, w->gate, folder);
    buf_printf(&path, "incoming/%s%s%s", folder, *folder ? "/" : "", name);
    *MEM_PUSH(w->segments, w->segment_count, w->segment_cap) = buf_take(&path);
    return ERR_OK;
}

static struct err write_segment(struct writer *w, bool zstd, bool *is_written)
{
    struct seal s = {.file = {.fd = -1}};
    struct err e = fill_seal(w, &s, zstd);
    *is_written = !err_is(&e) && !(zstd && shrinks_too_much(w, &s));
    if (*is_written)
        e = publish(w, &s, zstd);
    seal_close(&s);
    return e;
}

static struct err flush(struct writer *w)
{
    bool is_written = w->is_dry || w->end_count == 0;
    if (!is_written)
        TRY(write_segment(w, true, &is_written));
    if (!is_written)
        TRY(write_segment(w, false, &is_written));
    buf_clear(&w->pending);
    w->end_count = 0;
    return ERR_OK;
}

struct err writer_put(struct writer *w, const void *frame, size_t len)
{
    size_t most = w->limits->raw_bytes / 2 < CUT_AT ? w->limits->raw_bytes / 2 : CUT_AT;
    if (w->pending.len + len > most)
        TRY(flush(w));
    buf_put(&w->pending, frame, len);
    *MEM_PUSH(w->ends, w->end_count, w->end_cap) = w->pending.len;
    w->frames++;
    w->bytes += len;
    return ERR_OK;
}

struct err writer_end(struct writer *w)
{
    return flush(w);
}

void writer_close(struct writer *w)
{
    for (size_t i = 0; i < w->segment_count; i++)
        free(w->segments[i]);
    free(w->segments);
    free(w->ends);
    buf_free(&w->pending);
}
