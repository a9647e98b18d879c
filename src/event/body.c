/* SPDX-License-Identifier: MIT */
#include "event/body.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/time.h"

/* ---- the payload as text ----
 *
 * An envelope's data is cut out of the payload's text: reading and printing it would lose what a
 * number has beyond 64 bits or a double. The database has made sure that it is JSON; this looks no
 * closer than it has to, and never past the end. */

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* From the quote on; NULL: it isn't closed. */
static const char *skip_string(const char *p)
{
    for (p++; *p != '"'; p++) {
        p += *p == '\\';
        if (*p == '\0')
            return NULL;
    }
    return p + 1;
}

/* NULL: there is none, or it isn't closed. */
static const char *skip_value(const char *p)
{
    size_t depth = 0;
    if (*p != '"' && *p != '{' && *p != '[') {
        size_t len = strcspn(p, ",:]} \t\r\n");
        return len > 0 ? p + len : NULL;
    }
    do {
        if (*p == '"') {
            p = skip_string(p);
        } else {
            depth += *p == '{' || *p == '[';
            depth -= *p == '}' || *p == ']';
            p = *p ? p + 1 : NULL;
        }
    } while (p && depth > 0);
    return p;
}

struct member {
    const char *key; /* with its quotes */
    size_t key_len;
    const char *value;
    size_t value_len;
    const char *next; /* the member behind it; at the object's end, "}" */
};

/* *m: zeroed for the first. False: there is none any more; and m->next is NULL where the text isn't
 * an object. */
static bool next_member(const char *object, struct member *m)
{
    const char *p = m->next;
    if (!p) {
        p = skip_space(object);
        p = *p == '{' ? skip_space(p + 1) : "";
    }
    m->next = *p == '}' ? p : NULL;
    if (*p != '"')
        return false;
    m->key = p;
    if (!(p = skip_string(p)))
        return false;
    m->key_len = (size_t)(p - m->key);
    p = skip_space(p);
    if (*p != ':')
        return false;
    m->value = skip_space(p + 1);
    if (!(p = skip_value(m->value)))
        return false;
    m->value_len = (size_t)(p - m->value);
    p = skip_space(p);
    if (*p == ',')
        m->next = skip_space(p + 1);
    else if (*p == '}')
        m->next = p;
    return m->next != NULL;
}

static bool is_key(const struct member *m, const char *name)
{
    size_t len = strlen(name);
    return m->key_len == len + 2 && memcmp(m->key + 1, name, len) == 0;
}

/* The payload but for `event`, and its batch_id, quotes and all; empty: it has none. */
struct parts {
    struct buf data, batch_id;
};

static struct err cut(const struct event *event, struct parts *parts)
{
    struct member m = {0};
    const char *comma = "";
    buf_byte(&parts->data, '{');
    while (next_member(event->payload, &m)) {
        if (is_key(&m, "event"))
            continue;
        if (is_key(&m, "batch_id") && *m.value == '"')
            buf_put(&parts->batch_id, m.value, m.value_len);
        buf_str(&parts->data, comma);
        buf_put(&parts->data, m.key, m.key_len);
        buf_byte(&parts->data, ':');
        buf_put(&parts->data, m.value, m.value_len);
        comma = ",";
    }
    buf_byte(&parts->data, '}');
    return m.next ? ERR_OK
                  : err_make(ERR_CONFIG, "the payload of event %s isn't a JSON object", event->id);
}

/* ---- envelopes ---- */

static void put_pair(struct jsonw *j, const char *key, const char *value)
{
    jsonw_key(j, key);
    jsonw_str(j, value);
}

static void put_data(struct jsonw *j, struct parts *parts)
{
    jsonw_key(j, "data");
    jsonw_raw(j, buf_cstr(&parts->data));
    jsonw_end(j);
}

static void put_standard(struct jsonw *j, const struct event *event, struct parts *parts)
{
    jsonw_object(j);
    put_pair(j, "type", event->type);
    jsonw_key(j, "timestamp");
    jsonw_time(j, event->created_us);
    put_data(j, parts);
}

static void put_cloudevents(struct jsonw *j, const struct event *event, struct parts *parts)
{
    struct buf source = {0};
    buf_printf(&source, "urn:spoolgate%s%s", *event->spool_id ? ":spool:" : "", event->spool_id);
    jsonw_object(j);
    put_pair(j, "specversion", "1.0");
    put_pair(j, "id", event->id);
    put_pair(j, "source", buf_cstr(&source));
    put_pair(j, "type", event->type);
    if (parts->batch_id.len > 0) {
        jsonw_key(j, "subject");
        jsonw_raw(j, buf_cstr(&parts->batch_id));
    }
    jsonw_key(j, "time");
    jsonw_time(j, event->created_us);
    put_pair(j, "datacontenttype", "application/json");
    put_data(j, parts);
    buf_free(&source);
}

static struct err put_envelope(const struct event *event, enum body_format format, struct buf *body)
{
    struct parts parts = {0};
    struct jsonw j = {.out = body};
    struct err e = cut(event, &parts);
    if (!err_is(&e))
        (format == BODY_STANDARD ? put_standard : put_cloudevents)(&j, event, &parts);
    buf_free(&parts.data);
    buf_free(&parts.batch_id);
    return e;
}

/* ---- templates ---- */

static bool is_too_large(const char *number)
{
    char *end;
    errno = 0;
    (void)strtoll(number, &end, 10);
    if (!strchr(".eE", *end) || *end == '\0')
        return errno == ERANGE;
    return isinf(strtod(number, NULL));
}

/* The same JSON, with numbers that neither 64 bits nor a double can hold as strings. */
static void quote_large_numbers(const char *text, struct buf *out)
{
    for (const char *p = text; *p;) {
        const char *end = p + 1;
        bool is_quoted = false;
        if (*p == '"') {
            end = skip_string(p);
            end = end ? end : p + strlen(p);
        } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
            end = p + strspn(p, "+-.0123456789eE");
            is_quoted = is_too_large(p);
        }
        buf_str(out, is_quoted ? "\"" : "");
        buf_put(out, p, (size_t)(end - p));
        buf_str(out, is_quoted ? "\"" : "");
        p = end;
    }
}

/* A producer's number may be larger than jansson reads. The event goes out nonetheless. */
static json_t *read_payload(const char *text, json_error_t *error)
{
    json_t *data = json_loads(text, JSON_ALLOW_NUL, error);
    if (!data && json_error_code(error) == json_error_numeric_overflow) {
        struct buf quoted = {0};
        quote_large_numbers(text, &quoted);
        data = json_loads(buf_cstr(&quoted), JSON_ALLOW_NUL, error);
        buf_free(&quoted);
    }
    return data;
}

static struct err put_template(const struct event *event, const struct body_form *form,
                               struct buf *body)
{
    json_error_t error;
    struct buf text = {0};
    json_t *data = read_payload(event->payload, &error);
    if (!data)
        return err_make(ERR_CONFIG, "the payload of event %s can't be read: %s", event->id,
                        error.text);
    struct err e = template_render(form->template, data, &form->partials, &text);
    if (!err_is(&e))
        e = template_check(form->template, &text);
    if (!err_is(&e))
        buf_put(body, text.data, text.len);
    json_decref(data);
    buf_free(&text);
    return e;
}

/* ---- all of them ---- */

struct err body_render(const struct event *event, const struct body_form *form, struct buf *body)
{
    switch (form->format) {
    case BODY_STANDARD:
    case BODY_CLOUDEVENTS:
        return put_envelope(event, form->format, body);
    case BODY_TEMPLATE:
        return put_template(event, form, body);
    default:
        buf_str(body, event->payload);
        return ERR_OK;
    }
}

const char *body_content_type(const struct body_form *form)
{
    if (form->format == BODY_CLOUDEVENTS)
        return "application/cloudevents+json; charset=utf-8";
    if (form->format == BODY_TEMPLATE && !template_is_json(template_name(form->template)))
        return "text/plain; charset=utf-8";
    return "application/json";
}
