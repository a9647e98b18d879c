/* SPDX-License-Identifier: MIT */
/* The outbox's tables under those who deliver from them: what is claimed, what becomes of it, and
 * what people and time do to it. */
#include "outbox/queue.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/time.h"
#include "bytes.h"
#include "db/queries.h"
#include "database.h"

#define US_PER_S     TIME_US_PER_S
#define SPOOL_ID     "01a1fc09-7974-771f-a030-6c8417c14a1d"
#define OTHER_ID     "01a1fc09-7974-771f-a030-6c8417c14a1e"
#define ME           "01a1fc09-0000-7000-8000-000000000001"
#define ANOTHER      "01a1fc09-0000-7000-8000-000000000002"
#define LEASE_S      30
#define BATCH(digit) "'00000000-0000-7000-9000-00000000000" #digit "'"

static struct database db;
static struct pg second; /* another daemon's connection */

static void set_up(void)
{
    database_open(&db, true);
    pg_init(&second);
    EXPECT_OK(pg_open(&second, &db.target));
}

static void tear_down(void)
{
    pg_close(&second);
    database_close(&db);
}

TestSuite(queue, .init = set_up, .fini = tear_down);

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char sql[2000];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    EXPECT_OK(pg_exec(&db.pg, sql));
}

/* Event SEQ of batch BATCH for some sinks, "{ops,audit}". Its name is "BATCH.SEQ", its id comes
 * from it. */
static void put(int batch, int seq, const char *sinks)
{
    run("WITH event AS ("
        "    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, "
        "payload)"
        "    VALUES ('00000000-0000-7000-8000-%06d%06d', '%s', %d, '" SPOOL_ID "',"
        "            '00000000-0000-7000-9000-%012d', 'default', '{\"event\":\"e\", "
        "\"nr\":\"%d.%d\"}')"
        " RETURNING *) "
        "INSERT INTO event_delivery (event_id, sink, batch_id, seq)"
        "     SELECT event_id, sink, batch_id, seq FROM event, unnest('%s'::text[]) AS sink",
        batch, seq, seq == 1 ? "gate.open" : "gate.done", seq, batch, batch, seq, sinks);
}

/* "BATCH.SEQ" to the event's id. */
static const char *id_of(const char *name, char id[UUID_TEXT])
{
    unsigned batch;
    unsigned seq;
    cr_assert_eq(sscanf(name, "%u.%u", &batch, &seq), 2);
    (void)snprintf(id, UUID_TEXT, "00000000-0000-7000-8000-%06u%06u", batch % 1000000,
                   seq % 1000000);
    return id;
}

/* As if all that is in the tables had happened so much earlier. */
static void pass(int seconds)
{
    run("UPDATE event_delivery SET due_at = due_at - interval '%d s', queued_at = queued_at - "
        "interval '%d s',"
        "       failing_since = failing_since - interval '%d s', settled_at = settled_at - "
        "interval '%d s';"
        "UPDATE event_sink SET not_before = not_before - interval '%d s', broken_at = broken_at - "
        "interval '%d s';"
        "UPDATE event_outbox SET created_at = created_at - interval '%d s';"
        "UPDATE event_dlq SET created_at = created_at - interval '%d s', retried_at = retried_at - "
        "interval '%d s'",
        seconds, seconds, seconds, seconds, seconds, seconds, seconds, seconds, seconds);
}

/* "ops:4 audit:1", sinks and room for them. */
struct wants {
    struct queue_want items[8];
    char names[8][16];
    size_t count;
};

static struct wants *wants_of(const char *text, struct wants *w)
{
    int at = 0;
    *w = (struct wants){0};
    for (; sscanf(text, " %15[^:]:%u%n", w->names[w->count], &w->items[w->count].room, &at) == 2;
         text += at) {
        w->items[w->count].sink = w->names[w->count];
        w->items[w->count++].lease_us = LEASE_S * US_PER_S;
    }
    return w;
}

/* What was claimed: "ops=1.1,2.1 audit=1.1". */
static char *claim_as(struct pg *pg, const char *who, const char *text, char got[512])
{
    struct wants wants;
    struct queue_batch claimed = {0};
    size_t len = 0;
    wants_of(text, &wants);
    EXPECT_OK(queue_claim(pg, who, wants.items, wants.count, &claimed));
    got[0] = '\0';
    for (size_t i = 0; i < claimed.count; i++) {
        const struct queue_item *item = &claimed.items[i];
        bool same = i > 0 && item->want == claimed.items[i - 1].want;
        const char *name = strstr(item->payload, "\"nr\":\"") + strlen("\"nr\":\"");
        cr_assert_str_eq(item->sink, wants.items[item->want].sink);
        if (!same)
            len += (size_t)snprintf(got + len, 512 - len, "%s%s=", i > 0 ? " " : "", item->sink);
        len += (size_t)snprintf(got + len, 512 - len, "%s%.*s", same ? "," : "",
                                (int)strcspn(name, "\""), name);
    }
    queue_batch_free(&claimed);
    return got;
}

#define EXPECT_CLAIM(who, text, want)                                                         \
    do {                                                                                      \
        char got_[512];                                                                       \
        claim_as(&db.pg, (who), (text), got_);                                                \
        cr_assert_str_eq(got_, (want), "claim of %s: want %s, got %s", (text), (want), got_); \
    } while (0)

static struct queue_result result_of(const char *sink, const char *event_id,
                                     enum queue_outcome outcome)
{
    bool failed = outcome == QUEUE_FAILED || outcome == QUEUE_GONE;
    return (struct queue_result){.sink = sink,
                                 .event_id = event_id,
                                 .outcome = outcome,
                                 .status = failed ? outcome == QUEUE_GONE ? 410 : 500
                                           : outcome == QUEUE_DELIVERED ? 204
                                                                        : 0,
                                 .error = outcome == QUEUE_DELIVERED ? NULL : "why",
                                 .answer = failed ? "answer" : NULL,
                                 .attempted_us = time_now(),
                                 .took_us = 1500,
                                 .wait_us = 5 * US_PER_S,
                                 .patience_us = 3600 * US_PER_S};
}

static void settle_as(struct pg *pg, const char *who, const struct queue_result *r)
{
    bool more;
    EXPECT_OK(queue_settle(pg, who, r, 1, &more));
}

/* Claims are ME's. */
static void settle(const char *sink, const char *name, enum queue_outcome outcome)
{
    char id[UUID_TEXT];
    struct queue_result r = result_of(sink, id_of(name, id), outcome);
    settle_as(&db.pg, ME, &r);
}

/* "waiting 1 5": state, attempts, seconds until it is due (0 where that has come). */
static const char *delivery(const char *sink, const char *name)
{
    char id[UUID_TEXT];
    char sql[300];
    (void)snprintf(sql, sizeof sql,
                   "SELECT state || ' ' || attempts || CASE WHEN state = 'waiting' THEN ' '"
                   "       || greatest(ceil(extract(epoch FROM due_at - now())), 0) ELSE '' END"
                   "  FROM event_delivery WHERE sink = '%s' AND event_id = '%s'",
                   sink, id_of(name, id));
    return database_value(&db, sql);
}

#define EXPECT_DELIVERY(sink, name, want)                                                          \
    do {                                                                                           \
        const char *got_ = delivery((sink), (name));                                               \
        cr_assert_str_eq(got_, (want), "%s of %s: want %s, got %s", (name), (sink), (want), got_); \
    } while (0)

static int64_t next_due(const char *text)
{
    struct wants wants;
    int64_t wait_us;
    wants_of(text, &wants);
    EXPECT_OK(queue_next_due(&db.pg, wants.items, wants.count, &wait_us));
    return wait_us == INT64_MAX ? -1 : (wait_us + US_PER_S - 1) / US_PER_S;
}

#define EXPECT_NEXT_DUE(text, want)                                                                \
    do {                                                                                           \
        int64_t got_ = next_due(text);                                                             \
        cr_assert_eq(got_, (want), "next due of %s: want %d s, got %" PRId64 " s", (text), (want), \
                     got_);                                                                        \
    } while (0)

/* ---- claiming ---- */

Test(queue, what_is_due_is_claimed_as_far_as_there_is_room)
{
    for (int batch = 1; batch <= 4; batch++)
        put(batch, 1, "{ops,audit}");
    put(5, 1, "{audit}");
    run("UPDATE event_delivery SET due_at = now() + interval '1 min' WHERE sink = 'audit' AND seq "
        "= 1"
        "   AND batch_id = " BATCH(1));
    EXPECT_CLAIM(ME, "ops:2 audit:3 nobody:9", "ops=1.1,2.1 audit=2.1,3.1,4.1");
    EXPECT_CLAIM(ME, "audit:0 ops:1", "ops=3.1");
    EXPECT_CLAIM(ME, "ops:9 audit:9", "ops=4.1 audit=5.1");
    EXPECT_CLAIM(ME, "ops:9 audit:9", "");
    EXPECT_CLAIM(ME, "", "");
    pass(LEASE_S + 1);
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1,2.1,3.1,4.1");
    EXPECT_CLAIM(ME, "audit:9", "audit=2.1,3.1,4.1,5.1");
    pass(60);
    EXPECT_CLAIM(ME, "audit:9", "audit=1.1,2.1,3.1,4.1,5.1");
}

Test(queue, an_item_is_all_that_a_delivery_needs)
{
    static const char body[] = "{\"a\": \"\\\"b\\\\\", \"c\": \"\xc3\xa9\"}\0\x01\x7f\xff";
    char id[UUID_TEXT];
    struct wants wants;
    struct queue_batch b = {0};
    put(1, 1, "{ops}");
    put(2, 1, "{ops}");
    run("UPDATE event_outbox SET spool_id = NULL, created_at = '2026-11-21T01:57:01.250001Z' WHERE "
        "batch_id = " BATCH(2));
    EXPECT_OK(queue_claim(&db.pg, ME, wants_of("ops:2", &wants)->items, 1, &b));
    cr_assert_eq(b.count, 2, "got %zu", b.count);
    cr_assert_str_eq(b.items[0].event_id, id_of("1.1", id));
    cr_assert_str_eq(b.items[0].type, "gate.open");
    cr_assert_str_eq(b.items[0].payload, "{\"event\":\"e\", \"nr\":\"1.1\"}");
    cr_assert_str_eq(b.items[0].spool_id, SPOOL_ID);
    cr_assert_str_eq(b.items[1].spool_id, "");
    cr_assert_eq(b.items[1].created_us, INT64_C(1795226221250001), "got %" PRId64,
                 b.items[1].created_us);
    cr_assert_eq(b.items[0].attempts, 0);
    cr_assert(!b.items[0].is_probe);
    cr_assert(b.items[0].age_us >= 0 && b.items[0].age_us < 60 * US_PER_S, "got %" PRId64,
              b.items[0].age_us);
    cr_assert_str_eq(b.items[0].content_type, "");
    EXPECT_OK(queue_store(&db.pg, ME, &b)); /* nothing is new */
    for (size_t i = 0; i < 2; i++) {
        buf_put(&b.items[i].body, body, i == 0 ? sizeof body - 1 : 0);
        (void)strcpy(b.items[i].content_type, i == 0 ? "application/json" : "text/\"\\odd\"");
        b.items[i].is_new_body = true;
    }
    EXPECT_OK(queue_store(&db.pg, ME, &b));
    cr_assert(!b.items[0].is_lost && !b.items[1].is_lost);
    queue_batch_free(&b);
    settle("ops", "1.1", QUEUE_FAILED);
    settle("ops", "2.1", QUEUE_FAILED);
    pass(5);
    EXPECT_OK(queue_claim(&db.pg, ME, wants.items, 1, &b));
    cr_assert_eq(b.count, 2, "got %zu", b.count);
    cr_assert_eq(b.items[0].attempts, 1, "got %u", b.items[0].attempts);
    cr_assert_eq(b.items[0].body.len, sizeof body - 1, "got %zu", b.items[0].body.len);
    cr_assert_arr_eq(b.items[0].body.data, body, sizeof body - 1);
    cr_assert_str_eq(b.items[0].content_type, "application/json");
    cr_assert_eq(b.items[1].body.len, 0, "an empty body is a body");
    cr_assert_str_eq(b.items[1].content_type, "text/\"\\odd\"");
    queue_batch_free(&b);
}

Test(queue, a_body_that_is_no_longer_readable_is_told)
{
    struct wants wants;
    struct queue_batch b = {0};
    put(1, 1, "{ops}");
    run("UPDATE event_delivery SET body = 'x', content_type = repeat('x', 64)");
    EXPECT_ERR(queue_claim(&db.pg, ME, wants_of("ops:2", &wants)->items, 1, &b), ERR_DATABASE,
               "event_delivery");
    cr_assert_eq(b.count, 0, "got %zu", b.count);
}

/* ---- several daemons ---- */

Test(queue, what_another_has_its_hands_on_is_passed_over)
{
    char got[512];
    for (int batch = 1; batch <= 3; batch++)
        put(batch, 1, "{ops}");
    EXPECT_OK(pg_exec(
        &second, "BEGIN; SELECT FROM event_delivery WHERE batch_id = " BATCH(2) " FOR UPDATE"));
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1,3.1");
    EXPECT_OK(pg_exec(&second, "COMMIT"));
    EXPECT_CLAIM(ME, "ops:9", "ops=2.1");
    cr_assert_str_eq(claim_as(&second, ANOTHER, "ops:9", got), "", "got %s", got);
}

enum { RACERS = 4, RACED = 300 };
struct racer {
    struct pg pg;
    char who[UUID_TEXT];
    size_t claimed;
    struct err failure;
    pthread_t thread;
};

static struct err race_once(struct racer *r, size_t *some)
{
    static const struct queue_want wants[] = {{"ops", 3, LEASE_S * US_PER_S},
                                              {"audit", 2, LEASE_S * US_PER_S}};
    struct queue_batch b = {0};
    struct queue_result results[5];
    TRY(queue_claim(&r->pg, r->who, wants, 2, &b));
    *some = b.count;
    for (size_t i = 0; i < b.count; i++)
        results[i] = result_of(b.items[i].sink, b.items[i].event_id, QUEUE_DELIVERED);
    bool more;
    struct err e = queue_settle(&r->pg, r->who, results, b.count, &more);
    queue_batch_free(&b);
    return e;
}

static void *race(void *context)
{
    struct racer *r = context;
    size_t some;
    int idle = 0;
    while (!err_is(&r->failure) && idle < 20) {
        r->failure = race_once(r, &some);
        r->claimed += some;
        idle = some == 0 ? idle + 1 : 0;
    }
    return NULL;
}

Test(queue, many_daemons_claim_each_event_once)
{
    struct racer racers[RACERS];
    size_t total = 0;
    for (int i = 1; i <= RACED; i++)
        put(i, 1, "{ops,audit}");
    for (int i = 0; i < RACERS; i++) {
        struct uuid id = uuid_new();
        racers[i] = (struct racer){0};
        (void)uuid_format(&id, racers[i].who);
        pg_init(&racers[i].pg);
        EXPECT_OK(pg_open(&racers[i].pg, &db.target));
    }
    for (int i = 0; i < RACERS; i++)
        cr_assert_eq(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (int i = 0; i < RACERS; i++) {
        (void)pthread_join(racers[i].thread, NULL);
        EXPECT_OK(racers[i].failure);
        total += racers[i].claimed;
        pg_close(&racers[i].pg);
    }
    cr_assert_eq(total, 2 * RACED, "want %d claims, got %zu", 2 * RACED, total);
    EXPECT_VALUE(&db,
                 "SELECT count(*) || ' ' || min(attempts) || max(attempts) || min(state) FROM "
                 "event_delivery",
                 "600 11delivered");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_attempt", "600");
}

Test(queue, a_late_result_of_a_lapsed_claim_changes_nothing)
{
    char id[UUID_TEXT];
    char got[512];
    struct wants wants;
    struct queue_batch b = {0};
    put(1, 1, "{ops}");
    EXPECT_OK(queue_claim(&db.pg, ME, wants_of("ops:1", &wants)->items, 1, &b));
    pass(LEASE_S + 1);
    cr_assert_str_eq(claim_as(&second, ANOTHER, "ops:1", got), "ops=1.1", "got %s", got);
    buf_str(&b.items[0].body, "late");
    (void)strcpy(b.items[0].content_type, "text/plain");
    b.items[0].is_new_body = true;
    EXPECT_OK(queue_store(&db.pg, ME, &b));
    cr_assert(b.items[0].is_lost);
    queue_batch_free(&b);
    for (enum queue_outcome outcome = QUEUE_DELIVERED; outcome <= QUEUE_RELEASED; outcome++) {
        struct queue_result r = result_of("ops", id_of("1.1", id), outcome);
        r.pause_us = US_PER_S;
        r.wait_us = -1;
        settle_as(&db.pg, ME, &r);
        EXPECT_DELIVERY("ops", "1.1", "waiting 0 30");
        EXPECT_VALUE(&db, "SELECT claim_id FROM event_delivery WHERE body IS NULL", ANOTHER);
        EXPECT_VALUE(&db, "SELECT count(*) FROM event_attempt", "0");
        EXPECT_VALUE(&db, "SELECT count(*) FROM event_dlq", "0");
        EXPECT_VALUE(&db,
                     "SELECT coalesce(failures::text || not_before || disabled_at || "
                     "last_success_at, 'untouched')"
                     "  FROM event_sink",
                     "untouched");
    }
    struct queue_result r = result_of("ops", id, QUEUE_DELIVERED);
    settle_as(&second, ANOTHER, &r);
    EXPECT_DELIVERY("ops", "1.1", "delivered 1");
    settle_as(&second, ANOTHER, &r); /* a reply was lost */
    EXPECT_DELIVERY("ops", "1.1", "delivered 1");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_attempt", "1");
}

/* ---- order ---- */

Test(queue, an_event_waits_for_the_one_before_it)
{
    put(1, 1, "{ops,audit}");
    put(1, 2, "{ops,audit}");
    put(2, 1, "{ops}");
    EXPECT_CLAIM(ME, "ops:9 audit:9", "ops=1.1,2.1 audit=1.1");
    EXPECT_CLAIM(ME, "ops:9 audit:9", "");
    settle("audit", "1.1", QUEUE_DELIVERED);
    EXPECT_CLAIM(ME, "ops:9 audit:9", "audit=1.2");
    settle("ops", "1.1", QUEUE_FAILED);
    put(2, 2, "{ops}");
    EXPECT_CLAIM(ME, "ops:9", "");
    pass(5);
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1");
    struct queue_result last =
        result_of("ops", "00000000-0000-7000-8000-000001000001", QUEUE_FAILED);
    last.wait_us = -1;
    settle_as(&db.pg, ME, &last);
    EXPECT_CLAIM(ME, "ops:9", "ops=1.2");
}

Test(queue, but_no_longer_than_a_minute_of_failing)
{
    put(1, 1, "{ops}");
    put(1, 2, "{ops}");
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1");
    pass(10);
    settle("ops", "1.1", QUEUE_FAILED);
    run("UPDATE event_delivery SET due_at = now() + interval '1 h' WHERE seq = 1");
    EXPECT_NEXT_DUE("ops:9", QUEUE_ORDER_S);
    pass(QUEUE_ORDER_S - 2);
    EXPECT_CLAIM(ME, "ops:9", "");
    EXPECT_NEXT_DUE("ops:9", 2);
    pass(3);
    EXPECT_NEXT_DUE("ops:9", 0);
    EXPECT_CLAIM(ME, "ops:9", "ops=1.2");
}

/* ---- settling ---- */

Test(queue, each_outcome)
{
    static const struct {
        const char *what;
        enum queue_outcome outcome;
        int wait_s;
        const char *delivery, *attempts, *letters, *sink;
    } rows[] = {
        {"delivered", QUEUE_DELIVERED, 5, "delivered 1", "1", "0", "0 ok"},
        {"failed", QUEUE_FAILED, 5, "waiting 1 5", "1", "0", "1 failing"},
        {"failed, and due at once", QUEUE_FAILED, 0, "waiting 1 0", "1", "0", "1 failing"},
        {"failed for the last time", QUEUE_FAILED, -1, "dead 1", "1", "1", "1 failing"},
        {"unsent", QUEUE_UNSENT, 5, "waiting 1 5", "1", "0", "0 failing"},
        {"unsent for the last time", QUEUE_UNSENT, -1, "dead 1", "1", "1", "0 ok"},
        {"gone", QUEUE_GONE, 5, "waiting 0 0", "1", "0", "0 disabled"},
        {"gone at the last attempt", QUEUE_GONE, -1, "waiting 0 0", "1", "0", "0 disabled"},
        {"released", QUEUE_RELEASED, 0, "waiting 0 0", "0", "0", "0 ok"},
        {"released for a while", QUEUE_RELEASED, 5, "waiting 0 5", "0", "0", "0 ok"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char id[UUID_TEXT];
        run("TRUNCATE event_outbox, event_delivery, event_attempt, event_sink, event_dlq");
        put(1, 1, "{ops}");
        EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
        struct queue_result r = result_of("ops", id_of("1.1", id), rows[i].outcome);
        r.wait_us = rows[i].wait_s < 0 ? -1 : rows[i].wait_s * US_PER_S;
        settle_as(&db.pg, ME, &r);
        cr_log_info("%s", rows[i].what);
        EXPECT_DELIVERY("ops", "1.1", rows[i].delivery);
        EXPECT_VALUE(&db, "SELECT count(*) FROM event_attempt", rows[i].attempts);
        EXPECT_VALUE(&db, "SELECT count(*) FROM event_dlq", rows[i].letters);
        EXPECT_VALUE(&db, "SELECT failures || ' ' || state FROM sink_health", rows[i].sink);
        EXPECT_VALUE(&db, "SELECT count(*) FROM event_delivery WHERE claim_id IS NOT NULL", "0");
    }
}

Test(queue, an_attempt_and_a_dead_letter_say_all)
{
    char id[UUID_TEXT];
    char answer[3 * QUEUE_ANSWER + 1] = "";
    for (size_t i = 0; i + 3 < sizeof answer; i += 3)
        memcpy(answer + i, "\xe2\x82\xac", 4);
    put(1, 1, "{ops}");
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    struct queue_result r = result_of("ops", id_of("1.1", id), QUEUE_FAILED);
    r.attempted_us = INT64_C(1795226221250001);
    r.error = "it said \"no\", \\ and {1,2}";
    r.answer = answer;
    r.wait_us = -1;
    settle_as(&db.pg, ME, &r);
    EXPECT_VALUE(&db,
                 "SELECT to_char(attempted_at, 'YYYY-MM-DD HH24:MI:SS.US') || ' ' || took_ms || ' "
                 "' || status || ' ' || error"
                 "  FROM event_attempt",
                 "2026-11-21 01:57:01.250001 1.5 500 it said \"no\", \\ and {1,2}");
    EXPECT_VALUE(&db, "SELECT length(answer) FROM event_attempt WHERE answer LIKE '\xe2\x82\xac%'",
                 "1000");
    EXPECT_VALUE(
        &db,
        "SELECT event_type || ' ' || (payload->>'nr') || ' ' || sink || ' ' || error FROM event_dlq"
        " WHERE event_id = '00000000-0000-7000-8000-000001000001' AND retried_at IS NULL",
        "gate.open 1.1 ops it said \"no\", \\ and {1,2}");
    EXPECT_VALUE(&db, "SELECT dead_letters || ' ' || waiting FROM sink_health", "1 0");
}

Test(queue, many_results_at_once)
{
    struct queue_result results[6];
    char ids[6][UUID_TEXT];
    for (int i = 1; i <= 3; i++)
        put(i, 1, "{ops,audit}");
    EXPECT_CLAIM(ME, "ops:9 audit:9", "ops=1.1,2.1,3.1 audit=1.1,2.1,3.1");
    for (int i = 0; i < 6; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "%d.1", i % 3 + 1);
        results[i] = result_of(i < 3 ? "ops" : "audit", id_of(name, ids[i]),
                               i < 3 ? QUEUE_FAILED : QUEUE_DELIVERED);
        results[i].wait_us = i == 2 ? -1 : (i + 1) * US_PER_S;
    }
    bool more;
    EXPECT_OK(queue_settle(&db.pg, ME, results, 6, &more));
    EXPECT_OK(queue_settle(&db.pg, ME, results, 0, &more));
    EXPECT_VALUE(&db,
                 "SELECT string_agg(sink || ' ' || state || ' ' || greatest(round(extract(epoch "
                 "FROM due_at - now())), 0), ', '"
                 " ORDER BY sink DESC, event_id) FROM event_delivery WHERE sink = 'ops'",
                 "ops waiting 1, ops waiting 2, ops dead 0");
    EXPECT_VALUE(&db,
                 "SELECT string_agg(sink || ' ' || failures, ', ' ORDER BY sink) FROM event_sink",
                 "audit 0, ops 3");
}

/* Nothing of a settlement that fails stays, and it can be offered again. */
Test(queue, a_settlement_is_one_transaction)
{
    put(1, 1, "{ops}");
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    run("ALTER TABLE event_attempt ADD CONSTRAINT none CHECK (false) NOT VALID");
    struct queue_result r =
        result_of("ops", "00000000-0000-7000-8000-000001000001", QUEUE_DELIVERED);
    bool more;
    struct err e = queue_settle(&db.pg, ME, &r, 1, &more);
    cr_assert(err_is(&e));
    EXPECT_DELIVERY("ops", "1.1", "waiting 0 30");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_sink", "0");
    run("ALTER TABLE event_attempt DROP CONSTRAINT none");
    settle_as(&db.pg, ME, &r);
    EXPECT_DELIVERY("ops", "1.1", "delivered 1");
}

struct disk_row {
    const char *setting;
    bool must_last;
    const char *want;
};

Test(queue, who_waits_for_the_disk)
{
    static const struct disk_row rows[] = {
        {"on", true, "other off, store on"},
        {"off", true, "other off, store on"},
        {"on", false, "other off, store off"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wants wants;
        struct queue_batch b = {0};
        run("TRUNCATE event_outbox CASCADE");
        run("DROP TABLE IF EXISTS seen; CREATE TABLE seen (what text, setting text)");
        run("CREATE OR REPLACE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO seen VALUES (CASE WHEN new.body IS DISTINCT FROM old.body THEN 'store' "
            "ELSE 'other' END,"
            "                          current_setting('synchronous_commit')); RETURN NULL; END $$;"
            "CREATE OR REPLACE TRIGGER see AFTER UPDATE ON event_delivery FOR EACH ROW EXECUTE "
            "FUNCTION see();"
            "SET synchronous_commit = %s",
            rows[i].setting);
        put(1, 1, "{ops}");
        EXPECT_OK(queue_claim(&db.pg, ME, wants_of("ops:1", &wants)->items, 1, &b));
        buf_str(&b.items[0].body, "{}");
        (void)strcpy(b.items[0].content_type, "application/json");
        b.items[0].is_new_body = true;
        b.items[0].must_last = rows[i].must_last;
        EXPECT_OK(queue_store(&db.pg, ME, &b));
        queue_batch_free(&b);
        settle("ops", "1.1", QUEUE_DELIVERED);
        EXPECT_VALUE(&db, "SELECT string_agg(DISTINCT what || ' ' || setting, ', ') FROM seen",
                     rows[i].want);
        EXPECT_VALUE(&db, "SHOW synchronous_commit", rows[i].setting);
    }
}

/* ---- the breaker ---- */

/* Events 100.1 and so on fail, before all others. */
static void break_sink(const char *sink)
{
    char sinks[32];
    char ask[32];
    char want[32];
    (void)snprintf(sinks, sizeof sinks, "{%s}", sink);
    (void)snprintf(ask, sizeof ask, "%s:1", sink);
    for (int i = 100; i < 100 + QUEUE_BREAKER; i++) {
        put(i, 1, sinks);
        run("UPDATE event_delivery SET due_at = now() - interval '1 day' WHERE batch_id = "
            "'00000000-0000-7000-9000-%012d'",
            i);
        (void)snprintf(want, sizeof want, "%s=%d.1", sink, i);
        EXPECT_CLAIM(ME, ask, want);
        settle(sink, want + strlen(sink) + 1, QUEUE_FAILED);
    }
}

/* So that the sink can be broken once more. */
static void forget_what_broke(void)
{
    run("DELETE FROM event_outbox WHERE payload->>'nr' LIKE '10_.1'");
}

/* Seconds until the sink is tried again, rounded up. */
static int pause_of(const char *sink)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(greatest(ceil(extract(epoch FROM not_before - now())), 0), -1)"
                   "  FROM event_sink WHERE sink = '%s'",
                   sink);
    return atoi(database_value(&db, sql));
}

#define EXPECT_PAUSE(sink, full)                                                             \
    do {                                                                                     \
        int got_ = pause_of(sink);                                                           \
        cr_assert(got_ * 4 >= (full)*3 && got_ <= (full), "want 3/4 to 1 of %d s, got %d s", \
                  (full), got_);                                                             \
    } while (0)

Test(queue, a_broken_sink_is_paused_longer_and_longer)
{
    static const int pauses[] = {5, 10, 20, 40, 80, 160, 300, 300, 300};
    put(1, 1, "{ops,audit}");
    put(2, 1, "{ops}");
    break_sink("ops");
    EXPECT_VALUE(
        &db, "SELECT state || ' ' || failures || ' ' || error FROM sink_health WHERE sink = 'ops'",
        "paused 5 why");
    EXPECT_CLAIM(ME, "ops:9 audit:9", "audit=1.1");
    for (size_t i = 0; i < COUNT(pauses); i++) {
        char got[512];
        char sink[8];
        char name[16];
        EXPECT_PAUSE("ops", pauses[i]);
        pass(pauses[i]);
        claim_as(&db.pg, ME, "ops:9", got);
        cr_assert_eq(sscanf(got, "%7[^=]=%15s", sink, name), 2, "want one, got %s", got);
        cr_assert(!strchr(got, ','), "want one, got %s", got);
        EXPECT_CLAIM(ANOTHER, "ops:9", "");
        settle("ops", name, QUEUE_FAILED);
    }
    EXPECT_VALUE(&db,
                 "SELECT broken_at < now() - interval '10 min' FROM event_sink WHERE sink = 'ops'",
                 "t");
}

Test(queue, the_probe_goes_to_one_daemon)
{
    char got[512];
    break_sink("ops");
    pass(10);
    EXPECT_NEXT_DUE("ops:9", 0);
    EXPECT_OK(
        pg_exec(&second, "BEGIN; SELECT FROM event_sink WHERE sink = 'ops' FOR NO KEY UPDATE"));
    EXPECT_CLAIM(ME, "ops:9", ""); /* without waiting */
    EXPECT_OK(pg_exec(&second, "COMMIT"));
    EXPECT_CLAIM(ME, "ops:9", "ops=100.1");
    cr_assert_str_eq(claim_as(&second, ANOTHER, "ops:9", got), "", "got %s", got);
    EXPECT_NEXT_DUE("ops:9", LEASE_S);
    pass(LEASE_S); /* whoever had it is gone */
    cr_assert_str_eq(claim_as(&second, ANOTHER, "ops:9", got), "ops=101.1", "got %s", got);
    settle("ops", "100.1", QUEUE_FAILED); /* is not gone, but late: it is nobody's probe any more */
    EXPECT_VALUE(&db, "SELECT failures FROM event_sink", "5");
    EXPECT_CLAIM(ME, "ops:9", "");
}

Test(queue, a_probe_says_that_it_is_one)
{
    struct wants wants;
    struct queue_batch b = {0};
    put(1, 1, "{audit}");
    break_sink("ops");
    pass(10);
    EXPECT_OK(queue_claim(&db.pg, ME, wants_of("audit:1 ops:9", &wants)->items, 2, &b));
    cr_assert_eq(b.count, 2, "got %zu", b.count);
    cr_assert(!b.items[0].is_probe);
    cr_assert(b.items[1].is_probe);
    queue_batch_free(&b);
}

Test(queue, a_probe_that_was_not_tried_makes_room_for_the_next)
{
    static const enum queue_outcome untried[] = {QUEUE_RELEASED, QUEUE_UNSENT};
    break_sink("ops");
    pass(10);
    for (size_t i = 0; i < COUNT(untried); i++) {
        char got[512];
        char name[16];
        claim_as(&db.pg, ME, "ops:9", got);
        cr_assert_eq(sscanf(got, "ops=%15[0-9.]", name), 1, "got %s", got);
        settle("ops", name, untried[i]);
        EXPECT_VALUE(&db, "SELECT failures || coalesce(probe::text, '') FROM event_sink", "5");
        EXPECT_NEXT_DUE("ops:9", 0);
    }
}

Test(queue, attempts_that_were_under_way_when_it_broke_do_not_count)
{
    for (int i = 1; i <= 9; i++)
        put(i, 1, "{ops}");
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1,2.1,3.1,4.1,5.1,6.1,7.1,8.1,9.1");
    struct queue_result results[7];
    char ids[7][UUID_TEXT];
    for (int i = 0; i < 7; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "%d.1", i + 1);
        results[i] = result_of("ops", id_of(name, ids[i]), QUEUE_FAILED);
    }
    bool more;
    EXPECT_OK(queue_settle(&db.pg, ME, results, 7, &more));
    EXPECT_VALUE(&db, "SELECT failures FROM event_sink", "5");
    settle("ops", "8.1", QUEUE_FAILED);
    EXPECT_VALUE(&db, "SELECT failures FROM event_sink", "5");
    EXPECT_PAUSE("ops", 5);
    settle("ops", "9.1", QUEUE_DELIVERED); /* but this tells that it is well */
    EXPECT_VALUE(&db, "SELECT state || ' ' || failures FROM sink_health", "ok 0");
}

Test(queue, the_first_success_makes_all_that_waits_due)
{
    put(3, 1, "{ops}");
    EXPECT_CLAIM(ANOTHER, "ops:1", "ops=3.1"); /* in hand, so it isn't made due */
    put(1, 1, "{ops}");
    run("UPDATE event_delivery SET due_at = now() + interval '1 h', attempts = 3"
        " WHERE batch_id = " BATCH(1));
    put(2, 1, "{audit}");
    run("UPDATE event_delivery SET due_at = now() + interval '1 h' WHERE sink = 'audit'");
    break_sink("ops");
    settle("audit", "2.1", QUEUE_DELIVERED); /* not claimed: nothing */
    pass(6);
    EXPECT_CLAIM(ME, "ops:9", "ops=100.1");
    settle("ops", "100.1", QUEUE_DELIVERED);
    EXPECT_VALUE(&db,
                 "SELECT concat_ws(' ', failures, broken_at, probe, not_before) FROM event_sink "
                 "WHERE sink = 'ops'",
                 "0");
    EXPECT_CLAIM(ME, "ops:9 audit:9", "ops=1.1,101.1,102.1,103.1,104.1");
    settle("ops", "1.1", QUEUE_FAILED);
    settle("ops", "101.1",
           QUEUE_DELIVERED); /* the breaker wasn't open: the others keep their times */
    EXPECT_DELIVERY("ops", "1.1", "waiting 4 5");
}

Test(queue, what_nobody_will_try_any_more_is_given_up)
{
    char got[512];
    put(1, 1, "{ops,audit}"); /* waits for more than an hour: patience */
    pass(3000);
    put(2, 1, "{ops}");
    put(3, 1, "{ops}");
    pass(590);
    break_sink("ops");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_dlq", "0");
    pass(20);
    run("UPDATE event_sink SET broken_at = now() - interval '2 h'");
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1"); /* in hand: not given up */
    run("UPDATE event_delivery SET due_at = now() - interval '2 h' WHERE batch_id = " BATCH(2));
    settle("ops", "1.1", QUEUE_UNSENT); /* says nothing of the sink */
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_dlq", "0");
    claim_as(&db.pg, ME, "ops:9", got);
    cr_assert_str_eq(got, "ops=2.1", "got %s", got);
    run("UPDATE event_delivery SET due_at = now() - interval '2 h' WHERE batch_id = " BATCH(3));
    settle("ops", "2.1", QUEUE_FAILED);
    EXPECT_VALUE(&db, "SELECT string_agg(payload->>'nr' || ' ' || error, ', ') FROM event_dlq",
                 "3.1 given up, since the sink has been failing for too long: why");
    EXPECT_DELIVERY("ops", "3.1", "dead 0");
    EXPECT_DELIVERY("audit", "1.1", "waiting 0 0");
}

/* Nobody was there to deliver it, and then the listener wasn't well either. */
Test(queue, what_is_merely_old_is_not_given_up)
{
    put(1, 1, "{ops}");
    put(2, 1, "{ops}");
    put(3, 1, "{ops}");
    pass(12 * 3600);
    break_sink("ops"); /* by what is a day older */
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_dlq", "0");
    EXPECT_DELIVERY("ops", "1.1", "waiting 0 0");

    /* The daemon was away for a week more, with the breaker open. */
    run("DELETE FROM event_delivery WHERE attempts > 0");
    pass(7 * 24 * 3600);
    run("UPDATE event_sink SET last_failure_at = last_failure_at - interval '7 days'");
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1");
    settle("ops", "1.1", QUEUE_FAILED);
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_dlq", "0");

    /* But from then on it counts. */
    run("UPDATE event_sink SET broken_at = now() - interval '61 min', not_before = NULL");
    EXPECT_CLAIM(ME, "ops:9", "ops=2.1");
    settle("ops", "2.1", QUEUE_FAILED);
    EXPECT_VALUE(&db, "SELECT string_agg(payload->>'nr', ' ') FROM event_dlq", "3.1");
}

Test(queue, a_listener_that_asks_for_time_gets_it)
{
    put(1, 1, "{ops,audit}");
    put(3, 1, "{ops}");
    EXPECT_CLAIM(ME, "ops:2", "ops=1.1,3.1");
    put(2, 1, "{ops}");
    struct queue_result r = result_of("ops", "00000000-0000-7000-8000-000001000001", QUEUE_FAILED);
    r.pause_us = 20 * US_PER_S;
    settle_as(&db.pg, ME, &r);
    settle("ops", "3.1", QUEUE_DELIVERED); /* was under way, and takes nothing of that back */
    EXPECT_CLAIM(ME, "ops:9 audit:9", "audit=1.1");
    EXPECT_NEXT_DUE("ops:9", 20);
    pass(20);
    EXPECT_CLAIM(ME, "ops:9", "ops=2.1,1.1");
    EXPECT_VALUE(&db, "SELECT failures FROM event_sink WHERE sink = 'ops'", "0");
}

Test(queue, one_that_is_gone_is_left_alone_until_it_is_enabled)
{
    bool known;
    put(1, 1, "{ops}");
    put(2, 1, "{ops}");
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    settle("ops", "1.1", QUEUE_GONE);
    EXPECT_CLAIM(ME, "ops:9", "");
    EXPECT_NEXT_DUE("ops:9", -1);
    EXPECT_VALUE(&db, "SELECT state || ' ' || waiting || ' ' || error FROM sink_health",
                 "disabled 2 why");
    pass(7200);
    EXPECT_CLAIM(ME, "ops:9", "");
    EXPECT_OK(queue_enable(&db.pg, "nobody", &known));
    cr_assert(!known);
    EXPECT_OK(queue_enable(&db.pg, "ops", &known));
    cr_assert(known);
    EXPECT_VALUE(&db, "SELECT state || coalesce(error, '') FROM sink_health", "ok");
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1,2.1");
    EXPECT_OK(queue_enable(&db.pg, "ops", &known)); /* what is in hand stays so */
    EXPECT_CLAIM(ANOTHER, "ops:9", "");
}

/* It is older than the sink's patience, but nobody could try it. */
Test(queue, what_waited_for_a_disabled_sink_is_not_given_up)
{
    bool known;
    break_sink("ops");
    settle("ops", "100.1", QUEUE_GONE);
    put(1, 1, "{ops}");
    run("UPDATE event_sink SET disabled_at = now()");
    pass(7200);
    EXPECT_OK(queue_enable(&db.pg, "ops", &known));
    forget_what_broke();
    break_sink("ops");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_dlq", "0");
    EXPECT_DELIVERY("ops", "1.1", "waiting 0 0");
}

/* So many that one statement would keep the sink's row, and every settlement with it, for long. */
static void put_many(int count)
{
    run("WITH event AS ("
        "    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, payload)"
        "    SELECT gen_random_uuid(), 'gate.done', 2, '" SPOOL_ID "', gen_random_uuid(),"
        "           '{\"event\":\"e\", \"nr\":\"9.9\"}'"
        "      FROM generate_series(1, %d)"
        " RETURNING *) "
        "INSERT INTO event_delivery (event_id, sink, batch_id, seq, due_at, attempts)"
        "     SELECT event_id, 'ops', batch_id, seq, now() + interval '1 h', 1 FROM event",
        count);
}

Test(queue, many_are_woken_in_pieces)
{
    static const char due[] = "SELECT count(*) FILTER (WHERE due_at <= now()) || ' of ' || count(*)"
                              "  FROM event_delivery WHERE sink = 'ops' AND attempts = 1"
                              "   AND seq = 2";
    static const char broken[] = "SELECT broken_at IS NOT NULL FROM event_sink WHERE sink = 'ops'";
    char id[UUID_TEXT];
    bool more;
    put_many(2 * QUEUE_PIECE + 1);
    break_sink("ops");
    pass(6);
    EXPECT_CLAIM(ME, "ops:9", "ops=100.1");
    struct queue_result r = result_of("ops", id_of("100.1", id), QUEUE_DELIVERED);
    EXPECT_OK(queue_settle(&db.pg, ME, &r, 1, &more));
    cr_expect(more);
    EXPECT_VALUE(&db, due, "1000 of 2001");
    EXPECT_VALUE(&db, broken, "t"); /* who dies here leaves it for the next */
    EXPECT_OK(queue_wake(&second, NULL, &more));
    cr_expect(more);
    EXPECT_VALUE(&db, due, "2000 of 2001");
    EXPECT_OK(queue_wake(&db.pg, "audit", &more)); /* another sink */
    cr_expect(!more);
    EXPECT_OK(queue_wake(&db.pg, "ops", &more));
    cr_expect(!more);
    EXPECT_VALUE(&db, due, "2001 of 2001");
    EXPECT_VALUE(&db, broken, "f");
}

/* A flood makes a sink that is just well fail again, now and then: what failed since has its own
 * wait before it, or its attempts would be spent in seconds. */
Test(queue, what_fails_while_others_are_woken_waits)
{
    struct queue_result r;
    put(1, 1, "{ops}");
    put(2, 1, "{ops}");
    put_many(3 * QUEUE_PIECE);
    break_sink("ops");
    pass(6);
    run("UPDATE event_delivery SET due_at = now() + interval '1 h' WHERE seq = 2");
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    settle("ops", "1.1", QUEUE_DELIVERED);
    EXPECT_CLAIM(ME, "ops:1", "ops=2.1");
    settle("ops", "2.1", QUEUE_FAILED);
    EXPECT_DELIVERY("ops", "2.1", "waiting 1 5");
    EXPECT_CLAIM(ME, "ops:1", "ops=9.9");
    r = result_of(
        "ops",
        database_value(&db, "SELECT event_id FROM event_delivery WHERE claim_id IS NOT NULL"),
        QUEUE_DELIVERED);
    settle_as(&db.pg, ME, &r);
    EXPECT_DELIVERY("ops", "2.1", "waiting 1 5");
    EXPECT_VALUE(&db, "SELECT failures || ' ' || (broken_at IS NOT NULL)::text FROM event_sink",
                 "0 true");
}

/* It breaks anew before all are woken: its patience begins anew, too. */
Test(queue, a_breaker_that_opens_while_waking)
{
    bool more;
    char id[UUID_TEXT];
    put_many(QUEUE_PIECE + 1);
    put(1, 1, "{ops}");
    break_sink("ops");
    pass(7000); /* since no failure is that old, patience would go on */
    run("UPDATE event_delivery SET due_at = now() + interval '1 h' WHERE seq = 2;"
        "UPDATE event_delivery SET due_at = now() - interval '2 days' WHERE batch_id = " BATCH(1));
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1");
    struct queue_result r = result_of("ops", id_of("1.1", id), QUEUE_DELIVERED);
    EXPECT_OK(queue_settle(&db.pg, ME, &r, 1, &more));
    cr_expect(more);
    forget_what_broke();
    break_sink("ops");
    EXPECT_VALUE(&db,
                 "SELECT failures || ' ' || (broken_at > now() - interval '1 min')::text"
                 "  FROM event_sink WHERE sink = 'ops'",
                 "5 true");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_dlq", "0");
}

Test(queue, enabling_makes_due_what_waits_for_its_next_attempt)
{
    bool known;
    put_many(QUEUE_PIECE + 1);
    run("INSERT INTO event_sink (sink, disabled_at) VALUES ('ops', now())");
    EXPECT_OK(queue_enable(&db.pg, "ops", &known));
    cr_expect(known);
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_delivery WHERE due_at > now()", "0");
    EXPECT_VALUE(&db, "SELECT concat_ws(' ', failures, broken_at, disabled_at) FROM event_sink",
                 "0");
}

/* ---- a newer program's database ---- */

Test(queue, a_newer_program_migrates_in_between)
{
    struct wants wants;
    struct queue_batch claimed = {0};
    int64_t wait_us;
    bool more;
    put(1, 1, "{ops}");
    wants_of("ops:1", &wants);
    EXPECT_OK(pg_exec(&second, "INSERT INTO spoolgate_migration VALUES (999, '999_future', 'x')"));
    EXPECT_ERR(queue_claim(&db.pg, ME, wants.items, 1, &claimed), ERR_CONFIG, "999_future");
    cr_expect_eq(claimed.count, 0);
    EXPECT_ERR(queue_next_due(&db.pg, wants.items, 1, &wait_us), ERR_CONFIG, "999_future");
    EXPECT_ERR(queue_wake(&db.pg, NULL, &more), ERR_CONFIG, "999_future");
    EXPECT_OK(pg_exec(&second, "DELETE FROM spoolgate_migration WHERE number = 999"));
    EXPECT_OK(queue_next_due(&db.pg, wants.items, 1, &wait_us)); /* no transaction is left open */
}

/* What was under way when it was disabled fails: that isn't why it is off. */
Test(queue, one_that_is_disabled_by_hand)
{
    bool known;
    EXPECT_OK(queue_disable(&db.pg, "ops", false, &known));
    cr_expect(!known);
    put(1, 1, "{ops}");
    put(2, 1, "{ops}");
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    EXPECT_OK(queue_disable(&db.pg, "ops", false, &known));
    cr_expect(known, "something waits for it");
    EXPECT_OK(queue_disable(&db.pg, "audit", true, &known));
    cr_expect(known, "it is declared");
    settle("ops", "1.1", QUEUE_FAILED);
    EXPECT_CLAIM(ME, "ops:9", "");
    EXPECT_NEXT_DUE("ops:9", -1);
    EXPECT_VALUE(&db,
                 "SELECT string_agg(concat_ws(' ', sink, state, waiting, error), ', ')"
                 "  FROM sink_health",
                 "audit disabled 0 " QUEUE_BY_HAND ", ops disabled 2 " QUEUE_BY_HAND);
    EXPECT_OK(queue_enable(&db.pg, "ops", &known));
    EXPECT_CLAIM(ME, "ops:9", "ops=1.1,2.1");
}

/* A statement that settles has its deliveries before it takes the sink. */
Test(queue, enabling_waits_for_no_delivery)
{
    bool known;
    put(1, 1, "{ops}");
    put(2, 1, "{ops}");
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    settle("ops", "1.1", QUEUE_FAILED);
    EXPECT_OK(pg_exec(&second, "BEGIN; UPDATE event_delivery SET attempts = attempts + 1"
                               " WHERE event_id = '00000000-0000-7000-8000-000001000001'"));
    EXPECT_OK(pg_exec(&db.pg, "SET lock_timeout = '10s'"));
    EXPECT_OK(queue_enable(&db.pg, "ops", &known));
    cr_assert(known);
    EXPECT_OK(pg_exec(&second, "SELECT FROM event_sink FOR UPDATE; COMMIT"));
    EXPECT_VALUE(&db,
                 "SELECT string_agg((due_at <= now())::text, ' ' ORDER BY event_id)"
                 "  FROM event_delivery",
                 "false true");
}

/* ---- looking back ---- */

/* Of a million attempts, too, the last few are found without sorting all. */
Test(queue, the_last_attempts_are_found_by_index)
{
    struct buf sql = {0};
    PGresult *rows;
    bool is_sorted = false;
    buf_printf(&sql, "EXPLAIN %s", sql_sink_log);
    run("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off;"
        "SET enable_mergejoin = off");
    EXPECT_OK(pg_query(&db.pg, buf_cstr(&sql), PG_PARAMS("ops", "20"), &rows));
    for (int i = 0; i < PQntuples(rows); i++)
        is_sorted |= strstr(PQgetvalue(rows, i, 0), "Sort") != NULL;
    cr_expect(!is_sorted, "the plan sorts");
    PQclear(rows);
    buf_free(&sql);
}

/* ---- waiting ---- */

Test(queue, when_something_is_due_again)
{
    EXPECT_NEXT_DUE("ops:1", -1);
    EXPECT_NEXT_DUE("", -1);
    put(1, 1, "{ops}");
    put(1, 2, "{ops}");
    put(2, 1, "{audit}");
    EXPECT_NEXT_DUE("ops:1", 0);
    EXPECT_NEXT_DUE("ops:0", -1);
    EXPECT_NEXT_DUE("nobody:1", -1);
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    EXPECT_NEXT_DUE("ops:9", LEASE_S); /* 1.2 waits for it */
    EXPECT_NEXT_DUE("ops:9 audit:9", 0);
    EXPECT_CLAIM(ME, "audit:1", "audit=2.1");
    settle("audit", "2.1", QUEUE_FAILED);
    EXPECT_NEXT_DUE("ops:9 audit:9", 5);
    settle("ops", "1.1", QUEUE_DELIVERED);
    EXPECT_NEXT_DUE("ops:9 audit:9", 0);
    EXPECT_CLAIM(ME, "ops:9", "ops=1.2");
    settle("ops", "1.2", QUEUE_DELIVERED);
    EXPECT_NEXT_DUE("ops:9 audit:9", 5);
}

/* ---- by hand ---- */

static void dies(const char *sink, const char *name)
{
    char id[UUID_TEXT];
    struct queue_result r = result_of(sink, id_of(name, id), QUEUE_FAILED);
    r.wait_us = -1;
    settle_as(&db.pg, ME, &r);
}

/* What was queued by hand is due one after the other, a microsecond apart, from that moment on. */
static void wait_until_due(void)
{
    EXPECT_OK(pg_exec(&db.pg, "SELECT pg_sleep_until(max(due_at)) FROM event_delivery "
                              "WHERE state = 'waiting' AND due_at < now() + interval '1 s'"));
}

static bool was_woken(void)
{
    bool woken = false;
    PGnotify *notice;
    EXPECT_OK(pg_exec(&second, "SELECT 1"));
    while ((notice = PQnotifies(second.connection))) {
        woken = woken || strcmp(notice->relname, "event_updates") == 0;
        PQfreemem(notice);
    }
    return woken;
}

Test(queue, dead_letters_are_redriven)
{
    static const struct {
        const char *what;
        struct queue_filter which;
        uint64_t want;
        const char *claims;
    } rows[] = {
        {"another sink", {.sink = "nobody"}, 0, ""},
        {"another type", {.event_type = "gate.done"}, 0, ""},
        {"another event", {.event_id = OTHER_ID}, 0, ""},
        {"another letter", {.dlq_id = "999"}, 0, ""},
        {"later ones", {.since = "2100-01-01"}, 0, ""},
        {"earlier ones", {.until = "2020-01-01T00:00:00Z"}, 0, ""},
        {"those of a sink",
         {.sink = "ops", .since = "2020-01-01", .until = "2100-01-01"},
         2,
         "ops=1.1,2.1"},
        {"one event", {.event_id = "00000000-0000-7000-8000-000002000001"}, 2, "ops=2.1 audit=2.1"},
        {"one letter", {.dlq_id = "1"}, 1, "ops=1.1"},
        {"all", {.event_type = "gate.open"}, 4, "ops=1.1,2.1 audit=1.1,2.1"},
    };
    EXPECT_OK(pg_exec(&second, "LISTEN event_updates"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t count;
        run("TRUNCATE event_outbox, event_delivery, event_attempt, event_sink, event_dlq RESTART "
            "IDENTITY");
        put(1, 1, "{ops,audit}");
        put(2, 1, "{ops,audit}");
        EXPECT_CLAIM(ME, "ops:2 audit:2", "ops=1.1,2.1 audit=1.1,2.1");
        dies("ops", "1.1");
        dies("ops", "2.1");
        dies("audit", "1.1");
        dies("audit", "2.1");
        EXPECT_OK(queue_redrive(&db.pg, &rows[i].which, &count));
        cr_assert_eq(count, rows[i].want, "%s: want %" PRIu64 ", got %" PRIu64, rows[i].what,
                     rows[i].want, count);
        cr_assert(was_woken());
        wait_until_due();
        EXPECT_CLAIM(ME, "ops:9 audit:9", rows[i].claims);
        EXPECT_OK(queue_redrive(&db.pg, &rows[i].which, &count)); /* they wait no more */
        cr_assert_eq(count, 0, "%s, again: got %" PRIu64, rows[i].what, count);
    }
    EXPECT_DELIVERY("ops", "1.1", "waiting 0 30");
    dies("ops", "1.1");
    EXPECT_VALUE(&db, "SELECT count(*) || ' ' || count(retried_at) FROM event_dlq", "5 4");
}

Test(queue, a_filter_that_cannot_be_read)
{
    static const struct {
        struct queue_filter which;
        const char *want;
    } rows[] = {{{.since = "soon"}, "\"soon\""},
                {{.until = "2026-13-01"}, "2026-13-01"},
                {{.event_id = "x"}, "\"x\""}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t count;
        EXPECT_ERR(queue_redrive(&db.pg, &rows[i].which, &count), ERR_USAGE, rows[i].want);
        EXPECT_ERR(queue_replay(&db.pg, "ops", &rows[i].which, &count), ERR_USAGE, rows[i].want);
    }
}

Test(queue, events_are_played_again)
{
    uint64_t count;
    put(1, 1, "{ops}");
    put(1, 2, "{ops}");
    put(2, 1, "{ops}");
    run("UPDATE event_delivery SET body = 'kept', content_type = 'text/plain'");
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    settle("ops", "1.1", QUEUE_DELIVERED);
    EXPECT_CLAIM(ME, "ops:1", "ops=1.2");
    dies("ops", "1.2");
    EXPECT_OK(pg_exec(&second, "LISTEN event_updates"));
    EXPECT_OK(queue_replay(&db.pg, "ops", &(struct queue_filter){.since = "2020-01-01"}, &count));
    cr_assert_eq(count, 2, "2.1 waits already: got %" PRIu64, count);
    cr_assert(was_woken());
    wait_until_due();
    EXPECT_CLAIM(ME, "ops:9", "ops=2.1,1.1");
    EXPECT_VALUE(&db,
                 "SELECT count(*) FROM event_delivery WHERE body = 'kept' AND attempts = 0 AND "
                 "settled_at IS NULL",
                 "3");
    EXPECT_OK(queue_redrive(&db.pg, &(struct queue_filter){0}, &count));
    cr_assert_eq(count, 0, "the dead letter was redriven so: got %" PRIu64, count);
    EXPECT_OK(
        queue_replay(&db.pg, "audit", &(struct queue_filter){.event_type = "gate.open"}, &count));
    cr_assert_eq(count, 2, "got %" PRIu64, count);
    wait_until_due();
    EXPECT_CLAIM(ME, "audit:9", "audit=1.1,2.1");
}

/* ---- time ---- */

static void prune(uint64_t events, uint64_t given_up)
{
    struct queue_pruned got;
    EXPECT_OK(queue_prune(&db.pg, SPOOL_ID, time_now() - 3600 * US_PER_S, &got));
    cr_assert(got.events == events && got.given_up == given_up,
              "want %" PRIu64 " events and %" PRIu64 " given up, got %" PRIu64 " and %" PRIu64,
              events, given_up, got.events, got.given_up);
}

Test(queue, what_is_old_and_settled_goes)
{
    uint64_t count;
    put(1, 1, "{}");
    put(2, 1, "{ops}");
    put(3, 1, "{ops,audit}");
    put(4, 1, "{ops}");
    put(5, 1, "{ops}");
    run("UPDATE event_outbox SET spool_id = '" OTHER_ID "' WHERE batch_id = " BATCH(5));
    EXPECT_CLAIM(ME, "ops:9 audit:9", "ops=2.1,3.1,4.1,5.1 audit=3.1");
    settle("ops", "2.1", QUEUE_DELIVERED);
    settle("ops", "3.1", QUEUE_DELIVERED);
    dies("audit", "3.1");
    dies("ops", "4.1");
    settle("ops", "5.1", QUEUE_DELIVERED);
    pass(3500);
    prune(0, 0);
    EXPECT_OK(queue_redrive(&db.pg, &(struct queue_filter){.sink = "ops"}, &count));
    cr_assert_eq(count, 1, "got %" PRIu64, count);
    wait_until_due();
    EXPECT_CLAIM(ME, "ops:9", "ops=4.1");
    settle("ops", "4.1", QUEUE_DELIVERED);
    pass(200);
    prune(2, 0); /* 1 and 2; of 3 the dead letter waits, 4 was delivered just now, 5 is another
                    spool's */
    EXPECT_VALUE(&db, "SELECT string_agg(payload->>'nr', ' ' ORDER BY event_id) FROM event_outbox",
                 "3.1 4.1 5.1");
    EXPECT_VALUE(&db, "SELECT string_agg(sink, ' ') FROM event_delivery WHERE batch_id = " BATCH(3),
                 "audit");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_attempt", "4");
    pass(3600);
    prune(1, 0);
    EXPECT_VALUE(&db, "SELECT string_agg(payload->>'nr', ' ') FROM event_dlq", "3.1");
    EXPECT_OK(queue_redrive(&db.pg, &(struct queue_filter){0}, &count));
    cr_assert_eq(count, 1, "it can still be redriven: got %" PRIu64, count);
}

Test(queue, what_waits_for_too_long_is_given_up)
{
    put(1, 1, "{ops,undeclared}");
    put(2, 1, "{ops,undeclared}");
    pass(3590);
    EXPECT_CLAIM(ME, "ops:1", "ops=1.1");
    pass(20);
    prune(0, 3);
    EXPECT_DELIVERY("ops", "1.1", "waiting 0 10"); /* in hand */
    EXPECT_VALUE(
        &db, "SELECT count(*) FROM event_delivery WHERE state = 'dead' AND settled_at IS NOT NULL",
        "3");
    EXPECT_VALUE(&db,
                 "SELECT string_agg(sink || ' ' || (payload->>'nr'), ', ' ORDER BY sink, event_id) "
                 "FROM event_dlq"
                 " WHERE error = 'given up after the time that events are kept: never tried'",
                 "ops 2.1, undeclared 1.1, undeclared 2.1");
}

/* ---- rights ---- */

Test(queue, the_role_is_a_plain_one)
{
    EXPECT_VALUE(&db, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user",
                 "f");
    EXPECT_VALUE(
        &db,
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'event\\_%' AND relkind = 'r' "
        "AND NOT relrowsecurity"
        "   AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
        "0");
    EXPECT_VALUE(&db, "SELECT reloptions FROM pg_class WHERE oid = 'sink_health'::regclass",
                 "{security_invoker=true}");
}
