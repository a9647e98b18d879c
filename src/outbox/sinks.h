/* SPDX-License-Identifier: MIT */
/*
 * sinks: what the courier remembers of each sink: how many attempts are under way, and what the log
 * has been told of it. By name, so that it stays through a reload.
 *
 *     struct sinks s = {0};
 *     count = sinks_wants(&s, set, config->deliveries, wants);
 *     sinks_began(&s, "ops", item.is_probe);
 *     sinks_ended(&s, "ops", event_id, &outcome);    // also tells the log what has changed
 *     sinks_free(&s);
 *
 * One thread's.
 */
#ifndef SPOOLGATE_OUTBOX_SINKS_H
#define SPOOLGATE_OUTBOX_SINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/manifest.h"
#include "outbox/outcome.h"
#include "outbox/queue.h"

/* A claim outlives the request's time-out by this: for the way from the claim to the listener, and
 * from the answer to the settlement. A daemon that is killed leaves what it had in hand for so
 * long. */
#define SINKS_LEASE_US INT64_C(5000000)

struct sinks {
    struct sink_state *items;
    size_t count, cap;
    unsigned under_way; /* of all */
    bool is_finishing;  /* nothing is claimed any more for a sink that fails, see sinks_wants */
    size_t turn;
};

/*
 * Fills in what may be claimed now, a want for each sink that has room; returns how many. wants has
 * room for set->sink_count.
 *
 * `most` bounds the attempts of all sinks together, but for each sink's first: so no number of
 * sinks that hang keeps another one waiting. Who comes first changes from call to call.
 *
 * While finishing, a sink that has failed QUEUE_BREAKER times in a row, or whose probe has, gets
 * nothing more: some of many dead ones would always be under way, and there would be no end.
 */
size_t sinks_wants(struct sinks *s, const struct manifest *set, uint64_t most,
                   struct queue_want *wants);

void sinks_began(struct sinks *s, const char *sink, bool is_probe);
/* A failure is told when it begins and when its kind changes, and then that the sink is well. */
void sinks_ended(struct sinks *s, const char *sink, const char *event_id,
                 const struct outcome *outcome);
void sinks_free(struct sinks *s);

#endif
