/* SPDX-License-Identifier: MIT */
/*
 * collect: what the status server knows of the database, asked when somebody wants to know it.
 *
 *     struct collect *c;
 *     TRY(collect_start(&c, &source));
 *     struct collect_known known;
 *     collect_look(c, COLLECT_PAGE_US, &known); // facts at most that old, if they can be had
 *     ... known.facts ...
 *     collect_forget(c, &known);
 *     collect_end(c);                           // nobody waits any more
 *     collect_stop(c);
 *
 * One thread with one connection asks one question at a time: the database has one client more, no
 * matter how many look. Whoever comes while it asks waits for COLLECT_WAIT_US at the most, and only
 * COLLECT_WAITERS of them; the rest takes what is known. What costs much is asked seldom: a
 * question that took a second isn't asked again for 20. After a failure nothing is asked for
 * COLLECT_RETRY_US, and the connection is closed when nobody has asked for COLLECT_IDLE_US.
 */
#ifndef SPOOLGATE_WEB_COLLECT_H
#define SPOOLGATE_WEB_COLLECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "web/receipts.h"
#include "web/web.h"

#define COLLECT_PAGE_US     INT64_C(2000000)
#define COLLECT_METRICS_US  INT64_C(15000000)
#define COLLECT_WAIT_US     INT64_C(1000000)
#define COLLECT_RECEIPTS_US INT64_C(5000000)
#define COLLECT_RETRY_US    INT64_C(5000000)
#define COLLECT_IDLE_US     INT64_C(60000000)
#define COLLECT_WAITERS     1

struct collect; /* see collect.c */

struct err collect_start(struct collect **c, const struct web_source *source);
void collect_end(struct collect *c);
/* Ends it, waits, frees; nobody may be in a call of the above. NULL: nothing. */
void collect_stop(struct collect *c);

struct collect_known {
    json_t *facts;       /* status/facts.h, all parts: to be read, or copied deeply */
    int64_t asked_us;    /* wall clock; 0: never yet */
    bool is_up;          /* the last question was answered */
    char error[500];     /* of the last question; "" when it went well */
    unsigned spool_used; /* percent of its file system */
};
void collect_look(struct collect *c, int64_t max_age_us, struct collect_known *known);
void collect_forget(struct collect *c, struct collect_known *known);

/* The caller's to free. ERR_BUSY: somebody else's are being asked for; ERR_DATABASE otherwise. */
struct err collect_receipts(struct collect *c, const struct receipts_query *query, json_t **rows);

#endif
