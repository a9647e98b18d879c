# SPDX-License-Identifier: MIT
"""The knowledge base: ready-made chunks against psql, and documents until they are searchable."""
import contextlib

from contenders import LEDGER, PSQL, Contender, Ours
from ingest import ALONE
from measure import Command, interleave, ratio
from scenario import Ratio, Result, scenario
from texts import COLUMNS, Chunks, Documents

TABLES = "pmoves_core.assets, pmoves_kb.documents, pmoves_kb.sections, pmoves_kb.chunks, pmoves_kb.documents_next"
# The rows without their ids, which everybody makes himself.
DIGEST = "sum(hash_record_extended(ROW(idx, text, tokens, md, embedding_status, sha256, embedding), 0))"


class PsqlChunks(Contender):
    """`\\copy` of rows that are ready, into a table of the same columns in their default storage."""

    table = "copied_chunks"

    def make_tables(self):
        self.site.query(f"DROP TABLE IF EXISTS {self.table}")
        self.site.query(f"CREATE TABLE {self.table} (LIKE pmoves_kb.chunks INCLUDING DEFAULTS INCLUDING GENERATED"
                        " INCLUDING CONSTRAINTS INCLUDING INDEXES)")

    def reset(self):
        self.site.query(f"TRUNCATE {self.table}")

    def commands(self):
        copy = f"\\copy {self.table} ({', '.join(COLUMNS)}) from '{self.data.binary()}' with (format binary)"
        return [Command(["psql", *PSQL, "-d", self.site.cluster.url, "-c", copy], self.site.psql_environment,
                        self.site.folder)]

    def verify(self):
        return verify(self.site, self.table, self.data)


class OurChunks(Ours):
    def make_tables(self):
        pass

    def reset(self):
        empty(self.site)

    def verify(self):
        self.check_taken()
        return verify(self.site, "pmoves_kb.chunks", self.data)


def empty(site):
    site.query(f"TRUNCATE {TABLES}, {', '.join(LEDGER)}, event_outbox CASCADE")


def verify(site, table, data):
    rows, digest = site.query(f"SELECT count(*), {DIGEST} FROM {table}")[0]
    data.digest = data.digest or digest
    if (rows, digest) != (data.rows, data.digest):
        raise RuntimeError(f"{table}: rows, hash: want {(data.rows, data.digest)}, got {(rows, digest)}")
    return rows


@contextlib.contextmanager
def chunks_of(bench, **options):
    data = Chunks(bench.folder / "chunks", **options)
    try:
        yield data
    finally:
        data.close()


@contextlib.contextmanager
def only_keys(site):
    """pmoves_kb.chunks without its other indexes, which are made again afterwards. (doc_id, idx) stays: by it a completion
    counts its document's chunks."""
    made = site.query("SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
                      " WHERE indrelid = 'pmoves_kb.chunks'::regclass AND NOT indisprimary"
                      " AND indexrelid <> 'pmoves_kb.idx_chunks_doc_idx'::regclass")
    for name, _ in made:
        site.query(f"DROP INDEX {name}")
    try:
        yield
    finally:
        empty(site)
        for _, sql in made:
            site.query(sql)


def against_psql(bench, site, data, what, at_least):
    contenders = [PsqlChunks(f"psql binary, {what}", site, data),
                  OurChunks(f"ours, {what}", site, data, segments=data.segments("raw"), gate=ALONE),
                  OurChunks(f"ours, .zst, {what}", site, data, segments=data.segments("zst"), gate=ALONE)]
    samples = interleave(bench.cluster, contenders, bench.rounds(3, 2))
    psql, raw, zst = samples.values()
    return [Ratio(f"chunks, raw, 1 loader, {what}", "psql \\copy binary", ratio(raw, psql), at_least=at_least),
            Ratio(f"chunks, .zst, 1 loader, {what}", "psql \\copy binary", ratio(zst, psql))], samples


@scenario("chunks", "ready-made chunks with vectors of 384 numbers, one loader")
def chunks(bench):
    with chunks_of(bench, rows=bench.rows(30_000, 4_000)) as data, bench.site("bench_chunks") as site:
        if (kind := site.query("SELECT type FROM pmoves_kb.embedding")[0][0]) != "real":
            return Result([], notes=[f"chunks: skipped, vectors are of type {kind} here, which nobody compresses"])
        with only_keys(site):
            ratios, samples = against_psql(bench, site, data, "keys only", 1.35)
        more, others = against_psql(bench, site, data, "all indexes", 1.35)
        return Result(ratios + more, samples | others)


# ---- documents ----

class Indexed(Ours):
    """`drain`, from documents that wait in the spool to the last kb.index.completed.v1, with the built-in embedder."""

    def __init__(self, name, site, data, *, threads):
        super().__init__(name, site, data, segments=data.segments("zst"))
        folder = site.folder / f"manifests-{threads}"
        (folder / "embedders").mkdir(parents=True)
        (folder / "embedders" / "builtin.yaml").write_text(
            f"embedder: builtin\nprovider: builtin\ndimensions: 384\nbatch: {{count: 512, tokens: 500000}}\n"
            f"concurrency: {threads}\n")
        self.config.write_text(f"manifests: {folder}\n")

    def make_tables(self):
        pass

    def reset(self):
        empty(self.site)

    def verify(self):
        self.check_taken()
        want = (self.data.count, self.data.count, self.data.count, 0)
        *got, count = self.site.query(
            "SELECT count(*), count(*) FILTER (WHERE status = 'complete'),"
            " (SELECT count(*) FROM event_outbox WHERE event_type = 'kb.index.completed.v1'),"
            " (SELECT count(*) FROM pmoves_kb.documents_next), (SELECT count(embedding) FROM pmoves_kb.chunks)"
            " FROM pmoves_kb.documents")[0]
        if tuple(got) != want:
            raise RuntimeError(f"{self.name}: documents, complete, announced, waiting: want {want}, got {got}")
        return count


@scenario("documents", "Markdown until it is searchable: put, split, embedded with the built-in embedder, announced")
def documents(bench):
    data = Documents(bench.folder / "documents", bench.rows(3_000, 300))
    try:
        with bench.site("bench_documents") as site:
            names = {threads: f"{threads} embedder thread{'s' if threads > 1 else ''}" for threads in (1, 2)}
            samples = interleave(bench.cluster, [Indexed(name, site, data, threads=threads)
                                                 for threads, name in names.items()], bench.rounds(3, 2))
            return Result([Ratio("documents to complete chunks, 2 embedder threads", names[1],
                                 ratio(samples[names[2]], samples[names[1]]))], samples,
                          [f"documents: {data.count:,} of 4 KB, rows are chunks"])
    finally:
        data.close()
