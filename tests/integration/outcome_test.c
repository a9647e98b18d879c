/* SPDX-License-Identifier: MIT */
/* What the daemon is told of a batch: numbers as on its receipt, reasons of rejects, stages. */
#include "replay/outcome.h"

#include <inttypes.h>

#include "base/time.h"
#include "bytes.h"
#include "loading.h"
#include "replay/receipt.h"

#define KEY(key, type_, required_)                                                           \
    {                                                                                        \
        .name = (key), .type = (type_), .path = (const char *const[]){key}, .path_count = 1, \
        .required = (required_)                                                              \
    }

static const struct column columns[] = {KEY("k", COLUMN_TEXT, true), KEY("n", COLUMN_INT4, false)};
static const struct stream streams[] = {{.name = "words",
                                         .kind = "word",
                                         .table = "words",
                                         .columns = columns,
                                         .column_count = COUNT(columns),
                                         .version = STREAM_NO_COLUMN,
                                         .time_column = STREAM_NO_COLUMN}};
static const struct stream_set set = {streams, COUNT(streams)};

/* Two rows, and a frame for each of some reasons. */
#define GOOD "{\"kind\": \"word\", \"k\": \"a\"}\n{\"kind\": \"word\", \"k\": \"b\"}\n"
#define MIXED                               \
    GOOD "{\"kind\": \"nobody's\"}\n"       \
         "{\"kind\": \"word\"}\n"           \
         "{\"kind\": \"word\", \"k\": 1}\n" \
         "{\"kind\": \"word\", \"k\": \"x\", \"n\": 3000000000}\n"
#define REFUSED "{\"kind\": \"word\", \"k\": \"forbidden\"}\n"

static struct loading x;

static void set_up(void)
{
    loading_open(&x, &set);
}

static void tear_down(void)
{
    loading_close(&x);
}

TestSuite(outcome, .init = set_up, .fini = tear_down, .timeout = 60);

static void expect_reasons(const struct load_outcome *o, const uint64_t want[REJECT_WHY_COUNT])
{
    uint64_t sum = 0;
    for (int why = 0; why < REJECT_WHY_COUNT; why++) {
        cr_expect_eq(o->rejected_by[why], want[why], "reason %d: want %" PRIu64 ", got %" PRIu64,
                     why, want[why], o->rejected_by[why]);
        sum += o->rejected_by[why];
    }
    cr_expect_eq(sum, o->rejected, "%" PRIu64 " by reason, %" PRIu64 " in all", sum, o->rejected);
}

/* The stages that are there are these, and began one after the other. */
static void expect_stages(const struct load_outcome *o, unsigned want)
{
    int64_t before_us = 0;
    unsigned got = 0;
    for (int i = 0; i < BATCH_STAGES; i++) {
        const struct batch_stage_time *t = &o->times.of[i];
        if (t->at_us == 0)
            continue;
        got |= 1U << i;
        cr_expect_geq(t->at_us, before_us, "stage %d began before the one before it", i);
        cr_expect(t->took_us >= 0 && t->took_us < 60 * TIME_US_PER_S, "stage %d took %" PRId64, i,
                  t->took_us);
        before_us = t->at_us;
    }
    cr_expect_eq(got, want, "want stages %x, got %x", want, got);
}

#define ALL_BUT_CLAIMING                                                             \
    (1U << BATCH_PREPARE | 1U << BATCH_QUEUE | 1U << BATCH_OPEN | 1U << BATCH_LOAD | \
     1U << BATCH_COMMIT | 1U << BATCH_RETIRE)

static void expect_as_on_receipt(const struct load_outcome *o)
{
    char want[1024];
    char id[UUID_TEXT];
    struct buf sql = {0};
    (void)snprintf(want, sizeof want,
                   "%s|%s|%s|%s|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%" PRIu64
                   "|%" PRIu64 "|%" PRIu64,
                   o->gate, o->tag, o->failed ? "failed" : "done", o->error, o->rows, o->rejected,
                   o->skipped, o->segments, o->segments_failed, o->bytes, o->bytes_raw);
    buf_printf(&sql,
               "SELECT concat_ws('|', gate, batch_tag, status, coalesce(error, ''), rows_loaded,"
               " frames_rejected, frames_skipped, file_count, segments_failed, bytes_total,"
               " bytes_raw) FROM ingestion_manifest WHERE batch_id = '%s'",
               uuid_format(&o->id, id));
    EXPECT_VALUE(&x.db, buf_cstr(&sql), want);
    buf_free(&sql);
}

Test(outcome, of_a_batch_with_rejects)
{
    static const uint64_t reasons[REJECT_WHY_COUNT] = {
        [REJECT_KIND] = 1, [REJECT_MISSING] = 1, [REJECT_TYPE] = 1, [REJECT_RANGE] = 1};
    for (enum load_way way = 0; way < LOAD_WAYS; way++) {
        const struct load_outcome *o = &x.worker.outcome;
        EXPECT_OK(loading_load(&x, way, MIXED));
        cr_expect(o->settled && !o->failed && !o->is_recalled, "way %d", way);
        cr_expect_eq(o->rows, 2);
        cr_expect_eq(o->rejected, 4);
        expect_reasons(o, reasons);
        expect_as_on_receipt(o);
        expect_stages(o, ALL_BUT_CLAIMING);
    }
}

Test(outcome, of_a_row_that_the_server_refuses)
{
    static const uint64_t reasons[REJECT_WHY_COUNT] = {[REJECT_KIND] = 1,
                                                       [REJECT_MISSING] = 1,
                                                       [REJECT_TYPE] = 1,
                                                       [REJECT_RANGE] = 1,
                                                       [REJECT_SERVER] = 1};
    EXPECT_OK(pg_exec(&x.db.pg, "ALTER TABLE words ADD CHECK (k <> 'forbidden')"));
    EXPECT_OK(loading_load(&x, LOAD_HELD, MIXED REFUSED)); /* becomes careful by itself */
    expect_reasons(&x.worker.outcome, reasons);
    expect_as_on_receipt(&x.worker.outcome);
    expect_stages(&x.worker.outcome, ALL_BUT_CLAIMING);
}

/* Up to the COMMIT, as a process does that dies then. */
static struct err load_and_die(const char *lines)
{
    struct loading_worker *w = &x.worker;
    struct scan_file file = loading_put(w, lines);
    w->id = uuid_new();
    TRY(claim_make(w->spool, &w->id, "default", "because", &file, 1, &w->prepared.claim));
    struct err e = load_claim(&w->loader, &w->prepared, &w->outcome);
    prepared_clear(&w->prepared);
    return e;
}

Test(outcome, of_a_batch_that_was_committed_before)
{
    static const uint64_t reasons[REJECT_WHY_COUNT] = {[REJECT_OTHER] = 4};
    struct load_outcome recalled;
    EXPECT_OK(load_and_die(MIXED));
    EXPECT_OK(load_resume(&x.worker.loader, &x.worker.id, &recalled));
    cr_expect(recalled.settled && recalled.is_recalled);
    cr_expect_eq(recalled.rows, 2);
    cr_expect_eq(recalled.opened_us / 1000, x.worker.outcome.opened_us / 1000);
    cr_expect_geq(recalled.settled_us, recalled.opened_us);
    cr_expect_eq(recalled.segments_duplicate, 0);
    expect_reasons(&recalled, reasons); /* the receipt has the sum alone */
    expect_as_on_receipt(&recalled);
    expect_stages(&recalled, 1U << BATCH_RETIRE);
    EXPECT_OK(load_resume(&x.worker.loader, &x.worker.id, &recalled));
    cr_expect(!recalled.settled, "it is gone: nobody counts it again");
}

/* Bytes that aren't a segment's: the batch fails, and says why. */
Test(outcome, of_a_batch_without_a_good_segment)
{
    struct loading_worker *w = &x.worker;
    struct scan_file file = loading_put(w, GOOD);
    int fd = openat(w->spool->incoming, w->name, O_WRONLY | O_CLOEXEC);
    struct stat st;
    cr_assert(fd >= 0 && pwrite(fd, "\xc1", 1, 0) == 1 && fstat(fd, &st) == 0);
    (void)close(fd);
    file.arrived_us = scan_change_time(&st);
    w->id = uuid_new();
    EXPECT_OK(loading_batch(w, LOAD_HELD, &file));
    prepared_clear(&w->prepared);
    cr_expect(w->outcome.failed);
    cr_expect_str_eq(w->outcome.error, "no segment of the batch can be loaded");
    cr_expect_eq(w->outcome.segments_failed, 1);
    expect_as_on_receipt(&w->outcome);
}

Test(outcome, of_a_batch_that_is_parked)
{
    struct load_outcome parked;
    struct loading_worker *w = &x.worker;
    struct scan_file file = loading_put(w, GOOD);
    int attempt;
    w->id = uuid_new();
    EXPECT_OK(claim_make(w->spool, &w->id, "default", "because", &file, 1, &w->prepared.claim));
    prepare_start(&w->prepared);
    EXPECT_OK(receipt_open(&w->loader.pg, &w->prepared.batch, w->spool->id, &attempt));
    prepared_clear(&w->prepared);
    EXPECT_OK(load_park(&w->loader, &w->id, "no way", &parked));
    cr_expect(parked.settled && parked.failed);
    cr_expect_str_eq(parked.error, "parked by hand: no way");
    expect_as_on_receipt(&parked);
    expect_stages(&parked, 1U << BATCH_LOAD | 1U << BATCH_COMMIT | 1U << BATCH_RETIRE);
}
