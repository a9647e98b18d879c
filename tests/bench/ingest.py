# SPDX-License-Identifier: MIT
"""Rows a second, against psql and against what people write in Python."""
import itertools

from contenders import Psql, Replayer, has_loaders
from data import MIB
from measure import interleave, ratio, spread
from scenario import Ratio, Result, ours, scenario

ALONE = "batch: {segments: 1}"  # a batch for each segment


def can_load_in_parallel(sites):
    return all(has_loaders(site.binary) for site in sites.values())


def turns(bench, *contenders):
    return interleave(bench.cluster, list(itertools.chain.from_iterable(
        c if isinstance(c, list) else [c] for c in contenders)), bench.rounds(7, 2))


def others(samples, sites):
    """The lines that --compare is for: another binary against ours, contender by contender."""
    return [Ratio(f"{name} {label}", name, ratio(samples[f"{name} {label}"], samples[name]))
            for label in sites if label for name in samples if f"{name} {label}" in samples]


@scenario("ingest", "metrics, ordered, against psql and a Python replayer")
def ingest(bench):
    with bench.data("metrics", bench.rows(2_000_000, 100_000)) as data, bench.sites() as sites:
        site = sites[""]
        samples = turns(
            bench,
            Psql("psql binary", site, data),
            ours(sites, "ours", data, segments=data.segments("zst"), gate=ALONE),
            ours(sites, "ours, 1 MiB", data, segments=data.segments("zst", MIB), gate=ALONE),
            Psql("psql csv", site, data, "csv"),
            Replayer("psycopg binary", site, data, segments=data.segments("zst"), form="binary"),
            Replayer("psycopg text", site, data, segments=data.segments("zst"), form="text"))
        psql, mine = samples["psql binary"], samples["ours"]
        return Result([
            Ratio("metrics, .zst, batches of 16 MiB, 1 loader", "psql \\copy binary", ratio(mine, psql), at_least=1.10),
            Ratio("metrics, .zst, batches of 1 MiB, 1 loader", "psql \\copy binary",
                  ratio(samples["ours, 1 MiB"], psql), at_least=0.90),
            Ratio("metrics, .zst, batches of 16 MiB, 1 loader", "psycopg binary COPY",
                  ratio(mine, samples["psycopg binary"]), at_least=4.5),
            Ratio("CPU of the client, unpacking included", "CPU of the server",
                  spread(mine, lambda s: s.client / s.backend), at_most=0.13),
            Ratio("metrics, .zst, batches of 16 MiB, 1 loader", "psql \\copy csv", ratio(mine, samples["psql csv"])),
            Ratio("metrics, .zst, batches of 16 MiB, 1 loader", "psycopg text COPY",
                  ratio(mine, samples["psycopg text"])),
            *others(samples, sites)], samples)


@scenario("shuffled", "metrics whose times are in no order, packed and not")
def shuffled(bench):
    with bench.data("metrics", bench.rows(1_000_000, 100_000), order="shuffled") as data, bench.sites() as sites:
        samples = turns(
            bench,
            Psql("psql binary", sites[""], data),
            ours(sites, "ours", data, segments=data.segments("zst"), gate=ALONE),
            ours(sites, "ours, raw", data, segments=data.segments("raw"), gate=ALONE))
        psql = samples["psql binary"]
        return Result([
            Ratio("metrics, shuffled, .zst, 16 MiB, 1 loader", "psql \\copy binary", ratio(samples["ours"], psql)),
            Ratio("metrics, shuffled, raw, 16 MiB, 1 loader", "psql \\copy binary", ratio(samples["ours, raw"], psql)),
            *others(samples, sites)], samples)


@scenario("events", "events with payloads of 200 bytes")
def events(bench):
    with bench.data("events", bench.rows(2_000_000, 100_000)) as data, bench.sites() as sites:
        samples = turns(
            bench,
            Psql("psql binary", sites[""], data),
            ours(sites, "ours", data, segments=data.segments("zst"), gate=ALONE),
            ours(sites, "ours, raw", data, segments=data.segments("raw"), gate=ALONE))
        psql = samples["psql binary"]
        return Result([
            Ratio("events, .zst, batches of 16 MiB, 1 loader", "psql \\copy binary", ratio(samples["ours"], psql),
                  at_least=1.15),
            Ratio("events, raw, batches of 16 MiB, 1 loader", "psql \\copy binary", ratio(samples["ours, raw"], psql)),
            *others(samples, sites)], samples)


@scenario("loaders", "metrics with two loaders on two cores")
def loaders(bench):
    with bench.data("metrics", bench.rows(5_000_000, 300_000)) as data, bench.sites() as sites:
        site = sites[""]
        if not can_load_in_parallel(sites):
            return Result([], notes=["two loaders: skipped, this `spoolgate drain` has no --loaders"])
        zst = data.segments("zst")
        samples = turns(
            bench,
            Psql("psql binary", site, data),
            Psql("psql binary, one a leaf", site, data, "leaves"),
            ours(sites, "ours", data, segments=zst, gate=ALONE),
            ours(sites, "ours, 2 loaders", data, segments=zst, gate=ALONE, loaders=2))
        two = samples["ours, 2 loaders"]
        return Result([
            Ratio("metrics, .zst, batches of 16 MiB, 2 loaders", "psql \\copy binary",
                  ratio(two, samples["psql binary"]), at_least=1.9),
            Ratio("metrics, .zst, batches of 16 MiB, 2 loaders", "two psql, a leaf each",
                  ratio(two, samples["psql binary, one a leaf"]), at_least=1.0),
            Ratio("metrics, .zst, batches of 16 MiB, 2 loaders", "ours, 1 loader", ratio(two, samples["ours"])),
            *others(samples, sites)], samples)
