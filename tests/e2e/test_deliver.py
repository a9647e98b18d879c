#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gate.open and gate.done reach their listeners: signed, in order, at least once, whatever the listener does."""
import json
import os
import pathlib
import signal
import threading
import time

from receiver import (Authority, Receiver, close_at_once, close_mid_response, fail_first, garbage, huge,
                      never, new_secret, slow_drip, status)
from support import EXACTLY, FINE, Cluster, Site, SiteCase, main, metric, pack, wait_until

ONE_EACH = f"{EXACTLY.format(1)}, batch: {{segments: 1}}"  # every segment a batch
LEASE = 5  # seconds that a claim outlives the request's time-out: SINKS_LEASE_US


class DeliverCase(SiteCase):
    """self.listen() is a receiver, self.sink(receiver, ...) a sink that leads to it."""
    def setUp(self):
        self.secret = new_secret()
        self.site = self.prepare(self.make_site())

    def make_site(self):
        return Site()

    def prepare(self, site):
        self.addCleanup(site.close)
        site.configure("manifests: manifests\nloaders: 2\nlog: {level: debug}\n"
                       f"gates: {{default: {{{ONE_EACH}}}}}\n")
        for folder in ("sinks", "templates"):
            (site.folder / "manifests" / folder).mkdir(parents=True)
        site.environment["OPS_SECRET"] = self.secret
        return site

    def listen(self, **options):
        receiver = Receiver(**{"secrets": [self.secret], **options})
        self.addCleanup(receiver.stop)
        return receiver

    def sink(self, receiver, name="ops", url=None, site=None, **keys):
        """None as a key's value leaves it out."""
        declared = {"sink": name, "url": url or receiver.url, "events": ["gate.open", "gate.done"],
                    "secret": {"env": "OPS_SECRET"}, "allow_private": True, "timeout": "5s", **keys}
        text = json.dumps({k: v for k, v in declared.items() if v is not None})
        ((site or self.site).folder / "manifests" / "sinks" / f"{name}.yaml").write_text(text)

    def put(self, name="a", frames=1):
        self.site.put(f"{name}.msgpack", pack(*(metric(value=i, name=name) for i in range(frames))))

    def deliveries(self, sink="ops"):
        """(event, state, attempts, error), in the batches' order."""
        return self.site.query(
            "SELECT event_type, state, attempts, d.error FROM event_delivery d JOIN event_outbox USING (event_id)"
            " WHERE sink = %s ORDER BY d.batch_id, d.seq", sink)

    def wait_states(self, *states, sink="ops"):
        """Until the sink's deliveries have these states."""
        wait_until(lambda: [d[1] for d in self.deliveries(sink)] == list(states),
                   lambda: f"{sink}: {states}; it is {self.deliveries(sink)}")

    def wait_delivered(self, events, sink="ops"):
        self.wait_states(*["delivered"] * events, sink=sink)


class TestDelivery(DeliverCase):
    def test_open_and_done_are_heard_signed_and_in_order(self):
        rows = []  # that are visible when each event is heard

        def heard(request):
            with self.site.connect() as connection:
                rows.append(connection.execute("SELECT count(*) FROM metrics").fetchone()[0])
        receiver = self.listen(heard=heard)
        self.sink(receiver)
        with self.site.daemon():
            self.put(frames=3)
            opened, done = receiver.wait(2)
            self.wait_delivered(2)
        self.assertEqual(rows[1], 3, "the rows are there when gate.done is heard")
        self.assertEqual([(r.type, r.verified, r.attempt, r.method, r.path) for r in (opened, done)],
                         [("gate.open", True, 1, "POST", "/hook"), ("gate.done", True, 1, "POST", "/hook")])
        outbox = self.site.query("SELECT event_id::text, event_type, payload::text FROM event_outbox ORDER BY seq")
        self.assertEqual([(r.id, r.type, r.body.decode()) for r in (opened, done)], outbox,
                         "flat: the payload as it is")
        self.assertEqual(done.headers["content-type"], "application/json")
        receipt, = self.site.receipts()
        body = done.json()
        self.assertEqual(list(body)[:2], ["event", "seq"])
        self.assertEqual((body["batch_id"], body["status"], body["rows_loaded"], body["tables"], body["error"]),
                         (str(receipt["batch_id"]), "success", 3, receipt["tables"], None))
        self.assertEqual(self.site.query("SELECT status, error FROM event_attempt"), [(200, None)] * 2)

    def test_each_sink_gets_its_format(self):
        receiver = self.listen()
        (self.site.folder / "manifests/templates/words.json.tmpl").write_text(
            '{"text": "{{event}} of {{gate}}: {{status}}", "rows": {{{rows_loaded}}}}\n')
        for name, form in {"flat": "flat", "standard": "standard", "cloud": "cloudevents",
                           "words": {"template": "words.json.tmpl"}}.items():
            self.sink(receiver, name, url=f"{receiver.origin}/{name}", events=["gate.done"], format=form)
        with self.site.daemon():
            self.put(frames=2)
            heard = {r.path.strip("/"): r for r in receiver.wait(4)}
        payload = heard["flat"].json()
        self.assertTrue(all(r.verified for r in heard.values()))
        self.assertEqual(len({r.id for r in heard.values()}), 1, "one event, one id, whatever the sink")
        without = {k: v for k, v in payload.items() if k != "event"}
        standard = heard["standard"].json()
        self.assertEqual((standard["type"], standard["data"]), ("gate.done", without))
        cloud = heard["cloud"].json()
        self.assertEqual((cloud["specversion"], cloud["id"], cloud["type"], cloud["data"]),
                         ("1.0", heard["cloud"].id, "gate.done", without))
        self.assertTrue(heard["cloud"].headers["content-type"].startswith("application/cloudevents+json"))
        self.assertEqual(heard["words"].json(), {"text": "gate.done of default: success", "rows": 2})

    def test_a_batch_that_fails_is_announced(self):
        self.site.configure(f"manifests: manifests\ngates: {{default: {{{ONE_EACH}, max_rejects: 0}}}}\n")
        receiver = self.listen()
        self.sink(receiver)
        with self.site.daemon():
            self.site.put("bad.msgpack", pack({"kind": "metric"}))
            _, done = receiver.wait(2)
        body = done.json()
        self.assertEqual((done.type, body["status"], body["rows_loaded"]), ("gate.done", "failed", 0))
        self.assertIn("reject", body["error"])
        self.site.put("worse.msgpack", pack({"kind": "metric"}, {"kind": "metric"}))
        result = self.site.run("drain", "--force", "--json", code=FINE).json()
        self.assertEqual((result["segments_failed"], result["events_delivered"]), (1, 2))

    def test_nothing_is_said_of_a_transaction_that_rolled_back(self):
        receiver = self.listen()
        self.sink(receiver)
        self.site.run("migrate", code=FINE)
        self.site.query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                        " $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '40001'; END $$")
        self.site.query("CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON ingestion_manifest"
                        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'done')"
                        " EXECUTE FUNCTION refuse()")
        with self.site.daemon() as daemon:
            self.put()
            wait_until(lambda: daemon.logged("batch held", "not now"), "the COMMIT fails")
            self.wait_delivered(1)
            self.assertEqual([r.type for r in receiver.requests], ["gate.open"])
            self.site.query("DROP TRIGGER refuse ON ingestion_manifest")
            _, done = receiver.wait(2)
            self.wait_delivered(2)
        self.assertEqual(done.json()["status"], "success")
        self.assertEqual(len(receiver.requests), 2)

    def test_a_sink_may_be_called_null(self):
        receiver = self.listen()
        self.sink(receiver, "null")
        with self.site.daemon():
            self.put()
            receiver.wait(2)
            self.wait_delivered(2, sink="null")

    def test_a_reload_brings_a_sink(self):
        first, second = self.listen(), self.listen()
        self.sink(first)
        with self.site.daemon():
            self.put("a")
            first.wait(2)
            self.sink(second, "more", events=["gate.done"])
            self.site.run("reload", code=FINE)
            self.put("b")
            done, = second.wait(1)
            first.wait(4)
        self.assertEqual(done.json()["batch_id"], str(self.site.receipts()[1]["batch_id"]))

    def test_a_sink_has_its_number_of_attempts_at_once(self):
        now, most, lock = [0], [0], threading.Lock()

        def slowly(exchange):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            exchange.wait(0.03)
            with lock:
                now[0] -= 1
            exchange.reply(200)
        receiver = self.listen()
        receiver.otherwise = slowly
        self.sink(receiver, concurrency=2)
        with self.site.daemon():
            for i in range(12):
                self.put(f"n{i}")
            receiver.wait(24)
            self.wait_delivered(24)
        self.assertEqual(most[0], 2)

    def test_two_daemons_deliver_from_one_outbox(self):
        receiver = self.listen()
        other = self.prepare(Site(schema=self.site.schema))
        for site in (self.site, other):
            self.sink(receiver, site=site)
        with self.site.daemon(), other.daemon():
            for i in range(15):
                self.put(f"a{i}")
                other.put(f"b{i}.msgpack", pack(metric(value=i)))
            receiver.wait(60)
            self.wait_delivered(60)
        self.assertEqual({r.attempt for r in receiver.requests}, {1}, "none is heard twice")

    def test_drain_delivers_what_is_due(self):
        receiver = self.listen()
        self.sink(receiver, retry=["0", "2s", "2s"])
        self.site.run("migrate", code=FINE)
        self.put("a")
        result = self.site.run("drain", "--force", "--json", code=FINE).json()
        self.assertEqual((result["batches"], result["events_delivered"], result["events_failed"]), (1, 2, 0))
        self.assertEqual([r.type for r in receiver.requests], ["gate.open", "gate.done"])
        receiver.stop()
        self.put("b")
        result = self.site.run("drain", "--force", "--json", code=FINE).json()
        self.assertEqual((result["batches"], result["events_delivered"]), (1, 0))
        self.assertGreater(result["events_failed"], 0, "nobody listens, and the rows are there all the same")
        receiver.start()
        wait_until(lambda: self.site.value("SELECT bool_and(due_at < now()) FROM event_delivery"
                                           " WHERE state = 'waiting'"), "the next attempt is due")
        text = self.site.run("drain", code=FINE).out.decode()
        self.assertIn("2 events delivered", text)
        self.wait_delivered(4)


class TestRetries(DeliverCase):
    def test_every_attempt_sends_the_same_bytes(self):
        receiver = self.listen()
        receiver.otherwise = fail_first(1)
        self.sink(receiver, retry=["0", "1100ms"])
        with self.site.daemon():
            self.put()
            heard = receiver.wait(4)
            self.wait_delivered(2)
        for first, second in (heard[:2], heard[2:]):
            self.assertEqual((first.id, first.body), (second.id, second.body))
            self.assertLess(int(first.timestamp), int(second.timestamp), "each attempt has its own time")
            self.assertTrue(first.verified and second.verified)
        self.assertEqual([r.type for r in heard], ["gate.open"] * 2 + ["gate.done"] * 2,
                         "gate.done waits for its gate.open")

    def test_the_first_attempt_has_its_wait_too(self):
        receiver = self.listen()
        self.sink(receiver, retry=["1500ms", "0"], events=["gate.done"])
        with self.site.daemon():
            self.put()
            receiver.wait(1)
            self.wait_delivered(1)
        wait, = self.site.query("SELECT extract(epoch FROM a.attempted_at - e.created_at)::float8"
                                "  FROM event_attempt a JOIN event_outbox e USING (event_id)")
        self.assertGreaterEqual(wait[0], 1.5)
        self.assertLess(wait[0], 4)

    def test_the_body_is_rendered_once(self):
        receiver = self.listen()
        receiver.script = [status(500)]
        template = self.site.folder / "manifests/templates/own.json.tmpl"
        template.write_text('{"old": {{{seq}}}}')
        self.sink(receiver, retry=["0", "500ms"], format={"template": "own.json.tmpl"})
        with self.site.daemon():
            self.put()
            receiver.wait(1)
            template.write_text('{"new": {{{seq}}}}')
            self.site.run("reload", code=FINE)
            first, second, done = receiver.wait(3)
        self.assertEqual([r.json() for r in (first, second, done)], [{"old": 1}, {"old": 1}, {"new": 2}])

    def test_the_last_attempt_makes_a_dead_letter(self):
        receiver = self.listen()
        receiver.otherwise = status(500, b"no \x00 room \xff")
        self.sink(receiver, retry=["0", "100ms"])
        with self.site.daemon() as daemon:
            self.put()
            self.wait_states("dead", "dead")
            self.assertEqual([r.attempt for r in receiver.requests], [1, 2, 1, 2])
            self.assertEqual(len(daemon.logged("don't get through", "sink=ops")), 1, "told once")
            self.assertEqual(len(daemon.logged("given up", "sink=ops")), 1)
            receiver.otherwise = status(200)
            self.put("b")
            receiver.wait(6)
            wait_until(lambda: daemon.logged("get through to the sink again", "sink=ops"), "it is well again")
        self.assertEqual(
            self.site.query("SELECT event_type, sink, error, retried_at FROM event_dlq ORDER BY id"),
            [("gate.open", "ops", "HTTP 500", None), ("gate.done", "ops", "HTTP 500", None)])
        self.assertEqual(self.site.query("SELECT DISTINCT answer FROM event_attempt WHERE status = 500"),
                         [("no \ufffd room \ufffd",)])

    def test_retry_after_is_honoured(self):
        receiver = self.listen()
        receiver.script = [status(429, retry_after=1)]
        self.sink(receiver, retry=["0", "10ms"], events=["gate.done"])
        with self.site.daemon():
            self.put()
            first, second = receiver.wait(2)
        self.assertGreaterEqual(second.at - first.at, 1)

    def test_410_disables_the_sink(self):
        receiver = self.listen()
        receiver.otherwise = status(410)
        self.sink(receiver, retry=["0", "10ms", "10ms"])
        with self.site.daemon() as daemon:
            self.put("a")
            wait_until(lambda: self.site.query("SELECT 1 FROM event_sink WHERE disabled_at IS NOT NULL"),
                       "the sink is disabled")
            self.put("b")
            self.site.wait_settled(2)
            self.assertTrue(daemon.logged("the sink is disabled", "410"))
        self.assertEqual(len(receiver.requests), 1)
        self.assertEqual([d[1:3] for d in self.deliveries()], [("waiting", 0)] * 4, "nothing is lost")

    def test_redirects_are_not_followed(self):
        receiver, other = self.listen(), self.listen()
        receiver.otherwise = status(302, location=other.url)
        self.sink(receiver, retry=["0"], events=["gate.done"])
        with self.site.daemon():
            self.put()
            self.wait_states("dead")
        self.assertEqual(other.connects, 0)
        self.assertIn("redirects aren't followed", self.deliveries()[0][3])

    def test_listeners_of_all_sorts_get_their_events_in_the_end(self):
        sorts = {"never": never(), "drip": slow_drip(), "garbage": garbage(), "huge": huge(),
                 "close": close_at_once(), "middle": close_mid_response(), "busy": status(503)}
        receivers = {}
        for name, behaviour in sorts.items():
            receivers[name] = self.listen()
            receivers[name].otherwise = fail_first(1, behaviour)
            self.sink(receivers[name], name, timeout="300ms", retry=["0", "50ms", "50ms", "50ms"])
        with self.site.daemon():
            self.put()
            for name, receiver in receivers.items():
                self.wait_delivered(2, sink=name)
                self.assertEqual({r.type for r in receiver.requests}, {"gate.open", "gate.done"}, name)

    def test_a_dead_listener_costs_the_others_nothing(self):
        dead, good = self.listen(), self.listen()
        dead.otherwise = never()
        self.sink(dead, "dead", timeout="60s", concurrency=4)
        self.sink(good, "good")
        with self.site.daemon():
            start = time.monotonic()
            for i in range(20):
                self.put(f"n{i}")
            good.wait(40)
            self.wait_delivered(40, sink="good")
            self.assertLess(time.monotonic() - start, 30, "half of the dead one's time-out")
            self.assertEqual(len(dead.requests), 4)


class TestTrust(DeliverCase):
    def test_private_addresses_need_a_word(self):
        receiver = self.listen()
        self.sink(receiver, retry=["0"], events=["gate.done"], allow_private=None)
        with self.site.daemon():
            self.put()
            self.wait_states("dead")
        self.assertEqual(receiver.connects, 0)
        self.assertIn("allow_private", self.deliveries()[0][3])

    def test_certificates_are_verified(self):
        ours = Authority(self.site.folder / "ours")
        others = Authority(self.site.folder / "others")
        signed = self.listen(tls=ours.certificate("127.0.0.1"))
        alone = self.listen(tls=ours.self_signed("127.0.0.1"))
        elsewhere = self.listen(tls=ours.certificate("example.org"))
        once = {"retry": ["0"], "events": ["gate.done"]}
        self.sink(signed, "good", ca=str(ours.file), **once)
        self.sink(signed, "system", **once)
        self.sink(signed, "stranger", ca=str(others.file), **once)
        self.sink(alone, "alone", ca=str(ours.file), **once)
        self.sink(elsewhere, "name", ca=str(ours.file), **once)
        with self.site.daemon():
            self.put()
            self.wait_delivered(1, sink="good")
            for name in ("system", "stranger", "alone", "name"):
                self.wait_states("dead", sink=name)
                self.assertRegex(self.deliveries(name)[0][3].lower(), "certificate|ssl", name)
        self.assertEqual([r.verified for r in signed.requests], [True])
        self.assertEqual(alone.requests + elsewhere.requests, [])

    def test_two_secrets_sign_while_one_is_replaced(self):
        new = new_secret()
        self.site.environment["NEW_SECRET"] = new
        receiver = self.listen()
        self.sink(receiver, secret=[{"env": "NEW_SECRET"}, {"env": "OPS_SECRET"}])
        with self.site.daemon():
            self.put()
            for request in receiver.wait(2):
                self.assertTrue(request.signed_by(new) and request.signed_by(self.secret))
                self.assertFalse(request.signed_by(new_secret()))

    def test_a_secret_that_cant_be_read_is_our_own_fault(self):
        receiver = self.listen()
        file = self.site.folder / "secret"
        self.sink(receiver, secret={"file": str(file)}, retry=["0"] + ["100ms"] * 49)
        with self.site.daemon() as daemon:
            self.put()
            wait_until(lambda: self.deliveries() and self.deliveries()[0][2] > 2, "some attempts have failed")
            self.assertIn(str(file), self.deliveries()[0][3])
            self.assertEqual(len(daemon.logged("can't be sent", "sink=ops")), 1, "told once")
            self.assertEqual(receiver.requests, [])
            took, = self.site.query("SELECT extract(epoch FROM max(attempted_at) - min(attempted_at))::float8"
                                    "  FROM event_attempt")
            self.assertGreater(took[0], 1.5, "not as fast as we can")
            file.write_text(self.secret + "\n")
            receiver.wait(2)
            self.wait_delivered(2)
        self.assertTrue(all(r.verified for r in receiver.requests))

    def test_secrets_are_nowhere(self):
        words = {"OPS_URL": f"path-{new_secret()[6:30].replace('/', '-')}", "OPS_TOKEN": "token-" + new_secret()[6:30],
                 "OPS_KEY": "key-" + new_secret()[6:30]}

        def echo(exchange):
            request = exchange.request
            lines = [f"{request.method} {request.path}"] + [f"{k}: {v}" for k, v in request.headers.items()]
            exchange.reply(404, "\n".join(lines).encode())
        receiver = self.listen()
        receiver.otherwise = fail_first(1, echo)
        self.site.environment.update(words)
        self.site.environment["OPS_URL"] = f"{receiver.origin}/{words['OPS_URL']}?k={words['OPS_KEY']}"
        self.sink(receiver, url={"env": "OPS_URL"}, bearer={"env": "OPS_TOKEN"},
                  headers={"X-Key": {"env": "OPS_KEY"}}, retry=["0", "50ms"])
        with self.site.daemon() as daemon:
            self.put()
            self.wait_delivered(2)
            shown = {"status": self.site.run("status", "--json").text, "log": daemon.log,
                     "command": pathlib.Path(f"/proc/{daemon.pid}/cmdline").read_text()}
        first = receiver.requests[0]
        self.assertEqual((first.headers["authorization"], first.headers["x-key"]),
                         (f"Bearer {words['OPS_TOKEN']}", words["OPS_KEY"]))
        for (table,) in self.site.query("SELECT table_name::text FROM information_schema.tables"
                                        " WHERE table_schema = %s::text", self.site.schema):
            shown[table] = "\n".join(str(row) for row in self.site.query(f'SELECT * FROM "{table}"'))
        self.assertIn("POST [secret]", shown["event_attempt"], "what the listener echoed is kept otherwise")
        for place, text in shown.items():
            for secret in (*words.values(), self.secret, self.secret.removeprefix("whsec_")):
                self.assertNotIn(secret, text, place)


class TestEnds(DeliverCase):
    def test_sigkill_while_a_listener_has_the_event(self):
        receiver = self.listen()
        receiver.otherwise = never()
        self.sink(receiver, timeout="1s")
        with self.site.daemon() as daemon:
            self.put(frames=2)
            receiver.wait(1)
            daemon.kill()
        receiver.otherwise = status(200)
        with self.site.daemon():
            heard = receiver.wait(3)
            self.wait_delivered(2)
        self.assertEqual([r.type for r in heard], ["gate.open", "gate.open", "gate.done"])
        self.assertEqual((heard[0].id, heard[0].body), (heard[1].id, heard[1].body), "the same event")
        self.assertGreater(heard[1].at - heard[0].at, LEASE, "not before the claim has lapsed")

    def test_the_daemon_ends_though_a_listener_never_answers(self):
        receiver = self.listen()
        receiver.otherwise = never()
        self.sink(receiver, timeout="300s")
        with self.site.daemon() as daemon:
            self.put()
            receiver.wait(1)
            self.site.wait_settled(1)
            code, seconds = daemon.terminate()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 9)
        self.assertEqual(self.site.query("SELECT claim_id, attempts, due_at <= now() FROM event_delivery ORDER BY seq"),
                         [(None, 0, True)] * 2, "what was broken off is due again")
        receiver.otherwise = status(200)
        with self.site.daemon():
            self.wait_delivered(2)

    def test_a_second_signal_waits_for_nobody(self):
        receiver = self.listen()
        receiver.otherwise = never()
        self.sink(receiver, timeout="300s")
        with self.site.daemon() as daemon:
            self.put()
            receiver.wait(1)
            self.site.wait_settled(1)
            os.kill(daemon.pid, signal.SIGTERM)
            wait_until(lambda: daemon.logged("stopping"), "the first signal is heard")
            code, seconds = daemon.terminate()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 4)

    def test_an_answer_that_is_on_its_way_is_waited_for(self):
        receiver = self.listen()

        def slowly(exchange):
            exchange.wait(1)
            exchange.reply(200)
        receiver.otherwise = slowly
        self.sink(receiver, events=["gate.done"])
        with self.site.daemon() as daemon:
            self.put()
            receiver.wait(1)
            daemon.terminate()
        self.wait_delivered(1)


class TestDatabaseDown(DeliverCase):
    def make_site(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        return Site(url=self.cluster.start().url)

    def test_it_goes_and_comes_back(self):
        receiver = self.listen()
        receiver.otherwise = never()
        self.sink(receiver, timeout="2s", retry=["0"] + ["100ms"] * 20)
        with self.site.daemon() as daemon:
            self.put()
            receiver.wait(1)
            self.cluster.crash()
            wait_until(lambda: daemon.logged("events wait"), "the courier tells of it")
            self.assertIsNotNone(daemon.state()["courier"]["database_error"])
            receiver.otherwise = status(200)
            self.cluster.start()
            self.wait_delivered(2)
            wait_until(lambda: daemon.state()["courier"]["database_error"] is None, "all is well again")
            self.assertEqual(len(daemon.logged("events are delivered again")), 1)
        self.assertEqual(len({r.id for r in receiver.requests}), 2)


class TestDisabled(DeliverCase):
    def test_its_events_wait(self):
        """Those that were queued before, and those that come; and a drain doesn't wait for them."""
        receiver = self.listen()
        self.sink(receiver)
        with self.site.daemon():
            self.put("a")
            self.wait_delivered(2)
            self.site.run("sink", "disable", "ops", code=FINE)
            self.put("b")
            self.wait_states("delivered", "delivered", "waiting", "waiting")
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual(len(receiver.requests), 2)
        with self.site.daemon():
            self.site.run("sink", "enable", "ops", code=FINE)
            self.wait_delivered(4)
        self.assertEqual(len(receiver.requests), 4)


class TestHeld(DeliverCase):
    """The database is there, and yet nothing may be delivered, or nothing can be settled."""
    def wait_told(self, daemon, *words):
        wait_until(lambda: all(w in (daemon.state()["courier"]["database_error"] or "") for w in words),
                   lambda: f"the status says why; {daemon.state()['courier']}")
        self.assertEqual(len(daemon.logged("events wait")), 1)
        told = self.site.run("status", code=FINE).text
        self.assertRegex(told, f"NOT DELIVERED: .*{words[0]}")

    def wait_well(self, daemon):
        wait_until(lambda: daemon.state()["courier"]["database_error"] is None, "all is well again")
        self.assertEqual(len(daemon.logged("events are delivered again")), 1)

    def test_somebody_has_locked_a_sink(self):
        receiver = self.listen()
        self.sink(receiver)
        with self.site.daemon() as daemon:
            self.put("a")
            self.wait_delivered(2)
            with self.site.connect(application_name="left open") as other:
                other.autocommit = False
                other.execute("SELECT FROM event_sink FOR UPDATE")
                self.put("b")
                self.wait_told(daemon, "55P03", f"process {other.info.backend_pid} ", "application left open")
                other.rollback()
            self.wait_delivered(4)
            self.wait_well(daemon)

    def test_a_newer_program_has_migrated(self):
        """Its connection was there before."""
        receiver = self.listen()
        self.sink(receiver)
        with self.site.daemon() as daemon:
            self.put("a")
            self.wait_delivered(2)
            self.site.query("INSERT INTO spoolgate_migration VALUES (999, '999_future', 'x')")
            self.site.query("UPDATE event_delivery SET state = 'waiting', settled_at = NULL")
            self.wait_told(daemon, "newer than this program: it has migration 999_future")
            self.assertEqual(len(receiver.requests), 2)
            self.site.query("DELETE FROM spoolgate_migration WHERE number = 999")
            receiver.wait(4)
            self.wait_delivered(2)
            self.wait_well(daemon)


if __name__ == "__main__":
    main()
