/* SPDX-License-Identifier: MIT */
/*
 * name: what a file's name in the spool says. Names are bytes, not text: any byte but '/' and NUL,
 * up to 255 of them.
 */
#ifndef SPOOLGATE_SPOOL_NAME_H
#define SPOOLGATE_SPOOL_NAME_H

#include <stdbool.h>

#include "base/uuid.h"

#define NAME_BYTES 256 /* 255 and a NUL */

enum name_kind {
    NAME_SEGMENT, /* ends in .msgpack or .msgpack.zst: ours to claim */
    NAME_HIDDEN,  /* starts with a dot, or ends in .tmp or .part: still being written */
    NAME_FOREIGN, /* anything else: left alone, reported once */
};
enum name_kind name_kind(const char *name);

bool name_is_zstd(const char *name);

/* A gate's name is its folder's: a to z, 0 to 9, '_' and '-', starting with a letter; at most 63.
 */
bool name_is_gate(const char *name);

/*
 * A name for a file that stands where `name` is taken: "x.msgpack.zst" becomes "x.1.msgpack.zst",
 * so that it is still a segment. Cut to fit 255 bytes.
 */
void name_numbered(const char *name, unsigned number, char out[NAME_BYTES]);

/*
 * For a segment that goes back to incoming/ while its name is taken there: "x.msgpack" of BATCH
 * becomes "x.again-BATCH.msgpack", and "x.again-BATCH.1.msgpack" where that is taken, too. It stays
 * known by its own name, which name_original gives back (of any other name, the name itself): so
 * for `dedupe: name` it is the segment that it was. Of a name of more than about 210 bytes there is
 * no room for that: it gets a number, as above, and is another segment.
 */
void name_of_return(const char *name, const char *batch, unsigned number, char out[NAME_BYTES]);
const char *name_original(const char *name, char out[NAME_BYTES]);

/*
 * "retry-BATCH-rejects.msgpack": the rejects of a batch, put back into incoming/ by `retry`. The
 * name tells the ledger that they were let in on purpose. (Failed segments go back under their own
 * name: the ledger never had them.)
 */
void name_of_retry(const char *batch, char out[NAME_BYTES]);
bool name_is_retry(const char *name);

/* The name of a batch's folder: its id as we write it. One of another version is none of ours. */
bool name_is_batch(const char *name, struct uuid *id);
/* The same in archive/ and failed/, where a number follows if the name was taken: "ID.1". */
bool name_is_retired(const char *name, struct uuid *id);

/* "NAME.reason.json"; by the name's hash where that would be longer than 255 bytes. */
void name_of_reason(const char *name, char out[NAME_BYTES]);

#endif
