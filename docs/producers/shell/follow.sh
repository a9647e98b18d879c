#!/bin/sh
# SPDX-License-Identifier: MIT
# Follows a log of plain lines, whoever rotates it: each line becomes an event, each five seconds or megabyte a segment
# in incoming/logs. A log of JSON lines with a `kind` needs no jq in between.
#
#     sh follow.sh /var/spool/spoolgate /var/log/app.log
set -eu

[ $# = 2 ] || { echo "usage: follow.sh SPOOL LOG" >&2; exit 64; }

tail -n 0 -F "$2" |
  jq --unbuffered -Rc --arg host "$(uname -n)" --arg log "$2" \
    '{kind: "event", ts: now, source: $host, type: "log", payload: {log: $log, text: .}}' |
  exec spoolgate put --spool "$1" --seal-every 5s --seal-every 1MB --gate logs
