# SPDX-License-Identifier: MIT
"""Where our own CPU time goes, by perf: samples of the client while it loads the backlog of `ingest`."""
import collections
import dataclasses
import shutil
import subprocess

from contenders import Ours
from ingest import ALONE
from measure import Command, launch
from scenario import Result, scenario

TOP = 10


@dataclasses.dataclass(frozen=True)
class Symbol:
    percent: float
    where: str  # program, library or kernel
    name: str


class Profiled(Ours):
    """The same drain under perf. The event is the clock's: machines without a PMU have that, too."""

    @property
    def record(self):
        return self.site.folder / "perf.data"

    def commands(self):
        drain, = super().commands()
        return [Command(["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o", self.record, "--", *drain.argv],
                        drain.env, drain.cwd)]

    def symbols(self):
        lines = subprocess.run(["perf", "report", "--stdio", "-i", self.record, "--sort", "dso,symbol", "-t", "|", "-q"],
                               capture_output=True, text=True, check=True).stdout.splitlines()
        fields = [line.split("|") for line in lines if line.count("|") >= 2]
        return [Symbol(float(f[0].strip().rstrip("%")), f[1].strip(), f[2].strip()) for f in fields]


@scenario("profile", "where the client's CPU time goes")
def profile(bench):
    if not shutil.which("perf"):
        return Result([], notes=["profile: skipped, there is no perf"])
    with bench.data("metrics", bench.rows(2_000_000, 150_000)) as data, bench.site("bench_profile") as site:
        contender = Profiled("profiled", site, data, segments=data.segments("zst"), gate=ALONE)
        contender.prepare()
        contender.reset()
        contender.wait_ready()
        launch(bench.cluster, contender.commands())
        contender.verify()
        symbols = contender.symbols()
        contender.clean()
    return Result([], tables=[by_symbol(symbols), by_place(symbols)])


def by_symbol(symbols):
    return (("share", "in", "symbol"),
            [(f"{s.percent:.1f} %", s.where, s.name.removeprefix("[.] ").replace("[k] ", "")) for s in symbols[:TOP]])


def by_place(symbols):
    places = collections.Counter()
    for s in symbols:
        places["kernel" if s.where.startswith("[") else s.where] += s.percent
    return (("share", "in"), [(f"{percent:.1f} %", where) for where, percent in places.most_common(6)])
