# SPDX-License-Identifier: MIT
"""From a producer's rename to the webhook that announces the batch, and what a listener costs the rows."""
import contextlib
import datetime
import json
import pathlib
import queue
import statistics
import sys
import time

from latency import AT_ONCE, HANGS, Lane, Observer, frame, percentile, wait_watching
from measure import Spread, progress
from scenario import Ratio, Result, scenario

# Behind ours: chaos has a `scenario` and a `report` of its own.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))
# pylint: disable=wrong-import-position
from listener import SECRET, Listener, respond  # noqa: E402

NOBODY = "no listener"
LANES = {NOBODY: (), "hears gate.done": ("gate.done",), "hears both": ("gate.open", "gate.done")}
HEAD = ("listener", "rename to rows: p50, ms", "p99", "rename to webhook: p50, ms", "p99", "rows to webhook: p50, ms", "p99")


class Told:
    """A daemon with a listener, of which one batch after the other is asked for."""

    def __init__(self, site, events):
        self.site, self.events = site, events
        self.heard = queue.SimpleQueue()  # when gate.done came
        self.blocks = []                  # of (seconds to the row, seconds to the webhook)

    def hear(self, request):
        now = time.perf_counter()
        respond(request)
        if json.loads(request.body)["event"] == "gate.done":
            self.heard.put(now)

    def block(self, observer, count):
        """A daemon of its own for each: one that listens is woken by all batches of the database, its neighbours' too."""
        with Listener({"bench": self.hear}) as listener:
            config = self.configure(listener.urls["bench"])
            with contextlib.closing(Lane(self.site, lambda _: [self.site.binary, "run"],
                                         lambda spool: self.site.environment(spool, config) | {"HOOK_SECRET": SECRET},
                                         frame)) as lane:
                wait_watching(lane)
                for _ in range(10):  # connections, catalogue caches
                    self.one(lane, observer)
                self.blocks.append([self.one(lane, observer) for _ in range(count)])

    def configure(self, url):
        config, sinks = self.site.folder / "hooks.yaml", self.site.folder / "manifests" / "sinks"
        config.write_text(f"{AT_ONCE}manifests: {self.site.folder}/manifests\n")
        sinks.mkdir(parents=True, exist_ok=True)
        if self.events:
            (sinks / "bench.yaml").write_text(f"sink: bench\nurl: {url}\nevents: [{', '.join(self.events)}]\n"
                                              "secret: {env: HOOK_SECRET}\nallow_private: true\n")
        return config

    def one(self, lane, observer):
        start = lane.put()
        observer.wait_row(self.site.schema, lane.number, lane.process)
        row = time.perf_counter() - start
        return row, self.heard.get(timeout=HANGS) - start if self.events else None


@scenario("hooks", "rename to visible rows to a webhook that is received")
def hooks(bench):
    count, blocks = (100, 2) if bench.quick else (1000, 10)
    count = bench.args.rows or count
    with contextlib.ExitStack() as stack:
        lanes = {name: Told(stack.enter_context(bench.site(f"bench_hooks_{number}")), events)
                 for number, (name, events) in enumerate(LANES.items())}
        observer = stack.enter_context(contextlib.closing(Observer(bench.cluster)))
        for lane in lanes.values():
            lane.site.make_leaves("metrics", 2, datetime.datetime.now(datetime.timezone.utc).date())
        for block in range(blocks):
            for name, lane in lanes.items():
                lane.block(observer, count // blocks)
                progress(f"block {block + 1} {name:<16} p50 {median_of(lane.blocks[-1], row) * 1e3:7.2f} ms to the row"
                         + (f", {median_of(lane.blocks[-1], hook) * 1e3:7.2f} ms to the webhook" if lane.events else ""))
    return Result(ratios=list(ratios(lanes)), tables=[(HEAD, [line(name, lane) for name, lane in lanes.items()])])


def row(times):
    return times[0]


def hook(times):
    return times[1]


def between(times):
    return times[1] - times[0]


def median_of(block, part):
    return statistics.median(map(part, block))


def ratios(lanes):
    nobody = lanes[NOBODY]
    for name, lane in lanes.items():
        if lane is nobody:
            continue
        yield Ratio(f"{name}: rename to webhook, p50", "rename to rows, the same",
                    Spread.of(median_of(b, hook) / median_of(b, row) for b in lane.blocks))
        yield Ratio(f"{name}: rename to rows, p50", NOBODY,
                    Spread.of(median_of(a, row) / median_of(b, row) for a, b in zip(lane.blocks, nobody.blocks)))


def line(name, lane):
    cells = [name]
    for part in (row, hook, between):
        times = [[part(one) for one in block] for block in lane.blocks] if lane.events or part is row else None
        cells += [f"{percentile(times, p) * 1e3:.2f}" if times else "–" for p in (50, 99)]
    return tuple(cells)
