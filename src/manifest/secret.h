/* SPDX-License-Identifier: MIT */
/*
 * secret: the values that sinks and embedders keep out of their manifests.
 *
 *     struct buf value = {0};
 *     TRY(secret_read(&sink->bearer, &value));
 *     ... buf_cstr(&value) ...
 *     secret_wipe(&value);                    // always, also after a failure
 *
 * Read anew at each use, so that a file that is replaced counts at once. One line: white space
 * around it is cut, and NUL bytes and line breaks inside are refused. Errors are ERR_CONFIG and say
 * where the value should have been, never what it is.
 */
#ifndef SPOOLGATE_MANIFEST_SECRET_H
#define SPOOLGATE_MANIFEST_SECRET_H

#include "base/buf.h"
#include "base/err.h"
#include "manifest/manifest.h"

#define SECRET_BYTES 65536 /* the most that is read */

/* Appends. SECRET_NONE appends nothing. */
struct err secret_read(const struct manifest_secret *secret, struct buf *value);
void secret_wipe(struct buf *value); /* overwrites, then frees */

#endif
