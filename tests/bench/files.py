# SPDX-License-Identifier: MIT
"""Many small files: what batching is for."""
from ingest import ALONE, others
from measure import interleave, ratio
from scenario import Ratio, Result, ours, scenario


@scenario("files", "20,000 segments of one frame, as one batch and as one transaction each")
def files(bench):
    many, few = (2000, 200) if bench.quick else (20000, 1000)
    with bench.data("metrics", many, days=1) as data, bench.data("metrics", few, days=1, name="few") as alone, \
            bench.sites() as sites:
        contenders = [
            *ours(sites, "one batch", data, segments=data.segments("raw", frames=1),
                  gate=f"batch: {{segments: {many}, bytes: 1GiB}}"),
            *ours(sites, "a batch each", alone, segments=alone.segments("raw", frames=1), gate=ALONE)]
        samples = interleave(bench.cluster, contenders, bench.rounds(7, 2))
        return Result([
            Ratio(f"{many:,} files of one frame, one batch", f"a batch each ({few:,} files)",
                  ratio(samples["one batch"], samples["a batch each"]), at_least=9, form="{:.1f}"),
            *others(samples, sites)], samples)
