/* SPDX-License-Identifier: MIT */
#include "base/mdoc.h"

#include "bytes.h"

static void expect(const char *given, struct buf *got, const char *want)
{
    cr_expect_str_eq(buf_cstr(got), want, "given: %s\nwant: %s\n got: %s", given, want,
                     buf_cstr(got));
    buf_free(got);
}

Test(base_mdoc, text)
{
    static const struct {
        const char *text, *end, *want;
    } cases[] = {
        {"one, two", "", "one, two\n"},
        {"one, two", ".", "one, two.\n"},
        {"", ".", ""},
        {"One. Two", "", "One.\nTwo\n"},
        {"a a.b ... c", "", "a a.b ... c\n"},
        {".hidden isn't", "", "\\&.hidden isn't\n"},
        {"'quoted'", "", "\\&'quoted'\n"},
        {"a\\fBb", "", "a\\efBb\n"},
        {"`a-b 'c' \\`, d", "", "\\fBa\\-b \\(aqc\\(aq \\e\\fP, d\n"},
        {"a lone ` stays", "", "a lone ` stays\n"},
        {"see --dry-run, (--all) or well-known -- a dash", "",
         "see \\fB\\-\\-dry\\-run\\fP, (\\fB\\-\\-all\\fP) or well-known -- a dash\n"},
        {"123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 x", "",
         "123456789 123456789 123456789 123456789 123456789 123456789 123456789\n"
         "123456789 x\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        mdoc_text(&out, cases[i].text, cases[i].end);
        expect(cases[i].text, &out, cases[i].want);
    }
}

Test(base_mdoc, literal)
{
    struct buf out = {0};
    mdoc_literal(&out, "a-b 'c' `d` ^~ \"e\" \\n");
    expect("literal", &out, "a\\-b \\(aqc\\(aq \\(gad\\(ga \\(ha\\(ti \\(dqe\\(dq \\en");
}

Test(base_mdoc, help)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"one\ntwo\n\nthree\n", "one two\n.Pp\nthree\n"},
        {"one\n\n  .sh 'a'\n    b\n  c\n",
         "one\n.Bd -literal -offset indent\n\\&.sh \\(aqa\\(aq\n  b\nc\n.Ed\n"},
        {"hold      no batch\n          is claimed\nrelease   ends it\n\nafter\n",
         ".Bl -tag -width Ds\n.It Cm hold\nno batch is claimed\n.It Cm release\nends it\n.El\n"
         ".Pp\nafter\n"},
        {"a  b\nc\n", ".Bl -tag -width Ds\n.It Cm a\nb\n.El\n.Pp\nc\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        mdoc_help(&out, cases[i].text);
        expect(cases[i].text, &out, cases[i].want);
    }
}
