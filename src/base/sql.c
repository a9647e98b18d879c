/* SPDX-License-Identifier: MIT */
#include "base/sql.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>

static void quoted(struct buf *out, const char *text, char quote, bool double_backslash)
{
    buf_byte(out, (uint8_t)quote);
    for (const char *p = text; *p; p++) {
        if (*p == quote || (double_backslash && *p == '\\'))
            buf_byte(out, (uint8_t)*p);
        buf_byte(out, (uint8_t)*p);
    }
    buf_byte(out, (uint8_t)quote);
}

void sql_identifier(struct buf *out, const char *name)
{
    quoted(out, name, '"', false);
}

void sql_literal(struct buf *out, const char *text)
{
    bool backslash = strchr(text, '\\') != NULL;
    if (backslash)
        buf_str(out, " E");
    quoted(out, text, '\'', backslash);
}

void sql_element(struct buf *out, const char *text)
{
    if (out->len > 0 && out->data[out->len - 1] != '{')
        buf_byte(out, ',');
    buf_byte(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_byte(out, '\\');
        buf_byte(out, (uint8_t)*p);
    }
    buf_byte(out, '"');
}

static const char *value_of(const struct sql_var *vars, const char *name, size_t len)
{
    for (; vars->name; vars++)
        if (strlen(vars->name) == len && memcmp(vars->name, name, len) == 0)
            return vars->value;
    assert(!"a variable of the SQL text has no value");
    return "";
}

static size_t name_length(const char *p)
{
    size_t n = 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_')
        n++;
    return n;
}

void sql_fill(struct buf *out, const char *sql, const struct sql_var *vars)
{
    const char *p = sql;
    while (*p) {
        if (p[0] == '-' && p[1] == '-') { /* comments are for readers of the file */
            p += strcspn(p, "\n");
            if (*p == '\n' && (out->len == 0 || out->data[out->len - 1] == '\n'))
                p++; /* and their lines */
            continue;
        }
        if (p[0] == ':' && p[1] == ':') { /* a cast */
            buf_str(out, "::");
            p += 2;
            continue;
        }
        char quote = p[0] == ':' && (p[1] == '"' || p[1] == '\'') ? p[1] : '\0';
        const char *name = p + 1 + (quote != '\0');
        size_t len = p[0] == ':' ? name_length(name) : 0;
        if (len == 0 || (quote && name[len] != quote)) {
            buf_byte(out, (uint8_t)*p++);
            continue;
        }
        const char *value = value_of(vars, name, len);
        if (quote == '"')
            sql_identifier(out, value);
        else if (quote == '\'')
            sql_literal(out, value);
        else
            buf_str(out, value);
        p = name + len + (quote != '\0');
    }
}
