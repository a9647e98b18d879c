/* SPDX-License-Identifier: MIT */
#include "spool/watch.h"

#include "base/log.h"
#include "base/time.h"
#include "bytes.h"
#include "folder.h"

static struct folder top;
static struct spool spool;
static struct watch watch;

static void set_up(void)
{
    char path[80];
    log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    top = folder_make();
    (void)snprintf(path, sizeof path, "%s/spool", top.path);
    EXPECT_OK(spool_open(&spool, path, true));
    EXPECT_OK(watch_open(&watch));
    EXPECT_OK(watch_gate(&watch, &spool, "default"));
    watch_listed(&watch, "default");
}

static void tear_down(void)
{
    watch_close(&watch);
    spool_close(&spool);
    folder_remove(&top);
}

TestSuite(watch, .init = set_up, .fini = tear_down);

static bool is_settled(const char *name)
{
    return watch_is_settled(&watch, "default", name);
}

/* What was there when the watch began has been listed. */
static void know_all(void)
{
    EXPECT_OK(watch_gate(&watch, &spool, "default"));
    (void)watch_drain(&watch);
    watch_listed(&watch, "default");
}

static int start_writing(const char *name)
{
    int fd = openat(spool.incoming, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    cr_assert_geq(fd, 0, "%s: %m", name);
    return fd;
}

Test(watch, a_file_is_settled_once_its_writer_closed_it)
{
    int fd = start_writing("a.msgpack");
    cr_assert_not(watch_drain(&watch), "a file that was created is no reason to scan");
    cr_assert_not(is_settled("a.msgpack"));
    cr_assert_eq(write(fd, "x", 1), 1);
    (void)watch_drain(&watch);
    cr_assert_not(is_settled("a.msgpack"));
    (void)close(fd);
    cr_assert(watch_drain(&watch), "closing it is one");
    cr_assert(is_settled("a.msgpack"));
    cr_assert_not(watch_drain(&watch), "nothing new");
}

Test(watch, a_file_is_settled_once_it_was_renamed_in)
{
    folder_write(spool.tmp, "draft", "x");
    cr_assert_eq(renameat(spool.tmp, "draft", spool.incoming, "a.msgpack"), 0);
    cr_assert(watch_drain(&watch));
    cr_assert(is_settled("a.msgpack"));
}

Test(watch, renaming_over_an_open_file_settles_the_name)
{
    int fd = start_writing("a.msgpack");
    (void)watch_drain(&watch);
    folder_write(spool.tmp, "draft", "x");
    cr_assert_eq(renameat(spool.tmp, "draft", spool.incoming, "a.msgpack"), 0);
    cr_assert(watch_drain(&watch));
    cr_assert(is_settled("a.msgpack"));
    (void)close(fd);
}

Test(watch, a_segment_is_announced_until_it_is_listed)
{
    cr_assert_not(watch_has_announced(&watch, "default"));
    cr_assert_not(watch_has_announced(&watch, "nobody's"));
    folder_write(spool.incoming, "notes.txt", "x");
    (void)watch_drain(&watch);
    cr_assert_not(watch_has_announced(&watch, "default"), "it is no segment");
    folder_write(spool.incoming, "a.msgpack", "x");
    cr_assert_not(watch_has_announced(&watch, "default"), "the event wasn't read yet");
    (void)watch_drain(&watch);
    cr_assert(watch_has_announced(&watch, "default"));
    know_all();
    cr_assert_not(watch_has_announced(&watch, "default"));
}

/* The watch of a gate that begins with files in it. */
static int begin_a_gate(const char *gate, const char *young)
{
    int folder;
    EXPECT_OK(spool_open_gate(&spool, gate, true, &folder));
    int fd = openat(folder, young, O_WRONLY | O_CREAT | O_CLOEXEC, 0660);
    cr_assert_geq(fd, 0, "%m");
    (void)close(folder);
    EXPECT_OK(watch_gate(&watch, &spool, gate));
    return fd;
}

Test(watch, what_was_open_before_the_watch_waits_for_its_close)
{
    int fd = begin_a_gate("mine", "old.msgpack");
    cr_assert_eq(write(fd, "x", 1), 1, "a change after the watch began is no close");
    (void)watch_drain(&watch);
    cr_assert_not(watch_is_settled(&watch, "mine", "old.msgpack"));
    watch_listed(&watch, "mine");
    cr_assert_not(watch_is_settled(&watch, "mine", "old.msgpack"), "remembered as young");
    (void)close(fd);
    (void)watch_drain(&watch);
    cr_assert(watch_is_settled(&watch, "mine", "old.msgpack"));
}

Test(watch, what_was_seen_closed_before_the_first_listing_is_settled)
{
    int fd = begin_a_gate("mine", "old.msgpack");
    (void)close(fd);
    (void)watch_drain(&watch);
    cr_assert(watch_is_settled(&watch, "mine", "old.msgpack"));
    cr_assert_not(watch_is_settled(&watch, "mine", "other.msgpack"));
    watch_listed(&watch, "mine");
    cr_assert(watch_is_settled(&watch, "mine", "old.msgpack"));
    cr_assert_not(watch_is_settled(&watch, "mine", "other.msgpack"));
}

Test(watch, created_again_before_the_first_listing_is_open_again)
{
    int fd = begin_a_gate("mine", "old.msgpack");
    int folder;
    (void)close(fd);
    (void)watch_drain(&watch);
    EXPECT_OK(spool_open_gate(&spool, "mine", true, &folder));
    cr_assert_eq(unlinkat(folder, "old.msgpack", 0), 0);
    fd = openat(folder, "old.msgpack", O_WRONLY | O_CREAT | O_CLOEXEC, 0660);
    cr_assert_geq(fd, 0, "%m");
    (void)watch_drain(&watch);
    cr_assert_not(watch_is_settled(&watch, "mine", "old.msgpack"));
    watch_listed(&watch, "mine");
    cr_assert_not(watch_is_settled(&watch, "mine", "old.msgpack"));
    (void)close(fd);
    (void)close(folder);
}

Test(watch, a_gate_that_is_not_watched_settles_nothing)
{
    cr_assert_not(watch_is_settled(&watch, "mine", "a.msgpack"));
}

Test(watch, gates_are_told_apart)
{
    int gate;
    EXPECT_OK(spool_open_gate(&spool, "mine", true, &gate));
    cr_assert(watch_drain(&watch), "a new folder may be a new gate");
    EXPECT_OK(watch_gate(&watch, &spool, "mine"));
    watch_listed(&watch, "mine");
    int fd = openat(gate, "a.msgpack", O_WRONLY | O_CREAT | O_CLOEXEC, 0660);
    cr_assert_geq(fd, 0);
    (void)watch_drain(&watch);
    cr_assert_not(watch_is_settled(&watch, "mine", "a.msgpack"));
    cr_assert(is_settled("a.msgpack"), "the default gate's file of that name is another");
    (void)close(fd);
    (void)watch_drain(&watch);
    cr_assert(watch_is_settled(&watch, "mine", "a.msgpack"));
    (void)close(gate);
}

Test(watch, watching_again_changes_nothing)
{
    int fd = start_writing("a.msgpack");
    (void)watch_drain(&watch);
    EXPECT_OK(watch_gate(&watch, &spool, "default"));
    cr_assert_not(is_settled("a.msgpack"));
    (void)close(fd);
    (void)watch_drain(&watch);
    cr_assert(is_settled("a.msgpack"));
}

Test(watch, a_folder_that_is_made_again_is_watched_from_then_on)
{
    int gate;
    EXPECT_OK(spool_open_gate(&spool, "mine", true, &gate));
    EXPECT_OK(watch_gate(&watch, &spool, "mine"));
    (void)close(gate);
    cr_assert_eq(unlinkat(spool.incoming, "mine", AT_REMOVEDIR), 0);
    (void)watch_drain(&watch);
    cr_assert_not(watch_is_settled(&watch, "mine", "a.msgpack"), "nobody watches");
    EXPECT_ERR(watch_gate(&watch, &spool, "mine"), ERR_SPOOL, "can't watch");
    EXPECT_OK(spool_open_gate(&spool, "mine", true, &gate));
    (void)watch_drain(&watch);
    EXPECT_OK(watch_gate(&watch, &spool, "mine"));
    folder_write(gate, "b.msgpack", "x");
    cr_assert(watch_drain(&watch));
    cr_assert(watch_is_settled(&watch, "mine", "b.msgpack"));
    (void)close(gate);
}

/* As many as the kernel's queue holds, and some: events of many names don't merge. */
static void overflow_the_queue(void)
{
    char text[32];
    char name[32];
    int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        cr_skip("no /proc/sys/fs/inotify");
    text[n] = '\0';
    (void)close(fd);
    long queue = strtol(text, NULL, 10);
    if (queue > 200000)
        cr_skip("the queue holds %ld events: too many to fill", queue);
    folder_write(spool.tmp, "source", "x");
    for (long i = 0; i < queue / 2 + 100; i++) {
        (void)snprintf(name, sizeof name, "%ld.msgpack", i % 2);
        cr_assert_eq(linkat(spool.tmp, "source", spool.incoming, name, 0), 0, "%m");
        cr_assert_eq(
            renameat(spool.incoming, name, spool.incoming, i % 2 ? "x.msgpack" : "y.msgpack"), 0);
        (void)unlinkat(spool.incoming, name, 0); /* links of one file: rename left both names */
        cr_assert_eq(unlinkat(spool.incoming, i % 2 ? "x.msgpack" : "y.msgpack", 0), 0);
    }
}

Test(watch, after_an_overflow_nothing_is_known)
{
    int fd = start_writing("a.msgpack");
    overflow_the_queue();
    EXPECT_OK(watch_gate(&watch, &spool, "default"));
    cr_assert(watch_drain(&watch), "an overflow calls for a scan");
    cr_assert_eq(watch.overflows, 1, "got %d", (int)watch.overflows);
    cr_assert_not(is_settled("a.msgpack"), "it may still be open");
    watch_listed(&watch, "default");
    cr_assert_not(is_settled("a.msgpack"),
                  "a listing that began before the overflow doesn't count");
    know_all();
    cr_assert(is_settled("b.msgpack"));
    (void)close(fd);
    cr_assert(watch_drain(&watch));
    cr_assert(is_settled("a.msgpack"));
}

Test(watch, without_inotify_only_time_settles)
{
    struct watch none = {.fd = -1};
    EXPECT_OK(watch_gate(&none, &spool, "default"));
    cr_assert_not(watch_is_settled(&none, "default", "a.msgpack"));
    watch_close(&none);
}

Test(watch, more_open_files_than_are_remembered)
{
    enum { MANY = 8200 };
    char name[32];
    EXPECT_OK(spool_open_gate(&spool, "mine", true, &(int){0}));
    EXPECT_OK(watch_gate(&watch, &spool, "mine"));
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "%d.msgpack", i);
        cr_assert_not(watch_is_settled(&watch, "mine", name));
    }
    watch_listed(&watch, "mine");
    cr_assert_not(watch_is_settled(&watch, "mine", "0.msgpack"),
                  "a listing that couldn't be remembered doesn't count");
}
