/* SPDX-License-Identifier: MIT */
#include "cli/steps.h"

#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/sql.h"

/* Names come from outside: none of them ends a comment or moves the cursor. */
static void print_comment(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        (void)putchar(*p < ' ' || *p == 0x7f ? '?' : *p);
    (void)putchar('\n');
}

static void print_sql(const char *sql, bool is_remark)
{
    while (*sql) {
        size_t len = strcspn(sql, "\n");
        (void)printf("%s%.*s\n", is_remark ? "-- " : "", (int)len, sql);
        sql += len + (sql[len] == '\n');
    }
}

static void print_step(const struct plan_step *step, unsigned allow, bool is_refused)
{
    (void)fputs("-- ", stdout);
    if (is_refused && !plan_is_allowed(step, allow) && step->allow != PLAN_NEVER)
        (void)printf("needs --allow %s: ", plan_allow_name(step->allow));
    else if (step->allow == PLAN_NEVER)
        (void)fputs("not done by apply: ", stdout);
    print_comment(step->sentence);
    if (step->sql)
        print_sql(step->sql, is_refused);
}

/* Names without a schema are in the configured one. */
static void print_search_path(const struct plan *plan)
{
    struct buf schema = {0};
    sql_identifier(&schema, plan->schema);
    (void)printf("SET search_path = %s, pg_temp;\n", buf_cstr(&schema));
    buf_free(&schema);
}

static void print_heading(const struct plan *plan, size_t stream, bool is_first, bool is_refused)
{
    if (is_first)
        print_search_path(plan);
    (void)fputs("\n-- stream ", stdout);
    print_comment(plan->streams->streams[stream].name);
    if (is_refused)
        (void)puts("-- (apply leaves this stream alone: not all of its steps are allowed)");
}

void steps_print(const struct plan *plan, unsigned allow)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];
        bool is_refused = plan_is_refused(plan, step->stream, allow);
        if (i == 0 || step->stream != step[-1].stream)
            print_heading(plan, step->stream, i == 0, is_refused);
        print_step(step, allow, is_refused);
    }
}

void steps_print_done(const struct plan *plan)
{
    const struct plan_step *last = NULL;
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];
        if (step->state != PLAN_DONE)
            continue;
        if (!last || step->stream != last->stream)
            print_heading(plan, step->stream, !last, false);
        print_step(step, step->allow, false);
        last = step;
    }
}

static void json_step(struct jsonw *j, const struct plan *plan, const struct plan_step *step)
{
    const struct stream *s = &plan->streams->streams[step->stream];
    char label[STREAM_LABEL];
    jsonw_object(j);
    jsonw_key(j, "stream");
    jsonw_str(j, s->name);
    jsonw_key(j, "table");
    jsonw_str(j, stream_label(s, label));
    jsonw_key(j, "kind");
    jsonw_str(j, plan_kind_name(step->kind));
    jsonw_key(j, "allow");
    jsonw_str(j, plan_allow_name(step->allow));
    jsonw_key(j, "text");
    jsonw_str(j, step->sentence);
    jsonw_key(j, "sql");
    jsonw_str(j, step->sql);
    jsonw_end(j);
}

void steps_print_json(const struct plan *plan)
{
    struct buf out = {0};
    struct jsonw j = {.out = &out};
    jsonw_object(&j);
    jsonw_key(&j, "steps");
    jsonw_array(&j);
    for (size_t i = 0; i < plan->count; i++)
        json_step(&j, plan, &plan->steps[i]);
    jsonw_end(&j);
    jsonw_end(&j);
    (void)puts(buf_cstr(&out));
    buf_free(&out);
}
