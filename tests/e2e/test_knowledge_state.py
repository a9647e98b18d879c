#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What status and doctor say of the knowledge base: its rows are made by hand here, each state by itself."""
import uuid

from support import CONFIG, FINE, SiteCase, main, own_database_url

WRONG = 1  # doctor's own
TABLES = ("pmoves_core.assets, pmoves_kb.documents, pmoves_kb.sections, pmoves_kb.chunks, pmoves_kb.documents_next,"
          " pmoves_kb.sections_next, pmoves_kb.chunks_next, pmoves_kb.embedder")
VECTOR = "array_fill(0.05::real, ARRAY[384])"  # fits real[], and casts to vector


class StateCase(SiteCase):
    url = staticmethod(own_database_url)

    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=0)
        self.site.run("drain", code=0)  # makes the spool
        self.site.query(f"TRUNCATE {TABLES} CASCADE")
        self.vector = VECTOR + "::" + self.site.value(  # with its schema: the search_path is the site's
            "SELECT format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = 'pmoves_kb.chunks'::regclass AND attname = 'embedding'")

    def asset(self, age="0"):
        return self.site.value("INSERT INTO pmoves_core.assets (uri, type, created_at)"
                               " VALUES ('file:///' || gen_random_uuid(), 'document', now() - %s::interval)"
                               " RETURNING asset_id", age)

    def document(self, status="complete", revision=1, event=None):
        """event: how many chunks its completion announced."""
        doc = self.site.value("INSERT INTO pmoves_kb.documents (asset_id, status, revision) VALUES (%s, %s, %s)"
                              " RETURNING doc_id", self.asset(), status, revision)
        if event is not None:
            self.site.query("INSERT INTO event_outbox (event_id, event_type, seq, payload) VALUES (gen_random_uuid(),"
                            " 'kb.index.completed.v1', 1, json_build_object('doc_id', %s::uuid, 'revision', %s::int,"
                            " 'chunks', %s::int))", doc, revision, event)
        return doc

    def chunk(self, doc, status="complete", vector=True, error=None):
        self.site.query(f"INSERT INTO pmoves_kb.chunks (doc_id, text, idx, embedding_status, embedding, error) VALUES"
                        f" (%s, 't', 0, %s, {self.vector if vector else 'NULL'}, %s)", doc, status, error)

    def next(self, doc, *statuses, revision=1, age="0"):
        """A revision that waits, with chunks of these states."""
        self.site.query("INSERT INTO pmoves_kb.documents_next (doc_id, revision, adds, sinks, created_at)"
                        " VALUES (%s, %s, false, '{}', now() - %s::interval)", doc, revision, age)
        for i, status in enumerate(statuses):
            self.site.query(
                f"INSERT INTO pmoves_kb.chunks_next (chunk_id, doc_id, text, idx, sha256, embedding_status, claim_id,"
                f" next_attempt_at, embedding, created_at) VALUES (gen_random_uuid(), %s, 't', %s, '', %s, %s,"
                f" now() - %s::interval, {self.vector if status == 'complete' else 'NULL'}, now() - %s::interval)",
                doc, i, status, uuid.uuid4() if status == "processing" else None, age, age)

    def embed_again(self, which):
        """No worker is at work: what is to be tried again waits."""
        self.assertIn("1 chunk of 1 document", self.site.run("embed", "--again", which, code=FINE).text)

    def embedder(self, name="e", **columns):
        self.site.query(f"INSERT INTO pmoves_kb.embedder (embedder{''.join(', ' + c for c in columns)})"
                        f" VALUES (%s{', %s' * len(columns)})", name, *columns.values())


class TestDoctor(StateCase):
    def doctor(self, *args, code):
        report = self.site.run("doctor", "--json", *args, code=code).json()
        return {f["code"]: f for f in report["findings"]}

    def only(self, code, severity):
        found = self.doctor(code=0 if severity == "info" else WRONG)
        self.assertEqual(list(found), [code], found)
        self.assertEqual(found[code]["severity"], severity)
        return found[code]

    def well(self):
        self.assertEqual(self.doctor(code=0), {})

    def test_all_is_well(self):
        whole = self.document(event=2)
        self.chunk(whole)
        self.chunk(whole)
        self.next(self.document("pending", 0), "pending", "processing", "complete", "failed")
        self.next(whole, "pending", revision=2)
        self.document("retired", 2, event=0)
        self.document("complete", 0)  # adopted
        self.asset()
        self.embedder(failures=3)
        self.well()

    def test_a_document_of_which_nothing_waits(self):
        doc = self.document("pending", 0)
        finding = self.only("document-lost", "lost")
        self.assertIn(str(doc), finding["text"])
        self.assertIn("file:///", finding["text"])

    def test_a_document_that_is_shorter_than_announced(self):
        doc = self.document(event=2)
        self.chunk(doc)
        self.assertIn("revision 1 was announced with 2 chunks, and 1 are there",
                      self.only("document-short", "lost")["text"])

    def test_chunks_without_the_vector_that_they_should_have(self):
        doc = self.document()
        self.chunk(doc, vector=False)
        self.assertEqual(self.only("vector-missing", "lost")["fix"], "`spoolgate embed --again missing`")

    def test_a_status_that_is_not_what_the_chunks_say(self):
        for status, chunk in (("complete", "failed"), ("partial", "complete"), ("retired", "complete"),
                              ("pending", "complete")):
            with self.subTest(status):
                self.site.query(f"TRUNCATE {TABLES} CASCADE")
                doc = self.document(status)
                self.chunk(doc, chunk, vector=chunk == "complete")
                if status == "pending":
                    self.next(doc, "pending")
                self.assertIn("document-differs", self.doctor(code=WRONG))

    def test_completions_that_are_owed(self):
        doc = self.document("pending", 0)
        self.next(doc, "complete", "failed")
        finding = self.only("completion-owed", "owed")
        self.assertIn(str(doc), finding["text"])
        fixed = self.doctor("--fix", code=0)
        self.assertEqual(fixed["fixed"]["text"], "1 document is completed")
        self.assertEqual(self.site.query("SELECT status, revision FROM pmoves_kb.documents"), [("partial", 1)])
        self.assertEqual(self.site.query("SELECT payload ->> 'chunks', payload ->> 'failed' FROM event_outbox"
                                         " WHERE event_type = 'kb.index.completed.v1'"), [("2", "1")])
        self.assertEqual(list(self.doctor(code=0)), ["chunks-failed"])

    def test_leases_that_nobody_takes_up(self):
        self.next(self.document("pending", 0), "processing", "processing", age="11 minutes")
        self.assertIn("2 chunks of 1 document", self.only("lease-stuck", "owed")["text"])
        self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now() - interval '9 minutes'")
        self.well()

    def test_chunks_that_wait_in_vain(self):
        self.next(self.document("pending", 0), "pending", "pending", age="11 minutes")
        self.assertIn("2 chunks of 1 document", self.only("chunks-stuck", "owed")["text"])
        # An embedder that fails takes them in hand every few minutes, and gives them back behind the others.
        self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()")
        self.assertIn("2 chunks of 1 document", self.only("chunks-stuck", "owed")["text"])
        self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now() + interval '1 minute'")
        self.well()
        self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()")
        self.embedder("busy", last_success_at="now")
        self.well()

    def test_adopted_chunks_without_a_vector(self):
        doc = self.document(revision=0)
        self.chunk(doc, "pending", vector=False)
        self.site.query("INSERT INTO pmoves_kb.chunks (text, idx) VALUES ('of no document', 0)")
        found = self.only("chunks-unembedded", "owed")
        self.assertIn("1 chunk of 1 document", found["text"])
        self.assertEqual(found["fix"], "`spoolgate embed --again missing`")
        self.embed_again("missing")
        self.well()
        self.site.query("TRUNCATE pmoves_kb.documents_next CASCADE")
        self.site.query("DELETE FROM pmoves_kb.chunks WHERE doc_id = %s", doc)
        self.site.query("UPDATE pmoves_kb.documents SET status = 'complete'")
        self.well()

    def test_chunks_that_failed(self):
        doc = self.document("partial")
        self.chunk(doc, "failed", vector=False, error="too long for the model")
        self.assertIn("too long for the model", self.only("chunks-failed", "info")["text"])
        self.embed_again("failed")
        self.well()

    def test_a_stopped_embedder(self):
        self.embedder("ollama", stopped_at="2026-11-21 12:00:00Z", error="401: bad key")
        finding = self.only("embedder-stopped", "owed")
        self.assertEqual(finding["text"], "ollama, since 2026-11-21T12:00:00Z: 401: bad key")
        self.assertIn("spoolgate embed --resume", finding["fix"])

    def test_assets_that_await_their_text(self):
        self.asset(age="2 days")
        self.asset(age="23 hours")
        self.assertIn("1 asset", self.only("assets-awaiting", "info")["text"])

    def test_a_knowledge_base_that_is_switched_off_is_not_looked_at(self):
        self.document("pending", 0)
        self.site.configure("knowledge: {enabled: false}\n")
        self.well()

    def test_a_knowledge_base_that_is_not_there(self):
        self.site.query("ALTER SCHEMA pmoves_kb RENAME TO away")
        self.addCleanup(self.site.query, "ALTER SCHEMA away RENAME TO pmoves_kb")
        self.assertEqual(list(self.doctor(code=CONFIG)), ["database-version"])


class TestStatus(StateCase):
    def status(self):
        return self.site.run("status", "--json", code=0).json()["knowledge"]

    def text(self):
        return self.site.run("status", code=0).out.decode()

    def test_an_empty_one(self):
        knowledge = self.status()
        embedding = knowledge.pop("embedding")
        self.assertEqual((sorted(embedding), embedding["dimensions"]), (["dimensions", "model", "type"], 384))
        self.assertEqual(knowledge, {
            "documents": {"complete": 0, "partial": 0, "pending": 0, "retired": 0, "waiting": 0},
            "chunks": {"complete": 0, "failed": 0, "pending": 0},
            "waiting_chunks": {"pending": 0, "processing": 0, "complete": 0, "failed": 0, "oldest_at": None},
            "awaiting_text": 0, "recent": {"seconds": 300, "documents": 0, "chunks": 0}, "embedders": []})
        self.assertIn("documents  none\nchunks     none\nto come    none\n", self.text())

    def test_exact_counts(self):
        for status, count in (("complete", 3), ("partial", 2), ("retired", 1)):
            for _ in range(count):
                self.document(status)
        served = self.document()
        for status, count in (("complete", 5), ("failed", 2), ("pending", 1)):
            for _ in range(count):
                self.chunk(served, status, vector=status == "complete")
        self.next(self.document("pending", 0), *["pending"] * 4, *["processing"] * 3, *["complete"] * 2, "failed",
                  age="1 hour")
        self.asset()
        old = self.document()
        self.site.query("UPDATE pmoves_kb.documents SET updated_at = now() - interval '1 hour' WHERE doc_id = %s", old)
        knowledge = self.status()
        self.assertEqual(knowledge["documents"], {"complete": 5, "partial": 2, "pending": 1, "retired": 1, "waiting": 1})
        self.assertEqual(knowledge["chunks"], {"complete": 5, "failed": 2, "pending": 1})
        oldest = knowledge["waiting_chunks"].pop("oldest_at")
        self.assertIsNotNone(oldest)
        self.assertEqual(knowledge["waiting_chunks"], {"pending": 4, "processing": 3, "complete": 2, "failed": 1})
        self.assertEqual(knowledge["awaiting_text"], 1)
        self.assertEqual(knowledge["recent"], {"seconds": 300, "documents": 7, "chunks": 8})
        text = self.text()
        for line in ("documents  5 complete, 2 partial, 1 not yet served, 1 retired, 1 with a revision to come\n",
                     "assets     1 awaits its text: pmoves_kb.assets_awaiting_text\n",
                     "chunks     5 served, 2 served without a vector: failed,"
                     " 1 served without a vector: adopted or discarded\n",
                     "to come    4 wait, 3 in hand, 2 done, 1 failed; the oldest waits for 1 h",
                     "lately     8 chunks of 7 documents became complete in the last 5 minutes\n"):
            self.assertIn(line, text)

    def test_what_is_made_again_waits_since_then(self):
        """Its chunk may be years old; no alert is to say that it has waited for as long."""
        doc = self.document("partial")
        self.chunk(doc, "failed", vector=False, error="busy")
        self.site.query("UPDATE pmoves_kb.chunks SET created_at = now() - interval '90 days'")
        self.embed_again("failed")
        oldest = self.status()["waiting_chunks"]["oldest_at"]
        self.assertEqual(self.site.query("SELECT %s::timestamptz > now() - interval '1 day'", oldest), [(True,)], oldest)

    def test_embedders(self):
        self.embedder("a", failures=0, requests=7, chunks=70)
        self.embedder("b", failures=2, error="timed out")
        self.embedder("c", failures=5, error="503", not_before="2999-01-01")
        self.embedder("d", failures=1, error="quota\x1b[31m", stopped_at="2026-11-21")
        states = {e["embedder"]: e["state"] for e in self.status()["embedders"]}
        self.assertEqual(states, {"a": "ok", "b": "failing", "c": "paused", "d": "stopped"})
        text = self.text()
        self.assertNotIn("embedder   a", text)
        self.assertIn("embedder   b has failed 2 times in a row\n           timed out\n", text)
        self.assertRegex(text, r"embedder   c is paused for .* more, after 5 failures in a row\n +503\n")
        self.assertRegex(text, r"embedder   d is STOPPED for .*; mend this, then `spoolgate embed --resume`\n +quota \[31m\n")

    def test_an_embedder_of_another_model(self):
        """It never asks, so nothing but the manifests tell why chunks wait."""
        self.site.query("UPDATE pmoves_kb.embedding SET model = 'm'")
        self.addCleanup(self.site.query, "UPDATE pmoves_kb.embedding SET model = NULL")
        [embedder] = self.status()["embedders"]
        self.assertEqual((embedder["embedder"], embedder["state"], embedder["requests"]), ("builtin", "unfit", 0))
        self.assertIn("this database's are of m, 384: declare the embedder", embedder["error"])
        self.assertIn("embedder   builtin DOES NOTHING", self.text())
        self.embedder("builtin", stopped_at="2026-11-21", error="no such thing", requests=3)
        [embedder] = self.status()["embedders"]
        self.assertEqual((embedder["state"], embedder["requests"]), ("unfit", 3))

    def test_none(self):
        self.site.configure("knowledge: {enabled: false}\n")
        self.assertIsNone(self.status())
        self.assertNotIn("KNOWLEDGE", self.text())


if __name__ == "__main__":
    main()
