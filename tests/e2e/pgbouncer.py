# SPDX-License-Identifier: MIT
"""A pgbouncer of the tests' own: on a free port of 127.0.0.1, in front of a private cluster, ended with its context."""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import psycopg

from support import wait_until

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/sbin:/bin")


def free_port():
    """A port of loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pgbouncer:
    """As a context: it runs. `url` leads through it to the cluster's database."""

    def __init__(self, cluster, mode, **settings):
        self.cluster, self.mode, self.settings = cluster, mode, settings
        self.process = None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spoolgate-e2e-bouncer-"))
        self.port = free_port()

    @property
    def url(self):
        return f"postgresql://spoolgate@127.0.0.1:{self.port}/spoolgate"

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def write(self):
        settings = {"listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "",
                    "auth_type": "trust", "auth_file": self.folder / "users", "pool_mode": self.mode,
                    "admin_users": "spoolgate", **self.settings}
        (self.folder / "users").write_text('"spoolgate" ""\n')
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\nspoolgate = host={self.cluster.host} dbname=spoolgate\n[pgbouncer]\n"
            + "".join(f"{key} = {value}\n" for key, value in settings.items()))

    def start(self):
        self.write()
        become = []
        if os.geteuid() == 0:  # it refuses root; and only the server's user may enter the server's socket's folder
            become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
            shutil.chown(self.folder, "postgres", "postgres")
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([*become, PROGRAM, self.folder / "pgbouncer.ini"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")

        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"pgbouncer ended, exit {self.process.returncode}\n{self.log}")
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url):
                return True
            return False
        wait_until(answers, lambda: f"pgbouncer answers\n{self.log}")
        return self

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *failure):
        self.stop()
        shutil.rmtree(self.folder)
