/* SPDX-License-Identifier: MIT */
#include "web/api.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"
#include "base/time.h"
#include "status/live.h"
#include "web/ready.h"

static json_t *read_json(struct buf *text)
{
    json_t *value = json_loads(buf_cstr(text), JSON_DECODE_ANY, NULL);
    buf_free(text);
    return value ? value : json_null();
}

/* What one of the daemon's functions says. */
static json_t *ask(const struct web_source *source, void (*what)(void *context, struct buf *json))
{
    struct buf text = {0};
    what(source->context, &text);
    return read_json(&text);
}

static void write_json(json_t *value, struct buf *json)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    buf_str(json, text ? text : "null");
    free(text);
    json_decref(value);
}

static json_t *time_json(int64_t us)
{
    char text[TIME_TEXT];
    return json_string(time_format(us, text));
}

/* Of any bytes: a text that was cut to fit may end within a character. jsonw mends what jansson
 * refuses. */
static json_t *text_json(const char *text, size_t len)
{
    struct buf quoted = {0};
    jsonw_quote(&quoted, text, len);
    return read_json(&quoted);
}

static json_t *error_json(const char *text)
{
    return *text ? text_json(text, strlen(text)) : json_null();
}

/* ---- /api/status ---- */

static void put_ready(const struct web_source *source, json_t *status)
{
    struct view view;
    struct buf reasons = {0};
    const char *line;
    size_t len;
    json_t *list = json_array();
    source->view(source->context, &view);
    ready_judge(&view, &reasons);
    const char *text = buf_cstr(&reasons);
    while ((line = str_line(&text, &len)))
        (void)json_array_append_new(list, text_json(line, len));
    (void)json_object_set_new(status, "ready",
                              json_pack("{s:b, s:o}", "ready", reasons.len == 0, "reasons", list));
    buf_free(&reasons);
    view_free(&view);
}

static void put_facts(const struct web_site *site, json_t *status)
{
    struct collect_known known;
    collect_look(site->collect, COLLECT_PAGE_US, &known);
    char *target = pg_describe(site->source->config->database);
    json_t *facts = json_deep_copy(known.facts);
    (void)json_object_update(status, facts);
    json_decref(facts);
    (void)json_object_set_new(
        status, "facts",
        json_pack("{s:o, s:o}", "asked_at",
                  known.asked_us > 0 ? time_json(known.asked_us) : json_null(), "error",
                  error_json(known.error)));
    (void)json_object_set_new(status, "database",
                              json_pack("{s:o, s:o}", "target", text_json(target, strlen(target)),
                                        "error", error_json(known.error)));
    free(target);
    collect_forget(site->collect, &known);
}

void api_status(const struct web_site *site, struct buf *json)
{
    const struct web_source *source = site->source;
    json_t *status = json_object();
    (void)json_object_set_new(status, "now", time_json(time_now()));
    (void)json_object_set_new(status, "spool", json_string(source->spool->path));
    (void)json_object_set_new(status, "spool_id", json_string(source->spool->id));
    put_facts(site, status); /* which may wait: what is quick is newer */
    live_put(status, ask(source, source->live));
    put_ready(source, status);
    (void)json_object_set_new(status, "batches", ask(source, source->trail));
    (void)json_object_set_new(status, "totals", ask(source, source->totals));
    (void)json_object_set_new(status, "history", ask(source, source->history));
    write_json(status, json);
}

/* ---- /api/receipts ---- */

struct err api_receipts(const struct web_site *site, const struct receipts_query *query,
                        struct buf *json)
{
    json_t *rows;
    TRY(collect_receipts(site->collect, query, &rows));
    size_t count = json_array_size(rows);
    json_t *last = count == query->limit ? json_array_get(rows, count - 1) : NULL;
    json_t *next = json_object_get(last, "batch_id");
    write_json(json_pack("{s:o, s:O?}", "receipts", rows, "next", next), json);
    return ERR_OK;
}

void api_error(const char *text, struct buf *json)
{
    struct jsonw j = {.out = json};
    jsonw_object(&j);
    jsonw_key(&j, "error");
    jsonw_str(&j, text);
    jsonw_end(&j);
}
