/* SPDX-License-Identifier: MIT */
#include "outbox/sinks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

struct sink_state {
    char *name;
    unsigned under_way;
    unsigned failures; /* in a row, those before a probe included */
    int told;          /* the kind of failure; 0: it is well */
    bool told_of_dead;
};

/* Valid until the next call. */
static struct sink_state *find(struct sinks *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->items[i].name, name) == 0)
            return &s->items[i];
    struct sink_state *state = MEM_PUSH(s->items, s->count, s->cap);
    *state = (struct sink_state){.name = mem_strdup(name)};
    return state;
}

size_t sinks_wants(struct sinks *s, const struct manifest *set, uint64_t most,
                   struct queue_want *wants)
{
    uint64_t left = most > s->under_way ? most - s->under_way : 0;
    size_t count = 0;
    s->turn++;
    for (size_t i = 0; i < set->sink_count; i++) {
        const struct manifest_sink *sink = &set->sinks[(s->turn + i) % set->sink_count];
        const struct sink_state *state = find(s, sink->name);
        unsigned under_way = state->under_way;
        uint64_t room = sink->concurrency > under_way ? sink->concurrency - under_way : 0;
        if (room > left)
            room = left > 0 || under_way > 0 ? left : 1;
        if (room == 0 || (s->is_finishing && state->failures >= QUEUE_BREAKER))
            continue;
        left -= room < left ? room : left;
        wants[count++] = (struct queue_want){.sink = sink->name,
                                             .room = (unsigned)room,
                                             .lease_us = sink->timeout_us + SINKS_LEASE_US};
    }
    return count;
}

void sinks_began(struct sinks *s, const char *sink, bool is_probe)
{
    struct sink_state *state = find(s, sink);
    if (is_probe && state->failures < QUEUE_BREAKER - 1)
        state->failures = QUEUE_BREAKER - 1;
    state->under_way++;
    s->under_way++;
}

/* Coarse, so that a listener that answers now 500 and now 503 isn't told of each time. */
static int kind_of(const struct outcome *o)
{
    return o->outcome == QUEUE_DELIVERED ? 0 : 1 + (int)o->outcome * 10 + o->status / 100;
}

static void tell(struct sink_state *state, const struct outcome *o)
{
    if (kind_of(o) == state->told)
        return;
    state->told = kind_of(o);
    if (o->outcome == QUEUE_DELIVERED) {
        LOG_INFO("events get through to the sink again", LOG_STR("sink", state->name));
        state->told_of_dead = false;
    } else if (o->outcome == QUEUE_UNSENT) {
        LOG_ERROR("events can't be sent to the sink", LOG_STR("sink", state->name),
                  LOG_STR("error", o->error));
    } else if (o->outcome == QUEUE_GONE) {
        LOG_WARN("the sink is disabled", LOG_STR("sink", state->name), LOG_STR("error", o->error));
    } else {
        LOG_WARN("events don't get through to the sink; trying again", LOG_STR("sink", state->name),
                 LOG_STR("error", o->error));
    }
}

static void tell_of_dead(struct sink_state *state, const char *event_id, const struct outcome *o)
{
    if (state->told_of_dead)
        return;
    state->told_of_dead = true;
    LOG_WARN("an event is given up after its last attempt, and others may be; see `spoolgate dlq`",
             LOG_STR("sink", state->name), LOG_STR("event", event_id), LOG_STR("error", o->error));
}

void sinks_ended(struct sinks *s, const char *sink, const char *event_id, const struct outcome *o)
{
    struct sink_state *state = find(s, sink);
    assert(state->under_way > 0);
    state->under_way--;
    s->under_way--;
    if (o->outcome == QUEUE_RELEASED)
        return;
    if (o->outcome == QUEUE_DELIVERED)
        state->failures = 0;
    else
        state->failures += o->outcome == QUEUE_FAILED;
    tell(state, o);
    if (o->wait_us < 0)
        tell_of_dead(state, event_id, o);
}

void sinks_free(struct sinks *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->items[i].name);
    free(s->items);
    *s = (struct sinks){0};
}
