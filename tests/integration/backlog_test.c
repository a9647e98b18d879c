/* SPDX-License-Identifier: MIT */
#include "daemon/backlog.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "bytes.h"
#include "folder.h"

static struct folder top;
static struct spool spool;
static struct backlog backlog;
static const struct gate_policy automatic = {.open_count = 1, .batch_segments = 1000};

static void set_up(void)
{
    char path[80];
    log_configure(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR);
    top = folder_make();
    (void)snprintf(path, sizeof path, "%s/spool", top.path);
    EXPECT_OK(spool_open(&spool, path, true));
    backlog = (struct backlog){0};
}

static void tear_down(void)
{
    backlog_free(&backlog);
    spool_close(&spool);
    folder_remove(&top);
}

TestSuite(backlog, .init = set_up, .fini = tear_down);

/* Sparse: sizes are what matters. */
static void drop(const char *name, off_t bytes)
{
    int fd = openat(spool.incoming, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0664);
    cr_assert_geq(fd, 0, "%s: %m", name);
    cr_assert_eq(ftruncate(fd, bytes), 0, "%s: %m", name);
    (void)close(fd);
}

static void drop_many(int count, const char *suffix, off_t bytes)
{
    char name[64];
    for (int i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "%04d%s", i, suffix);
        drop(name, bytes);
    }
}

static void scan(const struct gate_policy *policy)
{
    struct scan_rules rules = {.now_us = time_now() + 3600 * TIME_US_PER_S};
    EXPECT_OK(backlog_scan(&backlog, &spool, "default", policy, &rules));
}

static size_t cut(const struct gate_policy *policy, unsigned loaders, double each)
{
    struct scan_file *files;
    struct load_weight weight = {.raw = each, .zstd = each};
    size_t count = backlog_cut(&backlog, policy, loaders, &weight, &files);
    for (size_t i = 0; i < count; i++) {
        cr_assert(files[i].name);
        free(files[i].name);
    }
    free(files);
    return count;
}

enum { MIB = 1 << 20 };

Test(backlog, a_batch_is_what_memory_holds_and_what_keeps_all_loaders_busy)
{
    static const struct {
        const char *what, *suffix;
        int files, mib;
        unsigned loaders;
        double weight;
        uint64_t batch_bytes, batch_segments;
        size_t want;
    } rows[] = {
        {"raw, one loader", ".msgpack", 50, 1, 1, 0, 0, 1000, 20},
        {"raw, with rows larger than frames", ".msgpack", 50, 1, 1, 2, 0, 1000, 10},
        {"raw, plenty for two", ".msgpack", 50, 1, 2, 0, 0, 1000, 20},
        {"raw, a little for two", ".msgpack", 12, 1, 2, 0, 0, 1000, 6},
        {"too little to be shared", ".msgpack", 6, 1, 4, 0, 0, 1000, 4},
        {"packed, weight unknown", ".msgpack.zst", 50, 1, 1, 0, 0, 1000, 2},
        {"packed, weight known", ".msgpack.zst", 50, 1, 1, 4, 0, 1000, 5},
        {"one that is larger than a batch", ".msgpack", 3, 64, 1, 0, 0, 1000, 1},
        {"a cap in bytes rules alone", ".msgpack.zst", 50, 1, 2, 100, 30 * MIB, 1000, 30},
        {"a cap in segments", ".msgpack", 50, 1, 1, 0, 0, 3, 3},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct gate_policy policy = {.batch_bytes = rows[i].batch_bytes,
                                     .batch_segments = rows[i].batch_segments};
        drop_many(rows[i].files, rows[i].suffix, (off_t)rows[i].mib * MIB);
        scan(&policy);
        size_t got = cut(&policy, rows[i].loaders, rows[i].weight);
        cr_expect_eq(got, rows[i].want, "%s: want %zu, got %zu", rows[i].what, rows[i].want, got);
        tear_down();
        set_up();
    }
}

Test(backlog, what_is_cut_off_leaves_the_list)
{
    drop_many(50, ".msgpack", MIB);
    scan(&automatic);
    cr_assert_eq(cut(&automatic, 1, 0), 20);
    struct gate_backlog left = backlog_waiting(&backlog);
    cr_expect_eq(left.count, 30, "got %zu", left.count);
    cr_expect_eq(left.bytes, 30 * MIB, "got %zu", (size_t)left.bytes);
    cr_expect_leq(left.oldest_us, left.newest_us);
    cr_assert_eq(cut(&automatic, 1, 0), 20);
    cr_assert_eq(cut(&automatic, 1, 0), 10);
    cr_expect_eq(backlog_waiting(&backlog).count, 0);
    scan(&automatic); /* nobody has moved them */
    cr_expect_eq(backlog_waiting(&backlog).count, 50);
}

Test(backlog, a_long_folder_is_listed_in_pieces_and_each_file_once)
{
    enum { MANY = 250 };
    static const struct gate_policy policy = {.batch_segments = 1000};
    struct scan_rules rules = {.now_us = time_now() + 3600 * TIME_US_PER_S, .max_files = 100};
    struct scan_result found;
    char seen[MANY] = {0};
    size_t pieces = 0;
    drop_many(MANY, ".msgpack", 1);
    EXPECT_OK(scan_gate(&spool, "default", &rules, &found));
    for (;;) {
        pieces++;
        cr_expect_leq(found.count, 100, "got %zu", found.count);
        for (size_t i = 0; i < found.count; i++)
            seen[strtol(found.files[i].name, NULL, 10)]++;
        if (!found.more)
            break;
        EXPECT_OK(scan_continue(&spool, "default", &rules, &found));
    }
    scan_free(&found);
    cr_expect_eq(pieces, 3, "got %zu", pieces);
    for (size_t i = 0; i < MANY; i++)
        cr_expect_eq(seen[i], 1, "file %zu was seen %d times", i, seen[i]);
    scan(&policy); /* a piece holds 65,536 of its own accord */
    cr_expect_not(backlog.found.more);
}
