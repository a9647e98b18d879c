# SPDX-License-Identifier: MIT
"""What scenarios have in common: how they are listed, what they are given, and what they hand back.

    @scenario("ingest", "metrics against psql and a Python replayer")
    def ingest(bench):
        ...
        return Result(ratios=[Ratio(...)], samples={...})
"""
import contextlib
import dataclasses

from contenders import Ours, Site
from data import Data
from measure import Spread

SCENARIOS = {}


@dataclasses.dataclass
class Scenario:
    name: str
    title: str
    function: object


def scenario(name, title):
    def register(function):
        SCENARIOS[name] = Scenario(name, title, function)
        return function
    return register


@dataclasses.dataclass
class Ratio:
    """A line of the first table. `at_least` or `at_most` is what it should be."""
    what: str
    against: str
    measured: Spread
    at_least: float = None
    at_most: float = None
    form: str = "{:.2f}"

    @property
    def want(self):
        if self.at_least is not None:
            return f"≥ {self.form.format(self.at_least)}"
        return f"≤ {self.form.format(self.at_most)}" if self.at_most is not None else "–"

    @property
    def met(self):
        if self.at_least is not None:
            return "yes" if self.measured.median >= self.at_least else "no"
        if self.at_most is not None:
            return "yes" if self.measured.median <= self.at_most else "no"
        return "–"


@dataclasses.dataclass
class Result:
    ratios: list
    samples: dict = dataclasses.field(default_factory=dict)  # {contender: [Sample]}
    notes: list = dataclasses.field(default_factory=list)
    tables: list = dataclasses.field(default_factory=list)  # (head, rows) of text


class Bench:
    """What a scenario works with."""

    def __init__(self, cluster, folder, binaries, args):
        """binaries: {label: path}, ours first; another one's contenders carry its label."""
        self.cluster, self.folder, self.binaries = cluster, folder, binaries
        self.quick, self.args = args.quick, args

    def rounds(self, full, quick):
        return self.args.rounds or (quick if self.quick else full)

    def rows(self, full, quick):
        return self.args.rows or (quick if self.quick else full)

    @contextlib.contextmanager
    def data(self, *args, name="data", **options):
        made = Data(self.folder / name, *args, **options)
        try:
            yield made
        finally:
            made.close()

    def site(self, schema):
        """One more for ours."""
        return Site(self.cluster, self.folder, self.binaries[""], schema)

    @contextlib.contextmanager
    def sites(self):
        """A site for each binary: {label: Site}."""
        with contextlib.ExitStack() as stack:
            yield {label: stack.enter_context(Site(self.cluster, self.folder, path, f"bench_{number}"))
                   for number, (label, path) in enumerate(self.binaries.items())}


def ours(sites, name, data, **options):
    """One contender for each binary."""
    return [Ours(f"{name} {label}".strip(), site, data, **options) for label, site in sites.items()]
