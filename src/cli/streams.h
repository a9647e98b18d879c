/* SPDX-License-Identifier: MIT */
/* streams: the declared streams, for commands that hold them against the database. */
#ifndef SPOOLGATE_CLI_STREAMS_H
#define SPOOLGATE_CLI_STREAMS_H

#include "config/config.h"
#include "stream/stream.h"

const struct stream_set *cli_streams(const struct config *config);

#endif
