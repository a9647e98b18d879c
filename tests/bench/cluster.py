# SPDX-License-Identifier: MIT
"""The bench's own Postgres, and its CPU time.

    with Cluster(folder) as cluster:
        cluster.execute("SELECT 1")
        before = cluster.cpu()
        ...
        spent = cluster.cpu() - before
"""
import os
import pathlib
import subprocess
import time

import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")

# Stated in the report. What keeps the runs alike: WAL that is recycled instead of made, no checkpoint
# that falls into one contender's time, no autovacuum that falls into another's.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "min_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}


def clean_environment():
    """Nothing of the caller's shell decides what is measured, nor where."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "TZ": "UTC"}


class Cluster:
    def __init__(self, folder):
        self.run = folder / "postgres"
        self.connection = None

    def __enter__(self):
        self.run.mkdir(mode=0o711)
        self.run.parent.chmod(0o711)  # the server's user must pass through
        try:
            self.command("start")
            self.url = self.command("url")
            self.connection = psycopg.connect(self.url, user="postgres", autocommit=True)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.command("destroy")

    def command(self, name):
        options = " ".join(f"-c {key}={value}" for key, value in SETTINGS.items())
        done = subprocess.run([ROOT / "db" / "cluster", name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False,
                              env={**clean_environment(), "SPOOLGATE_RUN": str(self.run),
                                   "SPOOLGATE_PG_OPTS": options},
                              start_new_session=True)  # Ctrl-C is ours to answer; the server is stopped by us
        if done.returncode != 0:
            raise RuntimeError(f"db/cluster {name}: exit {done.returncode}\n{done.stderr}")
        return done.stdout.strip()

    def execute(self, sql, *params):
        """As the superuser. All rows, where there are any."""
        cursor = self.connection.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []

    def connect(self, schema):
        """As the plain role that loads."""
        return psycopg.connect(self.url, autocommit=True, options=f"-c search_path={schema}")

    @property
    def version(self):
        return self.execute("SHOW server_version")[0][0]

    # -- CPU --

    @property
    def pid(self):
        return int((self.run / "pg" / "data" / "postmaster.pid").read_text().split()[0])

    def children(self):
        path = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return set(path.read_text().split())

    def wait_alone(self, but):
        """Until the backends that came after `but` are gone: an ended backend's time counts only when
        the postmaster has reaped it."""
        while self.children() - but:
            time.sleep(0.001)

    def cpu(self):
        """Seconds of CPU of all its processes, those that have ended included."""
        pid = self.pid
        ticks = sum(sum(stat_times(child)[:2]) for child in self.children())
        return (ticks + sum(stat_times(pid))) / TICK


def stat_times(pid):
    """utime, stime and the same of reaped children, in ticks."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return [0, 0, 0, 0]
    return [int(field) for field in text.rpartition(")")[2].split()[11:15]]
