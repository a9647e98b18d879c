/* SPDX-License-Identifier: MIT */
/* schemas: docs/events/NAME.schema.json as they were at the build, made by docs/events/embed. */
#ifndef SPOOLGATE_EVENT_SCHEMAS_H
#define SPOOLGATE_EVENT_SCHEMAS_H

struct event_schema_file {
    const char *name; /* the event's */
    const char *text;
};
extern const struct event_schema_file event_schema_files[]; /* ends with a NULL name */

#endif
