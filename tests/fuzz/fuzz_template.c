/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a template, any bytes as its data, or as an event's payload. Input: one byte of
 * flags, two bytes (little-endian) with the length of the data's JSON, the JSON, the template.
 * Partials are the template's own tails, so that they nest and recur.
 */
#include "event/body.c"
#include "event/render.c"
#include "event/template.c"
#include "event/value.c"

#define JSON_DEPTH 2000 /* jansson's is 2,048 */

struct tail {
    const char *text;
    size_t len;
};

static struct err read_tail(void *context, const char *path, struct buf *text)
{
    const struct tail *all = context;
    size_t skip = strlen(path) * 7 % (all->len + 1);
    if (path[0] == 'e')
        return err_make(ERR_SPOOL, "can't read %s", path);
    buf_put(text, all->text + skip, all->len - skip);
    return ERR_OK;
}

/* What is inserted as a JSON value, or as text between quotes, reads back as what it was. */
static void check_round_trip(const char *text, const json_t *data, const json_t *want)
{
    struct template *t;
    struct buf out = {0};
    struct err e = template_compile("t.json.tmpl", text, strlen(text), &t);
    assert(!err_is(&e));
    e = template_render(t, data, NULL, &out);
    if (!err_is(&e)) { /* else: too large */
        e = template_check(t, &out);
        assert(!err_is(&e));
        json_t *got = json_loadb(buf_cstr(&out), out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert(json_equal(got, want));
        json_decref(got);
    }
    template_free(t);
    buf_free(&out);
}

/* An envelope's data, which is cut out as text, is what jansson reads in the payload: but for keys
 * with escapes, which ours have none of, and what is nested as deep as jansson reads, and not one
 * level deeper. */
static void check_envelope(const struct event *event, enum body_format format)
{
    const struct body_form form = {.format = format};
    struct buf body = {0};
    json_t *payload = json_loads(event->payload, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    struct err e = body_render(event, &form, &body);
    assert(!payload || !json_is_object(payload) == err_is(&e));
    if (payload && !err_is(&e) && !strstr(event->payload, "\\u") &&
        strlen(event->payload) < JSON_DEPTH) {
        json_t *got = json_loadb(buf_cstr(&body), body.len, JSON_ALLOW_NUL, NULL);
        (void)json_object_del(payload, "event");
        assert(got && json_equal(json_object_get(got, "data"), payload));
        json_decref(got);
    }
    json_decref(payload);
    buf_free(&body);
}

/* A template over a payload as it comes, and over an example that we publish. */
static void check_bodies(const struct template *t, const struct template_env *env,
                         const char *payload, enum event_type type)
{
    struct event event = {"id", event_names[type], payload, "", 0};
    const struct body_form form = {.format = BODY_TEMPLATE, .template = t, .partials = *env};
    struct buf body = {0};
    check_envelope(&event, BODY_STANDARD);
    check_envelope(&event, BODY_CLOUDEVENTS);
    for (int i = 0; t && i < 2; i++) {
        struct err e = body_render(&event, &form, &body);
        assert(!err_is(&e) || body.len == 0);
        assert(body.len <= TEMPLATE_BYTES);
        buf_clear(&body);
        event.payload = event_examples(type)[0];
    }
    buf_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 3)
        return 0;
    size_t json_len = (size_t)bytes[1] | (size_t)bytes[2] << 8;
    json_len = json_len < len - 3 ? json_len : len - 3;
    const char *json = (const char *)bytes + 3;
    struct tail all = {json + json_len, len - 3 - json_len};

    json_t *data = json_loadb(json, json_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!data)
        data = json_pack("{s:s,s:[i,i],s:{s:f}}", "a", "<\"\n", "l", 1, 2, "o", "x", 0.1);
    check_round_trip("{{{.}}}", data, data);
    if (json_is_string(data))
        check_round_trip("\"{{.}}\"", data, data);

    const struct template_env env = {.read = bytes[0] & 2 ? read_tail : NULL, .context = &all};
    const char *name = bytes[0] & 1 ? "dir/t.json.tmpl" : "t.tmpl";
    struct template *t;
    struct buf out = {0};
    struct err e = template_compile(name, all.text, all.len, &t);
    assert(err_is(&e) == !t);
    if (t) {
        e = template_render(t, data, &env, &out);
        assert(out.len <= TEMPLATE_BYTES);
        if (!err_is(&e))
            e = template_check(t, &out);
    }
    char *payload = mem_strndup(json, json_len);
    check_bodies(t, &env, payload, bytes[0] / 4 % EVENT_COUNT);
    free(payload);
    template_free(t);
    buf_free(&out);
    json_decref(data);
    return 0;
}
