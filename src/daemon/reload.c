/* SPDX-License-Identifier: MIT */
#include "daemon/reload.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/service.h"

void reload_open(struct reload *r, uv_loop_t *loop)
{
    r->loop = loop;
}

void reload_close(struct reload *r)
{
    manifest_reload_free(&r->found);
    free(r->waiters);
    r->waiters = NULL;
    r->count = r->cap = 0;
}

static struct err make_folder(const struct spool *spool, const char *gate)
{
    int folder;
    TRY(spool_open_gate(spool, gate, true, &folder));
    (void)close(folder);
    return ERR_OK;
}

struct err reload_make_folders(struct manifest_current *current, const struct spool *spool)
{
    struct manifest *set = manifest_current_get(current);
    const struct config *config = set->config;
    struct err e = ERR_OK;
    for (size_t i = 0; i < config->gate_count && !err_is(&e); i++)
        e = make_folder(spool, config->gates[i].name);
    for (size_t i = 0; i < set->gate_count && !err_is(&e); i++)
        e = make_folder(spool, set->gates[i].name);
    manifest_release(set);
    return e;
}

/* Off the loop. */
static void read_anew(uv_work_t *work)
{
    struct reload *r = work->data;
    manifest_reload_clear(&r->found);
    r->outcome = manifest_current_reload(r->current, &r->found);
    if (err_is(&r->outcome))
        return;
    struct err e = reload_make_folders(r->current, r->spool);
    if (err_is(&e))
        LOG_WARN("a gate's folder can't be made", LOG_STR("error", e.text));
}

static void begin(struct reload *r);

static void finished(uv_work_t *work, int status)
{
    struct reload *r = work->data;
    struct reload_waiter *waiters = r->waiters;
    size_t count = r->count;
    r->is_running = false;
    if (status != 0) /* the daemon ends */
        return;
    manifest_current_log(r->current, &r->found, &r->outcome);
    board_wake_scanner(r->board);
    courier_wake(r->courier);
    embed_wake(r->embed);
    r->waiters = NULL;
    r->count = r->cap = 0;
    for (size_t i = 0; i < count; i++)
        if (!waiters[i].is_served)
            *MEM_PUSH(r->waiters, r->count, r->cap) = waiters[i];
        else if (waiters[i].done)
            waiters[i].done(waiters[i].context, &r->outcome, &r->found);
    free(waiters);
    if (r->count > 0)
        begin(r);
    else
        service_ready();
}

static void begin(struct reload *r)
{
    for (size_t i = 0; i < r->count; i++)
        r->waiters[i].is_served = true;
    service_reloading();
    r->work.data = r;
    r->is_running = uv_queue_work(r->loop, &r->work, read_anew, finished) == 0;
}

void reload_start(struct reload *r, reload_done_fn *done, void *context)
{
    *MEM_PUSH(r->waiters, r->count, r->cap) = (struct reload_waiter){done, context, false};
    if (!r->is_running)
        begin(r);
}

void reload_forget(struct reload *r, const void *context)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->waiters[i].context == context)
            r->waiters[i].done = NULL;
}
