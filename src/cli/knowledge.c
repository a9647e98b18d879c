/* SPDX-License-Identifier: MIT */
#include "cli/knowledge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/show.h"
#include "status/facts.h"

static void put_model(struct buf *out, const json_t *embedding)
{
    const char *model = show_str(embedding, "model");
    buf_printf(out, "\nKNOWLEDGE  vectors are %s[%" PRId64 "], %s%s\n", show_str(embedding, "type"),
               show_int(embedding, "dimensions"), *model ? "made by " : "and nobody made one yet",
               model);
}

/* "12 complete, 1 failed": those of the keys that aren't 0; "none". */
static void put_counts(struct buf *out, const json_t *counts, const char *const *keys,
                       const char *const *words)
{
    bool is_any = false;
    for (size_t i = 0; keys[i]; i++) {
        char n[STR_HUMAN];
        if (show_int(counts, keys[i]) == 0)
            continue;
        buf_printf(out, "%s%s %s", is_any ? ", " : "", show_count(counts, keys[i], n), words[i]);
        is_any = true;
    }
    buf_str(out, is_any ? "" : "none");
}

static void put_documents(struct buf *out, const json_t *knowledge)
{
    static const char *const keys[] = {"complete", "partial", "pending",
                                       "retired",  "waiting", NULL};
    static const char *const words[] = {"complete", "partial", "not yet served", "retired",
                                        "with a revision to come"};
    char awaiting[STR_HUMAN];
    buf_str(out, "documents  ");
    put_counts(out, json_object_get(knowledge, "documents"), keys, words);
    buf_byte(out, '\n');
    if (show_int(knowledge, "awaiting_text") > 0)
        buf_printf(out, "assets     %s await%s text: pmoves_kb.assets_awaiting_text\n",
                   show_count(knowledge, "awaiting_text", awaiting),
                   show_int(knowledge, "awaiting_text") == 1 ? "s its" : " their");
}

static void put_chunks(struct buf *out, const json_t *knowledge)
{
    static const char *const keys[] = {"complete", "failed", "pending", NULL};
    static const char *const words[] = {"served", "served without a vector: failed",
                                        "served without a vector: adopted or discarded"};
    buf_str(out, "chunks     ");
    put_counts(out, json_object_get(knowledge, "chunks"), keys, words);
    buf_byte(out, '\n');
}

/* Chunks of revisions to come. */
static void put_waiting(struct buf *out, const json_t *waiting)
{
    static const char *const keys[] = {"pending", "processing", "complete", "failed", NULL};
    static const char *const words[] = {"wait", "in hand", "done", "failed"};
    char age[STR_HUMAN];
    buf_str(out, "to come    ");
    put_counts(out, waiting, keys, words);
    if (*show_str(waiting, "oldest_at"))
        buf_printf(out, "; the oldest waits for %s",
                   show_age(waiting, "oldest_at", time_now(), age));
    buf_byte(out, '\n');
}

static void put_recent(struct buf *out, const json_t *recent)
{
    char chunks[STR_MANY];
    char documents[STR_MANY];
    if (show_int(recent, "documents") > 0)
        buf_printf(out, "lately     %s of %s became complete in the last " FACTS_THROUGHPUT "\n",
                   str_many((uint64_t)show_int(recent, "chunks"), "chunk", chunks),
                   str_many((uint64_t)show_int(recent, "documents"), "document", documents));
}

/* Only who isn't well, and what to do. */
static void put_embedder(struct buf *out, const json_t *embedder)
{
    const char *name = show_str(embedder, "embedder");
    const char *state = show_str(embedder, "state");
    const char *error = show_str(embedder, "error");
    char text[STR_HUMAN];
    char many[STR_MANY];
    uint64_t failures = (uint64_t)show_int(embedder, "failures");
    if (strcmp(state, "ok") == 0)
        return;
    if (strcmp(state, "unfit") == 0)
        buf_printf(out, "embedder   %s DOES NOTHING: its vectors aren't the database's\n", name);
    else if (strcmp(state, "stopped") == 0)
        buf_printf(out,
                   "embedder   %s is STOPPED for %s; mend this, then `spoolgate embed --resume`\n",
                   name, show_age(embedder, "stopped_at", time_now(), text));
    else if (strcmp(state, "paused") == 0)
        buf_printf(out, "embedder   %s is paused for %s more, after %s in a row\n", name,
                   str_duration(show_time(embedder, "not_before") - time_now(), text),
                   str_many(failures, "failure", many));
    else
        buf_printf(out, "embedder   %s has failed %s in a row\n", name,
                   str_many(failures, "time", many));
    show_put_lines(out, error, strlen(error), "           ");
}

void knowledge_put(struct buf *out, const json_t *knowledge)
{
    size_t i;
    json_t *embedder;
    if (!json_is_object(knowledge))
        return;
    put_model(out, json_object_get(knowledge, "embedding"));
    put_documents(out, knowledge);
    put_chunks(out, knowledge);
    put_waiting(out, json_object_get(knowledge, "waiting_chunks"));
    put_recent(out, json_object_get(knowledge, "recent"));
    json_array_foreach(json_object_get(knowledge, "embedders"), i, embedder)
        put_embedder(out, embedder);
}
