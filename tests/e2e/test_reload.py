# SPDX-License-Identifier: MIT
"""spoolgate.yaml, changed while the daemon runs: `reload` and SIGHUP bring what can be changed, tell what waits for
the next start, and leave everything as it was where the file has a mistake."""
import json
import signal

from support import CONFIG, EXACTLY, FINE, TRY_AGAIN, SiteCase, metric, pack, wait_until

NEVER = "open: {count: 0, bytes: 0, age: 0, idle: 0}"


def gates(**each):
    return "gates:\n" + "".join(f"  {name}:\n    {text}\n" for name, text in each.items())


class Reload(SiteCase):
    def reload(self, code=FINE, *args):
        return self.site.run("reload", *args, code=code)

    def put(self, *names, gate=None, **keys):
        for i, name in enumerate(names):
            self.site.put(name, pack(metric(value=i, labels={"file": name}, **keys)), gate=gate)

    def test_a_threshold(self):
        self.site.configure(gates(default=NEVER))
        with self.site.daemon() as daemon:
            self.put("a.msgpack", "b.msgpack")
            wait_until(lambda: daemon.state()["board"]["gates"][0]["waiting"] == 2, "both wait")
            self.site.configure(gates(default=EXACTLY.format(2)))
            told = self.reload().out.decode()
            self.assertEqual(told, "gates.default.open.count: 0 → 2\n")
            self.site.wait_settled(1)
            self.assertTrue(daemon.logged("msg=reload ", "gates.default.open.count"))
            self.assertIn("Nothing has changed", self.reload().out.decode())

    def test_sighup(self):
        self.site.configure(gates(default=NEVER))
        with self.site.daemon() as daemon:
            self.put("a.msgpack")
            self.site.configure(gates(default=EXACTLY.format(1)))
            daemon.process.send_signal(signal.SIGHUP)
            self.site.wait_settled(1)

    def test_limits_and_rejects(self):
        """What a batch is judged by."""
        self.site.configure("limits: {string: 1KiB}\n" + gates(default=EXACTLY.format(1)))
        with self.site.daemon() as daemon:
            self.put("a.msgpack", source="x" * 2000)
            self.site.wait_settled(1)
            self.site.configure("limits: {string: 4KiB}\n" + gates(default=EXACTLY.format(1)))
            self.reload()
            self.put("b.msgpack", source="x" * 2000)
            self.site.wait_settled(2)
        self.assertEqual(self.site.query("SELECT labels->>'file' FROM metrics"), [("b.msgpack",)])

    def test_a_new_gate(self):
        self.site.configure(gates(default=NEVER))
        with self.site.daemon() as daemon:
            self.site.configure(gates(default=NEVER, fast=EXACTLY.format(1)))
            self.assertIn("gates.fast: (not named) → (named)", self.reload().out.decode())
            self.assertTrue((self.site.spool / "incoming" / "fast").is_dir())
            self.put("a.msgpack", gate="fast")
            self.site.wait_settled(1)

    def test_mistakes(self):
        good = gates(default=EXACTLY.format(1))
        self.site.configure(good)
        with self.site.daemon() as daemon:
            self.site.configure("rescan: 30s\nlimits:\n  fram: 1MiB\n" + gates(default=NEVER))
            ended = self.reload(CONFIG)
            self.assertIn("spoolgate.yaml:3:3: unknown key `limits.fram`; did you mean `limits.frame`?", ended.text)
            self.assertIn("goes on with what it has", ended.text)
            self.put("a.msgpack")
            self.site.wait_settled(1)
            self.assertIn("limits.fram", daemon.state()["manifests"]["refused"])
            self.assertTrue(daemon.logged("level=error", "not reloaded", "spoolgate.yaml:3:3"))
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(daemon.logged("not reloaded")) == 2, "SIGHUP is refused, too")
            self.site.configure(good)
            self.assertIn("NOT RELOADED", self.site.run("status").out.decode())
            self.assertIn("Nothing has changed", self.reload().out.decode())
            self.assertIsNone(daemon.state()["manifests"]["refused"])

    def test_a_mistake_without_the_environment(self):
        """The command finds the daemon by what it can read of the file."""
        spool = self.site.environment.pop("SPOOLGATE_SPOOL")
        self.site.configure(f"spool: {spool}\n")
        with self.site.daemon() as daemon:
            self.site.configure(f"rescan: never\nspool: {spool}\n")
            self.assertIn("1:1: `never` is not a duration", self.reload(CONFIG).text)
            self.assertTrue(daemon.state()["manifests"]["refused"])
            self.site.configure("spool: [\n")
            self.assertIn("spoolgate.yaml:", self.reload(CONFIG).text)
            self.site.configure(f"spool: {spool}\n")
            self.reload()

    def test_the_file_is_gone(self):
        with self.site.daemon() as daemon:
            (self.site.folder / "spoolgate.yaml").unlink()
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: daemon.logged("not reloaded", "can't open"), "it keeps what it has")
            self.site.configure("")

    def test_at_the_next_start(self):
        """Told as a warning each time, without a password; the rest is applied."""
        del self.site.environment["SPOOLGATE_DATABASE"]
        self.site.configure(f"database: {json.dumps(self.site.url)}\nloaders: 1\n")
        with self.site.daemon() as daemon:
            self.site.configure("database: postgresql://me:secret@nowhere/x\nloaders: 2\nrescan: 20s\n"
                                "http: {listen: '127.0.0.1:1'}\n")
            for changes in ["rescan: 30s → 20s\n", ""]:
                told = self.reload().out.decode()
                self.assertTrue(told.startswith(changes + "at the next start: database: "), told)
                self.assertIn("at the next start: loaders: 1 → 2\n", told)
                self.assertIn("host=nowhere", told)
                self.assertNotIn("http.listen", told)  # the environment wins
                self.assertNotIn("Nothing has changed", told)
            self.put("a.msgpack")
            self.site.wait_settled(1)
            self.assertTrue(daemon.logged("level=warn", "next start", "loaders"))
            self.assertNotIn("secret", daemon.log + told)
            self.site.configure(f"database: {json.dumps(self.site.url)}\n")

    def test_flags_win(self):
        other = self.site.folder / "other"
        (other / "gates").mkdir(parents=True)
        with self.site.daemon("--loaders", "1", "--manifests", str(other)) as daemon:
            self.site.configure("loaders: 3\nmanifests: /nowhere\nlog: {level: debug}\n")
            self.assertEqual(self.reload().out.decode(), "log.level: info → debug\n")

    def test_logging(self):
        with self.site.daemon() as daemon:
            self.site.configure("log: {format: json}\n")
            self.reload()
            line = wait_until(lambda: daemon.logged('"msg":"reloaded"'), "the log is JSON")[0]
            self.assertEqual(json.loads(line)["level"], "info")

    def test_no_daemon(self):
        with self.site.daemon():
            pass
        self.assertIn("no daemon", self.reload(TRY_AGAIN).text)
