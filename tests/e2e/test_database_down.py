#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The database is down, goes down, loses a table: nothing is failed, everything waits and says why."""
import os
import pathlib
import signal
import socket
import threading
import unittest
import urllib.request

import psycopg

from support import (EXACTLY, FINE, UNAVAILABLE, ClusterCase, Site, SiteCase, conservation, event, main,
                     metric, pack, wait_until)

NOBODY = "postgresql:///spoolgate?host=/nonexistent&user=nobody"


def values(site):
    return sorted(v for (v,) in site.query("SELECT value FROM metrics"))


class LockedTable:
    """While this context lasts, a batch that reaches the table stands in the middle of its
    transaction."""

    def __init__(self, site, table="metrics", connection=None):
        self.site, self.table = site, table
        self.connection = connection or site.connect()

    def __enter__(self):
        self.connection.autocommit = False
        self.connection.execute(f"LOCK TABLE {self.table} IN ACCESS EXCLUSIVE MODE")
        return self

    def wait_blocked(self):
        """Until a backend of this site waits for the lock. Returns its pid."""
        def blocked():
            found = self.site.query(
                "SELECT pid FROM pg_locks WHERE NOT granted AND relation = %s::regclass", self.table)
            return found[0][0] if found else None
        return wait_until(blocked, f"a batch waits for {self.table}")

    def __exit__(self, *_):
        self.connection.close()


# By which a thread waits for work; the only one whose number matters. Not: poll, by which libpq waits for the server.
FUTEX = {"x86_64": "202", "aarch64": "98"}.get(os.uname().machine)


def waits_in(pid, name):
    """The number of the system call in which a thread waits, or None."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            number = (task / "syscall").read_text().split()[0]
            return number if number.isdigit() else None
    return None


class TestOwnCluster(ClusterCase):
    def setUp(self):
        self.cluster.start()  # whatever the last test left
        self.site = Site(url=self.cluster.url)
        self.addCleanup(self.site.close)

    def stalled(self, *parts):
        gate = self.site.gate()
        reason = (gate or {}).get("stalled_reason") or ""
        return gate if all(p in reason for p in parts) else None

    def test_started_while_it_is_down(self):
        self.site.run("migrate", code=FINE)
        self.cluster.stop()
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(metric(value=1)))
            gate = wait_until(lambda: self.stalled("connection") and self.site.gate()["waiting"] == 1
                              and self.site.gate(), "status counts the segment and says what is wrong")
            self.assertFalse(gate["held"])
            status = self.site.run("status", "--json", code=FINE).json()
            self.assertIn("connection", status["database"]["error"])
            self.assertIn("connection", status["daemon"]["database_error"])
            text = self.site.run("status", code=FINE).text
            self.assertIn("UNAVAILABLE", text)
            self.assertIn("STALLED", text)
            self.assertEqual(self.site.in_folder("incoming"), ["a.msgpack"])
            self.assertEqual(self.site.in_folder("processing"), [])
            self.cluster.start()
            self.site.wait_settled(1)
            wait_until(lambda: self.site.gate()["stalled_reason"] is None, "status says all is well")
        self.assertEqual(values(self.site), [1])
        self.assertTrue(daemon.logged("database is back"))

    def test_migrate_is_made_up_for(self):
        """`run --migrate` on a machine whose database starts later than the daemon."""
        self.cluster.stop()
        with self.site.daemon():
            self.site.put("a.msgpack", pack(metric(value=1)))
            wait_until(lambda: self.stalled("connection"), "status says what is wrong")
            self.cluster.start()
            self.site.wait_settled(1)
        self.assertEqual(values(self.site), [1])

    def test_commands_while_it_is_down(self):
        self.site.run("migrate", code=FINE)
        self.site.put("a.msgpack", pack(metric(value=1)))
        self.cluster.stop()
        for command in (["drain", "--force"], ["receipt", "list"], ["migrate"],
                        ["receipt", "show", "12345678"]):
            with self.subTest(command):
                self.assertIn("connection", self.site.run(*command, code=UNAVAILABLE).err.decode())
        self.assertEqual(self.site.in_folder("incoming"), ["a.msgpack"])
        self.assertEqual(self.site.in_folder("processing"), [])
        # what needs no database works
        self.site.run("put", stdin=b'{"kind":"event"}\n', code=FINE)
        self.site.run("gate", "hold", "default", code=FINE)
        status = self.site.run("status", "--json", code=FINE).json()
        self.assertIsNone(status["daemon"])
        self.assertIn("connection", status["database"]["error"])
        self.assertEqual([(g["waiting"] + g["unsettled"], g["held"]) for g in status["gates"]],
                         [(2, True)])

    def test_stopped_while_running(self):
        with self.site.daemon():
            self.site.put("a.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            for stop, value in ((self.cluster.stop, 2), (self.cluster.crash, 3)):
                stop()
                self.site.put(f"{value}.msgpack", pack(metric(value=value)))
                wait_until(lambda: self.stalled(""), "the gate is on the board")
                wait_until(lambda: (self.site.gate() or {}).get("stalled_reason"), "status says why")
                self.assertEqual(self.site.in_folder("incoming"), [f"{value}.msgpack"])
                self.cluster.start()
                self.site.wait_settled(value)
        self.assertEqual(values(self.site), [1, 2, 3])
        self.assertEqual({(r["status"], r["attempts"]) for r in self.site.receipts()}, {("done", 1)})

    def stop_processes(self, pids):
        """They say nothing until the test is over."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(os.kill, pid, signal.SIGCONT)

    def test_a_server_that_hangs_does_not_keep_the_end(self):
        """Nothing is asked of it, so nothing has to be cancelled: it wouldn't answer that, either."""
        with self.site.daemon(env={"SPOOLGATE_HTTP_LISTEN": "127.0.0.1:0"}) as daemon:
            port, = {line.rpartition(":")[2].rstrip("/") for line in wait_until(
                lambda: daemon.logged('msg="status server listens"'), "it listens")}
            self.site.put("a.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status") as answer:
                self.assertEqual(answer.status, 200)
            with self.site.connect() as other:  # the connections of loaders, summariser, status server
                wait_until(lambda: other.execute("SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND "
                                                 "application_name = 'spoolgate'").fetchone() == (0,), "nobody asks")
            server = self.cluster.pid()
            children = pathlib.Path(f"/proc/{server}/task/{server}/children").read_text().split()
            self.stop_processes([server, *map(int, children)])
            self.assertEqual(daemon.terminate()[0], FINE)
        self.assertIn("msg=stopped", daemon.log)

    @unittest.skipIf(FUTEX is None, "the number of futex isn't known here")
    def test_a_summary_that_hangs_does_not_keep_the_end(self):
        """Its thread is joined after the loop, and the loop's deadlines, are over."""
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            pid, = wait_until(lambda: self.site.query(
                "SELECT pid FROM pg_stat_activity WHERE query LIKE '%brin_summarize_new%' AND state = 'idle'"),
                "the summariser has asked, and got its answer")[0]
            wait_until(lambda: waits_in(daemon.pid, "summariser") == FUTEX, "the summariser waits for work")
            self.stop_processes([pid])
            self.site.put("b.msgpack", pack(metric(value=2)))
            self.site.wait_settled(2)
            wait_until(lambda: waits_in(daemon.pid, "summariser") not in (None, FUTEX), "it waits for the server")
            self.assertEqual(daemon.terminate()[0], FINE)

    def test_a_crash_in_the_middle_of_a_load(self):
        rows = 20000
        self.site.run("migrate", code=FINE)
        with self.site.daemon():
            with LockedTable(self.site) as lock:
                self.site.put("big.msgpack", pack(*(metric(value=i) for i in range(rows)),
                                                  metric(value="x")))
                lock.wait_blocked()
                self.cluster.crash()
            wait_until(lambda: (self.site.gate() or {}).get("stalled_reason"), "status says why")
            self.assertEqual(len(self.site.places("big.msgpack")), 1)
            self.cluster.start()
            receipt, = self.site.wait_settled(1)
        self.assertEqual(self.site.query("SELECT count(*), count(DISTINCT value), sum(value)"
                                         " FROM metrics"),
                         [(rows, rows, rows * (rows - 1) / 2)])
        self.assertEqual((receipt["status"], receipt["frames_rejected"]), ("done", 1))
        self.assertEqual(conservation(receipt)[0], conservation(receipt)[1])
        self.assertGreaterEqual(receipt["attempts"], 2)
        self.assertEqual(self.site.value("SELECT count(*) FROM ingestion_reject"), 1)
        self.assertEqual((self.site.failed_of(receipt) / "rejects.msgpack").read_bytes(),
                         pack(metric(value="x")))


class TestHeldBatches(SiteCase):
    """The server is there, and says no to this batch: an environment error holds the gate only."""

    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=FINE)
        # two loaders: what one is held by is not in the other's way
        self.site.configure("loaders: 2\ngates: {other: {open: {idle: 10ms}}}")

    def hold_and_heal(self, breaking, sqlstate, healing):
        with self.site.daemon() as daemon:
            self.site.put("first.msgpack", pack(event(type="first")), "other")
            self.site.wait_settled(1)  # it is connected, and found the tables as they should be
            self.site.query(breaking)
            self.site.put("held.msgpack", pack(metric(value=1)))
            gate = wait_until(lambda: (self.site.gate() or {}).get("stalled_reason") and
                              self.site.gate(), "status says why")
            self.assertIn(sqlstate, gate["stalled_reason"])
            # the other gate goes on, though this one has more to do
            self.site.put("more.msgpack", pack(metric(value=2)))
            self.site.put("free.msgpack", pack(event()), "other")
            wait_until(lambda: self.site.value("SELECT count(*) FROM events") == 2,
                       "the other gate's batch is loaded")
            wait_until(lambda: (self.site.gate() or {}).get("waiting") == 1, "the next one waits")
            self.assertEqual(self.site.in_folder("failed"), [])
            health = dict(self.site.query("SELECT gate, stalled_reason FROM gate_health"))
            self.assertIn(sqlstate, health["default"])
            self.assertIsNone(health["other"])
            self.assertIn(sqlstate, self.site.run("status", code=FINE).text)
            self.site.query(healing)
            self.site.wait_settled(4)
        self.assertEqual(values(self.site), [1, 2])
        held = daemon.logged("level=warn", sqlstate)
        self.assertEqual(len(held), 1, "the same reason again is no news")
        self.assertEqual(self.site.query("SELECT error FROM ingestion_manifest"
                                         " WHERE status = 'done' AND error IS NOT NULL"), [])

    def test_a_missing_permission(self):
        self.hold_and_heal("REVOKE INSERT ON metrics FROM CURRENT_USER", "42501",
                           "GRANT INSERT ON metrics TO CURRENT_USER")

    def test_a_missing_table(self):
        self.hold_and_heal("ALTER TABLE metrics RENAME TO elsewhere", "42P01",
                           "ALTER TABLE elsewhere RENAME TO metrics")

    def test_a_missing_column(self):
        """The batch that meets it has the tables looked at; every gate that takes the stream is shut then."""
        with self.site.daemon():
            self.site.put("a.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            self.site.query("ALTER TABLE metrics RENAME labels TO tags")
            self.site.put("b.msgpack", pack(metric(value=2)))
            wait_until(lambda: "column labels is missing" in
                       ((self.site.gate() or {}).get("stalled_reason") or ""), "status says why")
            self.assertIn("column labels is missing", self.site.gate("other")["stalled_reason"])
            self.site.query("ALTER TABLE metrics RENAME tags TO labels")
            self.site.wait_settled(2)
        self.assertEqual(values(self.site), [1, 2])

    def test_the_gate_is_stalled_after_a_restart_too(self):
        with self.site.daemon():
            self.site.put("a.msgpack", pack(metric(value=0)))
            self.site.wait_settled(1)
            self.site.query("REVOKE INSERT ON metrics FROM CURRENT_USER")
            self.site.put("held.msgpack", pack(metric(value=1)))
            wait_until(lambda: "42501" in ((self.site.gate() or {}).get("stalled_reason") or ""), "status says why")
        with self.site.daemon():  # which looks at the tables before it goes on with the batch
            wait_until(lambda: "INSERT on the table isn't granted" in
                       ((self.site.gate() or {}).get("stalled_reason") or ""),
                       lambda: f"the gate says why: {self.site.ask('status')}")
            wait_until(lambda: "isn't granted" in self.site.value("SELECT stalled_reason FROM gate_health"),
                       "gate_health has today's reason, not the last try's")
            self.site.query("GRANT INSERT ON metrics TO CURRENT_USER")
            self.site.wait_settled(2)
        self.assertEqual(values(self.site), [0, 1])

    def test_a_trigger_that_drops_rows_holds_the_batch(self):
        """COPY's count is the proof that the rows are in; a receipt never says more than there is."""
        self.site.query("""CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS
                           $$ BEGIN IF new.value = 2 THEN RETURN NULL; END IF; RETURN new; END $$""")
        self.site.query("CREATE TRIGGER drop_it BEFORE INSERT ON metrics"
                        " FOR EACH ROW EXECUTE FUNCTION drop_it()")
        with self.site.daemon():
            self.site.put("a.msgpack", pack(*(metric(value=i) for i in range(4))))
            wait_until(lambda: "took 3 rows of the 4" in
                       ((self.site.gate() or {}).get("stalled_reason") or ""), "status says why")
            self.assertEqual(values(self.site), [])
            self.site.query("DROP TRIGGER drop_it ON metrics")
            self.site.wait_settled(1)
        self.assertEqual(values(self.site), [0, 1, 2, 3])

    def test_a_long_reason_is_whole_and_told_once(self):
        """Whose language takes two bytes a letter, so that a cut by bytes would show."""
        self.site.query("""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                           $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'ZZ999', MESSAGE = repeat('ü', 220); END $$""")
        self.site.query("CREATE TRIGGER refuse AFTER INSERT ON metrics FOR EACH ROW EXECUTE FUNCTION refuse()")
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(metric(value=1)))
            wait_until(lambda: [r["attempts"] >= 4 for r in self.site.receipts()] == [True], "some tries")
            reason = self.site.gate()["stalled_reason"]
            self.assertEqual(reason, "database: " + "ü" * 220 + " (SQLSTATE ZZ999)")
            self.assertEqual(self.site.value("SELECT stalled_reason FROM gate_health"), reason)
            self.assertEqual(len(daemon.logged("level=warn", "ZZ999")), 1, daemon.log)

    def test_a_connection_that_is_lost_in_the_middle(self):
        with self.site.daemon():
            with LockedTable(self.site) as lock:
                self.site.put("a.msgpack", pack(*(metric(value=i) for i in range(1000))))
                self.site.query("SELECT pg_terminate_backend(%s)", lock.wait_blocked())
            receipt, = self.site.wait_settled(1)
        self.assertEqual(values(self.site), list(range(1000)))
        self.assertEqual((receipt["status"], receipt["attempts"]), ("done", 2))


class TestLostReply(SiteCase):
    """The reply to COMMIT never comes. The receipt, waited for, says what became of it."""

    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=FINE)
        # A COMMIT that waits for a lock of ours.
        self.site.query("""CREATE FUNCTION wait_a_bit() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(hashtext(current_schema())); RETURN NULL; END $$""")
        self.site.query("""CREATE CONSTRAINT TRIGGER wait_a_bit AFTER UPDATE ON ingestion_manifest
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.status = 'done')
            EXECUTE FUNCTION wait_a_bit()""")
        self.gatekeeper = self.site.connect()
        self.addCleanup(self.gatekeeper.close)
        self.gatekeeper.execute("SELECT pg_advisory_lock(hashtext(%s))", [self.site.schema])

    def committing(self):
        found = self.site.query("SELECT l.pid FROM pg_locks l JOIN pg_locks g USING (objid, classid)"
                                " WHERE l.locktype = 'advisory' AND NOT l.granted AND g.granted"
                                " AND g.pid = %s", self.gatekeeper.info.backend_pid)
        return found[0][0] if found else None

    def release(self):
        self.gatekeeper.execute("SELECT pg_advisory_unlock_all()")

    def test_the_daemon_is_killed_and_the_commit_goes_through(self):
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(metric(value=1)))
            backend = wait_until(self.committing, "the batch is in its COMMIT")
            daemon.kill()
        with self.site.daemon():
            # the new one finds the batch, and waits for the old backend instead of guessing
            wait_until(lambda: self.site.query(
                "SELECT 1 FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))", backend),
                       "the successor waits for the receipt")
            self.release()
            receipt, = self.site.wait_settled(1)
        self.assertEqual(values(self.site), [1])
        self.assertEqual((receipt["status"], receipt["attempts"]), ("done", 1))
        self.assertTrue((self.site.archive_of(receipt) / "a.msgpack").exists())

    def test_the_backend_is_killed_and_the_commit_does_not_go_through(self):
        with self.site.daemon():
            self.site.put("a.msgpack", pack(metric(value=1)))
            backend = wait_until(self.committing, "the batch is in its COMMIT")
            self.site.query("SELECT pg_terminate_backend(%s)", backend)
            wait_until(lambda: self.committing() not in (None, backend), "it is tried again")
            self.release()
            receipt, = self.site.wait_settled(1)
        self.assertEqual(values(self.site), [1])
        self.assertEqual((receipt["status"], receipt["attempts"]), ("done", 2))


class DeadServer:
    """Accepts connections and hangs up: a server that is there and never answers well."""

    def __init__(self, folder):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(folder, ".s.PGSQL.5432"))
        self.listener.listen()
        self.tries = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        self.url = f"host={folder} user=nobody dbname=nothing password=hunter2"

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.close()
            self.tries += 1

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class TestBackOff(SiteCase):
    def test_the_same_reason_is_logged_once(self):
        server = DeadServer(self.site.folder)
        self.addCleanup(server.close)
        self.site.configure("loaders: 1")
        with self.site.daemon(env={"SPOOLGATE_DATABASE": server.url}) as daemon:
            before = server.tries
            wait_until(lambda: server.tries >= before + 4, "it tries again and again")
        self.assertEqual(len(daemon.logged("segments wait")), 1)
        self.assertLessEqual(len(daemon.logged("chunks wait")), 1)

    def test_whoever_looks_does_not_make_it_try(self):
        """Each request for receipts would be another connection."""
        server = DeadServer(self.site.folder)
        self.addCleanup(server.close)
        self.site.configure(f"loaders: 1\nhttp: {{socket: {self.site.folder}/status.sock}}\n")
        with self.site.daemon(env={"SPOOLGATE_DATABASE": server.url}):
            wait_until(lambda: "server closed the connection" in self.site.look("/api/receipts")[1], "it has been tried")
            before = server.tries
            for _ in range(300):
                code, text = self.site.look("/api/receipts")
                self.assertEqual((code, "error" in text), (503, True))
            self.assertLess(server.tries - before, 150)

    def test_sigterm_while_the_database_is_down(self):
        with self.site.daemon(env={"SPOOLGATE_DATABASE": NOBODY}) as daemon:
            code, took = daemon.terminate()
        self.assertEqual(code, FINE)
        self.assertLess(took, 15)

    def test_a_wrong_database_is_no_reason_to_fail(self):
        """FATAL from the server (no such database) is waited out like a server that is down."""
        with psycopg.connect(self.site.url) as connection:
            host = connection.info.host
        url = f"host={host} user=spoolgate dbname=no_such_database"
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}}}")
        with self.site.daemon(env={"SPOOLGATE_DATABASE": url}):
            self.site.put("a.msgpack", pack(metric(value=1)))
            gate = wait_until(lambda: (self.site.gate() or {}).get("waiting") and self.site.gate(),
                              "it waits")
            self.assertIn("no_such_database", gate["stalled_reason"])
            self.assertEqual(self.site.in_folder("incoming"), ["a.msgpack"])


if __name__ == "__main__":
    main()
