#!/bin/sh
# SPDX-License-Identifier: MIT
# A producer in shell: writes a segment of COUNT metrics into the spool, and prints its path. `spoolgate put` does the
# rest: hidden name, seal, fsync, rename.
#
#     sh segment.sh /var/spool/spoolgate 1000
set -eu

[ $# = 2 ] || { echo "usage: segment.sh SPOOL COUNT" >&2; exit 64; }

# Into a file first: in a pipe, a producer that dies half way would look like one that is done.
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
awk -v count="$2" -v host="$(uname -n)" -v ts="$(date +%s)" 'BEGIN {
  for (i = 0; i < count; i++)
    printf "{\"kind\":\"metric\",\"ts\":%d,\"source\":\"%s\",\"name\":\"recipe\",\"value\":%.17g}\n", ts, host, i / 2
}' >"$lines"
spoolgate put --spool "$1" --zstd "$lines"
