# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: a spool and a schema of one's own, and the program run on both.

    class TestSomething(SiteCase):
        def test_it(self):
            with self.site.daemon():
                self.site.put("a.msgpack", pack(metric(value=1)))
                receipt, = self.site.wait_settled(1)
            self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])

Environment, given by tests/run:
    SPOOLGATE_BIN            the program under test (default: build/spoolgate)
    SPOOLGATE_TEST_DATABASE  conninfo of a database of the plain role `spoolgate`; unset: a private
                             cluster is started for the process and deleted at its end
    SPOOLGATE_TEST_DEADLINE  how long a condition may take to come true, in seconds (default 120); it
                             only decides how late a failure is noticed

Nothing outside a folder of mkdtemp and a schema with a random name is touched, so any number of these
tests can run at the same time.
"""
import atexit
import contextlib
import datetime
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import uuid

import msgpack
import psycopg
import psycopg.sql

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.path.abspath(os.environ.get("SPOOLGATE_BIN", ROOT / "build" / "spoolgate"))
DEADLINE = float(os.environ.get("SPOOLGATE_TEST_DEADLINE", "120"))
UTC = datetime.timezone.utc

# A run that is told to end ends as by Ctrl-C, which unittest doesn't take for one more failed test.
# Daemons end with their contexts; what cleanups would have removed is removed at the exit.
signal.signal(signal.SIGTERM, signal.default_int_handler)
_left = []


@atexit.register
def _remove_what_is_left():
    for thing in reversed(list(_left)):
        thing.close()


FINE, USAGE, DATA, UNAVAILABLE, CANT_CREATE, TRY_AGAIN, CONFIG = 0, 64, 65, 69, 73, 75, 78

# A gate that opens at exactly N segments and for no other reason: batches don't depend on speed.
EXACTLY = "open: {{count: {}, bytes: 0, age: 0, idle: 0}}"


def wait_until(condition, what, deadline=DEADLINE):
    """Calls condition until it returns something true, and returns that."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:g} s: {what() if callable(what) else what}")
        time.sleep(0.02)


@contextlib.contextmanager
def full_pipe():
    """The writer's end of a pipe that nobody reads and that takes no byte more."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
        yield writer
    finally:
        os.close(reader)
        os.close(writer)


# ---- what producers write ----

NOW = datetime.datetime.now(UTC).replace(microsecond=0)


def metric(**keys):
    return {"kind": "metric", "ts": msgpack.Timestamp.from_datetime(NOW), "source": "test",
            "name": "n", **keys}


def event(**keys):
    return {"kind": "event", "ts": msgpack.Timestamp.from_datetime(NOW), "source": "test",
            "type": "t", **keys}


def seal(frames):
    return {"kind": "seal", "frames": frames}


def pack(*frames):
    """Frames as a segment's bytes; a frame that is bytes already stays as it is."""
    return b"".join(f if isinstance(f, bytes) else msgpack.packb(f) for f in frames)


def without(frame, *keys):
    return {k: v for k, v in frame.items() if k not in keys}


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True,
                          check=True).stdout


def percent(name):
    """A file's name as the database and the logs spell it."""
    return "".join(chr(b) if 0x20 < b < 0x7f and b != 0x25 else f"%{b:02X}" for b in os.fsencode(name))


# ---- the database ----

def clean_environment():
    """Nothing of the caller's shell decides what is tested, but for how the sanitizers report."""
    kept = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", **kept}


class Cluster:
    """A private Postgres of one's own, for tests that stop it. It has an address of its own where the options say
    `-c listen_addresses=ADDRESS` (free_address)."""

    def __init__(self, options=""):
        self.options = options
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="spoolgate-e2e-pg-"))
        self.run.chmod(0o711)  # the server's user must pass through
        self.started = False
        _left.append(self)

    def command(self, name):
        done = subprocess.run([ROOT / "db" / "cluster", name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False,
                              env={**clean_environment(), "SPOOLGATE_RUN": str(self.run),
                                   "SPOOLGATE_PG_OPTS": f"-c fsync=off -c max_connections=100 {self.options}"})
        if done.returncode != 0:
            raise AssertionError(f"db/cluster {name}: exit {done.returncode}\n{done.stderr}")
        return done.stdout.strip()

    def start(self):
        self.started = True
        self.command("start")
        return self

    def stop(self):
        self.command("stop")

    def crash(self):
        """What pg_ctl stop -m immediate does: no shutdown, no checkpoint, recovery at the next start."""
        pid = self.pid()
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not is_alive(pid), f"postmaster {pid} is gone")

    def pid(self):
        return int((self.run / "pg" / "data" / "postmaster.pid").read_text().split()[0])

    @property
    def url(self):
        return self.command("url")

    @property
    def host(self):
        """The folder of its socket."""
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.url).query))["host"]

    def superuser(self, sql):
        """Runs statements as the superuser, in the tests' database."""
        with psycopg.connect(self.url, user="postgres", autocommit=True) as connection:
            connection.execute(sql)

    def close(self):
        _left.remove(self)
        if self.started:
            self.command("destroy")
        shutil.rmtree(self.run)


def free_address():
    """An address of loopback on which nobody has Postgres's port: db/cluster's servers all have the same one."""
    while True:
        address = "127." + ".".join(str(secrets.randbelow(254) + 1) for _ in range(3))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((address, 5432))
            return address


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


_shared = None


def database_url():
    """The database that tests share, each in a schema of its own."""
    return os.environ.get("SPOOLGATE_TEST_DATABASE") or own_database_url()


def own_database_url():
    """The database that tests of this process share: for those that look at all of the knowledge base, which is one for
    all schemas of a database."""
    global _shared  # pylint: disable=global-statement
    if _shared is None:
        _shared = Cluster().start()
    return _shared.url


# ---- the program ----

class Ended:
    """A command that has run."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    @property
    def text(self):
        return self.out.decode(errors="replace") + self.err.decode(errors="replace")

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"{self.args}: exit {self.code}\n{self.text}"


class Daemon:
    """`spoolgate run` in the background. Left as a context, it is stopped with SIGTERM and must exit 0;
    when something fails meanwhile, its log becomes part of the failure."""

    def __init__(self, site, *args, under=(), env=None, preexec=None):
        self.site = site
        self.log_path = site.folder / f"daemon-{secrets.token_hex(4)}.log"
        self.traced = bool(under)
        self.expected_exit = 0
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*under, BIN, "run", *args], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=site.folder, preexec_fn=preexec, env={**site.environment, **(env or {})})

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def logged(self, *parts):
        """The log's lines that hold all parts."""
        return [line for line in self.log.splitlines() if all(p in line for p in parts)]

    def state(self):
        """What the daemon says of itself on its socket, or None."""
        return self.site.ask("status")

    def wait_up(self):
        """Until `status --json` shows it: then its inotify watch may still be to come, no more."""
        def is_up():
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended at once, exit {self.process.returncode}")
            status = self.site.run("status", "--json")
            return status.code == 0 and (status.json()["daemon"] or {}).get("pid") == self.pid
        wait_until(is_up, "`spoolgate status --json` shows the daemon")
        return self

    @property
    def pid(self):
        """The daemon's own, where it runs under strace, too."""
        if not self.traced:
            return self.process.pid
        with contextlib.suppress(FileNotFoundError):  # it may be gone at any moment
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            for pid in children.read_text().split():
                if os.readlink(f"/proc/{pid}/exe") == os.path.realpath(BIN):
                    return int(pid)
        return None

    def wait_watching(self):
        """Until a scan has gone through every gate that has a folder: from then on a renamed-in
        segment is seen at once."""
        self.wait_up()
        wait_until(lambda: (self.state() or {"board": {"gates": []}})["board"]["gates"],
                   "the first scan is over")
        return self

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid or self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.expected_exit = None

    def terminate(self, number=signal.SIGTERM):
        """Returns the exit code and the seconds it took."""
        start = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid or self.process.pid, number)
        code = self.process.wait(DEADLINE)
        return code, time.monotonic() - start

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, traceback):
        try:
            if self.process.poll() is None:
                self.terminate()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if failure is not None:
                failure.add_note(f"--- {self.log_path.name}, exit {self.process.returncode}\n{self.log}")
        if failure is None and self.expected_exit is not None \
                and self.process.returncode != self.expected_exit:
            raise AssertionError(f"the daemon's exit: want {self.expected_exit}, "
                                 f"got {self.process.returncode}\n{self.log}")


# ---- one spool, one schema ----

class Site:
    """A spool folder and a schema that nobody else uses, and everything one does with them."""

    def __init__(self, config="", url=None, schema=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spoolgate-e2e-"))
        self.spool = self.folder / "spool"
        self.schema = schema or f"e2e_{secrets.token_hex(6)}"
        self.url = url or database_url()
        self.connection = None
        self.environment = {**clean_environment(), "HOME": str(self.folder), "SPOOLGATE_HTTP_LISTEN": "off",
                            "SPOOLGATE_CONFIG": str(self.folder / "spoolgate.yaml"),
                            "SPOOLGATE_SPOOL": str(self.spool),
                            "SPOOLGATE_DATABASE": self.url, "SPOOLGATE_SCHEMA": self.schema}
        self.configure(config)
        _left.append(self)

    def close(self):
        _left.remove(self)
        try:
            with contextlib.suppress(psycopg.OperationalError):  # a test's own cluster may be down
                with psycopg.connect(self.url, autocommit=True) as connection:
                    connection.execute(psycopg.sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(
                        psycopg.sql.Identifier(self.schema)))
        finally:
            if self.connection is not None:
                self.connection.close()
            shutil.rmtree(self.folder)

    def configure(self, text):
        (self.folder / "spoolgate.yaml").write_text(text or "schema: public\n")  # SPOOLGATE_SCHEMA wins

    # -- database --

    def connect(self, **options):
        connection = psycopg.connect(self.url, autocommit=True, **options)
        connection.execute("SELECT set_config('search_path', quote_ident(%s), false),"
                           " set_config('TimeZone', 'UTC', false)", [self.schema])
        return connection

    def query(self, sql, *params):
        """All rows. The connection is kept, and made anew when the server dropped it."""
        for last in (False, True):
            if self.connection is None or self.connection.closed:
                self.connection = self.connect()
            try:
                cursor = self.connection.execute(sql, params or None)
                return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                self.connection.close()
                if last:
                    raise
        return None

    def value(self, sql, *params):
        (row,) = self.query(sql, *params)
        return row[0]

    def receipts(self):
        """All receipts as dicts, oldest first."""
        columns = [name for (name,) in self.query(
            "SELECT column_name::text FROM information_schema.columns"
            " WHERE table_schema = %s::text AND table_name = 'ingestion_manifest'"
            " ORDER BY ordinal_position", self.schema)]
        rows = self.query(f"SELECT {', '.join(columns)} FROM ingestion_manifest"
                          " ORDER BY opened_at, batch_id") if columns else []
        return [dict(zip(columns, row)) for row in rows]

    def wait_settled(self, batches, segments=None, deadline=DEADLINE):
        """Until so many batches have ended (or so many segments have, in however many batches) and
        nothing is left in processing/. Returns their receipts, oldest first."""
        def are_settled():
            if any(self.in_folder("processing")):
                return None
            ended = [r for r in self.receipts() if r["status"] in ("done", "failed")]
            enough = (len(ended) >= batches if segments is None
                      else sum(r["file_count"] for r in ended) >= segments)
            return (ended,) if enough else None

        def what():
            return (f"{batches if segments is None else segments}"
                    f" {'batches' if segments is None else 'segments'} have ended;"
                    f" spool: {self.tree()}; receipts: "
                    f"{[(r['batch_tag'], r['status'], r['error']) for r in self.receipts()]}")
        return wait_until(are_settled, what, deadline)[0]

    # -- spool --

    def put(self, name, data, gate=None):
        """The producers' protocol: hidden name on the same file system, fsync, rename. Names may be
        bytes."""
        incoming = os.path.join(os.fsencode(self.spool), b"incoming", os.fsencode(gate or ""))
        tmp = os.path.join(os.fsencode(self.spool), b"tmp")
        os.makedirs(incoming, exist_ok=True)
        os.makedirs(tmp, exist_ok=True)
        draft = os.path.join(tmp, b"." + secrets.token_hex(8).encode() + b".tmp")
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, os.path.join(incoming, os.fsencode(name)))

    def in_folder(self, *parts):
        """Names in a folder of the spool, hidden ones included; none where it is missing."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(os.listdir(self.spool.joinpath(*parts)))
        return []

    def tree(self, *parts):
        """Every file below a folder of the spool, relative to it."""
        top = self.spool.joinpath(*parts)
        return sorted(str(p.relative_to(top)) for p in top.rglob("*") if not p.is_dir())

    def places(self, name):
        """Where in the spool a name stands, in whatever folder."""
        return [p for p in self.tree() if os.path.basename(p) == name]

    def archive_of(self, receipt):
        day = uuid_time(receipt["batch_id"])
        return self.spool / "archive" / day.strftime("%Y/%m/%d") / str(receipt["batch_id"])

    def failed_of(self, receipt):
        return self.spool / "failed" / str(receipt["batch_id"])

    # -- program --

    def run(self, *args, stdin=b"", code=None, env=None, timeout=DEADLINE):
        """A command to its end; code: the exit code that it must have."""
        done = subprocess.run([BIN, *args], input=stdin, capture_output=True, cwd=self.folder,
                              env={**self.environment, **(env or {})}, timeout=timeout, check=False)
        ended = Ended(args, done.returncode, done.stdout, done.stderr)
        if code is not None and ended.code != code:
            raise AssertionError(f"want exit {code}, got: {ended}")
        return ended

    def daemon(self, *args, watching=True, **options):
        """Started with --migrate, and watching the spool unless said otherwise."""
        daemon = Daemon(self, "--migrate", *args, **options)
        try:
            return daemon.wait_watching() if watching else daemon
        except BaseException as failure:
            daemon.__exit__(type(failure), failure, None)
            raise

    def ask(self, request):
        """One request to the daemon's control socket; None where nobody listens."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            try:
                folder = os.open(self.spool, os.O_PATH)
            except FileNotFoundError:
                return None
            try:
                client.connect(f"/proc/self/fd/{folder}/.control")
                client.sendall(request.encode() + b"\n")
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            except (FileNotFoundError, ConnectionError):
                return None
            finally:
                os.close(folder)
        return json.loads(answer) if answer else None

    def look(self, path):
        """GET from the status server on the unix socket `status.sock` (http.socket): the code and the text."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect(str(self.folder / "status.sock"))
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            head, _, text = b"".join(iter(lambda: client.recv(65536), b"")).decode().partition("\r\n\r\n")
        return int(head.split()[1]), text

    def gate(self, name="default"):
        """The gate's entry in `status --json`, or None."""
        status = self.run("status", "--json", code=0).json()
        return next((g for g in status["gates"] if g["gate"] == name), None)

    def load(self, segments, config=""):
        """One batch of exactly these segments ({name: bytes}), loaded by a daemon of its own.
        Returns the receipt."""
        before = len(self.receipts())
        self.configure(f"gates: {{default: {{{EXACTLY.format(len(segments))}, batch: {{bytes: 1GiB}}}}}}\n{config}")
        with self.daemon():
            for name, data in segments.items():
                self.put(name, data)
            receipts = self.wait_settled(before + 1)
        if len(receipts) != before + 1:
            raise AssertionError(f"want one more batch than {before}, got {len(receipts)}")
        return receipts[-1]


def uuid_time(batch_id):
    return datetime.datetime.fromtimestamp((uuid.UUID(str(batch_id)).int >> 80) / 1000, UTC)


def conservation(receipt):
    return (receipt["frames_total"], receipt["rows_loaded"] + receipt["frames_rejected"]
            + receipt["frames_skipped"])


class SiteCase(unittest.TestCase):
    """A test with a site of its own, self.site."""
    maxDiff = None
    config = ""
    url = staticmethod(database_url)

    def setUp(self):
        self.site = Site(self.config, url=self.url())
        self.addCleanup(self.site.close)


class ClusterCase(unittest.TestCase):
    """Tests with a server of their own, self.cluster, which they may stop."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()


def main():
    """For a file that is run by itself."""
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
