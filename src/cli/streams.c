/* SPDX-License-Identifier: MIT */
#include "cli/streams.h"

#include "stream/builtin.h"

const struct stream_set *cli_streams(const struct config *config)
{
    (void)config;
    return &stream_builtin;
}
