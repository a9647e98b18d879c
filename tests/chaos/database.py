# SPDX-License-Identifier: MIT
"""The database says no, says nothing, or lets others go first."""
import contextlib
import time

import psycopg

from feed import Feed
from kills import own_cluster
from proxy import Fault, Proxy
from scenario import drain, is_empty, new_site, scenario, wait_drained
from support import Daemon, wait_until
from walk import ONE, SETTLED

CONFIG = ("gates: {default: {open: {count: 0, bytes: 0, age: 300ms, idle: 100ms}}}\nrescan: 1s\nloaders: 2\n")


# ---- connections that break ----

def through(proxy):
    return {"SPOOLGATE_DATABASE": proxy.url}


def measure():
    """How many bytes a drain sends and receives."""
    with new_site(ONE) as site, Proxy(site.url, lambda _: None) as proxy:
        Feed(site).batch()
        time.sleep(SETTLED)
        site.run("drain", "--force", env=through(proxy), code=0)
        wait_until(lambda: proxy.sizes, "the connection has ended")
        return proxy.sizes[0]


def broken_drains(run, faults):
    """A drain through a proxy that breaks its connection, then one without, then the judge."""
    chunk = 10
    unbroken = []

    def work(faults):
        with contextlib.ExitStack() as stack:
            sites = [stack.enter_context(new_site(ONE)) for _ in faults]
            feeds = [Feed(site).batch() for site in sites]
            time.sleep(SETTLED)
            for site, feed, fault in zip(sites, feeds, faults):
                shown = str(fault)
                with Proxy(site.url, lambda number, fault=fault: fault if number == 0 else None) as proxy:
                    site.run("drain", "--force", env=through(proxy))
                    hits = proxy.broken
                if hits == 0:
                    unbroken.append(shown)
                drain(site)
                run.judge(site, feed, shown, times=hits)
    run.spread(work, [faults[i:i + chunk] for i in range(0, len(faults), chunk)])
    if len(unbroken) > len(faults) / 10:
        run.fail(f"{len(unbroken)} of {len(faults)} connections weren't broken, as {unbroken[0]}")


@scenario("the connection is reset at any byte")
def reset_anywhere(run):
    sent, received = measure()
    count = run.thin(range(2 * run.n))
    half = len(count) // 2
    faults = [Fault(after_sent=sent * i // half) for i in range(half)]
    faults += [Fault(after_received=received * i // half) for i in range(half)]
    broken_drains(run, faults)
    return (f"a proxy resets the TCP connection of a `drain` after every {sent // half}th byte sent and every"
            f" {max(1, received // half)}th received, mid-COPY and mid-COMMIT included")


@scenario("a COMMIT whose reply is lost")
def lost_commit_reply(run):
    each = max(1, run.n // 10)
    faults = [Fault(at_query=b"COMMIT", skip=skip, how=how)
              for how in ("before", "after", "race") for skip in range(4) for _ in range(each)]
    broken_drains(run, run.thin(faults))
    return ("the connection is reset before a COMMIT is passed on, right behind it, and after it was carried out but"
            " before the reply; for partitions' and batches' transactions")


@scenario("the daemon's connections are reset at random")
def resets_of_daemon(run):
    end = time.monotonic() + run.n

    def plan(number):
        """Each second connection lives long enough for a batch, or nothing would ever get through."""
        if number == 0 or time.monotonic() > end:
            return None
        return Fault(after_sent=int(run.random.expovariate(1 / 10000)) + 60000 * (number % 2))
    with new_site(CONFIG) as site, Proxy(site.url, plan) as proxy:
        feed = Feed(site)
        with Daemon(site, env=through(proxy)) as daemon:
            while time.monotonic() < end and proxy.broken < run.n:
                if len(site.in_folder("incoming")) < 20:
                    feed.any(run.random, 40)
                time.sleep(0.02)
                if daemon.process.poll() is not None:
                    raise AssertionError(f"the daemon ended, exit {daemon.process.returncode}")
            wait_drained(site)
        run.judge(site, feed, "resets", times=proxy.broken)
    return f"{proxy.broken} of a running daemon's connections are reset after random numbers of bytes; it isn't restarted"


@scenario("backends are terminated")
def terminated_backends(run):
    with own_cluster() as cluster, new_site(CONFIG, cluster.url) as site:
        feed = Feed(site)
        hits = 0
        with Daemon(site), psycopg.connect(cluster.url, user="postgres", autocommit=True) as admin:
            for _ in range(run.n):
                feed.any(run.random)
                feed.good(frames=2000)
                time.sleep(run.random.uniform(0, 0.2))
                hits += terminate_busy(admin)
            wait_drained(site)
        run.judge(site, feed, "terminated", times=hits)
    return f"pg_terminate_backend on busy connections of a running daemon during a feed, {run.n} rounds"


def terminate_busy(admin):
    """The first that are seen in a transaction, within a second."""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        if ended := admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'spoolgate'"
                " AND state <> 'idle'").fetchall():
            return len(ended)
    return 0


# ---- a server that refuses ----

@contextlib.contextmanager
def role_setting(cluster, name, value):
    with psycopg.connect(cluster.url, user="postgres", autocommit=True) as admin:
        admin.execute(f"ALTER ROLE spoolgate SET {name} = {value}")
        try:
            yield
        finally:
            admin.execute(f"ALTER ROLE spoolgate RESET {name}")


@scenario("Postgres has no connection left")
def no_connections(run):
    rounds = max(2, run.n // 25)
    with own_cluster() as cluster, new_site(CONFIG, cluster.url) as site:
        feed = Feed(site)
        site.query("SELECT 1")  # the judge's own connection
        for _ in range(rounds):
            with contextlib.ExitStack() as hogs:
                with contextlib.suppress(psycopg.OperationalError):
                    while True:
                        hogs.enter_context(psycopg.connect(cluster.url))
                with Daemon(site) as daemon:
                    feed.batch()
                    wait_until(lambda: daemon.logged("can't be used"), "the daemon says that it waits")
                    time.sleep(1)
                    run_expects(run, len(site.tree("incoming")) == 8, "files didn't stay in incoming/")
                    hogs.close()
                    wait_drained(site)
        run.judge(site, feed, "no connection left", times=rounds)
    return "all of max_connections are taken when the daemon starts and while files arrive; then they are let go"


def run_expects(run, condition, what):
    if not condition:
        run.fail(what)


@scenario("statements time out")
def statement_timeouts(run):
    """Timeouts from none that let anything through to some that let nearly all through."""
    timeouts = run.thin([1, 2, 3, 5, 8, 13, 20, 40])
    with own_cluster() as cluster, new_site(CONFIG, cluster.url) as site:
        feed = Feed(site)
        site.query("SET statement_timeout = 0")  # the judge's own connection
        for timeout in timeouts:
            with role_setting(cluster, "statement_timeout", f"'{timeout}ms'"):
                daemon = Daemon(site)
                feed.batch()
                feed.good(frames=20000)
                time.sleep(2)
            with daemon:  # the setting is gone, for new connections
                time.sleep(0.5)
            with site.daemon():
                wait_drained(site)
        run.judge(site, feed, f"timeouts of {timeouts} ms", times=len(timeouts))
    return f"statement_timeout of {', '.join(map(str, timeouts))} ms while batches of 20,000 rows are loaded; then none"


@scenario("a long SELECT while a partition is needed")
def long_select(run):
    """It holds ACCESS SHARE on the parent, which must not keep a leaf from being attached."""
    with new_site(CONFIG) as site:
        feed = Feed(site, days=5)
        with site.connect(prepare_threshold=None) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM metrics, events")
            with Daemon(site):
                feed.good(frames=100)
                wait_drained(site, 30)
            reader.execute("COMMIT")
        run.judge(site, feed, "a long SELECT")
    return "another session reads both parents in a transaction that stays open; five new days arrive and must load meanwhile"


@scenario("tables are locked")
def locked_tables(run):
    tables = ("metrics", "events", "ingestion_manifest", "ingestion_segment", "ingestion_reject")
    with new_site(CONFIG) as site:
        feed = Feed(site, days=2)
        with Daemon(site) as daemon:
            daemon.wait_watching()
            for table in tables:
                with site.connect() as other, other.transaction():
                    other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                    feed.batch()
                    time.sleep(7)
                    run_expects(run, not is_empty(site), f"{table}: loaded past a lock?")
                wait_drained(site)
        run.judge(site, feed, "locks", times=len(tables))
    return f"another session holds ACCESS EXCLUSIVE for 7 s on {', '.join(tables)}, one after the other: held, then loaded"


@scenario("the database is read-only for a while")
def read_only(run):
    with own_cluster() as cluster, new_site(CONFIG, cluster.url) as site:
        feed = Feed(site)
        site.query("SET default_transaction_read_only = off")
        for _ in range(2):
            with role_setting(cluster, "default_transaction_read_only", "on"):
                daemon = Daemon(site)
                feed.batch()
                time.sleep(2)
            with daemon:
                time.sleep(0.5)
            with site.daemon():
                wait_drained(site)
        run.judge(site, feed, "read-only", times=2)
    return "default_transaction_read_only for the daemon's role while files arrive; then the daemon is restarted without it"
