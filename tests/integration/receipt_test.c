/* SPDX-License-Identifier: MIT */
/* The receipt's life and its fence, and the ledger: what makes "nothing twice" true. */
#include "replay/receipt.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"
#include "bytes.h"
#include "database.h"
#include "replay/ledger.h"
#include "io/newer.h"

#define SPOOL_ID "01a1fc09-7974-771f-a030-6c8417c14a1d"
#define OTHER_ID "01a1fc09-7974-771f-a030-6c8417c14a1e"

static struct database db;
static const struct load_rules by_content = {.dedupe = DEDUPE_CONTENT};

/* Two sinks want gate.open, one gate.done. */
static void two_sinks(const struct load_terms *t, enum event_type event, const char *gate,
                      struct buf *array)
{
    (void)t;
    buf_str(array, event == EVENT_GATE_OPEN ? "{ops,audit}" : "{ops}");
    cr_assert_str_eq(gate, "default");
}

static const struct load_terms terms = {.rules = &by_content, .sinks = two_sinks};

static void set_up(void)
{
    database_open(&db, true);
}

static void tear_down(void)
{
    database_close(&db);
}

TestSuite(receipt, .init = set_up, .fini = tear_down);

/* A claim of files that nobody reads. */
static struct claim claim_of(size_t count)
{
    struct claim c = {.id = uuid_new(),
                      .gate = "default",
                      .reason = "by hand",
                      .opened_us = time_now(),
                      .folder = -1};
    (void)uuid_format(&c.id, c.batch);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "%zu.msgpack", i);
        struct claim_file *file = MEM_PUSH(c.files, c.count, c.cap);
        *file = (struct claim_file){.name = mem_strdup(name), .bytes = 10};
    }
    return c;
}

static const char *status_of(const struct claim *c)
{
    struct buf sql = {0};
    buf_printf(&sql,
               "SELECT status || ' ' || attempts FROM ingestion_manifest WHERE batch_id = '%s'",
               c->batch);
    const char *value = database_value(&db, buf_cstr(&sql));
    buf_free(&sql);
    return value;
}

static enum receipt_state state_of(const struct claim *c)
{
    enum receipt_state state;
    EXPECT_OK(receipt_find(&db.pg, c->batch, SPOOL_ID, &state));
    return state;
}

static struct err open_receipt(const struct claim *c, const char *spool_id, int *attempt)
{
    struct batch b;
    batch_open(&b, c, &terms);
    struct err e = receipt_open(&db.pg, &b, spool_id, attempt);
    batch_close(&b);
    return e;
}

static struct err finish(const struct claim *c, bool failed)
{
    struct batch b;
    batch_open(&b, c, &terms);
    struct receipt_end end = {.failed = failed, .tables = "{}", .error = failed ? "why" : NULL};
    struct err e = receipt_finish(&db.pg, &b, &end);
    batch_close(&b);
    return e;
}

Test(receipt, from_none_to_settled)
{
    for (int failed = 0; failed <= 1; failed++) {
        struct claim c = claim_of(2);
        int attempt;
        cr_assert_eq(state_of(&c), RECEIPT_NONE);
        EXPECT_ERR(receipt_start(&db.pg, c.batch, &attempt), ERR_BUSY, c.batch);
        EXPECT_OK(open_receipt(&c, SPOOL_ID, &attempt));
        cr_assert_eq(attempt, 1, "got %d", attempt);
        cr_assert_str_eq(status_of(&c), "loading 1");
        EXPECT_OK(open_receipt(&c, SPOOL_ID, &attempt)); /* a reply was lost */
        cr_assert_eq(attempt, 2, "got %d", attempt);
        cr_assert_eq(state_of(&c), RECEIPT_UNFINISHED);
        EXPECT_OK(receipt_start(&db.pg, c.batch, &attempt));
        cr_assert_eq(attempt, 3, "got %d", attempt);
        cr_assert_str_eq(status_of(&c), "loading 3");
        cr_assert_eq(state_of(&c), RECEIPT_UNFINISHED);
        receipt_stall(&db.pg, c.batch, SPOOL_ID, "no luck");
        receipt_stall(&db.pg, c.batch, OTHER_ID, "a copied folder's");
        EXPECT_VALUE(&db, "SELECT error FROM ingestion_manifest WHERE status = 'loading'",
                     "no luck");
        EXPECT_OK(finish(&c, failed));
        cr_assert_str_eq(status_of(&c), failed ? "failed 3" : "done 3");
        cr_assert_eq(state_of(&c), RECEIPT_SETTLED);
        EXPECT_ERR(receipt_start(&db.pg, c.batch, &attempt), ERR_BUSY, "settled");
        EXPECT_ERR(open_receipt(&c, SPOOL_ID, &attempt), ERR_BUSY, "settled");
        receipt_stall(&db.pg, c.batch, SPOOL_ID, "too late");
        cr_assert_str_neq(database_value(&db, "SELECT coalesce(error, '') FROM ingestion_manifest"
                                              " ORDER BY opened_at DESC LIMIT 1"),
                          "too late");
        claim_free(&c);
    }
}

/* Whoever alters a table that the batch went to waits for it, or has come before its end. */
Test(receipt, a_newer_program_migrates_in_between)
{
    struct claim c = claim_of(1);
    int attempt;
    struct pg other;
    EXPECT_OK(newer_check(&db.pg));
    EXPECT_OK(open_receipt(&c, SPOOL_ID, &attempt));
    EXPECT_OK(receipt_begin(&db.pg, c.batch, attempt));
    pg_init(&other);
    EXPECT_OK(pg_open(&other, &db.target));
    EXPECT_OK(pg_exec(&other, "INSERT INTO spoolgate_migration VALUES (999, '999_future', 'x')"));
    EXPECT_ERR(finish(&c, false), ERR_CONFIG, "999_future");
    pg_rollback(&db.pg);
    cr_assert_str_eq(status_of(&c), "loading 1");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_outbox WHERE event_type = 'gate.done'", "0");
    EXPECT_ERR(newer_check(&db.pg), ERR_CONFIG, "newer than this program");
    EXPECT_OK(pg_exec(&other, "DELETE FROM spoolgate_migration WHERE number = 999"));
    EXPECT_OK(receipt_begin(&db.pg, c.batch, attempt));
    EXPECT_OK(finish(&c, false));
    EXPECT_OK(pg_commit(&db.pg));
    cr_assert_str_eq(status_of(&c), "done 1");
    pg_close(&other);
    claim_free(&c);
}

Test(receipt, an_attempt_that_was_overtaken_cannot_go_on)
{
    struct claim c = claim_of(1);
    int first;
    int second;
    EXPECT_OK(open_receipt(&c, SPOOL_ID, &first));
    EXPECT_OK(receipt_begin(&db.pg, c.batch, first));
    pg_rollback(&db.pg);
    EXPECT_OK(receipt_start(&db.pg, c.batch, &second));
    cr_assert_eq(second, first + 1, "want %d, got %d", first + 1, second);
    EXPECT_ERR(receipt_begin(&db.pg, c.batch, first), ERR_BUSY, "overtaken");
    pg_rollback(&db.pg);
    EXPECT_OK(receipt_begin(&db.pg, c.batch, second));
    pg_rollback(&db.pg);
    EXPECT_ERR(receipt_begin(&db.pg, c.batch, second + 1), ERR_BUSY, "overtaken");
    pg_rollback(&db.pg);
    EXPECT_OK(finish(&c, false));
    EXPECT_ERR(receipt_begin(&db.pg, c.batch, second), ERR_BUSY, "overtaken");
    pg_rollback(&db.pg);
    claim_free(&c);
}

/* A receipt that says done outlives a power cut; a session that asks for more gets it. */
Test(receipt, the_commit_is_as_durable_as_the_session_or_more)
{
    static const struct {
        const char *session, *want;
    } rows[] = {
        {"off", "on"},
        {"local", "on"},
        {"remote_write", "on"},
        {"on", "on"},
        {"remote_apply", "remote_apply"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct claim c = claim_of(1);
        struct buf set = {0};
        int attempt;
        EXPECT_OK(open_receipt(&c, SPOOL_ID, &attempt));
        buf_printf(&set, "SET synchronous_commit = %s", rows[i].session);
        EXPECT_OK(pg_exec(&db.pg, buf_cstr(&set)));
        EXPECT_OK(receipt_begin(&db.pg, c.batch, attempt));
        EXPECT_VALUE(&db, "SHOW synchronous_commit", rows[i].want);
        pg_rollback(&db.pg);
        EXPECT_VALUE(&db, "SHOW synchronous_commit", rows[i].session);
        buf_free(&set);
        claim_free(&c);
    }
}

/* The successor's receipt_start waits for a transaction that holds the receipt: it can't slip in
 * between the lock and the COMMIT of the attempt before it. */
Test(receipt, the_lock_keeps_the_successor_waiting)
{
    struct claim c = claim_of(1);
    struct pg successor;
    int attempt;
    EXPECT_OK(open_receipt(&c, SPOOL_ID, &attempt));
    EXPECT_OK(receipt_begin(&db.pg, c.batch, attempt));
    EXPECT_VALUE(&db, "SHOW synchronous_commit", "on");
    pg_init(&successor);
    EXPECT_OK(pg_open(&successor, &db.target));
    EXPECT_OK(pg_exec(&successor, "SET lock_timeout = '10ms'"));
    EXPECT_ERR(receipt_start(&successor, c.batch, &attempt), ERR_DATABASE, "55P03");
    enum receipt_state state;
    EXPECT_ERR(receipt_find(&successor, c.batch, SPOOL_ID, &state), ERR_DATABASE, "55P03");
    EXPECT_OK(finish(&c, false));
    EXPECT_OK(pg_commit(&db.pg));
    EXPECT_OK(receipt_find(&successor, c.batch, SPOOL_ID, &state));
    cr_assert_eq(state, RECEIPT_SETTLED);
    pg_close(&successor);
    claim_free(&c);
}

Test(receipt, another_spools_batch_is_refused)
{
    struct claim c = claim_of(1);
    enum receipt_state state;
    EXPECT_OK(open_receipt(&c, OTHER_ID, &(int){0}));
    EXPECT_ERR(receipt_find(&db.pg, c.batch, SPOOL_ID, &state), ERR_CONFIG, OTHER_ID);
    claim_free(&c);
}

/* ---- events ---- */

/* "gate.open 1 audit,ops; ...", the batch's events with their deliveries. */
static const char *events_of(const struct claim *c)
{
    struct buf sql = {0};
    buf_printf(
        &sql,
        "SELECT coalesce(string_agg(event_type || ' ' || seq || ' ' || sinks, '; ' ORDER BY seq), "
        "'')"
        "  FROM (SELECT e.event_type, e.seq, string_agg(d.sink, ',' ORDER BY d.sink) AS sinks"
        "          FROM event_outbox e JOIN event_delivery d USING (event_id)"
        "         WHERE e.batch_id = '%s' AND e.gate = 'default' AND e.spool_id = '" SPOOL_ID "'"
        "           AND e.payload->>'event' = e.event_type AND d.batch_id = e.batch_id AND d.seq = "
        "e.seq AND d.state = 'waiting'"
        "         GROUP BY e.event_id) AS e",
        c->batch);
    const char *value = database_value(&db, buf_cstr(&sql));
    buf_free(&sql);
    return value;
}

#define EXPECT_EVENTS(c, want)                                           \
    do {                                                                 \
        const char *got_ = events_of(c);                                 \
        cr_assert_str_eq(got_, (want), "want %s, got %s", (want), got_); \
    } while (0)

Test(receipt, each_end_writes_its_event_once)
{
    for (int failed = 0; failed <= 1; failed++) {
        struct claim c = claim_of(1);
        int attempt;
        EXPECT_OK(open_receipt(&c, SPOOL_ID, &attempt));
        EXPECT_EVENTS(&c, "gate.open 1 audit,ops");
        EXPECT_OK(open_receipt(&c, SPOOL_ID,
                               &attempt)); /* a reply was lost: another attempt, no other event */
        EXPECT_OK(receipt_start(&db.pg, c.batch, &attempt));
        EXPECT_EVENTS(&c, "gate.open 1 audit,ops");
        EXPECT_OK(receipt_begin(&db.pg, c.batch, attempt));
        EXPECT_OK(finish(&c, failed));
        EXPECT_EVENTS(&c, "gate.open 1 audit,ops; gate.done 2 ops");
        pg_rollback(&db.pg);
        EXPECT_EVENTS(&c, "gate.open 1 audit,ops");
        EXPECT_OK(receipt_begin(&db.pg, c.batch, attempt));
        EXPECT_OK(finish(&c, failed));
        EXPECT_OK(pg_commit(&db.pg));
        EXPECT_EVENTS(&c, "gate.open 1 audit,ops; gate.done 2 ops");
        claim_free(&c);
    }
    EXPECT_VALUE(&db, "SELECT string_agg(substr(event_id::text, 15, 1), '') FROM event_outbox",
                 "7777");
}

/* Events of which nobody wants to hear are events, too. */
static void no_sinks(const struct load_terms *t, enum event_type event, const char *gate,
                     struct buf *array)
{
    (void)t;
    (void)event;
    (void)gate;
    buf_str(array, "{}");
}

Test(receipt, an_event_without_sinks)
{
    static const struct load_terms quiet = {.rules = &by_content, .sinks = no_sinks};
    struct claim c = claim_of(1);
    struct batch b;
    int attempt;
    batch_open(&b, &c, &quiet);
    EXPECT_OK(receipt_open(&db.pg, &b, SPOOL_ID, &attempt));
    EXPECT_OK(receipt_finish(&db.pg, &b, &(struct receipt_end){.tables = "{}"}));
    EXPECT_VALUE(&db, "SELECT string_agg(event_type, ' ' ORDER BY seq) FROM event_outbox",
                 "gate.open gate.done");
    EXPECT_VALUE(&db, "SELECT count(*) FROM event_delivery", "0");
    batch_close(&b);
    claim_free(&c);
}

/* ---- the ledger ---- */

/* Segment i of the batch holds the content that letters[i] names, '-' for one that failed, '!' for
 * one of which every frame is a reject. */
static struct batch batch_of(const struct claim *c, const char *letters)
{
    struct batch b;
    batch_open(&b, c, &terms);
    for (size_t i = 0; i < b.count; i++) {
        struct segment_summary *sum = &b.segments[i].sum;
        *sum = (struct segment_summary){.bytes = 10, .bytes_raw = 10, .frames = 2};
        memset(sum->sha256, letters[i], sizeof sum->sha256);
        if (letters[i] == '!')
            sum->rejected = sum->frames;
        if (letters[i] == '-')
            batch_fail_segment(&b, i, "bad");
    }
    return b;
}

/* 'L' loaded, 'D' duplicate of this batch, 'd' of another, 'F' failed. */
static void fates(const struct batch *b, char *text)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct batch_segment *s = &b->segments[i];
        text[i] = s->fate == SEGMENT_LOADED                       ? 'L'
                  : s->fate == SEGMENT_FAILED                     ? 'F'
                  : strcmp(s->duplicate_of, b->claim->batch) == 0 ? 'D'
                  : s->duplicate_of[0]                            ? 'd'
                                                                  : '?';
    }
    text[b->count] = '\0';
}

Test(receipt, of_twins_the_first_is_loaded)
{
    static const struct {
        const char *what, *letters, *want;
        const char *ledger; /* rows of it afterwards, all batches together */
    } rows[] = {
        {"all new", "abc", "LLL", "3"},
        {"twins in one batch", "defd", "LLLD", "6"},
        {"triplets", "ggg", "LDD", "7"},
        {"loaded before", "hagb", "Lddd", "8"},
        {"twins of one loaded before", "aa", "dd", "8"},
        {"a failed one has no key", "i-i", "LFD", "9"},
        {"nor has one of rejects alone", "!!", "LL", "9"},
        {"nothing to enter", "--", "FF", "9"},
        {"many twins, in any order", "jkjkkjlljk", "LLDDDDLDDD", "12"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char got[32];
        struct claim c = claim_of(strlen(rows[i].letters));
        struct batch b = batch_of(&c, rows[i].letters);
        EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
        EXPECT_OK(ledger_claim(&db.pg, &b));
        EXPECT_OK(pg_commit(&db.pg));
        fates(&b, got);
        cr_assert_str_eq(got, rows[i].want, "%s: want %s, got %s", rows[i].what, rows[i].want, got);
        EXPECT_VALUE(&db, "SELECT count(*) FROM ingestion_segment", rows[i].ledger);
        batch_close(&b);
        claim_free(&c);
    }
}

Test(receipt, what_a_rolled_back_attempt_found_is_found_anew)
{
    char got[8];
    struct claim c = claim_of(2);
    struct batch b = batch_of(&c, "aa");
    for (int attempt = 0; attempt < 3; attempt++) {
        EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
        EXPECT_OK(ledger_claim(&db.pg, &b));
        fates(&b, got);
        cr_assert_str_eq(got, "LD", "attempt %d: want LD, got %s", attempt, got);
        pg_rollback(&db.pg);
    }
    EXPECT_VALUE(&db, "SELECT count(*) FROM ingestion_segment", "0");
    batch_close(&b);
    claim_free(&c);
}

/* Two transactions want the same key: the second waits for the first, and its outcome decides. */
Test(receipt, the_second_of_two_daemons_waits_for_the_first)
{
    struct pg second;
    char got[8];
    struct claim c = claim_of(1);
    struct claim d = claim_of(1);
    struct batch b = batch_of(&c, "a");
    struct batch e = batch_of(&d, "a");
    pg_init(&second);
    EXPECT_OK(pg_open(&second, &db.target));
    EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
    EXPECT_OK(ledger_claim(&db.pg, &b));
    EXPECT_OK(pg_exec(&second, "SET lock_timeout = '10ms'; BEGIN"));
    EXPECT_ERR(ledger_claim(&second, &e), ERR_DATABASE, "55P03");
    pg_rollback(&second);
    EXPECT_OK(pg_commit(&db.pg));
    EXPECT_OK(ledger_claim(&second, &e));
    fates(&e, got);
    cr_assert_str_eq(got, "d", "got %s", got);
    cr_assert_str_eq(e.segments[0].duplicate_of, c.batch);
    pg_close(&second);
    batch_close(&b);
    batch_close(&e);
    claim_free(&c);
    claim_free(&d);
}
