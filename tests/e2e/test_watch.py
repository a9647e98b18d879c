# SPDX-License-Identifier: MIT
"""`spoolgate status --watch`, on a terminal and elsewhere."""
import contextlib
import json
import pathlib
import signal
import subprocess
import threading
import unittest

import pseudo
import support
from support import SiteCase, metric, pack, wait_until

EVERY = "100ms"


@contextlib.contextmanager
def patience(process):
    """Whoever reads what a process writes waits no longer than for any condition."""
    timer = threading.Timer(support.DEADLINE, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class TestWatch(SiteCase):
    def watch(self, *args, **options):
        return pseudo.Terminal(self.site, "status", "--watch", EVERY, *args, **options)

    def end(self, terminal, want=0):
        """It leaves the terminal as it found it, and never drew beyond its edges."""
        self.assertEqual(terminal.wait_exit(), want)
        self.assertEqual(terminal.see(lambda s: s.modes & {"?1049", "?2026"}), set())
        self.assertIn("?25", terminal.see(lambda s: s.modes), "the cursor is shown")
        self.assertEqual(terminal.settings(), terminal.before)
        self.assertEqual(terminal.see(lambda s: s.faults), [])

    def test_shows_what_happens(self):
        with self.site.daemon("--migrate") as daemon, self.watch() as terminal:
            terminal.wait_for(f"running, pid {daemon.pid}", "GATE", "q ends")
            self.assertEqual(terminal.see(lambda s: s.modes), {"?1049"}, "no cursor")
            self.site.put("a.msgpack", pack(*[metric(value=i) for i in range(100)]))
            text = terminal.wait_for("LAST BATCHES", "done", " rows/s")
            self.assertRegex(text, r"default-\S+ +done +100 +0 +0")
            terminal.type("q")
            self.end(terminal)

    def test_shows_why(self):
        """The whole reason of a stalled gate, on lines that fit."""
        self.site.run("migrate", code=support.FINE)
        self.site.query("ALTER TABLE metrics DROP COLUMN labels, DROP COLUMN source CASCADE")
        with self.site.daemon(), self.watch() as terminal:
            self.site.put("a.msgpack", pack(metric(value=1)))
            text = terminal.wait_for("STALLED", "spoolgate plan")
            self.assertRegex(text, r"(?m)^default .* STALLED$")
            self.assertRegex(text, r"(?m)^    stream metrics: column \w+ is missing")
            terminal.type("q")
            self.end(terminal)

    def test_rates(self):
        with self.site.daemon("--migrate"):
            with subprocess.Popen([support.BIN, "status", "--watch", EVERY, "--json"], env=self.site.environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process, patience(process):
                looks = (json.loads(line) for line in process.stdout)
                self.assertIsNone(next(looks)["rates"], "there is nothing before the first look")
                self.assertEqual(next(looks)["rates"], {"rows_per_s": 0, "rejected_per_s": 0})
                self.site.put("a.msgpack", pack(*[metric(value=i) for i in range(1000)], metric(value="x" * 9)))
                rates = next(look["rates"] for look in looks if look["rates"]["rows_per_s"] > 0)
                self.assertGreater(rates["rows_per_s"], 100)
                process.send_signal(signal.SIGINT)
                for _ in looks:
                    pass
            self.assertEqual(process.returncode, 0)

    def test_daemon_goes_and_comes_back(self):
        with self.watch() as terminal:
            # There is no spool yet: as without --watch, that is an error.
            self.assertEqual(terminal.wait_exit(), support.CANT_CREATE)
        with self.site.daemon("--migrate") as daemon, self.watch() as terminal:
            terminal.wait_for(f"running, pid {daemon.pid}")
            daemon.kill()
            terminal.wait_for("not running")
            with self.site.daemon() as other:
                terminal.wait_for(f"running, pid {other.pid}", without=["not running"])
                terminal.type("q")
                self.end(terminal)

    def test_signals(self):
        with self.site.daemon("--migrate"):
            for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                with self.subTest(end.name), self.watch() as terminal:
                    terminal.wait_for("running")
                    terminal.signal(end)
                    self.end(terminal)
            with self.watch() as terminal:
                terminal.wait_for("running")
                terminal.type("\x1a")  # Ctrl-Z
                terminal.wait_stopped()
                wait_until(lambda: terminal.see(lambda s: s.modes) == {"?25"}, "the cursor is back")
                self.assertEqual(terminal.settings(), terminal.before)
                terminal.signal(signal.SIGCONT)
                terminal.wait_frames(2)
                self.assertEqual(terminal.see(lambda s: s.modes - {"?2026"}), {"?1049"})
                terminal.type("\x03")  # Ctrl-C
                self.end(terminal)

    def test_sizes(self):
        """Gates beyond the last line, names beyond the last column, and wide ones on it."""
        folder = self.site.folder / "宣言がここに書いてあります" / ("e\u0301" * 30)
        (folder / "gates").mkdir(parents=True)
        for i in range(40):
            (folder / "gates" / f"g{i}.yaml").write_text(f"gate: gate-with-a-long-name-{i}\n")
        self.site.configure(f"manifests: {json.dumps(str(folder), ensure_ascii=False)}\n")
        with self.site.daemon("--migrate"), self.watch() as terminal:
            for i in range(40):
                self.site.put("a.tmp", b"", gate=f"gate-with-a-long-name-{i}")
            text = terminal.wait_for("more lines")
            self.assertEqual(len(text.splitlines()), 24)
            for columns, rows in ((40, 10), (41, 3), (1, 1), (200, 60)):
                with self.subTest(columns=columns, rows=rows):
                    terminal.resize(columns, rows)
                    lines = terminal.see(pseudo.Screen.lines)
                    self.assertLessEqual(len(lines), rows)
                    if columns >= 40 and rows >= 10:
                        self.assertIn("宣", "\n".join(lines))
            self.assertIn("gate-with-a-long-name-39", terminal.wait_for("gate-with-a-long-name-39"))
            terminal.type("q")
            self.end(terminal)

    def test_no_terminal(self):
        """Blocks without an escape sequence; a terminal that says it is dumb gets them, too."""
        with self.site.daemon("--migrate"):
            with subprocess.Popen([support.BIN, "status", "--watch", EVERY], env=self.site.environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process, patience(process):
                seen = ""
                while seen.count("\nspool     ") < 3:
                    seen += process.stdout.readline()
                process.send_signal(signal.SIGTERM)
                seen += process.stdout.read()
            self.assertEqual(process.returncode, 0)
            self.assertNotIn("\x1b", seen)
            with self.watch(env={"TERM": "dumb"}) as terminal:
                wait_until(lambda: "running" in terminal.see(pseudo.Screen.text), "it is printed")
                self.assertEqual(terminal.see(lambda s: s.modes), set())
                terminal.signal(signal.SIGINT)
                self.assertEqual(terminal.wait_exit(), 0)

    def test_nobody_reads(self):
        """The pipe is full: a signal ends it all the same."""
        with self.site.daemon("--migrate"), support.full_pipe() as writer:
            for args in (["--json"], []):
                with subprocess.Popen([support.BIN, "status", "--watch", EVERY, *args], env=self.site.environment,
                                      stdin=subprocess.DEVNULL, stdout=writer) as process, patience(process):
                    # Of poll's descriptors, two: standard output's and the signals'.
                    wait_until(lambda p=process: pathlib.Path(f"/proc/{p.pid}/syscall").read_text().split()[2:3] == ["0x2"],
                               "it waits for its reader")
                    process.send_signal(signal.SIGTERM)
                    self.assertEqual(process.wait(), 0)

    def test_usage(self):
        for args in (["5"], ["--watch", "0"], ["--watch", "often"], ["--watch", "2h"], ["--watch", "1", "2"]):
            with self.subTest(args):
                self.site.run("status", *args, code=support.USAGE)


class TestWatchDatabase(unittest.TestCase):
    def test_database_goes_and_comes_back(self):
        """One connection for all looks; a database that goes is told of, and found again."""
        cluster = support.Cluster().start()
        self.addCleanup(cluster.close)
        site = support.Site(url=cluster.url)
        self.addCleanup(site.close)
        site.run("migrate", code=0)

        def connections():
            return site.query("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                              " AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
        site.spool.joinpath("incoming").mkdir(parents=True)
        site.run("drain", code=0)
        with pseudo.Terminal(site, "status", "--watch", EVERY) as terminal:
            terminal.wait_for("not running", "database  host=")
            first = wait_until(connections, "its connection")
            terminal.wait_frames(5)
            self.assertEqual(connections(), first)
            cluster.stop()
            terminal.wait_for("UNAVAILABLE")
            cluster.start()
            terminal.wait_for("database  host=", without=["UNAVAILABLE"])
            terminal.type("q")
            self.assertEqual(terminal.wait_exit(), 0)
            self.assertEqual(terminal.see(lambda s: s.faults), [])

    def test_database_that_says_nothing(self):
        """A server that accepts and never answers keeps neither keys nor clock."""
        server = subprocess.Popen(["/usr/bin/python3", "-c", SILENT], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.addCleanup(server.stdout.close)
        port = server.stdout.readline().strip()
        site = support.Site()
        self.addCleanup(site.close)
        site.run("drain", code=support.CONFIG)  # makes the spool
        with pseudo.Terminal(site, "status", "--watch", EVERY,
                             "--database", f"host=127.0.0.1 port={port}") as terminal:
            terminal.wait_for("NO ANSWER for")
            terminal.type("q")
            self.assertEqual(terminal.wait_exit(), 0)
            self.assertIn("?25", terminal.see(lambda s: s.modes))


SILENT = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(server.accept())
"""

if __name__ == "__main__":
    support.main()
