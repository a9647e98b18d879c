/* SPDX-License-Identifier: MIT */
/*
 * claim: a batch's life on disk, from incoming/ to archive/ and failed/.
 *
 *     struct claim c;
 *     TRY(claim_make(&spool, &id, "default", "count 100 reached", files, n, &c));  // or
 * claim_read()
 *     ... receipt, load ...
 *     TRY(claim_stage_failed(&c, name, reason_json));  // before the COMMIT, for each bad segment
 *     TRY(claim_stage_rejects(&c, bytes...));
 *     COMMIT
 *     TRY(claim_retire(&spool, &c));                   // two folder renames
 *     claim_free(&c);
 *
 * Staging is what makes the end of a batch two renames: before the COMMIT everything that will go
 * to failed/ is gathered in processing/BATCH/.failed, where nobody looks and where the next attempt
 * starts by undoing it (claim_read). After the COMMIT .failed becomes failed/BATCH and the rest
 * becomes archive/YYYY/MM/DD/BATCH.
 */
#ifndef SPOOLGATE_SPOOL_CLAIM_H
#define SPOOLGATE_SPOOL_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/uuid.h"
#include "io/durable.h"
#include "spool/scan.h"
#include "spool/spool.h"

#define CLAIM_REASON  128
#define CLAIM_REJECTS "rejects.msgpack"

struct claim_file {
    char *name;
    uint64_t bytes;
    int64_t modified_us; /* mtime */
};

struct claim {
    struct uuid id;
    char batch[UUID_TEXT]; /* id as text, and the folder's name */
    char gate[SPOOL_GATE];
    char reason[CLAIM_REASON]; /* why the gate opened; "" of a claim that was read from disk */
    int64_t opened_us;
    struct claim_file
        *files; /* in the order in which they are loaded: that of the claim, or by mtime and name */
    size_t count, cap;
    int folder; /* processing/BATCH */
};

/*
 * Moves the files to processing/BATCH. A file that vanished or changed since it was listed, or
 * can't be renamed, is left out; the claim may end up with no files at all, and is then gone from
 * disk. Both folders are synced on return.
 */
struct err claim_make(const struct spool *s, const struct uuid *id, const char *gate,
                      const char *reason, const struct scan_file *files, size_t count,
                      struct claim *c);
/* The same where the order matters: ends before the first file that is there and can't be taken. */
struct err claim_make_in_order(const struct spool *s, const struct uuid *id, const char *gate,
                               const char *reason, const struct scan_file *files, size_t count,
                               struct claim *c);

bool claim_exists(const struct spool *s, const struct uuid *id);

/* What is on disk of a claim, staging undone. */
struct err claim_read(const struct spool *s, const struct uuid *id, struct claim *c);

/* For a batch whose receipt is settled: opens it for claim_retire, staging left as the COMMIT has
 * it, and lists no files. */
struct err claim_read_committed(const struct spool *s, const struct uuid *id, struct claim *c);
/* The segments of such a folder that aren't staged: of a batch that failed while it was away. */
struct err claim_list(struct claim *c);

/* Back to incoming/, for a claim without a receipt (claim_move_back). A folder that holds other
 * files, too, goes to failed/ with them. */
struct err claim_return(const struct spool *s, struct claim *c);

struct err claim_stage_failed(const struct claim *c, const char *name, const char *reason_json);
/* The open descriptor of .failed, created where missing; the caller's to close. */
struct err claim_open_staging(const struct claim *c, int *fd);
/* Takes the staged rejects back: the whole batch failed, and its segments hold those frames. */
struct err claim_unstage_rejects(const struct claim *c);
/* Syncs the staging folder: after the last staged file, before the COMMIT. */
struct err claim_seal_staging(const struct claim *c);

struct err claim_retire(const struct spool *s, const struct claim *c);

/* "archive/2026/11/21/BATCH": where claim_retire puts what was loaded. */
void claim_archive_path(const struct uuid *id, char path[64 + UUID_TEXT]);

/* The gate that a batch's folder was claimed for, by its .claim.json; `default` where there is
 * none, or none that can be understood. */
struct err claim_gate_of(int parent, const char *batch, char gate[SPOOL_GATE]);

/* Removes a batch's folder that holds nothing but our own notes; a folder that holds more stays.
 * batch: its name in the parent, or its path (spool/retired.h). */
void claim_remove_folder(int parent, const char *batch);

/* One rename, under the same name or, where it is taken, the first free numbered one. No fsync. */
struct err claim_move_beside(int from_dir, const char *from, int to_dir, const char *to);
/* Back to incoming/, from a batch's folder: where the name is taken, under one that tells the
 * ledger which segment it is (name_of_return). No fsync. */
struct err claim_move_back(int from_dir, const char *from, int incoming, const char *to,
                           const char *batch);

/* Of a batch whose folder is gone: no files, and no folder. */
void claim_without_folder(struct claim *c, const struct uuid *id, const char *gate);

/* A file that is no spool's, as if it had been claimed: for a trial. Nothing is touched. */
void claim_pretend(struct claim *c, const char *gate, int folder, const char *name);

void claim_free(struct claim *c);

#endif
