#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Frames of the knowledge base as producers write them: what is loaded, refused, skipped, and put back."""
import secrets
import struct
import time

import msgpack
from knowledge import cluster
from support import CANT_CREATE, FINE, Site, SiteCase, conservation, main, metric, pack

DIMENSIONS = 8


def asset(uri, **keys):
    return {"kind": "asset", "uri": uri, **keys}


def document(uri, **keys):
    return {"kind": "document", "uri": uri, **keys}


def section(uri, idx, **keys):
    return {"kind": "section", "uri": uri, "idx": idx, **keys}


def chunk(uri, idx, text, **keys):
    return {"kind": "chunk", "uri": uri, "idx": idx, "text": text, **keys}


def floats(seed):
    return [float((seed * 31 + i * 7) % 17 - 8) or 0.5 for i in range(DIMENSIONS)]


def packed(seed):
    return struct.pack(f"<{DIMENSIONS}f", *floats(seed))


class KnowledgeCase(SiteCase):
    def setUp(self):
        self.site = self.new_site()

    def new_site(self):
        name = f"kb_{secrets.token_hex(6)}"
        cluster().superuser(f"CREATE DATABASE {name} OWNER spoolgate")
        self.addCleanup(cluster().superuser, f"DROP DATABASE {name} WITH (FORCE)")
        site = Site("knowledge: {embed: false}", url=cluster().url.replace("/spoolgate?", f"/{name}?"))
        self.addCleanup(site.close)
        site.run("migrate", "--embedding", f"real:{DIMENSIONS}", code=FINE)
        return site

    def drop(self, *frames, site=None, args=()):
        """Loads the frames as one segment; the receipt."""
        site = site or self.site
        site.put(f"{secrets.token_hex(6)}.msgpack", pack(*frames))
        site.run("drain", "--force", *args, code=FINE)
        receipt = site.receipts()[-1]
        self.assertEqual(*conservation(receipt))
        return receipt

    def assert_counts(self, receipt, loaded, rejected, skipped):
        got = tuple(receipt[k] for k in ("rows_loaded", "frames_rejected", "frames_skipped"))
        self.assertEqual(got, (loaded, rejected, skipped), self.reasons())

    def reasons(self):
        return [r for (r,) in self.site.query("SELECT reason FROM ingestion_reject ORDER BY rejected_at, frame_index")]


class TestProducers(KnowledgeCase):
    def test_a_section_that_is_not_there_is_named_by_what_the_producer_knows(self):
        receipt = self.drop(document("s3://b/a"), chunk("s3://b/a", 0, "one"), chunk("s3://b/a", 1, "two", section=7))
        self.assert_counts(receipt, 0, 3, 0)
        self.assertEqual(set(self.reasons()), {"chunk 1 of s3://b/a names a section that isn't there: send the section first"})

    def test_all_kinds_with_metrics_between(self):
        receipt = self.drop(
            metric(value=1),
            asset("s3://b/k", type="pdf", title="A paper", size_bytes=12, pages=3, meta={"a": 1}),
            document("s3://b/k", title="A paper", meta={"lang": "en"}),
            section("s3://b/k", 0, heading="Intro", meta={"page": 1}),
            chunk("s3://b/k", 0, "one", section=0, embedding=floats(1), md={"page": 1}),
            metric(value=2),
            chunk("s3://b/k", 1, "two", section=0, embedding=packed(2)),
            chunk("s3://b/k", 2, "three", embedding=msgpack.ExtType(5, packed(3))))
        self.assert_counts(receipt, 8, 0, 0)
        self.assertEqual(receipt["tables"], {"metrics": 2, "pmoves_core.assets": 1, "pmoves_kb.documents": 1,
                                             "pmoves_kb.sections": 1, "pmoves_kb.chunks": 3})
        self.assertEqual(self.site.query("SELECT c.text, c.idx, c.embedding, c.embedding_status, s.heading"
                                         " FROM pmoves_kb.chunks c LEFT JOIN pmoves_kb.sections s USING (section_id)"
                                         " ORDER BY c.idx"),
                         [("one", 0, floats(1), "complete", "Intro"), ("two", 1, floats(2), "complete", "Intro"),
                          ("three", 2, floats(3), "complete", None)])
        self.assertEqual(self.site.query("SELECT uri, type, title, size_bytes, meta FROM pmoves_core.assets"),
                         [("s3://b/k", "pdf", "A paper", 12, {"a": 1, "pages": 3})])
        self.assertEqual(self.site.query("SELECT title, meta, revision, status FROM pmoves_kb.documents"),
                         [("A paper", {"lang": "en"}, 1, "complete")])

    def test_an_event_as_an_asset(self):
        self.drop({"event": "kb.ingest.asset.created.v1", "uri": "s3://b/video", "type": "video", "source": "crawler"})
        self.assertEqual(self.site.query("SELECT uri, type FROM pmoves_kb.assets_awaiting_text"),
                         [("s3://b/video", "video")])
        self.assertEqual([p for (p,) in self.site.query("SELECT payload FROM event_outbox WHERE event_type LIKE 'kb.%'")],
                         [{"event": "kb.ingest.asset.created.v1", "uri": "s3://b/video", "type": "video",
                           "source": "crawler", "meta": None,
                           "asset_id": str(self.site.value("SELECT asset_id FROM pmoves_core.assets"))}])

    def test_vectors_that_can_t_be(self):
        bad = [[1.0] * (DIMENSIONS - 1), [float("nan")] * DIMENSIONS, [0.0] * DIMENSIONS, packed(1)[:-1], "text"]
        receipt = self.drop(document("u"), *(chunk("u", i, "x", embedding=e) for i, e in enumerate(bad)))
        self.assert_counts(receipt, 1, len(bad), 0)
        self.assertEqual(self.site.value("SELECT count(*) FROM pmoves_kb.chunks"), 0)

    def test_the_same_bytes_are_a_duplicate_and_the_same_words_change_nothing(self):
        frames = [document("u"), chunk("u", 0, "one", embedding=floats(1))]
        self.assert_counts(self.drop(*frames), 2, 0, 0)
        self.assert_counts(self.drop(*frames), 0, 0, 2)
        self.assert_counts(self.drop(*frames, metric()), 1, 0, 2)
        self.assertEqual(self.site.value("SELECT count(*) FROM event_outbox WHERE event_type LIKE 'kb.index%'"), 1)


class TestRefusals(KnowledgeCase):
    def test_rejects_are_put_back_by_retry(self):
        receipt = self.drop(chunk("u", 0, "one", embedding=floats(1)), metric(value=1))
        self.assert_counts(receipt, 1, 1, 0)
        self.assertEqual(self.reasons(), ["no document of u: send its document first"])
        self.drop(document("u"))
        self.site.run("retry", str(receipt["batch_id"]), code=FINE)
        self.site.run("drain", "--force", code=FINE)
        self.assert_counts(self.site.receipts()[-1], 1, 0, 0)
        self.assertEqual(self.site.query("SELECT text, revision FROM pmoves_kb.chunks JOIN pmoves_kb.documents"
                                         " USING (doc_id)"), [("one", 2)])

    def test_more_rejects_than_the_gate_allows_leave_nothing(self):
        self.site.configure("knowledge: {embed: false}\ngates: {default: {max_rejects: 1}}")
        receipt = self.drop(document("v"), chunk("v", 0, "one"), chunk("u", 0, "x"), chunk("w", 0, "y"))
        self.assertEqual((receipt["status"], receipt["rows_loaded"], receipt["frames_skipped"]), ("failed", 0, 4))
        self.assertEqual(self.site.value("SELECT count(*) FROM pmoves_kb.documents"), 0)
        self.assertEqual(self.site.value("SELECT count(*) FROM event_outbox WHERE event_type ~ '^(kb|embed)'"), 0)

    def test_switched_off(self):
        self.site.configure("knowledge: {enabled: false}")
        self.assert_counts(self.drop(document("u"), metric()), 1, 1, 0)
        self.assertEqual(self.reasons(), ["the knowledge base is switched off (knowledge.enabled)"])

    def test_a_share_that_isn_t_mounted_holds_the_batch(self):
        share = self.site.folder / "share"
        self.site.configure(f"knowledge: {{embed: false, roots: {share}}}")
        self.site.put("a.msgpack", pack(asset(f"{share}/a.md"), asset("s3://b/c.pdf")))
        held = self.site.run("drain", "--force", code=CANT_CREATE)
        self.assertIn(f"{share}/a.md, the file's root can't be opened (knowledge.roots)", held.text)
        self.assertEqual(self.site.in_folder("failed"), [])
        share.mkdir()
        (share / "a.md").write_text("# It is there\n\nand has a text.\n")
        self.site.run("drain", "--force", code=FINE)
        receipt = self.site.receipts()[-1]
        self.assertEqual((receipt["status"], receipt["rows_loaded"], receipt["frames_rejected"]), ("done", 2, 0))
        self.assertEqual(self.site.value("SELECT title FROM pmoves_kb.documents_next"), "It is there")

    def test_a_gate_that_takes_it_or_doesn_t(self):
        for streams, loaded in (("[metrics]", 1), ("[metrics, knowledge]", 2), ("[knowledge]", 1)):
            with self.subTest(streams=streams):
                gates = self.site.folder / "manifests" / "gates"
                gates.mkdir(parents=True, exist_ok=True)
                (gates / "default.yaml").write_text(f"gate: default\nstreams: {streams}\n")
                receipt = self.drop(document(f"u{streams}"), metric(), args=("--manifests", gates.parent))
                self.assert_counts(receipt, loaded, 2 - loaded, 0)

    def test_a_stream_can_t_have_its_kinds_or_its_name(self):
        streams = self.site.folder / "manifests" / "streams"
        streams.mkdir(parents=True)
        for text, want in (("stream: x\nkind: chunk", "frames of kind `chunk` are the knowledge base's"),
                           ("stream: knowledge\nkind: y", "`knowledge` is what gates call")):
            (streams / "x.yaml").write_text(f"{text}\ntable: x\nmode: append\ncolumns: {{a: {{type: text}}}}\n")
            self.assertIn(want, self.site.run("lint", str(streams.parent)).text)

    def test_inspect_and_a_trial(self):
        self.drop(document("there"), chunk("there", 0, "one"))
        path = self.site.folder / "a.msgpack"
        path.write_bytes(pack(document("there"), chunk("there", 0, "one"), document("new"), chunk("nobody", 0, "x"),
                              chunk("new", 0, "two", embedding="text")))
        plain = self.site.run("inspect", "--json", str(path), code=FINE).json()
        self.assertEqual((plain["streams"]["knowledge"], plain["frames_rejected"]), (4, 1))
        before = self.site.value("SELECT count(*) FROM pmoves_kb.documents")
        tried = self.site.run("inspect", "--json", "--against", self.site.url, str(path), code=FINE).json()["against"]
        self.assertEqual((tried["rows"], tried["frames_skipped"], [r["reason"] for r in tried["refused"]]),
                         (1, 2, ["no document of nobody: send its document first"]))
        self.assertEqual(self.site.value("SELECT count(*) FROM pmoves_kb.documents"), before)


class TestVolume(KnowledgeCase):
    COLUMNS = ('a.uri, c.idx, c.text, c.tokens, c."window", c.overlap, c.md, c.embedding_status, c.sha256, c.embedding,'
               " s.idx, s.heading, d.title, d.revision, d.status, c.doc_id, c.section_id")

    def rows(self, site):
        return site.query(f"SELECT {self.COLUMNS} FROM pmoves_kb.chunks c JOIN pmoves_kb.documents d USING (doc_id)"
                          " JOIN pmoves_core.assets a USING (asset_id) LEFT JOIN pmoves_kb.sections s"
                          " ON s.section_id = c.section_id ORDER BY a.uri, c.idx")

    def test_a_batch_that_isn_t_held_equals_small_ones(self):
        """40 MiB of rows: more than PREPARE_BUDGET. The same documents one by one are held."""
        text = "".join(chr(97 + i % 23) for i in range(4000))
        segments = {}
        for d in range(10):
            uri = f"u{d}"
            segments[f"{d}.msgpack"] = pack(
                document(uri, title=f"t{d}"), *(section(uri, s, heading=f"s{s}") for s in range(3)),
                *(chunk(uri, i, f"{d} {i} {text}", section=i % 3, embedding=packed(i)) for i in range(1000)),
                chunk("nobody", 0, "x"), {"kind": "chunk", "uri": uri})
        large = self.site.load(segments, "knowledge: {embed: false}")
        self.assert_counts(large, 10040, 20, 0)
        small = self.new_site()
        for name, data in segments.items():
            small.put(name, data)
            small.run("drain", "--force", code=FINE)
        want = self.rows(small)
        self.assertEqual(len(want), 10000)
        self.assertEqual(self.rows(self.site) == want, True)


class TestCrashes(KnowledgeCase):
    def test_killed_again_and_again(self):
        """Every document once, and one completion for each revision, whenever the daemon died."""
        documents = 60
        self.site.configure("knowledge: {embed: true}\ngates: {default: {open: {count: 5, age: 50ms}}}")
        self.site.run("migrate", "--embedding", "real:384", "--discard-vectors", code=FINE)
        for i in range(documents):
            self.site.put(f"{i}.msgpack", pack(document(f"u{i}", format="text", text=f"text {i} " * 30), metric(value=i)))
        for kill in range(8):
            daemon = self.site.daemon(watching=False)
            time.sleep(0.05 + 0.06 * kill)
            daemon.kill()
        # What the dead had claimed comes due by its lease, which is longer than a test waits.
        self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now() WHERE embedding_status = 'processing'")
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual(self.site.in_folder("processing"), [])
        for receipt in self.site.receipts():
            self.assertEqual(*conservation(receipt))
        self.assertEqual(self.site.value("SELECT count(*) FROM metrics"), documents)
        self.assertEqual(self.site.query("SELECT DISTINCT revision, status FROM pmoves_kb.documents"), [(1, "complete")])
        self.assertEqual(self.site.value("SELECT count(*) FROM pmoves_kb.documents"), documents)
        self.assertEqual(self.site.query("SELECT count(*), count(DISTINCT payload->>'doc_id') FROM event_outbox"
                                         " WHERE event_type = 'kb.index.completed.v1'"), [(documents, documents)])
        self.assertEqual(self.site.value("SELECT count(*) FROM pmoves_kb.chunks_next"), 0)


if __name__ == "__main__":
    main()
