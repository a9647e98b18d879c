/* SPDX-License-Identifier: MIT */
#include "daemon/serve.h"

#include "base/pulse.h"
#include "base/time.h"
#include "daemon/view.h"

static void tell_view(void *context, struct view *view)
{
    const struct serve *s = context;
    board_view(s->board, view);
}

static void tell_live(void *context, struct buf *json)
{
    const struct serve *s = context;
    control_status(s->control, json);
}

static void tell_trail(void *context, struct buf *json)
{
    const struct serve *s = context;
    trail_json(s->trail, json);
}

static void tell_totals(void *context, struct buf *json)
{
    const struct serve *s = context;
    trail_totals_json(s->trail, json);
}

static void tell_history(void *context, struct buf *json)
{
    const struct serve *s = context;
    history_json(s->history, json);
}

static void tell_health(void *context, char problem[VIEW_REASON])
{
    (void)context;
    (void)pulse_check(time_monotonic(), problem, VIEW_REASON);
}

static void tell_over(void *context)
{
    const struct serve *s = context;
    s->over(s->context);
}

struct err serve_start(struct serve *s, struct web **web, const struct config *config,
                       struct manifest_current *current, const struct spool *spool)
{
    return web_start(web, &(struct web_source){.config = config,
                                               .current = current,
                                               .spool = spool,
                                               .view = tell_view,
                                               .live = tell_live,
                                               .trail = tell_trail,
                                               .totals = tell_totals,
                                               .history = tell_history,
                                               .health = tell_health,
                                               .over = tell_over,
                                               .context = s});
}
