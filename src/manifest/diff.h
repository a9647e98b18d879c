/* SPDX-License-Identifier: MIT */
/*
 * diff: what a new set of manifests changes, for people and the log. Pure.
 *
 *     struct buf text = {0};
 *     manifest_diff_words(old, new, &text);
 *
 * Appends one line for each change, and nothing where the sets mean the same:
 *
 *     stream devices: added
 *     stream metrics: column labels: type jsonb → text
 *     gate fast: open.count 10 → 100
 *     sink ops: template gate.json.tmpl changed
 *     sink ops: removed
 *
 * A line shows no control characters, at most 80 bytes of a value, and of an inline URL only that
 * it changed.
 */
#ifndef SPOOLGATE_MANIFEST_DIFF_H
#define SPOOLGATE_MANIFEST_DIFF_H

#include "base/buf.h"
#include "manifest/manifest.h"

void manifest_diff_words(const struct manifest *old, const struct manifest *new, struct buf *out);

#endif
