/* SPDX-License-Identifier: MIT */
#include "daemon/view.h"

#include "bytes.h"
#include "meters.h"

static const struct gate_policy policy = {.open_count = 7};

/* A look that finds `waiting` segments at the gate. */
static void look(struct board *b, size_t waiting, const char *misfit, const struct err *outcome)
{
    struct scan_file files[4] = {{.bytes = 10, .arrived_us = 5}};
    struct backlog backlog = {.found = {.files = files, .count = waiting}, .bytes = 10 * waiting};
    board_scan_begin(b);
    board_scanned(b, "plant", &policy, &backlog, false, misfit);
    board_scan_end(b, outcome);
}

static void expect_gate(struct board *b, enum view_stall stall, const char *why)
{
    struct view v;
    board_view(b, &v);
    cr_assert_eq(v.gate_count, 1);
    cr_expect_eq(v.gates[0].stall, stall, "want %s, got %s", view_stall_names[stall],
                 view_stall_names[v.gates[0].stall]);
    cr_expect_str_eq(v.gates[0].stalled, why);
    view_free(&v);
}

static void expect_counted(const char *reason, unsigned long long want)
{
    char sample[80];
    (void)snprintf(sample, sizeof sample, "spoolgate_stalls_total{reason=\"%s\"}", reason);
    expect_metered(sample, want);
}

Test(daemon_view, what_the_board_knows)
{
    struct board b;
    struct view v;
    struct err e = board_open(&b);
    cr_assert(!err_is(&e));
    board_view(&b, &v);
    cr_expect_eq(v.scanned_us, 0);
    cr_expect_str_eq(v.database_error, "not connected yet");
    view_free(&v);

    (void)board_database(&b, NULL);
    look(&b, 3, "", &ERR_OK);
    struct uuid id = uuid_new();
    board_post_resume(&b, &id, "plant", false);
    board_post_upkeep(&b, JOB_MAINTAIN); /* no batch */
    board_view(&b, &v);
    cr_expect(v.scanned_us >= v.started_us);
    cr_expect_str_empty(v.database_error);
    cr_assert_eq(v.gate_count, 1);
    cr_expect_str_eq(v.gates[0].name, "plant");
    cr_expect_eq(v.gates[0].waiting, 3);
    cr_expect_eq(v.gates[0].bytes, 30);
    cr_expect_eq(v.gates[0].oldest_us, 5);
    cr_expect_eq(v.gates[0].policy.open_count, 7);
    cr_assert_eq(v.job_count, 1);
    cr_expect_eq(memcmp(&v.jobs[0].id, &id, sizeof id), 0);
    cr_expect_str_eq(v.jobs[0].state, "queued");
    view_free(&v);
    board_close(&b);
}

/* A server's message is as long as it likes, and of any language. */
Test(daemon_view, a_long_reason_is_shown_whole)
{
    struct board b;
    struct uuid id = uuid_new();
    char said[ERR_TEXT + 100];
    struct err e = board_open(&b);
    cr_assert(!err_is(&e));
    for (size_t i = 0; i < sizeof said - 1; i++)
        said[i] = i % 2 == 0 ? '\xc3' : '\xbc'; /* u umlaut */
    said[sizeof said - 1] = '\0';
    struct err failure = err_make(ERR_DATABASE, "x%s", said);
    (void)board_database(&b, NULL);
    look(&b, 1, failure.text, &ERR_OK);
    expect_gate(&b, VIEW_STALLED_MISFIT, failure.text);
    look(&b, 1, "", &failure);
    expect_gate(&b, VIEW_STALLED_SPOOL, failure.text);
    look(&b, 1, "", &ERR_OK);
    (void)board_database(&b, failure.text);
    expect_gate(&b, VIEW_STALLED_DATABASE, failure.text);
    (void)board_database(&b, NULL);
    board_post_resume(&b, &id, "plant", false);
    struct job *job = board_take(&b);
    board_end(&b, job, &failure, true);
    expect_gate(&b, VIEW_STALLED_BATCH, failure.text);
    cr_expect_str_eq(job->stalled, failure.text, "what is compared to tell the same reason once");
    board_close(&b);
}

Test(daemon_view, stalls_are_counted_as_they_begin)
{
    struct board b;
    struct err e = board_open(&b);
    struct err failure = err_make(ERR_DATABASE, "relation is locked");
    cr_assert(!err_is(&e));

    /* nobody has asked the database yet: the daemon starts */
    look(&b, 1, "", &ERR_OK);
    expect_gate(&b, VIEW_STALLED_DATABASE, "not connected yet");
    expect_counted("database", 0);

    cr_expect(board_database(&b, "connection refused"));
    cr_expect_not(board_database(&b, "connection refused"), "another loader says the same");
    look(&b, 1, "", &ERR_OK);
    expect_gate(&b, VIEW_STALLED_DATABASE, "connection refused");
    expect_counted("database", 1);
    (void)board_database(&b, NULL);
    expect_gate(&b, VIEW_NOT_STALLED, "");

    board_room(&b, "full");
    look(&b, 0, "", &ERR_OK); /* nothing waits for room */
    expect_counted("room", 0);
    look(&b, 2, "", &ERR_OK);
    look(&b, 3, "", &ERR_OK); /* still the same stall */
    expect_gate(&b, VIEW_STALLED_ROOM, "full");
    expect_counted("room", 1);
    board_room(&b, NULL);
    look(&b, 3, "", &ERR_OK);
    expect_gate(&b, VIEW_NOT_STALLED, "");
    board_room(&b, "full again");
    look(&b, 3, "", &ERR_OK);
    expect_counted("room", 2);
    board_room(&b, NULL);

    look(&b, 0, "lacks a column", &ERR_OK);
    expect_gate(&b, VIEW_STALLED_MISFIT, "lacks a column");
    expect_counted("misfit", 1);

    look(&b, 0, "", &failure);
    expect_gate(&b, VIEW_STALLED_SPOOL, failure.text);
    expect_counted("spool", 1);
    look(&b, 0, "", &ERR_OK);

    struct uuid id = uuid_new();
    board_post_resume(&b, &id, "plant", false);
    struct job *job = board_take(&b);
    board_end(&b, job, &failure, true);
    expect_gate(&b, VIEW_STALLED_BATCH, failure.text);
    expect_counted("batch", 1);
    job = board_take(&b); /* tried again, and again in vain: the same stall */
    board_end(&b, job, &failure, true);
    expect_counted("batch", 1);
    job = board_take(&b);
    board_end(&b, job, &ERR_OK, true);
    expect_gate(&b, VIEW_NOT_STALLED, "");

    job = (board_post_claim(&b, "plant", "count", NULL, 0), board_take(&b));
    board_claimed(&b, job, &failure, false);
    expect_gate(&b, VIEW_STALLED_CLAIM, failure.text);
    expect_counted("claim", 1);
    board_end(&b, job, &ERR_OK, true);
    static const unsigned long long all[VIEW_STALL_COUNT] = {
        [VIEW_STALLED_BATCH] = 1, [VIEW_STALLED_MISFIT] = 1, [VIEW_STALLED_CLAIM] = 1,
        [VIEW_STALLED_ROOM] = 2,  [VIEW_STALLED_SPOOL] = 1,  [VIEW_STALLED_DATABASE] = 1};
    for (int i = VIEW_NOT_STALLED + 1; i < VIEW_STALL_COUNT; i++)
        expect_counted(view_stall_names[i], all[i]);
    board_close(&b);
}
