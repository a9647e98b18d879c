# SPDX-License-Identifier: MIT
"""inotify loses events or watches: files are found all the same, and not only by the timer."""
import contextlib
import pathlib
import signal
import subprocess
import time

from feed import Feed
from scenario import Skip, is_root, new_site, scenario, wait_drained
from support import Daemon, wait_until

# An hour between rescans: what is found is found without them.
CONFIG = ("gates: {default: {open: {count: 0, bytes: 0, age: 300ms, idle: 100ms}},"
          " g: {open: {count: 0, bytes: 0, age: 300ms, idle: 100ms}}}\nrescan: 1h\nloaders: 2\n")
QUEUE = pathlib.Path("/proc/sys/fs/inotify/max_queued_events")
SOON = 30  # seconds; the timer is out of reach


@contextlib.contextmanager
def queue_of(events):
    """The limit is the whole machine's, so it goes back at once: a queue keeps the one it was made with."""
    if not is_root():
        raise Skip("needs root, to make inotify's queue small")
    before = QUEUE.read_text()
    try:
        QUEUE.write_text(f"{events}\n")
    except OSError as failure:
        raise Skip(f"{QUEUE} can't be written: {failure}") from failure
    try:
        yield
    finally:
        QUEUE.write_text(before)


@scenario("inotify's queue overflows")
def queue_overflow(run):
    rounds = max(3, run.n // 10)
    with new_site(CONFIG) as site:
        feed = Feed(site)
        with contextlib.ExitStack() as stack:
            with queue_of(5):
                daemon = stack.enter_context(Daemon(site))
                wait_until(lambda: has_inotify(daemon), "the daemon has its inotify queue")
            daemon.wait_watching()
            for _ in range(rounds):
                for _ in range(60):
                    feed.good(frames=1)
                feed.damaged()
                wait_drained(site, SOON)
        run.judge(site, feed, "overflow", times=rounds)
    return f"a queue of 5 events and {rounds} bursts of 61 renames, with an hour between rescans: all are loaded within {SOON} s"


def has_inotify(daemon):
    if daemon.process.poll() is not None:
        raise AssertionError(f"the daemon ended, exit {daemon.process.returncode}")
    with contextlib.suppress(FileNotFoundError):
        return any("inotify" in str(fd.readlink()) for fd in pathlib.Path(f"/proc/{daemon.pid}/fd").iterdir())
    return False


@scenario("a gate's folder is removed and made again")
def gate_recreated(run):
    rounds = max(3, run.n // 5)
    with new_site(CONFIG) as site:
        feed = Feed(site)
        with Daemon(site) as daemon:
            daemon.wait_watching()
            for i in range(rounds):
                feed.good(gate="g")
                wait_drained(site, SOON)
                folder = site.spool / "incoming" / "g"
                if i % 2:
                    folder.rmdir()
                else:  # moved away: the watch goes with it
                    folder.rename(site.spool / "tmp" / f"old{i}")
                if i % 3 == 0:
                    time.sleep(0.3)  # else it is there again before the daemon has looked
                feed.good(gate="g")
                wait_drained(site, SOON)
        run.judge(site, feed, "gate made again", times=rounds)
    return f"removed, or moved away, and made again with a segment in it, {rounds} times, with an hour between rescans"


@scenario("incoming/ itself is removed and made again")
def incoming_recreated(run):
    rounds = max(3, run.n // 10)
    with new_site(CONFIG) as site:
        feed = Feed(site)
        with Daemon(site) as daemon:
            daemon.wait_watching()
            for i in range(rounds):
                feed.good()
                wait_drained(site, SOON)
                incoming = site.spool / "incoming"
                if (incoming / "g").exists():
                    (incoming / "g").rmdir()
                if i % 2:
                    incoming.rmdir()
                else:
                    incoming.rename(site.spool / "tmp" / f"old{i}")
                feed.good()
                wait_drained(site, SOON)
        run.judge(site, feed, "incoming made again", times=rounds)
    return f"removed, or moved away, and made again with a segment in it, {rounds} times, under a running daemon"




@scenario("something is mounted over incoming/")
def mounted_over(run):
    """What is in the mount can't be renamed out of it, so it waits there, and a daemon that is started meanwhile
    says so without going round in circles. What arrives when the mount is gone, and what its owner moves in
    then, is loaded."""
    if not is_root():
        raise Skip("needs root, to mount")
    with new_site(CONFIG) as site:
        feed = Feed(site)
        incoming, mounted = site.spool / "incoming", site.folder / "mounted"
        mounted.mkdir()
        with Daemon(site) as daemon:
            daemon.wait_watching()
            feed.good()
            wait_drained(site, SOON)
            if subprocess.run(["mount", "--bind", mounted, incoming], check=False).returncode:
                raise Skip("bind mounts aren't allowed here")
            segment = feed.good(deliver=False)
            (incoming / segment.name).write_bytes(segment.data)
            daemon.process.send_signal(signal.SIGHUP)
            time.sleep(1)
            daemon.kill()
        with Daemon(site) as daemon:
            try:
                daemon.wait_watching()
                time.sleep(4)
                lines = len(daemon.log.splitlines())
                if lines > 60:
                    run.fail(f"the daemon goes round in circles: {lines} lines in 4 s: {daemon.log[:1000]}")
            finally:
                subprocess.run(["umount", "-l", incoming], check=True)
            daemon.process.send_signal(signal.SIGHUP)
            feed.good()
            (mounted / segment.name).rename(incoming / segment.name)
            wait_drained(site, SOON)
        run.judge(site, feed, "mounted over")
    return ("a bind mount over it with a segment in it, and the daemon killed and started again; then unmounted, and the"
            " segment moved in by hand")
