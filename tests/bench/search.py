# SPDX-License-Identifier: MIT
"""kb_search by words, against the statement that one would write by hand."""
import contextlib
import statistics
import time

from latency import percentile
from measure import Spread, progress
from scenario import Ratio, Result, scenario
from texts import OF_A_DOCUMENT

# Words come as often as in a language: the nth 1/n times the first. 130 of them a chunk.
FILL = """
SELECT setseed(0.5);
INSERT INTO pmoves_kb.documents (doc_id, title)
SELECT md5('d' || n)::uuid, 'word' || floor(20000 ^ random()) FROM generate_series(0, {documents}) n;
INSERT INTO pmoves_kb.chunks (doc_id, idx, text)
SELECT md5('d' || n / {of_a_document})::uuid, n % {of_a_document},
       (SELECT string_agg('word' || floor(20000 ^ random()), ' ') FROM generate_series(1, 130 + n - n))
  FROM generate_series(0, {rows} - 1) n;
"""
QUESTIONS = """
SELECT (SELECT string_agg('word' || floor(20000 ^ random()), ' ') FROM generate_series(1, 2 + n % 11))
  FROM generate_series(1, 40) n
"""
OURS = "SELECT chunk_id FROM kb_search(%s)"
BY_HAND = """
SELECT chunk_id FROM pmoves_kb.chunks, CAST(replace(plainto_tsquery('english', %s)::text, '&', '|') AS tsquery) AS question
 WHERE text_search @@ question ORDER BY ts_rank(text_search, question) DESC LIMIT 10
"""


def ask(site, sql, questions):
    """Seconds, each."""
    times = []
    for question in questions:
        start = time.perf_counter()
        found = site.query(sql, question)
        times.append(time.perf_counter() - start)
        if len(found) != 10:
            raise RuntimeError(f"{question}: want 10 chunks, got {len(found)}")
    return times


@contextlib.contextmanager
def without_trigrams(site):
    """To fill them takes longer than all the rest, and no question is asked of them."""
    made = site.query("SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
                      " WHERE indrelid = 'pmoves_kb.chunks'::regclass AND pg_get_indexdef(indexrelid) LIKE '%gin_trgm_ops%'")
    for name, _ in made:
        site.query(f"DROP INDEX {name}")
    try:
        yield
    finally:
        site.query("TRUNCATE pmoves_kb.documents CASCADE")
        for _, sql in made:
            site.query(sql)


@scenario("search", "kb_search by 2 to 12 words, against ORDER BY ts_rank")
def search(bench):
    rows = bench.rows(100_000, 2_000)
    with bench.site("bench_search") as site, without_trigrams(site):
        site.query(FILL.format(rows=rows, documents=rows // OF_A_DOCUMENT, of_a_document=OF_A_DOCUMENT))
        bench.cluster.execute("VACUUM ANALYZE pmoves_kb.chunks, pmoves_kb.documents")
        questions = [question for question, in site.query(QUESTIONS)]
        times = {"kb_search": [], "by hand": []}
        for turn in range(-1, bench.rounds(3, 1)):
            for name, sql in (("kb_search", OURS), ("by hand", BY_HAND)):
                took = ask(site, sql, questions)
                progress(f"{'warm-up' if turn < 0 else f'round {turn + 1}'} {name:<10} p50 {statistics.median(took) * 1e3:7.1f} ms")
                if turn >= 0:
                    times[name].append(took)
    ratios = [Ratio(f"kb_search of {rows:,} chunks, p{percent}", "ORDER BY ts_rank",
                    Spread.of(percentile([a], percent) / percentile([b], percent)
                              for a, b in zip(times["kb_search"], times["by hand"])),
                    at_most=None if bench.quick else 1.0)
              for percent in (50, 95)]
    return Result(ratios, notes=[f"search, {name}: p50 {percentile(took, 50) * 1e3:.0f} ms, p95 {percentile(took, 95) * 1e3:.0f} ms"
                                 for name, took in times.items()])
