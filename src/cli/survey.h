/* SPDX-License-Identifier: MIT */
/*
 * survey: what `status` shows, found out: of the daemon, or else of the spool, and of the database.
 *
 *     struct survey survey;
 *     survey_open(&survey, &config);                // manifests that are wrong are told on stderr
 *     json_t *status = json_object();
 *     TRY(survey_take(&survey, status));            // again and again: `status --watch`
 *     survey_close(&survey);
 *
 * The connection to the database stays from look to look. A database that can't be asked is no
 * failure: "database" says so, and the next look tries again. config stays the caller's.
 */
#ifndef SPOOLGATE_CLI_SURVEY_H
#define SPOOLGATE_CLI_SURVEY_H

#include <jansson.h>

#include "base/err.h"
#include "config/config.h"
#include "io/pg.h"
#include "manifest/current.h"

struct survey {
    const struct config *config;

    /* private */
    struct manifest_current current;
    bool is_first;
    bool is_read;     /* does `current` have a set? */
    struct err named; /* why not */
    struct pg pg;
};

void survey_open(struct survey *survey, const struct config *config);
/* Fills an empty object. */
struct err survey_take(struct survey *survey, json_t *status);
void survey_close(struct survey *survey);

#endif
