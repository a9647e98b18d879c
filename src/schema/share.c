/* SPDX-License-Identifier: MIT */
#include "schema/share.h"

#include <string.h>

bool share_is_promised(const struct column *c)
{
    return c->required || c->source == COLUMN_FROM_BATCH || c->source == COLUMN_FROM_SEGMENT ||
           c->source == COLUMN_FROM_FRAME ||
           (c->source == COLUMN_FROM_CONSTANT && c->fallback.text);
}

static bool is_beside(const struct stream *other, const struct stream *s)
{
    char theirs[STREAM_LABEL];
    char ours[STREAM_LABEL];
    return other != s && strcmp(stream_label(other, theirs), stream_label(s, ours)) == 0;
}

static const struct column *find_column(const struct stream *s, const char *name)
{
    for (size_t i = 0; i < s->column_count; i++)
        if (strcmp(s->columns[i].name, name) == 0)
            return &s->columns[i];
    return NULL;
}

bool share_has_column(const struct stream_set *streams, const struct stream *s, const char *column)
{
    for (size_t i = 0; i < streams->count; i++)
        if (is_beside(&streams->streams[i], s) && find_column(&streams->streams[i], column))
            return true;
    return false;
}

bool share_leaves_out(const struct stream_set *streams, const struct stream *s, const char *column)
{
    for (size_t i = 0; i < streams->count; i++) {
        const struct column *c = find_column(&streams->streams[i], column);
        if (is_beside(&streams->streams[i], s) && !(c && share_is_promised(c)))
            return true;
    }
    return false;
}
