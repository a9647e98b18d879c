/* SPDX-License-Identifier: MIT */
#include "status/facts.h"

#include <stdlib.h>

#include "base/time.h"
#include "bytes.h"
#include "database.h"

#define SPOOL "00000000-0000-7000-8000-00000000000a"
#define OTHER "00000000-0000-7000-8000-00000000000b"

static struct database db;
static struct manifest *set;

static void set_up(void)
{
    database_open(&db, true);
    set = manifest_default();
}

static void tear_down(void)
{
    manifest_release(set);
    database_close(&db);
}

TestSuite(facts, .init = set_up, .fini = tear_down);

static json_t *ask(unsigned parts)
{
    json_t *facts = facts_none(parts);
    const struct facts_question question = {.spool_id = SPOOL, .parts = parts};
    EXPECT_OK(facts_ask(&db.pg, set, &question, facts));
    return facts;
}

/* ---- receipts and rejects ---- */

/* A batch that was claimed so long ago, with rejects of its end. */
static void add_batch(const char *spool, int minutes, int ended, int rejects, char id[UUID_TEXT])
{
    static const uint8_t zeros[10];
    struct uuid batch = uuid_v7(time_now() - minutes * 60 * TIME_US_PER_S, zeros);
    struct buf sql = {0};
    (void)uuid_format(&batch, id);
    buf_printf(&sql,
               "INSERT INTO ingestion_manifest (batch_id, batch_tag, spool_id, gate, reason, "
               "file_count, bytes_total, host, version, opened_at, files) "
               "VALUES ('%s', 'tag-%d', '%s', 'g%d', 'r', 1, 1, 'h', 'v', now(), '[{}]');"
               "INSERT INTO ingestion_reject (batch_id, segment, frame_index, byte_offset, reason, "
               "rejected_at) SELECT '%s', 's', i, 0, E'a\\\\b\"\\n', now() - interval '%d minutes' "
               "FROM generate_series(0, %d - 1) AS i",
               id, minutes, spool, minutes % 2, id, ended, rejects);
    EXPECT_OK(pg_exec(&db.pg, buf_cstr(&sql)));
    buf_free(&sql);
}

Test(facts, receipts_are_the_newest_of_the_spool)
{
    char id[12][UUID_TEXT];
    char other[UUID_TEXT];
    for (int i = 0; i < 12; i++)
        add_batch(SPOOL, i, 0, 0, id[i]);
    add_batch(OTHER, 20, 0, 0, other);
    json_t *facts = ask(FACTS_RECENT);
    const json_t *recent = json_object_get(facts, "recent");
    cr_assert_eq(json_array_size(recent), 8, "got %zu", json_array_size(recent));
    for (size_t i = 0; i < 8; i++) {
        const json_t *row = json_array_get(recent, i);
        cr_expect_str_eq(json_string_value(json_object_get(row, "batch_id")), id[i]);
        cr_expect_null(json_object_get(row, "files"));
    }
    cr_expect_eq(json_object_size(facts), 1, "other parts weren't asked for");
    json_decref(facts);
}

Test(facts, rejects_are_the_last_days)
{
    enum { DAY_MINUTES = 24 * 60 };
    char id[6][UUID_TEXT];
    add_batch(SPOOL, 1, 1, 3, id[0]);
    add_batch(SPOOL, DAY_MINUTES + 60, 5, 2, id[1]);               /* it waited for a day */
    add_batch(SPOOL, DAY_MINUTES + 61, DAY_MINUTES + 1, 2, id[2]); /* too old */
    add_batch(OTHER, 2, 1, 2, id[3]);
    json_t *facts = ask(FACTS_REJECTS);
    json_t *rejects = json_object_get(facts, "rejects");
    size_t i;
    json_t *row;
    static const json_int_t frames[] = {2, 1, 0, 1, 0};
    cr_assert_eq(json_array_size(rejects), COUNT(frames), "got %zu", json_array_size(rejects));
    json_array_foreach(rejects, i, row)
    {
        cr_expect_str_eq(json_string_value(json_object_get(row, "batch_id")), id[i < 3 ? 0 : 1]);
        cr_expect_eq(json_integer_value(json_object_get(row, "frame_index")), frames[i], "%zu", i);
        cr_expect_str_eq(json_string_value(json_object_get(row, "reason")), "a\\b\"\n");
        cr_expect_str_eq(json_string_value(json_object_get(row, "batch_tag")),
                         i < 3 ? "tag-1" : "tag-1500");
    }
    json_decref(facts);
    add_batch(SPOOL, 0, 0, 60, id[4]);
    facts = ask(FACTS_REJECTS);
    cr_expect_eq(json_array_size(json_object_get(facts, "rejects")), 50);
    json_decref(facts);
}

/* ---- partitions ---- */

/* A partition of `metrics` for the days from..to, counted from today. */
static void add_leaf(int from, int to)
{
    struct buf sql = {0};
    buf_printf(&sql,
               "DO $$ BEGIN EXECUTE format('CREATE TABLE leaf_%d PARTITION OF metrics "
               "FOR VALUES FROM (%%L) TO (%%L)', date_trunc('day', now()) + interval '%d days', "
               "date_trunc('day', now()) + interval '%d days'); END $$",
               from + 1000, from, to);
    EXPECT_OK(pg_exec(&db.pg, buf_cstr(&sql)));
    buf_free(&sql);
}

/* In days from the start of today; -99: null. */
static int days_of(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    int64_t us;
    if (!text || !time_parse(text, strlen(text), &us))
        return -99;
    return (int)(time_day(us) - time_day(time_now()));
}

Test(facts, partitions_reach_as_far_as_there_is_no_gap)
{
    static const struct {
        int from, to;            /* another one */
        int count, first, ahead; /* now */
    } rows[] = {
        {-9, -8, 1, -9, -99},                    /* now has none */
        {1, 2, 2, -9, -99},                      /* nor now */
        {0, 1, 3, -9, 2},      {4, 6, 4, -9, 2}, /* a gap */
        {2, 4, 5, -9, 6},                        /* which is closed */
        {-12, -11, 6, -12, 6},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        add_leaf(rows[i].from, rows[i].to);
        json_t *facts = ask(FACTS_PARTITIONS);
        json_t *found = json_object_get(facts, "partitions");
        cr_assert_eq(json_array_size(found), 2);
        const json_t *events = json_array_get(found, 0);
        const json_t *metrics = json_array_get(found, 1);
        cr_expect_str_eq(json_string_value(json_object_get(events, "stream")), "events");
        cr_expect_eq(json_integer_value(json_object_get(events, "count")), 0);
        cr_expect_str_eq(json_string_value(json_object_get(metrics, "table")), "metrics");
        json_int_t count = json_integer_value(json_object_get(metrics, "count"));
        cr_expect_eq(count, rows[i].count, "row %zu: want %d, got %d", i, rows[i].count,
                     (int)count);
        cr_expect_eq(days_of(metrics, "first_at"), rows[i].first, "row %zu: want %d, got %d", i,
                     rows[i].first, days_of(metrics, "first_at"));
        cr_expect_eq(days_of(metrics, "ahead_until"), rows[i].ahead, "row %zu: want %d, got %d", i,
                     rows[i].ahead, days_of(metrics, "ahead_until"));
        json_decref(facts);
    }
    EXPECT_OK(pg_exec(&db.pg, "CREATE TABLE rest PARTITION OF metrics DEFAULT"));
    json_t *facts = ask(FACTS_PARTITIONS);
    const json_t *metrics = json_array_get(json_object_get(facts, "partitions"), 1);
    cr_expect_eq(json_integer_value(json_object_get(metrics, "count")), 6, "it takes anything");
    json_decref(facts);
}

/* A table that isn't there has no partitions. */
Test(facts, partitions_of_no_table)
{
    EXPECT_OK(pg_exec(&db.pg, "DROP TABLE metrics"));
    json_t *facts = ask(FACTS_PARTITIONS);
    const json_t *metrics = json_array_get(json_object_get(facts, "partitions"), 1);
    cr_expect_eq(json_integer_value(json_object_get(metrics, "count")), 0);
    json_decref(facts);
}

/* ---- failures ---- */

Test(facts, what_was_found_before_a_failure_stays)
{
    json_t *facts = ask(FACTS_RECENT | FACTS_SINKS);
    const struct facts_question question = {.spool_id = SPOOL, .parts = FACTS_RECENT | FACTS_SINKS};
    char id[UUID_TEXT];
    add_batch(SPOOL, 1, 0, 0, id);
    EXPECT_OK(pg_exec(&db.pg, "DROP TABLE event_dlq CASCADE"));
    struct err e = facts_ask(&db.pg, set, &question, facts);
    cr_expect_eq(e.cls, ERR_CONFIG, "%s", e.text);
    cr_expect_eq(json_array_size(json_object_get(facts, "recent")), 1);
    cr_expect_eq(json_integer_value(json_object_get(facts, "dead_letters")), 0);
    json_decref(facts);
}

Test(facts, a_database_of_another_version_is_told_by_what_helps)
{
    static const char *const missing[] = {"ALTER TABLE ingestion_manifest RENAME TO elsewhere",
                                          "ALTER TABLE ingestion_manifest RENAME gate TO door"};
    for (size_t i = 0; i < COUNT(missing); i++) {
        json_t *facts = facts_none(FACTS_RECENT);
        const struct facts_question question = {.spool_id = SPOOL, .parts = FACTS_RECENT};
        EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
        EXPECT_OK(pg_exec(&db.pg, missing[i]));
        EXPECT_ERR(facts_ask(&db.pg, set, &question, facts), ERR_CONFIG, "spoolgate migrate");
        pg_rollback(&db.pg);
        json_decref(facts);
    }
}
