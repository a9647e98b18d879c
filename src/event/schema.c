/* SPDX-License-Identifier: MIT */
/* The embedded schemas. Apart from event.c: the notifier has no use for them. */
#include <assert.h>
#include <jansson.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "event/event.h"
#include "event/schemas.h"
#include "event/value.h"

/* The unit tests ask for each: one that is missing doesn't get out of the house. */
const char *event_schema(enum event_type type)
{
    const struct event_schema_file *file = event_schema_files;
    while (file->name && strcmp(file->name, event_names[type]) != 0)
        file++;
    assert(file->name);
    return file->text;
}

static const char *const *examples[EVENT_COUNT];

static void read_examples(void)
{
    for (enum event_type type = 0; type < EVENT_COUNT; type++) {
        json_t *schema = json_loads(event_schema(type), 0, NULL);
        const json_t *list = json_object_get(schema, "examples");
        size_t count = json_array_size(list);
        assert(count > 0);
        const char **texts = mem_calloc(count + 1, sizeof *texts);
        for (size_t i = 0; i < count; i++) {
            struct buf text = {0};
            value_write_json(&text, json_array_get(list, i));
            texts[i] = buf_take(&text);
        }
        examples[type] = texts;
        json_decref(schema);
    }
}

const char *const *event_examples(enum event_type type)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, read_examples);
    return examples[type];
}
