/* SPDX-License-Identifier: MIT */
#include "daemon/fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "db/queries.h"
#include "schema/plan.h"
#include "stream/ddl.h"

void fit_open(struct fit *f)
{
    *f = (struct fit){0};
    (void)pthread_mutex_init(&f->lock, NULL);
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

/* Under the lock, or when nobody else is left. */
static void forget(struct fit *f)
{
    if (f->set) {
        free_texts(f->why, f->set->streams.count);
        free_texts(f->prints, f->set->streams.count);
    }
    manifest_release(f->set);
    f->set = NULL;
}

void fit_close(struct fit *f)
{
    forget(f);
    (void)pthread_mutex_destroy(&f->lock);
}

bool fit_is_due(struct fit *f, const struct manifest *set)
{
    (void)pthread_mutex_lock(&f->lock);
    bool due =
        f->set != set || f->is_stale || (f->any && time_monotonic() - f->asked_us >= FIT_AGAIN_US);
    (void)pthread_mutex_unlock(&f->lock);
    return due;
}

bool fit_all(struct fit *f)
{
    (void)pthread_mutex_lock(&f->lock);
    bool all = !f->any;
    (void)pthread_mutex_unlock(&f->lock);
    return all;
}

static bool was_told(const struct fit *f, const struct manifest *set, size_t stream,
                     const char *why)
{
    return f->set == set && f->why[stream] && strcmp(f->why[stream], why) == 0;
}

/* The print first: what changes after it is noticed by the batch that meets it. A question that the
 * server can't answer is its stream's affair, as long as there is a server. */
static struct err ask_one(struct pg *pg, const struct stream *s, char **print, char **why)
{
    struct buf table = {0};
    struct buf text = {0};
    PGresult *row = NULL;
    ddl_table(&table, s);
    struct err e = pg_query_prepared(pg, sql_table_print, PG_PARAMS(buf_cstr(&table)), &row);
    if (!err_is(&e) && PQntuples(row) == 1)
        *print = mem_strdup(PQgetvalue(row, 0, 0));
    PQclear(row);
    if (!err_is(&e))
        e = plan_check_fit(pg, s, &text);
    if (err_is(&e) && pg_is_open(pg)) {
        buf_clear(&text);
        buf_str(&text, e.text);
        e = ERR_OK;
    }
    if (text.len > 0)
        *why = buf_take(&text);
    buf_free(&table);
    buf_free(&text);
    return e;
}

struct err fit_ask(struct fit *f, struct pg *pg, struct manifest *set)
{
    const struct stream_set *streams = &set->streams;
    char **why = mem_calloc(streams->count, sizeof *why);
    char **prints = mem_calloc(streams->count, sizeof *prints);
    bool any = false;
    for (size_t i = 0; i < streams->count; i++) {
        struct err e = ask_one(pg, &streams->streams[i], &prints[i], &why[i]);
        if (err_is(&e)) {
            free_texts(why, streams->count);
            free_texts(prints, streams->count);
            return e;
        }
        any = any || why[i];
    }
    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < streams->count; i++)
        if (why[i] && !was_told(f, set, i, why[i]))
            LOG_WARN("a table doesn't fit; gates of its stream stay shut",
                     LOG_STR("stream", streams->streams[i].name), LOG_STR("error", why[i]));
    if (f->any && !any)
        LOG_INFO("all tables fit");
    forget(f);
    f->set = manifest_hold(set);
    f->why = why;
    f->prints = prints;
    f->is_stale = false;
    f->any = any;
    f->asked_us = time_monotonic();
    (void)pthread_mutex_unlock(&f->lock);
    return ERR_OK;
}

struct err fit_check_table(void *fit, const struct load_terms *terms, size_t stream,
                           const char *print)
{
    struct fit *f = fit;
    (void)pthread_mutex_lock(&f->lock);
    const char *known = f->set == terms->owner ? f->prints[stream] : NULL;
    bool same = known && strcmp(known, print) == 0;
    if (!same)
        f->is_stale = true;
    (void)pthread_mutex_unlock(&f->lock);
    return same ? ERR_OK
                : err_make(ERR_CONFIG,
                           "the table of stream %s was changed; looking whether it still fits",
                           terms->streams->streams[stream].name);
}

bool fit_of_gate(struct fit *f, const struct manifest *set, const bool *allowed, char why[FIT_WHY])
{
    why[0] = '\0';
    (void)pthread_mutex_lock(&f->lock);
    bool known = f->set == set;
    for (size_t i = 0; known && f->any && !*why && i < set->streams.count; i++)
        if (f->why[i] && (!allowed || allowed[i])) {
            struct err cut = err_make(ERR_CONFIG, "%s", f->why[i]); /* between two characters */
            (void)snprintf(why, FIT_WHY, "%s", cut.text);
        }
    (void)pthread_mutex_unlock(&f->lock);
    return known && !*why;
}

struct err fit_require(struct fit *f, struct pg *pg, struct manifest *set, const bool *allowed)
{
    char why[FIT_WHY];
    if (fit_is_due(f, set))
        TRY(fit_ask(f, pg, set));
    if (fit_of_gate(f, set, allowed, why))
        return ERR_OK;
    return err_make(ERR_CONFIG, "%s", *why ? why : "the manifests have just changed");
}
