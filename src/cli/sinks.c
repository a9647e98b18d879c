/* SPDX-License-Identifier: MIT */
#include "cli/sinks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/show.h"
#include "outbox/queue.h"

enum { TROUBLE_SHOWN = 72 }; /* with the dots and the indent, 80 columns */

static bool is_noteworthy(const json_t *s)
{
    const char *state = show_str(s, "state");
    bool is_well = strcmp(state, "ok") == 0 || strcmp(state, "undeclared") == 0;
    return !is_well || show_int(s, "waiting") > 0;
}

/* Paused ones, too, unless they have only asked for it. */
static bool is_failing(const json_t *s)
{
    const char *state = show_str(s, "state");
    return strcmp(state, "failing") == 0 ||
           (strcmp(state, "paused") == 0 && show_int(s, "failures") > 0);
}

/* Appends what is wrong, and what to do about it; the error is a line of its own. */
static void describe(const json_t *s, int64_t now, struct buf *out)
{
    const char *state = show_str(s, "state");
    char age[STR_HUMAN];
    if (strcmp(state, "undeclared") == 0) {
        if (show_int(s, "waiting") > 0)
            buf_str(out, "no manifest declares it: what waits, waits for one that does");
    } else if (strcmp(state, "disabled") == 0) {
        bool is_by_hand = strcmp(show_str(s, "error"), QUEUE_BY_HAND) == 0;
        buf_printf(out, "%s, %s ago; on again: spoolgate sink enable %s",
                   is_by_hand ? QUEUE_BY_HAND : "answered 410",
                   show_age(s, "disabled_at", now, age), show_str(s, "sink"));
    } else if (is_failing(s)) {
        int64_t failures = show_int(s, "failures");
        int64_t wait = strcmp(state, "paused") == 0 ? show_time(s, "not_before") - now : 0;
        if (failures > 0)
            buf_printf(out, "failed %" PRId64 " time%s in a row", failures,
                       failures == 1 ? "" : "s");
        else
            buf_printf(out, "what waits couldn't be sent; at once again: spoolgate sink enable %s",
                       show_str(s, "sink"));
        if (wait > 0)
            buf_printf(out, ", tried again in %s", str_duration(wait, age));
    } else if (strcmp(state, "paused") == 0) {
        buf_printf(out, "asked to be left alone until %s", show_str(s, "not_before"));
    }
}

static void put_clipped(struct buf *out, const char *text, enum sinks_shown shown)
{
    char clipped[SHOW_CLIP];
    if (*text)
        buf_printf(out, "    %s\n",
                   show_clip(text, shown == SINKS_ALL ? SHOW_CLIP_MOST : TROUBLE_SHOWN, clipped));
}

static void put_row(struct buf *out, const json_t *s, enum sinks_shown shown)
{
    char waiting[STR_HUMAN];
    char dead[STR_HUMAN];
    char oldest[STR_HUMAN];
    char age[STR_HUMAN];
    char success[STR_HUMAN + 4];
    char sink[SHOW_CELL];
    struct buf trouble = {0};
    int64_t now = time_now();
    bool succeeded = show_time(s, "last_success_at") != INT64_MIN;
    (void)snprintf(success, sizeof success, "%s%s", show_age(s, "last_success_at", now, age),
                   succeeded ? " ago" : "");
    buf_printf(out, "%s %-10s %9s %12s %6s %15s", show_cell(show_str(s, "sink"), 16, sink),
               show_str(s, "state"), show_count(s, "waiting", waiting),
               show_age(s, "oldest_waiting", now, oldest), show_count(s, "dead_letters", dead),
               success);
    if (shown == SINKS_ALL && *show_str(s, "target"))
        buf_printf(out, "  %s", show_str(s, "target"));
    buf_byte(out, '\n');
    describe(s, now, &trouble);
    put_clipped(out, buf_cstr(&trouble), shown);
    if (is_failing(s))
        put_clipped(out, show_str(s, "error"), shown);
    buf_free(&trouble);
}

size_t sinks_put(struct buf *out, const json_t *sinks, enum sinks_shown shown)
{
    size_t i;
    size_t count = 0;
    json_t *s;
    json_array_foreach(sinks, i, s)
    {
        if (shown == SINKS_NOTEWORTHY && !is_noteworthy(s))
            continue;
        if (count++ == 0)
            buf_printf(out, "%s%-16s %-10s %9s %12s %6s %15s%s\n", shown == SINKS_ALL ? "" : "\n",
                       "SINK", "STATE", "WAITING", "OLDEST", "DEAD", "LAST SUCCESS",
                       shown == SINKS_ALL ? "  TARGET" : "");
        put_row(out, s, shown);
    }
    return count;
}
