/* SPDX-License-Identifier: MIT */
#include "event/webhook.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/time.h"

#define OWN_HEADERS 4 /* content-type and the webhook- ones */

static bool names(const struct header *headers, const char *name)
{
    for (const struct header *h = headers; h && h->name; h++)
        if (strcasecmp(h->name, name) == 0)
            return true;
    return false;
}

static size_t length(const struct header *headers)
{
    size_t n = 0;
    while (headers && headers[n].name)
        n++;
    return n;
}

void webhook_make_headers(struct webhook_headers *headers, const struct webhook_attempt *attempt)
{
    int64_t timestamp = attempt->now_us / TIME_US_PER_S;
    bool is_signed = attempt->keys && attempt->keys->count > 0;
    size_t extra = length(attempt->extra);
    *headers = (struct webhook_headers){0};
    /* Nothing points into the text before it has stopped growing. */
    buf_printf(&headers->text, "%" PRId64, timestamp);
    buf_byte(&headers->text, '\0');
    size_t signature = headers->text.len;
    if (is_signed)
        sign_body(attempt->keys, attempt->id, timestamp, attempt->body, attempt->body_len,
                  &headers->text);
    const char *text = buf_cstr(&headers->text);

    struct header *list = mem_calloc(OWN_HEADERS + extra + 1, sizeof *list);
    headers->list = list;
    if (!names(attempt->extra, "content-type"))
        *list++ = (struct header){.name = "content-type", .value = attempt->content_type};
    *list++ = (struct header){.name = "webhook-id", .value = attempt->id};
    *list++ = (struct header){.name = "webhook-timestamp", .value = text};
    if (is_signed)
        *list++ = (struct header){.name = "webhook-signature", .value = text + signature};
    for (size_t i = 0; i < extra; i++)
        list[i] = attempt->extra[i];
}

void webhook_free_headers(struct webhook_headers *headers)
{
    free(headers->list);
    buf_free(&headers->text);
    *headers = (struct webhook_headers){0};
}

enum webhook_verdict webhook_judge(int status)
{
    if (status >= 200 && status <= 299)
        return WEBHOOK_DELIVERED;
    if (status == 429 || (status >= 500 && status <= 599))
        return WEBHOOK_BUSY;
    return status == 410 ? WEBHOOK_GONE : WEBHOOK_REFUSED;
}

int64_t webhook_wait_us(const int64_t *schedule, size_t count, unsigned failed,
                        int64_t retry_after_us, uint32_t random)
{
    if (failed >= count)
        return -1;
    int64_t wait = schedule[failed];
    if (retry_after_us > WEBHOOK_RETRY_AFTER_MAX_US)
        retry_after_us = WEBHOOK_RETRY_AFTER_MAX_US;
    if (wait < retry_after_us)
        wait = retry_after_us;
    int64_t tenth = wait / 10;
    int64_t more = (int64_t)((double)tenth * random / ((double)UINT32_MAX + 1));
    return wait < INT64_MAX - more ? wait + more : INT64_MAX;
}
