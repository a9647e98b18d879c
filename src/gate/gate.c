/* SPDX-License-Identifier: MIT */
#include "gate/gate.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"

static struct gate_decision open_because(const char *what, const char *value, const char *verb)
{
    struct gate_decision d = {.action = GATE_OPEN};
    (void)snprintf(d.reason, sizeof d.reason, "%s %s %s", what, value, verb);
    return d;
}

/* An arrival in the future tells that the clock was set back: the wait is of unknown length, and so
 * it is over. */
static int64_t deadline(int64_t arrived_us, int64_t now_us, int64_t wait_us)
{
    int64_t at;
    if (wait_us <= 0 || __builtin_add_overflow(arrived_us, wait_us, &at))
        return INT64_MAX;
    return arrived_us <= now_us ? at : now_us;
}

struct gate_decision gate_decide(const struct gate_policy *policy,
                                 const struct gate_backlog *backlog, int64_t now_us, bool forced)
{
    char text[STR_HUMAN];
    if (backlog->count == 0)
        return (struct gate_decision){.action = GATE_EMPTY, .until_us = INT64_MAX};
    if (forced)
        return open_because("opened", "by", "hand");
    if (policy->open_count > 0 && backlog->count >= policy->open_count) {
        (void)snprintf(text, sizeof text, "%" PRIu64, policy->open_count);
        return open_because("count", text, "reached");
    }
    if (policy->open_bytes > 0 && backlog->bytes >= policy->open_bytes)
        return open_because("bytes", str_size(policy->open_bytes, text), "reached");

    int64_t by_age = deadline(backlog->oldest_us, now_us, policy->open_age_us);
    int64_t by_idle = deadline(backlog->newest_us, now_us, policy->open_idle_us);
    if (now_us >= by_age)
        return open_because("age", str_duration(policy->open_age_us, text), "reached");
    if (now_us >= by_idle)
        return open_because("idle", str_duration(policy->open_idle_us, text), "reached");
    return (struct gate_decision){.action = GATE_WAIT,
                                  .until_us = by_age < by_idle ? by_age : by_idle};
}

bool gate_fits(const struct gate_policy *policy, const struct gate_backlog *batch, uint64_t bytes)
{
    return batch->count == 0 ||
           (batch->count < policy->batch_segments &&
            (policy->batch_bytes == 0 || batch->bytes + bytes <= policy->batch_bytes));
}
