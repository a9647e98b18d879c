#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Vectors of chunks: the workers, their provider's failures, and what completes a document."""
import email.utils
import json
import os
import signal
import threading
import time
import uuid

import provider
from knowledge import KnowledgeCase, Worker, chunked, document
from support import CONFIG, FINE, UNAVAILABLE, USAGE, main, pack, wait_until

PROBE = "spoolgate"  # what an embedder is asked before a text is blamed


class TestProvider(KnowledgeCase):
    """Good answers, in all their forms."""

    def test_vectors_arrive(self):
        self.declare(prefix="passage: ")
        self.drop(*chunked("file:///a", "one", "two", "three"), *chunked("file:///b", "four"))
        made = self.embed()
        self.assertEqual(made, {"chunks_embedded": 4, "chunks_failed": 0, "documents_completed": 2})
        self.assertEqual({t for r in self.provider.requests for t in r.texts},
                         {f"passage: {t}" for t in ("one", "two", "three", "four")})
        self.assertEqual(set(self.served()), {"one", "two", "three", "four"})
        self.assertEqual(self.waiting(), [])
        self.assertEqual([(c["status"], c["revision"], c["failed"]) for c in self.completions()],
                         [("complete", 1, 0)] * 2)
        self.assertEqual(sorted(c["chunks"] for c in self.completions()), [1, 3])
        self.assertEqual(self.site.query("SELECT DISTINCT model FROM pmoves_kb.chunks"), [("m",)])
        self.assertEqual(self.site.value("SELECT model FROM pmoves_kb.embedding"), "m")

    def test_vectors_are_their_own(self):
        self.declare(batch={"count": 7})
        self.drop(*chunked("file:///a", *(f"text {i}" for i in range(40))))
        self.embed()
        self.assertEqual(len(self.served()), 40)
        self.assert_vectors()
        self.assertLessEqual(max(len(r.texts) for r in self.provider.requests), 7)

    def test_key_and_headers(self):
        (self.site.folder / "key").write_text("sk-hush\n")
        self.declare(key={"file": str(self.site.folder / "key")}, headers={"X-Team": {"env": "TEAM"}})
        self.site.environment["TEAM"] = "blue"
        self.drop(*chunked("file:///a", "one"))
        self.embed()
        asked = self.provider.requests[0]
        self.assertEqual((asked.headers["authorization"], asked.headers["x-team"]), ("Bearer sk-hush", "blue"))
        self.assertEqual(asked.body["model"], "m")

    def test_a_key_that_is_repeated(self):
        self.site.environment["KEY"] = "sk-hush/1"
        self.declare(key={"env": "KEY"})
        self.provider.script = [provider.status(401, r"Incorrect API key provided: sk-hush/1. See /v1/embeddings")] * 2
        self.drop(*chunked("file:///a", "one"))
        self.embed()
        self.assertEqual(self.health()["error"], "answered 401: Incorrect API key provided: [secret]. See /v1/embeddings")

    def test_encodings(self):
        for encoding, behave, formats in (
                ("auto", provider.good(), ["base64", "base64"]),
                ("auto", provider.floats(), ["base64", None]),
                ("auto", provider.no_base64(), ["base64", None, None]),
                ("float", provider.good(), [None, None]),
                ("base64", provider.good(), ["base64", "base64"])):
            with self.subTest(encoding=encoding, formats=formats):
                self.provider.requests.clear()
                self.provider.otherwise = behave
                self.declare(encoding=encoding, batch={"count": 1}, concurrency=1)
                self.drop(*chunked(f"file:///{uuid.uuid4()}", *(str(uuid.uuid4()) for _ in range(2))))
                self.assertEqual(self.embed()["chunks_embedded"], 2)
                self.assertEqual([r.body.get("encoding_format") for r in self.provider.requests], formats)
                self.assert_vectors()

    def test_tokens_fill_a_request(self):
        self.declare(batch={"count": 100, "tokens": 100}, concurrency=1, max_tokens=150)
        self.drop({"kind": "document", "uri": "file:///a"}, *(
            {"kind": "chunk", "uri": "file:///a", "idx": i, "text": f"text {i}", "tokens": tokens}
            for i, tokens in enumerate((40, 40, 40, 120, 151, 1))))
        self.assertEqual(self.embed(), {"chunks_embedded": 5, "chunks_failed": 1, "documents_completed": 1})
        self.assertEqual([r.texts for r in self.provider.requests],
                         [["text 0", "text 1"], ["text 2"], ["text 3"], ["text 5"]])
        self.assertEqual(self.served()["text 4"],
                         ("failed", "about 151 tokens, but the embedder's `max_tokens` is 150"))

    def test_requests_per_minute(self):
        self.declare(batch={"count": 1}, concurrency=2, requests_per_minute=60)
        self.drop(*chunked("file:///a", "one", "two", "three"))
        self.embed()
        times = sorted(r.at for r in self.provider.requests)
        self.assertEqual(len(times), 3)
        for before, after in zip(times, times[1:]):
            self.assertGreater(after - before, 0.9)

    def test_ready_made_documents_ask_nobody(self):
        self.declare()
        self.drop({"kind": "document", "uri": "file:///a"},
                  {"kind": "chunk", "uri": "file:///a", "idx": 0, "text": "one",
                   "embedding": [0.5] * self.DIMENSIONS})
        self.embed()
        self.assertEqual(self.provider.requests, [])
        self.assertEqual(len(self.completions()), 1)

    def test_an_empty_document_completes(self):
        self.declare()
        self.drop(document("file:///a", " \n "))
        self.embed()
        self.assertEqual([(c["status"], c["chunks"]) for c in self.completions()], [("complete", 0)])


class TestFailures(KnowledgeCase):
    """Each in turn, and after it all is well."""

    def test_not_the_texts_fault(self):
        """No attempt is spent, nothing is lost, and the error is on record."""
        self.declare(timeout="1s", concurrency=1)
        for number, (behave, error) in enumerate((
                (provider.status(500), "answered 500: out of order"),
                (provider.status(503, Retry_After="1"), "answered 503"),
                (provider.limited(1), "answered 429: slow down"),
                (provider.hang(3), "timed out"),
                (provider.cut_short(), "cut off"),
                (provider.reset(), "127.0.0.1"))):
            with self.subTest(error=error):
                texts = [f"{number} {i}" for i in range(3)]
                self.provider.script = [behave]
                self.drop(*chunked(f"file:///{number}", *texts))
                self.assertEqual(self.embed()["chunks_embedded"], 3)
                self.assertEqual([self.provider.asked(t) for t in texts], [2] * 3)
                self.assertIn(error, self.health()["error"])
                self.assertEqual(self.health()["failures"], 0)
        self.assertEqual(self.site.value("SELECT sum(failed) FROM (SELECT (payload->>'failed')::int AS failed"
                                         " FROM event_outbox WHERE event_type = 'kb.index.completed.v1') AS e"), 0)
        self.assert_vectors()

    def test_a_pause_is_everybodys(self):
        self.declare(concurrency=1, batch={"count": 1})
        paused = threading.Event()

        def answer(request):
            wait_until(lambda: paused.is_set() or self.health()["failures"] > 0, self.health)
            paused.set()
            return request.answer()
        self.provider.script = [provider.limited(4)]
        self.provider.otherwise = answer
        self.drop(*chunked("file:///a", "one", "two", "three"))
        with Worker(self.site), Worker(self.site):
            self.wait_complete(1)
        first, *others = sorted(r.at for r in self.provider.requests)
        # One other may have been under way when the refusal was written down.
        late = [at - first for at in others if at - first > 1]
        self.assertGreaterEqual(len(late), 2)
        self.assertGreater(min(late), 3.5)

    def test_pauses_that_are_asked_for(self):
        """A date counts, one that has passed doesn't, and nobody is believed for more than an hour."""
        def date(seconds):
            return email.utils.formatdate(time.time() + seconds, usegmt=True)
        self.declare(concurrency=1)
        self.drop(*chunked("file:///a", "one"))
        for asked, most in (("1800", 1800), (date(1800), 1801), ("864000", 3600), (date(864000), 3600)):
            with self.subTest(asked=asked):
                self.provider.script = [provider.limited(asked)]
                self.site.run("embed", "--resume", code=FINE)
                self.assertEqual(self.embed()["chunks_embedded"], 0)
                left = self.site.value("SELECT extract(epoch FROM not_before - now())::float8 FROM pmoves_kb.embedder")
                self.assertTrue(most / 2 < left <= most, left)
        self.site.run("embed", "--resume", code=FINE)
        for number, asked in enumerate((date(-3600), "-5", "soon")):
            with self.subTest(asked=asked):
                self.provider.script = [provider.limited(asked)]
                self.drop(*chunked(f"file:///{number}", f"text {number}"))
                self.assertGreater(self.embed()["chunks_embedded"], 0)  # after a pause of our own

    def test_a_long_pause_is_not_waited_for(self):
        self.declare()
        self.provider.script = [provider.limited(600)]
        self.drop(*chunked("file:///a", "one"))
        start = time.monotonic()
        self.assertEqual(self.embed()["chunks_embedded"], 0)
        self.assertLess(time.monotonic() - start, 60)
        self.assertTrue(self.health()["paused"])
        self.assertEqual(self.waiting(), [("one", "pending", 0, None)])
        self.assertIn("goes on", self.site.run("embed", "--resume", "local", code=FINE).text)
        self.assertEqual(self.embed()["chunks_embedded"], 1)

    def test_stopped_until_resumed(self):
        self.declare()
        for number, (behave, error) in enumerate((
                (provider.quota(), "answered 429: You exceeded your current quota"),
                (provider.status(401, "no such key"), "answered 401: no such key"),
                (provider.status(404, "no such model"), "answered 404: no such model"),
                (provider.status(307), "answered 307"),
                (provider.wrong_dimension(9), "vectors have 9 numbers, but the embedder's `dimensions` says 8"))):
            with self.subTest(error=error):
                self.provider.script = [behave] * 2
                self.drop(*chunked(f"file:///{number}", f"text {number}"))
                self.assertEqual(self.embed()["chunks_embedded"], 0)
                health, asked = self.health(), len(self.provider.requests)
                self.assertTrue(health["stopped"])
                self.assertIn(error, health["error"])
                self.embed()
                self.assertEqual(len(self.provider.requests), asked, "want no request while it is stopped")
                self.assertEqual(self.waiting(), [(f"text {number}", "pending", 0, None)])
                self.provider.script.clear()
                self.site.run("embed", "--resume", code=FINE)
                self.assertEqual(self.embed()["chunks_embedded"], 1)

    def test_one_bad_text(self):
        """The request is halved down to it, and it alone fails."""
        self.declare(concurrency=1)
        for number, (code, kind) in enumerate(((400, "x"), (413, "y"), (422, "z"))):
            with self.subTest(code=code):
                self.provider.otherwise = provider.refusing("POISON", code)
                texts = [f"{kind} {i}" for i in range(9)] + [f"POISON {kind}"] + [f"{kind} {i}" for i in range(10, 20)]
                self.drop(*chunked(f"file:///{number}", *texts))
                self.assertEqual(self.embed(),
                                 {"chunks_embedded": 19, "chunks_failed": 1, "documents_completed": 1})
                served = self.served(f"file:///{number}")
                self.assertEqual(served.pop(f"POISON {kind}"), ("failed", f"answered {code}: POISON is refused"))
                self.assertEqual(set(served.values()), {("complete", None)})
                done = self.completions()[-1]
                self.assertEqual((done["status"], done["chunks"], done["failed"]), ("partial", 20, 1))
        self.assert_vectors()

    def test_all_texts_bad(self):
        self.declare()
        self.provider.otherwise = provider.refusing("POISON")
        self.drop(*chunked("file:///a", "POISON 1", "POISON 2"))
        self.assertEqual(self.embed()["chunks_failed"], 2)
        self.assertEqual([(c["status"], c["failed"]) for c in self.completions()], [("partial", 2)])
        self.assertEqual(self.provider.asked(PROBE), 2)

    def test_a_text_that_is_forbidden(self):
        """By something before the server; a key that isn't known is forbidden everything."""
        self.declare(concurrency=1)
        self.provider.otherwise = provider.refusing("POISON", 403)
        self.drop(*chunked("file:///a", "one", "POISON", "two"))
        self.assertEqual(self.embed(), {"chunks_embedded": 2, "chunks_failed": 1, "documents_completed": 1})
        self.assertEqual(self.served()["POISON"], ("failed", "answered 403: POISON is refused"))
        self.provider.otherwise = provider.status(403, "no such key")
        self.drop(*chunked("file:///b", "three", "four"))
        self.assertEqual(self.embed()["chunks_failed"], 0)
        self.assertTrue(self.health()["stopped"])
        self.assertEqual(self.waiting(), [("three", "pending", 0, None), ("four", "pending", 0, None)])

    def test_a_server_that_refuses_everything(self):
        """Then it is not the texts."""
        self.declare(concurrency=1)
        self.provider.otherwise = provider.status(400, "no such parameter")
        self.drop(*chunked("file:///a", "one", "two"))
        self.assertEqual(self.embed()["chunks_failed"], 0)
        self.assertTrue(self.health()["stopped"])
        self.assertEqual(self.waiting(), [("one", "pending", 0, None), ("two", "pending", 0, None)])

    def check_one_that_turns_bad(self, behave):
        """It has worked before, and for some texts of the request at hand: yet none is blamed."""
        self.declare(concurrency=1, batch={"count": 4})
        self.drop(*chunked("file:///a", *(f"text {i}" for i in range(8))))
        self.provider.script = [provider.good()]
        self.provider.otherwise = behave
        self.assertEqual(self.embed(), {"chunks_embedded": 4, "chunks_failed": 0, "documents_completed": 0})
        self.assertEqual({row[1:] for row in self.waiting()}, {("complete", 0, None), ("pending", 0, None)})
        self.provider.otherwise = provider.good()
        self.site.run("embed", "--resume", code=FINE)
        self.assertEqual(self.embed(), {"chunks_embedded": 4, "chunks_failed": 0, "documents_completed": 1})

    def test_a_server_that_begins_to_refuse_everything(self):
        self.check_one_that_turns_bad(provider.status(400, "no such parameter"))

    def test_a_server_that_begins_to_answer_nonsense(self):
        """As from behind a proxy's page for people."""
        self.check_one_that_turns_bad(provider.garbage())

    def test_a_server_that_takes_fewer(self):
        """It is found out once."""
        self.declare(concurrency=1, batch={"count": 16})
        self.provider.otherwise = provider.at_most(5)
        self.drop(*chunked("file:///a", *(f"text {i}" for i in range(64))))
        self.assertEqual(self.embed(), {"chunks_embedded": 64, "chunks_failed": 0, "documents_completed": 1})
        self.assertEqual(sum(len(r.texts) > 5 for r in self.provider.requests), 3)
        self.assert_vectors()

    def check_one_that_breaks_it(self, behave):
        """It is paused once; then, since it can do another text, this one is to blame. The others have their vectors."""
        self.declare(concurrency=1)
        self.provider.otherwise = behave
        self.drop(*chunked("file:///a", *(f"text {i}" for i in range(13)), "POISON"))
        self.assertEqual(self.embed()["chunks_embedded"], 13)
        (bad,) = [row for row in self.waiting() if row[1] != "complete"]
        self.assertEqual(bad[:3], ("POISON", "pending", 1))
        self.assertEqual(self.health()["failures"], 0)

    def test_a_server_that_fails_at_a_text(self):
        self.check_one_that_breaks_it(provider.refusing("POISON", 500))
        self.assertLessEqual(self.provider.asked("POISON"), 6)  # of 14 and then, at the most, of 14, 7, 4, 2 and 1
        self.assertLessEqual(self.provider.asked(PROBE), 5)
        self.assertGreaterEqual(self.provider.asked(PROBE), 1)

    def test_a_server_that_dies_at_a_text(self):
        self.check_one_that_breaks_it(provider.breaking("POISON"))

    def test_a_text_that_a_server_always_fails_at(self):
        """Alone in the queue it has six attempts, and fails with the server's words."""
        self.declare()
        self.provider.otherwise = provider.refusing("POISON", 500)
        self.drop(*chunked("file:///a", "POISON"))
        for attempt in range(1, 6):
            self.assertEqual(self.embed(), {"chunks_embedded": 0, "chunks_failed": 0, "documents_completed": 0})
            self.assertEqual(self.waiting(), [("POISON", "pending", attempt, "answered 500: POISON is refused")])
            self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()")
        self.assertEqual(self.embed(), {"chunks_embedded": 0, "chunks_failed": 1, "documents_completed": 1})
        self.assertEqual(self.served(), {"POISON": ("failed", "answered 500: POISON is refused")})
        self.assertEqual([(c["status"], c["failed"]) for c in self.completions()], [("partial", 1)])
        self.assertEqual(self.provider.asked("POISON"), 12, "want one that pauses, and one that counts, of each")
        self.assertEqual(self.provider.asked(PROBE), 6)

    def test_a_server_that_fails_at_everything(self):
        """No text is blamed, however often it does."""
        self.declare(concurrency=1)
        self.provider.script = [provider.status(500)] * 4  # a text, a text, the harmless word, a text
        self.provider.otherwise = provider.status(500)
        self.drop(*chunked("file:///a", "one"))
        with Worker(self.site):
            wait_until(lambda: (self.health() or {"failures": 0})["failures"] >= 3, self.health)
        self.assertEqual(self.waiting(), [("one", "pending", 0, None)])
        self.assertGreaterEqual(self.provider.asked(PROBE), 2)

    def test_a_failure_with_retry_after_is_no_texts(self):
        self.declare(concurrency=1)
        self.provider.script = [provider.status(503, **{"Retry_After": "1"})] * 3
        self.drop(*chunked("file:///a", "one"))
        self.assertEqual(self.embed()["chunks_embedded"], 1)
        self.assertEqual((self.provider.asked("one"), self.provider.asked(PROBE)), (4, 0))

    def test_equal_texts_are_asked_for_once(self):
        self.declare(concurrency=1)
        self.provider.otherwise = provider.refusing("POISON")
        self.drop(*chunked("file:///a", "same", "POISON", "other", "same"), *chunked("file:///b", "POISON", "same"))
        self.assertEqual(self.embed(), {"chunks_embedded": 4, "chunks_failed": 2, "documents_completed": 2})
        self.assertEqual(self.provider.requests[0].texts, ["same", "POISON", "other"])
        self.assertEqual({uri: self.served(uri)["POISON"] for uri in ("file:///a", "file:///b")},
                         dict.fromkeys(("file:///a", "file:///b"), ("failed", "answered 400: POISON is refused")))
        self.assertEqual(self.site.value("SELECT count(*) FROM pmoves_kb.chunks WHERE text = 'same'"), 3)
        self.assert_vectors()

    def test_connections_are_kept(self):
        self.declare(concurrency=1, batch={"count": 1})
        self.drop(*chunked("file:///a", *(f"text {i}" for i in range(20))))
        self.embed()
        self.assertEqual(len({r.peer for r in self.provider.requests}), 1)
        self.assertEqual(len(self.provider.requests), 20)
        self.assert_vectors()

    def test_a_kept_connection_that_the_server_closes(self):
        """Nothing has failed by that."""
        self.declare(concurrency=1, batch={"count": 1})
        self.provider.otherwise = provider.closing()
        self.drop(*chunked("file:///a", *(f"text {i}" for i in range(5))))
        self.assertEqual(self.embed()["chunks_embedded"], 5)
        self.assertEqual(self.health()["failures"], 0)
        self.assertIsNone(self.health()["error"])

    def test_nonsense_for_a_text(self):
        """Three attempts; the others have their vectors at once."""
        for number, (behave, error) in enumerate(((provider.nan("POISON"), "finite"),
                                                  (provider.zeros("POISON"), "all zeros"),
                                                  (provider.empty("POISON"), "empty"))):
            with self.subTest(error=error):
                self.declare(concurrency=1)
                self.provider.otherwise = behave
                self.drop(*chunked(f"file:///{number}", f"good {number}", f"POISON {number}"))
                self.assertEqual(self.embed()["chunks_embedded"], 1)
                (good, bad) = self.waiting()
                self.assertEqual((good[1], bad[1], bad[2]), ("complete", "pending", 1))
                self.assertIn(error, bad[3])
                for _ in range(2):
                    self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now() WHERE text = %s",
                                    f"POISON {number}")
                    self.embed()
                self.assertEqual(self.served(f"file:///{number}")[f"POISON {number}"][0], "failed")
                self.assertEqual(len(self.completions()), number + 1)

    def test_nonsense_once(self):
        self.declare(concurrency=1)
        for number, behave in enumerate((provider.garbage(), provider.wrong_index(), provider.twice(),
                                         provider.missing(), provider.nan())):
            self.provider.script = [behave]
            self.drop(*chunked(f"file:///{number}", f"one {number}", f"two {number}"))
            made = self.embed()
            self.assertEqual((made["chunks_embedded"], made["chunks_failed"]), (2, 0), number)
        self.assert_vectors()

    def test_nonsense_for_everything(self):
        self.declare()
        self.provider.otherwise = provider.garbage()
        self.drop(*chunked("file:///a", "one", "two"))
        self.provider.script = [provider.garbage()] * 1000
        with Worker(self.site):
            wait_until(lambda: (self.health() or {"failures": 0})["failures"] > 0, self.health)
            self.assertEqual([row[1:3] for row in self.waiting() if row[1] == "failed"], [])
            self.provider.script.clear()
            self.provider.otherwise = provider.good()
            self.wait_complete(1)
        self.assertEqual([row[2] for row in self.waiting()], [])

    def test_private_addresses_are_refused(self):
        self.declare(allow_private=False)
        self.drop(*chunked("file:///a", "one"))
        self.embed()
        self.assertEqual(self.provider.requests, [])
        self.assertIn("is not a public address", self.health()["error"])

    def test_a_key_that_is_missing(self):
        self.declare(key={"env": "NO_SUCH_KEY"})
        self.drop(*chunked("file:///a", "one"))
        self.embed()
        self.assertTrue(self.health()["stopped"])
        self.assertIn("NO_SUCH_KEY isn't set", self.health()["error"])


class TestWorkers(KnowledgeCase):
    def test_two_at_once(self):
        """Each chunk is asked for once, and each document completes once."""
        self.declare(batch={"count": 5}, concurrency=3)
        self.drop(*(frame for d in range(20) for frame in chunked(f"file:///{d}", *(f"{d} {i}" for i in range(10)))))
        with Worker(self.site), Worker(self.site):
            self.wait_complete(20)
        self.assertEqual(len(self.served()), 200)
        self.assertEqual(max(self.provider.asked(f"{d} {i}") for d in range(20) for i in range(10)), 1)
        self.assertEqual(len(self.completions()), 20)
        self.assertEqual({c["status"] for c in self.completions()}, {"complete"})
        self.assert_vectors()

    def test_killed_in_a_request(self):
        """Its lease has to end; nobody's start resets it."""
        self.declare(concurrency=1)
        self.provider.script = [provider.hang()]
        self.drop(*chunked("file:///a", "one", "two"))
        worker = Worker(self.site)
        wait_until(lambda: self.provider.requests, "a request")
        worker.kill()
        self.assertEqual({row[1] for row in self.waiting()}, {"processing"})
        self.assertEqual(self.embed()["chunks_embedded"], 0)
        self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()")  # as if it had
        self.assertEqual(self.embed(), {"chunks_embedded": 2, "chunks_failed": 0, "documents_completed": 1})

    def test_a_late_answer_changes_nothing(self):
        """The lease has ended, and another worker has done it meanwhile."""
        self.declare(concurrency=1)
        answer = threading.Event()
        self.addCleanup(answer.set)
        self.provider.script = [provider.held(answer)]
        self.drop(*chunked("file:///a", "one"))
        with Worker(self.site) as late:
            wait_until(lambda: self.provider.requests, "a request")
            self.site.query("UPDATE pmoves_kb.chunks_next SET next_attempt_at = now()")
            self.assertEqual(self.embed()["chunks_embedded"], 1)
            self.site.query("CREATE TABLE seen AS SELECT xmin::text AS x FROM pmoves_kb.chunks")
            answer.set()
            wait_until(lambda: self.health()["requests"] == 2, self.health)
            self.assertEqual(late.terminate(), 0)
            self.assertIn("0 chunks embedded", late.log)
        self.assertEqual(self.site.value("SELECT count(*) FROM seen JOIN pmoves_kb.chunks c ON c.xmin::text = x"), 1)
        self.assertEqual(len(self.completions()), 1)

    def test_a_graceful_end_gives_back(self):
        self.declare(concurrency=1)
        self.provider.script = [provider.hang()]
        self.drop(*chunked("file:///a", "one"))
        with Worker(self.site) as worker:
            wait_until(lambda: self.provider.requests, "a request")
            start = time.monotonic()
            self.assertEqual(worker.terminate(), 0)
            self.assertLess(time.monotonic() - start, 9)
        self.assertEqual(self.waiting(), [("one", "pending", 0, None)])
        self.assertEqual((self.health()["failures"], self.health()["error"]), (0, None))
        self.assertEqual(self.embed()["chunks_embedded"], 1)

    def test_new_chunks_wake_a_worker(self):
        self.declare()
        with Worker(self.site) as worker:
            wait_until(lambda: "is embedding" in worker.log, "the worker")
            self.drop(*chunked("file:///a", "one"))
            self.wait_complete(1)

    def test_oldest_documents_first(self):
        self.declare(concurrency=1, batch={"count": 1})
        for d in range(3):
            self.drop(*chunked(f"file:///{d}", f"{d} 0", f"{d} 1"))
        self.provider.script = [provider.status(500)]  # what is given back keeps its place
        self.embed()
        self.assertEqual([r.texts[0] for r in self.provider.requests],
                         ["0 0", "0 0", "0 1", "1 0", "1 1", "2 0", "2 1"])

    def test_a_new_version_meanwhile(self):
        """The answer for a text that is gone is nobody's."""
        self.declare(concurrency=1)
        answer = threading.Event()
        self.addCleanup(answer.set)
        self.provider.script = [provider.held(answer)]
        self.drop(*chunked("file:///a", "old"))
        with Worker(self.site):
            wait_until(lambda: self.provider.requests, "a request")
            self.drop(*chunked("file:///a", "new"))
            answer.set()
            self.wait_complete(1)
        self.assertEqual(set(self.served()), {"new"})
        self.assertEqual([c["revision"] for c in self.completions()], [1])
        self.assert_vectors()

    def test_reload(self):
        """SIGHUP: another embedder of the same model takes over."""
        self.declare("first")
        self.provider.otherwise = provider.status(401)
        self.drop(*chunked("file:///a", "one"))
        with Worker(self.site) as worker:
            wait_until(lambda: (self.health("first") or {"stopped": False})["stopped"], "it is stopped")
            self.provider.otherwise = provider.good()
            (self.manifests / "embedders" / "first.yaml").unlink()
            self.declare("second")
            os.kill(worker.process.pid, signal.SIGHUP)
            self.wait_complete(1)
        self.assertEqual(self.health("second")["chunks"], 1)

    def test_nothing_to_do(self):
        self.assertEqual(self.embed(), {"chunks_embedded": 0, "chunks_failed": 0, "documents_completed": 0})
        self.assertIsNone(self.site.value("SELECT model FROM pmoves_kb.embedding"))

    def test_embed_start(self):
        self.declare()
        self.drop(*chunked("file:///a", "one", "two"))
        self.assertEqual(
            self.site.query("SELECT payload->>'documents', payload->>'chunks', payload->>'model' FROM event_outbox"
                            " WHERE event_type = 'embed.start'"), [("1", "2", "m")])


class TestModel(KnowledgeCase):
    def test_another_model_is_refused(self):
        self.declare()
        self.drop(*chunked("file:///a", "one"))
        self.embed()
        self.declare(model="n")
        self.drop(*chunked("file:///b", "two"))
        with Worker(self.site) as worker:
            wait_until(lambda: "--discard-vectors" in worker.log, lambda: worker.log)
            self.assertEqual(self.provider.asked("two"), 0)
            self.assertIn("makes vectors of n, 8 numbers; this database's are of m, 8", worker.log)
            self.site.run("migrate", "--discard-vectors", code=FINE)
            self.wait_complete(2)
        self.assertEqual(self.site.value("SELECT model FROM pmoves_kb.embedding"), "n")

    def test_another_length_is_refused(self):
        self.declare(dimensions=16)
        self.drop(*chunked("file:///a", "one"))
        self.assertEqual(self.embed()["chunks_embedded"], 0)
        self.assertEqual(self.provider.requests, [])
        self.provider.dimensions = 16
        self.site.run("migrate", "--embedding", "auto:16", code=FINE)
        self.assertEqual(self.embed()["chunks_embedded"], 1)


class TestAgain(KnowledgeCase):
    def setUp(self):
        super().setUp()
        self.declare(concurrency=1)
        self.provider.otherwise = provider.refusing("POISON")
        self.drop(*chunked("file:///a", "one", "POISON"))
        self.drop(*chunked("file:///b", "two"))
        self.embed()
        self.provider.otherwise = provider.good()
        self.provider.requests.clear()

    def test_failed(self):
        self.assertIn("1 chunk of 1 document", self.site.run("embed", "--again", "failed", code=FINE).text)
        self.assertEqual(self.embed(), {"chunks_embedded": 1, "chunks_failed": 0, "documents_completed": 1})
        done = self.completions()[-1]
        self.assertEqual((done["revision"], done["status"], done["chunks"], done["failed"]), (2, "complete", 2, 0))
        self.assertEqual([r.texts for r in self.provider.requests], [["POISON"]])

    def test_one_document(self):
        doc = next(c["doc_id"] for c in self.completions() if c["failed"])
        self.site.run("embed", "--again", "all", "--document", doc, "--once", code=FINE)
        self.assertEqual([c["doc_id"] for c in self.completions()[2:]], [doc])

    def test_all(self):
        """Whatever the database's model didn't make."""
        self.site.query("UPDATE pmoves_kb.chunks SET model = NULL")
        self.site.run("embed", "--again", "all", code=FINE)
        self.assertEqual(self.embed()["chunks_embedded"], 3)
        self.assertEqual(sorted(c["revision"] for c in self.completions()), [1, 1, 2, 2])


class TestCommand(KnowledgeCase):
    def test_usage(self):
        for args in (("--again", "some"), ("local",), ("--document", "x"), ("--again", "all", "--document", "x"),
                     ("--again", "failed", "--document", str(uuid.uuid4()))):
            self.site.run("embed", *args, code=USAGE)
        self.site.run("embed", "--resume", "nobody", code=USAGE)

    def test_json(self):
        lines = self.site.run("embed", "--resume", "--again", "failed", "--once", "--json", code=FINE).out.splitlines()
        self.assertEqual([list(json.loads(line)) for line in lines],
                         [["resumed"], ["chunks_again", "documents_again"],
                          ["chunks_embedded", "chunks_failed", "documents_completed"]])

    def test_text(self):
        """A question's vector, without a database."""
        self.declare(query_prefix="query: ")
        ended = self.site.run("embed", "--text", "how?", env={**self.site.environment, "SPOOLGATE_DATABASE": "x"},
                              code=FINE)
        want = provider.vector_of("query: how?", self.DIMENSIONS)
        for got, wanted in zip(ended.json(), want, strict=True):
            self.assertAlmostEqual(got, wanted, places=6)
        self.provider.otherwise = provider.status(500)
        self.assertIn("answered 500", self.site.run("embed", "--text", "how?", code=UNAVAILABLE).text)

    def test_no_database(self):
        self.site.run("embed", "--once", "--database", "host=/nonexistent", code=UNAVAILABLE)

    def test_not_migrated(self):
        self.site.query("DROP SCHEMA pmoves_kb CASCADE")
        self.assertIn("migrate", self.site.run("embed", "--once", code=CONFIG).text)

    def test_off(self):
        self.site.configure("knowledge: {enabled: false}\n")
        self.assertIn("knowledge.enabled", self.site.run("embed", "--once", code=CONFIG).text)
        self.site.run("embed", "--text", "apples", code=FINE)

    def test_needs_no_spool(self):
        self.drop(*chunked("file:///a", "one two three"))
        self.site.environment["SPOOLGATE_SPOOL"] = "/nonexistent/spool"
        self.site.run("migrate", "--embedding", "auto:384", code=FINE)
        self.assertEqual(self.embed()["chunks_embedded"], 1)


class TestDaemon(KnowledgeCase):
    """The same in `run` and `drain`."""
    CONFIG = ""

    def test_drain(self):
        self.declare()
        self.site.run("drain", code=FINE)
        self.site.put("a.msgpack", pack(*chunked("file:///a", "one", "two")))
        done = self.site.run("drain", "--force", "--json", code=FINE).json()
        self.assertEqual((done["chunks_embedded"], done["chunks_failed"], done["documents_completed"]), (2, 0, 1))
        self.assertEqual(set(self.served()), {"one", "two"})

    def test_run(self):
        self.declare()
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(*chunked("file:///a", "one", "two")))
            self.wait_complete(1)
            state = daemon.state()["embed"]
            self.assertEqual([(e["name"], e["model"], e["threads"]) for e in state["embedders"]], [("local", "m", 2)])
            code, took = daemon.terminate()
        self.assertEqual(code, 0)
        self.assertLess(took, 5)

    def test_run_ends_with_a_request_under_way(self):
        self.declare(concurrency=1)
        self.provider.script = [provider.hang()]
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(*chunked("file:///a", "one")))
            wait_until(lambda: self.provider.requests, "a request")
            code, took = daemon.terminate()
        self.assertEqual(code, 0)
        self.assertLess(took, 11)

    def test_reload_in_the_daemon(self):
        self.declare("first")
        with self.site.daemon() as daemon:
            (self.manifests / "embedders" / "first.yaml").unlink()
            self.declare("second", concurrency=1)
            self.site.run("reload", code=FINE)
            wait_until(lambda: [(e["name"], e["threads"]) for e in daemon.state()["embed"]["embedders"]]
                       == [("second", 1)], daemon.state)

    def test_off(self):
        self.site.configure("knowledge: {embed: false}\n")
        self.declare()
        with self.site.daemon() as daemon:
            self.assertIsNone(daemon.state()["embed"])


if __name__ == "__main__":
    main()
