/* SPDX-License-Identifier: MIT */
/*
 * sql: fills names into SQL text, in the notation that psql uses, so that every file in db/ can
 * also be run by hand:
 *
 *     :"name"   a quoted identifier
 *     :'name'   a quoted literal
 *     :name     text that is SQL already (a column list made by stream_ddl)
 *
 * Values of a query are not filled in: they are parameters ($1, $2, ...).
 */
#ifndef SPOOLGATE_BASE_SQL_H
#define SPOOLGATE_BASE_SQL_H

#include "base/buf.h"

struct sql_var {
    const char *name, *value;
};

/* vars ends with {0}. A name in the text that vars lacks is a caller's bug (assert). */
void sql_fill(struct buf *out, const char *sql, const struct sql_var *vars);

void sql_identifier(struct buf *out, const char *name); /* "name", inner quotes doubled */
void sql_literal(struct buf *out, const char *text);    /* 'text' or E'text' */
/* One more element of a text[] parameter's text: "{" sql_element... "}". */
void sql_element(struct buf *out, const char *text);

#endif
