#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The commands `sink` and `dlq`, and what `status` says of both."""
import json
import re
import uuid

import psycopg.types.json

from receiver import Receiver, close_at_once, new_secret, status
from support import CONFIG, FINE, UNAVAILABLE, USAGE, SiteCase, main, metric, pack, wait_until

REFUSED = 76
NOWHERE = {"SPOOLGATE_DATABASE": "host=/nonexistent"}


class SinkCase(SiteCase):
    """A site with manifests in a folder of its own."""

    def setUp(self):
        super().setUp()
        self.manifests = self.site.folder / "manifests"
        for folder in ("sinks", "gates"):
            (self.manifests / folder).mkdir(parents=True)
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
        self.site.run("drain", code=FINE)  # makes the spool

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
        for name in ("fresh", "good", "bad", "napping", "off", "resting", "mute", "odd"):
            self.declare(name)
        self.declare("hidden", url={"env": "HIDDEN_URL"}, events=["embed.start"])
        self.state("good", last_success_at="now() - interval '3 minutes'")
        self.state("bad", failures="3", error="'answered 500' || repeat('é', 200)", last_failure_at="now()")
        self.state("resting", failures="7", error="'no answer'", not_before="now() + interval '1 hour'")
        self.state("napping", not_before="now() + interval '1 hour'")
        self.state("off", disabled_at="now() - interval '2 hours'", error="'answered 410'")
        self.state("gone", failures="1", error="'no answer'")
        event_id = self.event()
        for sink in ("bad", "gone", "mute", "odd"):
            self.delivery(event_id, sink, age="7 minutes")
        # Neither could send this one: it says nothing of the listener, but the one has delivered nothing since.
        self.site.query("UPDATE event_delivery SET failing_since = now() - interval '6 minutes',"
                        " error = 'no secret' WHERE sink IN ('mute', 'odd')")
        self.state("mute", last_success_at="now() - interval '9 minutes'", error="'of old'")
        self.state("odd", last_success_at="now() - interval '3 minutes'")
        self.dead("off")
        want = {"bad": "failing", "fresh": "ok", "gone": "undeclared", "good": "ok", "hidden": "ok",
                "napping": "paused", "off": "disabled", "resting": "paused",
                "mute": "failing", "odd": "ok"}
        sinks = self.sinks()
        self.assertEqual(list(sinks), sorted(want))
        self.assertEqual({name: s["state"] for name, s in sinks.items()}, want)
        self.assertEqual({name for name, s in sinks.items() if not s["declared"]}, {"gone"})
        self.assertEqual({name: s["waiting"] for name, s in sinks.items() if s["waiting"]},
                         {"bad": 1, "gone": 1, "mute": 1, "odd": 1})
        self.assertEqual({name: s["dead_letters"] for name, s in sinks.items() if s["dead_letters"]},
                         {"off": 1})
        self.assertEqual({s["target"] for s in sinks.values()},
                         {"https://example.org", "(env HIDDEN_URL)", None})
        self.assertEqual(sinks["hidden"]["events"], ["embed.start"])

        shown = self.site.run("sink", "list", code=FINE).out.decode()
        for says in (r"^bad +failing +1 +7 min", r"^    failed 3 times in a row\n    answered 500é+\.\.\.$",
                     r"^    what waits couldn't be sent; at once again: spoolgate sink enable mute\n    no secret$",
                     r"^    failed 7 times in a row, tried again in 59 min \d+ s\n    no answer$",
                     r"^    answered 410, 2 h 0 min ago; on again: spoolgate sink enable off$",
                     r"^    no manifest declares it", r"3 min \d s ago  https://example\.org$",
                     r"^    asked to be left alone until "):
            self.assertRegex(shown, f"(?m){says}")
        self.assertNotIn("hush", shown)
        self.assertLessEqual(max(map(len, shown.splitlines())), 120)

        status = self.site.run("status", code=FINE).out.decode()
        table = status[status.index("\nSINK "):]
        self.assertEqual(re.findall(r"(?m)^(\w+) +(failing|paused|disabled|undeclared|ok) ", table),
                         [("bad", "failing"), ("gone", "undeclared"), ("mute", "failing"), ("napping", "paused"),
                          ("odd", "ok"), ("off", "disabled"), ("resting", "paused")])
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
        (self.manifests / "sinks" / "bad.yaml").write_text("sink: [\n")
        ended = self.site.run("sink", "list", "--json", code=FINE)
        self.assertIn(b"bad.yaml:2:1:", ended.err)
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
        self.assertLessEqual(max(map(len, shown)), 100)
        self.declare("quiet")
        self.assertIn("No attempts", self.site.run("sink", "log", "quiet", code=FINE).text)
        self.assertIn("did you mean `quiet`?", self.site.run("sink", "log", "quite", code=USAGE).text)
        self.assertIn("see `spoolgate sink list`", self.site.run("sink", "log", "nobody", code=USAGE).text)
        self.assertEqual(len(self.site.run("sink", "log", "other", code=FINE).text.splitlines()), 2)


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
        self.assertIn("did you mean `ops`?", self.site.run("sink", "enable", "opss", code=USAGE).text)
        self.assertIn("no manifest declares a sink `zzzzzzz`",
                      self.site.run("sink", "enable", "zzzzzzz", code=USAGE).text)


class TestDisable(Recorded):
    def test_by_hand(self):
        """Declared or not, tried before or not; and why it is off stays what it was."""
        self.declare("ops")
        self.state("gone", failures="1", error="'answered 500'")
        self.delivery(self.event(), "queued")
        for name in ("ops", "gone", "queued"):
            self.assertIn(f"sink {name} is off: its events wait until `spoolgate sink enable {name}`",
                          self.site.run("sink", "disable", name, code=FINE).text)
        self.assertEqual({s["sink"]: s["state"] for s in self.sinks().values()},
                         {"ops": "disabled", "gone": "undeclared", "queued": "undeclared"})
        for args in (["sink", "list"], ["status"]):
            self.assertRegex(self.site.run(*args, code=FINE).text,
                             r"(?m)^    disabled by hand, \S+ \w+ ago; on again: spoolgate sink enable ops$")
        since = self.sinks()["ops"]["disabled_at"]
        ended = self.site.run("sink", "disable", "ops", "--json", code=FINE)
        self.assertEqual(ended.json(), {"sink": "ops", "known": True})
        self.assertEqual(self.sinks()["ops"]["disabled_at"], since)
        self.site.run("sink", "enable", "ops", code=FINE)
        self.assertEqual(self.sinks()["ops"]["state"], "ok")

    def test_unknown(self):
        self.declare("ops")
        self.assertIn("did you mean `ops`?", self.site.run("sink", "disable", "opss", code=USAGE).text)
        self.assertEqual(self.site.value("SELECT count(*) FROM event_sink"), 0)


class TestReplay(Recorded):
    def test_a_range(self):
        """What the sink wants, and nothing else: by event, gate and time."""
        self.declare("ops", events=["gate.done"])
        self.declare("narrow", gates=["fast", "slow"])
        for gate in ("fast", "slow"):
            (self.manifests / "gates" / f"{gate}.yaml").write_text(f"gate: {gate}\n")
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
        self.assertRegex(shown[1], rf"^ +{done}  ops +gate\.done +1 min \d s ago  redriven$")
        self.assertEqual(shown[2].strip(), "answered 500")
        self.assertRegex(shown[3], rf"^ +{new}  audit +kb\.index\.completed\.v1 +5 min \d s ago$")
        self.assertRegex(shown[4], r"^ +x{88}\.\.\.$")
        self.assertLessEqual(max(map(len, shown)), 100)
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
                     r"Z +- +12 ms\n                http://example\.org: timed out\n",
                     r"Z +500 +12 ms\n                answered 500\n                answer: out of order\n"):
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
            told = []
            listener.add_notify_handler(told.append)
            listener.execute("LISTEN event_updates")
            self.assertEqual(redrive("--sink", "ops", "--since", "1h", "--json").json(), {"redriven": 1})
            self.assertEqual(dead(), [letters[0], *letters[2:]])
            listener.execute("SELECT 1")  # the server has it by then
            self.assertEqual(len(told), 1)
        self.assertIn("1 dead letter queued", redrive(str(letters[0])).text)
        self.assertEqual(self.waiting("ops"), 2)
        ended = redrive(str(letters[0]), str(letters[2]), code=USAGE)  # the first is redriven already
        self.assertIn("1 dead letter queued", ended.text)
        self.assertIn(f"no dead letter {letters[0]} of a sink waits", ended.text)
        self.assertIn("1 dead letter queued", redrive("--event", "gate.done", "--sink", "audit").text)
        self.assertEqual(dead(), letters[4:])
        self.assertEqual(redrive("--all", "--json").json(), {"redriven": 1})
        self.assertEqual(dead(), [])
        self.assertIn("0 dead letters queued", redrive("--all").text)


    def test_drop(self):
        letters = [self.dead(sink, kind, age)[0]
                   for sink, kind, age in (("ops", "gate.done", "40 days"), ("ops", "gate.open", "3 hours"),
                                           ("ops", "gate.done", "0 s"), ("audit", "gate.done", "0 s"))]
        done, _ = self.dead("ops")
        self.site.query("UPDATE event_dlq SET retried_at = now() WHERE id = %s", done)

        def drop(*args, code=FINE):
            return self.site.run("dlq", "drop", *args, code=code)

        def left():
            return [i for (i,) in self.site.query("SELECT id FROM event_dlq ORDER BY id")]

        shown = drop("--sink", "ops").out.decode()
        self.assertRegex(shown, r"(?m)^ops +gate\.done +2 +40 d 0 h ago$")
        self.assertRegex(shown, r"(?m)^ops +gate\.open +1 +3 h 0 min ago$")
        self.assertIn("3 dead letters would be gone for good. Nothing was dropped: --yes does it.\n", shown)
        self.assertIn("1 dead letter would be", drop(str(letters[0])).text)
        self.assertEqual(drop("--all", "--json").json(), {"would_drop": 4})
        self.assertIn("1 of these 2 dead letters wait", drop(str(letters[3]), str(done), "--yes", code=USAGE).text)
        self.assertIn("no such dead letter waits", drop(str(done), "--yes", code=USAGE).text)
        self.assertIn("0 dead letters dropped", drop("--sink", "nobody").text)
        self.assertEqual(left(), [*letters, done])

        self.assertIn("1 dead letter dropped", drop("--sink", "ops", "--before", "30d", "--yes").text)
        self.assertEqual(left(), [*letters[1:], done])
        self.assertEqual(drop("--event", "gate.done", "--sink", "ops", "--yes", "--json").json(), {"dropped": 1})
        self.assertIn("1 dead letter dropped", drop(str(letters[1]), "--yes").text)
        self.assertEqual(left(), [letters[3], done])
        self.assertIn("1 dead letter dropped", drop("--all", "--yes").text)
        self.assertEqual(left(), [done])
        self.assertEqual(self.waiting("ops") + self.waiting("audit"), 0)

    def test_before(self):
        old, _ = self.dead("ops", age="3 hours")
        self.dead("ops", age="1 minute")
        rows = self.site.run("dlq", "list", "--before", "1h", "--json", code=FINE).json()
        self.assertEqual([r["id"] for r in rows], [old])
        self.assertEqual(self.site.run("dlq", "redrive", "--before", "1h", "--json", code=FINE).json(), {"redriven": 1})
        self.assertEqual(self.site.run("dlq", "list", "--before", "1h", "--json", code=FINE).json(), [])

    def test_letters_of_no_sink(self):
        """Other failures of ours go there, too: shown, never delivered."""
        letter = self.site.value(
            "INSERT INTO event_dlq (event_type, payload, error) VALUES"
            " ('document', '{\"uri\": \"a.md\"}', 'can''t be read') RETURNING id")
        self.assertRegex(self.site.run("dlq", "list", code=FINE).text, rf"{letter}  - +document .*\n +can't be read\n")
        shown = self.site.run("dlq", "show", str(letter), code=FINE).text
        self.assertIn('"uri": "a.md"', shown)
        self.assertNotIn("sink", shown)
        self.assertNotIn("attempts", shown)
        self.assertEqual(self.site.run("dlq", "redrive", "--all", "--json", code=FINE).json(), {"redriven": 0})
        self.assertIn("of a sink waits", self.site.run("dlq", "redrive", str(letter), code=USAGE).text)
        self.assertRegex(self.site.run("dlq", "drop", "--all", code=FINE).text, r"(?m)^- +document +1 ")
        self.assertIn("1 dead letter dropped", self.site.run("dlq", "drop", str(letter), "--yes", code=FINE).text)


class TestSinkTest(SinkCase):
    def send(self, *args, code=FINE, env=None, name="ops"):
        return self.site.run("sink", "test", name, *args, code=code, env={**NOWHERE, **(env or {})})

    def test_the_exchange_is_printed_without_secrets(self):
        secret = new_secret()
        env = {"OPS_URL": "", "OPS_SECRET": secret, "OPS_TOKEN": "hush-token", "OPS_TEAM": "hush-team"}
        with Receiver(secrets=[secret]) as receiver:
            receiver.script = [status(202, b"thank\x1b[31m you \xff", x_hint="hm")]
            env["OPS_URL"] = f"{receiver.url}/hush?token=hush"
            self.declare("ops", url={"env": "OPS_URL"}, secret={"env": "OPS_SECRET"},
                         bearer={"env": "OPS_TOKEN"}, headers={"X-Team": {"env": "OPS_TEAM"}},
                         allow_private=True)
            shown = self.send(env=env).out.decode()
            heard, = receiver.requests
        self.assertTrue(heard.verified, heard.headers)
        self.assertEqual(heard.path, "/hook/hush?token=hush")
        self.assertEqual(heard.headers["authorization"], "Bearer hush-token")
        self.assertEqual(heard.headers["x-team"], "hush-team")
        self.assertEqual(uuid.UUID(heard.id).version, 7)
        self.assertEqual((heard.json()["event"], heard.json()["test"]), ("gate.open", True))
        self.assertEqual(list(heard.json())[0], "event")
        for says in (heard.body.decode(), "> POST ", f"> webhook-id: {heard.id}\n", "> webhook-signature: v1,",
                     "< HTTP/1.1 202 Accepted\n", "hint: hm\n", "    thank [31m you ?\n"):
            self.assertIn(says, shown)
        self.assertRegex(shown, r"\n202 after [\d.]+ ms: the listener has it\n$")
        for hidden in ("hush", secret, secret[6:], "\x1b"):
            self.assertNotIn(hidden, shown)

    def test_formats_and_events(self):
        (self.manifests / "templates").mkdir()
        (self.manifests / "templates" / "own.json.tmpl").write_text(
            '{"text": "{{event}} of {{gate}}", "test": {{{test}}}}')
        cases = [("flat", "gate.open", lambda b: (b["event"], b["test"])),
                 ("standard", "gate.done", lambda b: (b["type"], b["data"]["test"])),
                 ("cloudevents", "embed.start", lambda b: (b["type"], b["data"]["test"])),
                 ({"template": "own.json.tmpl"}, "gate.done", lambda b: (b["text"].split()[0], b["test"]))]
        with Receiver() as receiver:
            for form, event, read in cases:
                with self.subTest(form):
                    self.declare("ops", url=receiver.url, format=form, allow_private=True)
                    self.send("--event", event)
                    heard = receiver.requests[-1]
                    self.assertEqual(read(heard.json()), (event, True))
                    self.assertEqual("cloudevents" in heard.headers["content-type"], form == "cloudevents")
            self.assertEqual(len(receiver.requests), len(cases))

    def test_verdicts(self):
        cases = [(status(200), FINE, "delivered"), (status(204), FINE, "delivered"),
                 (status(429), UNAVAILABLE, "busy"), (status(500), UNAVAILABLE, "busy"),
                 (status(301, location="http://127.0.0.1/hush"), REFUSED, "refused"),
                 (status(404), REFUSED, "refused"), (status(410), REFUSED, "gone"),
                 (close_at_once(), UNAVAILABLE, "no answer")]
        with Receiver() as receiver:
            self.declare("ops", url=receiver.url, allow_private=True)
            for behaviour, code, verdict in cases:
                with self.subTest(verdict):
                    receiver.script = [behaviour, behaviour]
                    told = self.send("--json", code=code).json()
                    self.assertEqual((told["sink"], told["event"], told["verdict"]),
                                     ("ops", "gate.open", verdict))
                    self.assertEqual(told["event_id"], receiver.requests[-1].id)
                    self.assertEqual(told["body"].encode(), receiver.requests[-1].body)
                    self.assertEqual(told["error"] is None, verdict != "no answer")
                    self.assertEqual(told["status"] is None, verdict == "no answer")
                    self.assertNotIn("hush", json.dumps(told))
                    ended = self.send(code=code)
                    self.assertEqual(ended.err, b"")
                    self.assertRegex(ended.text, r"\n(no answer: http://127\.0\.0\.1|\d{3} after )")
            self.assertEqual(len(receiver.requests), 2 * len(cases))

    def test_private_addresses(self):
        with Receiver() as receiver:
            self.declare("ops", url=receiver.url)
            self.assertIn("allow_private", self.send(code=UNAVAILABLE).text)
            self.assertEqual(receiver.requests, [])

    def test_what_cannot_be_sent(self):
        cases = [({"url": {"env": "NOT_SET"}}, "NOT_SET"), ({"bearer": {"file": "/nonexistent"}}, "/nonexistent"),
                 ({"secret": {"env": "BAD_KEY"}}, "secret (env BAD_KEY)")]
        for keys, says in cases:
            with self.subTest(keys):
                self.declare("ops", **keys)
                ended = self.send(code=CONFIG, env={"BAD_KEY": "hush"})
                self.assertIn("sink `ops`: ", ended.text)
                self.assertIn(says, ended.text)
                self.assertNotIn("hush", ended.text)
                self.assertEqual(ended.out, b"")


class TestLive(SinkCase):
    """A daemon delivers, and the commands are used beside it."""

    def load_one(self, name):
        self.site.put(name, pack(metric(value=1, name=name)))

    def test_from_dead_letter_to_delivered(self):
        """A listener that is down long enough, then dlq redrive: the daemon acts at once."""
        with Receiver() as receiver:
            receiver.otherwise = status(500, b"out of order")
            self.declare("ops", url=receiver.url, events=["gate.done"], retry=[0, "100ms"],
                         allow_private=True)
            with self.site.daemon():
                self.load_one("a.msgpack")
                letter, = wait_until(lambda: self.site.run("dlq", "list", "--json", code=FINE).json(),
                                     "a dead letter")
                told = self.site.run("dlq", "show", str(letter["id"]), "--json", code=FINE).json()
                self.assertEqual([(a["status"], a["answer"]) for a in told["attempts"]],
                                 [(500, "out of order")] * 2)
                self.assertEqual((told["payload"]["event"], told["payload"]["status"]),
                                 ("gate.done", "success"))
                self.assertEqual(self.sinks()["ops"]["dead_letters"], 1)
                receiver.otherwise = status(200)
                self.assertIn("1 dead letter queued",
                              self.site.run("dlq", "redrive", str(letter["id"]), code=FINE).text)
                heard = receiver.wait(3)
                self.assertEqual({r.id for r in heard}, {letter["event_id"]})
                self.assertEqual(len({r.body for r in heard}), 1)
                wait_until(lambda: self.sinks()["ops"]["state"] == "ok", "the sink is well")
                self.assertEqual(self.site.run("dlq", "list", "--json", code=FINE).json(), [])
                log = self.site.run("sink", "log", "ops", "--json", code=FINE).json()
                self.assertEqual([a["status"] for a in log], [200, 500, 500])

    def test_gone_and_enabled_again(self):
        """410 disables; `sink enable` and what waited is delivered."""
        with Receiver() as receiver:
            receiver.otherwise = status(410)
            self.declare("ops", url=receiver.url, events=["gate.done"], allow_private=True)
            with self.site.daemon():
                self.load_one("a.msgpack")
                wait_until(lambda: self.sinks()["ops"]["state"] == "disabled", "the sink is disabled")
                self.assertIn("spoolgate sink enable ops", self.site.run("status", code=FINE).text)
                self.assertEqual(self.sinks()["ops"]["waiting"], 1)
                receiver.otherwise = status(200)
                self.site.run("sink", "enable", "ops", code=FINE)
                heard = receiver.wait(2)
                self.assertEqual(len({r.id for r in heard}), 1)
                wait_until(lambda: self.sinks()["ops"]["waiting"] == 0, "it has been told")

    def test_replay_of_what_was_delivered(self):
        """The same ids and the same bytes; a sink that was declared later hears of the past."""
        with Receiver() as receiver:
            self.declare("ops", url=f"{receiver.url}/ops", allow_private=True)
            with self.site.daemon():
                self.load_one("a.msgpack")
                first = receiver.wait(2)
                wait_until(lambda: self.sinks()["ops"]["waiting"] == 0, "both are settled")
                self.declare("late", url=f"{receiver.url}/late", allow_private=True, events=["gate.done"])
                self.site.run("reload", code=FINE)
                self.assertIn("2 events queued", self.site.run(
                    "sink", "replay", "ops", "--since", "1h", code=FINE).text)
                again = receiver.wait(4)[2:]
                self.assertEqual([(r.id, r.body) for r in again], [(r.id, r.body) for r in first])
                self.assertIn("1 event queued", self.site.run(
                    "sink", "replay", "late", "--since", "1h", code=FINE).text)
                late, = receiver.wait(1, lambda r: r.path.endswith("/late"))
                self.assertEqual(late.id, receiver.of("gate.done")[0].id)


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
            (["dlq", "drop"], "which ones?"), (["dlq", "drop", "1", "--before", "1h"], "either IDs, or"),
            (["dlq", "drop", "--yes"], "which ones?"), (["dlq", "redrive", "--all", "--yes"], "--yes is for"),
            (["dlq", "list", "--before", "soon"], "--before wants a time"),
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
        for args in (["sink", "list"], ["sink", "enable", "ops"], ["sink", "disable", "ops"], ["sink", "log", "ops"],
                     ["sink", "replay", "ops", "--since", "1h"], ["dlq", "list"],
                     ["dlq", "redrive", "--all"], ["dlq", "drop", "--all"]):
            with self.subTest(args):
                self.site.run(*args, code=UNAVAILABLE, env=NOWHERE)


if __name__ == "__main__":
    main()
