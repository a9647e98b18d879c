# SPDX-License-Identifier: MIT
"""Peak resident memory, of what a producer can bring."""
import shutil

from contenders import Ours, has_loaders
from data import MIB
from ingest import ALONE
from measure import Spread, interleave, launch, progress
from scenario import Ratio, Result, scenario

A_LOADER, BASE = 64, 32  # MiB


class Single(Ours):
    """One drain of files that are made just for it, and that aren't kept."""

    def __init__(self, name, site, data, fill, *, expect, gate=""):
        """fill(incoming) puts the files; expect: (segments_failed, rows) by the receipts."""
        self.fill_with, self.expect = fill, expect
        super().__init__(name, site, data, segments=data.segments("zst"), gate=gate)

    def fill(self, incoming):
        self.fill_with(incoming)

    def verify(self):
        got = self.site.query("SELECT sum(segments_failed)::bigint, sum(rows_loaded)::bigint FROM ingestion_manifest")[0]
        if got != self.expect:
            raise RuntimeError(f"{self.name}: failed segments and rows: want {self.expect}, got {got}")
        return got[1]


def once(bench, contender):
    contender.prepare()
    contender.reset()
    contender.wait_ready()
    sample = launch(bench.cluster, contender.commands())
    sample.rows = contender.verify()
    contender.clean()
    progress(f"{contender.name:<28} {sample.wall:7.1f} s, peak {sample.peak / MIB:.0f} MiB")
    return sample


def line(what, sample, loaders=1):
    most = A_LOADER * loaders + BASE
    return Ratio(f"peak MiB: {what}", f"{A_LOADER} a loader + {BASE}", Spread.of([sample.peak / MIB]),
                 at_most=most, form="{:.0f}")


@scenario("memory", "peak memory of the usual backlog and of giants")
def memory(bench):
    ratios, notes = [], []
    with bench.data("metrics", bench.rows(1_000_000, 100_000)) as data, bench.sites() as sites:
        site = sites[""]
        packed = data.segments("zst")
        for loaders in (1, 2) if has_loaders(site.binary) else (1,):
            usual = once(bench, Ours(f"usual, {loaders}", site, data, segments=packed, gate=ALONE, loaders=loaders))
            ratios.append(line(f"the usual backlog, {loaders} loader{'s'[:loaders - 1]}", usual, loaders))
        if bench.quick:
            notes.append("the 2 GiB segment, the 1 GiB frame and the million files are left out")
        else:
            ratios += giants(bench, site, data, packed)
    return Result(ratios, notes=notes)


def giants(bench, site, data, packed):
    parts = sorted(packed.iterdir())
    copies = -(-2048 * MIB // data.facts[f"zst-{16 * MIB}"]["raw"])

    def long_segment(incoming):
        """A .zst may be several, one after the other."""
        with open(incoming / "long.msgpack.zst", "wb") as out:
            for part in parts * copies:
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, out)

    def large_frame(incoming):
        """{"kind": "metric", "name": 1 GiB of zeros}: sparse on disk."""
        with open(incoming / "large.msgpack", "wb") as out:
            out.write(b"\x82\xa4kind\xa6metric\xa4name\xdb" + (1024 * MIB).to_bytes(4, "big"))
            out.truncate(out.tell() + 1024 * MIB)

    yield line("a segment of 2 GiB", once(bench, Single(
        "2 GiB segment", site, data, long_segment, expect=(0, data.rows * copies))))
    yield line("a frame of 1 GiB, refused", once(bench, Single("1 GiB frame", site, data, large_frame, expect=(1, 0))))
    with bench.data("metrics", 1_000_000, days=1, name="million") as many:
        folder = many.segments("raw", frames=1)

        def million(incoming):
            incoming.rmdir()
            folder.rename(incoming)
        yield line("1,000,000 segments of a frame", once(bench, Single(
            "a million files", site, data, million, expect=(0, 1_000_000))))
