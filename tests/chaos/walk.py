# SPDX-License-Identifier: MIT
"""Walking a drain's system calls: each point is a run of its own, tampered with at one call.

With one loader and no second batch to prepare, the main thread of `spoolgate drain --force` does the same
calls in the same order each time, so one run under strace lists the points. Each then gets a fresh spool and schema with one segment of every sort; a
drain that is tampered with; one that isn't; and the judge.
"""
import contextlib
import dataclasses
import time

from check import check
from feed import Feed
from scenario import drain, new_site
from trace import inject, list_calls, run_with

CHUNK = 12
ONE = "loaders: 1\n"
SETTLED = 2.1  # a drain takes a segment for whole after 2 s without a change; a chunk waits together


@dataclasses.dataclass(frozen=True)
class Point:
    call: object
    what: str           # strace's word for the tampering
    first: tuple = ()   # (call, what) of drains that were tampered with before this one
    always: tuple = ()  # (name, what): all calls of a name, in every drain, the last included

    def __str__(self):
        before = "".join(f"after {what} at {call}: " for call, what in self.first)
        return f"{before}{self.what} at {self.call}"


@dataclasses.dataclass(frozen=True)
class Story:
    """What waits in the spool, and how to tell what became of it."""
    site: object = new_site
    fill: object = lambda site: Feed(site).batch()
    finish: object = drain
    judge: object = check


FEED = Story()


def tampered_drain(site, call, what, always=()):
    return run_with(site, "drain", "--force", options=inject(site.folder / "trace", call, what, always))


def list_points(first=(), always=(), config=ONE, every_thread=False, story=FEED):
    """The calls of a drain that takes up what the drains `first` left."""
    with story.site(config) as site:
        story.fill(site)
        time.sleep(SETTLED)
        for call, what in first:
            tampered_drain(site, call, what, always)
        return list_calls(site, "drain", "--force", always=always, every_thread=every_thread)


def walk(run, points, was_hit, config=ONE, may_miss=0.1, story=FEED):
    """was_hit(ended): the tampering happened. Where replies come in other pieces than in the run that
    listed the calls, or threads share the work in another way, the last points aren't reached; they
    aren't counted."""
    missed = []

    def work(chunk):
        with contextlib.ExitStack() as stack:
            sites = [stack.enter_context(story.site(config)) for _ in chunk]
            feeds = [story.fill(site) for site in sites]
            time.sleep(SETTLED)
            hit = []
            for depth in range(1 + max(len(p.first) for p in chunk)):
                for site, point in zip(sites, chunk):
                    steps = (*point.first, (point.call, point.what))
                    if depth < len(steps):
                        ended = tampered_drain(site, *steps[depth], point.always)
                        if depth == len(steps) - 1:
                            hit.append(was_hit(ended, site))
            for site, feed, point, is_hit in zip(sites, feeds, chunk, hit):
                if not is_hit:
                    missed.append(point)
                try:
                    story.finish(site, always=point.always)
                except AssertionError as failure:
                    run.fail(f"{point}: the drain after it: {failure}")
                run.judge(site, feed, point, times=int(is_hit), by=story.judge)

    chunks = [points[i:i + CHUNK] for i in range(0, len(points), CHUNK)]
    run.spread(work, chunks)
    if len(missed) > len(points) * may_miss:
        run.fail(f"{len(missed)} of {len(points)} points weren't reached: {missed[0]}")
