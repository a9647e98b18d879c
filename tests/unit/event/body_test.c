/* SPDX-License-Identifier: MIT */
#include "event/body.h"

#include <stdlib.h>

#include "bytes.h"

#define BRACES "; {{{x}}} stands for a whole value, {{x}} only for text between quotes"

#define BATCH  "019aa3d2-7c55-7d31-9a0e-1f6f3b2c4d5e"
#define SPOOL  "019aa3d2-0000-7000-8000-000000000001"

/* 2026-11-21T01:57:01.25Z */
enum { CREATED_S = 1795226221 };

static struct event event_of(const char *payload, const char *spool_id)
{
    return (struct event){.id = "019aa3d2-8000-7000-8000-00000000000a",
                          .type = "gate.done",
                          .payload = payload,
                          .spool_id = spool_id,
                          .created_us = INT64_C(1000000) * CREATED_S + 250000};
}

struct row {
    const char *label, *payload, *spool_id, *want; /* want: the body, or the error */
};

static void expect_row(const struct row *row, const struct body_form *form)
{
    struct event event = event_of(row->payload, row->spool_id);
    struct buf body = {0};
    buf_str(&body, "before");
    struct err e = body_render(&event, form, &body);
    const char *got = err_is(&e) ? e.text : buf_cstr(&body) + strlen("before");
    cr_expect_str_eq(got, row->want, "%s\nwant: %s\n got: %s", row->label, row->want, got);
    cr_expect(!err_is(&e) || e.cls == ERR_CONFIG, "%s: class %s", row->label,
              err_class_name(e.cls));
    cr_expect(!err_is(&e) || (body.len == 6 && memcmp(body.data, "before", 6) == 0),
              "%s: after an error there are %zu bytes", row->label, body.len);
    buf_free(&body);
}

static void expect_rows(const struct row *rows, size_t count, enum body_format format)
{
    struct body_form form = {.format = format};
    for (size_t i = 0; i < count; i++)
        expect_row(&rows[i], &form);
}

Test(event_body, flat)
{
    static const struct row rows[] = {
        {"as it is", "{\"event\" : \"gate.done\", \"n\" : 1.10}", "",
         "{\"event\" : \"gate.done\", \"n\" : 1.10}"},
    };
    expect_rows(rows, COUNT(rows), BODY_FLAT);
}

#define STANDARD  "{\"type\":\"gate.done\",\"timestamp\":\"2026-11-21T01:57:01.25Z\",\"data\":"
#define NO_OBJECT "the payload of event 019aa3d2-8000-7000-8000-00000000000a isn't a JSON object"

Test(event_body, standard)
{
    static const struct row rows[] = {
        {"a payload as Postgres writes it",
         "{\"event\" : \"gate.done\", \"seq\" : 2, \"tables\" : {\"metrics\": 5, \"a\": 0}, "
         "\"error\" : null, \"partial\" : false}",
         "",
         STANDARD "{\"seq\":2,\"tables\":{\"metrics\": 5, \"a\": 0},\"error\":null,"
                  "\"partial\":false}}"},
        {"the order of keys stays, and event may stand anywhere",
         "{\"z\":1,\"a\":2,\"event\":\"gate.done\",\"m\":3}", "",
         STANDARD "{\"z\":1,\"a\":2,\"m\":3}}"},
        {"numbers stay as they are",
         "{\"event\":\"e\",\"a\":9223372036854775807,\"b\":18446744073709551616,\"c\":1.10,"
         "\"d\":1E400,\"e\":-0.0,\"f\":0.1000000000000000055511151231257827}",
         "",
         STANDARD "{\"a\":9223372036854775807,\"b\":18446744073709551616,\"c\":1.10,"
                  "\"d\":1E400,\"e\":-0.0,\"f\":0.1000000000000000055511151231257827}}"},
        {"quotes, braces and commas in texts",
         "{\"event\":\"e\",\"a\":\"\\\"},{\\\\\",\"b\":\"]\"}", "",
         STANDARD "{\"a\":\"\\\"},{\\\\\",\"b\":\"]\"}}"},
        {"an event inside isn't the event",
         "{\"event\":\"e\",\"a\":{\"event\":\"x\"},\"events\":1,\"b\":[{\"event\":2},[]]}", "",
         STANDARD "{\"a\":{\"event\":\"x\"},\"events\":1,\"b\":[{\"event\":2},[]]}}"},
        {"white space", " {\t\"event\"\n:\r\"e\" ,\n \"a\" : [ 1 , 2 ] } ", "",
         STANDARD "{\"a\":[ 1 , 2 ]}}"},
        {"nothing else", "{\"event\":\"e\"}", "", STANDARD "{}}"},
        {"nothing", "{}", "", STANDARD "{}}"},
        {"no object", "[1]", "", NO_OBJECT},
        {"no JSON", "", "", NO_OBJECT},
        {"not closed", "{\"event\":\"e\",\"a\":[1,{\"b\":\"]", "", NO_OBJECT},
        {"a string that isn't closed", "{\"event\":\"e\\\"", "", NO_OBJECT},
        {"a backslash at the end", "{\"event\":\"e\\", "", NO_OBJECT},
        {"no colon", "{\"event\" \"e\"}", "", NO_OBJECT},
        {"no value", "{\"event\":}", "", NO_OBJECT},
        {"no comma", "{\"event\":\"e\" \"a\":1}", "", NO_OBJECT},
        {"a key that is no string", "{event:1}", "", NO_OBJECT},
    };
    expect_rows(rows, COUNT(rows), BODY_STANDARD);
}

#define CLOUD(source, subject)                                                             \
    "{\"specversion\":\"1.0\",\"id\":\"019aa3d2-8000-7000-8000-00000000000a\",\"source\":" \
    "\"" source "\",\"type\":\"gate.done\"," subject                                       \
    "\"time\":\"2026-11-21T01:57:01.25Z\",\"datacontenttype\":\"application/json\",\"data\":"

Test(event_body, cloudevents)
{
    static const struct row rows[] = {
        {"of a spool and a batch", "{\"event\":\"gate.done\",\"batch_id\":\"" BATCH "\",\"n\":1}",
         SPOOL,
         CLOUD("urn:spoolgate:spool:" SPOOL, "\"subject\":\"" BATCH "\",") "{\"batch_id\":\"" BATCH
                                                                           "\",\"n\":1}}"},
        {"of neither", "{\"event\":\"e\",\"doc_id\":\"d\"}", "",
         CLOUD("urn:spoolgate", "") "{\"doc_id\":\"d\"}}"},
        {"no batch yet", "{\"event\":\"e\",\"batch_id\":null}", "",
         CLOUD("urn:spoolgate", "") "{\"batch_id\":null}}"},
        {"no object", "null", SPOOL, NO_OBJECT},
    };
    expect_rows(rows, COUNT(rows), BODY_CLOUDEVENTS);
}

static struct err read_part(void *context, const char *path, struct buf *text)
{
    buf_printf(text, "%s of %s", (const char *)context, path);
    return ERR_OK;
}

Test(event_body, template)
{
    static const struct {
        const char *name, *text;
        struct row row;
    } rows[] = {
        {"t.json.tmpl",
         "{\"a\": {{{a}}}, \"s\": \"{{s}}\", \"n\": {{{none}}}}",
         {"JSON", "{\"event\":\"e\",\"a\":[9223372036854775807,0.1],\"s\":\"\\\"\\u0000\"}", "",
          "{\"a\": [9223372036854775807,0.1], \"s\": \"\\\"\\u0000\", \"n\": null}"}},
        {"t.tmpl",
         "{{event}}: {{> part}}",
         {"text", "{\"event\":\"e\"}", "", "e: some of part.tmpl"}},
        /* jansson can't hold them; what a producer says must not keep the event from going out */
        {"t.json.tmpl",
         "{{{a}}}",
         {"numbers too large",
          "{\"a\":[18446744073709551616,-9223372036854775809,1e400,-1e400,1e3,12,\"1e400\","
          "{\"9e999\":[-1.5e-999]}]}",
          "",
          "[\"18446744073709551616\",\"-9223372036854775809\",\"1e400\",\"-1e400\",1000.0,12,"
          "\"1e400\",{\"9e999\":[-0.0]}]"}},
        {"t.json.tmpl",
         "{\"a\": {{a}}}",
         {"what isn't JSON", "{\"a\":\"x\"}", "",
          "t.json.tmpl: line 1, column 7 of what it rendered isn't JSON: invalid token near "
          "'x'" BRACES}},
        {"t.json.tmpl",
         "1",
         {"a payload that isn't JSON", "{,", "",
          "the payload of event 019aa3d2-8000-7000-8000-00000000000a can't be read: string or '}' "
          "expected near ','"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct body_form form = {.format = BODY_TEMPLATE, .partials = {read_part, "some"}};
        struct template *t;
        struct err e = template_compile(rows[i].name, rows[i].text, strlen(rows[i].text), &t);
        cr_assert(!err_is(&e), "%s", e.text);
        form.template = t;
        expect_row(&rows[i].row, &form);
        template_free(t);
    }
}

Test(event_body, content_types)
{
    static const struct {
        enum body_format format;
        const char *template, *want;
    } rows[] = {
        {BODY_FLAT, NULL, "application/json"},
        {BODY_STANDARD, NULL, "application/json"},
        {BODY_CLOUDEVENTS, NULL, "application/cloudevents+json; charset=utf-8"},
        {BODY_TEMPLATE, "a.json.tmpl", "application/json"},
        {BODY_TEMPLATE, "a.html.tmpl", "text/plain; charset=utf-8"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct template *t = NULL;
        if (rows[i].template) {
            struct err e = template_compile(rows[i].template, "", 0, &t);
            cr_assert(!err_is(&e), "%s", e.text);
        }
        const struct body_form form = {.format = rows[i].format, .template = t};
        cr_expect_str_eq(body_content_type(&form), rows[i].want, "row %zu: want %s, got %s", i,
                         rows[i].want, body_content_type(&form));
        template_free(t);
    }
}

/* The envelopes' data against jansson's reading of it, for every example that we publish. */
Test(event_body, every_example_in_every_format)
{
    static const enum body_format formats[] = {BODY_FLAT, BODY_STANDARD, BODY_CLOUDEVENTS};
    for (enum event_type type = 0; type < EVENT_COUNT; type++)
        for (const char *const *text = event_examples(type); *text; text++)
            for (size_t i = 0; i < COUNT(formats); i++) {
                struct event event = event_of(*text, "");
                struct body_form form = {.format = formats[i]};
                struct buf body = {0};
                struct err e = body_render(&event, &form, &body);
                json_t *got = json_loadb(buf_cstr(&body), body.len, JSON_REJECT_DUPLICATES, NULL);
                json_t *want = json_loads(*text, 0, NULL);
                const json_t *data = formats[i] == BODY_FLAT ? got : json_object_get(got, "data");
                if (formats[i] != BODY_FLAT)
                    (void)json_object_del(want, "event");
                cr_expect(!err_is(&e) && json_equal(data, want), "format %d of %s: got %s",
                          (int)formats[i], *text, err_is(&e) ? e.text : buf_cstr(&body));
                json_decref(got);
                json_decref(want);
                buf_free(&body);
            }
}
