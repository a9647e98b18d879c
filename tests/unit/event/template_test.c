/* SPDX-License-Identifier: MIT */
#include "event/template.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BRACES "; {{{x}}} stands for a whole value, {{x}} only for text between quotes"

/* One template, what it is given, what it has to come to. */
struct row {
    const char *text;
    const char *data;
    const char *want;
};

/* Partials for a test: path, text, path, text, ..., NULL. */
static struct err read_list(void *context, const char *path, struct buf *text)
{
    for (const char *const *p = context; *p; p += 2)
        if (strcmp(p[0], path) == 0)
            buf_str(text, p[1]);
    return ERR_OK;
}

static struct err render(const char *name, const char *text, const char *data,
                         const char *const *partials, struct buf *out)
{
    const struct template_env env = {.read = partials ? read_list : NULL,
                                     .context = (void *)partials};
    struct template *t = NULL;
    json_error_t error;
    json_t *value = json_loads(data, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    cr_assert(value, "test data %s: %s", data, error.text);
    struct err e = template_compile(name, text, strlen(text), &t);
    if (!err_is(&e))
        e = template_render(t, value, &env, out);
    template_free(t);
    json_decref(value);
    return e;
}

static void expect_rows(const char *name, const struct row *rows, size_t count,
                        const char *const *partials)
{
    for (size_t i = 0; i < count; i++) {
        struct buf out = {0};
        struct err e = render(name, rows[i].text, rows[i].data, partials, &out);
        const char *got = err_is(&e) ? e.text : buf_cstr(&out);
        cr_expect_str_eq(got, rows[i].want, "template: %s\ndata: %s\nwant: %s\n got: %s",
                         rows[i].text, rows[i].data, rows[i].want, got);
        buf_free(&out);
    }
}

#define EXPECT_ROWS(name, rows, partials) \
    expect_rows(name, rows, sizeof rows / sizeof *rows, partials)

Test(event_template, interpolation)
{
    static const struct row rows[] = {
        {"", "{}", ""},
        {"no tags } } { {\n", "{}", "no tags } } { {\n"},
        {"Gate {{gate}} is open.", "{\"gate\":\"north\"}", "Gate north is open."},
        {"{{ gate }}|{{\tgate\n}}|{{gate}}", "{\"gate\":\"n\"}", "n|n|n"},
        {"{{x}}", "{\"x\":\"<a href=\\\"b\\\">'&amp;\"}",
         "&lt;a href=&quot;b&quot;&gt;&#39;&amp;amp;"},
        {"{{{x}}} {{&x}} {{& x }} {{{ x }}}", "{\"x\":\"<&\\\">\"}", "<&\"> <&\"> <&\"> <&\">"},
        /* numbers keep their looks */
        {"{{n}} {{{n}}} {{&n}}", "{\"n\":85}", "85 85 85"},
        {"{{a}} {{b}} {{c}} {{d}}", "{\"a\":1.21,\"b\":0.1,\"c\":2.0,\"d\":-1e-7}",
         "1.21 0.1 2.0 -1e-07"},
        {"{{n}}", "{\"n\":9223372036854775807}", "9223372036854775807"},
        {"{{n}}", "{\"n\":0.30000000000000004}", "0.30000000000000004"},
        {"{{t}}/{{f}}/{{z}}", "{\"t\":true,\"f\":false,\"z\":0}", "true/false/0"},
        /* nothing there: nothing shown */
        {"({{x}}) ({{{x}}}) ({{&x}})", "{}", "() () ()"},
        {"({{x}}) ({{{x}}}) ({{&x}})", "{\"x\":null}", "() () ()"},
        {"({{x}})", "\"not an object\"", "()"},
        {"({{x}})", "[{\"x\":1}]", "()"},
        /* objects and lists */
        {"{{{x}}}", "{\"x\":{\"b\":[1,\"<\"],\"a\":null}}", "{\"b\":[1,\"<\"],\"a\":null}"},
        {"{{x}}", "{\"x\":[\"<\"]}", "[&quot;&lt;&quot;]"},
        /* white space around a value stays, its line too */
        {"| {{x}} |", "{\"x\":\"y\"}", "| y |"},
        {"  {{x}}\n", "{\"x\":\"y\"}", "  y\n"},
        {"  {{{x}}}\n  {{&x}}\n", "{\"x\":\"y\"}", "  y\n  y\n"},
        {"  {{x}}\n", "{}", "  \n"},
        /* one brace more or less is text */
        {"{ {x}} {{x}}}", "{\"x\":1}", "{ {x}} 1}"},
        {"{{x}}{{y}}", "{\"x\":\"{{y}}\",\"y\":2}", "{{y}}2"},
    };
    EXPECT_ROWS("t.html.tmpl", rows, NULL);
}

Test(event_template, dotted_names)
{
    static const struct row rows[] = {
        {"{{a.b}} {{a.b.c}} {{{a.b.c}}}", "{\"a\":{\"b\":{\"c\":\"<d>\"}}}",
         "{&quot;c&quot;:&quot;&lt;d&gt;&quot;} &lt;d&gt; <d>"},
        {"({{a.x.c}})({{x.y}})", "{\"a\":{\"b\":1},\"c\":\"no\",\"y\":\"no\"}", "()()"},
        /* "name" must not be taken from outside once "a" is found */
        {"({{a.name}})", "{\"a\":{},\"name\":\"outer\"}", "()"},
        {"{{#s}}({{b.c}}){{/s}}", "{\"s\":{\"b\":{}},\"b\":{\"c\":\"no\"}}", "()"},
        /* the first part does climb */
        {"{{#s}}({{b.c}}){{/s}}", "{\"s\":{\"d\":{}},\"b\":{\"c\":\"yes\"}}", "(yes)"},
        {"{{#a.b}}{{c}}{{/a.b}}{{^a.x}}none{{/a.x}}", "{\"a\":{\"b\":{\"c\":1}}}", "1none"},
        {"({{a.length}})({{s.length}})", "{\"a\":[1],\"s\":\"abc\"}", "()()"},
        /* a key that holds a dot can't be named */
        {"({{a.b}})", "{\"a.b\":1}", "()"},
    };
    EXPECT_ROWS("t.tmpl", rows, NULL);
}

Test(event_template, implicit_iterator)
{
    static const struct row rows[] = {
        {"{{.}} {{ . }} {{{.}}} {{&.}}", "\"<\"", "&lt; &lt; < <"},
        {"{{#l}}[{{.}}]{{/l}}", "{\"l\":[\"a\",1,2.5,true]}", "[a][1][2.5][true]"},
        {"{{#l}}({{#.}}{{.}}{{/.}}){{/l}}", "{\"l\":[[1,2],[3],[]]}", "(12)(3)()"},
        {"{{#.}}{{n}};{{/.}}", "[{\"n\":1},{\"n\":2}]", "1;2;"},
        {"{{^.}}empty{{/.}}", "[]", "empty"},
        {"{{#s}}{{.}}{{/s}}", "{\"s\":\"text\"}", "text"},
    };
    EXPECT_ROWS("t.tmpl", rows, NULL);
}

Test(event_template, sections)
{
    static const struct row rows[] = {
        {"<{{#b}}shown{{/b}}>", "{\"b\":true}", "<shown>"},
        {"<{{#b}}hidden{{/b}}>", "{\"b\":false}", "<>"},
        {"<{{#b}}hidden{{/b}}>", "{\"b\":null}", "<>"},
        {"<{{#b}}hidden{{/b}}>", "{}", "<>"},
        {"<{{#b}}hidden{{/b}}>", "{\"b\":[]}", "<>"},
        {"<{{#b}}hidden{{/b}}>", "{\"b\":\"\"}", "<>"},
        {"<{{#b}}hidden{{/b}}>", "{\"b\":0}", "<>"},
        {"<{{#b}}hidden{{/b}}>", "{\"b\":0.0}", "<>"},
        {"<{{#b}}{{b}}{{/b}}>", "{\"b\":7}", "<7>"},
        {"<{{#b}}shown{{/b}}>", "{\"b\":{}}", "<shown>"},
        {"<{{#b}}{{b}}{{/b}}>", "{\"b\":\"0\"}", "<0>"},
        /* objects become the context; names climb out of it */
        {"{{#o}}{{name}} of {{gate}}{{/o}}", "{\"o\":{\"name\":\"x\"},\"gate\":\"g\"}", "x of g"},
        {"{{#o}}{{name}}{{/o}}", "{\"o\":{\"name\":\"in\"},\"name\":\"out\"}", "in"},
        {"{{#o}}({{name}}){{/o}}", "{\"o\":{\"name\":null},\"name\":\"out\"}", "()"},
        {"{{#a}}{{#b}}{{x}}{{y}}{{z}}{{/b}}{{/a}}", "{\"x\":1,\"a\":{\"y\":2,\"b\":{\"z\":3}}}",
         "123"},
        /* lists */
        {"{{#l}}{{n}},{{/l}}", "{\"l\":[{\"n\":1},{\"n\":2},{\"n\":3}]}", "1,2,3,"},
        {"{{#l}}{{n}}{{m}},{{/l}}", "{\"l\":[{\"n\":1},{\"m\":2}],\"m\":9}", "19,2,"},
        {"{{#l}}x{{/l}}", "{\"l\":[null,false,0]}", "xxx"},
        {"{{#l}}{{#m}}{{.}}{{/m}};{{/l}}", "{\"l\":[{\"m\":[1,2]},{\"m\":[3]}]}", "12;3;"},
        {"{{#a}}1{{/a}}{{#b}}2{{/b}}{{#a}}3{{/a}}", "{\"a\":true,\"b\":true}", "123"},
        {"{{#a}}A{{#a}}B{{/a}}C{{/a}}", "{\"a\":true}", "ABC"},
        /* names in tags may have white space around, and the tags any */
        {"{{# b }}x{{/ b }}{{#b\n}}y{{/\nb}}", "{\"b\":1}", "xy"},
        {" {{#b}} x {{/b}} ", "{\"b\":1}", "  x  "},
    };
    EXPECT_ROWS("t.tmpl", rows, NULL);
}

Test(event_template, inverted)
{
    static const struct row rows[] = {
        {"{{^b}}none{{/b}}", "{}", "none"},
        {"{{^b}}none{{/b}}", "{\"b\":null}", "none"},
        {"{{^b}}none{{/b}}", "{\"b\":false}", "none"},
        {"{{^b}}none{{/b}}", "{\"b\":[]}", "none"},
        {"{{^b}}none{{/b}}", "{\"b\":\"\"}", "none"},
        {"{{^b}}none{{/b}}", "{\"b\":0}", "none"},
        {"<{{^b}}none{{/b}}>", "{\"b\":[0]}", "<>"},
        {"<{{^b}}none{{/b}}>", "{\"b\":{}}", "<>"},
        {"<{{^b}}none{{/b}}>", "{\"b\":true}", "<>"},
        {"{{#b}}yes{{/b}}{{^b}}no{{/b}}", "{\"b\":1}", "yes"},
        {"{{^a}}A{{^b}}B{{/b}}{{/a}}", "{}", "AB"},
        {"{{#l}}{{^n}}{{m}}{{/n}}{{/l}}", "{\"l\":[{\"m\":1},{\"n\":2}]}", "1"},
    };
    EXPECT_ROWS("t.tmpl", rows, NULL);
}

Test(event_template, comments)
{
    static const struct row rows[] = {
        {"a{{! nothing to see }}b", "{}", "ab"},
        {"a{{!\n  several\n  lines {{ #^/ \n}}b", "{}", "ab"},
        {"a {{! x }} b", "{}", "a  b"},
        {"{{!x}}{{!}}{{! }}", "{}", ""},
        {"a\n  {{! alone }}  \nb\n", "{}", "a\nb\n"},
        {"a\n  {{!\n alone on\n   its lines\n  }}\nb\n", "{}", "a\nb\n"},
        {"a {{! not alone }}\nb", "{}", "a \nb"},
        {"{{! alone at the end }}", "{}", ""},
        {"a\r\n{{! alone }}\r\nb", "{}", "a\r\nb"},
    };
    EXPECT_ROWS("t.tmpl", rows, NULL);
}

Test(event_template, delimiters)
{
    static const struct row rows[] = {
        {"{{=<% %>=}}(<%x%>)({{x}})", "{\"x\":1}", "(1)({{x}})"},
        {"{{=| |=}}|x|", "{\"x\":1}", "1"},
        {"{{=  <%\n\t%>  =}}<% x %><%& x %>", "{\"x\":1}", "11"},
        {"{{=<% %>=}}<%x%><%={{ }}=%>{{x}}", "{\"x\":1}", "11"},
        {"{{=[ ]=}}[#a][x][/a][^b]-[/b][! no ]", "{\"a\":{\"x\":1}}", "1-"},
        {"{{=<% %>=}}<%{x}%>", "{\"x\":\"<\"}", "<"},
        {"{{#a}}{{=| |=}}|x||/a||x|", "{\"a\":[1,2],\"x\":3}", "333"},
        {"a\n  {{=@ @=}}  \nb@x@\n", "{\"x\":1}", "a\nb1\n"},
        {"a {{=@ @=}} b", "{}", "a  b"},
        {"{{=é ü=}}éxü", "{\"x\":1}", "1"},
    };
    EXPECT_ROWS("t.tmpl", rows, NULL);
}

Test(event_template, lines_of_tags_vanish)
{
    static const struct row rows[] = {
        {"- one\n{{#b}}\n- two\n{{/b}}\n- three\n", "{\"b\":true}", "- one\n- two\n- three\n"},
        {"- one\n{{#b}}\n- two\n{{/b}}\n- three\n", "{}", "- one\n- three\n"},
        {"  {{#b}}\t\n x\n\t{{/b}}\n", "{\"b\":1}", " x\n"},
        {"{{#l}}\n{{.}}\n{{/l}}\n", "{\"l\":[1,2]}", "1\n2\n"},
        {"|\r\n{{#b}}\r\nx\r\n{{/b}}\r\n|", "{\"b\":1}", "|\r\nx\r\n|"},
        {"  {{^b}}\nx\n  {{/b}}", "{}", "x\n"},
        {"{{#b}}\nx{{/b}}\ny", "{\"b\":1}", "x\ny"},
        /* two tags, or a tag and text, keep their line */
        {"{{#b}}{{/b}}\n", "{\"b\":1}", "\n"},
        {"  {{#b}} {{/b}}\n", "{\"b\":1}", "   \n"},
        {"{{#b}} x\n{{/b}}\n", "{\"b\":1}", " x\n"},
        {"x {{#b}}\n{{/b}}\n", "{\"b\":1}", "x \n"},
        {"{{#b}}\n\n{{/b}}\n", "{\"b\":1}", "\n"},
        /* a lone carriage return doesn't end a line */
        {"{{#b}}\rx{{/b}}", "{\"b\":1}", "\rx"},
        /* a form feed isn't a blank */
        {"\f{{#b}}\nx{{/b}}", "{\"b\":1}", "\f\nx"},
    };
    EXPECT_ROWS("t.tmpl", rows, NULL);
}

Test(event_template, partials)
{
    static const char *const partials[] = {
        "dir/text.html.tmpl",
        "from {{x}}",
        "dir/line.html.tmpl",
        ">\n>",
        "dir/lines.html.tmpl",
        "|\n{{{x}}}\n|\n",
        "dir/tree.html.tmpl",
        "{{v}}<{{#kids}}{{>tree}}{{/kids}}>",
        "dir/nest.html.tmpl",
        "a\n  {{>lines}}\nb\n",
        "dir/delims.html.tmpl",
        "{{=| |=}}|x|",
        "dir/opens.html.tmpl",
        "{{#b}}",
        "dir/empty.html.tmpl",
        "",
        "dir/a.b.html.tmpl",
        "dotted",
        NULL,
    };
    static const struct row rows[] = {
        {"[{{>text}}] [{{> text }}]", "{\"x\":1}", "[from 1] [from 1]"},
        {"[{{>missing}}]", "{}", "[]"},
        {"{{>a.b}}", "{}", "dotted"},
        {"{{#o}}{{>text}}{{/o}}", "{\"o\":{\"x\":2},\"x\":1}", "from 2"},
        {"{{>tree}}", "{\"v\":1,\"kids\":[{\"v\":2,\"kids\":[]},{\"v\":3,\"kids\":[]}]}",
         "1<2<>3<>>"},
        /* inside a line: no indentation, and the line stays */
        {"  {{x}}  {{>line}}\n", "{\"x\":\"|\"}", "  |  >\n>\n"},
        {"a {{>line}} b", "{}", "a >\n> b"},
        /* alone: every line of it is indented, and the tag's line end goes */
        {"\\\n {{>lines}}\n/\n", "{\"x\":\"<\\n->\"}", "\\\n |\n <\n->\n |\n/\n"},
        {"  {{>line}}\n>", "{}", "  >\n  >>"},
        {">\n  {{>line}}", "{}", ">\n  >\n  >"},
        {"|\r\n{{>line}}\r\n|", "{}", "|\r\n>\n>|"},
        {"\t{{>nest}}\n", "{\"x\":\"v\"}", "\ta\n\t  |\n\t  v\n\t  |\n\tb\n"},
        {"a\n  {{>empty}}\nb\n", "{}", "a\nb\n"},
        /* delimiters don't leak, in or out */
        {"{{>delims}} {{x}}", "{\"x\":1}", "1 1"},
        {"{{=| |=}}|>text|", "{\"x\":1}", "from 1"},
        /* a fault in a partial is told with its own file and place */
        {"a\n    {{>opens}}\n", "{\"b\":1}",
         "dir/opens.html.tmpl:1:1: this section isn't closed: {{/b}} is missing"},
    };
    EXPECT_ROWS("dir/t.html.tmpl", rows, partials);

    /* a template without a reader has no partials */
    static const struct row none[] = {{"[{{>text}}]", "{}", "[]"}};
    EXPECT_ROWS("t.tmpl", none, NULL);
}

struct path_row {
    const char *template, *partial, *want;
};

static struct err keep_path(void *context, const char *path, struct buf *text)
{
    (void)text;
    *(char **)context = mem_strdup(path);
    return ERR_OK;
}

Test(event_template, where_partials_are_looked_for)
{
    static const struct path_row rows[] = {
        {"gate.json.tmpl", "top", "top.json.tmpl"},
        {"/etc/t.d/gate.json.tmpl", "top", "/etc/t.d/top.json.tmpl"},
        {"x/gate.done.v1.json.tmpl", "top", "x/top.json.tmpl"},
        {"x/mail.tmpl", "top", "x/top.tmpl"},
        {"x/mail.mustache", "top", "x/top.mustache"},
        {"x.d/mail", "top", "x.d/top"},
        {".tmpl", "top", "top.tmpl"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *got = NULL;
        const struct template_env env = {.read = keep_path, .context = &got};
        char text[40];
        struct template *t;
        struct buf out = {0};
        json_t *data = json_true();
        (void)snprintf(text, sizeof text, "{{>%s}}", rows[i].partial);
        struct err e = template_compile(rows[i].template, text, strlen(text), &t);
        cr_assert(!err_is(&e), "%s", e.text);
        e = template_render(t, data, &env, &out);
        cr_assert(!err_is(&e), "%s", e.text);
        cr_expect_str_eq(got, rows[i].want, "%s: want %s, got %s", rows[i].template, rows[i].want,
                         got);
        template_free(t);
        buf_free(&out);
        free(got);
    }
}

Test(event_template, json_escaping)
{
    static const char *const partials[] = {"row.json.tmpl", "\"{{x}}\":{{{x}}}", NULL};
    static const struct row rows[] = {
        /* two braces: for between quotes */
        {"\"{{x}}\"", "{}", "\"\""},
        {"\"{{x}}\"", "{\"x\":\"a\\\"b\\\\c/d\"}", "\"a\\\"b\\\\c/d\""},
        {"\"{{x}}\"", "{\"x\":\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"}",
         "\"\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\x7f\""},
        {"\"{{x}}\"", "{\"x\":\"a\\u0000b\"}", "\"a\\u0000b\""},
        {"\"{{x}}\"", "{\"x\":\"<&'>é😀\"}", "\"<&'>é😀\""},
        {"\"{{x}}\"", "{\"x\":[1,\"a\"]}", "\"[1,\\\"a\\\"]\""},
        {"\"{{n}} {{t}} {{z}} {{m}}\"", "{\"n\":1.5,\"t\":true,\"z\":null}", "\"1.5 true  \""},
        /* three, or an ampersand: a value */
        {"{{{x}}} {{&x}}", "{\"x\":\"a\\\"b\"}", "\"a\\\"b\" \"a\\\"b\""},
        {"{{{s}}} {{{n}}} {{{r}}} {{{t}}} {{{z}}} {{{m}}}",
         "{\"s\":\"\",\"n\":0,\"r\":0.1,\"t\":false,\"z\":null}", "\"\" 0 0.1 false null null"},
        {"{{{o}}}", "{\"o\":{\"z\":[],\"a\":{},\"k\\\"\":[1,[\"\\n\"]]}}",
         "{\"z\":[],\"a\":{},\"k\\\"\":[1,[\"\\n\"]]}"},
        {"{{{.}}}", "[null,{\"a\":1}]", "[null,{\"a\":1}]"},
        {"{{{a.b}}}{{{a.x}}}", "{\"a\":{\"b\":1}}", "1null"},
        /* partials escape as their template does */
        {"{ {{>row}} }", "{\"x\":\"\\\"\"}", "{ \"\\\"\":\"\\\"\" }"},
    };
    EXPECT_ROWS("t.json.tmpl", rows, partials);
}

Test(event_template, faults)
{
    static const struct row rows[] = {
        {"a {{x", "{}", "t.tmpl:1:3: this tag isn't closed: }} is missing"},
        {"{{", "{}", "t.tmpl:1:1: this tag isn't closed: }} is missing"},
        {"{{{x}}", "{}", "t.tmpl:1:1: this tag isn't closed: }}} is missing"},
        {"{{=| |}}", "{}", "t.tmpl:1:1: this tag isn't closed: =}} is missing"},
        {"{{=<% %>=}}\n <%x}}", "{}", "t.tmpl:2:2: this tag isn't closed: %> is missing"},
        {"\n\nab {{#x}} {{/y}}", "{}",
         "t.tmpl:3:11: {{/y}} doesn't close {{#x}} of line 3, column 4"},
        {"{{^x}}\n{{#y}}{{/x}}", "{}",
         "t.tmpl:2:7: {{/x}} doesn't close {{#y}} of line 2, column 1"},
        {"{{/x}}", "{}", "t.tmpl:1:1: {{/x}} closes a section that isn't open"},
        {"{{#x}}{{/x}}{{/x}}", "{}", "t.tmpl:1:13: {{/x}} closes a section that isn't open"},
        {"{{#x}}\n{{#y}}{{/y}}", "{}", "t.tmpl:1:1: this section isn't closed: {{/x}} is missing"},
        {"{{}}", "{}", "t.tmpl:1:1: this tag has no name"},
        {"{{# }}", "{}", "t.tmpl:1:1: this tag has no name"},
        {"{{{}}}", "{}", "t.tmpl:1:1: this tag has no name"},
        {"{{a b}}", "{}", "t.tmpl:1:1: a name can't hold white space"},
        {"{{a..b}}", "{}", "t.tmpl:1:1: a..b: a name has something on both sides of a dot"},
        {"{{.a}}", "{}", "t.tmpl:1:1: .a: a name has something on both sides of a dot"},
        {"{{a.}}", "{}", "t.tmpl:1:1: a.: a name has something on both sides of a dot"},
        {"{{..}}", "{}", "t.tmpl:1:1: ..: a name has something on both sides of a dot"},
        {"{{=|=}}", "{}",
         "t.tmpl:1:1: delimiters are set like this: {{=<% %>=}}, without '=' in them"},
        {"{{= a b c =}}", "{}",
         "t.tmpl:1:1: delimiters are set like this: {{=<% %>=}}, without '=' in them"},
        {"{{==| |=}}", "{}",
         "t.tmpl:1:1: delimiters are set like this: {{=<% %>=}}, without '=' in them"},
        {"{{=12345678901234567 x=}}", "{}", "t.tmpl:1:1: a delimiter is at most 16 bytes"},
        {"{{>../secret}}", "{}",
         "t.tmpl:1:1: a partial is named by its file in the same folder, without the suffix"},
        {"{{>/etc/passwd}}", "{}",
         "t.tmpl:1:1: a partial is named by its file in the same folder, without the suffix"},
        {"{{>*x}}", "{}", "t.tmpl:1:1: dynamic names ({{>*name}}) aren't supported"},
        {"{{<x}}{{/x}}", "{}", "t.tmpl:1:1: inheritance ({{<name}}, {{$name}}) isn't supported"},
        {"{{$x}}{{/x}}", "{}", "t.tmpl:1:1: inheritance ({{<name}}, {{$name}}) isn't supported"},
        /* faults where today's data doesn't lead are faults too */
        {"{{#no}}{{a b}}{{/no}}", "{}", "t.tmpl:1:8: a name can't hold white space"},
        /* columns are characters */
        {"äöü{{}}", "{}", "t.tmpl:1:4: this tag has no name"},
        {"ab\xff", "{}", "t.tmpl:1:3: byte 0xff isn't UTF-8"},
    };
    EXPECT_ROWS("t.tmpl", rows, NULL);
}

static struct err read_nothing(void *context, const char *path, struct buf *text)
{
    (void)context;
    (void)text;
    return err_make(ERR_SPOOL, "can't read %s", path);
}

Test(event_template, reader_of_partials_fails)
{
    const struct template_env env = {.read = read_nothing};
    struct template *t;
    struct buf out = {0};
    struct err e = template_compile("t.tmpl", "a\n {{>x}}", 9, &t);
    cr_assert(!err_is(&e), "%s", e.text);
    e = template_render(t, json_true(), &env, &out);
    cr_expect_eq(e.cls, ERR_SPOOL);
    cr_expect_str_eq(e.text, "t.tmpl:2:2: {{> x}}: can't read x.tmpl");
    template_free(t);
    buf_free(&out);
}

/* n times `before`, then `middle`, then n times `after` */
static char *pile(unsigned n, const char *before, const char *middle, const char *after)
{
    struct buf b = {0};
    for (unsigned i = 0; i < n; i++)
        buf_str(&b, before);
    buf_str(&b, middle);
    for (unsigned i = 0; i < n; i++)
        buf_str(&b, after);
    return buf_take(&b);
}

static void expect_fault(const char *text, const char *data, const char *const *partials,
                         const char *want)
{
    struct buf out = {0};
    struct err e = render("t.tmpl", text, data, partials, &out);
    cr_expect_eq(e.cls, ERR_CONFIG, "want %s, got %zu bytes", want, out.len);
    cr_expect(strstr(e.text, want), "want: %s\n got: %s", want, e.text);
    cr_expect_leq(out.len, (size_t)TEMPLATE_BYTES);
    buf_free(&out);
}

Test(event_template, limits, .timeout = 60)
{
    /* as deep as it may be, and one more */
    char *deep = pile(TEMPLATE_DEPTH, "{{#a}}", "x", "{{/a}}");
    const struct row rows[] = {{deep, "{\"a\":true}", "x"}};
    EXPECT_ROWS("t.tmpl", rows, NULL);
    free(deep);
    deep = pile(TEMPLATE_DEPTH + 1, "{{#a}}", "x", "{{/a}}");
    expect_fault(deep, "{}", NULL, "t.tmpl:1:385: more than 64 sections inside each other");
    free(deep);

    /* a partial that calls itself for ever, and one that does so twice */
    static const char *const loops[] = {"a.tmpl", "{{>a}}",    "b.tmpl", "{{>b}}{{>b}}",
                                        "c.tmpl", " {{>c}}\n", NULL};
    expect_fault("{{>a}}", "{}", loops, "a.tmpl:1:1: more than 64 sections and partials");
    expect_fault("{{>b}}", "{}", loops, "b.tmpl:1:1: more than 64 sections and partials");
    expect_fault("  {{>c}}\n", "{}", loops, "c.tmpl:1:2: more than 64 sections and partials");

    /* work that multiplies without a byte of output */
    char *list = pile(500, "[],", "[]", "");
    struct buf data = {0};
    buf_printf(&data, "{\"l\":[%s]}", list);
    expect_fault("{{#l}}{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}{{/l}}", buf_cstr(&data), NULL,
                 "more than 4000000 steps to render");
    /* output that multiplies */
    expect_fault("{{#l}}{{#l}}{{#l}}0123456789{{/l}}{{/l}}{{/l}}", buf_cstr(&data), NULL,
                 "t.tmpl:1:19: more than 1024 KiB rendered");
    buf_free(&data);
    free(list);

    /* a source too large, alone or by indentation */
    char *large = pile(TEMPLATE_BYTES, "x", "x", "");
    expect_fault(large, "{}", NULL, "larger than a template may be");
    const char *const large_partial[] = {"a.tmpl", large, NULL};
    expect_fault("{{>a}}", "{}", large_partial, "t.tmpl:1:1: {{> a}}: larger than");
    free(large);
    char *lines = pile(TEMPLATE_BYTES / 4, "\n", "", "");
    const char *const many_lines[] = {"a.tmpl", lines, NULL};
    expect_fault("          {{>a}}\n", "{}", many_lines, "t.tmpl:1:11: {{> a}}: larger than");
    free(lines);
}

Test(event_template, appends_and_counts_from_there)
{
    struct buf out = {0};
    struct template *t;
    json_t *data = json_loads("{\"x\":1}", 0, NULL);
    struct err e = template_compile("t.tmpl", "{{x}}", 5, &t);
    cr_assert(!err_is(&e), "%s", e.text);
    for (int i = 0; i < 3; i++) {
        e = template_render(t, data, NULL, &out);
        cr_assert(!err_is(&e), "%s", e.text);
    }
    cr_expect_str_eq(buf_cstr(&out), "111");
    json_decref(data);
    template_free(t);
    buf_free(&out);
}

Test(event_template, text_with_nul)
{
    struct buf out = {0};
    struct template *t;
    struct err e = template_compile("t.tmpl", "a\0{{x}}\0b", 9, &t);
    cr_assert(!err_is(&e), "%s", e.text);
    e = template_render(t, json_true(), NULL, &out);
    cr_assert(!err_is(&e), "%s", e.text);
    cr_expect_eq(out.len, 4);
    cr_expect_arr_eq(out.data, "a\0\0b", 4);
    template_free(t);
    buf_free(&out);
    e = template_compile("t.tmpl", "{{\0}}", 5, &t);
    cr_expect_str_eq(e.text, "t.tmpl:1:1: a name can't hold white space");
}

struct check_row {
    const char *name, *body, *want;
};

Test(event_template, check)
{
    static const struct check_row rows[] = {
        {"t.json.tmpl", "{\"a\": [1, null]}\n", ""},
        {"t.json.tmpl", "\"text\"", ""},
        {"t.tmpl", "{,", ""},
        {"t.json.tmpl", "{\n  \"a\": ,\n}",
         "t.json.tmpl: line 2, column 8 of what it rendered isn't JSON: unexpected token near "
         "','" BRACES},
        {"t.json.tmpl", "",
         "t.json.tmpl: line 1, column 0 of what it rendered isn't JSON: unexpected token near end "
         "of file" BRACES},
        {"t.json.tmpl", "{} {}",
         "t.json.tmpl: line 1, column 4 of what it rendered isn't JSON: end of file expected near "
         "'{'" BRACES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct template *t;
        struct buf body = {0};
        struct err e = template_compile(rows[i].name, "", 0, &t);
        cr_assert(!err_is(&e), "%s", e.text);
        buf_str(&body, rows[i].body);
        e = template_check(t, &body);
        cr_expect_str_eq(e.text, rows[i].want, "want: %s\n got: %s", rows[i].want, e.text);
        template_free(t);
        buf_free(&body);
    }
}
