/* SPDX-License-Identifier: MIT */
#include "status/live.h"

#include <stddef.h>

void live_put(json_t *status, json_t *daemon)
{
    static const char *const about_it[] = {"started_at", "stopping", "database_error", NULL};
    json_t *board = json_object_get(daemon, "board");
    (void)json_object_set(status, "gates", json_object_get(board, "gates"));
    (void)json_object_set(status, "loading", json_object_get(board, "loading"));
    for (size_t i = 0; about_it[i]; i++)
        (void)json_object_set(daemon, about_it[i], json_object_get(board, about_it[i]));
    (void)json_object_set(status, "manifests", json_object_get(daemon, "manifests"));
    (void)json_object_del(daemon, "manifests");
    (void)json_object_del(daemon, "board");
    (void)json_object_set_new(status, "daemon", daemon);
}
