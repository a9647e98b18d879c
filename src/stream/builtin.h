/* SPDX-License-Identifier: MIT */
/* builtin: the shipped streams, until manifests/ has them. */
#ifndef SPOOLGATE_STREAM_BUILTIN_H
#define SPOOLGATE_STREAM_BUILTIN_H

#include "stream/stream.h"

extern const struct stream_set stream_builtin;

#endif
