/* SPDX-License-Identifier: MIT */
/*
 * nodes: a compiled template, between template.c that makes it and render.c that walks it.
 *
 * A template is a flat list of nodes; a section knows where its children end. Whatever only
 * concerns the source (delimiters, comments, lines that hold nothing but a tag) is gone by then,
 * and a fault in a branch that today's data doesn't take is found as well.
 */
#ifndef SPOOLGATE_EVENT_NODES_H
#define SPOOLGATE_EVENT_NODES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "event/template.h"

enum node_kind { NODE_TEXT, NODE_ESCAPED, NODE_RAW, NODE_SECTION, NODE_INVERTED, NODE_PARTIAL };

struct node {
    enum node_kind kind;
    const char *text; /* NODE_TEXT: the bytes; else the name */
    size_t len;
    size_t at;     /* where its tag starts, for messages */
    size_t indent; /* NODE_PARTIAL alone on its line: bytes of white space before it */
    size_t end;    /* NODE_SECTION, NODE_INVERTED: index of the first node after it */
};

struct template
{
    char *name;
    char *text;
    size_t len;
    size_t indent; /* what a partial's lines were indented by, which isn't in its file */
    bool json;
    struct node *nodes;
    size_t count, cap;
};

/* A partial's text, every line of it behind `indent` bytes of white space. */
struct err nodes_compile(const char *name, const char *text, size_t len, size_t indent,
                         struct template **out);

/* The path of the file that a NODE_PARTIAL names. */
void nodes_partial_path(const struct template *t, const struct node *n, struct buf *path);

/* "FILE:LINE:COL: " before the message. */
struct err nodes_fail(enum err_class cls, const struct template *t, size_t at, const char *format,
                      ...) __attribute__((format(printf, 4, 5), warn_unused_result));

/* Names in messages, for "%.*s": a name may be as long as the template. */
int nodes_shown(size_t len);

#endif
