/* SPDX-License-Identifier: MIT */
#include "spool/claim.h"

#include "base/log.h"
#include "base/time.h"
#include "bytes.h"
#include "folder.h"
#include "spool/name.h"

static struct folder top;
static struct spool spool;
static struct uuid id;
static char batch[UUID_TEXT];

static void set_up(void)
{
    char path[80];
    log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    top = folder_make();
    (void)snprintf(path, sizeof path, "%s/spool", top.path);
    EXPECT_OK(spool_open(&spool, path, true));
    id = uuid_new();
    (void)uuid_format(&id, batch);
}

static void tear_down(void)
{
    spool_close(&spool);
    folder_remove(&top);
}

TestSuite(claim, .init = set_up, .fini = tear_down);

#define FILES_MAX 8

/* As a scan lists it. */
static struct scan_file listed(int folder, const char *name)
{
    struct stat st;
    cr_assert_eq(fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW), 0, "%s: %m", name);
    return (struct scan_file){
        .name = (char *)name, .bytes = (uint64_t)st.st_size, .arrived_us = scan_change_time(&st)};
}

/* names ends with NULL; each file holds its name. */
static struct err make(int folder, const char *gate, const char *const *names, struct claim *c)
{
    struct scan_file files[FILES_MAX];
    size_t count = 0;
    for (; names[count]; count++) {
        folder_write(folder, names[count], names[count]);
        files[count] = listed(folder, names[count]);
    }
    return claim_make(&spool, &id, gate, "because", files, count, c);
}

static struct err make_default(const char *const *names, struct claim *c)
{
    return make(spool.incoming, "default", names, c);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(claim, files_move_with_a_note_of_where_they_came_from)
{
    struct claim c;
    struct claim again;
    folder_write(spool.incoming, "stays.msgpack", "x");
    EXPECT_OK(make_default(NAMES("b.msgpack", "a.msgpack"), &c));
    cr_assert_str_eq(c.batch, batch);
    cr_assert_eq(c.count, 2);
    cr_assert_str_eq(c.files[0].name, "b.msgpack", "the order is the claim's");
    EXPECT_NAMES(spool.incoming, "stays.msgpack ");
    EXPECT_NAMES(c.folder, "a.msgpack b.msgpack ");
    EXPECT_CONTENT(c.folder, "a.msgpack", "a.msgpack");
    cr_assert(claim_exists(&spool, &id));

    /* The order when it is read again is by mtime and name: here, by name. */
    static const struct timespec same[] = {{.tv_sec = 1}, {.tv_sec = 1}};
    cr_assert_eq(utimensat(c.folder, "a.msgpack", same, 0), 0, "%m");
    cr_assert_eq(utimensat(c.folder, "b.msgpack", same, 0), 0, "%m");
    EXPECT_OK(claim_read(&spool, &id, &again));
    cr_assert_str_eq(again.gate, "default");
    cr_assert_eq(again.opened_us, c.opened_us);
    cr_assert_eq(again.count, 2);
    cr_assert_str_eq(again.files[0].name, "a.msgpack", "got %s", again.files[0].name);
    cr_assert_eq(again.files[0].bytes, 9);
    claim_free(&again);
    claim_free(&c);
}

Test(claim, a_file_that_vanished_is_left_out)
{
    struct claim c;
    folder_write(spool.incoming, "a.msgpack", "x");
    struct scan_file files[] = {{.name = "gone.msgpack", .bytes = 1},
                                listed(spool.incoming, "a.msgpack")};
    EXPECT_OK(claim_make(&spool, &id, "default", "r", files, 2, &c));
    cr_assert_eq(c.count, 1, "got %zu", c.count);
    cr_assert_str_eq(c.files[0].name, "a.msgpack");
    claim_free(&c);
}

Test(claim, a_file_that_changed_since_it_was_listed_is_left_out)
{
    struct claim c;
    folder_write(spool.incoming, "a.msgpack", "x");
    folder_write(spool.incoming, "b.msgpack", "x");
    struct scan_file files[] = {listed(spool.incoming, "a.msgpack"),
                                listed(spool.incoming, "b.msgpack")};
    folder_write(spool.incoming, "a.msgpack", "xy"); /* a producer that writes in place */
    EXPECT_OK(claim_make(&spool, &id, "default", "r", files, 2, &c));
    cr_assert_eq(c.count, 1, "got %zu", c.count);
    cr_assert_str_eq(c.files[0].name, "b.msgpack");
    EXPECT_NAMES(spool.incoming, "a.msgpack ");
    claim_free(&c);
}

Test(claim, a_claim_of_nothing_leaves_nothing)
{
    struct claim c;
    struct scan_file gone = {.name = "gone.msgpack", .bytes = 1};
    EXPECT_OK(claim_make(&spool, &id, "default", "r", &gone, 1, &c));
    cr_assert_eq(c.count, 0);
    claim_free(&c);
    EXPECT_NAMES(spool.processing, "");
}

Test(claim, a_gate_without_a_folder_is_told)
{
    struct claim c;
    struct scan_file file = {.name = "a.msgpack", .bytes = 1};
    EXPECT_ERR(claim_make(&spool, &id, "nothing", "r", &file, 1, &c), ERR_SPOOL, "nothing");
    EXPECT_NAMES(spool.processing, "");
}

Test(claim, returning_goes_to_the_gate_it_came_from)
{
    struct claim c;
    int gate;
    char again[NAME_BYTES];
    char more[NAME_BYTES];
    char names[3 * NAME_BYTES];
    EXPECT_OK(spool_open_gate(&spool, "mine", true, &gate));
    EXPECT_OK(make(gate, "mine", NAMES("a.msgpack", "b.msgpack.zst"), &c));
    name_of_return("a.msgpack", c.batch, 0, again);
    name_of_return("a.msgpack", c.batch, 1, more);
    claim_free(&c);
    folder_write(gate, "a.msgpack", "taken");
    folder_write(gate, again, "taken, too");
    EXPECT_OK(claim_read(&spool, &id, &c));
    EXPECT_OK(claim_return(&spool, &c));
    claim_free(&c);
    (void)snprintf(names, sizeof names, "%s %s a.msgpack b.msgpack.zst ", more, again);
    EXPECT_NAMES(gate, names);
    EXPECT_CONTENT(gate, "a.msgpack", "taken");
    EXPECT_CONTENT(gate, again, "taken, too");
    EXPECT_CONTENT(gate, more, "a.msgpack");
    EXPECT_NAMES(spool.processing, "");
    (void)close(gate);
}

Test(claim, a_note_that_cannot_be_read)
{
    static const char *const notes[] = {
        NULL, "", "{", "[]", "{\"gate\":\"../up\"}", "{\"gate\":5}", "{\"reason\":\"mine\"}"};
    struct claim c;
    EXPECT_OK(make_default(NAMES("a.msgpack"), &c));
    for (size_t i = 0; i < COUNT(notes); i++) {
        struct claim again;
        if (notes[i])
            folder_write(c.folder, ".claim.json", notes[i]);
        EXPECT_OK(claim_read(&spool, &id, &again));
        cr_assert_str_eq(again.gate, "default", "note %zu: got gate %s", i, again.gate);
        cr_assert_eq(again.opened_us / 1000, uuid_v7_ms(&id), "note %zu: the id's time", i);
        cr_assert_eq(again.count, 1);
        claim_free(&again);
    }
    claim_free(&c);
}

static void stage_one_of_each(struct claim *c)
{
    int staging;
    EXPECT_OK(make_default(NAMES("bad.msgpack", "good.msgpack"), c));
    EXPECT_OK(claim_stage_failed(c, "bad.msgpack", "{\"reason\":\"r\"}"));
    EXPECT_OK(claim_open_staging(c, &staging));
    folder_write(staging, CLAIM_REJECTS, "rejects");
    (void)close(staging);
    EXPECT_OK(claim_seal_staging(c));
}

Test(claim, staging_gathers_what_will_go_to_failed)
{
    struct claim c;
    stage_one_of_each(&c);
    EXPECT_NAMES(c.folder, ".failed good.msgpack ");
    EXPECT_NAMES(folder_in(c.folder, ".failed"),
                 "bad.msgpack bad.msgpack.reason.json rejects.msgpack ");
    EXPECT_NAMES(spool.failed, "");
    claim_free(&c);
}

Test(claim, reading_undoes_the_staging)
{
    struct claim c;
    struct claim again;
    stage_one_of_each(&c);
    folder_write(folder_in(c.folder, ".failed"), ".draft.tmp", "half");
    EXPECT_OK(claim_read(&spool, &id, &again));
    EXPECT_NAMES(again.folder, "bad.msgpack good.msgpack ");
    cr_assert_eq(again.count, 2);
    EXPECT_CONTENT(again.folder, "bad.msgpack", "bad.msgpack");
    claim_free(&again);
    claim_free(&c);
}

Test(claim, retiring_is_two_moves)
{
    struct claim c;
    char archive[64 + UUID_TEXT];
    stage_one_of_each(&c);
    EXPECT_OK(claim_retire(&spool, &c));
    claim_archive_path(&id, archive);
    EXPECT_NAMES(spool.processing, "");
    EXPECT_NAMES(folder_in(spool.failed, batch),
                 "bad.msgpack bad.msgpack.reason.json rejects.msgpack ");
    EXPECT_NAMES(folder_in(spool.root, archive), "good.msgpack ");
    claim_free(&c);
}

Test(claim, a_settled_batch_is_retired_with_its_staging_as_it_is)
{
    struct claim c;
    stage_one_of_each(&c);
    claim_free(&c);
    EXPECT_OK(claim_read_committed(&spool, &id, &c));
    EXPECT_NAMES(c.folder, ".failed good.msgpack ");
    EXPECT_OK(claim_retire(&spool, &c));
    EXPECT_NAMES(folder_in(spool.failed, batch),
                 "bad.msgpack bad.msgpack.reason.json rejects.msgpack ");
    claim_free(&c);
    EXPECT_ERR(claim_read_committed(&spool, &id, &c), ERR_SPOOL, batch);
}

Test(claim, retiring_resumes_after_either_move)
{
    struct claim c;
    char archive[64 + UUID_TEXT];
    stage_one_of_each(&c);
    char staging[UUID_TEXT + 16];
    (void)snprintf(staging, sizeof staging, "%s/.failed", batch);
    /* the first move was done, then the lights went out */
    cr_assert_eq(renameat(spool.processing, staging, spool.failed, batch), 0);
    claim_free(&c);
    EXPECT_OK(claim_read_committed(&spool, &id, &c));
    EXPECT_OK(claim_retire(&spool, &c));
    claim_free(&c);
    claim_archive_path(&id, archive);
    EXPECT_NAMES(folder_in(spool.root, archive), "good.msgpack ");
    EXPECT_NAMES(folder_in(spool.failed, batch),
                 "bad.msgpack bad.msgpack.reason.json rejects.msgpack ");
}

Test(claim, a_batch_of_failures_leaves_no_archive)
{
    struct claim c;
    EXPECT_OK(make_default(NAMES("bad.msgpack"), &c));
    EXPECT_OK(claim_stage_failed(&c, "bad.msgpack", "{}"));
    EXPECT_OK(claim_retire(&spool, &c));
    claim_free(&c);
    EXPECT_NAMES(spool.processing, "");
    EXPECT_NAMES(spool.archive, "");
}

Test(claim, taken_places_are_never_replaced)
{
    struct claim c;
    char archive[64 + UUID_TEXT];
    char beside[UUID_TEXT + 8];
    stage_one_of_each(&c);
    claim_archive_path(&id, archive);
    struct time_date d = time_date_of_day(time_day(uuid_v7_ms(&id) * TIME_US_PER_MS));
    char day[32];
    (void)snprintf(day, sizeof day, "archive/%04d", d.year);
    cr_assert_eq(mkdirat(spool.root, day, 0770), 0);
    (void)snprintf(day, sizeof day, "archive/%04d/%02d", d.year, d.month);
    cr_assert_eq(mkdirat(spool.root, day, 0770), 0);
    (void)snprintf(day, sizeof day, "archive/%04d/%02d/%02d", d.year, d.month, d.day);
    cr_assert_eq(mkdirat(spool.root, day, 0770), 0);
    cr_assert_eq(mkdirat(spool.root, archive, 0770), 0);
    cr_assert_eq(mkdirat(spool.failed, batch, 0770), 0);
    EXPECT_OK(claim_retire(&spool, &c));
    claim_free(&c);
    (void)snprintf(beside, sizeof beside, "%s.1", batch);
    EXPECT_NAMES(folder_in(spool.root, archive), "");
    EXPECT_NAMES(folder_in(folder_in(spool.root, day), beside), "good.msgpack ");
    EXPECT_NAMES(folder_in(spool.failed, beside),
                 "bad.msgpack bad.msgpack.reason.json rejects.msgpack ");
}

Test(claim, segments_named_as_the_rejects_file_make_way)
{
    struct claim c;
    EXPECT_OK(make_default(NAMES("rejects.msgpack", "rejects.1.msgpack"), &c));
    EXPECT_OK(claim_stage_failed(&c, "rejects.1.msgpack", "one"));
    EXPECT_OK(claim_stage_failed(&c, "rejects.msgpack", "two"));
    int staging = folder_in(c.folder, ".failed");
    cr_assert_not(folder_has(staging, CLAIM_REJECTS), "that name is ours");
    /* each of them under some name, with its own reason under that name */
    char names[FOLDER_TEXT];
    (void)folder_names(staging, names);
    size_t pairs = 0;
    for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
        char reason_name[NAME_BYTES];
        char content[FOLDER_TEXT];
        if (name_kind(name) != NAME_SEGMENT)
            continue;
        bool is_first = strcmp(folder_read(staging, name, content), "rejects.1.msgpack") == 0;
        name_of_reason(name, reason_name);
        cr_assert(folder_has(staging, reason_name), "%s has no %s", name, reason_name);
        EXPECT_CONTENT(staging, reason_name, is_first ? "one" : "two");
        pairs++;
    }
    cr_assert_eq(pairs, 2, "got %zu", pairs);
    claim_free(&c);
}

Test(claim, longest_names)
{
    char longest[NAME_BYTES];
    char reason_name[NAME_BYTES];
    struct claim c;
    memset(longest, 'x', 255);
    (void)strcpy(longest + 255 - strlen(".msgpack"), ".msgpack");
    EXPECT_OK(make_default(NAMES(longest), &c));
    EXPECT_OK(claim_stage_failed(&c, longest, "why"));
    int staging = folder_in(c.folder, ".failed");
    cr_assert(folder_has(staging, longest));
    name_of_reason(longest, reason_name);
    EXPECT_CONTENT(staging, reason_name, "why");
    claim_free(&c);
}

Test(claim, unstaging_rejects_is_fine_without_any)
{
    struct claim c;
    stage_one_of_each(&c);
    EXPECT_OK(claim_unstage_rejects(&c));
    EXPECT_NAMES(folder_in(c.folder, ".failed"), "bad.msgpack bad.msgpack.reason.json ");
    EXPECT_OK(claim_unstage_rejects(&c));
    claim_free(&c);
}

Test(claim, drafts_of_a_killed_process_do_not_keep_the_folder)
{
    struct claim c;
    cr_assert_eq(mkdirat(spool.processing, batch, 0770), 0);
    folder_write(folder_in(spool.processing, batch), ".01a1fc09-7974-771f-a030-6c8417c14a1d.tmp",
                 "{");
    EXPECT_OK(claim_read(&spool, &id, &c));
    EXPECT_OK(claim_return(&spool, &c));
    claim_free(&c);
    EXPECT_NAMES(spool.processing, "");
}
