/* SPDX-License-Identifier: MIT */
/*
 * server: HTTP at one listener, by libmicrohttpd.
 *
 *     struct server *s;
 *     TRY(server_open(&s, &listener, &site));       // takes the listener over
 *     server_close(s);                              // finishes answers, for a second at the most
 *
 * SERVER_THREADS threads take turns, so that one that waits for the database doesn't hold up
 * /healthz. Bounds: clients altogether and of one address, bytes of a request, silence.
 *
 * The threads have the signal mask of the thread that opens it.
 */
#ifndef SPOOLGATE_WEB_SERVER_H
#define SPOOLGATE_WEB_SERVER_H

#include "base/err.h"
#include "web/listener.h"
#include "web/routes.h"

#define SERVER_THREADS   4U
#define SERVER_CLIENTS   64U
#define SERVER_CLIENTS_1 48U /* of one address: a neighbour can't take them all */
#define SERVER_SILENCE_S 15U
#define SERVER_REQUEST   ((size_t)16 << 10) /* memory of a request and its answer's headers */
#define SERVER_GRACE_US  INT64_C(1000000)

struct server;

/* site has to outlive it. On failure the listener is closed. */
struct err server_open(struct server **s, const struct listener *l, const struct web_site *site);
void server_close(struct server *s); /* NULL: nothing */

#endif
