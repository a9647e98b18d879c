/* SPDX-License-Identifier: MIT */
/*
 * findings: what doctor has found, as a list that says nothing about how it is printed.
 *
 *     struct findings f = {0};
 *     findings_add(&f, FINDING_RETIRE_OWED, batch, NULL, "`spoolgate run`", "its receipt says %s",
 * status); f.items[0 .. f.count)          in the order in which they came
 *     f.totals[FINDING_RETIRE_OWED]  how many there were
 *     findings_free(&f);
 *
 * A zeroed struct is an empty list. It copies what it is given. Of each code the first
 * FINDINGS_LISTED are kept and the others counted, so that a spool with a million of one thing
 * costs no more than one with twenty. Codes and severities are an interface: monitors match on
 * them.
 */
#ifndef SPOOLGATE_DOCTOR_FINDINGS_H
#define SPOOLGATE_DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

#define FINDINGS_LISTED 20

enum finding_severity {
    FINDING_LOST, /* something that should be there is not */
    FINDING_ODD,  /* something that nobody of ours has done, or could have */
    FINDING_OWED, /* work that a run of the daemon, or an operator, has still to do */
    FINDING_INFO, /* nothing wrong */
    FINDING_SEVERITIES,
};

/* id, code, severity, what all of its findings have in common */
#define FINDING_CODES(X)                                                                           \
    X(FINDING_ARCHIVE_UNKNOWN, "archive-unknown", FINDING_LOST,                                    \
      "archived, but the database knows nothing of it")                                            \
    X(FINDING_RECEIPT_WITHOUT_FOLDER, "receipt-without-folder", FINDING_LOST,                      \
      "unfinished receipts whose segments are not in processing/")                                 \
    X(FINDING_SEGMENTS_MISSING, "segments-missing", FINDING_LOST,                                  \
      "batches in processing/ that hold fewer segments than were claimed")                         \
    X(FINDING_ROWS_MISSING, "rows-missing", FINDING_LOST,                                          \
      "fewer rows in the table than the receipt counts")                                           \
    X(FINDING_EVENT_MISSING, "event-missing", FINDING_LOST,                                        \
      "batches that ended, and the outbox has no gate.done of them")                               \
    X(FINDING_DOCUMENT_LOST, "document-lost", FINDING_LOST,                                        \
      "documents that were to come, and of which nothing waits")                                   \
    X(FINDING_DOCUMENT_SHORT, "document-short", FINDING_LOST,                                      \
      "documents that aren't as whole as was announced")                                           \
    X(FINDING_VECTOR_MISSING, "vector-missing", FINDING_LOST,                                      \
      "chunks that count as complete, and have no vector")                                         \
    X(FINDING_ROWS_EXTRA, "rows-extra", FINDING_ODD,                                               \
      "more rows in the table than the receipt counts")                                            \
    X(FINDING_LEDGER_DIFFERS, "ledger-differs", FINDING_ODD,                                       \
      "the ledger and the receipt disagree on what was loaded")                                    \
    X(FINDING_FOREIGN_BATCH, "foreign-batch", FINDING_ODD, "batches of another spool")             \
    X(FINDING_FOREIGN_ENTRY, "foreign-entry", FINDING_ODD,                                         \
      "in our folders, but not of our making")                                                     \
    X(FINDING_FAILED_WITHOUT_RECEIPT, "failed-without-receipt", FINDING_ODD,                       \
      "in failed/, but the database knows nothing of it")                                          \
    X(FINDING_UNCLAIMABLE, "unclaimable", FINDING_ODD,                                             \
      "in incoming/, but nothing that will ever be claimed")                                       \
    X(FINDING_DOCUMENT_DIFFERS, "document-differs", FINDING_ODD,                                   \
      "documents whose status isn't what their chunks say")                                        \
    X(FINDING_DATABASE_UNREACHABLE, "database-unreachable", FINDING_OWED,                          \
      "the database can't be asked")                                                               \
    X(FINDING_DATABASE_VERSION, "database-version", FINDING_OWED,                                  \
      "the database is not at this version")                                                       \
    X(FINDING_CLAIM_WITHOUT_RECEIPT, "claim-without-receipt", FINDING_OWED,                        \
      "claimed, but without a receipt yet: goes back to incoming/")                                \
    X(FINDING_BATCH_UNFINISHED, "batch-unfinished", FINDING_OWED, "not loaded to its end")         \
    X(FINDING_BATCH_STUCK, "batch-stuck", FINDING_OWED, "not loaded to its end for too long")      \
    X(FINDING_RETIRE_OWED, "retire-owed", FINDING_OWED,                                            \
      "settled, but still in processing/: goes to archive/ and failed/")                           \
    X(FINDING_DEAD_LETTERS, "dead-letters", FINDING_OWED, "events that a sink didn't take")        \
    X(FINDING_COMPLETION_OWED, "completion-owed", FINDING_OWED,                                    \
      "documents whose last chunk is settled, and that nobody completed")                          \
    X(FINDING_LEASE_STUCK, "lease-stuck", FINDING_OWED,                                            \
      "chunks whose worker is gone, and that nobody takes up again")                               \
    X(FINDING_EMBEDDER_STOPPED, "embedder-stopped", FINDING_OWED,                                  \
      "embedders that won't work again by themselves")                                             \
    X(FINDING_CHUNKS_UNEMBEDDED, "chunks-unembedded", FINDING_OWED,                                \
      "chunks that are served without a vector: they were there before")                           \
    X(FINDING_CLAIM_EMPTY, "claim-empty", FINDING_INFO, "folders in processing/ without segments") \
    X(FINDING_RETRY_WAITS, "retry-waits", FINDING_INFO, "waits for `spoolgate retry`")             \
    X(FINDING_CHUNKS_FAILED, "chunks-failed", FINDING_INFO, "chunks that couldn't get a vector")   \
    X(FINDING_ASSETS_AWAITING, "assets-awaiting", FINDING_INFO,                                    \
      "assets whose text nobody has brought for a day")                                            \
    X(FINDING_FAILED_EMPTY, "failed-empty", FINDING_INFO,                                          \
      "folders in failed/ that hold nothing to retry")                                             \
    X(FINDING_RECEIPT_PRUNED, "receipt-pruned", FINDING_INFO,                                      \
      "archived and in the ledger, but its receipt is gone")                                       \
    X(FINDING_ARCHIVE_MISSING, "archive-missing", FINDING_INFO,                                    \
      "loaded, but no longer in archive/")                                                         \
    X(FINDING_LEDGER_PRUNED, "ledger-pruned", FINDING_INFO, "loaded, but no longer in the ledger") \
    X(FINDING_ROWS_PRUNED, "rows-pruned", FINDING_INFO, "rows that went with their partition")     \
    X(FINDING_PARTIAL_OLD, "partial-old", FINDING_INFO,                                            \
      "unfinished files in incoming/ that nobody has touched for a day")                           \
    X(FINDING_TMP_OLD, "tmp-old", FINDING_INFO, "files in tmp/ that nobody has touched for a day") \
    X(FINDING_FIXED, "fixed", FINDING_INFO, "done by --fix")

enum finding_code {
#define FINDING_ENUM(id, code, severity, heading) id,
    FINDING_CODES(FINDING_ENUM)
#undef FINDING_ENUM
        FINDING_CODE_COUNT,
};

struct finding {
    enum finding_code code;
    char batch[UUID_TEXT]; /* or "" */
    char *file;            /* below the spool, percent-encoded; or NULL */
    char *text;            /* what is the case */
    char *fix;             /* a command, or words; or NULL */
};

struct findings {
    struct finding *items;
    size_t count, cap;
    uint64_t totals[FINDING_CODE_COUNT];
};

/* batch, file and fix may be NULL. file is raw bytes. */
void findings_add(struct findings *f, enum finding_code code, const char *batch, const char *file,
                  const char *fix, const char *format, ...) __attribute__((format(printf, 6, 7)));
void findings_free(struct findings *f);

uint64_t findings_of_severity(const struct findings *f, enum finding_severity severity);
bool findings_are_wrong(const struct findings *f); /* more than FINDING_INFO */

const char *finding_code_name(enum finding_code code);
/* FINDING_CODE_COUNT where there is none of the name. */
enum finding_code finding_code_of(const char *name);
const char *finding_heading(enum finding_code code);
enum finding_severity finding_severity_of(enum finding_code code);
const char *finding_severity_name(enum finding_severity severity);

#endif
