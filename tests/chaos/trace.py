# SPDX-License-Identifier: MIT
"""strace, as a way to list system calls and to tamper with one of them.

    calls = list_calls(site, "drain", "--force")          # each call that touches disk or network
    run_with(site, "drain", "--force", options=inject(trace_file, calls[7], "signal=KILL"))
"""
import collections
import dataclasses
import os
import re
import signal
import subprocess

from support import BIN, Ended

HANGS = 60  # seconds

# What reaches a disk or a peer. Those that a machine's libc or kernel doesn't know are left out by `?`.
CALLS = ("openat open creat read pread64 readv write pwrite64 writev fsync fdatasync sync_file_range rename renameat "
         "renameat2 link linkat unlink unlinkat mkdir mkdirat rmdir ftruncate fallocate flock fcntl "
         "getdents64 newfstatat statx fstat faccessat faccessat2 close socket connect sendto recvfrom "
         "sendmsg recvmsg shutdown poll ppoll copy_file_range").split()

# Calls on these come from the loader and from libraries, and say nothing of ours.
SYSTEM = ("/usr/", "/lib", "/etc/", "/proc/", "/sys/", "/dev/", "/bin/")


@dataclasses.dataclass(frozen=True)
class Call:
    name: str
    number: int  # the how-manieth of its name in its thread, as `when=` counts
    text: str

    def __str__(self):
        return f"{self.name}#{self.number} {self.text[:150]}"


def run_with(site, *args, options=()):
    """The program under strace. One that hangs ends with it."""
    with subprocess.Popen(["strace", "-f", "-qq", *options, BIN, *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=site.folder, env=site.environment,
                          start_new_session=True) as process:
        try:
            out, err = process.communicate(timeout=HANGS)
        except subprocess.TimeoutExpired as hang:
            os.killpg(process.pid, signal.SIGKILL)
            _, err = process.communicate()
            raise AssertionError(f"{args} hangs, with {options}:\n{err.decode(errors='replace')}") from hang
    return Ended(args, process.returncode, out, err)


def inject(trace, call=None, what="", always=()):
    """strace's options that tamper with one call and, `always` being (name, what), with all of a name.
    What it traces goes to a file."""
    names = [n for n in (call and call.name, always and always[0]) if n]
    options = ["-o", str(trace), "-e", "trace=" + ",".join(names)]
    if call:
        options += ["-e", f"inject={call.name}:{what}:when={call.number}"]
    return (*options, *tampering_always(always))


def tampering_always(always):
    return ("-e", f"inject={always[0]}:{always[1]}") if always else ()


def list_calls(site, *args, always=(), every_thread=False):
    """Runs it to its end and returns its calls, in order, without those on the system's files: of the
    first thread, or of all, where the same number of a name counts once."""
    trace = site.folder / "calls.trace"
    ended = run_with(site, *args, options=("-y", "-s", "60", "-o", str(trace), "-e",
                                           "trace=" + ",".join(f"?{c}" for c in CALLS),
                                           *tampering_always(always)))
    if ended.code != 0:
        raise AssertionError(f"under strace: {ended}")
    counts = collections.Counter()
    calls = {}
    first = None
    for line in trace.read_text(errors="replace").splitlines():
        match = re.match(r"(\d*) *(\w+)\((.*)", line)
        if not match:
            continue
        thread, name, rest = match.groups()
        first = first or thread
        counts[thread, name] += 1
        if (every_thread or thread == first) and not is_of_system(name, rest):
            calls.setdefault((name, counts[thread, name]), Call(name, counts[thread, name], rest))
    trace.unlink()
    return list(calls.values())


def is_of_system(name, rest):
    if name in ("openat", "newfstatat", "faccessat", "faccessat2", "statx", "open"):
        path = re.search(r'"((?:[^"\\]|\\.)*)"', rest)
        if path and path[1].startswith("/"):
            return path[1].startswith(SYSTEM)
    path = re.match(r"\d+<([^>]*)>", rest)
    return bool(path) and path[1].startswith(SYSTEM)
