#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The commands `sink` and `dlq`, and what `status` says of both."""
import json
import os
import re
import uuid

import psycopg.types.json

from support import (CONFIG, FINE, UNAVAILABLE, USAGE, SiteCase, main, metric, pack, wait_until)

REFUSED = 76
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class SinkCase(SiteCase):
    """A site with manifests in a folder of its own."""

    def setUp(self):
        super().setUp()
        self.manifests = self.site.folder / "manifests"
        (self.manifests / "sinks").mkdir(parents=True)
        self.site.environment["SPOOLGATE_MANIFESTS"] = str(self.manifests)

    def declare(self, name, **keys):
        """A sink's manifest: YAML takes JSON."""
        manifest = {"sink": name, "url": "https://example.org/hook?token=hush",
                    "events": ["gate.open", "gate.done"], **keys}
        (self.manifests / "sinks" / f"{name}.yaml").write_text(json.dumps(manifest))

    def sinks(self):
        return {s["sink"]: s for s in self.site.run("sink", "list", "--json", code=FINE).json()}


class Recorded(SinkCase):
    """Sinks and dead letters as the tables have them: nothing is delivered here."""

    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=FINE)

    def event(self, kind="gate.done", gate="default", age="0 s", **payload):
        """An event in the outbox. Returns its id."""
        event_id, batch_id = uuid.uuid4(), uuid.uuid4()
        payload = {"event": kind, "batch_id": str(batch_id), "gate": gate, **payload}
        self.site.query(
            "INSERT INTO event_outbox (event_id, event_type, seq, batch_id, gate, payload, created_at)"
            " VALUES (%s, %s, 2, %s, %s, %s, now() - %s::interval)",
            event_id, kind, batch_id, gate, psycopg.types.json.Json(payload), age)
        return str(event_id)

    def delivery(self, event_id, sink, state="waiting", age="0 s"):
        self.site.query(
            "INSERT INTO event_delivery (event_id, sink, batch_id, seq, state, queued_at, settled_at)"
            " SELECT event_id, %s, batch_id, seq, %s, now() - %s::interval,"
            "        CASE WHEN %s <> 'waiting' THEN now() END"
            "   FROM event_outbox WHERE event_id = %s", sink, state, age, state, event_id)

    def attempt(self, event_id, sink, status=None, error=None, answer=None, age="0 s"):
        self.site.query(
            "INSERT INTO event_attempt (event_id, sink, attempted_at, took_ms, status, error, answer)"
            " VALUES (%s, %s, now() - %s::interval, 12.5, %s, %s, %s)",
            event_id, sink, age, status, error, answer)

    def dead(self, sink="ops", kind="gate.done", age="0 s", error="answered 500", **payload):
        """A dead letter with its event, delivery and one attempt. Returns the letter's id and the
        event's."""
        event_id = self.event(kind, **payload)
        self.delivery(event_id, sink, "dead")
        self.attempt(event_id, sink, 500, error, "out of order", age)
        letter = self.site.value(
            "INSERT INTO event_dlq (event_type, payload, error, created_at, event_id, sink)"
            " SELECT event_type, payload, %s, now() - %s::interval, event_id, %s"
            "   FROM event_outbox WHERE event_id = %s RETURNING id", error, age, sink, event_id)
        return letter, event_id

    def state(self, sink, **columns):
        """The sink's row: SQL expressions by column."""
        self.site.query(f"INSERT INTO event_sink (sink, {', '.join(columns)})"
                        f" VALUES (%s, {', '.join(columns.values())})", sink)

    def waiting(self, sink):
        return self.site.value("SELECT count(*) FROM event_delivery"
                               " WHERE sink = %s AND state = 'waiting'", sink)


class TestSinkList(Recorded):
    def test_states(self):
        """Each state a sink can be in, declared or not."""
        for name in ("fresh", "good", "bad", "napping", "off"):
            self.declare(name)
        self.declare("hidden", url={"env": "HIDDEN_URL"}, events=["embed.start"])
        self.state("good", last_success_at="now() - interval '3 minutes'")
        self.state("bad", failures="3", error="'answered 500'", last_failure_at="now()")
        self.state("napping", not_before="now() + interval '1 hour'")
        self.state("off", disabled_at="now() - interval '2 hours'", error="'answered 410'")
        self.state("gone", failures="1", error="'no answer'")
        event_id = self.event()
        for sink in ("bad", "gone"):
            self.delivery(event_id, sink, age="7 minutes")
        self.dead("off")
        want = {"bad": "failing", "fresh": "ok", "gone": "undeclared", "good": "ok", "hidden": "ok",
                "napping": "paused", "off": "disabled"}
        sinks = self.sinks()
        self.assertEqual(list(sinks), sorted(want))
        self.assertEqual({name: s["state"] for name, s in sinks.items()}, want)
        self.assertEqual({name for name, s in sinks.items() if not s["declared"]}, {"gone"})
        self.assertEqual({name: s["waiting"] for name, s in sinks.items() if s["waiting"]},
                         {"bad": 1, "gone": 1})
        self.assertEqual({name: s["dead_letters"] for name, s in sinks.items() if s["dead_letters"]},
                         {"off": 1})
        self.assertEqual({s["target"] for s in sinks.values()},
                         {"https://example.org", "(env HIDDEN_URL)", None})
        self.assertEqual(sinks["hidden"]["events"], ["embed.start"])

        shown = self.site.run("sink", "list", code=FINE).out.decode()
        for says in (r"^bad +failing +1 +7 min", r"^    failed 3 times in a row: answered 500$",
                     r"^    off for 2 h 0 min: answered 410; on again: spoolgate sink enable off$",
                     r"^    no manifest declares it", r"3 min \d s ago  https://example\.org$",
                     r"^    asked to be left alone until "):
            self.assertRegex(shown, f"(?m){says}")
        self.assertNotIn("hush", shown)
        self.assertLessEqual(max(map(len, shown.splitlines())), 120)

        status = self.site.run("status", code=FINE).out.decode()
        table = status[status.index("\nSINK "):]
        self.assertEqual(re.findall(r"(?m)^(\w+) +(failing|paused|disabled|undeclared|ok) ", table),
                         [("bad", "failing"), ("gone", "undeclared"), ("napping", "paused"),
                          ("off", "disabled")])
        self.assertIn("\n1 dead letter: see `spoolgate dlq list`\n", status)
        self.assertLessEqual(max(map(len, table.splitlines())), 80)
        told = self.site.run("status", "--json", code=FINE).json()
        self.assertEqual({s["sink"]: s["state"] for s in told["sinks"]}, want)
        self.assertEqual(told["dead_letters"], 1)

    def test_there_are_none(self):
        self.assertIn("No sinks", self.site.run("sink", "list", code=FINE).text)
        self.assertEqual(self.sinks(), {})
        status = self.site.run("status", code=FINE).text
        self.assertNotIn("SINK", status)
        self.assertNotIn("dead letter", status)

    def test_manifests_that_cannot_be_read(self):
        self.declare("ops")
        self.state("ops", failures="1", error="'no answer'")
        (self.manifests / "sinks" / "bad.yaml").write_text("sink: [")
        ended = self.site.run("sink", "list", "--json", code=FINE)
        self.assertIn(b"bad.yaml:1:", ended.err)
        row, = ended.json()
        self.assertEqual((row["sink"], row["state"], row["declared"], row["target"]),
                         ("ops", "failing", None, None))

    def test_what_listeners_say_is_shown_harmless(self):
        self.declare("ops")
        self.state("ops", failures="1", error="'answered 500: ' || chr(27) || '[31mred' || chr(155) || 'é'")
        shown = self.site.run("sink", "list", code=FINE).out.decode()
        self.assertIn("answered 500:  [31mred  é\n", shown)


class TestSinkLog(Recorded):
    def test_the_last_attempts(self):
        self.declare("ops")
        event_id = self.event()
        self.delivery(event_id, "ops")
        self.delivery(event_id, "other")
        self.attempt(event_id, "ops", None, "no answer", age="3 minutes")
        self.attempt(event_id, "ops", 503, "answered 503", "later", age="2 minutes")
        self.attempt(event_id, "ops", 200, answer="fine", age="1 minute")
        self.attempt(event_id, "other", 200)
        rows = self.site.run("sink", "log", "ops", "--json", code=FINE).json()
        self.assertEqual([(r["event_id"], r["event_type"], r["status"], r["error"], r["answer"])
                          for r in rows],
                         [(event_id, "gate.done", 200, None, "fine"),
                          (event_id, "gate.done", 503, "answered 503", "later"),
                          (event_id, "gate.done", None, "no answer", None)])
        shown = self.site.run("sink", "log", "ops", "-n", "2", code=FINE).out.decode().splitlines()
        self.assertEqual(len(shown), 4, shown)  # a heading, two attempts, what was wrong with one
        self.assertRegex(shown[1], rf"^\d{{4}}-\d\d-\d\dT[\d:]{{8}}Z +gate\.done +{event_id} +200 +12 ms$")
        self.assertEqual(shown[3], "    answered 503")
        self.assertLessEqual(max(map(len, shown)), 120)
        self.assertIn("No attempts", self.site.run("sink", "log", "nobody", code=FINE).text)


class TestEnable(Recorded):
    def test_a_disabled_sink(self):
        self.declare("ops")
        self.state("ops", disabled_at="now()", error="'answered 410'", failures="1")
        self.delivery(self.event(), "ops")
        self.site.query("UPDATE event_delivery SET due_at = now() + interval '1 hour'")
        self.assertIn("ops is on", self.site.run("sink", "enable", "ops", code=FINE).text)
        self.assertEqual(self.sinks()["ops"]["state"], "ok")
        self.assertTrue(self.site.value("SELECT due_at <= clock_timestamp() FROM event_delivery"))
        ended = self.site.run("sink", "enable", "ops", "--json", code=FINE)
        self.assertEqual(ended.json(), {"sink": "ops", "known": True})

    def test_sinks_that_nothing_was_sent_to(self):
        self.declare("ops")
        self.assertIn("as it always was", self.site.run("sink", "enable", "ops", code=FINE).text)
        self.assertIn("did you mean `ops`?", self.site.run("sink", "enable", "osp", code=USAGE).text)
        self.assertIn("no manifest declares a sink `zzzzzzz`",
                      self.site.run("sink", "enable", "zzzzzzz", code=USAGE).text)


class TestReplay(Recorded):
    def test_a_range(self):
        """What the sink wants, and nothing else: by event, gate and time."""
        self.declare("ops", events=["gate.done"])
        self.declare("narrow", gates=["fast", "slow"])
        for kind in ("gate.open", "gate.done"):
            for gate in ("default", "fast", "slow"):
                for age in ("30 minutes", "90 minutes", "5 hours"):
                    self.event(kind, gate, age)
        cases = [
            ("ops", ["--since", "2h"], 6), ("ops", ["--since", "2h", "--until", "1h"], 3),
            ("narrow", ["--since", "1 day"], 12), ("narrow", ["--since", "2h", "--event", "gate.open"], 4),
            ("ops", ["--since", "1s"], 0), ("ops", ["--since", "2020-01-01T00:00:00Z"], 9),
        ]
        for sink, args, want in cases:
            with self.subTest(sink=sink, args=args):
                self.site.query("DELETE FROM event_delivery")
                ended = self.site.run("sink", "replay", sink, *args, "--json", code=FINE)
                self.assertEqual(ended.json(), {"queued": want})
                self.assertEqual(self.waiting(sink), want)
        self.site.query("DELETE FROM event_delivery")
        self.assertIn("12 events queued for sink narrow\n",
                      self.site.run("sink", "replay", "narrow", "--since", "1 day", code=FINE).text)

    def test_one_event(self):
        self.declare("ops", events=["gate.done"])
        event_id = self.event("gate.open")  # not one that it is declared to want: it was asked for
        self.delivery(event_id, "ops", "delivered")
        self.assertIn("1 event queued for sink ops",
                      self.site.run("sink", "replay", "ops", "--event-id", event_id, code=FINE).text)
        self.assertEqual(self.waiting("ops"), 1)
        self.assertIn("the outbox has no event", self.site.run(
            "sink", "replay", "ops", "--event-id", str(uuid.uuid4()), code=USAGE).text)

    def test_refused(self):
        self.declare("ops", events=["gate.done"])
        self.event()
        cases = [(["nobody", "--since", "1h"], "no manifest declares a sink `nobody`"),
                 (["ops", "--since", "1h", "--event", "gate.open"], "doesn't want gate.open")]
        for args, says in cases:
            self.assertIn(says, self.site.run("sink", "replay", *args, code=USAGE).text)
        self.assertEqual(self.waiting("ops"), 0)


class TestDlq(Recorded):
    def test_list(self):
        old, _ = self.dead("ops", age="3 hours", error="answered 500")
        new, event_id = self.dead("audit", "kb.index.completed.v1", age="5 minutes",
                                  error="x" * 200, batch_id="b")
        done, _ = self.dead("ops", age="1 minute")
        self.site.query("UPDATE event_dlq SET retried_at = now() WHERE id = %s", done)
        cases = [([], [new, old]), (["--all"], [done, new, old]), (["--sink", "ops"], [old]),
                 (["--event", "kb.index.completed.v1"], [new]), (["--since", "1h"], [new]),
                 (["-a", "-n", "1"], [done]), (["--sink", "nobody"], [])]
        for args, want in cases:
            with self.subTest(args):
                rows = self.site.run("dlq", "list", "--json", *args, code=FINE).json()
                self.assertEqual([r["id"] for r in rows], want)
        row = self.site.run("dlq", "list", "--json", "--sink", "audit", code=FINE).json()[0]
        self.assertEqual((row["event_id"], row["sink"], row["batch_id"]), (event_id, "audit", "b"))
        self.assertNotIn("payload", row)
        shown = self.site.run("dlq", "list", "--all", code=FINE).out.decode().splitlines()
        self.assertRegex(shown[1], rf"^ +{done}  ops +gate\.done +1 min \d s ago  redriven: answered 500$")
        self.assertRegex(shown[2], rf"^ +{new}  audit +kb\.index\.completed\.v1 +5 min \d s ago  x{{40}}\.\.\.$")
        self.assertLessEqual(max(map(len, shown)), 120)
        self.assertIn("The newest 1;", self.site.run("dlq", "list", "-n", "1", code=FINE).text)
        self.assertIn("No dead letters.", self.site.run("dlq", "list", "--sink", "no", code=FINE).text)

    def test_show(self):
        letter, event_id = self.dead(error="answered 500", odd="\x1b[31m")
        self.attempt(event_id, "ops", None, "http://example.org: timed out", age="1 hour")
        told = self.site.run("dlq", "show", str(letter), "--json", code=FINE).json()
        self.assertEqual((told["id"], told["event_id"], told["sink"], told["state"], told["error"]),
                         (letter, event_id, "ops", "dead", "answered 500"))
        self.assertEqual(list(told["payload"])[0], "event")
        self.assertEqual([(a["status"], a["error"], a["answer"]) for a in told["attempts"]],
                         [(None, "http://example.org: timed out", None),
                          (500, "answered 500", "out of order")])
        shown = self.site.run("dlq", "show", str(letter), code=FINE).out.decode()
        for says in (rf"event       gate\.done  {event_id}\n", r'    {\n      "event": "gate.done",\n',
                     r"took 12 ms +http://example\.org: timed out\n",
                     r"took 12 ms +answered 500\n      answer: out of order\n"):
            self.assertRegex(shown, says)
        self.assertNotIn("\x1b", shown)
        # The outbox has forgotten the event: the letter keeps what is needed.
        self.site.query("DELETE FROM event_outbox")
        told = self.site.run("dlq", "show", str(letter), "--json", code=FINE).json()
        self.assertEqual((told["payload"]["event"], told["attempts"], told["state"]),
                         ("gate.done", [], None))
        self.site.run("dlq", "show", str(letter), code=FINE)
        self.assertIn("no dead letter 999", self.site.run("dlq", "show", "999", code=USAGE).text)

    def test_redrive(self):
        letters = [self.dead(sink, kind, age)[0]
                   for sink, kind, age in (("ops", "gate.done", "3 hours"), ("ops", "gate.open", "0 s"),
                                           ("audit", "gate.done", "0 s"), ("audit", "gate.done", "0 s"),
                                           ("third", "gate.done", "0 s"))]

        def redrive(*args, code=FINE):
            return self.site.run("dlq", "redrive", *args, code=code)

        def dead():
            return [i for (i,) in self.site.query(
                "SELECT id FROM event_dlq WHERE retried_at IS NULL ORDER BY id")]

        with self.site.connect() as listener:
            listener.execute("LISTEN event_updates")
            self.assertEqual(redrive("--sink", "ops", "--since", "1h", "--json").json(), {"redriven": 1})
            self.assertEqual(dead(), [letters[0], *letters[2:]])
            self.assertEqual(len(list(listener.notifies(timeout=10, stop_after=1))), 1)
        self.assertIn("1 dead letter queued", redrive(str(letters[0])).text)
        self.assertEqual(self.waiting("ops"), 2)
        ended = redrive(str(letters[0]), str(letters[2]), code=USAGE)  # the first is redriven already
        self.assertIn("1 dead letter queued", ended.text)
        self.assertIn(f"no dead letter {letters[0]} waits", ended.text)
        self.assertIn("1 dead letter queued", redrive("--event", "gate.done", "--sink", "audit").text)
        self.assertEqual(dead(), letters[4:])
        self.assertEqual(redrive("--all", "--json").json(), {"redriven": 1})
        self.assertEqual(dead(), [])
        self.assertIn("0 dead letters queued", redrive("--all").text)


class TestUsage(SinkCase):
    def test_wrong_usage(self):
        self.declare("ops")
        cases = [
            (["dlq"], "is wanted"), (["dlq", "lost"], "is wanted"), (["dlq", "list", "1"], "is wanted"),
            (["dlq", "show"], "is wanted"), (["dlq", "show", "1", "2"], "is wanted"),
            (["dlq", "show", "x"], "is a number"), (["dlq", "show", "-5"], "unknown option"),
            (["dlq", "show", "9" * 19], "is a number"),
            (["dlq", "redrive"], "which ones?"), (["dlq", "redrive", "1", "--all"], "either IDs, or"),
            (["dlq", "redrive", "1", "--sink", "ops"], "either IDs, or"),
            (["dlq", "list", "--since", "soon"], "--since wants a time"),
            (["dlq", "list", "--limit", "x"], "--limit wants a number"),
            (["sink"], "is wanted"), (["sink", "list", "ops"], "is wanted"),
            (["sink", "test"], "is wanted"), (["sink", "lost", "ops"], "is wanted"),
            (["sink", "test", "ops", "--event", "gate.shut"], "--event wants gate.open, gate.done"),
            (["sink", "replay", "ops"], "replay wants"),
            (["sink", "replay", "ops", "--event-id", "x"], "--event-id wants"),
            (["sink", "replay", "ops", "--event-id", str(uuid.uuid4()), "--since", "1h"], "replay wants"),
            (["sink", "replay", "ops", "--event-id", str(uuid.uuid4()), "--until", "1h"], "go with --since"),
            (["sink", "replay", "ops", "--since", "yesterday"], "want a time"),
            (["sink", "log", "ops", "-n", ""], "--limit wants a number"),
            (["sink", "test", "opps"], "did you mean `ops`?"),
        ]
        for args, says in cases:
            with self.subTest(args):
                ended = self.site.run(*args, code=USAGE)
                self.assertIn(says, ended.err.decode())
                self.assertEqual(ended.out, b"")
                self.assertEqual(ended.err.count(b"\n"), 1)

    def test_without_a_database(self):
        self.declare("ops")
        nowhere = {"SPOOLGATE_DATABASE": "host=/nonexistent"}
        for args in (["sink", "list"], ["sink", "enable", "ops"], ["sink", "log", "ops"],
                     ["sink", "replay", "ops", "--since", "1h"], ["dlq", "list"],
                     ["dlq", "redrive", "--all"]):
            with self.subTest(args):
                self.site.run(*args, code=UNAVAILABLE, env=nowhere)


if __name__ == "__main__":
    main()
