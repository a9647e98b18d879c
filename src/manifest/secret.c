/* SPDX-License-Identifier: MIT */
#include "manifest/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room for all of it at once: a buffer that grew would leave a copy behind that nobody wipes. */
static struct err read_all(int fd, const char *path, size_t size, struct buf *value)
{
    (void)buf_reserve(value, size + 1); /* and the NUL of buf_cstr */
    while (size > 0) {
        ssize_t n = read(fd, value->data + value->len, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_system(ERR_CONFIG, errno, "the secret in %s can't be read", path);
        if (n == 0)
            return ERR_OK;
        value->len += (size_t)n;
        size -= (size_t)n;
    }
    return ERR_OK;
}

/* Links are followed: systemd and Kubernetes both hand secrets out as links. */
static struct err read_file(const char *path, struct buf *value)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    if (fd < 0)
        return err_system(ERR_CONFIG, errno, "the secret in %s can't be read", path);
    struct err e;
    if (fstat(fd, &st) != 0)
        e = err_system(ERR_CONFIG, errno, "the secret in %s can't be read", path);
    else if (!S_ISREG(st.st_mode))
        e = err_make(ERR_CONFIG, "the secret in %s can't be read: it is no regular file", path);
    else if (st.st_size > SECRET_BYTES)
        e = err_make(ERR_CONFIG, "the secret in %s is longer than %d bytes", path, SECRET_BYTES);
    else
        e = read_all(fd, path, (size_t)st.st_size, value);
    (void)close(fd);
    return e;
}

static struct err read_credential(const char *name, struct buf *value)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    struct buf path = {0};
    if (!folder || !*folder)
        return err_make(ERR_CONFIG,
                        "credential %s: CREDENTIALS_DIRECTORY isn't set; systemd sets it where the "
                        "unit has LoadCredential=%s:PATH",
                        name, name);
    buf_printf(&path, "%s/%s", folder, name);
    struct err e = read_file(buf_cstr(&path), value);
    buf_free(&path);
    return e;
}

static struct err read_variable(const char *name, struct buf *value)
{
    const char *text = getenv(name);
    if (!text)
        return err_make(ERR_CONFIG, "environment variable %s isn't set", name);
    size_t len = strlen(text);
    if (len > SECRET_BYTES)
        return err_make(ERR_CONFIG, "environment variable %s is longer than %d bytes", name,
                        SECRET_BYTES);
    (void)buf_reserve(value, len + 1);
    buf_put(value, text, len);
    return ERR_OK;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* What was appended since `from`, without white space around it. */
static void trim(struct buf *value, size_t from)
{
    size_t start = from;
    while (value->len > from && is_space(value->data[value->len - 1]))
        value->len--;
    while (start < value->len && is_space(value->data[start]))
        start++;
    if (start > from) {
        memmove(value->data + from, value->data + start, value->len - start);
        value->len -= start - from;
    }
}

static struct err check(const struct manifest_secret *secret, const uint8_t *text, size_t len)
{
    static const char *const places[] = {[SECRET_INLINE] = "the value in the manifest",
                                         [SECRET_ENV] = "environment variable ",
                                         [SECRET_FILE] = "the secret in ",
                                         [SECRET_CREDENTIAL] = "credential "};
    const char *place = places[secret->from];
    const char *name = secret->from == SECRET_INLINE ? "" : secret->value;
    if (len == 0)
        return err_make(ERR_CONFIG, "%s%s is empty", place, name);
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || text[i] == '\r' || text[i] == '\n')
            return err_make(ERR_CONFIG, "%s%s has a %s in it; one line is wanted", place, name,
                            text[i] ? "line break" : "NUL byte");
    return ERR_OK;
}

struct err secret_read(const struct manifest_secret *secret, struct buf *value)
{
    size_t from = value->len;
    switch (secret->from) {
    case SECRET_NONE:
        return ERR_OK;
    case SECRET_INLINE:
        buf_str(value, secret->value);
        break;
    case SECRET_ENV:
        TRY(read_variable(secret->value, value));
        break;
    case SECRET_FILE:
        TRY(read_file(secret->value, value));
        break;
    case SECRET_CREDENTIAL:
        TRY(read_credential(secret->value, value));
        break;
    }
    trim(value, from);
    return check(secret, value->data + from, value->len - from);
}

void secret_wipe(struct buf *value)
{
    if (value->data)
        explicit_bzero(value->data, value->cap);
    buf_free(value);
}
