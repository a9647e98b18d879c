# SPDX-License-Identifier: MIT
"""What scenarios have in common: how they are listed, run, and what they hand back.

    @scenario("SIGKILL before a system call", "drain, killed at each of its calls")
    def crash_points(run):
        ...
        return run.outcome(tried=[...])

A scenario is a function of a Run. It judges as often as it likes with run.judge(site, feed, what) and
returns one line of what was tried.
"""
import concurrent.futures
import contextlib
import dataclasses
import os
import random
import threading
import time

from check import check
from support import Site
from trace import inject, run_with

SCENARIOS = []


@dataclasses.dataclass
class Scenario:
    name: str
    fault: str
    function: object


def scenario(fault):
    def register(function):
        SCENARIOS.append(Scenario(function.__name__, fault, function))
        return function
    return register


class Skip(Exception):
    """This machine can't do it; the text says why."""


class Run:
    """One run of one scenario."""

    def __init__(self, n, sample, jobs, seed):
        self.kills = n  # at random times, of daemon and server
        self.tellers = 4 * min(n, 250)  # of who tells of what was loaded: books and backlog grow with each
        self.n = min(n, 50)  # the scale of all else, which finds no more by being repeated
        self.sample, self.jobs, self.seed = sample, jobs, seed
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.times = self.lost = self.duplicated = 0
        self.failures = []

    def judge(self, site, feed, what, times=1, by=check):
        """Counts `times` faults, and what they did."""
        verdict = by(site, feed)
        self.record(verdict, what if verdict else f"{what}, spool {site.tree()}", times)
        return verdict

    def record(self, verdict, what, times=0):
        with self.lock:
            self.times += times
            self.lost += verdict.lost
            self.duplicated += verdict.duplicated
            if not verdict:
                self.failures.append(f"{what}: {verdict}")

    def fail(self, what):
        with self.lock:
            self.failures.append(what)

    def thin(self, points, most=None):
        """At most so many of them (and at most --sample), spread evenly, always with both ends."""
        most = min(most or len(points), self.sample or len(points))
        if len(points) <= most:
            return points
        step = (len(points) - 1) / (most - 1)
        return [points[round(i * step)] for i in range(most)]

    def spread(self, work, points):
        """work(point) for all of them, several at a time. An exception is that point's failure."""
        def guarded(point):
            try:
                work(point)
            except Exception as failure:  # pylint: disable=broad-except
                notes = "\n".join(getattr(failure, "__notes__", []))
                shown = f"{point[0]} and {len(point) - 1} more" if isinstance(point, list) else point
                self.fail(f"{shown}: {type(failure).__name__}: {failure}\n{notes}")
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(guarded, points))


@contextlib.contextmanager
def new_site(config="", url=None, migrate=True):
    site = Site(config, url)
    try:
        if migrate:
            site.run("migrate", code=0)
        yield site
    finally:
        site.close()


def drain(site, always=()):
    """To the end: what waits is loaded, what is owed is done."""
    if not always:
        site.run("drain", "--force", code=0)
        return
    ended = run_with(site, "drain", "--force", options=inject(os.devnull, always=always))
    if ended.code != 0:
        raise AssertionError(f"want exit 0, got: {ended}")


def is_empty(site):
    """Nothing waits and nothing is under way."""
    waiting = any(files for _, _, files in os.walk(site.spool / "incoming"))
    return not waiting and not site.in_folder("processing")


def wait_drained(site, deadline=120):
    """Until a daemon has done all there is."""
    end = time.monotonic() + deadline
    while not is_empty(site):
        if time.monotonic() > end:
            status = site.run("status", "--json")
            raise AssertionError(f"not drained within {deadline} s; spool: {site.tree()[:40]}\n{status}")
        time.sleep(0.05)


def is_root():
    return os.geteuid() == 0
