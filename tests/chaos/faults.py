# SPDX-License-Identifier: MIT
"""The file system says no: one failed call at a time, a failed call in every thread of a running daemon,
and a spool that is full."""
import contextlib
import os
import pathlib
import subprocess
import time

from crash import recoveries
from feed import Feed
from scenario import Skip, is_root, new_site, scenario, wait_drained
from support import Daemon, wait_until
from walk import Point, list_points, walk

# What each call can really fail with, of the errors that a file system or a process has in store.
ERRORS = {
    "openat": ("EIO", "EMFILE", "EINTR", "ENOSPC"),
    "read": ("EIO", "EINTR"),
    "getdents64": ("EIO",),
    "write": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "renameat": ("EIO", "ENOSPC", "EDQUOT"),
    "renameat2": ("EIO", "ENOSPC", "EDQUOT"),
    "mkdirat": ("EIO", "ENOSPC", "EDQUOT"),
    "unlinkat": ("EIO",),
    "newfstatat": ("EIO",),
    "fstat": ("EIO",),
    "faccessat": ("EIO",),
    "faccessat2": ("EIO",),
    "ftruncate": ("EIO",),
    "pwrite64": ("ENOSPC",),
    "flock": ("EINTR", "ENOLCK"),
    "sendto": ("EINTR",),  # resets are the proxy's: after a reset of one side only, libpq waits for the other
    "recvfrom": ("ECONNRESET", "EINTR"),
    "connect": ("ECONNREFUSED", "EMFILE"),
    "socket": ("EMFILE",),
}


def error_points(first=()):
    """A failed call can't be hit in the same way twice, so each error is a point of its own. An eventfd is a
    number in memory: writing it has no way to fail, and who is woken by it needs no second one."""
    return [Point(call, f"error={error}", first) for call in list_points(first) if "anon_inode:[eventfd]" not in call.text
            for error in ERRORS.get(call.name, ())]


def was_injected(_ended, site):
    return "(INJECTED)" in (site.folder / "trace").read_text(errors="replace")


@scenario("one system call fails")
def error_walk(run):
    points = error_points()
    chosen = run.thin(points, 10 * run.n)
    walk(run, chosen, was_injected)
    names = sorted({p.call.name for p in chosen})
    errors = sorted({p.what.removeprefix("error=") for p in chosen})
    return (f"a batch of every sort of segment: each of `drain`'s calls ({', '.join(names)}) fails once, with each of"
            f" {', '.join(errors)} that it can fail with: {len(chosen)} of {len(points)} points")


@scenario("one system call of the recovery fails")
def error_recovery_walk(run):
    points, turns = recoveries(error_points)
    chosen = run.thin(points, 4 * run.n)
    walk(run, chosen, was_injected)
    return (f"killed when {turns}; then one call of the `drain` that takes that up fails:"
            f" {len(chosen)} of {len(points)} points")


NO_FLAG = ("renameat2", "error=EINVAL")


@scenario("the file system has no RENAME_NOREPLACE")
def no_rename_flag(run):
    """As NFS: moves are link and unlink there, and a crash may come between the two."""
    points = [Point(call, "signal=KILL", (), NO_FLAG) for call in list_points(always=NO_FLAG)
              if call.name in ("linkat", "unlinkat", "renameat")]
    points = run.thin(points)
    walk(run, points, lambda ended, _site: ended.code != 0)
    return f"renameat2 always fails with EINVAL; `drain` killed before each of its renames, links and unlinks: {len(points)} points"


# ---- the daemon: must get over it by itself ----

GATES = ("default", "other")
DAEMON_CONFIG = ("gates: {" + ", ".join(f"{g}: {{open: {{count: 0, bytes: 0, age: 300ms, idle: 100ms}}}}" for g in GATES)
                 + "}\nrescan: 1s\nloaders: 1\n")
SWEEP = {
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "renameat,renameat2": ("EIO", "ENOSPC", "EDQUOT"),
    "write": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "openat": ("EIO", "ENOSPC", "EMFILE", "EINTR"),
    "read": ("EIO", "EINTR"),
    "mkdirat": ("EIO", "ENOSPC", "EDQUOT"),
    "getdents64,newfstatat,fstat": ("EIO",),
    "recvfrom": ("ECONNRESET", "EINTR"),
}


@contextlib.contextmanager
def tampering(daemon, calls, what):
    """strace on all threads but the loop's, whose library rightly ends the process when its pipes fail."""
    trace = daemon.site.folder / "trace"
    threads = [t for t in os.listdir(f"/proc/{daemon.pid}/task") if int(t) != daemon.pid]
    with subprocess.Popen(["strace", "-qq", "-o", trace, "-e", f"trace={calls}", "-e", f"inject={calls}:{what}",
                           *(f"-p{t}" for t in threads)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as strace:
        try:
            wait_until(lambda: strace.poll() is not None or all(is_traced(daemon.pid, t) for t in threads),
                       "strace is attached")
            if strace.poll() is not None:
                raise AssertionError(f"strace: {strace.stderr.read()}")
            yield lambda: trace.read_text(errors="replace").count("(INJECTED)")
        finally:
            strace.terminate()


def is_traced(pid, thread):
    status = pathlib.Path(f"/proc/{pid}/task/{thread}/status").read_text()
    return "TracerPid:\t0\n" not in status


@scenario("system calls of the daemon fail for a while")
def daemon_errors(run):
    points = [(calls, error, when) for calls, errors in SWEEP.items() for error in errors
              for when in ("1..3", "3..5", "4+5", "8..20")]
    points = run.thin(points)

    def work(point):
        calls, error, when = point
        with new_site(DAEMON_CONFIG) as site:
            feed = Feed(site)
            with Daemon(site) as daemon:
                daemon.wait_watching()
                with tampering(daemon, calls, f"error={error}:when={when}") as injected:
                    for _ in range(4):
                        feed.batch()
                        time.sleep(0.4)
                    time.sleep(0.5)
                    hits = injected()
                wait_drained(site)
            run.judge(site, feed, point, times=hits)
    run.spread(work, points)
    return (f"{', '.join(c for names in SWEEP for c in names.split(','))} of a running daemon fail several times in a row,"
            f" in {len(points)} patterns; it isn't restarted")


# ---- a full spool ----

@contextlib.contextmanager
def tiny_spool(options):
    """A site whose spool is a tmpfs of its own."""
    if not is_root():
        raise Skip("needs root, to mount a small tmpfs")
    with new_site(DAEMON_CONFIG, migrate=False) as site:
        site.spool.mkdir(exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", site.spool], check=False).returncode:
            raise Skip("mount isn't allowed here")
        try:
            site.run("migrate", code=0)
            yield site
        finally:
            subprocess.run(["umount", "-l", site.spool], check=True)


def fill_blocks(site):
    with open(site.spool / "tmp" / "filler", "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))


def fill_inodes(site):
    folder = site.spool / "tmp" / "fillers"
    folder.mkdir()
    with contextlib.suppress(OSError):
        for i in range(10000):
            (folder / str(i)).touch()


def empty(site):
    subprocess.run(["rm", "-rf", site.spool / "tmp" / "filler", site.spool / "tmp" / "fillers"], check=True)


def full_spool(run, options, fill):
    """The producers' segments are there already; the daemon has no room for a note, a folder or a reject."""
    rounds = max(2, run.n // 10)
    with tiny_spool(options) as site:
        feed = Feed(site)
        hits = 0
        with Daemon(site) as daemon:
            daemon.wait_watching()
            for i in range(rounds):
                if i % 2:  # full while the batch is being loaded
                    feed.batch()
                    time.sleep(run.random.uniform(0, 0.5))
                    fill(site)
                else:  # full before it is claimed
                    for gate in GATES:
                        site.run("gate", "hold", gate, code=0)
                    feed.batch()
                    fill(site)
                    unhold(site)
                time.sleep(1)
                hits += bool(daemon.logged("No space left"))
                if daemon.process.poll() is not None:
                    run.fail(f"the daemon ended, exit {daemon.process.returncode}:\n{daemon.log[-2000:]}")
                empty(site)
                unhold(site)
                wait_drained(site)
        run.judge(site, feed, f"tmpfs of {options}", times=rounds)
        if hits == 0:
            run.fail("the daemon never met a full disk")
    return rounds


def unhold(site):
    """Letting go is a removed file, which a full disk allows."""
    for gate in GATES:
        site.run("gate", "release", gate)


@scenario("the spool's file system is full")
def disk_full(run):
    rounds = full_spool(run, "size=512k", fill_blocks)
    return f"a tmpfs of 512 KiB without a free block while a batch is claimed or loaded, {rounds} times"


@scenario("the spool's file system has no inode left")
def inodes_full(run):
    rounds = full_spool(run, "size=4m,nr_inodes=300", fill_inodes)
    return f"a tmpfs of 300 inodes, all taken while a batch is claimed or loaded, {rounds} times"
