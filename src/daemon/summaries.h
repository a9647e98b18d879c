/* SPDX-License-Identifier: MIT */
/*
 * summaries: keeps the BRIN indexes of what was just loaded useful. COPY appends ranges of blocks
 * that no summary covers; until one does, every query reads them whole. A thread with a connection
 * of its own summarises behind the loaders, off their path.
 *
 *     struct summaries s;
 *     summaries_start(&s, &target);
 *     summaries_note(&s, &streams, &batch.partitions);     // after a COMMIT, from any thread
 *     summaries_stop(&s, finish);              // finish: what was noted is still done
 *
 * While batches follow each other, only ranges that are full are summarised: in a range with a
 * summary, every further row has to be compared with it. The last ones follow when the partition
 * has been left alone for a moment, or after some seconds.
 *
 * Failing is no harm to the data: VACUUM summarises what was left out. It connects when there is
 * something to do and looks four times a second at the most.
 */
#ifndef SPOOLGATE_DAEMON_SUMMARIES_H
#define SPOOLGATE_DAEMON_SUMMARIES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "io/pg.h"
#include "replay/partition.h"

struct summary_leaf;

struct summaries {
    /* private */
    struct pg pg;
    struct pg_target target;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct summary_leaf *leaves; /* with something to summarise */
    size_t count, cap;
    char told[sizeof((struct err *)0)->text]; /* the last failure in the log; "" after a success */
    bool is_asking;                           /* something is under way at the server */
    bool stopping, finish;
};

void summaries_start(struct summaries *s, const struct pg_target *target);
void summaries_note(struct summaries *s, const struct stream_set *streams,
                    const struct partition_list *partitions);
void summaries_stop(struct summaries *s, bool finish);

#endif
