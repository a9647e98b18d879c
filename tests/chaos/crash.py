# SPDX-License-Identifier: MIT
"""SIGKILL before every system call of a batch's life, and of its recovery. To be killed before call K
is to be killed after call K-1."""
from scenario import scenario
from walk import Point, list_points, walk

KILL = "signal=KILL"
# They change nothing, so a crash at them is the crash at the next call that does.
QUIET = ("close", "fstat", "newfstatat", "fcntl", "faccessat", "faccessat2", "statx")


def was_killed(ended, _site):
    return ended.code != 0


def kill_points(first=()):
    return [Point(call, KILL, first) for call in list_points(first) if call.name not in QUIET]


@scenario("SIGKILL at a system call")
def crash_points(run):
    points = run.thin(kill_points())
    walk(run, points, was_killed)
    return f"a batch of every sort of segment: `drain` killed before each of its {len(points)} calls"


@scenario("SIGKILL while one batch loads and the next is prepared")
def crash_ahead(run):
    config = "loaders: 2\ngates: {default: {batch: {segments: 1}}}\n"
    calls = [c for c in list_points(config=config, every_thread=True) if c.name not in QUIET]
    points = run.thin([Point(call, KILL) for call in calls])
    walk(run, points, was_killed, config, may_miss=0.5)
    return (f"six batches of one segment, two loaders, two threads each: `drain` killed when any thread is about to do"
            f" its nth call of a name, for {len(points)} of those")


def turning_points(calls):
    """Where a crash leaves each row of the state table behind."""
    renames = [c for c in calls if c.name == "renameat2"]

    def first(what, among):
        return next(c for c in among if what in c.text)

    def after(call):
        return calls[calls.index(call) + 1]
    claimed = [c for c in renames if "/incoming" in c.text.split(",", 1)[0]]
    staged = [c for c in renames if "/.failed>" in c.text]
    commits = [c for c in calls if c.name == "sendto" and "COMMIT" in c.text]
    return {
        "half claimed": claimed[len(claimed) // 2],
        "claimed, no receipt": first("A claim's receipt", reversed(calls)),  # of the other gate
        "staged": after(staged[0]),
        "COMMIT sent": after(commits[-1]),
        "committed": first('".failed"', renames),
        "half retired": renames[-1],
    }


def recoveries(list_some):
    """What list_some(first) finds for a recovery from each of these; and their names."""
    turns = turning_points(list_points())
    return [p for call in turns.values() for p in list_some(((call, KILL),))], ", ".join(turns)


@scenario("SIGKILL at a system call of the recovery")
def crash_recovery_points(run):
    points, turns = recoveries(kill_points)
    chosen = run.thin(points, 4 * run.n)
    walk(run, chosen, was_killed)
    return (f"killed when {turns}; then `drain` killed again before each of its calls as it takes"
            f" that up: {len(chosen)} of {len(points)} points")
