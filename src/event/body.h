/* SPDX-License-Identifier: MIT */
/*
 * body: an event as a sink wants to hear it. Pure.
 *
 *     struct body_form form = {.format = BODY_FLAT};
 *     TRY(body_render(&event, &form, &body));
 *     ... send body as body_content_type(&form) ...
 *
 * flat: the payload as it is, one JSON object. standard: Standard Webhooks' {"type", "timestamp",
 * "data"}. cloudevents: CloudEvents 1.0, structured mode, JSON. In both, data is the payload
 * without `event`, which is the type already. template: what event/template makes of the payload,
 * in which a number that fits neither 64 bits nor a double is a string. In all others, numbers stay
 * as they are written.
 *
 * The payload is JSON: the database has seen to it. Errors are ERR_CONFIG: a payload that isn't an
 * object, a template that can't be rendered, or not to JSON where it has to.
 */
#ifndef SPOOLGATE_EVENT_BODY_H
#define SPOOLGATE_EVENT_BODY_H

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"
#include "event/template.h"

enum body_format { BODY_FLAT, BODY_STANDARD, BODY_CLOUDEVENTS, BODY_TEMPLATE };

struct body_form {
    enum body_format format;
    const struct template *template; /* BODY_TEMPLATE */
    struct template_env partials;    /* of the template */
};

/* Appends; after an error, nothing was. */
struct err body_render(const struct event *event, const struct body_form *form, struct buf *body);

const char *body_content_type(const struct body_form *form);

#endif
