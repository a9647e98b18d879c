/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "spool/claim.h"
#include "spool/name.h"
#include "spool/scan.h"

#define STAGING ".failed" /* processing/BATCH/.failed (spool.h) */

/* ---- what a batch's folder holds ---- */

struct counting {
    struct batch_contents *contents;
    bool rejects_are_ours; /* else rejects.msgpack is a segment that somebody named so */
};

static bool is_note(const char *name)
{
    static const char suffix[] = ".reason.json";
    size_t len = strlen(name);
    return name[0] == '.' ||
           (len >= sizeof suffix && strcmp(name + len - (sizeof suffix - 1), suffix) == 0);
}

static struct err count_entry(void *context, int folder, const char *name)
{
    const struct counting *c = context;
    (void)folder;
    if (c->rejects_are_ours && strcmp(name, CLAIM_REJECTS) == 0)
        c->contents->has_rejects = true;
    else if (name_kind(name) == NAME_SEGMENT)
        c->contents->segments++;
    else if (!is_note(name))
        c->contents->others++;
    return ERR_OK;
}

static struct err count_folder(int parent, const char *name, struct counting *c, int *folder)
{
    *folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (*folder >= 0)
        return scan_folder(*folder, count_entry, c);
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        return ERR_OK;
    return err_system(ERR_SPOOL, errno, "can't open the folder %.80s of a batch", name);
}

static void close_folder(int folder)
{
    if (folder >= 0)
        (void)close(folder);
}

struct err claim_contents(const struct spool *s, const char *batch, struct batch_contents *contents)
{
    int folder;
    int staging = -1;
    struct counting in_claim = {.contents = contents};
    struct counting staged = {.contents = contents, .rejects_are_ours = true};
    *contents = (struct batch_contents){0};
    struct err e = count_folder(s->processing, batch, &in_claim, &folder);
    contents->exists = folder >= 0;
    if (!err_is(&e) && folder >= 0)
        e = count_folder(folder, STAGING, &staged, &staging);
    close_folder(staging);
    close_folder(folder);
    return e;
}

struct err failed_contents(const struct spool *s, const char *name, struct batch_contents *contents)
{
    int folder;
    struct counting c = {.contents = contents, .rejects_are_ours = true};
    *contents = (struct batch_contents){0};
    struct err e = count_folder(s->failed, name, &c, &folder);
    contents->exists = folder >= 0;
    close_folder(folder);
    return e;
}

/* ---- files that nobody finishes ---- */

struct old_files {
    const char *below; /* "tmp" or "incoming/GATE" */
    bool only_hidden;
    int64_t now_us;
    uint64_t count;
    int64_t oldest_us;
    char oldest[SPOOL_GATE + NAME_BYTES + 16];
};

static struct err visit_old(void *context, int folder, const char *name)
{
    struct old_files *o = context;
    struct stat st;
    if ((o->only_hidden && name_kind(name) != NAME_HIDDEN) ||
        fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode) ||
        st.st_size == 0) /* as .gitkeep: nothing to finish */
        return ERR_OK;
    int64_t changed_us = scan_modified_time(&st);
    if (changed_us > o->now_us - DOCTOR_OLD_US)
        return ERR_OK;
    if (o->count++ == 0 || changed_us < o->oldest_us) {
        o->oldest_us = changed_us;
        (void)snprintf(o->oldest, sizeof o->oldest, "%s/%s", o->below, name);
    }
    return ERR_OK;
}

static void report_old(struct doctor *d, enum finding_code code, const struct old_files *o)
{
    char since[TIME_TEXT];
    if (o->count == 0)
        return;
    findings_add(
        &d->findings, code, NULL, o->oldest,
        "finish them with a rename into incoming/, or remove them: they are their writer's",
        "%" PRIu64 " such file%s below %s/; this is the oldest, unchanged since %s", o->count,
        o->count == 1 ? "" : "s", o->below, time_format(o->oldest_us, since));
}

static struct err check_tmp(struct doctor *d)
{
    struct old_files o = {.below = "tmp", .now_us = d->now_us};
    TRY(scan_folder(d->spool->tmp, visit_old, &o));
    report_old(d, FINDING_TMP_OLD, &o);
    return ERR_OK;
}

/* ---- incoming/ ---- */

static void note_odd(void *context, const char *where, const char *reason)
{
    struct doctor *d = context;
    findings_add(
        &d->findings, FINDING_UNCLAIMABLE, NULL, where,
        "make it a readable regular file NAME.msgpack or NAME.msgpack.zst, or move it away", "%s",
        reason);
}

static struct err check_gate(struct doctor *d, const char *gate)
{
    char below[SPOOL_GATE + 16] = "incoming";
    struct scan_rules rules = {.now_us = d->now_us, .odd = note_odd, .context = d};
    struct scan_result found;
    int folder;
    if (strcmp(gate, SPOOL_DEFAULT_GATE) != 0)
        (void)snprintf(below, sizeof below, "incoming/%s", gate);
    TRY(scan_gate(d->spool, gate, &rules, &found));
    d->checked.waiting += found.count;
    while (found.more) {
        TRY(scan_continue(d->spool, gate, &rules, &found));
        d->checked.waiting += found.count;
    }
    d->checked.waiting += found.unsettled;
    scan_free(&found);
    struct old_files o = {.below = below, .only_hidden = true, .now_us = d->now_us};
    TRY(spool_open_gate(d->spool, gate, false, &folder));
    struct err e = scan_folder(folder, visit_old, &o);
    (void)close(folder);
    report_old(d, FINDING_PARTIAL_OLD, &o);
    return e;
}

static struct err check_incoming(struct doctor *d)
{
    struct scan_rules rules = {.now_us = d->now_us, .odd = note_odd, .context = d};
    char **folders = NULL;
    size_t count = 0;
    struct err e = check_gate(d, SPOOL_DEFAULT_GATE);
    struct err listed = scan_gate_folders(d->spool, &rules, &folders, &count);
    if (!err_is(&e))
        e = listed;
    for (size_t i = 0; i < count; i++) {
        struct err gate = check_gate(d, folders[i]);
        if (!err_is(&e))
            e = gate;
        free(folders[i]);
    }
    free(folders);
    return e;
}

/* ---- names that no batch has ---- */

struct names {
    struct doctor *doctor;
    const char *below;
    uint64_t batches;
};

static struct err visit_name(void *context, int folder, const char *name)
{
    struct names *n = context;
    char where[NAME_BYTES + 16];
    struct stat st;
    struct uuid id;
    if (name[0] == '.' || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return ERR_OK;
    if (name_is_batch(name, &id) && S_ISDIR(st.st_mode)) {
        n->batches++;
        return ERR_OK;
    }
    (void)snprintf(where, sizeof where, "%s/%s", n->below, name);
    findings_add(&n->doctor->findings, FINDING_FOREIGN_ENTRY, NULL, where,
                 "move it to incoming/ if it is a segment, else out of the spool",
                 "not a batch's folder: no run will ever look at it");
    return ERR_OK;
}

static struct err check_names(struct doctor *d)
{
    struct names processing = {.doctor = d, .below = "processing"};
    struct names failed = {.doctor = d, .below = "failed"};
    TRY(scan_folder(d->spool->processing, visit_name, &processing));
    TRY(scan_folder(d->spool->failed, visit_name, &failed));
    d->checked.processing = processing.batches;
    d->checked.failed = failed.batches;
    return ERR_OK;
}

struct err spool_checks(struct doctor *d)
{
    struct err (*const checks[])(struct doctor *) = {check_tmp, check_incoming, check_names};
    struct err first = ERR_OK;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct err e = checks[i](d);
        if (!err_is(&first))
            first = e;
    }
    return first;
}
