/* SPDX-License-Identifier: MIT */
/* What the Mustache specification asks for, module by module and case by case, in our own words.
 * What is ours beyond it is in template_test.c. */
#include "event/template.h"

#include <stdlib.h>

#include "bytes.h"

struct row {
    const char *label, *text, *data, *want;
    const char *partial[4]; /* name, text, name, text */
};

static struct err read_partial(void *context, const char *path, struct buf *text)
{
    const struct row *row = context;
    for (size_t i = 0; i < COUNT(row->partial) && row->partial[i]; i += 2)
        if (strcmp(row->partial[i], path) == 0)
            buf_str(text, row->partial[i + 1]);
    return ERR_OK;
}

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        const struct template_env env = {.read = read_partial, .context = (void *)row};
        struct template *t;
        struct buf out = {0};
        json_t *data = json_loads(row->data, JSON_DECODE_ANY, NULL);
        cr_assert(data, "%s: data %s", row->label, row->data);
        struct err e = template_compile("t", row->text, strlen(row->text), &t);
        if (!err_is(&e))
            e = template_render(t, data, &env, &out);
        cr_expect(!err_is(&e), "%s: %s", row->label, e.text);
        EXPECT_BYTES(out.data, out.len, row->want, strlen(row->want), "%s", row->label);
        template_free(t);
        json_decref(data);
        buf_free(&out);
    }
}

Test(event_render, spec_interpolation)
{
    static const struct row rows[] = {
        {"no tags", "Plain {text}.\n", "{}", "Plain {text}.\n", {0}},
        {"a name", "Gate {{g}}!\n", "{\"g\":\"x\"}", "Gate x!\n", {0}},
        {"what a value holds isn't a tag",
         "{{a}} {{b}}",
         "{\"a\":\"{{b}}\",\"b\":3}",
         "{{b}} 3",
         {0}},
        {"escaped", "{{c}}", "{\"c\":\"& \\\" < >\"}", "&amp; &quot; &lt; &gt;", {0}},
        {"three braces", "{{{c}}}", "{\"c\":\"& \\\" < >\"}", "& \" < >", {0}},
        {"ampersand", "{{&c}}", "{\"c\":\"& \\\" < >\"}", "& \" < >", {0}},
        {"an integer", "{{n}} mph", "{\"n\":85}", "85 mph", {0}},
        {"an integer, three braces", "{{{n}}} mph", "{\"n\":85}", "85 mph", {0}},
        {"an integer, ampersand", "{{&n}} mph", "{\"n\":85}", "85 mph", {0}},
        {"a decimal", "{{n}} jW", "{\"n\":1.21}", "1.21 jW", {0}},
        {"a decimal, three braces", "{{{n}}} jW", "{\"n\":1.21}", "1.21 jW", {0}},
        {"a decimal, ampersand", "{{&n}} jW", "{\"n\":1.21}", "1.21 jW", {0}},
        {"null", "({{x}})", "{\"x\":null}", "()", {0}},
        {"null, three braces", "({{{x}}})", "{\"x\":null}", "()", {0}},
        {"null, ampersand", "({{&x}})", "{\"x\":null}", "()", {0}},
        {"missing", "({{x}})", "{}", "()", {0}},
        {"missing, three braces", "({{{x}}})", "{}", "()", {0}},
        {"missing, ampersand", "({{&x}})", "{}", "()", {0}},
        {"dotted", "{{p.n}}={{#p}}{{n}}{{/p}}", "{\"p\":{\"n\":\"J\"}}", "J=J", {0}},
        {"dotted, three braces", "{{{p.n}}}", "{\"p\":{\"n\":\"<\"}}", "<", {0}},
        {"dotted, ampersand", "{{&p.n}}", "{\"p\":{\"n\":\"<\"}}", "<", {0}},
        {"dotted, any depth",
         "{{a.b.c.d.e.n}}",
         "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"n\":\"P\"}}}}}}",
         "P",
         {0}},
        {"dotted, broken", "({{a.b.c}})", "{\"a\":{}}", "()", {0}},
        {"dotted, broken: no look outside",
         "({{a.b.n}})",
         "{\"a\":{\"b\":{}},\"c\":{\"n\":\"J\"}}",
         "()",
         {0}},
        {"dotted: the first part decides",
         "{{#a}}{{b.c.n}}{{/a}}",
         "{\"a\":{\"b\":{\"c\":{\"n\":\"P\"}}},\"b\":{\"c\":{\"n\":\"wrong\"}}}",
         "P",
         {0}},
        {"dotted: the context comes first",
         "{{#a}}{{b.c}}{{/a}}",
         "{\"a\":{\"b\":{}},\"b\":{\"c\":\"wrong\"}}",
         "",
         {0}},
        {"dotted names aren't single keys", "({{a.b}})", "{\"a.b\":\"c\"}", "()", {0}},
        {"... and single keys don't hide them",
         "({{a.b}})",
         "{\"a.b\":\"c\",\"a\":{\"b\":\"d\"}}",
         "(d)",
         {0}},
        {"the value itself", "Hello {{.}}!", "\"world\"", "Hello world!", {0}},
        {"the value itself, escaped", "{{.}}", "\"& \\\" < >\"", "&amp; &quot; &lt; &gt;", {0}},
        {"the value itself, three braces", "{{{.}}}", "\"<\"", "<", {0}},
        {"the value itself, ampersand", "{{&.}}", "\"<\"", "<", {0}},
        {"the value itself, a number", "{{.}} mph", "85", "85 mph", {0}},
        {"white space around", "| {{s}} |", "{\"s\":\"---\"}", "| --- |", {0}},
        {"white space around, three braces", "| {{{s}}} |", "{\"s\":\"---\"}", "| --- |", {0}},
        {"white space around, ampersand", "| {{&s}} |", "{\"s\":\"---\"}", "| --- |", {0}},
        {"alone on its line", "  {{s}}\n", "{\"s\":\"---\"}", "  ---\n", {0}},
        {"alone on its line, three braces", "  {{{s}}}\n", "{\"s\":\"---\"}", "  ---\n", {0}},
        {"alone on its line, ampersand", "  {{&s}}\n", "{\"s\":\"---\"}", "  ---\n", {0}},
        {"white space inside", "|{{ s }}|", "{\"s\":\"---\"}", "|---|", {0}},
        {"white space inside, three braces", "|{{{ s }}}|", "{\"s\":\"---\"}", "|---|", {0}},
        {"white space inside, ampersand", "|{{& s }}|", "{\"s\":\"---\"}", "|---|", {0}},
    };
    expect_rows(rows, COUNT(rows));
}

Test(event_render, spec_sections)
{
    static const char deep[] =
        "{\"a\":{\"one\":1},\"b\":{\"two\":2},\"c\":{\"three\":3,\"d\":{\"four\":4,\"five\":5}}}";
    static const struct row rows[] = {
        {"true", "\"{{#b}}shown{{/b}}\"", "{\"b\":true}", "\"shown\"", {0}},
        {"false", "\"{{#b}}hidden{{/b}}\"", "{\"b\":false}", "\"\"", {0}},
        {"null", "\"{{#b}}hidden{{/b}}\"", "{\"b\":null}", "\"\"", {0}},
        {"an object is the context",
         "\"{{#c}}Hi {{n}}.{{/c}}\"",
         "{\"c\":{\"n\":\"J\"}}",
         "\"Hi J.\"",
         {0}},
        {"outer names",
         "\"{{#s}}{{a}}, {{b}}, {{c.d}}{{/s}}\"",
         "{\"a\":\"foo\",\"b\":\"wrong\",\"s\":{\"b\":\"bar\"},\"c\":{\"d\":\"baz\"}}",
         "\"foo, bar, baz\"",
         {0}},
        {"a value as its own condition",
         "\"{{#f}}{{.}} is {{f}}{{/f}}\"",
         "{\"f\":\"bar\"}",
         "\"bar is bar\"",
         {0}},
        {"lists in objects in lists",
         "{{#t}}{{#m}}{{n}}{{#l}}.{{n}}.{{p}}{{/l}} {{/m}}{{/t}}",
         "{\"t\":[{\"m\":[{\"n\":\"a\",\"l\":[{\"p\":1}]},{\"n\":\"b\",\"l\":[{\"n\":\"c\",\"p\":2}"
         "]}]}]}",
         "a.a.1 b.c.2 ",
         {0}},
        {"contexts in each other",
         "{{#a}}\n{{one}}\n{{#b}}\n{{one}}{{two}}{{one}}\n{{#c}}\n{{one}}{{two}}{{three}}{{two}}{{"
         "one}}\n{{#d}}\n"
         "{{one}}{{two}}{{three}}{{four}}{{three}}{{two}}{{one}}\n{{#five}}\n"
         "{{one}}{{two}}{{three}}{{four}}{{five}}{{four}}{{three}}{{two}}{{one}}\n"
         "{{one}}{{two}}{{three}}{{four}}{{.}}6{{.}}{{four}}{{three}}{{two}}{{one}}\n{{/five}}\n{{/"
         "d}}\n{{/c}}\n{{/b}}\n"
         "{{one}}\n{{/a}}\n",
         deep,
         "1\n121\n12321\n1234321\n123454321\n12345654321\n1\n",
         {0}},
        {"a list",
         "\"{{#l}}{{i}}{{/l}}\"",
         "{\"l\":[{\"i\":1},{\"i\":2},{\"i\":3}]}",
         "\"123\"",
         {0}},
        {"an empty list", "\"{{#l}}hidden{{/l}}\"", "{\"l\":[]}", "\"\"", {0}},
        {"two of a name",
         "{{#b}}\n* 1\n{{/b}}\n* {{t}}\n{{#b}}\n* 3\n{{/b}}\n",
         "{\"b\":true,\"t\":2}",
         "* 1\n* 2\n* 3\n",
         {0}},
        {"in each other, true",
         "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |",
         "{\"b\":true}",
         "| A B C D E |",
         {0}},
        {"in each other, false",
         "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |",
         "{\"b\":false}",
         "| A  E |",
         {0}},
        {"missing", "[{{#x}}hidden{{/x}}]", "{}", "[]", {0}},
        {"items, texts", "\"{{#l}}({{.}}){{/l}}\"", "{\"l\":[\"a\",\"b\"]}", "\"(a)(b)\"", {0}},
        {"items, integers", "\"{{#l}}({{.}}){{/l}}\"", "{\"l\":[1,2,3]}", "\"(1)(2)(3)\"", {0}},
        {"items, decimals", "\"{{#l}}({{.}}){{/l}}\"", "{\"l\":[1.1,2.2]}", "\"(1.1)(2.2)\"", {0}},
        {"items, lists",
         "\"{{#l}}({{#.}}{{.}}{{/.}}){{/l}}\"",
         "{\"l\":[[1,2],[\"a\"]]}",
         "\"(12)(a)\"",
         {0}},
        {"items, escaped",
         "\"{{#l}}({{.}}){{/l}}\"",
         "{\"l\":[\"&\",\"<\"]}",
         "\"(&amp;)(&lt;)\"",
         {0}},
        {"items, three braces",
         "\"{{#l}}({{{.}}}){{/l}}\"",
         "{\"l\":[\"&\",\"<\"]}",
         "\"(&)(<)\"",
         {0}},
        {"items, ampersand",
         "\"{{#l}}({{&.}}){{/l}}\"",
         "{\"l\":[\"&\",\"<\"]}",
         "\"(&)(<)\"",
         {0}},
        {"the whole data as a list",
         "\"{{#.}}({{v}}){{/.}}\"",
         "[{\"v\":\"a\"},{\"v\":\"b\"}]",
         "\"(a)(b)\"",
         {0}},
        {"dotted, true",
         "\"{{#a.b.c}}here{{/a.b.c}}\"",
         "{\"a\":{\"b\":{\"c\":true}}}",
         "\"here\"",
         {0}},
        {"dotted, false",
         "\"{{#a.b.c}}here{{/a.b.c}}\"",
         "{\"a\":{\"b\":{\"c\":false}}}",
         "\"\"",
         {0}},
        {"dotted, broken", "\"{{#a.b.c}}here{{/a.b.c}}\"", "{\"a\":{}}", "\"\"", {0}},
        {"white space around", " | {{#b}}\t|\t{{/b}} | \n", "{\"b\":true}", " | \t|\t | \n", {0}},
        {"white space inside",
         " | {{#b}} {{! none }}\n {{/b}} | \n",
         "{\"b\":true}",
         " |  \n  | \n",
         {0}},
        {"in lines, indented",
         " {{#b}}YES{{/b}}\n {{#b}}GOOD{{/b}}\n",
         "{\"b\":true}",
         " YES\n GOOD\n",
         {0}},
        {"lines of tags",
         "| This Is\n{{#b}}\n|\n{{/b}}\n| A Line\n",
         "{\"b\":true}",
         "| This Is\n|\n| A Line\n",
         {0}},
        {"lines of tags, indented",
         "| This Is\n  {{#b}}\n|\n  {{/b}}\n| A Line\n",
         "{\"b\":true}",
         "| This Is\n|\n| A Line\n",
         {0}},
        {"CR LF", "|\r\n{{#b}}\r\n{{/b}}\r\n|", "{\"b\":true}", "|\r\n|", {0}},
        {"on the first line", "  {{#b}}\n#{{/b}}\n/", "{\"b\":true}", "#\n/", {0}},
        {"on the last line", "#{{#b}}\n/\n  {{/b}}", "{\"b\":true}", "#\n/\n", {0}},
        {"white space in the tag", "|{{# b }}={{/ b }}|", "{\"b\":true}", "|=|", {0}},
    };
    expect_rows(rows, COUNT(rows));
}

Test(event_render, spec_inverted)
{
    static const struct row rows[] = {
        {"false", "\"{{^b}}shown{{/b}}\"", "{\"b\":false}", "\"shown\"", {0}},
        {"true", "\"{{^b}}hidden{{/b}}\"", "{\"b\":true}", "\"\"", {0}},
        {"null", "\"{{^b}}shown{{/b}}\"", "{\"b\":null}", "\"shown\"", {0}},
        {"an object", "\"{{^c}}Hi {{n}}.{{/c}}\"", "{\"c\":{\"n\":\"J\"}}", "\"\"", {0}},
        {"a list", "\"{{^l}}{{n}}{{/l}}\"", "{\"l\":[{\"n\":1}]}", "\"\"", {0}},
        {"an empty list", "\"{{^l}}Yay{{/l}}\"", "{\"l\":[]}", "\"Yay\"", {0}},
        {"two of a name",
         "{{^b}}\n* 1\n{{/b}}\n* {{t}}\n{{^b}}\n* 3\n{{/b}}\n",
         "{\"b\":false,\"t\":2}",
         "* 1\n* 2\n* 3\n",
         {0}},
        {"in each other, false",
         "| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |",
         "{\"b\":false}",
         "| A B C D E |",
         {0}},
        {"in each other, true",
         "| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |",
         "{\"b\":true}",
         "| A  E |",
         {0}},
        {"missing", "[{{^x}}none{{/x}}]", "{}", "[none]", {0}},
        {"dotted, true",
         "\"{{^a.b.c}}not here{{/a.b.c}}\"",
         "{\"a\":{\"b\":{\"c\":true}}}",
         "\"\"",
         {0}},
        {"dotted, false",
         "\"{{^a.b.c}}not here{{/a.b.c}}\"",
         "{\"a\":{\"b\":{\"c\":false}}}",
         "\"not here\"",
         {0}},
        {"dotted, broken", "\"{{^a.b.c}}not here{{/a.b.c}}\"", "{\"a\":{}}", "\"not here\"", {0}},
        {"white space around", " | {{^b}}\t|\t{{/b}} | \n", "{\"b\":false}", " | \t|\t | \n", {0}},
        {"white space inside",
         " | {{^b}} {{! none }}\n {{/b}} | \n",
         "{\"b\":false}",
         " |  \n  | \n",
         {0}},
        {"in lines, indented",
         " {{^b}}NO{{/b}}\n {{^b}}WAY{{/b}}\n",
         "{\"b\":false}",
         " NO\n WAY\n",
         {0}},
        {"lines of tags",
         "| This Is\n{{^b}}\n|\n{{/b}}\n| A Line\n",
         "{\"b\":false}",
         "| This Is\n|\n| A Line\n",
         {0}},
        {"lines of tags, indented",
         "| This Is\n  {{^b}}\n|\n  {{/b}}\n| A Line\n",
         "{\"b\":false}",
         "| This Is\n|\n| A Line\n",
         {0}},
        {"CR LF", "|\r\n{{^b}}\r\n{{/b}}\r\n|", "{\"b\":false}", "|\r\n|", {0}},
        {"on the first line", "  {{^b}}\n^{{/b}}\n/", "{\"b\":false}", "^\n/", {0}},
        {"on the last line", "^{{^b}}\n/\n  {{/b}}", "{\"b\":false}", "^\n/\n", {0}},
        {"white space in the tag", "|{{^ b }}={{/ b }}|", "{\"b\":false}", "|=|", {0}},
    };
    expect_rows(rows, COUNT(rows));
}

Test(event_render, spec_comments)
{
    static const struct row rows[] = {
        {"in a line", "12345{{! a remark }}67890", "{}", "1234567890", {0}},
        {"of several lines",
         "12345{{!\n  a remark\n  of lines\n}}67890\n",
         "{}",
         "1234567890\n",
         {0}},
        {"alone", "Begin.\n{{! a remark }}\nEnd.\n", "{}", "Begin.\nEnd.\n", {0}},
        {"alone, indented", "Begin.\n  {{! a remark }}\nEnd.\n", "{}", "Begin.\nEnd.\n", {0}},
        {"CR LF", "|\r\n{{! a remark }}\r\n|", "{}", "|\r\n|", {0}},
        {"on the first line", "  {{! a remark }}\n!", "{}", "!", {0}},
        {"on the last line", "!\n  {{! a remark }}", "{}", "!\n", {0}},
        {"alone, of several lines",
         "Begin.\n{{!\nsome\nthing\n}}\nEnd.\n",
         "{}",
         "Begin.\nEnd.\n",
         {0}},
        {"alone, of several lines, indented",
         "Begin.\n  {{!\n    some\n  }}\nEnd.\n",
         "{}",
         "Begin.\nEnd.\n",
         {0}},
        {"behind text", "  12 {{! 34 }}\n", "{}", "  12 \n", {0}},
        {"white space around", "12345 {{! a remark }} 67890", "{}", "12345  67890", {0}},
        {"a name that looks like one",
         "hidden: >{{! x }}<",
         "{\"! x\":1,\"! x \":2,\"!x\":3,\"x\":4}",
         "hidden: ><",
         {0}},
    };
    expect_rows(rows, COUNT(rows));
}

Test(event_render, spec_delimiters)
{
    static const struct row rows[] = {
        {"a pair", "{{=<% %>=}}(<%t%>)", "{\"t\":\"Hey\"}", "(Hey)", {0}},
        {"characters of regular expressions", "({{=[ ]=}}[t])", "{\"t\":\"It\"}", "(It)", {0}},
        {"in sections",
         "[\n{{#s}}\n  {{d}}\n  |d|\n{{/s}}\n\n{{= | | =}}\n|#s|\n  {{d}}\n  |d|\n|/s|\n]\n",
         "{\"s\":true,\"d\":\"I\"}",
         "[\n  I\n  |d|\n\n  {{d}}\n  I\n]\n",
         {0}},
        {"in inverted sections",
         "[\n{{^s}}\n  {{d}}\n  |d|\n{{/s}}\n\n{{= | | =}}\n|^s|\n  {{d}}\n  |d|\n|/s|\n]\n",
         "{\"s\":false,\"d\":\"I\"}",
         "[\n  I\n  |d|\n\n  {{d}}\n  I\n]\n",
         {0}},
        {"a partial begins with its own",
         "[ {{>p}} ]\n{{= | | =}}\n[ |>p| ]\n",
         "{\"v\":\"yes\"}",
         "[ .yes. ]\n[ .yes. ]\n",
         {"p", ".{{v}}."}},
        {"a partial keeps its own",
         "[ {{>p}} ]\n[ .{{v}}.  .|v|. ]\n",
         "{\"v\":\"yes\"}",
         "[ .yes.  .yes. ]\n[ .yes.  .|v|. ]\n",
         {"p", ".{{v}}. {{= | | =}} .|v|."}},
        {"white space around", "| {{=@ @=}} |", "{}", "|  |", {0}},
        {"at the end of a line", " | {{=@ @=}}\n", "{}", " | \n", {0}},
        {"alone", "Begin.\n{{=@ @=}}\nEnd.\n", "{}", "Begin.\nEnd.\n", {0}},
        {"alone, indented", "Begin.\n  {{=@ @=}}\nEnd.\n", "{}", "Begin.\nEnd.\n", {0}},
        {"CR LF", "|\r\n{{= @ @ =}}\r\n|", "{}", "|\r\n|", {0}},
        {"on the first line", "  {{=@ @=}}\n=", "{}", "=", {0}},
        {"on the last line", "=\n  {{=@ @=}}", "{}", "=\n", {0}},
        {"white space in the tag", "|{{= @   @ =}}|", "{}", "||", {0}},
    };
    expect_rows(rows, COUNT(rows));
}

Test(event_render, spec_partials)
{
    static const struct row rows[] = {
        {"a name", "\"{{>t}}\"", "{}", "\"from partial\"", {"t", "from partial"}},
        {"missing", "\"{{>t}}\"", "{}", "\"\"", {0}},
        {"the context goes in",
         "\"{{>p}}\"",
         "{\"t\":\"content\"}",
         "\"*content*\"",
         {"p", "*{{t}}*"}},
        {"itself",
         "{{>n}}",
         "{\"c\":\"X\",\"k\":[{\"c\":\"Y\",\"k\":[]}]}",
         "X<Y<>>",
         {"n", "{{c}}<{{#k}}{{>n}}{{/k}}>"}},
        {"in each other",
         "{{>o}}",
         "{\"a\":\"hello\",\"b\":\"world\"}",
         "*hello world!*",
         {"o", "*{{a}} {{>i}}*", "i", "{{b}}!"}},
        {"white space around", "| {{>p}} |", "{}", "| \t|\t |", {"p", "\t|\t"}},
        {"in a line, not indented",
         "  {{d}}  {{> p}}\n",
         "{\"d\":\"|\"}",
         "  |  >\n>\n",
         {"p", ">\n>"}},
        {"CR LF", "|\r\n{{>p}}\r\n|", "{}", "|\r\n>|", {"p", ">"}},
        {"on the first line", "  {{>p}}\n>", "{}", "  >\n  >>", {"p", ">\n>"}},
        {"on the last line", ">\n  {{>p}}", "{}", ">\n  >\n  >", {"p", ">\n>"}},
        {"its lines are indented, values' aren't",
         "\\\n {{>p}}\n/\n",
         "{\"c\":\"<\\n->\"}",
         "\\\n |\n <\n->\n |\n/\n",
         {"p", "|\n{{{c}}}\n|\n"}},
        {"white space in the tag", "|{{> p }}|", "{}", "|[]|", {"p", "[]"}},
    };
    expect_rows(rows, COUNT(rows));
}
