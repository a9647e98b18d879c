# SPDX-License-Identifier: MIT
"""Generated rows, in the forms that contenders read. The same arguments give the same bytes.

    data = Data(folder, "metrics", rows=1_000_000, days=2)
    data.segments("zst", 16 << 20)      # a folder of segments
    data.binary(), data.csv()           # files for COPY
"""
import datetime
import json
import pathlib
import shutil
import subprocess

from cluster import ROOT

GEN = ROOT / "build" / "bench" / "gen"
MIB = 1 << 20
FIRST_DAY = datetime.date(2025, 3, 1)  # as in gen.c

COLUMNS = {"metrics": ("ts", "source", "name", "value", "labels", "batch_id"),
           "events": ("ts", "source", "type", "id", "payload", "batch_id")}

# The sum of the numbers that gen counts, from the table.
QUARTERS = {"metrics": "sum(value) * 4", "events": "sum((payload ->> 'ms')::float8) * 4"}


class Data:
    """Each form is made when it is first asked for."""

    def __init__(self, folder, stream, rows, *, days=2, order="ordered"):
        self.folder = folder
        self.stream, self.rows, self.order = stream, rows, order
        self.days = days
        self.facts = {}  # by form, what gen said of it
        self.made = {}
        self.digest = None  # of the rows, as whoever loaded them first has them in the table
        folder.mkdir()

    def segments(self, form, size=16 * MIB, frames=None):
        """A folder of segments of `size` raw bytes or of so many frames; form: raw or zst."""
        limit = ["--segment", str(size)] if frames is None else ["--frames", str(frames)]
        name = f"{form}-{limit[1]}"
        if name not in self.made:
            path = self.folder / name
            path.mkdir()
            self.generate(name, f"--{form}", path, *limit)
            self.made[name] = path
        return self.made[name]

    def binary(self):
        return self.file("binary", "--binary")

    def csv(self):
        return self.file("csv", "--csv")

    def by_day(self):
        """One binary file for each day."""
        prefix = self.file("day", "--by-day")
        return [pathlib.Path(f"{prefix}{day}") for day in range(self.days)]

    def file(self, name, option):
        if name not in self.made:
            path = self.folder / name
            self.generate(name, option, path)
            self.made[name] = path
        return self.made[name]

    def generate(self, name, *options):
        order = ["--shuffle"] if self.order == "shuffled" else []
        self.facts[name] = json.loads(subprocess.run(
            [GEN, *order, "--days", str(self.days), *options, self.stream, str(self.rows)],
            check=True, capture_output=True, text=True).stdout)

    @property
    def quarters(self):
        return next(iter(self.facts.values()))["quarters"]

    def close(self):
        shutil.rmtree(self.folder)
