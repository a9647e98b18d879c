/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "event/template.h"
#include "notifier.h"

#define DATA_BYTES (16U << 20)

static struct err read_all(int fd, const char *shown, size_t limit, struct buf *out)
{
    for (;;) {
        uint8_t *room = buf_reserve(out, 65536);
        ssize_t n = read(fd, room, 65536);
        if (n < 0 && errno != EINTR)
            return err_system(ERR_SPOOL, errno, "can't read %s", shown);
        if (n == 0)
            return ERR_OK;
        out->len += n > 0 ? (size_t)n : 0;
        if (out->len > limit)
            return err_make(ERR_CONFIG, "%s:1:1: larger than %zu KiB", shown, limit / 1024);
    }
}

static struct err read_file(const char *path, size_t limit, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_system(ERR_SPOOL, errno, "can't read %s", path);
    struct err e = read_all(fd, path, limit, out);
    (void)close(fd);
    return e;
}

static struct err read_partial(void *context, const char *path, struct buf *text)
{
    (void)context;
    return read_file(path, TEMPLATE_BYTES, text);
}

/* text: the data as it was given, which is what goes out when nothing has to be changed. */
static struct err read_data(const struct options *o, struct buf *text, json_t **data)
{
    const char *shown = "--data";
    if (!o->data) {
        buf_str(text, "{}");
    } else if (strcmp(o->data, "-") == 0) {
        shown = "(standard input)";
        TRY(read_all(STDIN_FILENO, shown, DATA_BYTES, text));
    } else if (o->data[0] == '@') {
        shown = o->data + 1;
        TRY(read_file(shown, DATA_BYTES, text));
    } else {
        buf_str(text, o->data);
    }
    json_error_t error;
    *data = json_loadb(buf_cstr(text), text->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!*data)
        return err_make(ERR_CONFIG, "%s:%d:%d: %s", shown, error.line > 0 ? error.line : 1,
                        error.column > 0 ? error.column : 1, error.text);
    return ERR_OK;
}

/* The event comes first in the body, wherever the data had it. */
static struct err set_event(const char *event, json_t **data)
{
    if (!json_is_object(*data))
        return err_make(ERR_CONFIG,
                        "--data:1:1: --event needs an object, {...}, to put itself into");
    json_t *first = json_pack("{s:s}", "event", event);
    if (!first)
        return err_make(ERR_USAGE, "--event isn't UTF-8");
    if (json_object_update_missing(first, *data) != 0)
        return err_make(ERR_INTERNAL, "jansson can't merge objects");
    json_decref(*data);
    *data = first;
    return ERR_OK;
}

static struct err render(const char *name, const struct buf *text, const json_t *data,
                         struct buf *body)
{
    const struct template_env env = {.read = read_partial};
    struct template *t = NULL;
    struct err e = template_compile(name, (const char *)text->data, text->len, &t);
    if (!err_is(&e))
        e = template_render(t, data, &env, body);
    if (!err_is(&e))
        e = template_check(t, body);
    template_free(t);
    return e;
}

static struct err fill_body(const struct options *o, struct buf *text, struct buf *source,
                            json_t **data, struct message *m)
{
    m->type = "application/json";
    TRY(read_data(o, text, data));
    if (o->event)
        TRY(set_event(o->event, data));
    if (o->template) {
        if (!template_is_json(o->template))
            m->type = "text/plain; charset=utf-8";
        TRY(read_file(o->template, TEMPLATE_BYTES, source));
        (void)buf_cstr(source);
        return render(o->template, source, *data, &m->body);
    }
    if (o->event) {
        buf_str(source, "{{{.}}}");
        return render("data.json.tmpl", source, *data, &m->body);
    }
    buf_put(&m->body, text->data, text->len);
    return ERR_OK;
}

struct err message_make(const struct options *o, struct message *m)
{
    struct buf text = {0};
    struct buf source = {0};
    json_t *data = NULL;
    struct err e = fill_body(o, &text, &source, &data, m);
    (void)buf_cstr(&m->body); /* an empty one has data, too */
    json_decref(data);
    buf_free(&text);
    buf_free(&source);
    return e;
}

int message_print(const struct message *m)
{
    bool ends = m->body.len > 0 && m->body.data[m->body.len - 1] == '\n';
    bool good = fwrite(m->body.data, 1, m->body.len, stdout) == m->body.len;
    /* A prompt belongs on its own line; a pipe gets the exact bytes. */
    if (!ends && isatty(STDOUT_FILENO))
        (void)putchar('\n');
    if (good && fflush(stdout) == 0)
        return 0;
    (void)fprintf(stderr, "notifier: can't write the output: %s\n", strerror(errno));
    return EXIT_OUTPUT;
}

void message_free(struct message *m)
{
    buf_free(&m->body);
}
