/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sql.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "daemon/service.h"
#include "db/queries.h"
#include "embed/embedder.h"
#include "embed/worker.h"
#include "kb/complete.h"
#include "schema/knowledge.h"

enum { AGAIN_DOCUMENTS = 1000 /* in one transaction */ };
#define END_US (EMBED_GRACE_US + INT64_C(4500000)) /* after that it is broken off */

struct request {
    struct cli_common *common;
    const char *again, *document, *text;
    const char *embedder; /* of resume; NULL: all */
    bool once, resume, json;
    enum kb_again which;
};

static const char *const again_words[] = {
    [KB_FAILED] = "failed", [KB_MISSING] = "missing", [KB_ALL] = "all", NULL};

/* ---- --text ---- */

static void print_vector(const float *vector, size_t count)
{
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) {
        buf_byte(&text, i == 0 ? '[' : ',');
        buf_printf(&text, "%.9g", (double)vector[i]);
    }
    (void)printf("%s]\n", buf_cstr(&text));
    buf_free(&text);
}

/* A question's: by the first embedder that can. */
static struct err show_vector(const struct manifest *set, const char *text)
{
    const struct embed_text question = {text, strlen(text)};
    struct embed_said said = {0};
    bool is_made = false;
    if (utf8_check((const uint8_t *)text, question.len) != question.len)
        return err_make(ERR_USAGE, "--text wants UTF-8");
    for (size_t i = 0; i < set->embedder_count && !is_made; i++) {
        const struct manifest_embedder *declared = &set->embedders[i];
        struct embedder e;
        float *vector = mem_alloc(declared->dimensions * sizeof *vector);
        embedder_open(&e, declared, NULL);
        is_made = embedder_ask(&e, &question, 1, EMBED_QUESTION, vector, &said) == EMBED_DONE;
        embedder_close(&e);
        if (is_made)
            print_vector(vector, declared->dimensions);
        free(vector);
    }
    return is_made ? ERR_OK : err_make(ERR_REMOTE, "no vector: %s", said.error);
}

/* ---- --resume, --again ---- */

static struct err resume(struct pg *pg, const struct manifest *set, const struct request *r)
{
    PGresult *rows;
    if (r->embedder && !manifest_embedder(set, r->embedder))
        return err_make(ERR_USAGE, "no manifest declares an embedder `%s`", r->embedder);
    TRY(pg_query(pg, sql_embed_resume, PG_PARAMS(r->embedder), &rows));
    json_t *resumed = json_array();
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *name = PQgetvalue(rows, i, 0);
        (void)json_array_append_new(resumed, json_string(name));
        if (!r->json)
            (void)printf("embedder %s goes on\n", name);
    }
    json_t *all = json_pack("{s:o}", "resumed", resumed);
    if (r->json)
        show_json(all);
    else if (PQntuples(rows) == 0)
        (void)puts("no embedder was stopped or paused");
    json_decref(all);
    PQclear(rows);
    return ERR_OK;
}

static struct err require_document(struct pg *pg, const char *id)
{
    PGresult *rows;
    TRY(pg_query(pg, sql_embed_document, PG_PARAMS(id), &rows));
    bool is_there = PQntuples(rows) > 0;
    PQclear(rows);
    return is_there ? ERR_OK
                    : err_make(ERR_USAGE, "there is no document %s in pmoves_kb.documents", id);
}

static void print_again(uint64_t chunks, uint64_t documents, bool json)
{
    char n[2][STR_MANY];
    if (json)
        (void)printf("{\"chunks_again\":%" PRIu64 ",\"documents_again\":%" PRIu64 "}\n", chunks,
                     documents);
    else
        (void)printf("%s of %s wait%s for new vectors\n", str_many(chunks, "chunk", n[0]),
                     str_many(documents, "document", n[1]), chunks == 1 ? "s" : "");
}

static struct err again(struct pg *pg, const struct manifest *set, const struct request *r)
{
    struct buf sinks = {0};
    char docs[UUID_TEXT + 2];
    char after[UUID_TEXT] = "";
    uint64_t all_documents = 0;
    uint64_t all_chunks = 0;
    uint64_t documents = 1;
    struct err e = ERR_OK;
    if (r->document)
        TRY(require_document(pg, r->document));
    buf_byte(&sinks, '{');
    for (size_t i = 0; i < set->sink_count; i++)
        if (manifest_sink_wants(&set->sinks[i], EVENT_KB_INDEX_COMPLETED, NULL))
            sql_element(&sinks, set->sinks[i].name);
    buf_byte(&sinks, '}');
    (void)snprintf(docs, sizeof docs, "{%s}", r->document ? r->document : "");
    while (documents > 0 && !err_is(&e)) {
        uint64_t chunks = 0;
        documents = 0;
        e = kb_again(pg, r->which, r->document ? docs : NULL, buf_cstr(&sinks), AGAIN_DOCUMENTS,
                     after, &documents, &chunks);
        all_documents += documents;
        all_chunks += chunks;
    }
    buf_free(&sinks);
    if (!err_is(&e))
        print_again(all_chunks, all_documents, r->json);
    return e;
}

/* ---- working ---- */

static void print_result(const struct embed_result *r, bool json)
{
    char chunks[STR_MANY];
    char documents[STR_MANY];
    if (json)
        (void)printf("{\"chunks_embedded\":%" PRIu64 ",\"chunks_failed\":%" PRIu64
                     ",\"documents_completed\":%" PRIu64 "}\n",
                     r->embedded, r->failed, r->documents);
    else
        (void)printf("%s embedded, %" PRIu64 " failed; %s complete\n",
                     str_many(r->embedded, "chunk", chunks), r->failed,
                     str_many(r->documents, "document", documents));
}

static void show_progress(struct progress *p, struct embed_worker *w)
{
    struct embed_result now;
    char chunks[STR_MANY];
    char rate[STR_HUMAN];
    char text[128];
    if (!progress_is_due(p))
        return;
    embed_count(w, &now);
    (void)snprintf(text, sizeof text, "%s  %s a second", str_many(now.embedded, "chunk", chunks),
                   str_count(progress_rate(p, now.embedded), rate));
    progress_show(p, 0, 0, text);
}

static void reload(struct manifest_current *current, struct embed_worker *w)
{
    struct manifest_reload r = {0};
    service_reloading();
    struct err e = manifest_current_reload(current, &r);
    manifest_current_log(current, &r, &e);
    embed_wake(w);
    service_ready();
    manifest_reload_free(&r);
}

static void turn(struct service *service, struct embed_worker *w)
{
    struct embed_result now;
    char status[SERVICE_STATUS];
    char chunks[STR_MANY];
    embed_count(w, &now);
    (void)snprintf(status, sizeof status, "%s embedded, %" PRIu64 " failed",
                   str_many(now.embedded, "chunk", chunks), now.failed);
    service_turn(service, status);
}

/* Until a signal, or, with --once, until nothing is due. A second signal breaks off. */
static struct err work(const struct config *config, struct manifest_current *current,
                       const struct request *r)
{
    struct embed_worker *w;
    struct embed_result result;
    struct progress progress;
    enum embed_end how = EMBED_SOON;
    sigset_t signals;
    bool is_asked = false;
    struct service service;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    TRY(embed_start(&w, config, current, NULL, NULL));
    service_open(&service);
    service_ready();
    progress_open(&progress, "embedding");
    if (r->once)
        embed_end(w, EMBED_FINISH);
    else
        LOG_INFO("spoolgate is embedding");
    while (!is_asked && !(r->once && embed_is_over(w))) {
        const struct timespec pause = {.tv_nsec = 100000000};
        int number = sigtimedwait(&signals, NULL, &pause);
        show_progress(&progress, w);
        turn(&service, w);
        is_asked = number == SIGTERM || number == SIGINT;
        if (number == SIGHUP)
            reload(current, w);
    }
    service_stopping();
    if (is_asked)
        service_end_by(END_US);
    if (r->once && !is_asked)
        how = EMBED_FINISH;
    embed_stop(w, how, &result);
    progress_close(&progress);
    print_result(&result, r->json);
    return r->once && !is_asked ? result.failure : ERR_OK;
}

/* ---- the command ---- */

static struct err act(const struct config *config, struct request *r)
{
    if (!config->knowledge.is_on && !r->text)
        return err_make(ERR_CONFIG, "knowledge.enabled is false: there are no chunks to embed");

    struct manifest_current current;
    struct pg pg;
    pg_init(&pg);
    struct err e = cli_manifests(config, &current);
    current.read_config = cli_read_config;
    current.context = r->common;
    struct manifest *set = err_is(&e) ? NULL : manifest_current_get(&current);
    if (set && r->text) {
        e = show_vector(set, r->text);
    } else if (set) {
        bool outlives = !r->once && !r->resume && !r->again;
        e = cli_connect(config, &pg);
        if (!err_is(&e))
            e = knowledge_require(&pg);
        if (outlives && e.cls == ERR_DATABASE) {
            LOG_WARN("starting without the database", LOG_STR("error", e.text));
            e = ERR_OK;
        }
        if (!err_is(&e) && r->resume)
            e = resume(&pg, set, r);
        if (!err_is(&e) && r->again)
            e = again(&pg, set, r);
        pg_close(&pg);
        if (!err_is(&e) && (r->once || outlives))
            e = work(config, &current, r);
    }
    manifest_release(set);
    manifest_current_close(&current);
    return e;
}

/* NULL: the options make sense. */
static const char *check(struct request *r, int argc, char **argv)
{
    struct uuid id;
    if (argc > 1 || (argc == 1 && !r->resume))
        return "only --resume takes an embedder's name";
    r->embedder = argc == 1 ? argv[0] : NULL;
    if (r->document && (!r->again || !uuid_parse(r->document, &id)))
        return "--document wants a document's id, and goes with --again";
    while (r->again && again_words[r->which] && strcmp(again_words[r->which], r->again) != 0)
        r->which++;
    if (r->again && !again_words[r->which])
        return "--again wants failed, missing or all";
    return NULL;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct request r = {0};
    const struct cli_option options[] = {
        CLI_CONFIG(common),
        CLI_DATABASE(common),
        CLI_MANIFESTS(common),
        {0, "once", NULL, "end when nothing is due any more", NULL, &r.once},
        {0, "resume", NULL, "let an embedder that was stopped or paused go on; NAME: only this one",
         NULL, &r.resume},
        {0, "again", "WHICH",
         "once more: chunks that `failed`, are `missing` their vector, or `all` of another model",
         &r.again, NULL},
        {0, "document", "ID", "again: only of this document", &r.document, NULL},
        {0, "text", "TEXT", "print a question's vector, for kb_nearest; needs no database", &r.text,
         NULL},
        CLI_JSON(r.json),
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_embed, options, &argc, &argv, &code))
        return code;
    const char *problem = check(&r, argc, argv);
    if (problem)
        return cli_usage(&cli_embed, problem);
    common.config = cli_find_config(&common); /* a reload reads the same one */
    r.common = &common;
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = act(&config, &r);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_embed = {
    .name = "embed",
    .arguments = "[NAME]",
    .summary = "make the vectors of chunks that wait: the embedding worker alone",
    .details =
        "Needs the database and the manifests (embedders/), but no spool: run any number of them,\n"
        "anywhere. Ends on SIGTERM, and gives back what it has in hand; SIGHUP reads "
        "configuration\n"
        "and manifests anew. `run` and `drain` do the same work unless `knowledge.embed` is "
        "false.\n\n"
        "An embedder is stopped for all workers when it won't get better by itself: a key, a "
        "quota,\n"
        "vectors of another length. --resume lets it go on once that is mended.\n"
        "--again makes a new revision of each document that it finds something in, and ends; with\n"
        "--once it also does the work.\n\n"
        "  spoolgate embed --once\n"
        "  spoolgate embed --again failed\n"
        "  spoolgate embed --resume local\n",
    .run = run,
};
