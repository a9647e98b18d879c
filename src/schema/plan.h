/* SPDX-License-Identifier: MIT */
/*
 * plan: what would make the database fit the declared streams, and doing it.
 *
 *     struct plan plan;
 *     struct err e = plan_make(&pg, schema, &streams, &plan);      // looks only
 *     for (size_t i = 0; i < plan.count; i++)
 *         print(plan.steps[i].sentence, plan.steps[i].sql);
 *     if (!err_is(&e))
 *         e = plan_apply(&pg, &plan, PLAN_DROP | PLAN_TYPE);       // steps now tell what was done
 *     plan_free(&plan);
 *
 * A stream's steps run in one transaction under the migration lock, after they were found anew
 * there; indexes of tables that aren't partitioned are built after it, without locking writers out.
 * Where one step of a stream isn't allowed, none of them is run. A table that is somebody else's
 * (is_foreign) is looked at and never touched.
 *
 * Streams and schema are borrowed for the plan's life. Whether rows would go into a table as it is:
 * plan_check_fit (schema/fit.h).
 */
#ifndef SPOOLGATE_SCHEMA_PLAN_H
#define SPOOLGATE_SCHEMA_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/pg.h"
#include "schema/fit.h"
#include "stream/stream.h"

enum plan_kind {
    PLAN_CREATE_SCHEMA,
    PLAN_CREATE_TABLE,
    PLAN_ADD_COLUMN,
    PLAN_DROP_NOT_NULL,
    PLAN_SET_NOT_NULL,
    PLAN_CHANGE_TYPE,
    PLAN_DROP_COLUMN,
    PLAN_DROP_INDEX, /* one that was never finished */
    PLAN_CREATE_INDEX,
    PLAN_MISFIT, /* something that no statement of ours would mend */
};

/* What a step takes, beside the command. A mask of DROP and TYPE is what was allowed. */
enum plan_allow {
    PLAN_ADDITIVE = 0,
    PLAN_DROP = 1,
    PLAN_TYPE = 2,
    PLAN_NEVER = 4,
};

enum plan_state {
    PLAN_PENDING,
    PLAN_DONE,
    PLAN_REFUSED, /* not allowed; its stream's other steps stay pending */
};

struct plan_step {
    size_t stream; /* index in the set */
    enum plan_kind kind;
    enum plan_allow allow;
    enum plan_state state;
    bool is_alone;  /* can't be in a transaction */
    char *sql;      /* NULL: PLAN_MISFIT, or a step that the rows don't allow */
    char *undo;     /* what clears up after a step that failed half-way, or NULL */
    char *sentence; /* what isn't as declared and what to do, for people; one line */
};

struct plan {
    const struct stream_set *streams;
    const char *schema;
    struct plan_step *steps; /* stream by stream, in the order in which they would run */
    size_t count, cap;
};

/* On failure, too, the plan is to be freed. */
struct err plan_make(struct pg *pg, const char *schema, const struct stream_set *streams,
                     struct plan *plan);

/* Afterwards the plan holds what was found under the lock, with each step's state; also on failure,
 * as far as it came. Locks are waited for a second at a time and a few times: then ERR_BUSY. */
struct err plan_apply(struct pg *pg, struct plan *plan, unsigned allow);

void plan_free(struct plan *plan);

/* Would this step be run? */
static inline bool plan_is_allowed(const struct plan_step *step, unsigned allow)
{
    return (step->allow & ~allow) == 0;
}
/* Would any step of the stream not be? Then none is. */
bool plan_is_refused(const struct plan *plan, size_t stream, unsigned allow);

const char *plan_kind_name(enum plan_kind kind);    /* "add_column" */
const char *plan_allow_name(enum plan_allow allow); /* "none", "drop", "type", "never" */

/* One stream's steps, appended (steps.c). */
struct err plan_add_stream(struct pg *pg, struct plan *plan, size_t stream);

#endif
