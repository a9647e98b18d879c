#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The status server: what it says agrees with the database, who may ask, and that nobody who asks hurts the loading."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import unittest

import openmetrics
from support import (BIN, CONFIG, DEADLINE, EXACTLY, ClusterCase, Site, SiteCase, event, main, metric, pack, wait_until,
                     without)

ANY_PORT = {"SPOOLGATE_HTTP_LISTEN": "127.0.0.1:0"}
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
REASONS = ("batch", "misfit", "claim", "room", "spool", "database")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("spool.invalid", timeout=DEADLINE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(str(self.path))


class Web:
    """A daemon's status server, as a client sees it. Each request has a connection of its own."""

    def __init__(self, port=None, path=None):
        self.port, self.path = port, path

    def ask(self, path, method="GET", headers=None, body=None):
        connection = (UnixConnection(self.path) if self.path
                      else http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE))
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def text(self, path, code=200):
        status, _, body = self.ask(path)
        if status != code:
            raise AssertionError(f"{path}: want {code}, got {status}: {body.decode()}")
        return body.decode()

    def json(self, path, code=200):
        return json.loads(self.text(path, code))

    def metrics(self):
        return openmetrics.read(self.text("/metrics"))

    def raw(self, request):
        """The bytes that come back for these bytes, until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as s:
            s.sendall(request)
            with contextlib.suppress(OSError):  # it may have hung up already
                s.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: s.recv(65536), b""))


def web_of(daemon):
    """Once the daemon has said where it listens."""
    def port():
        for line in daemon.logged('msg="status server listens"', "at=http://"):
            return int(line.rpartition(":")[2].rstrip("/"))
        return None
    return Web(wait_until(port, lambda: f"the status server listens\n{daemon.log}"))


class TestFigures(SiteCase):
    config = f"gates: {{default: {{{EXACTLY.format(4)}, max_rejects: 100%}}, other: {{{EXACTLY.format(1)}}}}}\n"

    def load_some(self):
        good = pack(metric(value=1), metric(value=2), metric(value=3))
        self.site.put("a.msgpack", good)
        self.site.put("b.msgpack", pack(metric(value=4), without(metric(), "source"), metric(value="x"),
                                        {"kind": "nobody's"}))
        self.site.put("c.msgpack", good)  # a duplicate
        self.site.put("d.msgpack", b"\xc1 is no msgpack")
        self.site.put("e.msgpack", pack(event(id="1"), event(id="2")), gate="other")
        return self.site.wait_settled(2)

    def expect(self, web, what, suffix, want, **labels):
        """When the metric has this value: a batch counts once its files are put away."""
        found = None

        def is_there():
            nonlocal found
            found = web.metrics()[what].total(suffix, **labels)
            return found == want
        wait_until(is_there, lambda: f"{what}{suffix} {labels}: want {want}, got {found}")

    def test_metrics_agree_with_the_receipts(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            openmetrics.read(web.text("/metrics"))  # before anything came, too
            receipts = self.load_some()
            for gate in ("default", "other"):
                mine = [r for r in receipts if r["gate"] == gate]
                for outcome, column in (("loaded", "rows_loaded"), ("rejected", "frames_rejected"),
                                        ("skipped", "frames_skipped")):
                    self.expect(web, "spoolgate_frames", "_total", sum(r[column] for r in mine), gate=gate,
                                outcome=outcome)
                self.expect(web, "spoolgate_batches", "_total", len(mine), gate=gate, status="done")
                self.expect(web, "spoolgate_read_bytes", "_total", sum(r["bytes_total"] for r in mine), gate=gate,
                            form="disk")
                self.expect(web, "spoolgate_segments", "_total", sum(r["segments_failed"] for r in mine), gate=gate,
                            outcome="failed")
            for outcome, want in (("loaded", 3), ("duplicate", 1), ("failed", 1)):
                self.expect(web, "spoolgate_segments", "_total", want, outcome=outcome)
            self.expect(web, "spoolgate_frames", "_total", self.site.value(
                "SELECT (SELECT count(*) FROM metrics) + (SELECT count(*) FROM events)"), outcome="loaded")
            self.expect(web, "spoolgate_rejects", "_total",
                        self.site.value("SELECT count(*) FROM ingestion_reject"))
            for reason in ("missing", "type", "kind"):
                self.expect(web, "spoolgate_rejects", "_total", 1, reason=reason)
            wait_until(lambda: all(p["count"] > 0 for p in web.json("/api/status")["partitions"]),
                       "the partitions are known")
            families = web.metrics()
            for stage in ("wait", "claim", "prepare", "open", "load", "commit", "retire"):
                self.assertEqual(families["spoolgate_stage_seconds"].value("_count", stage=stage), 2, stage)
            self.assertEqual(families["spoolgate_gate_waiting_segments"].value(gate="default"), 0)
            self.assertEqual(families["spoolgate_database_up"].value(), 1)
            self.assertEqual(families["spoolgate_build"].type, "info")
            self.assertGreater(families["process_resident_memory_bytes"].value(), 1 << 20)
            self.assertGreater(families["process_open_fds"].value(), 5)
            self.assertGreater(families["process_cpu_seconds"].value("_total"), 0)
            for stream in ("metrics", "events"):
                self.expect(web, "spoolgate_partitions", "", 1, stream=stream)
            self.check_names(families)

    def check_names(self, families):
        """Every metric is in the table of docs/MONITORING.md, and the other way round."""
        documented = set()
        text = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "MONITORING.md").read_text(encoding="utf-8")
        for line in text.splitlines():
            if line.startswith(("| `spoolgate_", "| `process_")):
                documented |= {name.strip(" `") for name in line.split("|")[1].split(",")}
        named = {f.name + {"counter": "_total", "info": "_info"}.get(f.type, "") for f in families.values()}
        # Of what this site has none of: documents are there, since the knowledge base is.
        self.assertEqual(named, documented)

    @unittest.skipUnless(shutil.which("promtool"), "no promtool (Debian's package prometheus)")
    def test_promtool_reads_it(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            self.load_some()
            text = openmetrics.classic(web_of(daemon).text("/metrics"))
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), text)

    def test_status_says_what_the_command_says(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            self.load_some()
            wait_until(lambda: web.json("/api/status")["totals"]["batches"] == 2, "both batches are told of")
            # Facts are asked for again when they are 2 s old.
            status = wait_until(lambda: (lambda s: s if len(s["recent"]) == 2 and s["rejects"] else None)(
                web.json("/api/status")), "the facts know both")
            command = self.site.run("status", "--json", code=0).json()
            self.assertLessEqual(command.keys(), status.keys())
            for key in ("spool", "spool_id", "recent", "sinks", "dead_letters", "knowledge", "manifests", "loading"):
                self.assertEqual(status[key], command[key], key)
            self.assertEqual([(r["reason"] != "", r["segment"]) for r in status["rejects"]],
                             [(True, "b.msgpack")] * 3)
            self.assertEqual({r["batch_tag"] for r in status["rejects"]}, {status["recent"][-1]["batch_tag"]}
                             if status["recent"][-1]["gate"] == "default" else {status["recent"][0]["batch_tag"]})
            self.assertEqual(status["ready"], {"ready": True, "reasons": []})
            self.assertIsNone(status["facts"]["error"])
            self.assertEqual(status["totals"]["frames_rejected"], 3)
            self.assertEqual(len(status["batches"]), 2)
            self.assertEqual({p["stream"] for p in status["partitions"]}, {"metrics", "events"})
            for p in status["partitions"]:
                self.assertGreaterEqual(p["count"], 1)
                self.assertGreater(p["ahead_until"], status["now"][:10])

    def test_receipts_by_pages(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}, other: {{{EXACTLY.format(1)}}}}}\n")
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            self.assertEqual(web.json("/api/receipts"), {"receipts": [], "next": None})
            for i in range(5):
                self.site.put(f"{i}.msgpack", pack(metric(value=i)), gate="other" if i == 2 else None)
                self.site.wait_settled(i + 1)
            want = [str(r["batch_id"]) for r in reversed(self.site.receipts())]
            found, path = [], "/api/receipts?limit=2"
            while path:
                page = web.json(path)
                found += [r["batch_id"] for r in page["receipts"]]
                path = page["next"] and f"/api/receipts?limit=2&before={page['next']}"
            self.assertEqual(found, want)
            other, = web.json("/api/receipts?gate=other")["receipts"]
            self.assertEqual((other["gate"], other["rows_loaded"], "files" in other), ("other", 1, False))
            for wrong in ("limit=0", "limit=501", "limit=x", "limit", "gate=..%2F", "before=1", "x=1", "limit=1&limit=",
                          "&".join(["limit=1"] * 9)):
                self.assertIn("error", web.json(f"/api/receipts?{wrong}", 400), wrong)

    def test_texts_of_any_bytes_are_json(self):
        name = b"\xff\"<\x01\xe9.msgpack"
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            for i in range(4):
                self.site.put(name if i == 0 else f"{i}.msgpack", pack(
                    {"kind": "\x00\"\\\u2028", "<script>": i}, metric(name="x\u0000y", value=i), metric(value=i)))
            self.site.wait_settled(1)
            status = wait_until(lambda: (lambda s: s if len(s["rejects"]) == 8 else None)(web.json("/api/status")),
                                "the rejects are told of")
        self.assertIn("%FF\"<%01%E9.msgpack", {r["segment"] for r in status["rejects"]})


class TestWho(SiteCase):
    def test_answers(self):
        nothing = "default-src 'none'; frame-ancestors 'none'"
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            wait_until(lambda: web.ask("/readyz")[0] == 200, "it is ready")
            for path, kind in (("/", "text/html; charset=utf-8"), ("/metrics", OPENMETRICS),
                               ("/healthz", "text/plain; charset=utf-8"), ("/readyz", "text/plain; charset=utf-8"),
                               ("/api/status", "application/json"), ("/api/receipts", "application/json"),
                               ("/nothing", "text/plain; charset=utf-8")):
                status, headers, body = web.ask(path)
                self.assertEqual(status, 404 if path == "/nothing" else 200, path)
                self.assertEqual(headers["Content-Type"], kind, path)
                self.assertEqual(headers["Cache-Control"], "no-store", path)
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff", path)
                self.assertEqual(headers["Referrer-Policy"], "no-referrer", path)
                self.assertEqual(headers["X-Frame-Options"], "DENY", path)
                self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"], path)
                self.assertNotIn("'unsafe-", headers["Content-Security-Policy"], path)
                if path != "/":
                    self.assertEqual(headers["Content-Security-Policy"], nothing, path)
                self.assertIsNone(headers["Access-Control-Allow-Origin"], path)
                self.assertGreater(len(body), 0, path)
                status, headers, body = web.ask(path, "HEAD")
                self.assertEqual((status, body), (404 if path == "/nothing" else 200, b""), path)
                self.assertGreater(int(headers["Content-Length"]), 0, path)
            self.assertEqual(web.text("/healthz"), "ok\n")
            self.assertEqual(web.text("/readyz"), "ready\n")
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
                status, headers, _ = web.ask("/api/status", method, body=b"x" if method in ("POST", "PUT") else None)
                self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)
            for path in ("/metrics/", "//metrics", "/../metrics", "/api", "/API/STATUS", "/page.js", "/.control"):
                self.assertEqual(web.ask(path)[0], 404, path)

    def test_hosts(self):
        self.site.configure("http: {hosts: spool.example second.example}\n")
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            for host, want in (("localhost", 200), ("127.0.0.1:1", 200), ("[::1]", 200), ("spool.example", 200),
                               ("Second.Example:443", 200), ("evil.example", 403), (f"evil.example:{web.port}", 403),
                               ("10.0.0.1", 403), ("localhost.evil.example", 403), ("", 403), ("a" * 300, 403)):
                status, _, body = web.ask("/healthz", headers={"Host": host})
                self.assertEqual(status, want, host)
                self.assertEqual(body == b"ok\n", want == 200, host)
                self.assertEqual(web.ask("/api/status", headers={"Host": host})[0], want, host)
            two = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
            self.assertNotIn(b"200 OK", web.raw(two))
            # A load balancer of HTTP/1.0 has none; a browser always has.
            self.assertIn(b"200 OK", web.raw(b"GET /healthz HTTP/1.0\r\n\r\n"))

    def test_nonsense_is_no_request(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            for request in (b"\x00" * 1000 + b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
                            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100000 + b"\r\n\r\n",
                            b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"):
                with contextlib.suppress(ConnectionError):
                    self.assertNotIn(b"200 OK", web.raw(request), request[:40])
            self.assertEqual(web.text("/healthz"), "ok\n")

    def test_idle_and_slow_clients_hurt_nobody(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(3)}}}}}\n")
        with self.site.daemon(env=ANY_PORT) as daemon, contextlib.ExitStack() as clients:
            web = web_of(daemon)
            for i in range(200):
                client = clients.enter_context(socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE))
                with contextlib.suppress(ConnectionError):  # beyond the limit it is hung up on
                    client.sendall(b"" if i % 2 else b"GET /healthz HTTP/1.1\r\nHost: loc")
            for i in range(3):
                self.site.put(f"{i}.msgpack", pack(metric(value=i)))
            receipt, = self.site.wait_settled(1)
            self.assertEqual(receipt["rows_loaded"], 3)
            fds = len(os.listdir(f"/proc/{daemon.pid}/fd"))
            self.assertLess(fds, 130, "clients are bounded")

            # They go by themselves, since they say nothing.
            def is_served():
                try:
                    return web.text("/healthz") == "ok\n"
                except (OSError, http.client.HTTPException):
                    return False
            wait_until(is_served, "there is room for a client again")


class TestWhere(SiteCase):
    def test_nonsense_is_told_at_once(self):
        ended = self.site.run("run", env={"SPOOLGATE_HTTP_LISTEN": "9647"}, code=CONFIG)
        self.assertIn("write it like `127.0.0.1:9647`", ended.text)

    def test_off(self):
        with self.site.daemon() as daemon:
            self.assertEqual(daemon.logged("status server"), [])

    def test_a_taken_port_is_tried_again(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}}}\n")
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with self.site.daemon(env={"SPOOLGATE_HTTP_LISTEN": f"127.0.0.1:{port}"}) as daemon:
                wait_until(lambda: daemon.logged("level=warn", "can't be reached", "in use"), "it says so")
                self.site.put("a.msgpack", pack(metric(value=1)))
                self.site.wait_settled(1)
                other.close()
                self.assertEqual(web_of(daemon).text("/healthz"), "ok\n")
                self.assertEqual(len(daemon.logged("can't be reached")), 1)

    def test_an_address_that_isn_t_ours(self):
        with self.site.daemon(env={"SPOOLGATE_HTTP_LISTEN": "192.0.2.1:9647"}) as daemon:
            wait_until(lambda: daemon.logged("level=warn", "can't be reached", "192.0.2.1"), "it says so")

    def test_unix_socket(self):
        path = self.site.folder / "status.sock"
        self.site.configure(f"http: {{socket: {path}}}\n")
        with socket.socket(socket.AF_UNIX) as stale:  # nobody listens on it any more
            stale.bind(str(path))
        with self.site.daemon() as daemon:
            wait_until(lambda: daemon.logged("status server listens", str(path)), "it listens")
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o660)
            web = Web(path=path)
            self.assertEqual(web.text("/healthz"), "ok\n")
            self.assertEqual(web.ask("/healthz", headers={"Host": "any.example"})[0], 200)
            openmetrics.read(web.text("/metrics"))
        self.assertFalse(path.exists())

    def test_unix_socket_of_somebody_else(self):
        path = self.site.folder / "status.sock"
        self.site.configure(f"http: {{socket: {path}}}\n")
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen()
            with self.site.daemon() as daemon:
                wait_until(lambda: daemon.logged("level=warn", "can't be reached", "in use"), "it says so")
        self.assertTrue(path.exists())
        path.unlink()
        path.write_text("somebody's")
        with self.site.daemon() as daemon:
            wait_until(lambda: daemon.logged("level=warn", "can't be reached", "in use"), "it says so")
        self.assertEqual(path.read_text(), "somebody's")


class TestReady(SiteCase):
    def test_a_stalled_gate(self):
        self.site.configure("room: {warn: 1, hold: 1}\n")
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            self.site.put("a.msgpack", pack(metric(value=1)))
            wait_until(lambda: web.ask("/readyz")[0] == 503, "it isn't ready")
            text = wait_until(lambda: (lambda t: t if t.startswith("stalled: gate default: ") else None)(
                web.text("/readyz", 503)), "that is the reason")
            self.assertEqual(web.text("/healthz"), "ok\n")
            stalled = web.metrics()["spoolgate_gate_stalled"]
            self.assertEqual({r: stalled.value(gate="default", reason=r) for r in REASONS},
                             {r: float(r == "room") for r in REASONS})
            status = web.json("/api/status")
            self.assertEqual((status["ready"]["ready"], status["gates"][0]["stall"]), (False, "room"))
            self.assertEqual("\n".join(status["ready"]["reasons"]) + "\n", text)


class TestDatabase(ClusterCase):
    def setUp(self):
        self.cluster.start()
        self.site = Site(f"gates: {{default: {{{EXACTLY.format(1)}}}}}\n", url=self.cluster.url)
        self.addCleanup(self.site.close)

    def test_it_goes_and_comes_back(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            self.site.put("a.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            wait_until(lambda: len(web.json("/api/status")["recent"]) == 1, "the receipt is known")
            self.cluster.stop()
            self.site.put("b.msgpack", pack(metric(value=2)))
            wait_until(lambda: web.ask("/readyz")[0] == 503, "it isn't ready")
            self.assertTrue(wait_until(lambda: [line for line in web.text("/readyz", 503).splitlines()
                                                if line.startswith(("the database can't be used: ", "stalled: "))],
                                       "it says why"))
            wait_until(lambda: web.metrics()["spoolgate_database_up"].value() == 0, "metrics say so")
            families = web.metrics()
            self.assertNotIn("spoolgate_sink_pending_events", families)
            self.assertIn("spoolgate_frames", families)
            status = web.json("/api/status")
            self.assertEqual(len(status["recent"]), 1, "what was known stays")
            self.assertTrue(status["facts"]["error"])
            self.assertIn("error", web.json("/api/receipts", 503))
            self.assertEqual(web.text("/healthz"), "ok\n")
            self.cluster.start()
            self.site.wait_settled(2)
            wait_until(lambda: web.ask("/readyz")[0] == 200, "it is ready again")
            wait_until(lambda: web.metrics()["spoolgate_database_up"].value() == 1, "metrics say so")
            self.assertEqual(web.metrics()["spoolgate_reconnects"].value("_total", who="status"), 1)

    def test_a_server_that_says_nothing_holds_up_no_request(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            known = wait_until(lambda: (lambda s: s if s["facts"]["asked_at"] else None)(web.json("/api/status")),
                               "the database has been asked")
            pids = [pid for (pid,) in self.site.query(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'spoolgate'")]
            self.assertGreaterEqual(len(pids), 1)
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                # They come back while it says nothing, and know what was known.
                self.assertEqual(web.text("/healthz"), "ok\n")
                openmetrics.read(web.text("/metrics"))
                self.assertIn("error", web.json("/api/receipts", 503))
                later = web.json("/api/status")
                self.assertEqual(later["knowledge"], known["knowledge"])
                self.assertGreater(later["now"], known["now"])
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
            wait_until(lambda: web.json("/api/status")["facts"]["asked_at"] > later["now"], "it is asked again")
            self.assertEqual(web.json("/api/receipts"), {"receipts": [], "next": None})

    def test_a_table_that_is_locked_holds_up_no_request(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            wait_until(lambda: web.ask("/readyz")[0] == 200, "it is ready")
            with self.site.connect() as other:
                other.autocommit = False
                other.execute("LOCK TABLE event_dlq IN ACCESS EXCLUSIVE MODE")
                self.assertTrue(wait_until(lambda: web.json("/api/status")["facts"]["error"], "the lock is told of"))
                other.rollback()
            wait_until(lambda: web.json("/api/status")["facts"]["error"] is None, "and that it is gone")


class TestEnd(SiteCase):
    def test_clients_don_t_keep_it(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            web = web_of(daemon)
            with socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE) as idle, \
                 socket.create_connection(("127.0.0.1", web.port), timeout=DEADLINE) as half:
                half.sendall(b"GET / HTTP/1.1\r\nHost: local")
                idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"200 OK", idle.recv(65536))
                code, _ = daemon.terminate()
                self.assertEqual(code, 0)
                self.assertEqual(half.recv(1), b"")


if __name__ == "__main__":
    assert os.path.exists(BIN)
    main()
