/* SPDX-License-Identifier: MIT */
#include "cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

const char *show_str(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

int64_t show_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

int64_t show_time(const json_t *object, const char *key)
{
    const char *text = show_str(object, key);
    int64_t us;
    return time_parse(text, strlen(text), &us) ? us : INT64_MIN;
}

const char *show_age(const json_t *object, const char *key, int64_t now_us, char text[STR_HUMAN])
{
    int64_t us = show_time(object, key);
    if (us == INT64_MIN)
        return "-";
    return str_duration(now_us > us ? now_us - us : 0, text);
}

const char *show_count(const json_t *object, const char *key, char text[STR_HUMAN])
{
    return str_count((uint64_t)show_int(object, key), text);
}

struct err show_query(struct pg *pg, const char *sql, int count, const char *const *params,
                      json_t **rows)
{
    PGresult *result;
    *rows = NULL;
    TRY(pg_query(pg, sql, count, params, &result));
    *rows = json_array();
    for (int i = 0; i < PQntuples(result); i++) {
        json_t *row = json_loads(PQgetvalue(result, i, 0), JSON_DECODE_ANY, NULL);
        (void)json_array_append_new(*rows, row ? row : json_null());
    }
    PQclear(result);
    return ERR_OK;
}

void show_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)puts(text ? text : "null");
    free(text);
}
