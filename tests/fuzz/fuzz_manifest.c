/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a set of manifests: files separated by NUL, of which each one's first byte chooses
 * the folder. What must hold: findings with their places, or a set that keeps to the contract of
 * its structs, so that nothing behind it has to look again.
 */
#include "manifest/manifest.c"
#include "yaml/read.c"

#include <assert.h>

#include "base/utf8.h"
#include "stream/ddl.h"

static void check_findings(const struct yaml_diag *diag, const struct manifest_files *files)
{
    size_t errors = 0;
    for (size_t i = 0; i < diag->count; i++) {
        const struct yaml_finding *f = &diag->items[i];
        size_t file = 0;
        while (file < files->count && strcmp(files->items[file].path, f->file) != 0)
            file++;
        assert(file < files->count);
        assert(*f->message && !strpbrk(f->message, "\n\r\x1b"));
        assert(f->place.line >= 0 && f->place.column >= 0);
        errors += !f->is_warning;
    }
    assert(errors == diag->errors);
}

static void check_columns(const struct stream *s, const size_t *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert(columns[i] < s->column_count);
        for (size_t k = 0; k < i; k++)
            assert(columns[k] != columns[i]);
    }
}

static void check_column(const struct column *c)
{
    bool has_value = c->fallback.text != NULL;
    assert(*c->name && strlen(c->name) <= 63 && c->type < COLUMN_TYPES);
    assert((c->dimensions > 0) == (c->type == COLUMN_VECTOR || c->type == COLUMN_HALFVEC));
    assert((c->path_count > 0) == (c->source == COLUMN_FROM_KEY));
    for (size_t i = 0; i < c->path_count; i++)
        assert(*c->path[i]);
    if (has_value) {
        size_t len = strlen(c->fallback.text);
        assert(c->fallback.field_len >= 4);
        assert(utf8_check((const uint8_t *)c->fallback.text, len) == len);
    }
    assert(has_value || c->source != COLUMN_FROM_CONSTANT);
    assert(!has_value || c->source == COLUMN_FROM_KEY || c->source == COLUMN_FROM_CONSTANT);
    assert(c->source != COLUMN_FROM_REST || c->type == COLUMN_JSONB);
}

static void check_stream(const struct stream *s)
{
    struct buf sql = {0};
    char label[STREAM_LABEL];
    assert(*s->name && *s->kind && *s->table && s->column_count > 0);
    for (size_t i = 0; i < s->column_count; i++)
        check_column(&s->columns[i]);
    check_columns(s, s->key, s->key_count);
    assert((s->key_count > 0) == (s->mode != STREAM_APPEND));
    for (size_t i = 0; i < s->key_count; i++)
        assert(s->columns[s->key[i]].required);
    assert(s->version == STREAM_NO_COLUMN || s->version < s->column_count);
    assert(s->time_column == STREAM_NO_COLUMN || s->time_column < s->column_count);
    if (s->every != PERIOD_NONE) {
        assert(!s->is_foreign && s->columns[s->time_column].required);
        assert(strlen(s->table) <= STREAM_PARENT_MAX);
    }
    for (size_t i = 0; i < s->index_count; i++)
        check_columns(s, s->indexes[i].columns, s->indexes[i].column_count);
    assert(*stream_label(s, label));
    ddl_stream(&sql, s, NULL);
    buf_free(&sql);
}

static void check_secret(const struct manifest_secret *secret, bool may_be_inline)
{
    assert((secret->from == SECRET_NONE) == (secret->value == NULL));
    assert(secret->from != SECRET_INLINE || may_be_inline);
}

static void check_sink(const struct manifest_sink *s)
{
    assert(*s->name && s->url.from != SECRET_NONE && s->timeout_us > 0 && s->retry_count > 0);
    assert((s->format == BODY_TEMPLATE) == (s->template != NULL) && s->concurrency > 0);
    assert((s->format == BODY_TEMPLATE) == (s->compiled != NULL));
    check_secret(&s->url, true);
    check_secret(&s->bearer, false);
    for (size_t i = 0; i < s->secret_count; i++)
        check_secret(&s->secrets[i], false);
    for (size_t i = 0; i < s->header_count; i++) {
        assert(*s->headers[i].name && s->headers[i].value.from != SECRET_NONE);
        check_secret(&s->headers[i].value, false);
    }
}

static void check_set(const struct manifest *m)
{
    for (size_t i = 0; i < m->streams.count; i++)
        check_stream(&m->streams.streams[i]);
    for (size_t i = 0; i < m->gate_count; i++)
        assert(*m->gates[i].name && *m->gates[i].incoming &&
               m->gates[i].settings.policy.batch_segments > 0);
    for (size_t i = 0; i < m->sink_count; i++)
        check_sink(&m->sinks[i]);
    for (size_t i = 0; i < m->template_count; i++)
        assert(m->templates[i].compiled && *m->templates[i].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct manifest_files files = {0};
    struct yaml_diag diag = {0};
    const uint8_t *end = bytes + len;
    for (const uint8_t *p = bytes; p < end && files.count < 8;) {
        const uint8_t *stop = memchr(p, '\0', (size_t)(end - p));
        char path[64];
        stop = stop ? stop : end;
        (void)snprintf(path, sizeof path, "%s/%zu.%s", manifest_folders[*p % 4], files.count,
                       *p % 4 == 3 ? "json.tmpl" : "yaml");
        if (stop > p)
            manifest_files_add(&files, path,
                               mem_strndup((const char *)p + 1, (size_t)(stop - p - 1)),
                               (size_t)(stop - p - 1));
        p = stop + 1;
    }
    struct manifest *m = manifest_build(&files, &diag);
    assert((m == NULL) == (diag.errors > 0));
    check_findings(&diag, &files);
    if (m)
        check_set(m);
    manifest_release(m);
    yaml_diag_free(&diag);
    manifest_files_free(&files);
    return 0;
}
