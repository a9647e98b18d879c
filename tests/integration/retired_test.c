/* SPDX-License-Identifier: MIT */
#include "spool/retired.h"

#include <sys/inotify.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/time.h"
#include "bytes.h"
#include "folder.h"
#include "spool/prune.h"
#include "spool/retry.h"

static struct folder top;
static struct spool spool;

static void set_up(void)
{
    char path[80];
    log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    top = folder_make();
    (void)snprintf(path, sizeof path, "%s/spool", top.path);
    EXPECT_OK(spool_open(&spool, path, true));
}

static void tear_down(void)
{
    spool_close(&spool);
    folder_remove(&top);
}

TestSuite(retired, .init = set_up, .fini = tear_down);

/* Ids of 2026-11-21, a millisecond after the other. */
#define ID(n) "01a1fc09-797" #n "-771f-a030-6c8417c14a1d"
#define DAY   "archive/2026/11/21/"

static int make_path(const char *path)
{
    char part[256];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        (void)mkdirat(spool.root, part, 0770);
    }
    cr_assert_eq(mkdirat(spool.root, path, 0770), 0, "%s: %m", path);
    return folder_in(spool.root, path);
}

/* What others may have put there, and nothing of it is a batch. */
static int make_odd_things(const char *below)
{
    char path[256];
    int outside = -1;
    (void)mkdirat(top.fd, "outside", 0770);
    outside = folder_in(top.fd, "outside");
    folder_write(outside, "kept.msgpack", "kept");
    (void)mkdirat(outside, ID(0), 0770);
    folder_write(folder_in(outside, ID(0)), "kept.msgpack", "kept");
    int folder = folder_in(spool.root, below);
    folder_write(folder, "README", "x");
    folder_write(folder, ID(0), "a file of that name");
    cr_assert_eq(symlinkat("../../../../../outside", folder, ID(1)), 0, "%m");
    (void)snprintf(path, sizeof path, "%s/%s", below, "01A1FC09-7972-771F-A030-6C8417C14A1D");
    (void)make_path(path);
    (void)snprintf(path, sizeof path, "%s/%s", below, "01a1fc09-7972-471f-a030-6c8417c14a1d");
    (void)make_path(path);
    cr_assert_eq(symlinkat("../../outside", spool.archive, "2025"), 0, "%m");
    return outside;
}

static void expect_list(const char *folder, const char *want)
{
    struct retired r;
    struct buf got = {0};
    EXPECT_OK(retired_list(&spool, folder, &r));
    for (size_t i = 0; i < r.count; i++)
        buf_printf(&got, "%s ", r.items[i].path);
    cr_expect_str_eq(buf_cstr(&got), want, "want %s, got %s", want, buf_cstr(&got));
    buf_free(&got);
    retired_free(&r);
}

Test(retired, only_batches_are_listed_the_oldest_first)
{
    expect_list("archive", "");
    expect_list("failed", "");
    (void)make_path(DAY ID(5));
    (void)make_path(DAY ID(4) ".1");
    (void)make_path(DAY ID(4));
    (void)make_path("archive/2026/12/01/" ID(3));
    (void)make_path("archive/lost+found/11/21/" ID(6));
    (void)make_path("failed/" ID(8));
    (void)make_path("failed/" ID(7));
    (void)make_odd_things("archive/2026/11/21");
    expect_list("archive",
                "archive/2026/12/01/" ID(3) " " DAY ID(4) " " DAY ID(4) ".1 " DAY ID(5) " ");
    expect_list("failed", "failed/" ID(7) " failed/" ID(8) " ");
}

Test(retired, pruning_leaves_what_is_not_ours_and_goes_on)
{
    static const struct prune_rules all = {.before_us = INT64_MAX};
    struct prune_result result = {0};
    int blocked = make_path(DAY ID(4));
    folder_write(blocked, "a.msgpack", "12345");
    cr_assert_eq(mkdirat(blocked, "mine", 0770), 0, "%m");
    folder_write(make_path(DAY ID(5)), "b.msgpack", "123");
    int outside = make_odd_things("archive/2026/11/21");
    cr_assert_eq(symlinkat("../../../../../../outside/kept.msgpack",
                           folder_in(spool.root, DAY ID(5)), "link.msgpack"),
                 0, "%m");
    EXPECT_OK(prune_archive(&spool, &all, &result));
    cr_expect_eq(result.batches, 1, "want 1 batch, got %zu", (size_t)result.batches);
    EXPECT_NAMES(blocked, "mine ");
    EXPECT_NAMES(folder_in(spool.root, DAY),
                 "01A1FC09-7972-771F-A030-6C8417C14A1D " ID(0) " " ID(
                     1) " "
                        "01a1fc09-7972-471f-a030-6c8417c14a1d " ID(4) " README ");
    EXPECT_NAMES(outside, ID(0) " kept.msgpack ");
    EXPECT_CONTENT(outside, "kept.msgpack", "kept");
}

Test(retired, a_batch_that_stays_costs_no_newer_one_its_place)
{
    static const struct prune_rules one = {.before_us = INT64_MIN, .keep_bytes = 4500};
    struct prune_result result = {0};
    int blocked = make_path(DAY ID(4)); /* its folder counts, with some 4 KiB */
    cr_assert_eq(mkdirat(blocked, "mine", 0770), 0, "%m");
    folder_write(make_path(DAY ID(5)), "b.msgpack", "123");
    char large[1000];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    folder_write(folder_in(spool.root, DAY ID(5)), "large.msgpack", large);
    EXPECT_OK(prune_archive(&spool, &one, &result));
    cr_expect(folder_has(spool.root, DAY ID(5)));
}

/* The names in the order in which they came into incoming/. */
static void expect_arrivals(int watch, const char *want)
{
    _Alignas(struct inotify_event) char events[16384];
    struct buf got = {0};
    ssize_t n = read(watch, events, sizeof events);
    cr_assert_gt(n, 0, "inotify: %m");
    for (char *p = events; p < events + n;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)p;
        buf_printf(&got, "%s ", event->name);
        p += sizeof *event + event->len;
    }
    cr_expect_str_eq(buf_cstr(&got), want, "want %s, got %s", want, buf_cstr(&got));
    buf_free(&got);
}

static void write_dated(int folder, const char *name, time_t second)
{
    const struct timespec times[] = {{.tv_sec = second}, {.tv_sec = second}};
    folder_write(folder, name, name);
    cr_assert_eq(utimensat(folder, name, times, 0), 0, "%m");
}

Test(retired, the_archive_goes_back_the_oldest_first)
{
    char incoming[128];
    struct retry_result result = {0};
    struct uuid since;
    int newest = make_path(DAY ID(6));
    int middle = make_path(DAY ID(5));
    int oldest = make_path("archive/2026/12/01/" ID(4));
    write_dated(newest, "a.msgpack", 30);
    for (int i = 9; i >= 0; i--) {
        char name[16];
        (void)snprintf(name, sizeof name, "%c.msgpack", 'p' + (i * 7) % 10);
        write_dated(middle, name, 20 + (i * 7) % 10);
    }
    write_dated(middle, "b.msgpack", 20); /* as p, which is p by name */
    write_dated(oldest, "z.msgpack", 40);
    write_dated(make_path(DAY ID(3)), "before.msgpack", 1);
    (void)make_odd_things("archive/2026/11/21");
    (void)snprintf(incoming, sizeof incoming, "%s/incoming", spool.path);
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    cr_assert_geq(inotify_add_watch(watch, incoming, IN_MOVED_TO), 0, "%m");
    cr_assert(uuid_parse(ID(4), &since));
    EXPECT_OK(retry_archived(&spool, uuid_v7_ms(&since) * TIME_US_PER_MS, &result));
    expect_arrivals(watch, "z.msgpack b.msgpack p.msgpack q.msgpack r.msgpack s.msgpack t.msgpack "
                           "u.msgpack v.msgpack w.msgpack x.msgpack y.msgpack a.msgpack ");
    cr_expect_eq(result.batches, 3, "want 3, got %zu", (size_t)result.batches);
    cr_expect_eq(result.segments, 13, "want 13, got %zu", (size_t)result.segments);
    cr_expect(!folder_has(spool.root, DAY ID(6)), "an empty folder goes");
    cr_expect(folder_has(spool.root, DAY ID(3)), "it is older than was asked for");
    (void)close(watch);
}

/* Producers use their names again, day by day: nothing is passed over, and each stays known by its
 * own. */
Test(retired, a_name_that_two_batches_have)
{
    struct retry_result result = {0};
    folder_write(make_path(DAY ID(3)), "x.msgpack", "first");
    folder_write(make_path(DAY ID(4)), "x.msgpack", "second");
    folder_write(make_path(DAY ID(4) ".1"), "x.msgpack", "third");
    EXPECT_OK(retry_archived(&spool, 0, &result));
    EXPECT_NAMES(spool.incoming,
                 "x.again-" ID(4) ".1.msgpack x.again-" ID(4) ".msgpack x.msgpack ");
    EXPECT_CONTENT(spool.incoming, "x.msgpack", "first");
    EXPECT_CONTENT(spool.incoming, "x.again-" ID(4) ".msgpack", "second");
    cr_expect_eq(result.segments, 3, "want 3, got %zu", (size_t)result.segments);
    cr_expect_eq(result.batches, 3, "want 3, got %zu", (size_t)result.batches);
}

/* A daemon lives on while somebody removes a whole archive, for room; the next batch makes it anew.
 */
Test(retired, an_archive_that_was_made_anew_is_pruned)
{
    static const struct prune_rules all = {.before_us = INT64_MAX};
    struct prune_result result = {0};
    cr_assert_eq(unlinkat(spool.root, "archive", AT_REMOVEDIR), 0, "%m");
    expect_list("archive", "");
    cr_assert_eq(mkdirat(spool.root, "archive", 0770), 0, "%m");
    folder_write(make_path(DAY ID(4)), "x.msgpack", "x");
    expect_list("archive", DAY ID(4) " ");
    EXPECT_OK(prune_archive(&spool, &all, &result));
    cr_expect_eq(result.batches, 1, "want 1, got %zu", (size_t)result.batches);
}
