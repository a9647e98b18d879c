/* SPDX-License-Identifier: MIT */
#include "web/routes.h"

#include <string.h>

#include "base/time.h"
#include "web/api.h"
#include "web/metrics.h"
#include "web/page.h"
#include "web/ready.h"

#define NOTHING     "default-src 'none'; frame-ancestors 'none'"
#define TEXT        "text/plain; charset=utf-8"
#define HTML        "text/html; charset=utf-8"
#define JSON        "application/json"
#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum { OK = 200, BAD = 400, FORBIDDEN = 403, MISSING = 404, METHOD = 405, UNAVAILABLE = 503 };

static void say(struct web_answer *a, unsigned status, const char *text)
{
    a->status = status;
    a->type = TEXT;
    buf_str(&a->body, text);
    buf_byte(&a->body, '\n');
}

static void get_page(const struct web_site *site, const struct web_request *r, struct web_answer *a)
{
    (void)site;
    (void)r;
    a->type = HTML;
    a->policy = web_page_csp;
    a->fixed = web_page;
    a->fixed_len = web_page_len;
}

static void get_health(const struct web_site *site, const struct web_request *r,
                       struct web_answer *a)
{
    char problem[VIEW_REASON] = "";
    (void)r;
    site->source->health(site->source->context, problem);
    say(a, *problem ? UNAVAILABLE : OK, *problem ? problem : "ok");
}

static void get_ready(const struct web_site *site, const struct web_request *r,
                      struct web_answer *a)
{
    struct view view;
    (void)r;
    site->source->view(site->source->context, &view);
    a->type = TEXT;
    ready_judge(&view, &a->body);
    view_free(&view);
    if (a->body.len > 0)
        a->status = UNAVAILABLE;
    else
        say(a, OK, "ready");
}

static void get_metrics(const struct web_site *site, const struct web_request *r,
                        struct web_answer *a)
{
    struct view view;
    struct collect_known known;
    struct buf manifests = {0};
    (void)r;
    collect_look(site->collect, COLLECT_METRICS_US, &known);
    site->source->view(site->source->context, &view);
    manifest_current_status(site->source->current, &manifests);
    struct metrics m = {.view = &view,
                        .facts = known.facts,
                        .is_database_up = known.is_up,
                        .manifests = json_loads(buf_cstr(&manifests), 0, NULL),
                        .spool_used = known.spool_used,
                        .now_us = time_now()};
    process_look(&m.process);
    a->type = OPENMETRICS;
    metrics_write(&m, &a->body);
    json_decref((json_t *)m.manifests);
    buf_free(&manifests);
    view_free(&view);
    collect_forget(site->collect, &known);
}

static void get_status(const struct web_site *site, const struct web_request *r,
                       struct web_answer *a)
{
    (void)r;
    a->type = JSON;
    api_status(site, &a->body);
}

/* A failure as JSON, since whoever asks reads JSON. */
static void say_error(struct web_answer *a, unsigned status, const char *text)
{
    a->status = status;
    api_error(text, &a->body);
}

static void get_receipts(const struct web_site *site, const struct web_request *r,
                         struct web_answer *a)
{
    struct receipts_query query = RECEIPTS_QUERY;
    char problem[RECEIPTS_PROBLEM];
    a->type = JSON;
    if (r->param_count > WEB_PARAMS) {
        say_error(a, BAD, "too many parameters");
        return;
    }
    for (size_t i = 0; i < r->param_count; i++) {
        if (!receipts_set(&query, r->params[i].key, r->params[i].value, problem)) {
            say_error(a, BAD, problem);
            return;
        }
    }
    struct err e = api_receipts(site, &query, &a->body);
    if (err_is(&e))
        say_error(a, UNAVAILABLE, e.text);
}

void routes_answer(const struct web_site *site, const struct web_request *r, struct web_answer *a)
{
    static const struct {
        const char *path;
        void (*get)(const struct web_site *site, const struct web_request *r, struct web_answer *a);
    } routes[] = {
        {"/", get_page},        {"/metrics", get_metrics},   {"/healthz", get_health},
        {"/readyz", get_ready}, {"/api/status", get_status}, {"/api/receipts", get_receipts}};
    *a = (struct web_answer){.status = OK, .policy = NOTHING};
    if (r->is_foreign) {
        say(a, FORBIDDEN, "this Host isn't ours; names that are belong into http.hosts");
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(r->path, routes[i].path) != 0)
            continue;
        if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
            a->allow = "GET, HEAD";
            say(a, METHOD, "only for reading: GET and HEAD");
        } else {
            routes[i].get(site, r, a);
        }
        return;
    }
    say(a, MISSING, "no such page");
}
