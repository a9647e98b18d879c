/* SPDX-License-Identifier: MIT */
#include "embed/embedder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/meter.h"
#include "base/time.h"
#include "embed/lexical.h"
#include "embed/reply.h"
#include "embed/request.h"
#include "io/http.h"
#include "io/http_hide.h"
#include "manifest/secret.h"

/* A server that asks for more is looked at again by then: a day of somebody's mistake would be a
 * day without vectors. */
#define RETRY_AFTER_MAX_US (3600 * TIME_US_PER_S)

/* ---- built in ---- */

static enum embed_outcome hash_words(const struct manifest_embedder *declared,
                                     const struct embed_text *texts, size_t count, float *vectors,
                                     struct embed_said *said)
{
    for (size_t i = 0; i < count; i++)
        if (!lexical_embed(texts[i].bytes, texts[i].len, vectors + i * declared->dimensions,
                           declared->dimensions)) {
            (void)snprintf(said->error, sizeof said->error,
                           "there is no word in the text that tells it from others");
            return EMBED_TOO_MUCH;
        }
    return EMBED_DONE;
}

/* ---- the database's vectors ---- */

bool embedder_fits(const struct manifest_embedder *declared, const char *model, uint64_t dimensions,
                   char problem[EMBEDDER_PROBLEM])
{
    bool is_other = *model && strcmp(model, declared->model) != 0;
    if (!is_other && dimensions == declared->dimensions)
        return true;
    (void)snprintf(problem, EMBEDDER_PROBLEM,
                   "embedder %s makes vectors of %.100s, %" PRIu64 " numbers; this database's are "
                   "of %.100s, %" PRIu64 ": declare the embedder that made them, or drop them by "
                   "`spoolgate migrate --embedding auto:%" PRIu64 " --discard-vectors`",
                   declared->name, declared->model, declared->dimensions,
                   *model ? model : "no model yet", dimensions, declared->dimensions);
    return false;
}

/* ---- one request ---- */

/* What goes out with it, and holds secrets: wiped whatever happens. */
struct envelope {
    struct buf url;
    struct buf *values; /* of headers, headers[0] aside */
    struct header *headers;
    size_t count; /* of values */
};

static struct err add_header(struct envelope *v, const char *name, const char *scheme,
                             const struct manifest_secret *secret)
{
    struct buf *value = &v->values[v->count++];
    buf_str(value, scheme);
    TRY(secret_read(secret, value));
    v->headers[v->count] = (struct header){name, buf_cstr(value), true};
    struct err e = header_check(name, v->headers[v->count].value);
    return err_is(&e) ? err_make(ERR_CONFIG, "%s: %s", name, e.text) : ERR_OK;
}

static struct err write_envelope(struct envelope *v, const struct manifest_embedder *declared)
{
    size_t most = declared->header_count + 1;
    v->values = mem_calloc(most, sizeof *v->values);
    v->headers = mem_calloc(most + 2, sizeof *v->headers);
    v->headers[0] = (struct header){"content-type", "application/json", false};
    TRY(secret_read(&declared->url, &v->url));
    struct err e = http_check_url(buf_cstr(&v->url), NULL);
    if (err_is(&e))
        return err_make(ERR_CONFIG, "url: %s", e.text);
    if (declared->key.from != SECRET_NONE)
        TRY(add_header(v, "authorization", "Bearer ", &declared->key));
    for (size_t i = 0; i < declared->header_count; i++)
        TRY(add_header(v, declared->headers[i].name, "", &declared->headers[i].value));
    return ERR_OK;
}

static void wipe_envelope(struct envelope *v)
{
    secret_wipe(&v->url);
    for (size_t i = 0; i < v->count; i++)
        secret_wipe(&v->values[i]);
    free(v->values);
    free(v->headers);
}

/* A refusal's words go into the log and the database, and may repeat the key. */
static void hide_secrets(struct http_reply *reply, struct http_request request, bool url_is_secret)
{
    struct buf text = {0};
    if (!url_is_secret)
        request.url = "";
    buf_put(&text, reply->body, reply->body_len);
    http_hide(&text, &request);
    reply->body_len = text.len < HTTP_REPLY_BYTES ? text.len : HTTP_REPLY_BYTES;
    memcpy(reply->body, buf_cstr(&text), reply->body_len);
    reply->body[reply->body_len] = '\0';
    buf_free(&text);
}

static struct err post(const struct embedder *e, const struct buf *body, struct buf *answer,
                       size_t limit, struct http_reply *reply)
{
    struct envelope envelope = {0};
    const struct manifest_embedder *declared = e->declared;
    struct err failure = write_envelope(&envelope, declared);
    if (!err_is(&failure)) {
        struct http_request request = {.url = buf_cstr(&envelope.url),
                                       .headers = envelope.headers,
                                       .body = body->data,
                                       .body_len = body->len,
                                       .timeout_us = declared->timeout_us,
                                       .allow_private = declared->allow_private,
                                       .ca_file = declared->ca_file,
                                       .reply_body = answer,
                                       .reply_limit = limit,
                                       .keep = e->connection,
                                       .stop = e->stop};
        failure = http_post(&request, reply);
        if (!err_is(&failure))
            hide_secrets(reply, request, declared->url.from != SECRET_INLINE);
    }
    wipe_envelope(&envelope);
    return failure;
}

/* A secret that can't be read, or a URL that nobody could use, is as lasting as a wrong key. */
static enum embed_outcome judge_failure(const struct err *failure, struct embed_said *said)
{
    bool lasts = failure->cls == ERR_CONFIG || failure->cls == ERR_USAGE;
    (void)snprintf(said->error, sizeof said->error, "%.399s", failure->text);
    return lasts ? EMBED_STOPPED : failure->cls == ERR_REMOTE ? EMBED_TROUBLE : EMBED_LATER;
}

struct question {
    const struct embed_text *texts;
    size_t count;
    const char *prefix;
};

static enum embed_outcome count_request(const struct embedder *e, int64_t start_us,
                                        enum embed_outcome how)
{
    bool is_retry = how == EMBED_LATER || how == EMBED_TROUBLE;
    const char *outcome = how == EMBED_DONE ? "ok" : is_retry ? "retry" : "refused";
    meter_time(METER_EMBED_REQUEST, METER_LABELS(e->declared->name, outcome),
               time_monotonic() - start_us);
    return how;
}

static enum embed_outcome request_once(struct embedder *e, const struct question *q,
                                       enum embedder_encoding encoding, float *vectors, int *status,
                                       struct embed_said *said)
{
    struct http_reply reply;
    struct buf body = {0};
    struct buf answer = {0};
    size_t dimensions = e->declared->dimensions;
    int64_t start = time_monotonic();
    enum embed_outcome how;
    embed_request_write(&body, e->declared, q->prefix, encoding, q->texts, q->count);
    *said = (struct embed_said){0};
    struct err failure = post(e, &body, &answer, embed_reply_limit(q->count, dimensions), &reply);
    *status = err_is(&failure) ? 0 : reply.status;
    if (err_is(&failure)) {
        how = judge_failure(&failure, said);
    } else if (reply.status / 100 == 2) {
        how = embed_reply_read(answer.data, answer.len, q->count, dimensions, vectors, &encoding,
                               said);
        if (how == EMBED_DONE)
            e->encoding = encoding;
    } else {
        how = embed_reply_refusal(reply.status, reply.body, reply.body_len, said);
        if (how == EMBED_TROUBLE && reply.retry_after_us > 0)
            how = EMBED_LATER; /* it knows what is the matter */
        said->retry_after_us = how != EMBED_LATER                          ? 0
                               : reply.retry_after_us > RETRY_AFTER_MAX_US ? RETRY_AFTER_MAX_US
                                                                           : reply.retry_after_us;
    }
    buf_free(&answer);
    buf_free(&body);
    return count_request(e, start, how);
}

/* ---- from outside ---- */

void embedder_open(struct embedder *e, const struct manifest_embedder *declared,
                   const atomic_bool *stop)
{
    *e = (struct embedder){.declared = declared,
                           .stop = stop,
                           .connection = mem_calloc(1, sizeof *e->connection),
                           .encoding = declared->encoding};
}

void embedder_close(struct embedder *e)
{
    if (e->connection)
        http_keep_close(e->connection);
    free(e->connection);
    e->connection = NULL;
}

/* Where the encoding is ours to choose, base64 is tried until something has worked: a server that
 * doesn't know the word refuses the request, or answers with numbers all the same. */
enum embed_outcome embedder_ask(struct embedder *e, const struct embed_text *texts, size_t count,
                                enum embed_purpose purpose, float *vectors, struct embed_said *said)
{
    const struct manifest_embedder *declared = e->declared;
    int64_t start = time_monotonic();
    *said = (struct embed_said){0};
    if (declared->provider == EMBEDDER_BUILTIN)
        return count_request(e, start, hash_words(declared, texts, count, vectors, said));
    struct question q = {texts, count,
                         purpose == EMBED_CHUNKS ? declared->prefix : declared->query_prefix};
    bool is_open = e->encoding == EMBEDDER_AUTO;
    int status;
    enum embed_outcome how =
        request_once(e, &q, is_open ? EMBEDDER_BASE64 : e->encoding, vectors, &status, said);
    if (is_open && (status == 400 || status == 422))
        how = request_once(e, &q, EMBEDDER_FLOAT, vectors, &status, said);
    if (declared->encoding != EMBEDDER_AUTO)
        e->encoding = declared->encoding;
    return how;
}
