/* SPDX-License-Identifier: MIT */
#include "web/ready.h"

#include <string.h>

/* Others' words within ours: a line each is the promise. */
static void put_line(struct buf *out, const char *before, const char *name, const char *text)
{
    buf_printf(out, "%s%s%s", before, name, *text ? ": " : "");
    size_t start = out->len;
    buf_str(out, text);
    for (size_t i = start; i < out->len; i++)
        if (out->data[i] < ' ')
            out->data[i] = ' ';
    buf_byte(out, '\n');
}

void ready_judge(const struct view *v, struct buf *reasons)
{
    if (v->stopping)
        put_line(reasons, "the daemon stops", "", "");
    if (v->scanned_us == 0)
        put_line(reasons, "the daemon starts", "", "the spool hasn't been looked through yet");
    if (*v->database_error)
        put_line(reasons, "the database can't be used", "", v->database_error);
    for (size_t i = 0; i < v->gate_count; i++) {
        const struct view_gate *g = &v->gates[i];
        if (g->stall == VIEW_NOT_STALLED || g->stall == VIEW_STALLED_DATABASE)
            continue; /* the latter has been said */
        put_line(reasons, "stalled: gate ", g->name, g->stalled);
    }
}
