/* SPDX-License-Identifier: MIT */
#include "index/document.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/utf8.h"
#include "frame/pack.h"

#define SOURCE "spoolgate index"

struct kind {
    const char *endings; /* with a blank around each */
    const char *format, *type, *mime;
};
static const struct kind kinds[] = {
    {" md markdown mdown mkd ", "markdown", "document", "text/markdown"},
    {" html htm xhtml ", "html", "html", "text/html"},
    {" c h cc cpp cxx hh hpp hxx py pyi rb rs go java kt kts scala js mjs cjs ts tsx jsx vue cs fs "
     "swift m mm pl pm php lua r jl hs ml mli ex exs erl clj lisp el scm sh bash zsh fish ps1 bat "
     "sql awk tcl vim d zig nim dart proto thrift graphql asm s cmake mk gradle nix tf css scss "
     "less ",
     "text", "code", "text/plain"},
    {" json jsonl yaml yml toml ini cfg conf xml csv tsv properties ", "text", "document",
     "text/plain"},
};
static const struct kind other = {NULL, "text", "document", "text/plain"};

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const struct kind *kind_of(const char *path)
{
    const char *dot = strrchr(name_of(path), '.');
    char ending[16];
    if (strcmp(name_of(path), "Makefile") == 0 || strcmp(name_of(path), "Dockerfile") == 0)
        return &kinds[2];
    if (!dot || strlen(dot + 1) + 3 > sizeof ending)
        return &other;
    ending[0] = ' ';
    (void)strcpy(ending + 1, dot + 1);
    (void)strcat(ending, " ");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcasestr(kinds[i].endings, ending))
            return &kinds[i];
    return &other;
}

/* What git has in the place of a large file: three lines that say nothing to a reader. */
static bool is_lfs_pointer(const void *bytes, size_t len)
{
    static const char first[] = "version https://git-lfs.github.com/spec/v";
    const size_t most = 1024; /* its specification's */
    return len < most && len >= sizeof first - 1 && memcmp(bytes, first, sizeof first - 1) == 0;
}

const char *document_check(const void *bytes, size_t len)
{
    if (memchr(bytes, '\0', len))
        return "not text: it has NUL bytes";
    if (utf8_check(bytes, len) != len)
        return "not text: it isn't UTF-8";
    return is_lfs_pointer(bytes, len) ? "a Git LFS pointer: the file itself isn't here" : NULL;
}

void document_put_path(struct buf *uri, const char *path)
{
    for (const char *p = path; *p; p++) {
        char c = *p;
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("-._~/!$&'()*+,;=:@", c);
        if (is_plain)
            buf_byte(uri, (uint8_t)c);
        else
            buf_printf(uri, "%%%02X", (unsigned)(uint8_t)c);
    }
}

/* A name as text: as it is where it is UTF-8, else percent-encoded. */
static json_t *name_text(const char *name)
{
    if (utf8_check((const uint8_t *)name, strlen(name)) == strlen(name))
        return json_string(name);
    struct buf encoded = {0};
    str_percent_encode(&encoded, name);
    json_t *text = json_string(buf_cstr(&encoded));
    buf_free(&encoded);
    return text;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        (void)json_object_set_new(object, key, json_string(text));
}

void document_put(struct buf *out, const struct document *d)
{
    const struct kind *kind = kind_of(d->path);
    json_t *md = json_object();
    json_t *meta = json_object();
    set_text(meta, "repository", d->repository);
    (void)json_object_set_new(meta, "path", name_text(d->path));
    set_text(md, "repo", d->repository);
    (void)json_object_set_new(md, "path", name_text(d->path));
    set_text(md, "commit", d->commit);
    set_text(md, "blob", d->blob);

    json_t *frame = json_object();
    set_text(frame, "kind", "document");
    set_text(frame, "uri", d->uri);
    set_text(frame, "previous_uri", d->previous_uri);
    /* Of Markdown and HTML the first heading is the better title, which the loader finds. */
    if (strcmp(kind->format, "text") == 0)
        (void)json_object_set_new(frame, "title", name_text(name_of(d->path)));
    set_text(frame, "format", kind->format);
    set_text(frame, "type", kind->type);
    set_text(frame, "mime", kind->mime);
    set_text(frame, "source", SOURCE);
    set_text(frame, "pack_id", d->pack_id);
    (void)json_object_set_new(frame, "meta", meta);
    (void)json_object_set_new(frame, "md", md);
    (void)json_object_set_new(frame, "text",
                              json_stringn_nocheck(d->len > 0 ? d->text : "", d->len));
    pack_json(out, frame);
    json_decref(frame);
}

void document_put_deleted(struct buf *out, const char *uri)
{
    json_t *frame = json_pack("{s:s, s:s, s:b}", "kind", "document", "uri", uri, "deleted", 1);
    pack_json(out, frame);
    json_decref(frame);
}
