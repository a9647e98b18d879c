# SPDX-License-Identifier: MIT
"""What systemd hears of the daemon and of `spoolgate embed`, on a socket of the test's own, and that it hears nothing
more when a thread hangs: one is stopped singly, by ptrace."""
import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import subprocess

from support import BIN, CONFIG, DEADLINE, EXACTLY, FINE, Cluster, Site, SiteCase, metric, pack, wait_until

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000


class Manager:
    """The other end of NOTIFY_SOCKET. It has to listen now and then: a socket that is full makes the service wait."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.heard = []

    def listen(self, patience=0.0):
        """Adds what has come to `heard`, and returns it; waits so long for more."""
        new = []
        self.socket.settimeout(patience)
        with contextlib.suppress(BlockingIOError, TimeoutError):
            while True:
                new.append(self.socket.recv(4096).decode())
        self.heard += new
        return new

    def wait(self, text):
        """Until a message begins with text, after those that were waited for before."""
        def is_there():
            self.listen()
            for i, message in enumerate(self.heard):
                if message.startswith(text):
                    del self.heard[:i + 1]
                    return message
            return None
        return wait_until(is_there, lambda: f"{text} is told; so far {self.heard}")

    def environment(self, watchdog=None):
        # WATCHDOG_PID is left out: any process of the service may feed it then.
        return {"NOTIFY_SOCKET": str(self.path), **({"WATCHDOG_USEC": str(watchdog)} if watchdog else {})}


@contextlib.contextmanager
def stopped(pid, name):
    """While in it, the process's thread of that name does nothing; the others go on."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]

    def ptrace(request, tid):
        if libc.ptrace(request, tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")

    (tid,) = [int(t.name) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()
              if (t / "comm").read_text().strip() == name]
    ptrace(SEIZE, tid)
    ptrace(INTERRUPT, tid)
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        ptrace(DETACH, tid)


class Service(SiteCase):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.site.folder)
        self.addCleanup(self.manager.socket.close)

    def daemon(self, watchdog=None):
        return self.site.daemon(env=self.manager.environment(watchdog))

    def test_a_life(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(2)}}}}}\n")
        with self.daemon() as daemon:
            self.manager.wait("READY=1")
            self.assertTrue((self.site.spool / ".control").exists(), "ready means that it listens")
            self.manager.wait("STATUS=1 gate: nothing waits")
            self.site.put("a.msgpack", pack(metric(value=1)))
            self.manager.wait("STATUS=1 gate: 1 segment (")

            self.site.run("reload", code=FINE)
            told = self.manager.wait("RELOADING=1")
            self.assertRegex(told, r"\nMONOTONIC_USEC=[0-9]+$")
            self.manager.wait("READY=1")
            self.site.configure("nonsense: 1\n")
            daemon.process.send_signal(signal.SIGHUP)
            self.manager.wait("RELOADING=1")
            self.manager.wait("READY=1")
            self.manager.wait("STATUS=1 gate: 1 segment")
            self.assertFalse([m for m in self.manager.heard if "WATCHDOG" in m], "nobody asked for it")
            self.site.configure("")
            self.assertEqual(daemon.terminate()[0], FINE)
            self.manager.wait("STOPPING=1")

    def test_not_ready_where_it_can_not_start(self):
        self.site.configure("nonsense: 1\n")
        ended = self.site.run("run", code=CONFIG, env=self.manager.environment())
        self.assertIn("nonsense", ended.text)
        self.assertEqual(self.manager.listen(), [])

    def test_watchdog(self):
        """Pings come while all threads make progress or wait; not while one hangs; and then again."""
        # With this rescan a scanner is stuck after a minute.
        self.site.configure(f"rescan: 1s\nhttp: {{socket: {self.site.folder}/status.sock}}\n")
        with self.daemon(watchdog=2_000_000) as daemon:
            self.manager.wait("READY=1")
            for _ in range(3):
                self.manager.wait("WATCHDOG=1")
            with stopped(daemon.pid, "scanner"):
                wait_until(lambda: self.manager.listen() is not None and
                           daemon.logged("msg=stuck", "the scanner has made no progress"), "it is noticed")
                self.manager.listen()
                self.assertNotIn("WATCHDOG=1", self.manager.listen(patience=2))
                code, text = self.site.look("/healthz")
                self.assertEqual(code, 503)
                self.assertIn("the scanner has made no progress", text)
            wait_until(lambda: daemon.logged("no longer stuck"), "it goes on")
            self.manager.wait("WATCHDOG=1")
            self.assertEqual(self.site.look("/healthz")[0], 200)

    def test_no_ping_from_a_loop_that_hangs(self):
        with self.daemon(watchdog=1_000_000) as daemon:
            self.manager.wait("WATCHDOG=1")
            with stopped(daemon.pid, "spoolgate"):
                self.manager.listen()
                self.assertEqual(self.manager.listen(patience=2), [])
            self.manager.wait("WATCHDOG=1")

    def test_a_database_that_hangs_is_no_reason(self):
        """A loader and the courier wait for a server that says nothing; the watchdog is fed."""
        cluster = Cluster().start()
        self.addCleanup(cluster.close)
        site = Site(url=cluster.url)
        self.addCleanup(site.close)
        with site.daemon(env=self.manager.environment(2_000_000)) as daemon:
            site.put("a.msgpack", pack(metric(value=1)))
            site.wait_settled(1)
            with site.connect() as other:
                other.execute("BEGIN")
                other.execute("LOCK TABLE ingestion_manifest IN ACCESS EXCLUSIVE MODE")
                site.put("b.msgpack", pack(metric(value=2)))
                wait_until(lambda: "b.msgpack" in str(site.tree("processing")), "it is claimed")
                self.manager.listen()
                for _ in range(3):
                    self.manager.wait("WATCHDOG=1")
                self.assertFalse(daemon.logged("msg=stuck"))
                other.rollback()
            site.wait_settled(2)

    def test_embed_ends_though_the_database_hangs(self):
        cluster = Cluster().start()
        self.addCleanup(cluster.close)
        site = Site(url=cluster.url)
        self.addCleanup(site.close)
        site.run("migrate", code=FINE)
        with site.connect() as other:
            other.execute("BEGIN")
            other.execute("LOCK TABLE pmoves_kb.embedder IN ACCESS EXCLUSIVE MODE")
            with subprocess.Popen([BIN, "embed"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  env={**site.environment, **self.manager.environment()}) as worker:
                self.manager.wait("READY=1")
                pid, = wait_until(lambda: site.query("SELECT pid FROM pg_locks WHERE NOT granted"), "it asks")[0]
                os.kill(pid, signal.SIGSTOP)
                self.addCleanup(os.kill, pid, signal.SIGCONT)
                worker.send_signal(signal.SIGTERM)
                self.assertEqual(worker.wait(DEADLINE), FINE)

    def test_embed(self):
        self.site.run("migrate", code=FINE)
        with subprocess.Popen([BIN, "embed"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              env={**self.site.environment, **self.manager.environment(1_000_000)}) as worker:
            self.manager.wait("READY=1")
            self.manager.wait("WATCHDOG=1")
            worker.send_signal(signal.SIGHUP)
            self.manager.wait("RELOADING=1")
            self.manager.wait("READY=1")
            worker.send_signal(signal.SIGTERM)
            self.manager.wait("STOPPING=1")
            self.assertEqual(worker.wait(), FINE)
