/* SPDX-License-Identifier: MIT */
/*
 * folder: a folder of mkdtemp for one test, and small files in it. Failures end the test.
 *
 *     struct folder f = folder_make();
 *     folder_write(f.fd, "a.msgpack", "abc", 3);
 *     EXPECT_NAMES(f.fd, "a.msgpack");
 *     folder_remove(&f);
 */
#ifndef SPOOLGATE_TESTS_FOLDER_H
#define SPOOLGATE_TESTS_FOLDER_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

struct folder {
    char path[64];
    int fd;
};

#define FOLDER_TEXT 4096

#define EXPECT_OK(call)                                                                 \
    do {                                                                                \
        struct err expected_ = (call);                                                  \
        cr_assert_eq(expected_.cls, ERR_NONE, "%s: want no failure, got %s: %s", #call, \
                     err_class_name(expected_.cls), expected_.text);                    \
    } while (0)

#define EXPECT_ERR(call, class, part)                                                           \
    do {                                                                                        \
        struct err expected_ = (call);                                                          \
        cr_assert_eq(expected_.cls, (class), "%s: want %s, got %s: %s", #call,                  \
                     err_class_name(class), err_class_name(expected_.cls), expected_.text);     \
        cr_assert(strstr(expected_.text, (part)), "%s: want a text with `%s`, got `%s`", #call, \
                  (part), expected_.text);                                                      \
    } while (0)

static inline struct folder folder_make(void)
{
    struct folder f = {.path = "/tmp/spoolgate-test-XXXXXX"};
    cr_assert(mkdtemp(f.path), "mkdtemp: %m");
    f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(f.fd, 0, "%s: %m", f.path);
    return f;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type,
                                    struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void folder_remove(struct folder *f)
{
    (void)close(f->fd);
    cr_assert_eq(nftw(f->path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0, "%s: %m", f->path);
}

static inline void folder_write(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
    cr_assert_geq(fd, 0, "%s: %m", name);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text), "%s: %m", name);
    (void)close(fd);
}

static inline const char *folder_read(int dir, const char *name, char text[FOLDER_TEXT])
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s: %m", name);
    ssize_t n = read(fd, text, FOLDER_TEXT - 1);
    cr_assert_geq(n, 0, "%s: %m", name);
    text[n] = '\0';
    (void)close(fd);
    return text;
}

static inline bool folder_has(int dir, const char *name)
{
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The names in a folder, sorted, with a blank after each. */
static inline const char *folder_names(int dir, char text[FOLDER_TEXT])
{
    struct dirent **entries;
    int n = scandirat(dir, ".", &entries, NULL, alphasort);
    size_t at = 0;
    cr_assert_geq(n, 0, "scandir: %m");
    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
            at += (size_t)snprintf(text + at, FOLDER_TEXT - at, "%s ", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return text;
}

#define EXPECT_NAMES(dir, want)                                                                \
    do {                                                                                       \
        char names_[FOLDER_TEXT];                                                              \
        cr_assert_str_eq(folder_names((dir), names_), (want), "%s: want `%s`, got `%s`", #dir, \
                         (want), names_);                                                      \
    } while (0)

#define EXPECT_CONTENT(dir, name, want)                                                           \
    do {                                                                                          \
        char content_[FOLDER_TEXT];                                                               \
        cr_assert_str_eq(folder_read((dir), (name), content_), (want), "%s: want `%s`, got `%s`", \
                         (name), (want), content_);                                               \
    } while (0)

/* A folder's descriptor for as long as one expression needs it: the process's end closes it. */
static inline int folder_in(int dir, const char *path)
{
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s: %m", path);
    return fd;
}

#endif
