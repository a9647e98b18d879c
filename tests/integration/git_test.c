/* SPDX-License-Identifier: MIT */
/* Two commits compared; the rows' repositories are made by their scripts, with git. */
#include "io/git.h"

#include <git2.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "bytes.h"
#include "folder.h"

/* What the scripts begin with: a repository here, and `commit`, which names them c1, c2, ... */
static const char prelude[] =
    "set -eu\n"
    "export GIT_CONFIG_NOSYSTEM=1 HOME=/nowhere GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org\n"
    "export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org\n"
    "n=0; commit() { n=$((n + 1)); git add -A; git commit -qm c --allow-empty; git tag c$n; }\n"
    "text() { seq -f \"a line of text that is long enough: $1 %g\" 40; }\n"
    "git init -q -b main .\n";

struct row {
    const char *label, *script;
    const char *before, *after; /* before NULL: nothing */
    struct gitrepo_rules rules;
    const char *want; /* "A path", "E path", "R path<before", "D path", "= path", each and "; " */
};

static const struct row rows[] = {
    {"all of a commit",
     "echo a >a; mkdir b; echo b >b/c; commit",
     NULL,
     "c1",
     {.most = 1000},
     "A a; A b/c; "},
    {"the same commit", "echo a >a; commit", "c1", "c1", {.most = 1000}, ""},
    {"added, edited, deleted",
     "echo a >a; echo b >b; commit; rm a; echo c >b; echo d >d; commit",
     "c1",
     "c2",
     {.most = 1000},
     "D a; E b; A d; "},
    {"backwards",
     "echo a >a; echo b >b; commit; rm a; echo c >b; echo d >d; commit",
     "c2",
     "c1",
     {.most = 1000},
     "A a; E b; D d; "},
    {"only the mode", "echo a >a; commit; chmod +x a; commit", "c1", "c2", {.most = 1000}, ""},
    {"the same ones, too",
     "echo a >a; echo b >b; commit; echo c >b; commit",
     "c1",
     "c2",
     {.most = 1000, .wants_same = true},
     "= a; E b; "},
    {"renamed",
     "text 1 >a; commit; mkdir x; git mv a x/a; commit",
     "c1",
     "c2",
     {.most = 10000},
     "R x/a<a; "},
    {"renamed and edited",
     "text 1 >a; commit; git mv a b; echo more >>b; commit",
     "c1",
     "c2",
     {.most = 10000},
     "R b<a; "},
    {"swapped: two edits",
     "text 1 >a; text 2 >b; commit; mv a c; mv b a; mv c b; commit",
     "c1",
     "c2",
     {.most = 10000},
     "E a; E b; "},
    {"copied: an addition",
     "text 1 >a; commit; cp a b; commit",
     "c1",
     "c2",
     {.most = 10000},
     "A b; "},
    {"moved, and another in its place",
     "text 1 >a; commit; git mv a b; echo new >a; commit",
     "c1",
     "c2",
     {.most = 10000},
     "E a; A b; "},
    {"too long to be read: the same bytes alone",
     "text 1 >a; text 2 >b; commit; git mv a x; git mv b y; echo more >>y; commit",
     "c1",
     "c2",
     {.most = 100},
     "D b; R x<a; A y; "},
    {"a file becomes a link",
     "echo a >a; commit; ln -sf b a; commit",
     "c1",
     "c2",
     {.most = 1000},
     "D a; A a (a symbolic link); "},
    {"a file becomes a folder",
     "echo a >a; commit; rm a; mkdir a; echo c >a/c; commit",
     "c1",
     "c2",
     {.most = 1000},
     "D a; A a/c; "},
    {"histories without a common commit",
     "echo a >a; commit; git checkout -q --orphan x; echo b >a; commit",
     "c1",
     "c2",
     {.most = 1000},
     "E a; "},
};

static void show_side(struct buf *out, const struct gitrepo_side *side)
{
    buf_str(out, side->path);
    if (side->kind != GITREPO_FILE)
        buf_printf(out, " (%s)", gitrepo_kind_name(side->kind));
}

static struct err show(void *context, const struct gitrepo_delta *delta)
{
    struct buf *out = context;
    buf_printf(out, "%c ", "=AERD"[delta->change]);
    show_side(out, delta->after.path ? &delta->after : &delta->before);
    if (delta->change == GITREPO_RENAMED) {
        buf_str(out, "<");
        show_side(out, &delta->before);
    }
    buf_str(out, "; ");
    return ERR_OK;
}

static void make(const struct row *row)
{
    struct buf script = {0};
    struct folder f = folder_make();
    cr_assert_eq(chdir(f.path), 0);
    buf_printf(&script, "%s%s\n", prelude, row->script);
    int status = system(buf_cstr(&script)); /* NOLINT(cert-env33-c) */
    cr_assert_eq(status, 0, "%s: the script ended with status %d", row->label, status);
    buf_free(&script);
    (void)close(f.fd);
}

static void remove_it(void)
{
    char path[64];
    cr_assert(getcwd(path, sizeof path));
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0, "%s: %m", path);
}

Test(git, compare)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        struct gitrepo repo = {0};
        struct buf got = {0};
        char before[GITREPO_ID] = "";
        char after[GITREPO_ID];
        make(r);
        EXPECT_OK(gitrepo_open(&repo, "."));
        if (r->before)
            EXPECT_OK(gitrepo_find_commit(&repo, r->before, before));
        EXPECT_OK(gitrepo_find_commit(&repo, r->after, after));
        EXPECT_OK(gitrepo_compare(&repo, r->before ? before : NULL, after, &r->rules, show, &got));
        cr_expect_str_eq(buf_cstr(&got), r->want, "%s: want %s, got %s", r->label, r->want,
                         buf_cstr(&got));
        buf_free(&got);
        gitrepo_close(&repo);
        remove_it();
    }
}

Test(git, histories)
{
    static const struct row row = {
        .label = "histories",
        .script =
            "commit; commit; git checkout -qb x c1; git commit -qm d --allow-empty; git tag d"};
    static const struct {
        const char *newer, *older;
        bool grew;
    } pairs[] = {{"c2", "c1", true}, {"c1", "c1", true}, {"c1", "c2", false}, {"d", "c2", false}};
    struct gitrepo repo = {0};
    bool found;
    make(&row);
    EXPECT_OK(gitrepo_open_if(&repo, ".", &found));
    cr_assert(found);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char newer[GITREPO_ID];
        char older[GITREPO_ID];
        bool grew;
        EXPECT_OK(gitrepo_find_commit(&repo, pairs[i].newer, newer));
        EXPECT_OK(gitrepo_find_commit(&repo, pairs[i].older, older));
        cr_expect(gitrepo_has_commit(&repo, newer));
        EXPECT_OK(gitrepo_grew_out_of(&repo, newer, older, &grew));
        cr_expect_eq(grew, pairs[i].grew, "%s out of %s: want %d, got %d", pairs[i].newer,
                     pairs[i].older, pairs[i].grew, grew);
    }
    cr_expect_not(gitrepo_has_commit(&repo, "0123456789012345678901234567890123456789"));
    cr_expect_not(gitrepo_has_commit(&repo, "nonsense"));
    char *folder = gitrepo_folder(&repo);
    char here[64];
    cr_expect_str_eq(folder, getcwd(here, sizeof here));
    free(folder);
    gitrepo_close(&repo);
    EXPECT_OK(gitrepo_open_if(&repo, "/", &found));
    cr_expect_not(found);
    remove_it();
}
