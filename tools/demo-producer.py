#!/usr/bin/python3
"""A producer that knows nothing of spoolgate but its file format: it turns a log into segments of `event` frames.

usage: tools/demo-producer.py SPOOL

It reads /var/log/dpkg.log, one segment for each run of dpkg, or where there is no such log, the commits of the git
repository it stands in, one segment for each day. What a run or a past day wrote doesn't change any more, so sending
it again makes the same bytes, and spoolgate recognises a segment that it has loaded before.

Prints one line: segments, frames and the source, separated by tabs. All a producer has to do is in write_segment().
"""
import datetime
import itertools
import os
import pathlib
import platform
import subprocess
import sys
import time

import msgpack

DPKG_LOG = pathlib.Path("/var/log/dpkg.log")
HOST = platform.node()


def write_segment(spool, name, frames):
    """Concatenated msgpack maps, under a temporary name, on disk, and only then where the daemon looks."""
    temporary = spool / "tmp" / f"{name}.part"
    with open(temporary, "xb") as file:
        for frame in frames:
            file.write(msgpack.packb(frame, datetime=True))
        file.write(msgpack.packb({"kind": "seal", "frames": len(frames)}))  # optional: proves that nothing is missing
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, spool / "incoming" / name)


def event(ts, kind, payload):
    return {"kind": "event", "ts": ts, "source": HOST, "type": kind, "payload": payload}


# --- dpkg -----------------------------------------------------------------------------------------------------------


def none(word):
    return None if word == "<none>" else word


def dpkg_event(line):
    """Of a line as `2026-11-21 01:57:01 status installed libuv1-dev:amd64 1.44` (local time), else None."""
    words = line.split()
    try:
        local = datetime.datetime.strptime(" ".join(words[:2]), "%Y-%m-%d %H:%M:%S")
        action, rest = words[2], words[3:]
    except (ValueError, IndexError):
        return None
    payload = {"action": action}
    if action == "status" and len(rest) >= 2:
        payload["state"] = rest.pop(0)
    if action in ("startup", "conffile"):
        payload["what"] = " ".join(rest)
    elif rest:
        payload["package"], _, arch = rest[0].partition(":")
        payload["arch"] = arch or None
        versions = [none(word) for word in rest[1:]]
        if action in ("install", "upgrade") and len(versions) == 2:
            payload["from"], payload["version"] = versions
        elif versions:
            payload["version"] = versions[0]
    return event(local.astimezone(datetime.timezone.utc), f"dpkg.{action}", payload)


def dpkg_runs(lines):
    """The log's events, cut before each line with which a run of dpkg begins."""
    run = []
    for found in filter(None, map(dpkg_event, lines)):
        if found["payload"]["action"] == "startup" and run:
            yield run
            run = []
        run.append(found)
    if run:
        yield run


# --- git ------------------------------------------------------------------------------------------------------------


def git_days(folder):
    """The commits of the repository, oldest first, cut by day; nothing where there is no repository."""
    command = ["git", "-c", f"safe.directory={folder}", "-C", str(folder), "log", "--reverse"]
    command.append("--format=%ct%x1f%H%x1f%an%x1f%s")
    try:
        log = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.CalledProcessError):
        return
    commits = []
    for line in log.rstrip("\n").split("\n"):
        seconds, commit, author, subject = line.split("\x1f", 3)
        ts = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
        commits.append(event(ts, "git.commit", {"commit": commit, "author": author, "subject": subject}))
    commits.sort(key=lambda commit: commit["ts"])
    for _, day in itertools.groupby(commits, key=lambda commit: commit["ts"].date()):
        yield list(day)


# --------------------------------------------------------------------------------------------------------------------


def read_source():
    try:
        runs = list(dpkg_runs(DPKG_LOG.read_text("utf-8", "replace").splitlines()))
    except OSError:
        runs = []
    if runs:
        return "dpkg", str(DPKG_LOG), runs
    return "git", "git log", list(git_days(pathlib.Path(__file__).resolve().parent.parent))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    spool = pathlib.Path(sys.argv[1])
    short, source, groups = read_source()
    for number, frames in enumerate(groups):
        write_segment(spool, f"{short}-{time.time_ns()}-{number:05}.msgpack", frames)
    print(len(groups), sum(map(len, groups)), source, sep="\t")


if __name__ == "__main__":
    main()
