/* SPDX-License-Identifier: MIT */
/*
 * files: the manifests of one set, and their templates, as texts, from wherever they came. Pure.
 *
 *     struct manifest_files files = {0};
 *     if (manifest_name_matches("streams", name)) {
 *         TRY(manifest_files_check(&files, "streams/devices.yaml", len));   // before it is read
 *         manifest_files_add(&files, "streams/devices.yaml", text, len);
 *     }
 *     manifest_files_sort(&files);
 *     manifest_files_free(&files);
 *
 * A zeroed struct is an empty list; it owns its paths and texts. Failures are ERR_CONFIG; the
 * caller knows which file they are of.
 */
#ifndef SPOOLGATE_MANIFEST_FILES_H
#define SPOOLGATE_MANIFEST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

#define MANIFEST_FILE_BYTES  (UINT64_C(1) << 20) /* of one file */
#define MANIFEST_TOTAL_BYTES (UINT64_C(16) << 20)
#define MANIFEST_FILES_MAX   10000

struct manifest_file {
    char *path; /* inside the manifests' folder: "streams/devices.yaml" */
    char *text; /* any bytes, a NUL behind them */
    size_t len;
};

struct manifest_files {
    struct manifest_file *items;
    size_t count, cap;
    size_t bytes; /* of all texts */
};

#define MANIFEST_TEMPLATES "templates"

/* The folders that are read: "streams", "gates", "sinks", "embedders", and MANIFEST_TEMPLATES; ends
 * with NULL. A place that has none of the first four is no manifests' folder. */
extern const char *const manifest_folders[];
bool manifest_folder_has_templates(const char *folder);

/* NAME.yaml or NAME.yml; in MANIFEST_TEMPLATES, NAME.tmpl. Hidden files and editors' backups are
 * not. */
bool manifest_name_matches(const char *folder, const char *name);
/* Doesn't match, but may be meant to: NAME.YAML, NAME.json, NAME.mustache. */
bool manifest_name_is_near(const char *folder, const char *name);
/* What to do with one that is near: "a manifest's name ends in .yaml or .yml; rename it". */
const char *manifest_name_advice(const char *folder, const char *name);

/* A path as one line of UTF-8, with '?' for what isn't plain text in it; malloc'ed. */
char *manifest_path_shown(const char *path);

/* May a file of this path and length join the list? */
struct err manifest_files_check(const struct manifest_files *files, const char *path, uint64_t len);

/* Copies the path and takes the text (malloc'ed, NUL-terminated). */
void manifest_files_add(struct manifest_files *files, const char *path, char *text, size_t len);

void manifest_files_sort(struct manifest_files *files); /* by path, byte by byte */
void manifest_files_free(struct manifest_files *files);

/* What the set says, wherever it lies: SHA-256 over the paths and texts of a sorted list. */
void manifest_files_hash(const struct manifest_files *files, char hex[HASH_HEX]);

#endif
