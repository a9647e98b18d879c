/* SPDX-License-Identifier: MIT */
#include "cli/glance.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/knowledge.h"
#include "cli/show.h"
#include "cli/sinks.h"

enum { REV_SHOWN = 12, LINE_MOST = 80 };

static void put_head(struct buf *out, const json_t *status)
{
    const json_t *daemon = json_object_get(status, "daemon");
    const json_t *database = json_object_get(status, "database");
    char age[STR_HUMAN];
    buf_printf(out, "spool     %s\n", show_str(status, "spool"));
    if (json_is_object(daemon))
        buf_printf(out, "daemon    running, pid %" PRId64 ", for %s%s\n", show_int(daemon, "pid"),
                   show_age(daemon, "started_at", time_now(), age),
                   json_is_true(json_object_get(daemon, "stopping")) ? ", stopping" : "");
    else
        buf_str(out, "daemon    not running: this is read from the spool and the database\n");
    if (*show_str(database, "error"))
        buf_printf(out, "database  UNAVAILABLE: %s\n", show_str(database, "error"));
    else
        buf_printf(out, "database  %s\n", show_str(database, "target"));
    const json_t *courier = json_object_get(daemon, "courier");
    if (!*show_str(database, "error") && *show_str(courier, "database_error"))
        buf_printf(out, "events    NOT DELIVERED: %s\n", show_str(courier, "database_error"));
}

/* As much of a commit or hash as people tell apart. */
static const char *short_rev(const char *rev, char text[REV_SHOWN + 32])
{
    size_t prefix = strncmp(rev, "sha256:", 7) == 0 ? 7 : 0;
    const char *rest = strchr(rev, '+');
    (void)snprintf(text, REV_SHOWN + 32, "%.*s%.10s", (int)(prefix + REV_SHOWN), rev,
                   rest ? rest : "");
    return text;
}

static void put_manifests(struct buf *out, const json_t *status)
{
    const json_t *m = json_object_get(status, "manifests");
    char rev[REV_SHOWN + 32];
    char age[STR_HUMAN];
    if (*show_str(m, "error"))
        buf_printf(out, "manifests UNUSABLE: %s\n", show_str(m, "error"));
    if (!json_is_object(m) || !*show_str(m, "source"))
        return;
    buf_printf(out, "manifests %s%s%s", show_str(m, "source"), *show_str(m, "rev") ? ", " : "",
               short_rev(show_str(m, "rev"), rev));
    if (json_is_object(json_object_get(status, "daemon")))
        buf_printf(out, ", read %s ago", show_age(m, "loaded_at", time_now(), age));
    buf_byte(out, '\n');
    if (*show_str(m, "refused"))
        buf_printf(out, "          NOT RELOADED since: %s\n", show_str(m, "refused"));
}

/* What is wrong, on indented lines of about 80 bytes. */
static void put_words(struct buf *out, const char *text)
{
    size_t column = 0;
    while (*(text += strspn(text, " "))) {
        size_t n = strcspn(text, " ");
        if (column > 0 && column + 1 + n > LINE_MOST) {
            buf_byte(out, '\n');
            column = 0;
        }
        buf_str(out, column == 0 ? "    " : " ");
        buf_put(out, text, n);
        column += column == 0 ? 4 + n : 1 + n;
        text += n;
    }
    if (column > 0)
        buf_byte(out, '\n');
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* How near the gate is to opening, by the threshold that is nearest. */
static void put_fill(struct buf *out, const json_t *g)
{
    const json_t *opens = json_object_get(g, "opens");
    int64_t oldest = show_time(g, "oldest_at");
    double age_s = oldest == INT64_MIN ? 0 : (double)(time_now() - oldest) / 1e6;
    double fills[] = {ratio((double)show_int(g, "waiting"), (double)show_int(opens, "count")),
                      ratio((double)show_int(g, "bytes"), (double)show_int(opens, "bytes")),
                      ratio(age_s, json_number_value(json_object_get(opens, "age_s")))};
    double fill = 0;
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++)
        fill = fills[i] > fill ? fills[i] : fill;
    if (show_int(g, "waiting") > 0 && fill > 0 && !*show_str(g, "stalled_reason") &&
        !json_is_true(json_object_get(g, "held")))
        buf_printf(out, ", %.0f%% full", fill < 1 ? fill * 100 : 100);
}

/* Nobody loads these, whatever happens. */
static void put_unclaimable(struct buf *out, const json_t *g)
{
    int64_t count = show_int(g, "unclaimable");
    if (count > 0)
        buf_printf(out, "    %" PRId64 " %s left alone: `spoolgate doctor` says which, and why\n",
                   count, count == 1 ? "file is" : "files are");
}

static void put_gates(struct buf *out, const json_t *status)
{
    size_t i;
    json_t *g;
    buf_printf(out, "\n%-16s %10s %10s %12s  %s\n", "GATE", "WAITING", "BYTES", "OLDEST", "STATE");
    json_array_foreach(json_object_get(status, "gates"), i, g)
    {
        char gate[SHOW_CELL];
        char waiting[STR_HUMAN];
        char bytes[STR_HUMAN];
        char age[STR_HUMAN];
        const char *stalled = show_str(g, "stalled_reason");
        bool is_held = json_is_true(json_object_get(g, "held"));
        buf_printf(out, "%s %9s%s %10s %12s  %s", show_cell(show_str(g, "gate"), 16, gate),
                   show_count(g, "waiting", waiting),
                   json_is_true(json_object_get(g, "more")) ? "+" : " ",
                   str_size((uint64_t)show_int(g, "bytes"), bytes),
                   show_age(g, "oldest_at", time_now(), age),
                   is_held    ? "held by hand"
                   : *stalled ? "STALLED"
                              : "open for segments");
        put_fill(out, g);
        if (show_int(g, "unsettled") > 0)
            buf_printf(out, " (+%" PRId64 " being written)", show_int(g, "unsettled"));
        buf_byte(out, '\n');
        if (!is_held)
            put_words(out, stalled);
        put_unclaimable(out, g);
    }
}

static void put_loading(struct buf *out, const json_t *status)
{
    size_t i;
    json_t *l;
    const json_t *loading = json_object_get(status, "loading");
    if (json_array_size(loading) > 0)
        buf_str(out, "\nIN PROCESSING\n");
    json_array_foreach(loading, i, l)
    {
        char age[STR_HUMAN];
        buf_printf(out, "%s  %s", show_str(l, "batch_id"), show_str(l, "state"));
        if (*show_str(l, "since"))
            buf_printf(out, " for %s", show_age(l, "since", time_now(), age));
        if (*show_str(l, "error"))
            buf_printf(out, ": %s", show_str(l, "error"));
        buf_byte(out, '\n');
    }
}

static void put_sinks(struct buf *out, const json_t *status)
{
    int64_t dead = show_int(status, "dead_letters");
    char n[STR_MANY];
    (void)sinks_put(out, json_object_get(status, "sinks"), SINKS_NOTEWORTHY);
    if (dead > 0)
        buf_printf(out, "\n%s: see `spoolgate dlq list`\n",
                   str_many((uint64_t)dead, "dead letter", n));
}

static void put_recent(struct buf *out, const json_t *status)
{
    size_t i;
    json_t *m;
    const json_t *recent = json_object_get(status, "recent");
    if (json_array_size(recent) == 0)
        return;
    buf_printf(out, "\n%-32s %-7s %10s %8s %7s  %s\n", "LAST BATCHES", "STATUS", "ROWS", "REJECTED",
               "FAILED", "OPENED AGO");
    json_array_foreach(recent, i, m)
    {
        char tag[SHOW_CELL];
        char rows[STR_HUMAN];
        char rejected[STR_HUMAN];
        char failed[STR_HUMAN];
        char age[STR_HUMAN];
        buf_printf(out, "%s %-7s %10s %8s %7s  %s\n", show_cell(show_str(m, "batch_tag"), 32, tag),
                   show_str(m, "status"), show_count(m, "rows_loaded", rows),
                   show_count(m, "frames_rejected", rejected),
                   show_count(m, "segments_failed", failed),
                   show_age(m, "opened_at", time_now(), age));
    }
}

void glance_put(struct buf *out, const json_t *status)
{
    put_head(out, status);
    put_manifests(out, status);
    put_gates(out, status);
    put_loading(out, status);
    knowledge_put(out, json_object_get(status, "knowledge"));
    put_sinks(out, status);
    put_recent(out, status);
}
