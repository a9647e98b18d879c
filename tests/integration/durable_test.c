/* SPDX-License-Identifier: MIT */
#include "io/durable.h"

#include "bytes.h"
#include "folder.h"

static struct folder dir;

static void set_up(void)
{
    dir = folder_make();
}

static void tear_down(void)
{
    folder_remove(&dir);
}

TestSuite(durable, .init = set_up, .fini = tear_down);

Test(durable, a_published_file_appears_whole_and_its_draft_is_gone)
{
    struct durable_file f;
    EXPECT_OK(durable_create(&f, dir.fd));
    cr_assert_eq(f.name[0], '.', "a draft is hidden, got %s", f.name);
    EXPECT_OK(durable_write(f.fd, "content", 7));
    cr_assert_not(folder_has(dir.fd, "a"));
    EXPECT_OK(durable_publish(&f, dir.fd, "a"));
    cr_assert_eq(f.fd, -1);
    durable_discard(&f); /* a no-op now */
    EXPECT_NAMES(dir.fd, "a ");
    EXPECT_CONTENT(dir.fd, "a", "content");
}

Test(durable, publish_crosses_folders)
{
    int other;
    struct durable_file f;
    EXPECT_OK(durable_open_folder(dir.fd, "other", &other));
    EXPECT_OK(durable_create(&f, dir.fd));
    EXPECT_OK(durable_publish(&f, other, "a"));
    EXPECT_NAMES(dir.fd, "other ");
    EXPECT_NAMES(other, "a ");
    (void)close(other);
}

Test(durable, publish_never_replaces)
{
    struct durable_file f;
    folder_write(dir.fd, "a", "first");
    EXPECT_OK(durable_create(&f, dir.fd));
    EXPECT_OK(durable_write(f.fd, "second", 6));
    EXPECT_ERR(durable_publish(&f, dir.fd, "a"), ERR_SPOOL, "File exists");
    durable_discard(&f);
    EXPECT_NAMES(dir.fd, "a ");
    EXPECT_CONTENT(dir.fd, "a", "first");
}

Test(durable, discard_leaves_nothing)
{
    struct durable_file f;
    EXPECT_OK(durable_create(&f, dir.fd));
    EXPECT_OK(durable_write(f.fd, "x", 1));
    durable_discard(&f);
    durable_discard(&f);
    EXPECT_NAMES(dir.fd, "");
}

Test(durable, replace_is_whole_or_not_at_all)
{
    EXPECT_OK(durable_replace(dir.fd, "a", "first", 5));
    EXPECT_OK(durable_replace(dir.fd, "a", "", 0));
    EXPECT_CONTENT(dir.fd, "a", "");
    EXPECT_OK(durable_replace(dir.fd, "a", "third", 5));
    EXPECT_CONTENT(dir.fd, "a", "third");
    cr_assert_eq(mkdirat(dir.fd, "folder", 0770), 0);
    EXPECT_ERR(durable_replace(dir.fd, "folder", "x", 1), ERR_SPOOL, "folder");
    EXPECT_NAMES(dir.fd, "a folder ");
}

Test(durable, move_refuses_taken_names)
{
    static const struct {
        const char *what, *from, *to;
        bool moves, taken;
    } rows[] = {
        {"a file to a free name", "file", "free", true, false},
        {"a file to a file's name", "file", "file2", false, true},
        {"a file to a folder's name", "file", "empty", false, true},
        {"a folder to an empty folder's name", "full", "empty", false, true},
        {"a folder to a free name", "full", "free", true, false},
        {"a file to a dangling link's name", "file", "link", false, true},
        {"what isn't there", "nothing", "free", false, false},
        {"a file to itself", "file", "file", false, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool taken = !rows[i].taken;
        struct folder f = folder_make();
        folder_write(f.fd, "file", "1");
        folder_write(f.fd, "file2", "2");
        cr_assert_eq(mkdirat(f.fd, "full", 0770), 0);
        folder_write(f.fd, "full/inside", "3");
        cr_assert_eq(mkdirat(f.fd, "empty", 0770), 0);
        cr_assert_eq(symlinkat("nowhere", f.fd, "link"), 0);
        struct err e = durable_move(f.fd, rows[i].from, f.fd, rows[i].to, &taken);
        cr_assert_eq(!err_is(&e), rows[i].moves, "%s: want %d, got %s", rows[i].what, rows[i].moves,
                     e.text);
        cr_assert_eq(taken, rows[i].taken, "%s: taken: want %d, got %d", rows[i].what,
                     rows[i].taken, taken);
        if (rows[i].moves)
            cr_assert(!folder_has(f.fd, rows[i].from) && folder_has(f.fd, rows[i].to), "%s",
                      rows[i].what);
        else
            EXPECT_NAMES(f.fd, "empty file file2 full link ");
        EXPECT_CONTENT(f.fd, "file2", "2");
        folder_remove(&f);
    }
}

Test(durable, names_in_messages_are_one_line)
{
    EXPECT_ERR(durable_move(dir.fd, "a\nb %", dir.fd, "c", NULL), ERR_SPOOL, "a%0Ab%20%25");
}

Test(durable, open_folder_makes_what_is_missing)
{
    int fd;
    EXPECT_OK(durable_open_folder(dir.fd, "new", &fd));
    folder_write(fd, "inside", "x");
    (void)close(fd);
    EXPECT_OK(durable_open_folder(dir.fd, "new", &fd));
    EXPECT_NAMES(fd, "inside ");
    (void)close(fd);
    folder_write(dir.fd, "file", "x");
    EXPECT_ERR(durable_open_folder(dir.fd, "file", &fd), ERR_SPOOL, "file");
    cr_assert_eq(symlinkat("new", dir.fd, "link"), 0);
    EXPECT_ERR(durable_open_folder(dir.fd, "link", &fd), ERR_SPOOL, "link");
}

Test(durable, a_full_disk_is_told)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    EXPECT_ERR(durable_write(fd, "x", 1), ERR_SPOOL, "No space left");
    (void)close(fd);
}

Test(durable, a_full_disk_is_told_with_the_file)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    EXPECT_ERR(durable_write(fd, "x", 1), ERR_SPOOL, "can't write /dev/full: No space left");
    (void)close(fd);
}
