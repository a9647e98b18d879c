/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "base/time.h"
#include "base/utf8.h"

static _Atomic enum log_format chosen_format = LOG_FORMAT_LOGFMT;
static _Atomic enum log_level chosen_level = LOG_LEVEL_INFO;
static const char *_Atomic chosen_prefix = "";

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_configure(enum log_format format, enum log_level level)
{
    chosen_format = format;
    chosen_level = level;
}

void log_set_prefix(const char *prefix)
{
    chosen_prefix = prefix;
}

/* logfmt wants quotes around a value as soon as it holds a space, a quote or an equals sign. What
 * isn't UTF-8 goes the same way, since jsonw_quote mends it. */
static void logfmt_value(struct buf *out, const char *value)
{
    size_t len = strlen(value);
    bool plain = len > 0 && utf8_check((const uint8_t *)value, len) == len;
    for (const char *p = value; *p && plain; p++)
        plain = (unsigned char)*p > 0x20 && *p != '"' && *p != '=' && *p != '\\' && *p != 0x7f;
    if (plain)
        buf_str(out, value);
    else
        jsonw_quote(out, value, len);
}

static void write_logfmt(struct buf *out, const char *when, enum log_level level,
                         const char *message, const struct log_field *fields)
{
    buf_printf(out, "ts=%s level=%s msg=", when, level_names[level]);
    logfmt_value(out, message);
    for (const struct log_field *f = fields; f->key; f++) {
        buf_printf(out, " %s=", f->key);
        if (f->kind == LOG_KIND_STR)
            logfmt_value(out, f->str ? f->str : "");
        else if (f->kind == LOG_KIND_INT)
            buf_printf(out, "%" PRId64, f->number);
        else
            buf_printf(out, "%.6f", (double)f->number / 1e6);
    }
}

static void write_json(struct buf *out, const char *when, enum log_level level, const char *message,
                       const struct log_field *fields)
{
    struct jsonw j = {.out = out};
    jsonw_object(&j);
    jsonw_key(&j, "ts");
    jsonw_str(&j, when);
    jsonw_key(&j, "level");
    jsonw_str(&j, level_names[level]);
    jsonw_key(&j, "msg");
    jsonw_str(&j, message);
    for (const struct log_field *f = fields; f->key; f++) {
        jsonw_key(&j, f->key);
        if (f->kind == LOG_KIND_STR) {
            jsonw_str(&j, f->str);
        } else if (f->kind == LOG_KIND_INT) {
            jsonw_int(&j, f->number);
        } else {
            char seconds[32];
            (void)snprintf(seconds, sizeof seconds, "%.6f", (double)f->number / 1e6);
            jsonw_raw(&j, seconds);
        }
    }
    jsonw_end(&j);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    if (level < chosen_level)
        return;
    struct buf line = {0};
    char when[TIME_TEXT];
    buf_str(&line, chosen_prefix);
    (void)time_format(time_now() / TIME_US_PER_MS * TIME_US_PER_MS, when);
    if (chosen_format == LOG_FORMAT_JSON)
        write_json(&line, when, level, message, fields);
    else
        write_logfmt(&line, when, level, message, fields);
    buf_byte(&line, '\n');
    /* One write a line: lines of several threads, or processes, stay whole. A log that can't be
     * written must not stop the data. */
    if (write(STDERR_FILENO, line.data, line.len) < 0)
        (void)0;
    buf_free(&line);
}
