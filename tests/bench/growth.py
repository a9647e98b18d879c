# SPDX-License-Identifier: MIT
"""Cost as work grows: the same load beside little and beside much that is there already."""
import contextlib

from contenders import LEDGER, Ours
from ingest import ALONE
from measure import interleave, progress, ratio
from scenario import Ratio, Result, scenario

FLAT = 0.90


class Beside(Ours):
    """Loads beside what is there: only `emptied` tables are emptied, and its receipts are what says that
    all rows came."""

    def __init__(self, name, site, data, *, emptied):
        self.emptied = emptied
        super().__init__(name, site, data, segments=data.segments("zst"), gate=f"{ALONE}, dedupe: off")

    def reset(self):
        if self.emptied:
            self.site.query(f"TRUNCATE {', '.join(self.emptied)}")
        self.before = self.loaded()

    def loaded(self):
        return self.site.query("SELECT coalesce(sum(rows_loaded), 0) FROM ingestion_manifest")[0][0]

    def verify(self):
        rows = int(self.loaded() - self.before)
        if rows != self.data.rows:
            raise RuntimeError(f"{self.name}: want {self.data.rows} rows, the receipts say {rows}")
        return rows


@contextlib.contextmanager
def pair(bench):
    with bench.site("bench_small") as small, bench.site("bench_large") as large:
        yield small, large


def flat(bench, what, small, large, *more):
    samples = interleave(bench.cluster, [small, large, *more], bench.rounds(7, 2))
    return Result([Ratio(f"{what}: {c.name}", small.name, ratio(samples[c.name], samples[small.name]),
                         at_least=FLAT if c is large else None) for c in (large, *more)], samples)


@scenario("rows", "a table with 1 M and with 20 M rows")
def rows(bench):
    few, times = (50_000, 2) if bench.quick else (1_000_000, 20)
    with pair(bench) as (small, large), bench.data("metrics", few, name="before", days=1) as before, \
            bench.data("metrics", bench.rows(500_000, 50_000), days=1) as data:
        for site in (small, large):
            site.make_leaves("metrics", 1)
        for site, copies in ((small, 1), (large, times)):
            fill(site, before, copies)
        return flat(bench, "rows in the table",
                    Beside(f"{few:,} rows", small, data, emptied=LEDGER),
                    Beside(f"{few * times:,} rows", large, data, emptied=LEDGER))


def fill(site, data, copies):
    with open(data.binary(), "rb") as file, site.connection.cursor() as cursor:
        with cursor.copy("COPY metrics (ts, source, name, value, labels, batch_id) FROM STDIN (FORMAT binary)") as copy:
            while block := file.read(1 << 20):
                copy.write(block)
    for number in range(1, copies):
        site.query(f"INSERT INTO metrics SELECT * FROM metrics LIMIT {data.rows}")
        progress(f"{(number + 1) * data.rows:,} rows are there")


@scenario("leaves", "a table with 1 and with 400 partitions")
def leaves(bench):
    many = 40 if bench.quick else 400
    with pair(bench) as (small, large), bench.data("metrics", bench.rows(1_000_000, 50_000), days=1) as data, \
            bench.data("metrics", bench.rows(1_000_000, 50_000), days=many, name="wide") as wide:
        large.make_leaves("metrics", many)
        emptied = ("metrics", *LEDGER)
        return flat(bench, "partitions",
                    Beside("1 leaf", small, data, emptied=emptied),
                    Beside(f"{many} leaves", large, data, emptied=emptied),
                    Beside(f"{many} leaves, rows for each", large, wide, emptied=emptied))


RECEIPTS = """
INSERT INTO ingestion_manifest
       (batch_id, batch_tag, spool_id, gate, status, reason, files, file_count, bytes_total, bytes_raw, frames_total,
        rows_loaded, tables, ts_min, ts_max, attempts, host, version, opened_at, loading_at, finished_at)
SELECT id, 'default-' || n, '01954f7a-1000-7000-8000-000000000001', 'default', 'done', 'count 1 reached',
       jsonb_build_array(jsonb_build_object('name', n || '.msgpack', 'bytes', 120000, 'frames', 1000,
                                            'sha256', encode(sha256(n::text::bytea), 'hex'))),
       1, 120000, 120000, 1000, 1000, '{"metrics": 1000}', at, at, 1, 'host', '1', at, at, at
  FROM (SELECT n, at, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
                       || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid AS id
          FROM generate_series(1, %(count)s) AS n, LATERAL (SELECT now() - n * interval '20 seconds' AS at) AS t) AS r
"""
SEGMENTS = """
INSERT INTO ingestion_segment (dedupe_key, batch_id, gate, name, bytes, bytes_raw, sha256, frames, loaded_at)
SELECT 'sha256:' || (files -> 0 ->> 'sha256'), batch_id, gate, files -> 0 ->> 'name', bytes_total, bytes_raw,
       files -> 0 ->> 'sha256', frames_total, finished_at
  FROM ingestion_manifest
"""


@scenario("receipts", "10 and 1,000,000 receipts and ledger rows of earlier batches")
def receipts(bench):
    many = 10_000 if bench.quick else 1_000_000
    with pair(bench) as (small, large), bench.data("metrics", bench.rows(1_000_000, 50_000), days=1) as data:
        for site, count in ((small, 10), (large, many)):
            site.connection.execute(RECEIPTS % {"count": count})
            site.query(SEGMENTS)
            site.query("ANALYZE ingestion_manifest, ingestion_segment")
        return flat(bench, "receipts",
                    Beside("10 receipts", small, data, emptied=("metrics",)),
                    Beside(f"{many:,} receipts", large, data, emptied=("metrics",)))
