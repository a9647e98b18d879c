/* SPDX-License-Identifier: MIT */
#include "kb/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/beneath.h"

enum { READ_STEP = 64 * 1024 };

static enum kb_file refuse(char problem[KB_FILE_PROBLEM], const char *why)
{
    (void)snprintf(problem, KB_FILE_PROBLEM, "the file %s", why);
    return KB_FILE_REFUSED;
}

/* Is it for who runs this machine, not for who sent the frame? */
static bool is_of_machine(int number)
{
    static const int numbers[] = {EMFILE, ENFILE,    ENOMEM,    EIO,          EAGAIN,
                                  ESTALE, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH, ENOTCONN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

static enum kb_file refuse_errno(char problem[KB_FILE_PROBLEM], const char *what, int number)
{
    char reason[80];
    (void)snprintf(problem, KB_FILE_PROBLEM, "the file%s: %s", what,
                   strerror_r(number, reason, sizeof reason));
    return is_of_machine(number) ? KB_FILE_FAILED : KB_FILE_REFUSED;
}

/* --- names -------------------------------------------------------------------------------------
 */

/* The path of a uri, NUL-terminated in `path`; false: it is no file's. */
static bool path_of_uri(const char *uri, size_t len, struct buf *path, bool *is_malformed)
{
    static const char scheme[] = "file:";
    static const char local[] = "localhost";
    const size_t scheme_len = sizeof scheme - 1;
    const size_t local_len = sizeof local - 1;
    *is_malformed = false;
    if (len > 0 && uri[0] == '/') {
        buf_put(path, uri, len);
        *is_malformed = memchr(uri, '\0', len) != NULL;
        return true;
    }
    if (len < scheme_len || strncasecmp(uri, scheme, scheme_len) != 0)
        return false;
    uri += scheme_len;
    len -= scheme_len;
    if (len >= 2 && memcmp(uri, "//", 2) == 0) { /* an authority, which may be empty */
        uri += 2;
        len -= 2;
        if (len > local_len && strncasecmp(uri, local, local_len) == 0 && uri[local_len] == '/') {
            uri += local_len;
            len -= local_len;
        }
    }
    if (len == 0 || uri[0] != '/')
        return false; /* another machine's file */
    struct buf encoded = {0};
    buf_put(&encoded, uri, len);
    *is_malformed = memchr(uri, '\0', len) || !str_percent_decode(buf_cstr(&encoded), path) ||
                    memchr(path->data, '\0', path->len);
    buf_free(&encoded);
    return true;
}

/* What of the path comes after the root; NULL: it isn't below. */
static const char *below(const char *root, const char *path)
{
    size_t len = strlen(root);
    while (len > 0 && root[len - 1] == '/')
        len--;
    if (strncmp(root, path, len) != 0 || path[len] != '/')
        return NULL;
    path += len;
    return path + strspn(path, "/");
}

/* --- files -------------------------------------------------------------------------------------
 */

static enum kb_file refuse_open(int number, char problem[KB_FILE_PROBLEM])
{
    switch (number) {
    case EXDEV:
        return refuse(problem, "is outside its root (knowledge.roots): a link or .. leads out");
    case ELOOP:
        return refuse(problem, "is behind a link that leads nowhere, or into /proc");
    case ENOSYS:
        return refuse(problem, "can't be opened safely: openat2 needs Linux 5.6 or later");
    case ENXIO:
    case ENODEV:
        return refuse(problem, "is not a regular file");
    default:
        return refuse_errno(problem, " can't be opened", number);
    }
}

static enum kb_file refuse_size(uint64_t most, char problem[KB_FILE_PROBLEM])
{
    char size[STR_HUMAN];
    (void)snprintf(problem, KB_FILE_PROBLEM, "the file is longer than limits.string, %s",
                   str_size(most, size));
    return KB_FILE_REFUSED;
}

/* A file that grows meanwhile is read as far as it goes, up to `most`. */
static enum kb_file read_all(int fd, uint64_t most, struct buf *text, char problem[KB_FILE_PROBLEM])
{
    size_t start = text->len;
    for (;;) {
        ssize_t n = read(fd, buf_reserve(text, READ_STEP), READ_STEP);
        if (n == 0)
            return KB_FILE_READ;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(problem, " can't be read", errno);
        text->len += (size_t)n;
        if (text->len - start > most)
            return refuse_size(most, problem);
    }
}

static enum kb_file read_opened(int fd, uint64_t most, struct buf *text,
                                char problem[KB_FILE_PROBLEM])
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return refuse_open(errno, problem);
    if (!S_ISREG(st.st_mode))
        return refuse(problem, "is not a regular file");
    if (!text)
        return KB_FILE_READ;
    if ((uint64_t)st.st_size > most)
        return refuse_size(most, problem);
    size_t start = text->len;
    enum kb_file found = read_all(fd, most, text, problem);
    if (found != KB_FILE_READ)
        text->len = start;
    return found;
}

static enum kb_file read_below(const char *root, const char *path, uint64_t most, struct buf *text,
                               char problem[KB_FILE_PROBLEM])
{
    int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        (void)refuse_errno(problem, "'s root can't be opened (knowledge.roots)", errno);
        return KB_FILE_FAILED;
    }
    int fd = beneath_open(folder, path, 0, 0);
    enum kb_file found =
        fd < 0 ? refuse_open(errno, problem) : read_opened(fd, most, text, problem);
    if (fd >= 0)
        (void)close(fd);
    (void)close(folder);
    return found;
}

/* Roots may lie inside each other: the first below which the file is found is as good as any, and
 * it is refused when all have said no. */
static enum kb_file read_path(const char *const *roots, const char *path, uint64_t most,
                              struct buf *text, char problem[KB_FILE_PROBLEM])
{
    enum kb_file found = refuse(problem, "is outside the folders of knowledge.roots");
    for (; *roots && found != KB_FILE_READ; roots++) {
        const char *rest = below(*roots, path);
        char other[KB_FILE_PROBLEM];
        if (!rest || !*rest)
            continue;
        enum kb_file here = read_below(*roots, rest, most, text, other);
        if (here == KB_FILE_REFUSED && found == KB_FILE_FAILED)
            continue;
        found = here;
        if (found != KB_FILE_READ)
            memcpy(problem, other, sizeof other);
    }
    return found;
}

enum kb_file kb_file_read(const char *const *roots, const void *uri, size_t uri_len, uint64_t most,
                          struct buf *text, char problem[KB_FILE_PROBLEM])
{
    struct buf path = {0};
    bool is_malformed = false;
    enum kb_file found = KB_FILE_REMOTE;
    if (roots && *roots && path_of_uri(uri, uri_len, &path, &is_malformed))
        found = is_malformed ? refuse(problem, "has a malformed uri")
                             : read_path(roots, buf_cstr(&path), most, text, problem);
    buf_free(&path);
    return found;
}
