/* SPDX-License-Identifier: MIT */
/*
 * queue: the outbox's tables, for those who deliver from them. The SQL is in
 * db/queries/queue_*.sql.
 *
 *     struct queue_batch claimed = {0};
 *     TRY(queue_claim(&pg, claim_id, wants, count, &claimed));
 *     ... render what has no body yet: item->body, content_type, is_new_body ...
 *     TRY(queue_store(&pg, claim_id, &claimed));        // before anything is sent
 *     ... send, but for what is_lost ...
 *     TRY(queue_settle(&pg, claim_id, results, count));
 *     queue_batch_free(&claimed);
 *
 * A claim is a lease: `due_at` is set behind the request's time-out, so that what a dead deliverer
 * had in hand comes due again by itself; `claim_id` fences, so that a late one settles nothing that
 * is another's by then. Several deliverers may work on one outbox (FOR UPDATE SKIP LOCKED), and all
 * times are the server's.
 *
 * Nothing is claimed of a sink that is disabled or paused (event_sink), one at a time of a sink
 * whose breaker is open (QUEUE_BREAKER failures in a row), and nothing while an earlier event of
 * the same batch waits for the same sink, unless that one has been failing for QUEUE_ORDER_S.
 *
 * The breaker pauses a sink for 5 s, and twice as long after each failure of the one event (the
 * probe) that it lets through then, up to 300 s. Attempts that were under way when it opened don't
 * count. Several daemons share it, and only one of them has the probe.
 *
 * Settling is at-least-once by nature, so these transactions don't wait for the disk
 * (synchronous_commit = off): a settlement that a crashed server forgets means one more delivery of
 * the same event id. queue_store waits where an item says that its body must last: one that was
 * sent must never be another one later, and what a template made can't be made again once the
 * template is another.
 *
 * Failures are struct pg's; the connection has no transaction open after them. A settlement that
 * failed may be offered again. ERR_CONFIG: a newer program has migrated the database (io/newer);
 * nothing of what was claimed may be sent then.
 */
#ifndef SPOOLGATE_OUTBOX_QUEUE_H
#define SPOOLGATE_OUTBOX_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "io/pg.h"

#define QUEUE_BREAKER       5 /* failures in a row that open a sink's breaker */
#define QUEUE_BREAKER_MIN_S 5 /* its first pause; doubles with each failure */
#define QUEUE_BREAKER_MAX_S 300
#define QUEUE_SILENCE_S     7200 /* longer than any pause of a sink, Retry-After included */
#define QUEUE_ORDER_S       60
#define QUEUE_ANSWER        1000 /* characters of an answer that are kept */
#define QUEUE_PIECE         1000 /* deliveries of a sink that one transaction makes due */

struct queue_want {
    const char *sink;
    unsigned room;    /* how many may be claimed; 0: none, and nobody waits for it */
    int64_t lease_us; /* longer than the sink's time-out */
};

struct queue_item {
    size_t want; /* index of the sink's */
    const char *sink;
    char event_id[UUID_TEXT];
    const char *type, *payload; /* the event's, see event/event.h */
    const char *spool_id;
    int64_t created_us;
    int64_t age_us;    /* by the server's clock */
    unsigned attempts; /* made before this one */
    bool is_probe;     /* the sink's breaker is open: what comes of this one says how it is */

    struct buf body;       /* of the attempts before; content_type "": not rendered yet */
    char content_type[64]; /* no longer than this */
    bool is_new_body;      /* by whoever rendered it: queue_store has to keep it */
    bool must_last;        /* the same: even a crash of the server must not lose it */
    bool is_lost; /* by queue_store: the claim has lapsed, and another has it; don't send */
};

/* Owns all that the items point to; an item's body may be taken out of it (buf_take). */
struct queue_batch {
    struct queue_item *items;
    size_t count, cap;
    PGresult *rows; /* private */
};
void queue_batch_free(struct queue_batch *b);

/* claim_id: a UUID, anew for each claim or once for each deliverer. The items come sink by sink, in
 * the order in which they fell due. */
struct err queue_claim(struct pg *pg, const char *claim_id, const struct queue_want *wants,
                       size_t count, struct queue_batch *claimed);
/* In one COMMIT; does nothing where no item has a new body. */
struct err queue_store(struct pg *pg, const char *claim_id, struct queue_batch *claimed);

enum queue_outcome {
    QUEUE_DELIVERED,
    QUEUE_FAILED,   /* the listener's: no answer, or one that isn't 2xx */
    QUEUE_UNSENT,   /* ours: no template, no secret; an attempt, but the breaker doesn't count it */
    QUEUE_GONE,     /* 410: the sink is disabled, the event waits; no attempt is counted */
    QUEUE_RELEASED, /* not tried: due again after wait_us, nothing is recorded */
};
struct queue_result {
    const char *sink, *event_id;
    enum queue_outcome outcome;
    int status;           /* 0: no answer */
    const char *error;    /* UTF-8; NULL when delivered */
    const char *answer;   /* its first characters, valid UTF-8; NULL: none */
    int64_t attempted_us; /* wall clock */
    int64_t took_us;
    int64_t wait_us;  /* until the next attempt; -1: that was the last */
    int64_t pause_us; /* Retry-After, or no secret: the whole sink is left alone so long; 0: no */
    int64_t patience_us; /* the sum of the sink's schedule, see below */
};

/*
 * One transaction: deliveries, attempts, event_sink, and event_dlq for what was the last attempt.
 * A sink's first success after its breaker was open makes all that waits for it due, the oldest
 * first, but QUEUE_PIECE of it at a time. *more: there may be more, which is queue_wake's, or the
 * next settlement's. A failure of a sink whose breaker has been open for longer than patience_us
 * also gives up what has been due and unclaimed for as long: nobody tries them one by one any more.
 * Time in which nobody tried (no failure for QUEUE_SILENCE_S) doesn't count.
 */
struct err queue_settle(struct pg *pg, const char *claim_id, const struct queue_result *results,
                        size_t count, bool *more);
/* The next piece of that, of one sink or (NULL) of all. Whoever does it, the database knows how far
 * it has come. */
struct err queue_wake(struct pg *pg, const char *sink, bool *more);

/* How long until something may be due for a sink with room; INT64_MAX: nothing waits. To be asked
 * after a claim that left room; 0 then means: claim again. */
struct err queue_next_due(struct pg *pg, const struct queue_want *wants, size_t count,
                          int64_t *wait_us);

/* ---- by hand: these wake the deliverers (NOTIFY event_updates) ---- */

/* Which: each may be NULL. Times are RFC 3339 or what Postgres reads as timestamptz; a filter that
 * can't be read is ERR_USAGE. */
struct queue_filter {
    const char *sink, *event_type, *event_id;
    const char *since, *until; /* since when: the event, or the dead letter, was written */
    const char *gate;          /* queue_replay's: the gate that the event is about */
    const char *dlq_id;        /* queue_redrive's */
    const char *dlq_ids;       /* queue_drop's: "{12,15}" */
};
/* Dead letters wait for their sinks again, at once, with the whole schedule before them. Those of
 * no sink stay. */
struct err queue_redrive(struct pg *pg, const struct queue_filter *which, uint64_t *count);
/* Dead letters that wait to be redriven are forgotten, in statements of bounded size. */
struct err queue_drop(struct pg *pg, const struct queue_filter *which, uint64_t *count);
/* Events of the outbox are queued for `sink` (again), with the body that it had, if it had one;
 * those that wait for it already stay as they are. Dead letters among them count as redriven. */
struct err queue_replay(struct pg *pg, const char *sink, const struct queue_filter *which,
                        uint64_t *count);
/* Forgets that a sink was disabled, paused or failing; what waits for it is due, by queue_wake.
 * False: nothing is known of it. */
struct err queue_enable(struct pg *pg, const char *sink, bool *known);
/* Nothing is sent to the sink until it is enabled; what is under way ends, and what waits or is
 * still to come waits. False: it is neither declared nor known, and nothing was done. */
#define QUEUE_BY_HAND "disabled by hand" /* event_sink's error then */
struct err queue_disable(struct pg *pg, const char *sink, bool is_declared, bool *known);

/* For maintenance, of one spool's events and of those that are no spool's, all older than before:
 * settled deliveries, their attempts, events that nobody waits for, dead letters that were
 * redriven; and what has waited since before that becomes a dead letter. Those stay until they are
 * redriven. In statements of bounded size. */
struct queue_pruned {
    uint64_t events;   /* deleted */
    uint64_t given_up; /* deliveries that became dead letters */
};
struct err queue_prune(struct pg *pg, const char *spool_id, int64_t before_us,
                       struct queue_pruned *pruned);

#endif
