/* SPDX-License-Identifier: MIT */
#include "manifest/current.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sql.h"
#include "base/str.h"
#include "base/time.h"
#include "io/pg.h"
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
        if (*m) {
            manifest_set_source(*m, origin.rev, origin.text);
            manifest_set_config(*m, config);
        } else {
            e = err_make(ERR_CONFIG, "the manifests have errors; see `spoolgate lint`");
        }
    }
    manifest_files_free(&files);
    manifest_origin_free(&origin);
    return e;
}

struct err manifest_current_open(struct manifest_current *c, const struct config *config,
                                 struct yaml_diag *diag)
{
    *c = (struct manifest_current){.loaded_us = time_now()};
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
static void replace(struct manifest_current *c, struct manifest *m, const struct err *e)
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
    manifest_release(old);
}

static bool is_same(const struct manifest *a, const struct manifest *b)
{
    return strcmp(a->sha256, b->sha256) == 0 && strcmp(a->rev, b->rev) == 0 &&
           config_compare(a->config, b->config, NULL, NULL) == 0;
}

/* ---- reloading ---- */

void manifest_reload_clear(struct manifest_reload *r)
{
    buf_clear(&r->words);
    buf_clear(&r->at_start);
}

void manifest_reload_free(struct manifest_reload *r)
{
    buf_free(&r->words);
    buf_free(&r->at_start);
}

/* A connection string may hold a password. */
static char *shown(const struct config_change *change, const char *value)
{
    bool is_database = strcmp(change->path, "database") == 0;
    return is_database ? pg_describe(value) : mem_strdup(*value ? value : "(empty)");
}

static void tell_change(void *reload, const struct config_change *change)
{
    struct manifest_reload *r = reload;
    bool waits = change->key && change->key->at_start;
    char *from = shown(change, change->from);
    char *to = shown(change, change->to);
    bool same = strcmp(from, to) == 0; /* but for what isn't shown */
    buf_printf(waits ? &r->at_start : &r->words, same ? "%s: changed\n" : "%s: %s → %s\n",
               change->path, from, to);
    free(from);
    free(to);
}

struct err manifest_current_reload(struct manifest_current *c, struct manifest_reload *r)
{
    struct yaml_diag diag = {0};
    struct manifest *m = NULL;
    struct manifest *running = manifest_current_get(c);
    struct config *config = config_copy(running->config);
    struct err e = ERR_OK;
    if (c->read_config) {
        config_free(config);
        e = c->read_config(c->context, config);
    }
    if (!err_is(&e)) {
        (void)config_compare(running->config, config, tell_change, r);
        config_keep_running(config, running->config);
        e = manifest_load(config, &diag, &m);
    }
    config_delete(config);
    if (err_is(&e)) {
        manifest_reload_clear(r);
        yaml_diag_print(&diag, &r->words);
    }
    yaml_diag_free(&diag);
    if (m && is_same(running, m)) { /* nobody needs to look at tables anew */
        manifest_release(m);
        m = NULL;
    }
    if (m)
        manifest_diff_words(running, m, &r->words);
    manifest_release(running);
    replace(c, m, &e);
    return e;
}

static void log_lines(struct buf *lines, enum log_level level, const char *message)
{
    const char *words = buf_cstr(lines);
    const char *line;
    size_t len;
    while ((line = str_line(&words, &len))) {
        char *text = mem_strndup(line, len);
        LOG_AT(level, message, LOG_STR(level == LOG_LEVEL_ERROR ? "error" : "change", text));
        free(text);
    }
}

void manifest_current_log(struct manifest_current *c, struct manifest_reload *r,
                          const struct err *e)
{
    struct manifest *m = manifest_current_get(c);
    if (err_is(e)) {
        log_lines(&r->words, LOG_LEVEL_ERROR, "reload");
        LOG_ERROR("not reloaded; configuration and manifests stay as they were",
                  LOG_STR("error", e->text), LOG_STR("manifest_rev", m->rev));
    } else {
        log_configure((enum log_format)m->config->log_format, (enum log_level)m->config->log_level);
        log_lines(&r->words, LOG_LEVEL_INFO, "reload");
        log_lines(&r->at_start, LOG_LEVEL_WARN, "reload: takes effect at the next start");
        LOG_INFO(r->words.len > 0 ? "reloaded" : "reloaded; nothing changed",
                 LOG_STR("manifest_rev", m->rev));
    }
    manifest_release(m);
}

bool manifest_current_is_refused(struct manifest_current *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool is_refused = *c->refused != '\0';
    (void)pthread_mutex_unlock(&c->lock);
    return is_refused;
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

struct gate_terms manifest_gate_terms(const struct manifest *m, const char *gate)
{
    const struct manifest_gate *declared = manifest_gate(m, gate);
    const struct gate_settings *settings =
        declared ? &declared->settings : config_gate(m->config, gate);
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
    struct gate_terms t = manifest_gate_terms(m, gate);
    *terms = (struct load_terms){.streams = &m->streams,
                                 .allowed = t.allowed,
                                 .takes_handled = t.takes_handled,
                                 .rules = t.rules,
                                 .limits = &m->config->limits,
                                 .config = m->config,
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
