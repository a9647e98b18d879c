/* SPDX-License-Identifier: MIT */
#include "web/api.h"

#include <string.h>

#include "base/mem.h"
#include "bytes.h"

/* A daemon whose one gate is stalled, for a reason that was cut within a character. */
static void tell_view(void *context, struct view *view)
{
    (void)context;
    *view = (struct view){
        .scanned_us = 1, .gates = mem_calloc(1, sizeof *view->gates), .gate_count = 1};
    view->gates[0] =
        (struct view_gate){.name = "g", .stall = VIEW_STALLED_CLAIM, .stalled = "caf\xc3"};
}

static void tell_nothing(void *context, struct buf *json)
{
    (void)context;
    buf_str(json, "{}");
}

static json_t *status_of(char *conninfo)
{
    struct config config = {.database = conninfo, .schema = (char *)"public"};
    struct spool spool = {.path = (char *)"/spool", .root = -1};
    const struct web_source source = {.config = &config,
                                      .spool = &spool,
                                      .view = tell_view,
                                      .live = tell_nothing,
                                      .trail = tell_nothing,
                                      .totals = tell_nothing,
                                      .history = tell_nothing};
    struct web_site site = {.source = &source};
    struct buf json = {0};
    struct err e = collect_start(&site.collect, &source);
    cr_assert_not(err_is(&e), "%s", e.text);
    collect_end(site.collect); /* nobody is asked */
    api_status(&site, &json);
    collect_stop(site.collect);
    json_t *status = json_loads(buf_cstr(&json), 0, NULL);
    cr_assert_not_null(status, "want JSON, got %s", buf_cstr(&json));
    buf_free(&json);
    return status;
}

static const char *text_at(const json_t *status, const char *object, const char *key)
{
    const char *text = json_string_value(json_object_get(json_object_get(status, object), key));
    return text ? text : "(none)";
}

Test(web_api, texts_of_any_bytes)
{
    char conninfo[] = "host=/nowhere/\xff";
    json_t *status = status_of(conninfo);
    json_t *ready = json_object_get(status, "ready");
    const char *reason = json_string_value(json_array_get(json_object_get(ready, "reasons"), 0));
    cr_expect(json_is_false(json_object_get(ready, "ready")), "want ready: false");
    cr_expect_str_eq(reason ? reason : "(none)", "stalled: gate g: caf\xef\xbf\xbd",
                     "want the reason, mended; got %s", reason ? reason : "(none)");
    cr_expect_str_eq(text_at(status, "database", "target"), "host=/nowhere/\xef\xbf\xbd",
                     "want the target, mended; got %s", text_at(status, "database", "target"));
    cr_expect(json_is_null(json_object_get(json_object_get(status, "facts"), "error")),
              "want facts.error: null");
    json_decref(status);
}
