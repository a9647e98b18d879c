/* SPDX-License-Identifier: MIT */
#include "event/event.h"

#include <jansson.h>
#include <stdlib.h>

#include "bytes.h"

/* tests/e2e/test_events.py holds examples and real payloads against the schemas. Here: that they
 * are there, and what the build relies on. */
Test(event_schema, every_event_has_one)
{
    for (enum event_type type = 0; type < EVENT_COUNT; type++) {
        char id[128];
        json_error_t error;
        json_t *schema = json_loads(event_schema(type), JSON_REJECT_DUPLICATES, &error);
        cr_assert(schema, "%s: line %d: %s", event_names[type], error.line, error.text);
        (void)snprintf(id, sizeof id, "urn:spoolgate:event:%s:1", event_names[type]);
        const char *got = json_string_value(json_object_get(schema, "$id"));
        cr_expect(got && strcmp(got, id) == 0, "want %s, got %s", id, got ? got : "none");
        cr_expect(json_is_false(json_object_get(schema, "additionalProperties")));
        json_decref(schema);
    }
}

/* A plain one; one with all that may be null being null; odd characters. */
Test(event_schema, examples)
{
    for (enum event_type type = 0; type < EVENT_COUNT; type++) {
        const char *const *examples = event_examples(type);
        char start[64];
        size_t count = 0;
        size_t odd = 0;
        (void)snprintf(start, sizeof start, "{\"event\":\"%s\",", event_names[type]);
        for (; examples[count]; count++) {
            cr_expect(strncmp(examples[count], start, strlen(start)) == 0, "want %s..., got %s",
                      start, examples[count]);
            odd += strstr(examples[count], "</script> {{braces}} {{{three}}}") != NULL;
        }
        cr_expect(count >= 3 && odd >= 1, "%s: %zu examples, %zu with odd characters",
                  event_names[type], count, odd);
        cr_expect_eq(event_examples(type), examples, "they are read once");
    }
}
