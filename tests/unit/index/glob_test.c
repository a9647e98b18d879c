/* SPDX-License-Identifier: MIT */
#include "index/glob.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"

struct row {
    const char *pattern, *path;
    bool is_folder, want;
};

static const struct row rows[] = {
    /* a name, wherever it stands */
    {"*.md", "a.md", false, true},
    {"*.md", "docs/en/a.md", false, true},
    {"*.md", "a.mdx", false, false},
    {"*.md", "docs.md/a.txt", false, true}, /* a folder of that name */
    {"node_modules", "web/node_modules/x/y.js", false, true},
    {"node_modules", "web/node_modules", true, true},
    {"node_modules", "web/node_modules_old/y.js", false, false},
    {"README", "README", false, true},
    {"README", "README.md", false, false},
    {"*", "a/b", false, true},
    /* from the top */
    {"/README", "README", false, true},
    {"/README", "docs/README", false, false},
    {"docs/en", "docs/en/a.md", false, true},
    {"docs/en", "docs/en", true, true},
    {"docs/en", "docs/english/a.md", false, false},
    {"docs/en", "old/docs/en/a.md", false, false},
    {"docs/*.md", "docs/a.md", false, true},
    {"docs/*.md", "docs/en/a.md", false, false}, /* a star stays within a name */
    {"docs/?.md", "docs/a.md", false, true},
    {"docs/?.md", "docs/ab.md", false, false},
    {"docs/?.md", "docs/\xc3\xa9.md", false, true}, /* a character, not a byte */
    {"docs/?.md", "docs/\xff.md", false, true},
    {"docs?en", "docs/en", false, false},
    /* any folders */
    {"docs/**/a.md", "docs/a.md", false, true},
    {"docs/**/a.md", "docs/x/y/a.md", false, true},
    {"docs/**/a.md", "docs/x/b.md", false, false},
    {"**/en/*.md", "en/a.md", false, true},
    {"**/en/*.md", "x/y/en/a.md", false, true},
    {"**/en/*.md", "x/en/y/a.md", false, false},
    {"docs/**", "docs/x/y", false, true},
    {"docs/**", "docs", false, false},
    {"**/a/**/b", "x/a/y/a/z/b", false, true},
    {"**/a/*/b", "a/x/a/y/b", false, true}, /* the second `a` is tried, too */
    {"a/**b", "a/x/b", false, false},       /* not alone between slashes: within a name */
    {"a/**b", "a/xb", false, true},
    /* folders only */
    {"build/", "build", false, false},
    {"build/", "build", true, true},
    {"build/", "build/x", false, true},
    {"build/", "src/build/x", false, true},
    {"src/build/", "src/build", false, false},
    {"src/build/", "src/build/x", false, true},
    /* classes */
    {"[a-c].h", "b.h", false, true},
    {"[a-c].h", "d.h", false, false},
    {"[!a-c].h", "d.h", false, true},
    {"[^a-c].h", "b.h", false, false},
    {"[]].h", "].h", false, true},
    {"[a-].h", "-.h", false, true},
    {"[a.h", "[a.h", false, true}, /* not closed: itself */
    {"[a.h", "a.h", false, false},
    {"x/[a/]b", "x/[a/]b", false, true}, /* a class doesn't reach over a slash */
    /* a backslash */
    {"\\*.md", "*.md", false, true},
    {"\\*.md", "a.md", false, false},
    {"a\\", "a\\", false, true},
    /* stars, gone back to */
    {"*a*b*c", "xaybzbc", false, true},
    {"*a*b*c", "xaybzb", false, false},
    {"**", "a", false, true},
    {"", "a", false, false},
};

Test(glob, matches)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        bool got = glob_matches(r->pattern, r->path, r->is_folder);
        cr_expect_eq(got, r->want, "`%s` against %s%s: want %d, got %d", r->pattern, r->path,
                     r->is_folder ? " (a folder)" : "", r->want, got);
    }
}

/* Would take ages if every star were tried against every place. */
Test(glob, many_stars_take_no_time)
{
    char path[4097] = "";
    char folders[4097] = "";
    memset(path, 'a', 4000);
    for (size_t i = 0; i < 2000; i++)
        memcpy(folders + 2 * i, "a/", 2);
    cr_expect_not(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path, false));
    cr_expect_not(glob_matches("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b", folders, false));
}
