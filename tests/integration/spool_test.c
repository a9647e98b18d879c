/* SPDX-License-Identifier: MIT */
#include "spool/spool.h"

#include "base/buf.h"
#include "base/str.h"
#include "base/time.h"
#include "bytes.h"
#include "folder.h"
#include "spool/scan.h"

static struct folder top;
static struct spool spool;
static char path[80];

static void set_up(void)
{
    top = folder_make();
    (void)snprintf(path, sizeof path, "%s/spool", top.path);
    EXPECT_OK(spool_open(&spool, path, true));
}

static void tear_down(void)
{
    spool_close(&spool);
    folder_remove(&top);
}

TestSuite(spool, .init = set_up, .fini = tear_down);

Test(spool, opening_makes_what_is_missing_and_keeps_the_id)
{
    struct spool again;
    struct uuid id;
    EXPECT_NAMES(spool.root, ".id archive failed incoming processing tmp ");
    cr_assert(uuid_parse(spool.id, &id), "want a UUID, got %s", spool.id);
    EXPECT_OK(spool_open(&again, path, false));
    cr_assert_str_eq(again.id, spool.id);
    spool_close(&again);
    cr_assert_eq(unlinkat(spool.root, "tmp", AT_REMOVEDIR), 0);
    EXPECT_ERR(spool_open(&again, path, false), ERR_SPOOL, "tmp");
    EXPECT_OK(spool_open(&again, path, true));
    cr_assert_str_eq(again.id, spool.id);
    spool_close(&again);
}

/* A producer of the group: it may write into tmp/ and incoming/, and the id isn't its to make. */
Test(spool, a_producer_who_is_the_first_makes_no_id)
{
    struct spool first;
    cr_assert_eq(unlinkat(spool.root, ".id", 0), 0);
    EXPECT_ERR(spool_open(&first, path, false), ERR_SPOOL, "has no .id yet");
    const struct {
        int fd;
        mode_t mode;
    } folders[] = {{spool.root, 0555},       {spool.tmp, 0777},     {spool.incoming, 0777},
                   {spool.processing, 0755}, {spool.archive, 0755}, {spool.failed, 0755}};
    for (size_t i = 0; i < COUNT(folders); i++)
        cr_assert_eq(fchmod(folders[i].fd, folders[i].mode), 0);
    cr_assert_eq(chmod(top.path, 0755), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    EXPECT_OK(spool_open(&first, path, true));
    cr_assert_str_empty(first.id);
    EXPECT_ERR(spool_lock(&first), ERR_SPOOL, ".lock");
    spool_close(&first);
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(fchmod(spool.root, 0755), 0);
    EXPECT_OK(spool_open(&first, path, true));
    cr_assert_str_not_empty(first.id);
    spool_close(&first);
}

Test(spool, what_is_no_spool_is_refused)
{
    struct spool other;
    char elsewhere[128];
    EXPECT_ERR(spool_open(&other, "/nonexistent/spool", true), ERR_SPOOL, "/nonexistent/spool");
    EXPECT_ERR(spool_open(&other, "/nonexistent", false), ERR_SPOOL, "/nonexistent");
    static const char *const bad_ids[] = {"", "not an id\n", "01a1fc09-7974-771f-a030-6c8417c14a1"};
    for (size_t i = 0; i < COUNT(bad_ids); i++) {
        folder_write(spool.root, ".id", bad_ids[i]);
        EXPECT_ERR(spool_open(&other, path, true), ERR_SPOOL, "not a spool's id");
    }
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/linked", top.path);
    cr_assert_eq(mkdir(elsewhere, 0770), 0);
    (void)strcat(elsewhere, "/incoming");
    cr_assert_eq(symlink(path, elsewhere), 0);
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/linked", top.path);
    EXPECT_ERR(spool_open(&other, elsewhere, true), ERR_SPOOL, "incoming");
}

Test(spool, one_process_has_the_lock)
{
    struct spool second;
    char holder[64];
    EXPECT_OK(spool_lock(&spool));
    EXPECT_OK(spool_open(&second, path, false));
    (void)snprintf(holder, sizeof holder, "in use by pid %d on ", (int)getpid());
    EXPECT_ERR(spool_lock(&second), ERR_BUSY, holder);
    spool_close(&spool);
    EXPECT_OK(spool_lock(&second));
    EXPECT_OK(spool_open(&spool, path, false));
    EXPECT_ERR(spool_lock(&spool), ERR_BUSY, "in use by");
    spool_close(&second);
}

Test(spool, a_hold_is_a_file)
{
    struct spool again;
    cr_assert_not(spool_is_held(&spool, "mine"));
    EXPECT_OK(spool_hold(&spool, "mine", false));
    EXPECT_OK(spool_hold(&spool, "mine", true));
    EXPECT_OK(spool_hold(&spool, "mine", true));
    cr_assert(spool_is_held(&spool, "mine"));
    cr_assert_not(spool_is_held(&spool, "default"));
    EXPECT_OK(spool_open(&again, path, false));
    cr_assert(spool_is_held(&again, "mine"), "across processes");
    EXPECT_OK(spool_hold(&again, "mine", false));
    cr_assert_not(spool_is_held(&spool, "mine"));
    spool_close(&again);
}

Test(spool, gates_are_folders)
{
    int fd;
    EXPECT_OK(spool_open_gate(&spool, "default", false, &fd));
    folder_write(fd, "a", "x");
    (void)close(fd);
    EXPECT_ERR(spool_open_gate(&spool, "mine", false, &fd), ERR_SPOOL, "incoming/mine");
    EXPECT_OK(spool_open_gate(&spool, "mine", true, &fd));
    (void)close(fd);
    EXPECT_NAMES(spool.incoming, "a mine ");
    cr_assert_eq(symlinkat("mine", spool.incoming, "link"), 0);
    EXPECT_ERR(spool_open_gate(&spool, "link", false, &fd), ERR_SPOOL, "incoming/link");
}

/* ---- scan ---- */

struct seen {
    struct buf odd;      /* "incoming/NAME: reason\n" */
    const char *settled; /* is_settled's answer for this name is true */
    unsigned listed;
};

static void note_odd(void *context, const char *where, const char *reason)
{
    struct seen *seen = context;
    buf_printf(&seen->odd, "%s: %s\n", where, reason);
}

static void note_listed(void *context)
{
    struct seen *seen = context;
    seen->listed++;
}

static bool say_settled(void *context, const char *gate, const char *name)
{
    const struct seen *seen = context;
    cr_assert_str_eq(gate, "default");
    cr_assert_eq(seen->listed, 1, "asked before the folder was listed");
    return seen->settled && strcmp(seen->settled, name) == 0;
}

static int64_t change_of(int dir, const char *name)
{
    struct stat st;
    cr_assert_eq(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0, "%s: %m", name);
    return st.st_ctim.tv_sec * TIME_US_PER_S + st.st_ctim.tv_nsec / 1000;
}

/* The kernel's clock for files stands still for some milliseconds: until it has gone on. */
static int64_t write_after(int64_t earlier_us, const char *name, const char *text)
{
    folder_write(spool.incoming, name, text);
    while (change_of(spool.incoming, name) <= earlier_us)
        cr_assert_eq(fchmodat(spool.incoming, name, 0640, 0), 0, "%s: %m", name);
    return change_of(spool.incoming, name);
}

Test(spool, a_scan_lists_what_is_settled_oldest_first)
{
    static const char *const names[] = {"d.msgpack.zst", "a.msgpack", "c.msgpack", "b.msgpack"};
    struct seen seen = {0};
    struct scan_result found;
    int64_t changed[COUNT(names)] = {0};
    for (size_t i = 0; i < COUNT(names); i++)
        changed[i] = write_after(i > 0 ? changed[i - 1] : 0, names[i], "1234" + i);
    /* what the producer says of its time doesn't count */
    struct timespec ahead[2] = {{time_now() / TIME_US_PER_S + 86400, 0},
                                {time_now() / TIME_US_PER_S + 86400, 0}};
    cr_assert_eq(utimensat(spool.incoming, "b.msgpack", ahead, 0), 0);
    struct scan_rules rules = {
        .now_us = time_now() + 3600 * TIME_US_PER_S, .odd = note_odd, .context = &seen};
    EXPECT_OK(scan_gate(&spool, "default", &rules, &found));
    cr_assert_eq(found.count, COUNT(names), "want %zu, got %zu", COUNT(names), found.count);
    for (size_t i = 0; i < COUNT(names); i++) {
        cr_assert_str_eq(found.files[i].name, names[i], "place %zu: want %s, got %s", i, names[i],
                         found.files[i].name);
        cr_assert_eq(found.files[i].bytes, 4 - i, "%s: got %d", names[i],
                     (int)found.files[i].bytes);
        cr_assert_leq(found.files[i].arrived_us, time_now(), "%s", names[i]);
        cr_assert_geq(found.files[i].arrived_us, changed[i], "%s", names[i]);
    }
    cr_assert_eq(found.unsettled, 0);
    cr_assert_eq(found.settles_at_us, INT64_MAX);
    cr_assert_eq(seen.odd.len, 0, "got %s", buf_cstr(&seen.odd));
    scan_free(&found);
}

Test(spool, young_files_wait_unless_known_to_be_closed)
{
    folder_write(spool.incoming, "a.msgpack", "x");
    folder_write(spool.incoming, "b.msgpack", "x");
    int64_t changed = change_of(spool.incoming, "a.msgpack");
    static const struct {
        const char *what, *settled;
        int64_t after_us; /* a's change */
        bool is_asked;
        size_t count, unsettled;
    } rows[] = {
        {"just written", NULL, 0, false, 0, 2},
        {"almost settled by time", NULL, SCAN_SETTLE_US - 1, false, 0, 2},
        {"settled by time", NULL, SCAN_SETTLE_US + TIME_US_PER_S, false, 2, 0},
        {"both are still open", NULL, 0, true, 0, 2},
        {"one was closed", "b.msgpack", 0, true, 1, 1},
        {"time settles what was never closed", NULL, SCAN_SETTLE_US + TIME_US_PER_S, true, 2, 0},
        {"changed a second from now", NULL, -TIME_US_PER_S, false, 0, 2},
        {"changed before the clock was set back", NULL, -3600 * TIME_US_PER_S, false, 2, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct seen seen = {.settled = rows[i].settled};
        struct scan_result found;
        struct scan_rules rules = {.now_us = changed + rows[i].after_us,
                                   .listed = note_listed,
                                   .is_settled = rows[i].is_asked ? say_settled : NULL,
                                   .context = &seen};
        EXPECT_OK(scan_gate(&spool, "default", &rules, &found));
        cr_assert_eq(found.count, rows[i].count, "%s: want %zu, got %zu", rows[i].what,
                     rows[i].count, found.count);
        cr_assert_eq(found.unsettled, rows[i].unsettled, "%s: want %zu, got %zu", rows[i].what,
                     rows[i].unsettled, found.unsettled);
        bool a_waits = rows[i].unsettled > 0;
        cr_assert_eq(found.settles_at_us, a_waits ? changed + SCAN_SETTLE_US : INT64_MAX, "%s",
                     rows[i].what);
        scan_free(&found);
    }
}

Test(spool, what_is_not_ours_is_left_alone_with_a_reason)
{
    static const struct {
        const char *name, *reason;
        enum { A_FILE, A_LINK, A_FIFO, A_FOLDER } kind;
    } rows[] = {
        {"a.json", "the name ends in neither", A_FILE},
        {"link.msgpack", "a symbolic link", A_LINK},
        {"fifo.msgpack", "not a regular file", A_FIFO},
        {".hidden.msgpack", NULL, A_FILE},
        {"a.msgpack.tmp", NULL, A_FILE},
        {"a.msgpack.part", NULL, A_FILE},
        {"mine", NULL, A_FOLDER},
    };
    struct seen seen = {0};
    struct scan_result found;
    struct scan_rules rules = {
        .now_us = time_now() + 3600 * TIME_US_PER_S, .odd = note_odd, .context = &seen};
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].kind == A_FILE)
            folder_write(spool.incoming, rows[i].name, "x");
        else if (rows[i].kind == A_LINK)
            cr_assert_eq(symlinkat("a.json", spool.incoming, rows[i].name), 0);
        else if (rows[i].kind == A_FIFO)
            cr_assert_eq(mkfifoat(spool.incoming, rows[i].name, 0660), 0);
        else
            cr_assert_eq(mkdirat(spool.incoming, rows[i].name, 0770), 0);
    }
    EXPECT_OK(scan_gate(&spool, "default", &rules, &found));
    cr_assert_eq(found.count, 0, "got %zu, the first is %s", found.count,
                 found.count ? found.files[0].name : "");
    size_t told_of = 0;
    for (size_t i = 0; i < COUNT(rows); i++)
        told_of += rows[i].reason != NULL;
    cr_assert_eq(found.unclaimable, told_of, "want %zu, got %zu", told_of, found.unclaimable);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf line = {0};
        buf_printf(&line, "incoming/%s: %s", rows[i].name, rows[i].reason ? rows[i].reason : "");
        bool told = strstr(buf_cstr(&seen.odd), buf_cstr(&line));
        cr_assert_eq(told, rows[i].reason != NULL, "%s: want %s, got\n%s", rows[i].name,
                     rows[i].reason ? rows[i].reason : "no word", buf_cstr(&seen.odd));
        buf_free(&line);
    }
    scan_free(&found);
    buf_free(&seen.odd);
}

Test(spool, any_mtime_has_its_place_in_the_order)
{
    static const struct {
        struct timespec mtime;
        int64_t want;
    } rows[] = {
        {{.tv_sec = 0}, 0},
        {{.tv_sec = 1795300000, .tv_nsec = 123456789}, INT64_C(1795300000123456)},
        {{.tv_sec = -1, .tv_nsec = 999999999}, -1},
        {{.tv_sec = INT64_C(9223372036854), .tv_nsec = 775807000}, INT64_MAX},
        {{.tv_sec = INT64_C(9223372036854), .tv_nsec = 775808000}, INT64_MAX},
        {{.tv_sec = INT64_C(9223372036855)}, INT64_MAX},
        {{.tv_sec = INT64_MAX, .tv_nsec = 999999999}, INT64_MAX},
        {{.tv_sec = INT64_C(-9223372036855)}, INT64_MIN},
        {{.tv_sec = INT64_MIN}, INT64_MIN},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct stat st = {.st_mtim = rows[i].mtime};
        int64_t got = scan_modified_time(&st);
        cr_expect_eq(got, rows[i].want, "%jd s: want %jd, got %jd", (intmax_t)rows[i].mtime.tv_sec,
                     (intmax_t)rows[i].want, (intmax_t)got);
    }
}

/* Root reads everything: then the test goes on as somebody else, to whom these belong. */
static void be_an_ordinary_user(const char *name)
{
    if (geteuid() != 0)
        return;
    cr_assert_eq(fchown(spool.incoming, 65534, 65534), 0, "%m");
    cr_assert_eq(fchownat(spool.incoming, name, 65534, 65534, 0), 0, "%m");
    cr_assert_eq(seteuid(65534), 0, "%m");
}

static void be_oneself(void)
{
    cr_assert_eq(seteuid(getuid()), 0, "%m");
}

/* Whoever owns a file, or is in its group, isn't "others", whatever they may. */
Test(spool, a_mode_that_lets_others_read_says_nothing_of_us)
{
    static const struct {
        mode_t mode;
        bool readable;
    } rows[] = {{0644, true}, {0440, true}, {0400, true}, {0004, false}, {0044, false}, {0, false}};
    struct scan_rules rules = {.now_us = time_now() + 3600 * TIME_US_PER_S};
    folder_write(spool.incoming, "a.msgpack", "x");
    be_an_ordinary_user("a.msgpack");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scan_result found;
        cr_assert_eq(fchmodat(spool.incoming, "a.msgpack", rows[i].mode, 0), 0, "%m");
        EXPECT_OK(scan_gate(&spool, "default", &rules, &found));
        cr_expect_eq(found.count, rows[i].readable, "%04o: want %d, got %zu", rows[i].mode,
                     rows[i].readable, found.count);
        scan_free(&found);
    }
    be_oneself();
}

/* mkdir under a umask of 077, by another user than the daemon. */
Test(spool, a_folder_that_cant_be_listed_is_no_gate_and_stops_no_other)
{
    struct seen seen = {0};
    struct scan_rules rules = {.odd = note_odd, .context = &seen};
    char **names;
    size_t count;
    cr_assert_eq(mkdirat(spool.incoming, "shut", 0770), 0, "%m");
    cr_assert_eq(mkdirat(spool.incoming, "open", 0775), 0, "%m");
    cr_assert_eq(fchmodat(spool.incoming, "open", 0775, 0), 0, "%m");
    be_an_ordinary_user("shut");
    cr_assert_eq(fchmodat(spool.incoming, "shut", 0070, 0), 0, "%m");
    EXPECT_OK(scan_gate_folders(&spool, &rules, &names, &count));
    cr_assert_eq(count, 1, "got %zu", count);
    cr_assert_str_eq(names[0], "open");
    cr_assert(strstr(buf_cstr(&seen.odd), "incoming/shut: a folder that the daemon can't list"),
              "got %s", buf_cstr(&seen.odd));
    be_oneself();
    free(names[0]);
    free(names);
    buf_free(&seen.odd);
}

Test(spool, gate_folders_are_found_by_their_names)
{
    struct seen seen = {0};
    struct scan_rules rules = {.odd = note_odd, .context = &seen};
    char **names;
    size_t count;
    static const char *const folders[] = {"mine", "Capital", "default", ".hidden", "x.tmp"};
    for (size_t i = 0; i < COUNT(folders); i++)
        cr_assert_eq(mkdirat(spool.incoming, folders[i], 0770), 0);
    cr_assert_eq(symlinkat("mine", spool.incoming, "link"), 0);
    folder_write(spool.incoming, "file", "x");
    EXPECT_OK(scan_gate_folders(&spool, &rules, &names, &count));
    cr_assert_eq(count, 1, "got %zu", count);
    cr_assert_str_eq(names[0], "mine");
    cr_assert(strstr(buf_cstr(&seen.odd), "incoming/Capital: "), "got %s", buf_cstr(&seen.odd));
    cr_assert(strstr(buf_cstr(&seen.odd), "incoming/default: "), "got %s", buf_cstr(&seen.odd));
    free(names[0]);
    free(names);
    buf_free(&seen.odd);
}
