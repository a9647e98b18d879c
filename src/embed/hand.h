/* SPDX-License-Identifier: MIT */
/*
 * hand: one of the worker's threads: claim, ask, settle, wait. Private to worker.c.
 *
 *     struct embed_hand h;
 *     embed_hand_open(&h, &house, shared, index);
 *     while (embed_hand_turn(&h, &wait_us))
 *         embed_hand_wait(&h, wait_us);
 *     embed_hand_close(&h);
 *
 * It serves the embedder of `shared`, by its name, as the manifests in force have it, and is over
 * when they don't have it any more, or fewer of its kind.
 */
#ifndef SPOOLGATE_EMBED_HAND_H
#define SPOOLGATE_EMBED_HAND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "embed/claim.h"
#include "embed/embedder.h"
#include "embed/limits.h"
#include "embed/worker.h"
#include "io/pg.h"
#include "manifest/current.h"

#define EMBED_NOT_ENDING (-1)

/* What all hands of a worker have. */
struct embed_house {
    const struct config *config;
    struct manifest_current *current;
    atomic_int end;   /* enum embed_end, or EMBED_NOT_ENDING */
    atomic_bool stop; /* requests under way end */

    pthread_mutex_t lock; /* of the rest */
    struct embed_result result;
    char database_error[500]; /* "": there is none */
};

/* What the hands of one embedder have. */
struct embed_shared {
    struct embed_shared *next;
    char *name;
    pthread_mutex_t lock; /* of the rest */
    struct embed_limits limits;
    char model[KB_MODEL];
    unsigned hands, in_flight;
    char error[500]; /* why it makes no vectors now; "" */
};

struct embed_hand {
    struct embed_house *house;
    struct embed_shared *shared;
    uint64_t index; /* among those of the embedder */
    int wake;       /* eventfd */
    struct pg pg;

    /* private */
    struct manifest *set;
    const struct manifest_embedder *declared; /* of set */
    struct embedder embedder;
    uint64_t most;     /* chunks of a request: as declared, or what the server was found to take */
    uint64_t most_now; /* fewer, since requests failed */
    bool suspects;     /* see ask.h */
    struct kb_shape shape;
    struct embed_claim claim;
    struct err failure; /* of the database, while a claim was in hand */
    unsigned failures;  /* of the database, in a row */
    int64_t retry_us;   /* monotonic: not before */
};

void embed_hand_open(struct embed_hand *h, struct embed_house *house, struct embed_shared *shared,
                     uint64_t index, int wake);
void embed_hand_close(struct embed_hand *h);

/* False: that was the last one. */
bool embed_hand_turn(struct embed_hand *h, int64_t *wait_us);
/* Until the time is over, or there is news. */
void embed_hand_wait(struct embed_hand *h, int64_t wait_us);

#endif
