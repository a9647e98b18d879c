# SPDX-License-Identifier: MIT
"""SIGKILL of the daemon, and immediate shutdown of Postgres, at random times during a continuous feed."""
import contextlib
import threading
import time

from feed import Feed, msgpack
from scenario import new_site, scenario, wait_drained
from support import NOW, Cluster, Daemon, pack

# Batches small and often, so that a kill rarely finds nothing under way.
CONFIG = ("gates: {default: {open: {count: 8, bytes: 0, age: 300ms, idle: 100ms}, batch: {segments: 30},"
          " max_rejects: 100000}}\nrescan: 2s\nloaders: 2\n")


@contextlib.contextmanager
def own_cluster():
    cluster = Cluster()
    try:
        yield cluster.start()
    finally:
        cluster.close()


class Producer(threading.Thread):
    """Puts segments as long as it is told to, but never lets more than `ahead` wait."""

    def __init__(self, site, put, ahead=60, pause=0.01):
        super().__init__(daemon=True)
        self.site, self.put, self.ahead, self.pause = site, put, ahead, pause
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        try:
            while not self.stopping.wait(self.pause):
                if len(self.site.in_folder("incoming")) < self.ahead and self.put() is None:
                    return
        except BaseException as failure:  # pylint: disable=broad-except
            self.failure = failure

    def finish(self):
        self.stopping.set()
        self.wait_end()

    def wait_end(self):
        self.join()
        if self.failure:
            raise self.failure


def restart_server(cluster):
    cluster.crash()
    cluster.start()


class Keeper:
    """Starts the daemon again whenever it was killed, and stops it at the end."""

    def __init__(self, site):
        self.site = site
        self.daemon = Daemon(site)

    def kill(self):
        self.daemon.kill()
        self.daemon.log_path.unlink()
        self.daemon = Daemon(self.site)

    def check_alive(self, run):
        code = self.daemon.process.poll()
        if code is not None:
            run.fail(f"the daemon ended by itself, exit {code}:\n{self.daemon.log[-2000:]}")
            self.daemon = Daemon(self.site)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.daemon.__exit__(*failure)


def kill_both(run, site, cluster, keeper, times, pause):
    """Daemon and Postgres in turn. Half of the pauses are so short that they hit a start-up or a recovery."""
    for i in range(times):
        time.sleep(pause(i))
        keeper.check_alive(run)
        keeper.kill()
        time.sleep(pause(i))
        keeper.check_alive(run)
        restart_server(cluster)
    keeper.check_alive(run)


@scenario("SIGKILL of the daemon and of Postgres at random times")
def random_kills(run):
    with own_cluster() as cluster, new_site(CONFIG, cluster.url) as site:
        feed = Feed(site, days=3)
        producer = Producer(site, lambda: feed.any(run.random))
        with Keeper(site) as keeper:
            producer.start()
            kill_both(run, site, cluster, keeper, run.kills, lambda _: run.random.choice(
                (run.random.uniform(0, 0.08), run.random.uniform(0.05, 0.9))))
            producer.finish()
            wait_drained(site)
        run.judge(site, feed, "the feed", times=2 * run.kills)
        batches = site.value("SELECT count(*) FROM ingestion_manifest")
        again = site.value("SELECT count(*) FROM ingestion_manifest WHERE attempts > 1")
        return (f"{run.kills} SIGKILLs of the daemon and {run.kills} immediate stops of Postgres, in turn, during a feed of"
                f" {len(feed.segments):,} segments of every sort ({sum(feed.rows.values()):,} rows, {batches:,}"
                f" batches, {again:,} of them loaded more than once)")


class Numbers:
    """A feed of rows 0, 1, 2, ... of which only count and sum are kept."""

    def __init__(self, site, rows, frames):
        self.site, self.rows, self.frames = site, rows, frames
        self.next = 0
        self.segments = 0

    def put(self):
        if self.next == self.rows:
            return None
        ts = msgpack.Timestamp.from_datetime(NOW)
        data = pack(*({"kind": "metric", "ts": ts, "source": "chaos", "name": "n", "value": n}
                      for n in range(self.next, self.next + self.frames)))
        self.site.put(f"n{self.segments:06d}.msgpack", data)
        self.next += self.frames
        self.segments += 1
        return data

    @property
    def share(self):
        return self.next / self.rows


@scenario("the same during a feed of a million rows")
def million(run, rows=1_000_000, frames=1000, kills=20):
    """With `dedupe: off`: the receipt alone must keep a batch from being loaded twice, not its content."""
    with own_cluster() as cluster, new_site(CONFIG.replace("max_rejects", "dedupe: off, max_rejects"),
                                            cluster.url) as site:
        numbers = Numbers(site, rows, frames)
        producer = Producer(site, numbers.put, ahead=30, pause=0)
        with Keeper(site) as keeper:
            producer.start()
            for i in range(2 * kills):
                while numbers.share < (i + run.random.random()) / (2 * kills):
                    if producer.failure:
                        raise producer.failure
                    time.sleep(0.002)
                keeper.check_alive(run)
                if i % 2:
                    restart_server(cluster)
                else:
                    keeper.kill()
            producer.wait_end()
            wait_drained(site)
        judge_numbers(run, site, numbers, 2 * kills)
    return (f"{kills} SIGKILLs of the daemon and {kills} immediate stops of Postgres during a feed of {rows:,} rows in"
            f" {numbers.segments:,} segments, with `dedupe: off`: exact count, exact sum, no duplicate")


def judge_numbers(run, site, numbers, times):
    count, total, distinct, low, high = site.query(
        "SELECT count(*), sum(value)::numeric, count(DISTINCT value), min(value), max(value) FROM metrics")[0]
    want = (numbers.rows, sum(range(numbers.rows)), numbers.rows, 0, numbers.rows - 1)
    run.times += times
    run.lost += numbers.rows - distinct
    run.duplicated += count - distinct
    if (count, total, distinct, low, high) != want:
        run.fail(f"count, sum, distinct, min, max: want {want}, got {(count, total, distinct, low, high)}")
    archived = [p for p in site.tree("archive") if p.endswith(".msgpack")]
    if len(archived) != numbers.segments or len(set(p.rpartition("/")[2] for p in archived)) != numbers.segments:
        run.fail(f"segments in archive/: want {numbers.segments}, got {len(archived)}")
    for folder in ("incoming", "processing", "failed"):
        if site.tree(folder):
            run.fail(f"left in {folder}/: {site.tree(folder)[:5]}")
    ledger = site.value("SELECT count(*) FROM ingestion_segment")
    if ledger != numbers.segments:
        run.fail(f"ledger rows: want {numbers.segments}, got {ledger}")
