/* SPDX-License-Identifier: MIT */
/* Folders and repositories as people make them: each row's are made by its script, with git. */
#include "manifest/source.h"

#include <git2.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "bytes.h"
#include "folder.h"

/* libgit2 1.5 leaks a regular expression's match for each setting of a repository that uses
 * extensions, at every opening. make test-san would tell us each time. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) /* NOLINT(bugprone-reserved-identifier) */
{
    return "leak:libpcre2-8.so";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void) /* NOLINT(bugprone-reserved-identifier) */
{
    return "print_suppressions=0";
}

/* What the scripts begin with: `put FILE TEXT`, `repo DIR` and `commit DIR`. */
static const char prelude[] =
    "set -eu\n"
    "export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org\n"
    "export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org\n"
    "put() { mkdir -p \"$(dirname \"$1\")\"; printf %s \"$2\" >\"$1\"; }\n"
    "repo() { git init -q -b main \"$1\"; }\n"
    "commit() { git -C \"$1\" add -A; git -C \"$1\" commit -qm c --allow-empty; }\n"
    "head() { git -C \"$1\" rev-parse HEAD >want; }\n"
    "dirty() { echo \"$(git -C \"$1\" rev-parse HEAD)+dirty\" >want; }\n"
    /* a work tree `wt` with one commit, and what most rows start from */
    "plain() { repo wt; put wt/manifests/streams/a.yaml x; put wt/README r; commit wt; }\n"
    "bare() { plain; git -C wt tag -am t v1; put wt/manifests/streams/a.yaml y; commit wt;\n"
    "  git clone -q --bare wt bare.git; }\n";

struct row {
    const char *label, *script;
    const char *dir, *repo, *rev, *path; /* the configuration; NULL: its default */
    const char *rev_is;                  /* NULL: what the script wrote to the file `want` */
    const char *text;                    /* how the origin's text ends */
    const char *files;                   /* "path=text ..."; or, where rev_is is "", the failure */
};

static void run(const char *label, const char *script)
{
    struct buf command = {0};
    buf_str(&command, prelude);
    buf_str(&command, script);
    int status = system(buf_cstr(&command)); /* NOLINT(cert-env33-c) */
    cr_assert_eq(status, 0, "%s: the script ended with status %d", label, status);
    buf_free(&command);
}

static void show_files(const struct manifest_files *files, struct buf *out)
{
    for (size_t i = 0; i < files->count; i++)
        buf_printf(out, "%s%s=%.40s", i > 0 ? " " : "", files->items[i].path, files->items[i].text);
}

static void expect_origin(const struct row *row, const struct manifest_files *files,
                          const struct manifest_origin *origin)
{
    char want[128] = "";
    struct buf got = {0};
    if (row->rev_is) {
        (void)strcpy(want, row->rev_is);
    } else {
        FILE *f = fopen("want", "r");
        cr_assert(f && fgets(want, sizeof want, f), "%s: no file want", row->label);
        (void)fclose(f);
        want[strcspn(want, "\n")] = '\0';
    }
    cr_expect_str_eq(origin->rev, want, "%s: want rev %s, got %s", row->label, want, origin->rev);
    size_t n = strlen(row->text);
    size_t len = strlen(origin->text);
    cr_expect(len >= n && strcmp(origin->text + len - n, row->text) == 0 && *origin->text == '/',
              "%s: want a text that ends in %s, got %s", row->label, row->text, origin->text);
    show_files(files, &got);
    cr_expect_str_eq(buf_cstr(&got), row->files, "%s: want %s, got %s", row->label, row->files,
                     buf_cstr(&got));
    buf_free(&got);
}

static void set(struct config *c, const char *path, const char *value)
{
    if (value)
        EXPECT_OK(config_set(c, path, value));
}

static void expect_failure(const struct row *row, const struct err *e, const struct yaml_diag *diag)
{
    struct buf got = {0};
    yaml_diag_print(diag, &got);
    buf_printf(&got, "%s: %s", err_class_name(e->cls), e->text);
    cr_expect(strstr(buf_cstr(&got), row->files), "%s: want ...%s..., got %s", row->label,
              row->files, buf_cstr(&got));
    cr_expect(e->cls == ERR_CONFIG || diag->errors > 0, "%s: want a failure, got %s", row->label,
              buf_cstr(&got));
    buf_free(&got);
}

static void expect_row(const struct row *row)
{
    struct config config;
    struct manifest_files files = {0};
    struct manifest_origin origin = {0};
    struct yaml_diag diag = {0};
    config_init(&config);
    set(&config, "manifests", row->dir);
    set(&config, "manifests.repo", row->repo);
    set(&config, "manifests.rev", row->rev);
    set(&config, "manifests.path", row->path);
    run(row->label, row->script);
    struct err e = manifest_read(&config, &files, &origin, &diag);
    if (row->rev_is && !*row->rev_is) {
        expect_failure(row, &e, &diag);
    } else {
        cr_expect(!err_is(&e) && diag.errors == 0, "%s: %s", row->label,
                  diag.errors > 0 ? diag.items[0].message : e.text);
        if (!err_is(&e))
            expect_origin(row, &files, &origin);
    }
    manifest_files_free(&files);
    manifest_origin_free(&origin);
    yaml_diag_free(&diag);
    config_free(&config);
}

/* A home for git and, since Criterion has started libgit2 before us, for it apart. */
static struct folder begin(void)
{
    static const git_config_level_t none[] = {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG};
    struct folder f = folder_make();
    char home[128];
    (void)snprintf(home, sizeof home, "%s/home", f.path);
    cr_assert_eq(mkdirat(f.fd, "home", 0755), 0, "%m");
    cr_assert_eq(setenv("HOME", home, 1), 0);
    (void)unsetenv("XDG_CONFIG_HOME");
    (void)unsetenv("SUDO_UID");
    cr_assert_geq(git_libgit2_init(), 0);
    cr_assert_eq(git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, home), 0);
    for (size_t i = 0; i < COUNT(none); i++)
        cr_assert_eq(git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, none[i], "/nowhere"), 0);
    return f;
}

static void expect_rows(const struct row *rows, size_t count)
{
    struct folder f = begin();
    for (size_t i = 0; i < count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "row%zu", i);
        cr_assert_eq(mkdirat(f.fd, name, 0755), 0, "%m");
        cr_assert(fchdir(f.fd) == 0 && chdir(name) == 0, "%m");
        expect_row(&rows[i]);
    }
    cr_assert_eq(chdir("/"), 0);
    folder_remove(&f);
}

#define FAILS ""

/* SHA-256 of path, NUL, the length in 8 bytes, text; for each file. */
#define HASH_ONE                                                                               \
    "printf 'streams/a.yaml\\0\\0\\0\\0\\0\\0\\0\\0\\1x' | sha256sum | sed 's/^/sha256:/; s/ " \
    ".*//'"                                                                                    \
    " >want"

Test(source, folders)
{
    static const struct row rows[] = {
        {"clean", "plain; head wt", .dir = "wt/manifests", .text = "/wt/manifests",
         .files = "streams/a.yaml=x"},
        {"clean, slash at the end", "plain; head wt", .dir = "wt/manifests/",
         .text = "/wt/manifests", .files = "streams/a.yaml=x"},
        {"all three folders, sorted",
         "repo wt; put wt/m/sinks/s.yml 1; put wt/m/streams/b.yaml 2; put wt/m/streams/a.yaml 3;"
         "put wt/m/gates/g.yaml 4; commit wt; head wt",
         .dir = "wt/m", .text = "/wt/m",
         .files = "gates/g.yaml=4 sinks/s.yml=1 streams/a.yaml=3 streams/b.yaml=2"},
        {"templates are part of it, and have names of their own",
         "plain; put wt/manifests/templates/t.tmpl 1; put wt/manifests/templates/b.yaml 2;"
         "put wt/manifests/streams/c.tmpl 3; commit wt; head wt",
         .dir = "wt/manifests", .text = "/wt/manifests",
         .files = "streams/a.yaml=x templates/t.tmpl=1"},
        {"a template is edited",
         "plain; put wt/manifests/templates/t.tmpl 1; commit wt;"
         "put wt/manifests/templates/t.tmpl 2; dirty wt",
         .dir = "wt/manifests", .text = "/wt/manifests",
         .files = "streams/a.yaml=x templates/t.tmpl=2"},
        {"edited", "plain; put wt/manifests/streams/a.yaml y; dirty wt", .dir = "wt/manifests",
         .text = "/wt/manifests", .files = "streams/a.yaml=y"},
        {"staged", "plain; put wt/manifests/streams/a.yaml y; git -C wt add -A; dirty wt",
         .dir = "wt/manifests", .text = "/wt/manifests", .files = "streams/a.yaml=y"},
        {"one more, untracked", "plain; put wt/manifests/gates/g.yaml y; dirty wt",
         .dir = "wt/manifests", .text = "/wt/manifests",
         .files = "gates/g.yaml=y streams/a.yaml=x"},
        {"one less",
         "plain; put wt/manifests/streams/b.yaml b; commit wt; rm wt/manifests/streams/b.yaml;"
         "dirty wt",
         .dir = "wt/manifests", .text = "/wt/manifests", .files = "streams/a.yaml=x"},
        {"renamed",
         "plain; git -C wt mv manifests/streams/a.yaml manifests/streams/b.yaml; dirty wt",
         .dir = "wt/manifests", .text = "/wt/manifests", .files = "streams/b.yaml=x"},
        {"a committed link is no file",
         "repo wt; put wt/a x; mkdir -p wt/m/streams; ln -s ../../a wt/m/streams/a.yaml; commit wt;"
         "dirty wt",
         .dir = "wt/m", .text = "/wt/m", .files = "streams/a.yaml=x"},
        {"a committed link, now a file of its target's name",
         "repo wt; mkdir -p wt/m/streams; ln -s b wt/m/streams/a.yaml; commit wt;"
         "rm wt/m/streams/a.yaml; put wt/m/streams/a.yaml b; dirty wt",
         .dir = "wt/m", .text = "/wt/m", .files = "streams/a.yaml=b"},
        {"changes beside the manifests don't count",
         "plain; put wt/README s; put wt/manifests/README s; put wt/manifests/streams/.a.yaml 1;"
         "put wt/manifests/streams/a.yaml~ 1; put wt/manifests/streams/sub/b.yaml 1; head wt",
         .dir = "wt/manifests", .text = "/wt/manifests", .files = "streams/a.yaml=x"},
        {"the work tree's top", "repo wt; put wt/streams/a.yaml x; commit wt; head wt", .dir = "wt",
         .text = "/wt", .files = "streams/a.yaml=x"},
        {"through a link", "plain; ln -s wt/manifests m; head wt", .dir = "m",
         .text = "/wt/manifests", .files = "streams/a.yaml=x"},
        {"detached HEAD", "plain; git -C wt checkout -q --detach; put wt/b b; commit wt; head wt",
         .dir = "wt/manifests", .text = "/wt/manifests", .files = "streams/a.yaml=x"},
        {"a linked work tree",
         "plain; git -C wt worktree add -q -b other ../two; put two/manifests/streams/a.yaml z;"
         "commit two; head two",
         .dir = "two/manifests", .text = "/two/manifests", .files = "streams/a.yaml=z"},
        {"no repository", "put m/streams/a.yaml x;" HASH_ONE, .dir = "m", .text = "/m",
         .files = "streams/a.yaml=x"},
        {"nothing committed", "repo wt; put wt/m/streams/a.yaml x;" HASH_ONE, .dir = "wt/m",
         .text = "/wt/m", .files = "streams/a.yaml=x"},
        {"not in the commit", "plain; put wt/m/streams/a.yaml x;" HASH_ONE, .dir = "wt/m",
         .text = "/wt/m", .files = "streams/a.yaml=x"},
        {"inside a bare repository",
         "git init -q --bare bare.git; put bare.git/m/streams/a.yaml x;" HASH_ONE,
         .dir = "bare.git/m", .text = "/bare.git/m", .files = "streams/a.yaml=x"},
        {"a repository of the future",
         "plain; git -C wt config core.repositoryformatversion 1;"
         "git -C wt config extensions.future 1;" HASH_ONE,
         .dir = "wt/manifests", .text = "/wt/manifests", .files = "streams/a.yaml=x"},
    };
    expect_rows(rows, COUNT(rows));
}

Test(source, folders_that_cannot_be_read)
{
    static const struct row rows[] = {
        {"no folder", "true", .dir = "m", .rev_is = FAILS,
         .files = "there is no folder m for manifests; make it"},
        {"a file", "put m x", .dir = "m", .rev_is = FAILS,
         .files = "can't list m: Not a directory"},
        {"empty", "mkdir m", .dir = "m", .rev_is = FAILS,
         .files = "m has none of streams/, gates/, sinks/ and embedders/; make them"},
        {"templates alone", "put m/templates/t.tmpl x", .dir = "m", .rev_is = FAILS,
         .files = "m has none of streams/, gates/, sinks/ and embedders/; make them"},
        {"streams is a file", "mkdir m; put m/streams x", .dir = "m", .rev_is = FAILS,
         .files = "streams/: can't be listed: Not a directory"},
        {"outside the folders", "put m/streams/b.yaml x; put m/a.yaml x", .dir = "m",
         .rev_is = FAILS,
         .files = "a.yaml: it is in none of streams/, gates/, sinks/ and embedders/; move it"},
        {"a FIFO", "mkdir -p m/streams; mkfifo m/streams/a.yaml", .dir = "m", .rev_is = FAILS,
         .files = "streams/a.yaml: it is no regular file"},
        {"a folder with a manifest's name", "mkdir -p m/gates/a.yaml", .dir = "m", .rev_is = FAILS,
         .files = "gates/a.yaml: it is a folder"},
        {"a link to nothing", "mkdir -p m/sinks; ln -s b m/sinks/a.yaml", .dir = "m",
         .rev_is = FAILS, .files = "sinks/a.yaml: can't be opened: No such file or directory"},
        {"a device", "mkdir -p m/sinks; ln -s /dev/zero m/sinks/a.yaml", .dir = "m",
         .rev_is = FAILS, .files = "sinks/a.yaml: it is no regular file"},
        {"huge", "mkdir -p m/streams; truncate -s 1G m/streams/a.yaml", .dir = "m", .rev_is = FAILS,
         .files = "streams/a.yaml: larger than 1 MiB"},
        {"says that it is empty", "mkdir -p m/streams; ln -s /proc/kallsyms m/streams/a.yaml",
         .dir = "m", .rev_is = FAILS, .files = "streams/a.yaml: larger than 1 MiB"},
        {"control characters in its name", "put \"m/streams/a$(printf '\\033[31m').yaml\" x",
         .dir = "m", .rev_is = FAILS,
         .files = "streams/a?[31m.yaml: the file's name is not plain text; rename it"},
        {"a link to itself", "mkdir -p m/streams; ln -s a.yaml m/streams/a.yaml", .dir = "m",
         .rev_is = FAILS, .files = "streams/a.yaml: can't be opened: Too many levels"},
        {"17 MiB in all",
         "mkdir -p m/streams; for i in $(seq 17); do truncate -s 1M m/streams/$i.yaml; done",
         .dir = "m", .rev_is = FAILS, .files = "the manifests are larger than 16 MiB in all"},
        {"neither of both", "true", .rev = "main", .rev_is = FAILS,
         .files = "name it with `manifests.repo`"},
    };
    expect_rows(rows, COUNT(rows));
}

Test(source, repositories)
{
    static const struct row rows[] = {
        {"bare, HEAD", "bare; head wt", .repo = "bare.git", .text = "/bare.git at HEAD",
         .files = "streams/a.yaml=y"},
        {"bare, a branch", "bare; head wt", .repo = "bare.git", .rev = "main",
         .text = "/bare.git at main", .files = "streams/a.yaml=y"},
        {"bare, an annotated tag", "bare; git -C wt rev-parse HEAD~1 >want", .repo = "bare.git",
         .rev = "v1", .text = "/bare.git at v1", .files = "streams/a.yaml=x"},
        {"bare, an expression", "bare; git -C wt rev-parse HEAD~1 >want", .repo = "bare.git",
         .rev = "main~1", .text = "/bare.git at main~1", .files = "streams/a.yaml=x"},
        {"packed", "bare; git -C bare.git gc -q; head wt", .repo = "bare.git", .rev = "main",
         .text = "/bare.git at main", .files = "streams/a.yaml=y"},
        {"not bare: what is committed, not what lies there",
         "plain; put wt/manifests/streams/a.yaml y; put wt/manifests/streams/b.yaml y; head wt",
         .repo = "wt", .rev = "main", .text = "/wt at main", .files = "streams/a.yaml=x"},
        {"as it was committed: no filter",
         "plain; git -C wt config core.safecrlf false; git -C wt config filter.f.smudge false;"
         "put wt/.gitattributes '* eol=crlf filter=f'; printf 'x\\n' >wt/manifests/streams/a.yaml; "
         "commit wt; head wt",
         .repo = "wt", .text = "/wt at HEAD", .files = "streams/a.yaml=x\n"},
        {"templates",
         "plain; put wt/manifests/templates/t.tmpl 1; put wt/manifests/templates/t.yaml 2;"
         "put wt/manifests/templates/sub/u.tmpl 3; commit wt; head wt",
         .repo = "wt", .text = "/wt at HEAD", .files = "streams/a.yaml=x templates/t.tmpl=1"},
        {"three folders",
         "repo wt; put wt/manifests/sinks/s.yaml 1; put wt/manifests/streams/b.yml 2;"
         "put wt/manifests/gates/g.yaml 3; put wt/manifests/streams/.h.yaml 4;"
         "put wt/manifests/streams/sub/x.yaml 5; put wt/manifests/README 6; commit wt; head wt",
         .repo = "wt", .text = "/wt at HEAD",
         .files = "gates/g.yaml=3 sinks/s.yaml=1 streams/b.yml=2"},
        {"another path", "repo wt; put wt/a/b/streams/a.yaml x; commit wt; head wt", .repo = "wt",
         .path = "./a/b/", .text = "/wt at HEAD", .files = "streams/a.yaml=x"},
        {"the top", "repo wt; put wt/streams/a.yaml x; commit wt; head wt", .repo = "wt",
         .path = ".", .text = "/wt at HEAD", .files = "streams/a.yaml=x"},
        {"the top, as nothing", "repo wt; put wt/streams/a.yaml x; commit wt; head wt",
         .repo = "wt", .path = "", .text = "/wt at HEAD", .files = "streams/a.yaml=x"},
    };
    expect_rows(rows, COUNT(rows));
}

/* Entries that no work tree need hold: made in the index. */
#define ENTRY(mode, id, path) \
    "git -C wt update-index --add --cacheinfo " mode "," id "," path "; git -C wt commit -qm i;"

Test(source, repositories_that_cannot_be_read)
{
    static const struct row rows[] = {
        {"no repository", "mkdir wt", .repo = "wt", .rev_is = FAILS,
         .files = "there is no git repository at wt that we can read"},
        {"a folder in a work tree", "plain", .repo = "wt/manifests", .rev_is = FAILS,
         .files = "there is no git repository at wt/manifests"},
        {"nothing committed", "git init -q --bare bare.git", .repo = "bare.git", .rev_is = FAILS,
         .files = "git repository bare.git: nothing was committed to it yet"},
        {"objects, but no commit",
         "git init -q --bare bare.git; echo x | git -C bare.git hash-object -w --stdin >id",
         .repo = "bare.git", .rev = "main", .rev_is = FAILS,
         .files = "git repository bare.git: nothing was committed to it yet"},
        {"the only branch was deleted",
         "plain; git clone -q --bare wt bare.git; git -C bare.git update-ref -d refs/heads/main",
         .repo = "bare.git", .rev = "main", .rev_is = FAILS,
         .files = "`main` is no branch, tag or commit there; it has no branch and no tag"},
        {"the only branch was deleted, packed",
         "plain; git clone -q --bare wt bare.git; git -C bare.git gc -q;"
         "git -C bare.git update-ref -d refs/heads/main",
         .repo = "bare.git", .rev_is = FAILS,
         .files = "`HEAD` is no branch, tag or commit there; it has no branch and no tag"},
        {"the only branch was deleted, HEAD is detached",
         "plain; git -C wt checkout -q --detach; git -C wt branch -qD main", .repo = "wt",
         .rev = "main", .rev_is = FAILS,
         .files = "`main` is no branch, tag or commit there; it has no branch and no tag"},
        {"no such revision", "bare", .repo = "bare.git", .rev = "mian", .rev_is = FAILS,
         .files = "git repository bare.git: `mian` is no branch, tag or commit there; it has "
                  "main, v1"},
        {"HEAD names no branch that is there",
         "bare; git -C bare.git symbolic-ref HEAD refs/heads/trunk", .repo = "bare.git",
         .rev_is = FAILS, .files = "`HEAD` is no branch, tag or commit there; it has main, v1"},
        {"many branches", "plain; for i in $(seq 10); do git -C wt branch b$i; done", .repo = "wt",
         .rev = "c", .rev_is = FAILS, .files = " and 3 more"},
        {"no revision at all", "plain", .repo = "wt", .rev = "main^{", .rev_is = FAILS,
         .files = "git repository wt: can't understand the revision"},
        {"an empty revision", "plain", .repo = "wt", .rev = "", .rev_is = FAILS,
         .files = "git repository wt: "},
        {"not a commit", "plain", .repo = "wt", .rev = "main:manifests", .rev_is = FAILS,
         .files = "`main:manifests` is a tree, not a commit"},
        {"manifests at the top", "repo wt; put wt/streams/a.yaml x; commit wt", .repo = "wt",
         .rev_is = FAILS, .files = "its top has streams/: set `manifests.path` to `.`"},
        {"no such path", "plain", .repo = "wt", .path = "config", .rev_is = FAILS,
         .files = "git repository wt: config/ at "},
        {"a path that is a file", "plain", .repo = "wt", .path = "README", .rev_is = FAILS,
         .files = "has none of streams/, gates/, sinks/ and embedders/; set `manifests.path`"},
        {"a path upwards", "plain", .repo = "wt", .path = "../wt/manifests", .rev_is = FAILS,
         .files = "has none of streams/"},
        {"nothing at the top", "plain", .repo = "wt", .path = ".", .rev_is = FAILS,
         .files = "its top at "},
        {"outside the folders", "plain; put wt/manifests/b.yaml x; commit wt", .repo = "wt",
         .rev_is = FAILS,
         .files = "manifests/b.yaml is in none of streams/, gates/, sinks/ and embedders/"},
        {"a link", "plain; ln -s a.yaml wt/manifests/streams/b.yaml; commit wt", .repo = "wt",
         .rev_is = FAILS, .files = "streams/b.yaml is a symbolic link, not a file"},
        {"a submodule",
         "plain;" ENTRY("160000", "$(git -C wt rev-parse HEAD)", "manifests/gates/m.yaml"),
         .repo = "wt", .rev_is = FAILS, .files = "gates/m.yaml is a submodule, not a file"},
        {"a folder with a manifest's name", "plain; put wt/manifests/sinks/s.yaml/x x; commit wt",
         .repo = "wt", .rev_is = FAILS, .files = "sinks/s.yaml is a folder, not a file"},
        {"a folder that is a link", "plain; ln -s streams wt/manifests/gates; commit wt",
         .repo = "wt", .rev_is = FAILS,
         .files = "manifests/gates is a symbolic link, not a folder"},
        {"huge", "plain; truncate -s 20M wt/manifests/streams/h.yaml; commit wt", .repo = "wt",
         .rev_is = FAILS, .files = "git repository wt: streams/h.yaml: larger than 1 MiB"},
        {"17 MiB in all",
         "plain; for i in $(seq 17); do truncate -s 1M wt/manifests/streams/$i.yaml; done;"
         "commit wt",
         .repo = "wt", .rev_is = FAILS, .files = "the manifests are larger than 16 MiB in all"},
        {"an object is lost",
         "plain; rm wt/.git/objects/$(git -C wt rev-parse HEAD:manifests/streams/a.yaml |"
         "sed 's|..|&/|')",
         .repo = "wt", .rev_is = FAILS, .files = "git repository wt: can't read an object: "},
    };
    expect_rows(rows, COUNT(rows));
}

/* Somebody else's repository: refused with the way to allow it, and that way works. Only root can
 * give files away. */
Test(source, foreign_owner)
{
    static const struct {
        const char *label, *script, *dir, *repo, *trust;
    } rows[] = {
        {"a work tree", "plain; head wt; chown -R nobody wt", "wt/manifests", NULL, "wt"},
        {"only its .git", "plain; head wt; chown -R nobody wt/.git", "wt/manifests", NULL, "wt"},
        {"a bare repository", "bare; head wt; chown -R nobody bare.git", NULL, "bare.git",
         "bare.git"},
        {"a bare one in a work tree", "bare; head wt; mv bare.git wt; chown -R nobody wt/bare.git",
         NULL, "wt/bare.git", "wt/bare.git"},
        {"a work tree as the source", "plain; head wt; chown -R nobody wt", NULL, "wt", "wt"},
        {"a linked work tree",
         "plain; git -C wt worktree add -q ../two; head two; chown -R nobody two", "two/manifests",
         NULL, "two"},
    };
    static const char config_name[] = "home/.gitconfig";
    if (geteuid() != 0)
        cr_skip("only root can give a repository away");
    struct folder f = begin();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[32];
        char path[128];
        char part[256];
        char allow[256];
        (void)snprintf(name, sizeof name, "row%zu", i);
        cr_assert_eq(mkdirat(f.fd, name, 0755), 0, "%m");
        cr_assert(fchdir(f.fd) == 0 && chdir(name) == 0, "%m");
        (void)snprintf(path, sizeof path, "%s/%s/%s", f.path, name, rows[i].trust);
        (void)snprintf(part, sizeof part, "--add safe.directory %s` as our user", path);
        struct row row = {.label = rows[i].label,
                          .script = rows[i].script,
                          .dir = rows[i].dir,
                          .repo = rows[i].repo,
                          .rev_is = FAILS,
                          .files = part};
        expect_row(&row);

        /* libgit2 1.5 answers differently once there is a safe.directory at all. */
        row.script = "git config --global --add safe.directory /elsewhere";
        expect_row(&row);

        (void)snprintf(allow, sizeof allow, "git config --global --add safe.directory %s", path);
        row.script = allow;
        row.rev_is = NULL;
        row.text = rows[i].repo ? " at HEAD" : "/manifests";
        row.files = strstr(rows[i].script, "bare;") ? "streams/a.yaml=y" : "streams/a.yaml=x";
        expect_row(&row);
        cr_assert_eq(unlinkat(f.fd, config_name, 0), 0, "%m");
    }
    cr_assert_eq(chdir("/"), 0);
    folder_remove(&f);
}

/* One that can't be read keeps no other from being read. */
Test(source, what_is_passed_over)
{
    static const char want[] =
        "gates/: can't be listed: Not a directory\n"
        "streams/b.YAML: warning: not read: a manifest's name ends in .yaml or .yml; rename it\n"
        "streams/c.json: warning: not read: a manifest's name ends in .yaml or .yml; rename it\n"
        "streams/d.yaml: it is no regular file; only files are read here\n"
        "streams/linked: warning: not read: it is a folder in a folder; move its files up\n"
        "streams/sub?: warning: not read: it is a folder in a folder; move its files up\n"
        "x.yaml: it is in none of streams/, gates/, sinks/ and embedders/; move it there, or give "
        "the "
        "manifests "
        "a folder of their own\n";
    struct folder f = begin();
    struct manifest_files files = {0};
    struct yaml_diag diag = {0};
    struct buf got = {0};
    cr_assert_eq(fchdir(f.fd), 0, "%m");
    run("passed over",
        "put m/streams/a.yaml 1; put m/streams/b.YAML 2; put m/streams/c.json 3;"
        "mkfifo m/streams/d.yaml; put m/streams/e.yml 5; put m/x.yaml 6; put m/gates 7;"
        "put \"m/streams/sub$(printf '\\001')/f.yaml\" 8; ln -s ../../other m/streams/linked;"
        "put other/a.yml 9; put m/sinks/s.yaml 10;"
        "put m/streams/.h.YAML 0; put m/streams/.h/a.yaml 0; put m/streams/README.md 0;"
        "put m/streams/a.yaml~ 0; put m/streams/.#a.yaml 0; put m/streams/#a.yaml# 0;"
        "put m/streams/.a.yaml.swp 0; put m/streams/docs/README 0; mkfifo m/streams/fifo;"
        "ln -s nowhere m/streams/dangling; mkdir m/streams/empty");
    EXPECT_OK(manifest_read_dir("m", &files, &diag));
    yaml_diag_sort(&diag);
    yaml_diag_print(&diag, &got);
    cr_expect_str_eq(buf_cstr(&got), want, "want %s got %s", want, buf_cstr(&got));
    cr_expect_eq(diag.errors, 3, "want 3 errors, got %zu", diag.errors);
    buf_clear(&got);
    show_files(&files, &got);
    cr_expect_str_eq(buf_cstr(&got), "sinks/s.yaml=10 streams/a.yaml=1 streams/e.yml=5", "got %s",
                     buf_cstr(&got));
    buf_free(&got);
    yaml_diag_free(&diag);
    manifest_files_free(&files);
    cr_assert_eq(chdir("/"), 0);
    folder_remove(&f);
}

Test(source, nothing_configured)
{
    struct config config;
    struct yaml_diag diag = {0};
    struct manifest_files files = {0};
    struct manifest_origin origin;
    config_init(&config);
    EXPECT_OK(manifest_read(&config, &files, &origin, &diag));
    cr_expect(files.count == 0 && diag.count == 0);
    cr_expect_str_eq(origin.rev, "");
    cr_expect_str_eq(origin.text, "shipped with spoolgate");
    manifest_origin_free(&origin);
    config_free(&config);
}
