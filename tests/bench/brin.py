# SPDX-License-Identifier: MIT
"""Right after a load: does a query of ten minutes read little?"""
from ingest import ALONE
from measure import Spread, launch
from scenario import Ratio, Result, ours, scenario

TEN_MINUTES = """
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
SELECT count(*), avg(value) FROM metrics WHERE ts >= '2025-03-01 12:00Z' AND ts < '2025-03-01 12:10Z'
"""


@scenario("brin", "buffers that a query of ten minutes reads right after a load")
def brin(bench):
    ratios, notes = [], []
    with bench.data("metrics", bench.rows(2_000_000, 200_000), days=1) as data, bench.sites() as sites:
        for contender in ours(sites, "ours", data, segments=data.segments("zst"), gate=ALONE):
            contender.prepare()
            contender.reset()
            contender.wait_ready()
            launch(bench.cluster, contender.commands())
            contender.verify()
            site = contender.site
            site.query("ANALYZE metrics")
            right_after = buffers(site)
            summarize(site)
            summarized = buffers(site)
            pages, = site.query("SELECT sum(pg_relation_size(relid))::bigint / 8192 FROM pg_partition_tree('metrics')"
                                " WHERE isleaf")[0]
            contender.clean()
            ratios.append(Ratio(f"{contender.name}: buffers read after a load", "after an explicit summary",
                                Spread.of([right_after / summarized])))
            notes.append(f"{contender.name}: a query of 10 minutes of a day reads {right_after:,} buffers right after the"
                         f" load, {summarized:,} when summarized; the table has {pages:,} pages")
    return Result(ratios, notes=notes)


def buffers(site):
    plan = site.query(TEN_MINUTES)[0][0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def summarize(site):
    site.query("SELECT brin_summarize_new_values(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
               " JOIN pg_am a ON a.oid = c.relam AND amname = 'brin'"
               " WHERE relkind = 'i' AND indrelid IN (SELECT relid FROM pg_partition_tree('metrics'))")
