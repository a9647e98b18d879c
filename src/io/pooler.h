/* SPDX-License-Identifier: MIT */
/*
 * pooler: does a connection keep its session?
 *
 *     TRY(pooler_check(connection, backend_pid, conninfo));
 *
 * backend_pid is what pg_backend_pid() says on it. Where that is the process that the connection
 * was promised, nobody stands in between, and nothing is asked. Else it is a connection pooler, and
 * it has to prove that the session is ours alone: search_path, locks, LISTEN, prepared statements
 * and temporary tables would go astray, or meet those of others, where each transaction may get
 * another server process.
 *
 * ERR_CONFIG: it doesn't keep sessions. ERR_DATABASE: it couldn't be asked, its pool being full,
 * say; try again. Takes a second connection for a moment, one at a time in a process.
 */
#ifndef SPOOLGATE_IO_POOLER_H
#define SPOOLGATE_IO_POOLER_H

#include <libpq-fe.h>

#include "base/err.h"

struct err pooler_check(PGconn *connection, int backend_pid, const char *conninfo);

#endif
