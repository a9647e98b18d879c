# SPDX-License-Identifier: MIT
"""From a producer's rename to rows that another session sees, against a bare loop with the same durable acts."""
import contextlib
import datetime
import json
import os
import select
import statistics
import struct
import subprocess
import time
import uuid

import msgpack
import psycopg

from cluster import ROOT
from measure import Spread, progress
from scenario import Ratio, Result, scenario

BARE_LOOP = ROOT / "build" / "bench" / "bare_loop"
AT_ONCE = "gates: {default: {open: {count: 1}}}\nloaders: 1\n"
PG_EPOCH = 946684800
HANGS = 30  # seconds


class Observer:
    """A session that listens for the end of receipts, and looks whether the row is there."""

    def __init__(self, cluster):
        self.connection = psycopg.connect(cluster.url, autocommit=True)
        self.connection.execute("LISTEN ingest_updates")
        self.pg = self.connection.pgconn

    def wait_row(self, schema, value, process):
        end = time.monotonic() + HANGS
        while True:
            while note := self.pg.notifies():
                if json.loads(note.extra)["status"] == "done":
                    if not self.connection.execute(f"SELECT 1 FROM {schema}.metrics WHERE value = {value}").fetchone():
                        raise RuntimeError("announced, and not there")
                    return
            if not select.select([self.pg.socket], [], [], 1)[0] and (
                    process.poll() is not None or time.monotonic() > end):
                raise RuntimeError(f"no row; the process: {process.poll()}")
            self.pg.consume_input()

    def close(self):
        self.connection.close()


class Lane:
    """A loader that runs and waits, and its spool."""

    def __init__(self, site, argv, environment, encode):
        self.site, self.encode = site, encode
        self.spool = site.new_spool()
        (self.spool / "tmp").mkdir()
        self.number = 0
        self.process = subprocess.Popen(argv(self.spool), env=environment(self.spool), cwd=site.folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def put(self):
        """One more file: when it was renamed. It is written and synced before."""
        self.number += 1
        draft = self.spool / "tmp" / ".draft"
        with open(draft, "wb") as file:
            file.write(self.encode(self.number))
            file.flush()
            os.fsync(file.fileno())
        start = time.perf_counter()
        os.rename(draft, self.spool / "incoming" / f"{self.number}.msgpack")
        return start

    def one(self, observer):
        """Seconds from rename to row."""
        start = self.put()
        observer.wait_row(self.site.schema, self.number, self.process)
        return time.perf_counter() - start

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(HANGS)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


def frame(number):
    return msgpack.packb({"kind": "metric", "ts": msgpack.Timestamp.from_unix_nano(time.time_ns()), "source": "web-001",
                          "name": "cpu.user", "value": float(number), "labels": {"region": "eu-west-1", "az": "a"}})


def copy_row(number):
    """The same row as bytes for a binary COPY."""
    fields = (struct.pack(">q", int((time.time() - PG_EPOCH) * 1e6)), b"web-001", b"cpu.user", struct.pack(">d", number),
              b'\x01{"region":"eu-west-1","az":"a"}', uuid.uuid4().bytes)
    return (b"PGCOPY\n\xff\r\n\0" + bytes(8) + struct.pack(">h", len(fields))
            + b"".join(struct.pack(">i", len(f)) + f for f in fields) + b"\xff\xff")


@contextlib.contextmanager
def lanes_of(bench, sites, folder):
    """Each binary's daemon, and the bare loop; each with a schema of its own."""
    config = folder / "at-once.yaml"
    config.write_text(AT_ONCE)
    with contextlib.ExitStack() as stack:
        lanes = {}
        bare = stack.enter_context(bench.site("bench_bare"))
        for site in (bare, *sites.values()):
            site.make_leaves("metrics", 2, datetime.datetime.now(datetime.timezone.utc).date())
        lanes["bare loop"] = Lane(bare, lambda spool: [BARE_LOOP, spool, bench.cluster.url], lambda _: bare.psql_environment, copy_row)
        stack.callback(lanes["bare loop"].close)
        for label, site in sites.items():
            name = f"ours {label}".strip()
            lanes[name] = Lane(site, lambda _, site=site: [site.binary, "run"],
                               lambda spool, site=site: site.environment(spool, config), frame)
            stack.callback(lanes[name].close)
        yield lanes


def wait_watching(lane):
    """Until the loader takes files: for ours, its first scan makes the folders; for both, a watch exists."""
    end = time.monotonic() + HANGS
    while not (lane.spool / "processing").is_dir() or not watches(lane.process.pid):
        if lane.process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the loader doesn't watch; exit {lane.process.poll()}")
        time.sleep(0.01)


def watches(pid):
    """Whether any of its descriptors is an inotify with a watch."""
    folder = f"/proc/{pid}/fdinfo"
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError), open(f"{folder}/{fd}", encoding="ascii") as file:
            if "inotify wd:" in file.read():
                return True
    return False


@scenario("latency", "rename to visible rows, against a bare loop")
def latency(bench):
    count, blocks = (200, 4) if bench.quick else (1000, 10)
    count = bench.args.rows or count
    with bench.sites() as sites, lanes_of(bench, sites, bench.folder) as lanes, \
            contextlib.closing(Observer(bench.cluster)) as observer:
        for lane in lanes.values():
            wait_watching(lane)
            for _ in range(10):  # connections, catalogue caches
                lane.one(observer)
        times = {name: [] for name in lanes}
        for block in range(blocks):
            for name, lane in lanes.items():
                times[name].append([lane.one(observer) for _ in range(count // blocks)])
                progress(f"block {block + 1} {name:<20} p50 {statistics.median(times[name][-1]) * 1e3:7.2f} ms")
    return Result(ratios=list(lines(times)), notes=list(notes(times, count)))


def lines(times):
    bare = times["bare loop"]
    for name, blocks in times.items():
        if name == "bare loop":
            continue
        yield Ratio(f"{name}: rename to visible rows, p50", "a bare durable loop",
                    Spread.of(statistics.median(a) / statistics.median(b) for a, b in zip(blocks, bare)), at_most=1.3)
        yield Ratio(f"{name}: rename to visible rows, p99", "a bare durable loop",
                    Spread.of([percentile(blocks, 99) / percentile(bare, 99)]), at_most=1.3)


def notes(times, count):
    for name, blocks in times.items():
        yield (f"{name}: p50 {percentile(blocks, 50) * 1e3:.2f} ms, p99 {percentile(blocks, 99) * 1e3:.2f} ms"
               f" of {count} files")


def percentile(blocks, percent):
    values = sorted(value for block in blocks for value in block)
    return values[min(len(values) - 1, len(values) * percent // 100)]
