/* SPDX-License-Identifier: MIT */
#include "manifest/secret.h"

#include <criterion/criterion.h>

#include "bytes.h"
#include "folder.h"

struct row {
    enum manifest_secret_from from;
    const char *name;    /* the variable's or the file's */
    const char *content; /* NULL: there is none */
    const char *want;    /* NULL: an error with `error` */
    const char *error;
};

static const struct row rows[] = {
    {SECRET_INLINE, "https://example.org/x", "", "https://example.org/x", NULL},
    {SECRET_ENV, "SG_TEST_SECRET", "token", "token", NULL},
    {SECRET_ENV, "SG_TEST_SECRET", " \t token two \r\n", "token two", NULL},
    {SECRET_ENV, "SG_TEST_SECRET", NULL, NULL, "variable SG_TEST_SECRET isn't set"},
    {SECRET_ENV, "SG_TEST_SECRET", "", NULL, "variable SG_TEST_SECRET is empty"},
    {SECRET_ENV, "SG_TEST_SECRET", " \n ", NULL, "is empty"},
    {SECRET_ENV, "SG_TEST_SECRET", "hush1\nhush2", NULL, "line break"},
    {SECRET_ENV, "SG_TEST_SECRET", "hush1\rhush2", NULL, "line break"},
    {SECRET_FILE, "secret", "from a file\n", "from a file", NULL},
    {SECRET_FILE, "secret", "", NULL, "/secret is empty"},
    {SECRET_FILE, "secret", "hush1\n\nhush2\n", NULL, "line break"},
    {SECRET_FILE, "secret", NULL, NULL, "/secret can't be read: No such file"},
    {SECRET_CREDENTIAL, "secret", "from systemd", "from systemd", NULL},
    {SECRET_CREDENTIAL, "secret", NULL, NULL, "/secret can't be read: No such file"},
};

static void place(const struct row *row, const struct folder *f)
{
    (void)unsetenv("SG_TEST_SECRET");
    if (row->from == SECRET_ENV && row->content)
        (void)setenv(row->name, row->content, 1);
    if (row->from >= SECRET_FILE)
        (void)unlinkat(f->fd, "secret", 0);
    if (row->from >= SECRET_FILE && row->content)
        folder_write(f->fd, "secret", row->content);
}

Test(outbox_secret, places)
{
    struct folder f = folder_make();
    (void)setenv("CREDENTIALS_DIRECTORY", f.path, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        char path[128];
        struct buf value = {0};
        (void)snprintf(path, sizeof path, "%s/%s", f.path, row->name);
        struct manifest_secret secret = {row->from, row->from == SECRET_FILE ? path : row->name};
        place(row, &f);
        buf_str(&value, "Bearer ");
        struct err e = secret_read(&secret, &value);
        cr_expect_eq(e.cls, row->want ? ERR_NONE : ERR_CONFIG, "row %zu: got %s: %s", i,
                     err_class_name(e.cls), e.text);
        if (row->want)
            cr_expect_str_eq(buf_cstr(&value) + 7, row->want, "row %zu: want `%s`, got `%s`", i,
                             row->want, buf_cstr(&value) + 7);
        else
            cr_expect(strstr(e.text, row->error) && !strstr(e.text, "hush"),
                      "row %zu: want a text with `%s` and without the secret, got `%s`", i,
                      row->error, e.text);
        secret_wipe(&value);
    }
    folder_remove(&f);
}

Test(outbox_secret, nul_bytes_and_size)
{
    static char big[SECRET_BYTES + 2];
    struct folder f = folder_make();
    struct buf value = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/secret", f.path);
    struct manifest_secret secret = {SECRET_FILE, path};
    int fd = openat(f.fd, "secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, "a\0b", 3), 3);
    EXPECT_ERR(secret_read(&secret, &value), ERR_CONFIG, "NUL byte");
    memset(big, 'x', SECRET_BYTES + 1);
    folder_write(f.fd, "secret", big);
    EXPECT_ERR(secret_read(&secret, &value), ERR_CONFIG, "longer than 65536 bytes");
    big[SECRET_BYTES] = '\0';
    folder_write(f.fd, "secret", big);
    buf_clear(&value);
    EXPECT_OK(secret_read(&secret, &value));
    cr_expect_eq(value.len, SECRET_BYTES);
    secret_wipe(&value);
    cr_expect(!value.data && value.len == 0);
    (void)close(fd);
    folder_remove(&f);
}

/* Links lead to secrets where systemd and Kubernetes hand them out; a FIFO would never answer. */
Test(outbox_secret, links_and_oddities)
{
    struct folder f = folder_make();
    struct buf value = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/secret", f.path);
    struct manifest_secret secret = {SECRET_FILE, path};
    folder_write(f.fd, "target", "linked\n");
    cr_assert_eq(symlinkat("target", f.fd, "secret"), 0);
    EXPECT_OK(secret_read(&secret, &value));
    cr_expect_str_eq(buf_cstr(&value), "linked");
    cr_assert_eq(unlinkat(f.fd, "secret", 0), 0);
    cr_assert_eq(mkfifoat(f.fd, "secret", 0600), 0);
    EXPECT_ERR(secret_read(&secret, &value), ERR_CONFIG, "no regular file");
    cr_assert_eq(unlinkat(f.fd, "secret", 0), 0);
    cr_assert_eq(mkdirat(f.fd, "secret", 0700), 0);
    EXPECT_ERR(secret_read(&secret, &value), ERR_CONFIG, "no regular file");
    secret_wipe(&value);
    folder_remove(&f);
}

Test(outbox_secret, credentials_need_their_folder)
{
    struct buf value = {0};
    struct manifest_secret secret = {SECRET_CREDENTIAL, "ops"};
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    EXPECT_ERR(secret_read(&secret, &value), ERR_CONFIG, "LoadCredential=ops:");
    secret_wipe(&value);
}

Test(outbox_secret, none_appends_nothing)
{
    struct buf value = {0};
    EXPECT_OK(secret_read(&(struct manifest_secret){SECRET_NONE, NULL}, &value));
    cr_expect_eq(value.len, 0);
    secret_wipe(&value);
}
