/* SPDX-License-Identifier: MIT */
/*
 * diag: what is wrong with YAML files, each finding with its place. Pure.
 *
 *     struct yaml_diag diag = {0};
 *     yaml_diag_error(&diag, "a.yaml", place, "unknown key `%s`", key);
 *     if (diag.errors > 0)  ... diag.items ...
 *     yaml_diag_free(&diag);
 */
#ifndef SPOOLGATE_YAML_DIAG_H
#define SPOOLGATE_YAML_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct yaml_place {
    int line, column; /* from 1, columns in characters; 0: the file as a whole */
};

struct yaml_finding {
    char *file;
    struct yaml_place place;
    bool is_warning;
    char *message; /* one line of UTF-8 */
};

/* More are counted, but not kept: a megabyte of mistakes is no use to anybody. */
#define YAML_FINDINGS_MAX 10000

struct yaml_diag {
    struct yaml_finding *items;
    size_t count, cap;
    size_t errors; /* those that aren't warnings, kept or not */
};

void yaml_diag_error(struct yaml_diag *diag, const char *file, struct yaml_place place,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
void yaml_diag_warning(struct yaml_diag *diag, const char *file, struct yaml_place place,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
void yaml_diag_sort(struct yaml_diag *diag); /* by file, line and column; else as they were found */
void yaml_diag_free(struct yaml_diag *diag);

/* "FILE:LINE:COLUMN: MESSAGE", with "warning: " before the message of one. */
void yaml_diag_text(const struct yaml_finding *finding, struct buf *out);
/* All of them, a line each. */
void yaml_diag_print(const struct yaml_diag *diag, struct buf *out);

#endif
