/* SPDX-License-Identifier: MIT */
#include "spool/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pulse.h"
#include "base/time.h"
#include "spool/name.h"

typedef struct err visit_fn(void *context, int folder, const char *name);

static struct err cannot_list(void)
{
    return err_system(ERR_SPOOL, errno, "can't list a spool folder");
}

/* A descriptor of its own: the stream closes it, and keeps a position in it. NULL: see errno. */
static DIR *open_stream(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream && fd >= 0) {
        int number = errno;
        (void)close(fd);
        errno = number;
    }
    return stream;
}

/* Visits up to `most` entries; *ended: there are no more. */
static struct err visit_entries(DIR *stream, size_t most, visit_fn *visit, void *context,
                                bool *ended)
{
    int folder = dirfd(stream);
    for (size_t i = 0; i < most; i++) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        *ended = !entry;
        pulse_beat();
        if (!entry)
            return errno == 0 ? ERR_OK : cannot_list();
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            TRY(visit(context, folder, entry->d_name));
    }
    return ERR_OK;
}

struct err scan_folder(int folder, visit_fn *visit, void *context)
{
    bool ended;
    DIR *stream = open_stream(folder);
    if (!stream)
        return cannot_list();
    struct err e = visit_entries(stream, SIZE_MAX, visit, context, &ended);
    (void)closedir(stream);
    return e;
}

struct visit {
    const struct spool *spool;
    const char *gate;
    const struct scan_rules *rules;
    struct scan_result *found; /* NULL where folders of gates are looked for */
    char **names;              /* of those */
    size_t name_count, name_cap;
};

static void report_odd(const struct visit *v, const char *name, const char *reason)
{
    char where[SPOOL_GATE + NAME_BYTES + 16];
    char folder[SPOOL_GATE];
    if (v->found)
        v->found->unclaimable++;
    if (!v->rules->odd)
        return;
    spool_gate_folder(v->spool, v->gate, folder);
    (void)snprintf(where, sizeof where, "incoming/%s%s%s", folder, *folder ? "/" : "", name);
    v->rules->odd(v->rules->context, where, reason);
}

/* access(2) asks for the effective user, root's powers included. Where everybody may read,
 * whichever of the three bits is ours, the mode saves the call; the last bit alone says nothing to
 * the owner and the group. */
static bool can_read(int folder, const char *name, const struct stat *st)
{
    const mode_t all = S_IRUSR | S_IRGRP | S_IROTH;
    return (st->st_mode & all) == all || faccessat(folder, name, R_OK, AT_EACCESS) == 0;
}

static struct err visit_waiting(void *context, int folder, const char *name)
{
    struct visit *v = context;
    struct stat st;
    if (name_kind(name) == NAME_HIDDEN)
        return ERR_OK;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? ERR_OK : err_system(ERR_SPOOL, errno, "can't stat a waiting file");
    if (S_ISDIR(st.st_mode)) {
        if (strcmp(v->gate, SPOOL_DEFAULT_GATE) != 0)
            report_odd(v, name, "a folder inside a gate's folder");
        else if (name_kind(name) == NAME_SEGMENT)
            report_odd(v, name, "a folder whose name can't be a gate's (a-z, 0-9, _ and -)");
        return ERR_OK; /* scan_gate_folders judges the others of incoming/ */
    }
    if (!S_ISREG(st.st_mode)) {
        report_odd(v, name,
                   S_ISLNK(st.st_mode) ? "a symbolic link; only regular files are claimed"
                                       : "not a regular file");
        return ERR_OK;
    }
    if (name_kind(name) == NAME_FOREIGN) {
        report_odd(v, name, "the name ends in neither .msgpack nor .msgpack.zst");
        return ERR_OK;
    }
    if (st.st_dev != v->spool->device) {
        report_odd(v, name, "on another file system than the spool");
        return ERR_OK;
    }
    if (!can_read(folder, name, &st)) {
        report_odd(v, name,
                   "not readable by the daemon: chmod it g+r and give it the daemon's group");
        return ERR_OK;
    }
    struct scan_file *file = MEM_PUSH(v->found->files, v->found->count, v->found->cap);
    *file = (struct scan_file){.name = mem_strdup(name),
                               .bytes = (uint64_t)st.st_size,
                               .arrived_us = scan_change_time(&st),
                               .modified_us = scan_modified_time(&st)};
    return ERR_OK;
}

/* Where the order matters, what is newer than a file that isn't settled waits for it. */
static void keep_before(int64_t modified_us, struct scan_result *found)
{
    size_t kept = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct scan_file *file = &found->files[i];
        if (file->modified_us <= modified_us) {
            found->files[kept++] = *file;
        } else {
            found->unsettled++;
            free(file->name);
        }
    }
    found->count = kept;
}

/* Takes files that somebody may still be writing off the list. */
static void keep_settled(const char *gate, const struct scan_rules *rules, int64_t took_us,
                         struct scan_result *found)
{
    size_t kept = 0;
    int64_t oldest_us = INT64_MAX; /* mtime, of those that are taken off */
    if (rules->listed)
        rules->listed(rules->context);
    for (size_t i = 0; i < found->count; i++) {
        const struct scan_file *file = &found->files[i];
        int64_t age = rules->now_us - file->arrived_us;
        /* A change in the future was made before the clock was set back: no telling when. */
        bool quiet = age >= SCAN_SETTLE_US || -age >= SCAN_SETTLE_US + took_us;
        if (quiet || (rules->is_settled && rules->is_settled(rules->context, gate, file->name))) {
            found->files[kept++] = *file;
            continue;
        }
        if (file->arrived_us + SCAN_SETTLE_US < found->settles_at_us)
            found->settles_at_us = file->arrived_us + SCAN_SETTLE_US;
        if (file->modified_us < oldest_us)
            oldest_us = file->modified_us;
        found->unsettled++;
        free(file->name);
    }
    found->count = kept;
    if (rules->is_ordered)
        keep_before(oldest_us, found);
}

static int by_arrival(const void *a, const void *b)
{
    const struct scan_file *x = a;
    const struct scan_file *y = b;
    if (x->arrived_us != y->arrived_us)
        return x->arrived_us < y->arrived_us ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_modification(const void *a, const void *b)
{
    const struct scan_file *x = a;
    const struct scan_file *y = b;
    if (x->modified_us != y->modified_us)
        return x->modified_us < y->modified_us ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void free_files(struct scan_result *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->files[i].name);
    found->count = 0;
}

static void end_pass(struct scan_result *found)
{
    if (found->stream)
        (void)closedir(found->stream);
    found->stream = NULL;
    found->more = false;
}

void scan_free(struct scan_result *found)
{
    end_pass(found);
    free_files(found);
    free(found->files);
    *found = (struct scan_result){.settles_at_us = INT64_MAX};
}

struct err scan_continue(const struct spool *s, const char *gate, const struct scan_rules *rules,
                         struct scan_result *found)
{
    struct visit v = {.spool = s, .gate = gate, .rules = rules, .found = found};
    size_t most = rules->is_ordered  ? SIZE_MAX
                  : rules->max_files ? rules->max_files
                                     : SCAN_FILES_MAX;
    bool ended = false;
    int64_t start_us = time_monotonic();
    free_files(found);
    struct err e = visit_entries(found->stream, most, visit_waiting, &v, &ended);
    found->more = !ended;
    if (ended || err_is(&e))
        end_pass(found);
    if (err_is(&e)) {
        free_files(found);
        return e;
    }
    keep_settled(gate, rules, time_monotonic() - start_us, found);
    if (found->count > 0)
        qsort(found->files, found->count, sizeof *found->files,
              rules->is_ordered ? by_modification : by_arrival);
    return ERR_OK;
}

struct err scan_gate(const struct spool *s, const char *gate, const struct scan_rules *rules,
                     struct scan_result *found)
{
    int folder;
    *found = (struct scan_result){.settles_at_us = INT64_MAX};
    TRY(spool_open_gate(s, gate, false, &folder));
    DIR *stream = open_stream(folder);
    struct err e = stream ? ERR_OK : cannot_list();
    (void)close(folder);
    if (!stream)
        return e;
    found->stream = stream;
    return scan_continue(s, gate, rules, found);
}

static struct err visit_gate_folder(void *context, int folder, const char *name)
{
    struct visit *v = context;
    struct stat st;
    /* Most entries are segments, which scan_gate looks at. */
    if (name_kind(name) != NAME_FOREIGN || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(st.st_mode))
        return ERR_OK;
    if (!name_is_gate(name)) {
        report_odd(v, name, "a folder whose name can't be a gate's (a-z, 0-9, _ and -)");
        return ERR_OK;
    }
    if (strcmp(name, SPOOL_DEFAULT_GATE) == 0) {
        report_odd(v, name, "the gate `default` watches incoming/ itself");
        return ERR_OK;
    }
    if (st.st_dev != v->spool->device) {
        report_odd(v, name, "on another file system than the spool");
        return ERR_OK;
    }
    /* A producer's mkdir under a umask of 077. */
    if (faccessat(folder, name, R_OK | X_OK, AT_EACCESS) != 0) {
        report_odd(v, name,
                   "a folder that the daemon can't list: chmod it g+rwx and give it the daemon's "
                   "group");
        return ERR_OK;
    }
    char gate[SPOOL_GATE];
    (void)snprintf(gate, sizeof gate, "%s", name);
    if (v->spool->names.gate_of)
        v->spool->names.gate_of(v->spool->names.context, name, gate);
    if (!*gate) {
        report_odd(v, name, "the gate of this name is declared to watch another folder");
        return ERR_OK;
    }
    *MEM_PUSH(v->names, v->name_count, v->name_cap) = mem_strdup(gate);
    return ERR_OK;
}

struct err scan_gate_folders(const struct spool *s, const struct scan_rules *rules, char ***names,
                             size_t *count)
{
    struct visit v = {.spool = s, .gate = SPOOL_DEFAULT_GATE, .rules = rules};
    struct err e = scan_folder(s->incoming, visit_gate_folder, &v);
    *names = v.names;
    *count = v.name_count;
    return e;
}

struct batches {
    struct uuid *ids;
    size_t count, cap;
};

static struct err visit_batch(void *context, int folder, const char *name)
{
    struct batches *b = context;
    struct uuid id;
    struct stat st;
    if (name_is_batch(name, &id) && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(st.st_mode))
        *MEM_PUSH(b->ids, b->count, b->cap) = id;
    return ERR_OK;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

struct err scan_batches(int folder, struct uuid **ids, size_t *count)
{
    struct batches b = {0};
    *ids = NULL;
    *count = 0;
    struct err e = scan_folder(folder, visit_batch, &b);
    if (err_is(&e)) {
        free(b.ids);
        return e;
    }
    if (b.count > 0)
        qsort(b.ids, b.count, sizeof *b.ids, by_id);
    *ids = b.ids;
    *count = b.count;
    return ERR_OK;
}
