/* SPDX-License-Identifier: MIT */
#include "spool/cut.h"

#include <string.h>

#include "base/str.h"
#include "base/time.h"

#define EVERY_MIN_US (10 * TIME_US_PER_MS)
#define EVERY_MAX_US TIME_US_PER_DAY

static struct err take_every(struct cut *c, const char *text, int64_t us)
{
    if (c->every_us > 0)
        return err_make(ERR_USAGE, "`%.40s` is the second time; one time and one size may be given",
                        text);
    if (us < EVERY_MIN_US || us > EVERY_MAX_US)
        return err_make(ERR_USAGE, "`%.40s`: a time is between 10 ms and a day", text);
    c->every_us = us;
    return ERR_OK;
}

static struct err take_bytes(struct cut *c, const char *text, uint64_t bytes)
{
    if (c->bytes > 0)
        return err_make(ERR_USAGE, "`%.40s` is the second size; one time and one size may be given",
                        text);
    if (bytes < CUT_BYTES_MIN || bytes > CUT_BYTES_MAX)
        return err_make(ERR_USAGE, "`%.40s`: a size is between 1 KiB and 256 MiB", text);
    c->bytes = bytes;
    return ERR_OK;
}

/* A bare number could be either. */
struct err cut_rule(struct cut *c, const char *text)
{
    int64_t us;
    uint64_t bytes;
    bool has_unit = *text && !strchr("0123456789.", text[strlen(text) - 1]);
    if (has_unit && str_parse_duration(text, &us))
        return take_every(c, text, us);
    if (has_unit && str_parse_size(text, &bytes))
        return take_bytes(c, text, bytes);
    return err_make(ERR_USAGE, "`%.40s` is neither a time (5s) nor a size (10MB)", text);
}

void cut_add(struct cut *c, const void *frame, size_t len, int64_t now_us)
{
    if (c->count++ == 0)
        c->first_us = now_us;
    buf_put(&c->frames, frame, len);
}

bool cut_is_due(const struct cut *c, int64_t now_us)
{
    return c->count > 0 &&
           (c->frames.len >= (c->bytes > 0 ? c->bytes : CUT_BYTES) || cut_wait_us(c, now_us) == 0);
}

int64_t cut_wait_us(const struct cut *c, int64_t now_us)
{
    if (c->count == 0 || c->every_us == 0)
        return -1;
    int64_t end_us = c->first_us + c->every_us;
    return end_us > now_us ? end_us - now_us : 0;
}

void cut_clear(struct cut *c)
{
    buf_clear(&c->frames);
    c->count = 0;
}

void cut_free(struct cut *c)
{
    buf_free(&c->frames);
    c->count = 0;
}
