/* SPDX-License-Identifier: MIT */
#include "status/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/uuid.h"
#include "db/queries.h"
#include "embed/embedder.h"
#include "outbox/request.h"
#include "schema/knowledge.h"
#include "status/rows.h"
#include "stream/ddl.h"

#define RECENT_SHOWN  "8"
#define REJECTS_SHOWN "50"

json_t *facts_none(unsigned parts)
{
    static const struct {
        const char *key;
        enum facts_part part;
        bool is_list;
    } keys[] = {{"recent", FACTS_RECENT, true},         {"sinks", FACTS_SINKS, true},
                {"dead_letters", FACTS_SINKS, false},   {"rejects", FACTS_REJECTS, true},
                {"partitions", FACTS_PARTITIONS, true}, {"knowledge", FACTS_KNOWLEDGE, false}};
    json_t *facts = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (parts & keys[i].part)
            (void)json_object_set_new(facts, keys[i].key,
                                      keys[i].is_list ? json_array() : json_null());
    return facts;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static struct err ask_recent(struct pg *pg, const char *spool_id, json_t *facts)
{
    json_t *rows;
    TRY(rows_query(pg, sql_status_receipts, PG_PARAMS(RECENT_SHOWN, spool_id, NULL, NULL), &rows));
    (void)json_object_set_new(facts, "recent", rows);
    return ERR_OK;
}

/* ---- sinks ---- */

/* What only the manifest knows. */
static void add_declared(const struct manifest *set, json_t *row)
{
    const struct manifest_sink *sink = set ? manifest_sink(set, text_of(row, "sink")) : NULL;
    json_t *events = sink ? json_array() : json_null();
    struct buf target = {0};
    if (sink)
        request_target(sink, &target);
    for (size_t i = 0; sink && i < EVENT_COUNT; i++)
        if (sink->events[i])
            (void)json_array_append_new(events, json_string(event_names[i]));
    (void)json_object_set_new(row, "target", sink ? json_string(buf_cstr(&target)) : json_null());
    (void)json_object_set_new(row, "events", events);
    buf_free(&target);
}

struct err facts_sinks(struct pg *pg, const struct manifest *set, json_t **sinks)
{
    struct buf names = {0};
    size_t i;
    json_t *row;
    /* Their letters need no quotes in an array. */
    for (size_t s = 0; set && s < set->sink_count; s++)
        buf_printf(&names, "%s%s", s == 0 ? "{" : ",", set->sinks[s].name);
    buf_str(&names, !set ? "" : set->sink_count == 0 ? "{}" : "}");
    struct err e = rows_query(pg, sql_sink_list, PG_PARAMS(set ? buf_cstr(&names) : NULL), sinks);
    buf_free(&names);
    json_array_foreach(*sinks, i, row) add_declared(set, row);
    return e;
}

static struct err ask_sinks(struct pg *pg, const struct manifest *set, json_t *facts)
{
    json_t *sinks;
    json_t *dead;
    TRY(facts_sinks(pg, set, &sinks));
    (void)json_object_set_new(facts, "sinks", sinks);
    TRY(rows_query(pg, sql_dlq_count, PG_NO_PARAMS, &dead));
    (void)json_object_set(facts, "dead_letters", json_array_get(dead, 0));
    json_decref(dead);
    return ERR_OK;
}

/* ---- rejects and partitions ---- */

/* An id that is smaller than that of any batch claimed in the last two days: one that waited for a
 * day can still have rejects of the last day. */
static struct err ask_rejects(struct pg *pg, const char *spool_id, json_t *facts)
{
    static const uint8_t zeros[10];
    struct uuid id = uuid_v7(time_now() - 2 * TIME_US_PER_DAY, zeros);
    char from[UUID_TEXT];
    json_t *rows;
    TRY(rows_query(pg, sql_status_rejects,
                   PG_PARAMS(spool_id, uuid_format(&id, from), REJECTS_SHOWN), &rows));
    (void)json_object_set_new(facts, "rejects", rows);
    return ERR_OK;
}

/* The streams whose tables we cut into partitions, as status_partitions.sql wants them. */
static char *list_partitioned(const struct manifest *set)
{
    json_t *streams = json_array();
    for (size_t i = 0; set && i < set->streams.count; i++) {
        const struct stream *s = &set->streams.streams[i];
        struct buf table = {0};
        char label[STREAM_LABEL];
        if (s->every == PERIOD_NONE || s->is_foreign)
            continue;
        ddl_table(&table, s);
        (void)json_array_append_new(
            streams, json_pack("{s:s, s:s, s:s, s:i}", "stream", s->name, "name", buf_cstr(&table),
                               "label", stream_label(s, label), "ahead", (int)s->ahead));
        buf_free(&table);
    }
    char *text = json_dumps(streams, JSON_COMPACT);
    json_decref(streams);
    return text;
}

static struct err ask_partitions(struct pg *pg, const struct manifest *set, json_t *facts)
{
    json_t *rows;
    char *streams = list_partitioned(set);
    struct err e = rows_query(pg, sql_status_partitions, PG_PARAMS(streams), &rows);
    free(streams);
    if (!err_is(&e))
        (void)json_object_set_new(facts, "partitions", rows);
    return e;
}

/* ---- knowledge ---- */

static json_t *find_embedder(json_t *embedders, const char *name)
{
    size_t i;
    json_t *embedder;
    json_array_foreach(embedders, i, embedder)
    {
        if (strcmp(text_of(embedder, "embedder"), name) == 0)
            return embedder;
    }
    return NULL;
}

/* One whose vectors aren't the database's never asks, so its row can't tell. */
static void mark_unfit(json_t *knowledge, const struct manifest_embedder *declared)
{
    const json_t *embedding = json_object_get(knowledge, "embedding");
    json_t *embedders = json_object_get(knowledge, "embedders");
    json_t *embedder = find_embedder(embedders, declared->name);
    char problem[EMBEDDER_PROBLEM];
    if (embedder_fits(declared, text_of(embedding, "model"),
                      (uint64_t)json_integer_value(json_object_get(embedding, "dimensions")),
                      problem))
        return;
    if (!embedder) {
        embedder =
            json_pack("{s:s, s:n, s:i, s:n, s:n, s:n, s:i, s:i, s:n, s:n}", "embedder",
                      declared->name, "state", "failures", 0, "not_before", "stopped_at", "error",
                      "requests", 0, "chunks", 0, "last_success_at", "last_failure_at");
        (void)json_array_append_new(embedders, embedder);
    }
    (void)json_object_set_new(embedder, "state", json_string("unfit"));
    (void)json_object_set_new(embedder, "error", json_string(problem));
}

/* null where the database has no knowledge base of this version. */
static struct err ask_knowledge(struct pg *pg, const struct manifest *set, json_t *facts)
{
    json_t *rows;
    struct err e = knowledge_require(pg);
    if (e.cls == ERR_CONFIG) {
        (void)json_object_set_new(facts, "knowledge", json_null());
        return ERR_OK;
    }
    if (!err_is(&e))
        e = rows_query(pg, sql_status_knowledge, PG_PARAMS(FACTS_THROUGHPUT), &rows);
    if (err_is(&e))
        return e;
    json_t *knowledge = json_array_get(rows, 0);
    for (size_t i = 0; set && i < set->embedder_count; i++)
        mark_unfit(knowledge, &set->embedders[i]);
    (void)json_object_set(facts, "knowledge", knowledge);
    json_decref(rows);
    return ERR_OK;
}

static struct err ask(struct pg *pg, const struct manifest *set,
                      const struct facts_question *question, json_t *facts)
{
    if (question->parts & FACTS_RECENT)
        TRY(ask_recent(pg, question->spool_id, facts));
    if (question->parts & FACTS_SINKS)
        TRY(ask_sinks(pg, set, facts));
    if (question->parts & FACTS_REJECTS)
        TRY(ask_rejects(pg, question->spool_id, facts));
    if (question->parts & FACTS_PARTITIONS)
        TRY(ask_partitions(pg, set, facts));
    if (question->parts & FACTS_KNOWLEDGE)
        TRY(ask_knowledge(pg, set, facts));
    return ERR_OK;
}

/* A table or column that isn't there: what asks is of another version than what is asked. */
static bool is_unmigrated(const struct err *e)
{
    return strcmp(e->sqlstate, "42P01") == 0 || strcmp(e->sqlstate, "42703") == 0;
}

struct err facts_ask(struct pg *pg, const struct manifest *set,
                     const struct facts_question *question, json_t *facts)
{
    struct err e = ask(pg, set, question, facts);
    if (!is_unmigrated(&e))
        return e;
    return err_make(
        ERR_CONFIG,
        "the database is at another version than this program: run `spoolgate migrate` (%s)",
        e.text);
}
