/* SPDX-License-Identifier: MIT */
#include "index/document.h"

#include <msgpack.h>
#include <stdio.h>

#include "bytes.h"

struct frame_row {
    struct document document;
    const char *want;
};

#define FILE_OF(name, bytes)                                                              \
    {                                                                                     \
        .uri = "file:///d/" name, .path = name, .text = (bytes), .len = sizeof(bytes) - 1 \
    }
#define PLAIN "\"source\"=>\"spoolgate index\", "

static const struct frame_row frames[] = {
    {FILE_OF("a.md", "# A"),
     "{\"kind\"=>\"document\", \"uri\"=>\"file:///d/a.md\", \"format\"=>\"markdown\", "
     "\"type\"=>\"document\", \"mime\"=>\"text/markdown\", " PLAIN
     "\"meta\"=>{\"path\"=>\"a.md\"}, \"md\"=>{\"path\"=>\"a.md\"}, \"text\"=>\"# A\"}"},
    {FILE_OF("x/A.HTM", "<p>"),
     "{\"kind\"=>\"document\", \"uri\"=>\"file:///d/x/A.HTM\", \"format\"=>\"html\", "
     "\"type\"=>\"html\", \"mime\"=>\"text/html\", " PLAIN
     "\"meta\"=>{\"path\"=>\"x/A.HTM\"}, \"md\"=>{\"path\"=>\"x/A.HTM\"}, \"text\"=>\"<p>\"}"},
    {FILE_OF("x.y/Makefile", ""),
     "{\"kind\"=>\"document\", \"uri\"=>\"file:///d/x.y/Makefile\", \"title\"=>\"Makefile\", "
     "\"format\"=>\"text\", \"type\"=>\"code\", \"mime\"=>\"text/plain\", " PLAIN
     "\"meta\"=>{\"path\"=>\"x.y/Makefile\"}, \"md\"=>{\"path\"=>\"x.y/Makefile\"}, "
     "\"text\"=>\"\"}"},
    {FILE_OF("c", "t"),
     "{\"kind\"=>\"document\", \"uri\"=>\"file:///d/c\", \"title\"=>\"c\", "
     "\"format\"=>\"text\", \"type\"=>\"document\", \"mime\"=>\"text/plain\", " PLAIN
     "\"meta\"=>{\"path\"=>\"c\"}, \"md\"=>{\"path\"=>\"c\"}, \"text\"=>\"t\"}"},
    {{.uri = "git:h/b%FF.c",
      .previous_uri = "git:h/a.c",
      .path = "b\xff.c",
      .pack_id = "0193a3d2-7c55-7d31-9a0e-1f6f3b2c4d5e",
      .repository = "git:h",
      .commit = "c0",
      .blob = "b0",
      .text = "int a;",
      .len = 6},
     "{\"kind\"=>\"document\", \"uri\"=>\"git:h/b%FF.c\", \"previous_uri\"=>\"git:h/a.c\", "
     "\"title\"=>\"b%FF.c\", \"format\"=>\"text\", \"type\"=>\"code\", "
     "\"mime\"=>\"text/plain\", " PLAIN "\"pack_id\"=>\"0193a3d2-7c55-7d31-9a0e-1f6f3b2c4d5e\", "
     "\"meta\"=>{\"repository\"=>\"git:h\", \"path\"=>\"b%FF.c\"}, "
     "\"md\"=>{\"repo\"=>\"git:h\", \"path\"=>\"b%FF.c\", \"commit\"=>\"c0\", \"blob\"=>\"b0\"}, "
     "\"text\"=>\"int a;\"}"},
};

static void expect_frame(const struct buf *frame, const char *want)
{
    char got[4096] = "";
    msgpack_unpacked unpacked;
    size_t at = 0;
    msgpack_unpacked_init(&unpacked);
    cr_assert_eq(msgpack_unpack_next(&unpacked, (const char *)frame->data, frame->len, &at),
                 MSGPACK_UNPACK_SUCCESS);
    cr_expect_eq(at, frame->len, "want one object of %zu bytes, got %zu", frame->len, at);
    (void)msgpack_object_print_buffer(got, sizeof got - 1, unpacked.data);
    cr_expect_str_eq(got, want, "want %s\n got %s", want, got);
    msgpack_unpacked_destroy(&unpacked);
}

Test(document, frames)
{
    for (size_t i = 0; i < COUNT(frames); i++) {
        struct buf out = {0};
        document_put(&out, &frames[i].document);
        expect_frame(&out, frames[i].want);
        buf_free(&out);
    }
    struct buf out = {0};
    document_put_deleted(&out, "git:h/a.c");
    expect_frame(&out, "{\"kind\"=>\"document\", \"uri\"=>\"git:h/a.c\", \"deleted\"=>true}");
    buf_free(&out);
}

#define POINTER "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

Test(document, what_is_text)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *want; /* a part of the problem; NULL: none */
    } texts[] = {
        {"", 0, NULL},
        {"a\n\t\x01", 4, NULL},
        {"\xc3\xa9", 2, NULL},
        {"a\0b", 3, "NUL"},
        {"\xff\xfe"
         "a",
         3, "UTF-8"},
        {"\xc3", 1, "UTF-8"},
        {"\xed\xa0\x80", 3, "UTF-8"},
        {POINTER, sizeof POINTER - 1, "Git LFS"},
        {"# On " POINTER, sizeof POINTER + 4, NULL},
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *got = document_check(texts[i].bytes, texts[i].len);
        cr_expect((!got && !texts[i].want) || (got && texts[i].want && strstr(got, texts[i].want)),
                  "row %zu: want %s, got %s", i, texts[i].want ? texts[i].want : "no problem",
                  got ? got : "none");
    }
}

Test(document, paths_in_uris)
{
    static const struct {
        const char *path, *want;
    } paths[] = {
        {"a/b-c_d.e~f", "a/b-c_d.e~f"},
        {"a b#c?d%e", "a%20b%23c%3Fd%25e"},
        {"\xc3\xa9\xff\n\"", "%C3%A9%FF%0A%22"},
        {"a@b:c+d(1)", "a@b:c+d(1)"},
        {"[x]\\|^`{}<>", "%5Bx%5D%5C%7C%5E%60%7B%7D%3C%3E"},
    };
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct buf got = {0};
        document_put_path(&got, paths[i].path);
        cr_expect_str_eq(buf_cstr(&got), paths[i].want, "%s: want %s, got %s", paths[i].path,
                         paths[i].want, buf_cstr(&got));
        buf_free(&got);
    }
}
