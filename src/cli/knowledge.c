/* SPDX-License-Identifier: MIT */
#include "cli/knowledge.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"
#include "cli/show.h"
#include "db/queries.h"
#include "schema/knowledge.h"

#define RECENT "5 minutes"

struct err knowledge_query(struct pg *pg, json_t **knowledge)
{
    json_t *rows;
    *knowledge = json_null();
    struct err e = knowledge_require(pg);
    if (e.cls == ERR_CONFIG)
        return ERR_OK;
    if (!err_is(&e))
        e = show_query(pg, sql_status_knowledge, PG_PARAMS(RECENT), &rows);
    if (err_is(&e))
        return e;
    *knowledge = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return ERR_OK;
}

static void print_model(const json_t *embedding)
{
    const char *model = show_str(embedding, "model");
    (void)printf("\nKNOWLEDGE  vectors are %s[%" PRId64 "], %s%s\n", show_str(embedding, "type"),
                 show_int(embedding, "dimensions"), *model ? "made by " : "and nobody made one yet",
                 model);
}

/* "12 complete, 1 failed": those of the keys that aren't 0; "none". */
static void print_counts(const json_t *counts, const char *const *keys, const char *const *words)
{
    bool is_any = false;
    for (size_t i = 0; keys[i]; i++) {
        char n[STR_HUMAN];
        if (show_int(counts, keys[i]) == 0)
            continue;
        (void)printf("%s%s %s", is_any ? ", " : "", show_count(counts, keys[i], n), words[i]);
        is_any = true;
    }
    (void)fputs(is_any ? "" : "none", stdout);
}

static void print_documents(const json_t *knowledge)
{
    static const char *const keys[] = {"complete", "partial", "pending",
                                       "retired",  "waiting", NULL};
    static const char *const words[] = {"complete", "partial", "not yet served", "retired",
                                        "with a revision that waits for vectors"};
    char awaiting[STR_HUMAN];
    (void)fputs("documents  ", stdout);
    print_counts(json_object_get(knowledge, "documents"), keys, words);
    if (show_int(knowledge, "awaiting_text") > 0)
        (void)printf("; %s assets await their text",
                     show_count(knowledge, "awaiting_text", awaiting));
    (void)putchar('\n');
}

static void print_chunks(const json_t *knowledge)
{
    static const char *const keys[] = {"complete", "failed", "pending", NULL};
    static const char *const words[] = {"served", "served without a vector: failed",
                                        "served without a vector: adopted"};
    static const char *const waiting_keys[] = {"pending", "processing", "complete", "failed", NULL};
    static const char *const waiting_words[] = {"wait", "in hand", "done", "failed"};
    const json_t *waiting = json_object_get(knowledge, "waiting_chunks");
    char age[STR_HUMAN];
    (void)fputs("chunks     ", stdout);
    print_counts(json_object_get(knowledge, "chunks"), keys, words);
    (void)fputs("; of the next revisions: ", stdout);
    print_counts(waiting, waiting_keys, waiting_words);
    if (*show_str(waiting, "oldest_at"))
        (void)printf("; the oldest waits for %s", show_age(waiting, "oldest_at", time_now(), age));
    (void)putchar('\n');
}

static void print_recent(const json_t *recent)
{
    char chunks[STR_HUMAN];
    char documents[STR_HUMAN];
    if (show_int(recent, "documents") > 0)
        (void)printf(
            "lately     %s chunks of %s documents became complete in the last " RECENT "\n",
            show_count(recent, "chunks", chunks), show_count(recent, "documents", documents));
}

/* Only who isn't well, and what to do. */
static void print_embedder(const json_t *embedder)
{
    const char *state = show_str(embedder, "state");
    char error[SHOW_CLIP];
    char age[STR_HUMAN];
    char wait[STR_HUMAN];
    (void)show_clip(show_str(embedder, "error"), SHOW_CLIP_MOST, error);
    if (strcmp(state, "stopped") == 0)
        (void)printf("embedder   %s is STOPPED for %s: %s\n"
                     "           mend that, then `spoolgate embed --resume`\n",
                     show_str(embedder, "embedder"),
                     show_age(embedder, "stopped_at", time_now(), age), error);
    else if (strcmp(state, "paused") == 0)
        (void)printf("embedder   %s is paused for %s more, after %" PRId64
                     " failures in a row: %s\n",
                     show_str(embedder, "embedder"),
                     str_duration(show_time(embedder, "not_before") - time_now(), wait),
                     show_int(embedder, "failures"), error);
    else if (strcmp(state, "failing") == 0)
        (void)printf("embedder   %s has failed %" PRId64 " times in a row: %s\n",
                     show_str(embedder, "embedder"), show_int(embedder, "failures"), error);
}

void knowledge_print(const json_t *knowledge)
{
    size_t i;
    json_t *embedder;
    if (!json_is_object(knowledge))
        return;
    print_model(json_object_get(knowledge, "embedding"));
    print_documents(knowledge);
    print_chunks(knowledge);
    print_recent(json_object_get(knowledge, "recent"));
    json_array_foreach(json_object_get(knowledge, "embedders"), i, embedder)
        print_embedder(embedder);
}
