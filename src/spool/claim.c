/* SPDX-License-Identifier: MIT */
#include "spool/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/name.h"
#include "spool/retired.h"

#define NOTE    ".claim.json"
#define STAGING ".failed"

enum { NAMES_TRIED = 10000 }; /* numbered names before we call it hopeless */

static struct err failure(const struct claim *c, const char *doing)
{
    return err_system(ERR_SPOOL, errno, "batch %s: can't %s", c->batch, doing);
}

static void start(struct claim *c, const struct uuid *id)
{
    *c = (struct claim){.id = *id, .folder = -1};
    (void)uuid_format(id, c->batch);
}

/* Moves under the name `to` or, where it is taken, the first free numbered one; `name` says which.
 */
static struct err move_as(int from_dir, const char *from, int to_dir, const char *to,
                          char name[NAME_BYTES])
{
    bool taken;
    (void)snprintf(name, NAME_BYTES, "%s", to);
    struct err e = durable_move(from_dir, from, to_dir, to, &taken);
    for (unsigned n = 1; err_is(&e) && taken && n < NAMES_TRIED; n++) {
        name_numbered(to, n, name);
        e = durable_move(from_dir, from, to_dir, name, &taken);
    }
    return e;
}

struct err claim_move_beside(int from_dir, const char *from, int to_dir, const char *to)
{
    char used[NAME_BYTES];
    return move_as(from_dir, from, to_dir, to, used);
}

struct err claim_move_back(int from_dir, const char *from, int incoming, const char *to,
                           const char *batch)
{
    bool taken;
    struct err e = durable_move(from_dir, from, incoming, to, &taken);
    for (unsigned n = 0; err_is(&e) && taken && n < NAMES_TRIED; n++) {
        char name[NAME_BYTES];
        name_of_return(to, batch, n, name);
        e = durable_move(from_dir, from, incoming, name, &taken);
    }
    return e;
}

/* Synced before the first rename: it tells recovery which gate the files came from. Those of the
 * default gate have none, which saves two syncs. */
static struct err write_note(const struct claim *c)
{
    struct buf text = {0};
    if (strcmp(c->gate, SPOOL_DEFAULT_GATE) == 0)
        return ERR_OK;
    struct jsonw j = {.out = &text};
    jsonw_object(&j);
    jsonw_key(&j, "gate");
    jsonw_str(&j, c->gate);
    jsonw_end(&j);
    buf_byte(&text, '\n');
    struct err e = durable_replace(c->folder, NOTE, text.data, text.len);
    buf_free(&text);
    return e;
}

static struct err make_folder(const struct spool *s, struct claim *c)
{
    if (durable_make_folder(s->processing, c->batch) != 0)
        return failure(c, "create its folder in processing/");
    c->folder = openat(s->processing, c->batch, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return c->folder < 0 ? failure(c, "open its folder") : ERR_OK;
}

static void add_file(struct claim *c, const char *name, uint64_t bytes, int64_t modified_us)
{
    struct claim_file *file = MEM_PUSH(c->files, c->count, c->cap);
    *file =
        (struct claim_file){.name = mem_strdup(name), .bytes = bytes, .modified_us = modified_us};
}

/* The list may be minutes old. A file that changed since may be somebody's work in progress: the
 * next scan judges it anew. One that is gone is its producer's affair. *moved: it is ours. */
static struct err move_file(struct claim *c, int incoming, const struct scan_file *file,
                            bool *moved)
{
    struct stat st;
    *moved = false;
    if (fstatat(incoming, file->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? ERR_OK : failure(c, "look at a waiting file");
    if (scan_change_time(&st) != file->arrived_us || (uint64_t)st.st_size != file->bytes)
        return ERR_OK;
    struct err e = durable_move(incoming, file->name, c->folder, file->name, NULL);
    *moved = !err_is(&e);
    if (err_is(&e) && faccessat(incoming, file->name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return ERR_OK;
    return e;
}

/* When none can be moved, that is a failure: the next look would find the same files, and come to
 * the same end. */
static struct err move_files(struct claim *c, int incoming, bool in_order,
                             const struct scan_file *files, size_t count)
{
    struct err first = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        bool moved;
        struct err e = move_file(c, incoming, &files[i], &moved);
        if (moved)
            add_file(c, files[i].name, files[i].bytes, files[i].modified_us);
        if (err_is(&e) && !err_is(&first))
            first = e;
        if (in_order && !moved &&
            faccessat(incoming, files[i].name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            break;
    }
    if (err_is(&first) && c->count > 0)
        LOG_WARN("segment can't be claimed; it stays in incoming", LOG_STR("gate", c->gate),
                 LOG_STR("error", first.text));
    return c->count > 0 ? ERR_OK : first;
}

/* A draft of the note that a crash left behind. */
static struct err remove_draft(void *context, int folder, const char *name)
{
    size_t len = strlen(name);
    (void)context;
    if (name[0] == '.' && len > 4 && strcmp(name + len - 4, ".tmp") == 0)
        (void)unlinkat(folder, name, 0);
    return ERR_OK;
}

/* *kept: something that isn't ours keeps the folder from going. */
static struct err remove_folder(const struct spool *s, const struct claim *c, bool *kept)
{
    struct err ignored = scan_folder(c->folder, remove_draft, NULL);
    (void)ignored;
    (void)unlinkat(c->folder, NOTE, 0);
    int r = unlinkat(s->processing, c->batch, AT_REMOVEDIR);
    *kept = r != 0 && (errno == ENOTEMPTY || errno == EEXIST);
    return r == 0 || *kept ? ERR_OK : failure(c, "remove its empty folder");
}

static struct err make(const struct spool *s, const struct uuid *id, const char *gate,
                       const char *reason, bool in_order, const struct scan_file *files,
                       size_t count, struct claim *c)
{
    int incoming = -1;
    start(c, id);
    (void)snprintf(c->gate, sizeof c->gate, "%s", gate);
    (void)snprintf(c->reason, sizeof c->reason, "%s", reason);
    c->opened_us = uuid_v7_ms(id) * TIME_US_PER_MS; /* when the gate decided */
    struct err e = spool_open_gate(s, gate, false, &incoming);
    if (!err_is(&e))
        e = make_folder(s, c);
    if (!err_is(&e))
        e = write_note(c);
    /* The folder must be there after a power cut before a segment may be in it, and a segment in it
     * before it may be gone from incoming/. */
    if (!err_is(&e))
        e = durable_sync(s->processing);
    if (!err_is(&e))
        e = move_files(c, incoming, in_order, files, count);
    if (!err_is(&e))
        e = durable_sync(c->folder);
    if (!err_is(&e))
        e = durable_sync(incoming);
    if (c->count == 0 && c->folder >= 0) { /* if it stays, it is found by the next scan */
        bool kept;
        struct err ignored = remove_folder(s, c, &kept);
        (void)ignored;
    }
    if (incoming >= 0)
        (void)close(incoming);
    if (err_is(&e))
        claim_free(c); /* what was moved is found by the next scan of processing/ */
    return e;
}

struct err claim_make(const struct spool *s, const struct uuid *id, const char *gate,
                      const char *reason, const struct scan_file *files, size_t count,
                      struct claim *c)
{
    return make(s, id, gate, reason, false, files, count, c);
}

struct err claim_make_in_order(const struct spool *s, const struct uuid *id, const char *gate,
                               const char *reason, const struct scan_file *files, size_t count,
                               struct claim *c)
{
    return make(s, id, gate, reason, true, files, count, c);
}

void claim_pretend(struct claim *c, const char *gate, int folder, const char *name)
{
    struct uuid id = uuid_new();
    start(c, &id);
    (void)snprintf(c->gate, sizeof c->gate, "%s", gate);
    c->opened_us = time_now();
    c->folder = folder;
    add_file(c, name, 0, 0);
}

void claim_without_folder(struct claim *c, const struct uuid *id, const char *gate)
{
    start(c, id);
    (void)snprintf(c->gate, sizeof c->gate, "%s", gate);
    c->opened_us = uuid_v7_ms(id) * TIME_US_PER_MS;
}

bool claim_exists(const struct spool *s, const struct uuid *id)
{
    char batch[UUID_TEXT];
    return faccessat(s->processing, uuid_format(id, batch), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool parse_note(struct claim *c, const char *text, size_t len)
{
    json_t *root = json_loadb(text, len, 0, NULL);
    const char *gate = json_string_value(json_object_get(root, "gate"));
    bool good = gate && name_is_gate(gate);
    if (good)
        (void)snprintf(c->gate, sizeof c->gate, "%s", gate);
    json_decref(root);
    return good;
}

/* *known: there is a note and it can be understood. Not being able to read it is the environment's
 * fault, and no reason to guess. */
static struct err read_note_file(struct claim *c, bool *known)
{
    char text[1024];
    ssize_t n;
    *known = false;
    int fd = openat(c->folder, NOTE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_OK : failure(c, "open " NOTE);
    do {
        n = read(fd, text, sizeof text);
    } while (n < 0 && errno == EINTR);
    struct err e = n < 0 ? failure(c, "read " NOTE) : ERR_OK;
    (void)close(fd);
    *known = n > 0 && parse_note(c, text, (size_t)n);
    return e;
}

/* Without a note that can be understood the files are the default gate's, as far as anyone can
 * tell.
 */
static struct err read_note(struct claim *c)
{
    bool known;
    TRY(read_note_file(c, &known));
    if (!known)
        (void)snprintf(c->gate, sizeof c->gate, "%s", SPOOL_DEFAULT_GATE);
    c->opened_us = uuid_v7_ms(&c->id) * TIME_US_PER_MS;
    return ERR_OK;
}

/* A staged segment goes back to its batch; notes about it are written anew by the next attempt. */
static struct err unstage(void *context, int staging, const char *name)
{
    const struct claim *c = context;
    if (name_kind(name) == NAME_SEGMENT && strcmp(name, CLAIM_REJECTS) != 0)
        return claim_move_beside(staging, name, c->folder, name);
    return unlinkat(staging, name, 0) == 0 ? ERR_OK : failure(c, "undo its staging");
}

static struct err undo_staging(struct claim *c)
{
    int staging = openat(c->folder, STAGING, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (staging < 0)
        return errno == ENOENT ? ERR_OK : failure(c, "open " STAGING);
    struct err e = scan_folder(staging, unstage, c);
    if (!err_is(&e))
        e = durable_sync(c->folder);
    if (!err_is(&e) && unlinkat(c->folder, STAGING, AT_REMOVEDIR) != 0)
        e = failure(c, "remove " STAGING);
    (void)close(staging);
    return e;
}

static struct err list_segment(void *context, int folder, const char *name)
{
    struct claim *c = context;
    struct stat st;
    if (name_kind(name) != NAME_SEGMENT)
        return ERR_OK;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return failure(c, "look at one of its segments");
    add_file(c, name, (uint64_t)st.st_size, scan_modified_time(&st));
    return ERR_OK;
}

/* As the scan of an ordered gate has them (scan.h). */
static int by_modification(const void *a, const void *b)
{
    const struct claim_file *x = a;
    const struct claim_file *y = b;
    if (x->modified_us != y->modified_us)
        return x->modified_us < y->modified_us ? -1 : 1;
    return strcmp(x->name, y->name);
}

static struct err open_claim(const struct spool *s, struct claim *c)
{
    c->folder = openat(s->processing, c->batch, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (c->folder < 0)
        return failure(c, "open its folder");
    return read_note(c);
}

struct err claim_list(struct claim *c)
{
    TRY(scan_folder(c->folder, list_segment, c));
    if (c->count > 0)
        qsort(c->files, c->count, sizeof *c->files, by_modification);
    return ERR_OK;
}

struct err claim_read(const struct spool *s, const struct uuid *id, struct claim *c)
{
    start(c, id);
    struct err e = open_claim(s, c);
    if (!err_is(&e))
        e = undo_staging(c);
    if (!err_is(&e))
        e = claim_list(c);
    if (err_is(&e))
        claim_free(c);
    return e;
}

struct err claim_read_committed(const struct spool *s, const struct uuid *id, struct claim *c)
{
    start(c, id);
    struct err e = open_claim(s, c);
    if (err_is(&e))
        claim_free(c);
    return e;
}

/* failed/ may have been removed, for room, since the spool was opened. */
static struct err move_to_failed(const struct spool *s, int from_dir, const char *from,
                                 const char *batch)
{
    int failed;
    TRY(durable_open_folder(s->root, "failed", &failed));
    struct err e = claim_move_beside(from_dir, from, failed, batch);
    if (!err_is(&e))
        e = durable_sync(failed);
    (void)close(failed);
    return e;
}

struct err claim_return(const struct spool *s, struct claim *c)
{
    int incoming;
    TRY(spool_open_gate(s, c->gate, true, &incoming));
    struct err e = ERR_OK;
    for (size_t i = 0; i < c->count && !err_is(&e); i++)
        e = claim_move_back(c->folder, c->files[i].name, incoming, c->files[i].name, c->batch);
    if (!err_is(&e))
        e = durable_sync(incoming);
    if (!err_is(&e))
        e = durable_sync(c->folder);
    /* What somebody else put there goes out of the way, so that no scan takes it for a batch again.
     */
    bool kept = false;
    if (!err_is(&e))
        e = remove_folder(s, c, &kept);
    if (!err_is(&e) && kept)
        e = move_to_failed(s, s->processing, c->batch, c->batch);
    (void)close(incoming);
    return e;
}

struct err claim_open_staging(const struct claim *c, int *fd)
{
    return durable_open_folder(c->folder, STAGING, fd);
}

struct err claim_stage_failed(const struct claim *c, const char *name, const char *reason_json)
{
    int staging;
    char staged[NAME_BYTES];
    char reason_name[NAME_BYTES];
    char used[NAME_BYTES];
    /* rejects.msgpack is our own file in there; a segment of that name makes way. */
    bool is_ours = strcmp(name, CLAIM_REJECTS) == 0;
    (void)snprintf(staged, sizeof staged, "%s", is_ours ? "rejects.segment.msgpack" : name);
    TRY(claim_open_staging(c, &staging));
    struct err e = move_as(c->folder, name, staging, staged, used);
    name_of_reason(used, reason_name);
    if (!err_is(&e))
        e = durable_replace(staging, reason_name, reason_json, strlen(reason_json));
    (void)close(staging);
    return e;
}

struct err claim_unstage_rejects(const struct claim *c)
{
    bool gone = unlinkat(c->folder, STAGING "/" CLAIM_REJECTS, 0) == 0 || errno == ENOENT;
    return gone ? ERR_OK : failure(c, "remove its staged rejects");
}

struct err claim_seal_staging(const struct claim *c)
{
    int staging;
    TRY(claim_open_staging(c, &staging));
    struct err e = durable_sync(staging);
    if (!err_is(&e))
        e = durable_sync(c->folder);
    (void)close(staging);
    return e;
}

void claim_archive_path(const struct uuid *id, char path[64 + UUID_TEXT])
{
    char batch[UUID_TEXT];
    struct time_date d = time_date_of_day(time_day(uuid_v7_ms(id) * TIME_US_PER_MS));
    (void)snprintf(path, 64 + UUID_TEXT, "archive/%04d/%02d/%02d/%s", d.year, d.month, d.day,
                   uuid_format(id, batch));
}

/* archive/YYYY/MM/DD, each level made where it is missing: archive/ itself may have been removed,
 * for room, since the spool was opened. */
static struct err open_archive_day(const struct spool *s, const struct claim *c, int *day)
{
    char path[64 + UUID_TEXT];
    char *rest = path;
    int folder = s->root;
    claim_archive_path(&c->id, path);
    for (int level = 0; level < 4; level++) {
        char *name = strsep(&rest, "/");
        int next = -1;
        struct err e = durable_open_folder(folder, name, &next);
        if (folder != s->root)
            (void)close(folder);
        if (err_is(&e))
            return e;
        folder = next;
    }
    *day = folder;
    return ERR_OK;
}

static struct err count_segment(void *context, int folder, const char *name)
{
    (void)folder;
    *(size_t *)context += name_kind(name) == NAME_SEGMENT;
    return ERR_OK;
}

static struct err retire_to_archive(const struct spool *s, const struct claim *c)
{
    int day;
    TRY(open_archive_day(s, c, &day));
    struct err e = claim_move_beside(s->processing, c->batch, day, c->batch);
    if (!err_is(&e))
        e = durable_sync(day);
    (void)close(day);
    return e;
}

struct err claim_retire(const struct spool *s, const struct claim *c)
{
    size_t segments = 0;
    bool has_failed = faccessat(c->folder, STAGING, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (!has_failed && errno != ENOENT)
        return failure(c, "look for " STAGING);
    if (has_failed)
        TRY(move_to_failed(s, c->folder, STAGING, c->batch));
    TRY(scan_folder(c->folder, count_segment, &segments));
    bool kept = segments > 0;
    if (!kept)
        TRY(remove_folder(s, c, &kept));
    if (kept)
        TRY(retire_to_archive(s, c));
    return durable_sync(s->processing);
}

struct err claim_gate_of(int parent, const char *batch, char gate[SPOOL_GATE])
{
    struct claim c = {.folder =
                          openat(parent, batch, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
    bool known = false;
    (void)snprintf(c.batch, sizeof c.batch, "%s", batch);
    struct err e = c.folder < 0 ? failure(&c, "open its folder") : read_note_file(&c, &known);
    (void)snprintf(gate, SPOOL_GATE, "%s", known ? c.gate : SPOOL_DEFAULT_GATE);
    claim_free(&c);
    return e;
}

void claim_remove_folder(int parent, const char *batch)
{
    char note[RETIRED_PATH + sizeof NOTE];
    if (unlinkat(parent, batch, AT_REMOVEDIR) == 0)
        return;
    (void)snprintf(note, sizeof note, "%s/" NOTE, batch);
    (void)unlinkat(parent, note, 0);
    (void)unlinkat(parent, batch, AT_REMOVEDIR);
}

void claim_free(struct claim *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->files[i].name);
    free(c->files);
    if (c->folder >= 0)
        (void)close(c->folder);
    *c = (struct claim){.folder = -1};
}
