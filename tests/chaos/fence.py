# SPDX-License-Identifier: MIT
"""An old process, stopped in the middle of a batch, wakes up after its successor has had the spool.

One machine's flock keeps a successor out as long as the old process lives; its file is removed here, as
if the spool were shared by two machines whose locks don't meet."""
import contextlib
import signal
import subprocess
import time

from feed import Feed
from proxy import Fault, Proxy
from scenario import new_site, scenario, wait_drained
from support import BIN, Daemon, wait_until

CONFIG = ("gates: {default: {open: {count: 6, bytes: 0, age: 0, idle: 0}}}\nrescan: 1h\nloaders: 1\n"
          "knowledge: {embed: false}\n")  # its workers' connections would come between


@contextlib.contextmanager
def stopped_daemon(site, fault):
    """Stands at the fault's statement, and is stopped there."""
    with Proxy(site.url, lambda number: fault if number == at_connection(fault) else None) as proxy:
        with Daemon(site, env={"SPOOLGATE_DATABASE": proxy.url}) as daemon:
            daemon.wait_watching()
            yield daemon, proxy


def at_connection(_fault):
    return 1  # the first is the check at the start, the second the loader's


def stop(daemon, site, proxy):
    if not proxy.held.wait(60):
        raise AssertionError(f"the daemon never came to the statement: {daemon.log}")
    daemon.process.send_signal(signal.SIGSTOP)
    (site.spool / ".lock").unlink()


def put_batch(feed):
    first = feed.good()
    feed.good(frames=4, compressed=True)
    feed.good(frames=4, bad=1)
    feed.damaged()
    feed.duplicate(first)
    feed.good()


def start_drain(site):
    return subprocess.Popen([BIN, "drain", "--force"], cwd=site.folder, env=site.environment,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wake(daemon, proxy):
    proxy.released.set()
    daemon.process.send_signal(signal.SIGCONT)


def end_drain(drain, run, what):
    out, _ = drain.communicate(timeout=60)
    if drain.returncode != 0:
        run.fail(f"{what}: the successor's exit is {drain.returncode}\n{out}")


@scenario("an old process wakes up behind its successor")
def paused_process(run):
    times = max(1, run.n // 10)
    for function in (before_lock, in_copy_backend_gone, in_commit):
        for _ in range(times):  # one at a time: a backend that is ended must be the right one
            function(run)
    return (f"a daemon stopped (SIGSTOP) before its transaction's lock, in its COPY with its backend gone, and in its COMMIT; a"
            f" successor drains the spool; the old one wakes up: {times} times each")


def before_lock(run):
    """The successor loads it; the old attempt's number is out of date."""
    with new_site(CONFIG) as site:
        feed = Feed(site)
        locking = Fault(at_query=b"-- First statement of the batch's transaction", how="hold")
        with stopped_daemon(site, locking) as (daemon, proxy):
            put_batch(feed)
            stop(daemon, site, proxy)
            end_drain(start_drain(site), run, "before the lock")
            wake(daemon, proxy)
            wait_drained(site)
            wait_until(lambda: daemon.logged("overtaken") or daemon.logged("settled by another"),
                       "the old process says that it was overtaken")
        run.judge(site, feed, "before the lock")


def in_copy_backend_gone(run):
    """The successor waits for the receipt's lock until the old backend is gone, as a server whose client
    has vanished lets go of it in the end."""
    with new_site(CONFIG) as site:
        feed = Feed(site)
        with stopped_daemon(site, Fault(at_query=b"COPY", how="hold")) as (daemon, proxy):
            put_batch(feed)
            stop(daemon, site, proxy)
            drain = start_drain(site)
            time.sleep(0.5)
            if drain.poll() is not None:
                run.fail("in COPY: the successor didn't wait for the old backend")
            site.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'spoolgate'"
                       " AND state = 'idle in transaction' AND pid <> pg_backend_pid()")
            end_drain(drain, run, "in COPY")
            wake(daemon, proxy)
            wait_drained(site)
            time.sleep(1)
        run.judge(site, feed, "in COPY")


def in_commit(run):
    """The COMMIT is on its way: the successor waits for it, and only retires."""
    with new_site(CONFIG) as site:
        feed = Feed(site)
        with stopped_daemon(site, Fault(at_query=b"COMMIT", skip=2, how="hold")) as (daemon, proxy):
            put_batch(feed)
            stop(daemon, site, proxy)
            drain = start_drain(site)
            time.sleep(0.5)
            if drain.poll() is not None:
                run.fail("in COMMIT: the successor didn't wait for the old backend")
            proxy.released.set()
            end_drain(drain, run, "in COMMIT")
            wake(daemon, proxy)
            wait_drained(site)
            time.sleep(1)
        run.judge(site, feed, "in COMMIT")
