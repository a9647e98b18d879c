/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "bytes.h"
#include "yaml/yaml.h"

/* A tree as text: scalars as `type line:column "text"`, containers around what they hold. */
static void show(const struct yaml_node *node, struct buf *out)
{
    static const char *const names[] = {"null", "bool", "int", "float", "text", "[", "{"};
    buf_printf(out, "%s %d:%d", names[node->type], node->place.line, node->place.column);
    if (node->text) {
        buf_printf(out, " %s%s", node->text, node->is_bad ? "!" : "");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        buf_str(out, i > 0 ? ", " : " ");
        if (node->entries[i].key) {
            buf_printf(out, "%s %d:%d = ", node->entries[i].key->text,
                       node->entries[i].key->place.line, node->entries[i].key->place.column);
        }
        show(node->entries[i].value, out);
    }
    buf_str(out, node->type == YAML_LIST ? " ]" : " }");
}

static void show_findings(struct yaml_diag *diag, struct buf *out)
{
    yaml_diag_sort(diag);
    for (size_t i = 0; i < diag->count; i++) {
        buf_str(out, i > 0 ? "\n" : "");
        yaml_diag_text(&diag->items[i], out);
    }
}

Test(yaml_read, trees)
{
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("a: 1\n"), "{ 1:1 a 1:1 = int 1:4 1 }"},
        {BYTES("a: \"1\"\nb: '1'\n"), "{ 1:1 a 1:1 = text 1:4 1, b 2:1 = text 2:4 1 }"},
        {BYTES("a:\n  - x\n  - [1.5, ~]\n"),
         "{ 1:1 a 1:1 = [ 2:3 text 2:5 x, [ 3:5 float 3:6 1.5, null 3:11 ~ ] ] }"},
        {BYTES("{a: {}, b: []}"), "{ 1:1 a 1:2 = { 1:5 }, b 1:9 = [ 1:12 ] }"},
        {BYTES("a:\nb: true\n"), "{ 1:1 a 1:1 = null 1:1 , b 2:1 = bool 2:4 true }"},
        {BYTES("a: |\n  x\n  y\n"), "{ 1:1 a 1:1 = text 2:1 x\ny\n }"},
        {BYTES("\xef\xbb\xbf"
               "a: 1\r\nb: 2\r\n"),
         "{ 1:1 a 1:1 = int 1:4 1, b 2:1 = int 2:4 2 }"},
        {BYTES("\xc3\xa9: \xc3\xbc\n"), "{ 1:1 \xc3\xa9 1:1 = text 1:4 \xc3\xbc }"},
        {BYTES("1: x\nnull: y\n"), "{ 1:1 1 1:1 = text 1:4 x, null 2:1 = text 2:7 y }"},
        {BYTES("just text\n"), "text 1:1 just text"},
        {BYTES("- 1\n- 2\n"), "[ 1:1 int 1:3 1, int 2:3 2 ]"},
        {BYTES("---\na: 1\n...\n"), "{ 2:1 a 2:1 = int 2:4 1 }"},
        {BYTES("a: &x 1\n"), "{ 1:1 a 1:1 = int 1:7 1 }"},
        {BYTES(""), ""},
        {BYTES("\xef\xbb\xbf"), ""},
        {BYTES("# a remark\n"), ""},
        {BYTES("---\n...\n"), ""},
        {BYTES("~\n"), ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = {0};
        struct yaml_diag diag = {0};
        struct buf got = {0};
        struct buf findings = {0};
        struct yaml_node *root = yaml_read(&arena, "t", rows[i].text, rows[i].len, &diag);
        if (root)
            show(root, &got);
        show_findings(&diag, &findings);
        cr_expect_eq(diag.count, 0, "row %zu: %s", i, buf_cstr(&findings));
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "row %zu: %s\nwant: %s\n got: %s", i,
                         rows[i].text, rows[i].want, buf_cstr(&got));
        buf_free(&got);
        buf_free(&findings);
        yaml_diag_free(&diag);
        arena_free(&arena);
    }
}

/* Each mistake at its place; after those of one value, the others are still found. `...`: whatever
 * libfyaml says there. */
Test(yaml_read, mistakes)
{
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } rows[] = {
        {BYTES("a: &x 1\nb: *x\n"), "t:2:4: aliases (*name) are not understood here"},
        {BYTES("a: &x [*x]\n"), "t:1:8: aliases (*name) are not understood here"},
        {BYTES("a: *gone\n"), "t:1:4: aliases (*name) are not understood here"},
        {BYTES("a: &x {b: 1}\nc:\n  <<: *x\n"), "t:3:7: aliases (*name) are not understood here"},
        {BYTES("a: !!str 5\nb: !x {}\nc: !y []\n"),
         "t:1:4: tags (!name) are not understood here; write the value alone\n"
         "t:2:4: tags (!name) are not understood here; write the value alone\n"
         "t:3:4: tags (!name) are not understood here; write the value alone"},
        {BYTES("a: 1\nb: 2\na: 3\n"), "t:3:1: duplicate key `a`; the first is in line 1"},
        {BYTES("a: 1\n\"a\": 3\n"), "t:2:1: duplicate key `a`; the first is in line 1"},
        {BYTES("? [a]\n: b\n? {c: d}\n: e\n"), "t:1:3: a key must be a single value\n"
                                               "t:3:3: a key must be a single value"},
        {BYTES("a: \"x\\0y\"\n"), "t:1:4: a NUL character"},
        {BYTES("a: 1\n---\nb: 1\n"),
         "t:2:1: more than one YAML document; a file of its own for each"},
        {BYTES("a: x\0y\n"), "t:1:5: a NUL character"},
        {BYTES("a: 1\nb: \xc3\xa9\xff\n"), "t:2:5: not UTF-8"},
        {BYTES("\xff\xfe"
               "a\0"),
         "t:1:1: not UTF-8"},
        {BYTES("\ta: 1\n"), "t:1:1: ..."},
        {BYTES("a:\n\t- 1\n"), "t:2:1: ..."},
        {BYTES("a: \"open\n"), "t:1:..."},
        {BYTES("a: [1, 2\n"), "t:..."},
        {BYTES("a: 1\n  b: 2\n"), "t:..."},
        {BYTES("a: 1}\nb: {\n"), "t:..."},
        {BYTES("%YAML 9.9\n---\na: 1\n"), "t:1:..."},
        {BYTES("]"), "t:1:..."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = {0};
        struct yaml_diag diag = {0};
        struct buf got = {0};
        (void)yaml_read(&arena, "t", rows[i].text, rows[i].len, &diag);
        show_findings(&diag, &got);
        const char *open_end = strstr(rows[i].want, "...");
        bool same =
            open_end ? strncmp(buf_cstr(&got), rows[i].want, (size_t)(open_end - rows[i].want)) == 0
                     : strcmp(buf_cstr(&got), rows[i].want) == 0;
        cr_expect(same, "row %zu: %s\nwant: %s\n got: %s", i, rows[i].text, rows[i].want,
                  buf_cstr(&got));
        buf_free(&got);
        yaml_diag_free(&diag);
        arena_free(&arena);
    }
}

/* Bombs cost nothing: each is refused at its limit. */
Test(yaml_read, limits)
{
    static const struct {
        const char *start, *piece;
        size_t count;
        const char *want;
    } rows[] = {
        {"", "x", YAML_BYTES_MAX, ""},
        {"", "x", YAML_BYTES_MAX + 1, "t: larger than 1 MiB"},
        {"a: ", "x", 10 << 20, "t: larger than 1 MiB"},
        {"", "[", YAML_DEPTH_MAX + 1, "t:1:33: nested deeper than 32 levels"},
        {"", "[", 1000000, "t:1:33: nested deeper than 32 levels"},
        {"", "{a: ", 200000, "t:1:129: nested deeper than 32 levels"},
        {"", "- ", 400000, "t:1:65: nested deeper than 32 levels"},
        {"x: 1\n", "%zu: 1\n", YAML_KEYS_MAX - 1, ""},
        {"x: 1\n", "%zu: 1\n", 100000, "t:4097:1: more than 4096 keys in one map"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct arena arena = {0};
        struct yaml_diag diag = {0};
        struct buf text = {0};
        struct buf got = {0};
        buf_str(&text, rows[i].start);
        for (size_t k = 0; k < rows[i].count; k++) {
            char piece[32];
            (void)snprintf(piece, sizeof piece, rows[i].piece, k);
            buf_str(&text, piece);
        }
        (void)yaml_read(&arena, "t", (const char *)text.data, text.len, &diag);
        show_findings(&diag, &got);
        cr_expect_str_eq(buf_cstr(&got), rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, buf_cstr(&got));
        buf_free(&text);
        buf_free(&got);
        yaml_diag_free(&diag);
        arena_free(&arena);
    }
}

Test(yaml_read, get)
{
    struct arena arena = {0};
    struct yaml_diag diag = {0};
    struct yaml_node *root = yaml_read(&arena, "t", BYTES("a: 1\nb: [x]\nc: *a\n"), &diag);
    cr_assert_not_null(root);
    cr_expect_str_eq(yaml_get(root, "a")->text, "1");
    cr_expect_eq(yaml_get(root, "b")->type, YAML_LIST);
    cr_expect_null(yaml_get(root, "c"), "a bad value is as good as none");
    cr_expect_null(yaml_get(root, "d"));
    cr_expect_null(yaml_get(yaml_get(root, "b"), "x"), "a list has no keys");
    yaml_diag_free(&diag);
    arena_free(&arena);
}
