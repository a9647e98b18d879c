/* SPDX-License-Identifier: MIT */
/* The text of assets that are files: what is read, and what must never be. */
#include "kb/file.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "../unit/kb/frames.h"
#include "folder.h"

static struct folder folder;
static char docs[128], docs2[128], outside[128];

/* FOLDER/docs and FOLDER/docs2 are the roots of most tests. */
static void open_folder(void)
{
    folder = folder_make();
    (void)snprintf(docs, sizeof docs, "%s/docs", folder.path);
    (void)snprintf(docs2, sizeof docs2, "%s/docs2", folder.path);
    (void)snprintf(outside, sizeof outside, "%s/secret.txt", folder.path);
    cr_assert_eq(mkdirat(folder.fd, "docs", 0700), 0);
    cr_assert_eq(mkdirat(folder.fd, "docs/in", 0700), 0);
    cr_assert_eq(mkdirat(folder.fd, "docs2", 0700), 0);
    folder_write(folder.fd, "secret.txt", "secret");
    folder_write(folder.fd, "docs/a.txt", "text of a");
    folder_write(folder.fd, "docs/in/b c.txt", "text of b");
    folder_write(folder.fd, "docs2/d.txt", "text of d");
}

static void close_folder(void)
{
    folder_remove(&folder);
}

TestSuite(kb_file, .init = open_folder, .fini = close_folder);

#define FILE_SHOWN 512

/* "read TEXT", "remote", "held: WHY" or why it is refused. {D} in the uri is the folder. */
static const char *look(const char *const *roots, const char *uri, uint64_t most,
                        char shown[FILE_SHOWN])
{
    struct buf name = {0};
    struct buf text = {0};
    char problem[KB_FILE_PROBLEM] = "";
    for (; *uri; uri++) {
        if (strncmp(uri, "{D}", 3) == 0) {
            buf_str(&name, folder.path);
            uri += 2;
        } else {
            buf_byte(&name, (uint8_t)*uri);
        }
    }
    enum kb_file found = kb_file_read(roots, name.data, name.len, most, &text, problem);
    if (found == KB_FILE_READ)
        (void)snprintf(shown, FILE_SHOWN, "read %.*s", (int)text.len, (const char *)text.data);
    else
        (void)snprintf(shown, FILE_SHOWN, "%s%s", found == KB_FILE_FAILED ? "held: " : "",
                       found == KB_FILE_REMOTE ? "remote" : problem);
    cr_expect(found == KB_FILE_READ || text.len == 0, "%zu bytes stay", text.len);
    buf_free(&name);
    buf_free(&text);
    return shown;
}

struct look_row {
    const char *uri, *want;
};

static void expect_looks(const struct look_row *rows, size_t count)
{
    const char *const roots[] = {docs, docs2, NULL};
    for (size_t i = 0; i < count; i++) {
        char shown[FILE_SHOWN];
        cr_expect_str_eq(look(roots, rows[i].uri, 1000, shown), rows[i].want,
                         "%s\nwant: %s\n got: %s", rows[i].uri, rows[i].want, shown);
    }
}

#define OUTSIDE   "the file is outside the folders of knowledge.roots"
#define LEADS     "the file is outside its root (knowledge.roots): a link or .. leads out"
#define ODD       "the file is not a regular file"
#define BAD       "the file has a malformed uri"
#define NOT_THERE "the file can't be opened: No such file or directory"

Test(kb_file, uris)
{
    static const struct look_row rows[] = {
        {"{D}/docs/a.txt", "read text of a"},
        {"{D}/docs//in/./b c.txt", "read text of b"},
        {"{D}/docs/in/../a.txt", "read text of a"},
        {"file://{D}/docs/a.txt", "read text of a"},
        {"FILE://LocalHost{D}/docs/a.txt", "read text of a"},
        {"file:{D}/docs/a.txt", "read text of a"},
        {"file://{D}/docs/in/b%20c.txt", "read text of b"},
        {"file://{D}/docs%2fa%2Etxt", "read text of a"},
        {"{D}/docs/in/b%20c.txt", NOT_THERE}, /* a path is not decoded */
        {"{D}/docs2/d.txt", "read text of d"},
        {"{D}/docs/none.txt", NOT_THERE},
        {"{D}/docs/a.txt/x", "the file can't be opened: Not a directory"},
        {"file://{D}/docs/a%00.txt", BAD},
        {"file://{D}/docs/a%zz.txt", BAD},
        {"file://{D}/docs/a%2", BAD},
        /* not of this machine */
        {"file://example.org{D}/docs/a.txt", "remote"},
        {"file://localhost.example.org{D}/docs/a.txt", "remote"},
        {"file://", "remote"},
        {"file:a.txt", "remote"},
        {"https://example.org/a.txt", "remote"},
        {"s3://docs/a.txt", "remote"},
        {"a.txt", "remote"},
        /* not below a root, whatever it looks like */
        {"{D}/secret.txt", OUTSIDE},
        {"/etc/passwd", OUTSIDE},
        {"/", OUTSIDE},
        {"{D}/docs3/a.txt", OUTSIDE},
        {"{D}/doc", OUTSIDE},
        {"{D}/docs", OUTSIDE},
        {"{D}/docs/", OUTSIDE},
        {"{D}/docs/../secret.txt", LEADS},
        {"{D}/docs/in/../../secret.txt", LEADS},
        {"{D}/docs/../docs2/d.txt", LEADS},
        {"file://{D}/docs/%2e%2e/secret.txt", LEADS},
        {"{D}/docs/in", ODD},
        {"{D}/docs/.", ODD},
    };
    expect_looks(rows, COUNT(rows));
}

Test(kb_file, a_nul_ends_no_path)
{
    const char *const roots[] = {docs, NULL};
    char path[200];
    char problem[KB_FILE_PROBLEM] = "";
    struct buf text = {0};
    int len = snprintf(path, sizeof path, "%s/a.txt", docs);
    (void)snprintf(path + len + 1, sizeof path - (size_t)len - 1, "x");
    cr_expect_eq(kb_file_read(roots, path, (size_t)len + 2, 1000, &text, problem), KB_FILE_REFUSED);
    cr_expect_str_eq(problem, BAD, "got %s", problem);
    buf_free(&text);
}

Test(kb_file, links)
{
    static const struct look_row rows[] = {
        {"{D}/docs/inside", "read text of b"},
        {"{D}/docs/folder/b c.txt", "read text of b"},
        {"{D}/docs/up", "read text of a"},
        {"{D}/docs/in/up", LEADS},
        {"{D}/docs/absolute", LEADS},
        {"{D}/docs/relative", LEADS},
        {"{D}/docs/parent/secret.txt", LEADS},
        {"{D}/docs/home", LEADS}, /* absolute, though to a file of the same root */
        {"{D}/docs/magic", LEADS},
        {"{D}/docs/loop", "the file is behind a link that leads nowhere, or into /proc"},
        {"{D}/docs/broken", NOT_THERE},
    };
    char own[200];
    (void)snprintf(own, sizeof own, "%s/a.txt", docs);
    cr_assert_eq(symlinkat("in/b c.txt", folder.fd, "docs/inside"), 0);
    cr_assert_eq(symlinkat("in", folder.fd, "docs/folder"), 0);
    cr_assert_eq(symlinkat("in/../a.txt", folder.fd, "docs/up"), 0);
    cr_assert_eq(symlinkat("../../secret.txt", folder.fd, "docs/in/up"), 0);
    cr_assert_eq(symlinkat(outside, folder.fd, "docs/absolute"), 0);
    cr_assert_eq(symlinkat("../secret.txt", folder.fd, "docs/relative"), 0);
    cr_assert_eq(symlinkat("..", folder.fd, "docs/parent"), 0);
    cr_assert_eq(symlinkat(own, folder.fd, "docs/home"), 0);
    cr_assert_eq(symlinkat("/proc/self/exe", folder.fd, "docs/magic"), 0);
    cr_assert_eq(symlinkat("loop", folder.fd, "docs/loop"), 0);
    cr_assert_eq(symlinkat("none", folder.fd, "docs/broken"), 0);
    expect_looks(rows, COUNT(rows));
}

/* None of them may hold us up. */
Test(kb_file, odd_files)
{
    static const struct look_row rows[] = {
        {"{D}/docs/fifo", ODD},
        {"{D}/docs/socket", ODD},
        {"{D}/docs/null", ODD},
    };
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.64s/docs/socket", folder.path);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0, "bind: %m");
    cr_assert_eq(mkfifoat(folder.fd, "docs/fifo", 0600), 0);
    bool is_root = mknodat(folder.fd, "docs/null", S_IFCHR | 0600, makedev(1, 3)) == 0;
    expect_looks(rows, COUNT(rows) - !is_root);
    (void)close(fd);
}

Test(kb_file, sizes)
{
    const char *const roots[] = {docs, NULL};
    char shown[FILE_SHOWN];
    folder_write(folder.fd, "docs/empty.txt", "");
    cr_expect_str_eq(look(roots, "{D}/docs/a.txt", 9, shown), "read text of a", "got %s", shown);
    cr_expect_str_eq(look(roots, "{D}/docs/a.txt", 8, shown),
                     "the file is longer than limits.string, 8 B", "got %s", shown);
    cr_expect_str_eq(look(roots, "{D}/docs/empty.txt", 0, shown), "read ", "got %s", shown);
    /* files of /proc say that they are empty */
    const char *const proc[] = {"/proc", NULL};
    cr_expect_str_eq(look(proc, "/proc/version", 8, shown),
                     "the file is longer than limits.string, 8 B", "got %s", shown);
}

Test(kb_file, roots)
{
    char shown[FILE_SHOWN];
    char slashes[140];
    char in[140];
    char none[140];
    (void)snprintf(slashes, sizeof slashes, "%s///", docs);
    (void)snprintf(in, sizeof in, "%s/in", docs);
    (void)snprintf(none, sizeof none, "%s/none", folder.path);
    const struct {
        const char *roots[3];
        const char *uri, *want;
    } rows[] = {
        {{NULL}, "{D}/docs/a.txt", "remote"},
        {{slashes, NULL}, "{D}/docs/a.txt", "read text of a"},
        {{"/", NULL}, "{D}/docs/a.txt", "read text of a"},
        {{in, docs, NULL}, "{D}/docs/in/../a.txt", "read text of a"}, /* the second root has it */
        {{docs, in, NULL}, "{D}/docs/in/../a.txt", "read text of a"},
        {{in, NULL}, "{D}/docs/a.txt", OUTSIDE},
        {{none, NULL},
         "{D}/none/a.txt",
         "held: the file's root can't be opened (knowledge.roots): No such file or directory"},
        {{outside, NULL},
         "{D}/secret.txt/a",
         "held: the file's root can't be opened (knowledge.roots): Not a directory"},
        {{none, "/", NULL},
         "{D}/none/a.txt",
         "held: the file's root can't be opened (knowledge.roots): No such file or directory"},
        {{none, "/", NULL}, "{D}/docs/a.txt", "read text of a"},
        {{outside, NULL}, "{D}/secret.txt", OUTSIDE},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_str_eq(look(rows[i].roots, rows[i].uri, 1000, shown), rows[i].want,
                         "row %zu, %s\nwant: %s\n got: %s", i, rows[i].uri, rows[i].want, shown);
    cr_expect_eq(kb_file_read(NULL, "/a", 2, 1, NULL, shown), KB_FILE_REMOTE);
}

/* --- as a frame has them -----------------------------------------------------------------------
 */

#define SUM_OF_TEXT "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"

/* The text of an asset's own file is its document; what isn't text leaves the asset alone. */
Test(kb_file, assets)
{
    static const struct {
        const char *name, *bytes;
        const char *keys, *want; /* {D} is the folder */
    } rows[] = {
        {"n.md", "# H\n", "", "title H meta -"},
        {"n.html", "<title>x</title><p>y", "", "title x meta -"},
        {"n.txt", "# H\n", "", "title - meta -"},
        {"n.txt", "# H\n", ", 'format': 'markdown'", "title H meta -"},
        {"n.txt", "# H\n", ", 'mime': 'text/markdown'", "title H meta -"},
        {"README", "plain", "", "title - meta -"},
        {"n.txt", "# H\n", ", 'title': 'T'", "title T meta -"},
        {"n.txt", "caf\xe9", "", NULL},
        {"n.png", "text all the same", "", NULL},
        {"n.bin", "text all the same", ", 'format': 'text'", "title - meta -"},
        {"n.txt", "text", ", 'mime': 'application/octet-stream'", "title - meta -"},
        {"n.txt", "text", ", 'checksum': '" SUM_OF_TEXT "'", "title - meta -"},
        {"n.png", "an image", ", 'checksum': '" SUM_OF_TEXT "'", NULL}, /* nobody reads it */
    };
    const char *const roots[] = {docs, NULL};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct frames f;
        char json[400];
        char path[40];
        (void)snprintf(path, sizeof path, "docs/%s", rows[i].name);
        folder_write(folder.fd, path, rows[i].bytes);
        (void)snprintf(json, sizeof json, "[{'kind': 'asset', 'uri': '%s/%s'%s}]", docs,
                       rows[i].name, rows[i].keys);
        frames_open(&f);
        f.reader.roots = roots;
        f.reader.file_bytes = 1000;
        frames_read(&f, json);
        const char *got = frames_show(&f);
        cr_expect_eq(f.held.count, 1, "row %zu: got %s", i, got);
        cr_expect(rows[i].want ? strstr(got, rows[i].want) != NULL : !strstr(got, "title"),
                  "row %zu: want %s, got %s", i, rows[i].want ? rows[i].want : "no document", got);
        frames_close(&f);
    }
}

Test(kb_file, assets_that_are_refused)
{
    struct frames f;
    const char *const roots[] = {docs, NULL};
    frames_open(&f);
    f.reader.roots = roots;
    f.reader.file_bytes = 1000;
    frames_read(&f, "[{'kind': 'asset', 'uri': '/etc/passwd'},"
                    "{'kind': 'asset', 'uri': 'file:///etc/a.png'},"
                    "{'kind': 'asset', 'uri': '/etc/a.txt', 'text': 'it is here'}]");
    const char *got = frames_show(&f);
    cr_expect(strstr(got, "reject 0 uri: " OUTSIDE "\nreject 1 uri: " OUTSIDE "\n"), "got %s", got);
    cr_expect_eq(f.held.count, 1, "its text is in the frame: got %s", got);
    frames_close(&f);
}

/* No frame pays for a share that isn't mounted, or for descriptors that have run out. */
Test(kb_file, the_machine_is_to_blame)
{
    char none[PATH_MAX];
    char json[2 * PATH_MAX];
    (void)snprintf(none, sizeof none, "%s/none", folder.path);
    (void)snprintf(json, sizeof json, "[{'kind': 'asset', 'uri': '%s/a.txt'}]", none);
    const char *const roots[] = {none, NULL};
    struct frames f;
    frames_open(&f);
    f.reader.roots = roots;
    f.reader.file_bytes = 1000;
    frames_read(&f, json);
    cr_expect_eq(f.reader.failure.cls, ERR_SPOOL, "got %s", f.reader.failure.text);
    cr_expect(strstr(f.reader.failure.text, "/none/a.txt, the file's root can't be opened"),
              "got %s", f.reader.failure.text);
    frames_close(&f);

    const char *const good[] = {docs, NULL};
    char shown[FILE_SHOWN];
    struct rlimit was;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, was.rlim_max}), 0);
    (void)look(good, "{D}/docs/a.txt", 1000, shown);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    cr_expect_str_eq(
        shown, "held: the file's root can't be opened (knowledge.roots): Too many open files");
}

/* A file that isn't the one which its producer has seen. */
Test(kb_file, another_version)
{
    struct frames f;
    const char *const roots[] = {docs, NULL};
    char json[400];
    folder_write(folder.fd, "docs/v.txt", "text, but more of it");
    (void)snprintf(json, sizeof json,
                   "[{'kind': 'asset', 'uri': '%s/v.txt', 'checksum': 'sha256:" SUM_OF_TEXT "'}]",
                   docs);
    frames_open(&f);
    f.reader.roots = roots;
    f.reader.file_bytes = 1000;
    frames_read(&f, json);
    const char *got = frames_show(&f);
    cr_expect_str_eq(
        got,
        "reject 0 checksum: 367a1f59c8e7... is that of the file: it is another version; "
        "send the asset anew\n",
        "got %s", got);
    frames_close(&f);
}
