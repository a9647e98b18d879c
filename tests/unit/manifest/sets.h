/* SPDX-License-Identifier: MIT */
/*
 * sets: a set of manifests from literals, and what the linter says of it.
 *
 *     struct sets s = {0};
 *     sets_add(&s, "streams/a.yaml", "stream: a\n...");
 *     sets_build(&s);
 *     ... s.set, NULL where s.findings say why ...
 *     sets_free(&s);
 */
#ifndef SPOOLGATE_TESTS_SETS_H
#define SPOOLGATE_TESTS_SETS_H

#include <stdlib.h>

#include "base/mem.h"
#include "bytes.h"
#include "manifest/manifest.h"

struct sets {
    struct manifest_files files;
    struct manifest *set;
    char findings[8192]; /* a line each */
};

static inline void sets_add(struct sets *s, const char *path, const char *text)
{
    manifest_files_add(&s->files, path, mem_strdup(text), strlen(text));
}

static inline void sets_build(struct sets *s)
{
    struct yaml_diag diag = {0};
    struct buf text = {0};
    s->set = manifest_build(&s->files, &diag);
    for (size_t i = 0; i < diag.count; i++) {
        buf_str(&text, i > 0 ? "\n" : "");
        yaml_diag_text(&diag.items[i], &text);
    }
    (void)snprintf(s->findings, sizeof s->findings, "%s", buf_cstr(&text));
    cr_expect_eq(s->set == NULL, diag.errors > 0, "a set is built where there are no errors");
    buf_free(&text);
    yaml_diag_free(&diag);
}

static inline void sets_free(struct sets *s)
{
    manifest_release(s->set);
    manifest_files_free(&s->files);
}

struct sets_row {
    const char *text, *want;
};

/* Each text as one file of that path, and all that is said of it. */
static inline void sets_check(const char *path, const struct sets_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sets s = {0};
        sets_add(&s, path, rows[i].text);
        sets_build(&s);
        cr_expect_str_eq(s.findings, rows[i].want, "row %zu:\n%s\nwant: %s\n got: %s", i,
                         rows[i].text, rows[i].want, s.findings);
        sets_free(&s);
    }
}

#endif
