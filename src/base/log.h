/* SPDX-License-Identifier: MIT */
/*
 * log: one line an event on stderr, logfmt or JSON, whole lines only (threads don't mix).
 *
 *     LOG_INFO("batch loaded", LOG_STR("batch", id), LOG_INT("rows", n), LOG_DURATION("took", us));
 *     ts=2026-11-21T02:00:00.125Z level=info msg="batch loaded" batch=0193… rows=1000 took=0.152
 *
 * Never pass a credential: conninfo strings go through pg_describe() first.
 */
#ifndef SPOOLGATE_BASE_LOG_H
#define SPOOLGATE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_field {
    const char *key;
    enum { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_SECONDS } kind;
    const char *str;
    int64_t number;
};

#define LOG_STR(key, value)   ((struct log_field){key, LOG_KIND_STR, value, 0})
#define LOG_INT(key, value)   ((struct log_field){key, LOG_KIND_INT, 0, (int64_t)(value)})
#define LOG_DURATION(key, us) ((struct log_field){key, LOG_KIND_SECONDS, 0, us}) /* in seconds */

/* At the start and at a reload, from any thread. Default: logfmt, info. */
void log_configure(enum log_format format, enum log_level level);

/* What every line begins with from now on, to take a progress bar off the terminal's last line; ""
 * at first. The text lives as long as the process. */
void log_set_prefix(const char *prefix);

/* fields: ends with one whose key is NULL. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

#define LOG_AT(level, message, ...) \
    log_write(level, message, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...)  LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...)  LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
