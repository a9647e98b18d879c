# SPDX-License-Identifier: MIT
"""The programs do all their work with no more rights than the units of systemd/ leave them."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from confined import Rules
from receiver import Receiver, new_secret
from support import BIN, EXACTLY, FINE, ROOT, SiteCase, metric, pack, wait_until, zstd


class Confined(SiteCase):
    config = f"manifests: manifests\ngates: {{default: {{{EXACTLY.format(2)}, max_rejects: 50%}}}}\n"

    def setUp(self):
        super().setUp()
        self.secret = new_secret()
        self.receiver = Receiver(secrets=[self.secret])
        self.addCleanup(self.receiver.stop)
        sinks = self.site.folder / "manifests" / "sinks"
        sinks.mkdir(parents=True)
        (sinks / "ops.yaml").write_text(json.dumps({
            "sink": "ops", "url": self.receiver.url, "events": ["gate.done"], "allow_private": True,
            "secret": {"credential": "ops-secret"}}))
        (self.site.folder / "ops-secret").write_text(self.secret)
        self.site.environment["CREDENTIALS_DIRECTORY"] = str(self.site.folder)
        self.site.configure(self.config)

    def put_batch(self, name):
        self.site.put(f"{name}1.msgpack", pack(metric(value=1, source=name), metric(value="not a number")))
        self.site.put(f"{name}2.msgpack.zst", zstd(pack(
            {"kind": "document", "uri": f"file:///{name}", "text": "Some words. " * 50})))

    def confined(self, unit, *args):
        rules = Rules(unit)
        return subprocess.Popen([BIN, *args], stderr=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.site.folder,
                                env=self.site.environment, preexec_fn=rules.apply)

    def expect_end(self, process):
        out, err = process.communicate()
        self.assertEqual(process.returncode, FINE, f"SIGSYS is {-signal.SIGSYS}: {err.decode()}{out.decode()}")

    def test_daemon(self):
        """Batches, a reject, zstd, documents and their vectors, a delivery, a reload, the status server, the watchdog."""
        self.site.configure(f"{self.config}http: {{socket: {self.site.folder}/status.sock}}\n")
        rules = Rules("spoolgate.service")
        with self.site.daemon(preexec=rules.apply):
            self.put_batch("a")
            self.site.wait_settled(1)
            self.assertTrue(self.receiver.wait(1)[0].verified)
            self.site.run("reload", code=FINE)
            self.put_batch("b")
            self.site.wait_settled(2)
            wait_until(lambda: self.site.run("status", "--json").json()["knowledge"]["chunks"], "documents are known")
            for path in ["/", "/metrics", "/healthz", "/api/status", "/api/receipts"]:
                self.assertEqual(self.site.look(path)[0], 200, path)
        self.assertEqual(self.site.value("SELECT count(*) FROM metrics"), 2)

    def test_drain_maintain_and_embed(self):
        self.site.run("migrate", code=FINE)
        self.put_batch("a")
        self.expect_end(self.confined("spoolgate-drain.service", "drain", "--force"))
        self.expect_end(self.confined("spoolgate-maintain.service", "maintain"))
        self.expect_end(self.confined("spoolgate-embed@.service", "embed", "--once"))
        self.assertEqual(self.site.value("SELECT count(*) FROM metrics"), 1)

    def test_the_filter_is_there(self):
        """Or else the tests above say nothing: what isn't allowed ends a program, or is refused."""
        rules = Rules("spoolgate.service")
        self.assertIn("openat", rules.allowed())
        for name in ["mount", "ptrace", "setuid", "chown", "keyctl", "bpf", "reboot", "setrlimit"]:
            self.assertNotIn(name, rules.allowed())
        for code, want in [
                ("import os; os.chroot('/')", -signal.SIGSYS),
                ("import os; os.setpriority(0, 0, 5)", -signal.SIGSYS),
                ("import socket; socket.socket(socket.AF_NETLINK)", 1),
                ("import mmap; mmap.mmap(-1, 4096, prot=7)", 1),
                ("import socket; socket.socket()", 0)]:
            ended = subprocess.run(["/usr/bin/python3", "-c", code], preexec_fn=rules.apply, check=False,
                                   stderr=subprocess.DEVNULL)
            self.assertEqual(ended.returncode, want, code)


@unittest.skipUnless(os.geteuid() == 0, "users and modes are root's to set")
class Users(unittest.TestCase):
    """The spool as tmpfiles.d makes it, and three users: the daemon's, and two producers of its group."""

    DAEMON, ONE, OTHER = 64201, 64202, 64203
    FRAME = b'{"kind": "event", "ts": "2026-01-01T00:00:00Z", "source": "s", "type": "t"}\n'

    def setUp(self):
        top = pathlib.Path(tempfile.mkdtemp(prefix="spoolgate-e2e-"))
        self.addCleanup(shutil.rmtree, top)
        top.chmod(0o755)
        (top / "etc").mkdir()
        (top / "etc" / "passwd").write_text(f"root:x:0:0::/:/bin/sh\nspoolgate:x:{self.DAEMON}:{self.DAEMON}::/:/bin/sh\n")
        (top / "etc" / "group").write_text(f"root:x:0:\nspoolgate:x:{self.DAEMON}:\n")
        made = subprocess.run(["systemd-tmpfiles", "--create", f"--root={top}",
                               str(ROOT / "systemd" / "tmpfiles.d" / "spoolgate.conf")],
                              capture_output=True, text=True, check=False)
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        self.spool = top / "var" / "spool" / "spoolgate"

    def run_as(self, user, *command, code=0, umask=0o022):
        ended = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={self.DAEMON}", "--", *command],
                               input=self.FRAME, capture_output=True, umask=umask, check=False, cwd="/",
                               env={"PATH": os.environ["PATH"]})
        self.assertEqual(ended.returncode, code, ended.stderr.decode())

    def put(self, user, gate, name, umask=0o022):
        self.run_as(user, BIN, "put", "--spool", str(self.spool), "--gate", gate, "-o", name, umask=umask)

    def test_producers(self):
        """Each puts its segments, nobody moves another's, but for the daemon, which reads them, too. The folder of a gate is
        like incoming/ itself when the daemon made it."""
        self.put(self.DAEMON, "fast", "first.msgpack", umask=0o007)
        for gate in ["default", "fast"]:
            folder = self.spool / "incoming" / ("" if gate == "default" else gate)
            self.assertEqual(oct(folder.stat().st_mode), "0o43770", gate)
            self.put(self.ONE, gate, "one.msgpack")
            self.put(self.OTHER, gate, "other.msgpack")
            segment = str(folder / "one.msgpack")
            self.run_as(self.OTHER, "mv", segment, str(self.spool / "tmp"), code=1)
            self.run_as(self.OTHER, "rm", "-f", segment, code=1)
            self.run_as(self.DAEMON, "grep", "-q", "kind", segment)
            self.run_as(self.DAEMON, "mv", segment, str(self.spool / "processing"))

    def test_a_producer_may_be_the_first(self):
        """Before any daemon has run there is no id, nor are there folders of gates, and umasks are what they are."""
        for umask in [0o022, 0o077]:
            for gate in ["default", f"gate{umask}"]:
                name = f"{gate}-{umask}.msgpack"
                self.put(self.ONE, gate, name, umask=umask)
                segment = str(self.spool / "incoming" / ("" if gate == "default" else gate) / name)
                self.run_as(self.DAEMON, "grep", "-q", "kind", segment)
                self.run_as(self.DAEMON, "mv", segment, str(self.spool / "processing"))
        self.assertFalse((self.spool / ".id").exists())

    def test_the_rest_is_the_daemons(self):
        for name in ["", "processing", "archive", "failed"]:
            folder = str(self.spool / name)
            self.run_as(self.ONE, "ls", folder)
            self.run_as(self.ONE, "touch", f"{folder}/x", code=1)
            self.run_as(self.DAEMON, "touch", f"{folder}/x")
