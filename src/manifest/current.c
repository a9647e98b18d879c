/* SPDX-License-Identifier: MIT */
#include "manifest/current.h"

#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/sql.h"
#include "base/time.h"
#include "manifest/diff.h"
#include "manifest/source.h"

/* What is declared in one place only: the configuration's gates have their names as folders. */
static void check_gates(const struct config *config, const struct manifest *m,
                        struct yaml_diag *diag)
{
    for (size_t i = 0; i < m->gate_count; i++)
        for (size_t k = 0; k < config->gate_count; k++) {
            const struct manifest_gate *gate = &m->gates[i];
            const char *other = config->gates[k].name;
            if (strcmp(gate->name, other) == 0)
                yaml_diag_error(diag, gate->file, (struct yaml_place){0},
                                "gate `%s` is in the configuration's `gates`, too; keep one",
                                other);
            else if (strcmp(gate->incoming, other) == 0)
                yaml_diag_error(diag, gate->file, (struct yaml_place){0},
                                "folder `%s` is that of gate `%s` in the configuration's `gates`",
                                other, other);
        }
}

struct err manifest_load(const struct config *config, struct yaml_diag *diag, struct manifest **m)
{
    struct manifest_files files = {0};
    struct manifest_origin origin = {0};
    *m = NULL;
    struct err e = manifest_read(config, &files, &origin, diag);
    if (!err_is(&e)) {
        *m = manifest_build(&files, diag);
        if (*m)
            check_gates(config, *m, diag);
        if (diag->errors > 0) {
            manifest_release(*m);
            *m = NULL;
        }
        if (*m)
            manifest_set_source(*m, origin.rev, origin.text);
        else
            e = err_make(ERR_CONFIG, "the manifests have errors; see `spoolgate lint`");
    }
    manifest_files_free(&files);
    manifest_origin_free(&origin);
    return e;
}

struct err manifest_current_open(struct manifest_current *c, const struct config *config,
                                 struct yaml_diag *diag)
{
    *c = (struct manifest_current){.config = config, .loaded_us = time_now()};
    (void)pthread_mutex_init(&c->lock, NULL);
    return manifest_load(config, diag, &c->set);
}

void manifest_current_close(struct manifest_current *c)
{
    manifest_release(c->set);
    (void)pthread_mutex_destroy(&c->lock);
}

struct manifest *manifest_current_get(struct manifest_current *c)
{
    (void)pthread_mutex_lock(&c->lock);
    struct manifest *m = manifest_hold(c->set);
    (void)pthread_mutex_unlock(&c->lock);
    return m;
}

/* The new set becomes the current one, or, where there is none, the reason stays to be seen. */
static struct manifest *replace(struct manifest_current *c, struct manifest *m, const struct err *e)
{
    struct manifest *old = NULL;
    (void)pthread_mutex_lock(&c->lock);
    (void)snprintf(c->refused, sizeof c->refused, "%.399s", e->text);
    if (m) {
        old = c->set;
        c->set = m;
        c->loaded_us = time_now();
    }
    (void)pthread_mutex_unlock(&c->lock);
    return old;
}

static bool is_current(struct manifest_current *c, const struct manifest *m)
{
    (void)pthread_mutex_lock(&c->lock);
    bool same = strcmp(c->set->sha256, m->sha256) == 0 && strcmp(c->set->rev, m->rev) == 0;
    (void)pthread_mutex_unlock(&c->lock);
    return same;
}

struct err manifest_current_reload(struct manifest_current *c, struct buf *words)
{
    struct yaml_diag diag = {0};
    struct manifest *m;
    struct err e = manifest_load(c->config, &diag, &m);
    if (err_is(&e))
        yaml_diag_print(&diag, words);
    if (m && is_current(c, m)) { /* batches in hand go on by it, and needn't look at tables anew */
        manifest_release(m);
        m = NULL;
    }
    struct manifest *old = replace(c, m, &e);
    if (old)
        manifest_diff_words(old, m, words);
    manifest_release(old);
    yaml_diag_free(&diag);
    return e;
}

void manifest_current_status(struct manifest_current *c, struct buf *json)
{
    struct jsonw j = {.out = json};
    (void)pthread_mutex_lock(&c->lock);
    const struct manifest *m = c->set;
    jsonw_object(&j);
    jsonw_key(&j, "rev");
    jsonw_str(&j, m->rev);
    jsonw_key(&j, "source");
    jsonw_str(&j, m->source);
    jsonw_key(&j, "loaded_at");
    jsonw_time(&j, c->loaded_us);
    jsonw_key(&j, "refused");
    jsonw_str(&j, *c->refused ? c->refused : NULL);
    jsonw_key(&j, "streams");
    jsonw_int(&j, (int64_t)m->streams.count);
    jsonw_key(&j, "gates");
    jsonw_int(&j, (int64_t)m->gate_count);
    jsonw_key(&j, "sinks");
    jsonw_int(&j, (int64_t)m->sink_count);
    jsonw_key(&j, "embedders");
    jsonw_int(&j, (int64_t)m->embedder_count);
    jsonw_end(&j);
    (void)pthread_mutex_unlock(&c->lock);
}

static bool takes_ordered(const struct stream_set *streams)
{
    for (size_t i = 0; i < streams->count; i++)
        if (stream_is_ordered(&streams->streams[i]))
            return true;
    return false;
}

struct gate_terms manifest_gate_terms(const struct manifest *m, const struct config *config,
                                      const char *gate)
{
    const struct manifest_gate *declared = manifest_gate(m, gate);
    const struct gate_settings *settings =
        declared ? &declared->settings : config_gate(config, gate);
    struct gate_terms terms = {.policy = settings->policy, .rules = &settings->rules};
    terms.allowed = declared ? declared->streams : NULL;
    terms.takes_handled = !declared || declared->takes_handled;
    terms.policy.is_ordered = declared ? declared->is_ordered : takes_ordered(&m->streams);
    return terms;
}

/* ---- the spool's folders ---- */

static void folder_of(void *current, const char *gate, char folder[SPOOL_GATE])
{
    struct manifest *m = manifest_current_get(current);
    const struct manifest_gate *declared = manifest_gate(m, gate);
    (void)snprintf(folder, SPOOL_GATE, "%s", declared ? declared->incoming : gate);
    manifest_release(m);
}

static void gate_of(void *current, const char *folder, char gate[SPOOL_GATE])
{
    struct manifest *m = manifest_current_get(current);
    /* One that only has the folder's name watches another one. */
    (void)snprintf(gate, SPOOL_GATE, "%s", manifest_gate(m, folder) ? "" : folder);
    for (size_t i = 0; i < m->gate_count; i++)
        if (strcmp(m->gates[i].incoming, folder) == 0)
            (void)snprintf(gate, SPOOL_GATE, "%s", m->gates[i].name);
    manifest_release(m);
}

struct spool_names manifest_current_names(struct manifest_current *c)
{
    return (struct spool_names){.folder_of = folder_of, .gate_of = gate_of, .context = c};
}

/* ---- the loaders ---- */

static void files_json(const struct load_terms *terms, struct buf *json)
{
    const struct manifest *m = terms->owner;
    struct jsonw j = {.out = json};
    jsonw_array(&j);
    for (size_t i = 0; i < m->files.count; i++) {
        jsonw_object(&j);
        jsonw_key(&j, "path");
        jsonw_str(&j, m->files.items[i].path);
        jsonw_key(&j, "text");
        jsonw_str(&j, m->files.items[i].text);
        jsonw_end(&j);
    }
    jsonw_end(&j);
}

static void wanting_sinks(const struct load_terms *terms, enum event_type event, const char *gate,
                          struct buf *array)
{
    const struct manifest *m = terms->owner;
    buf_byte(array, '{');
    for (size_t i = 0; i < m->sink_count; i++)
        if (manifest_sink_wants(&m->sinks[i], event, gate))
            sql_element(array, m->sinks[i].name); /* in quotes: it may be "null" */
    buf_byte(array, '}');
}

static void terms_of(void *current, const char *gate, struct load_terms *terms)
{
    struct manifest_current *c = current;
    struct manifest *m = manifest_current_get(c);
    struct gate_terms t = manifest_gate_terms(m, c->config, gate);
    *terms = (struct load_terms){.streams = &m->streams,
                                 .allowed = t.allowed,
                                 .takes_handled = t.takes_handled,
                                 .rules = t.rules,
                                 .rev = *m->rev ? m->rev : NULL,
                                 .sha256 = m->files.count > 0 ? m->sha256 : NULL,
                                 .source = m->source,
                                 .files_json = files_json,
                                 .sinks = wanting_sinks,
                                 .model = m->embedders[0].model,
                                 .owner = m};
}

static void terms_done(void *current, struct load_terms *terms)
{
    (void)current;
    manifest_release(terms->owner);
    *terms = (struct load_terms){0};
}

struct load_terms_source manifest_current_terms(struct manifest_current *c)
{
    return (struct load_terms_source){.get = terms_of, .done = terms_done, .context = c};
}
