#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sslmode: who the server is stays certain, at the first connection and at every other."""
import os
import pathlib
import shutil
import tempfile
import unittest

import psycopg

from receiver import Authority
from support import FINE, UNAVAILABLE, Cluster, Site, free_address, main, metric, pack, wait_until

HOST = "localhost"


class TestTls(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spoolgate-e2e-tls-"))
        self.folder.chmod(0o711)  # the server's user must pass through
        self.addCleanup(shutil.rmtree, self.folder)
        self.authority, self.stranger = Authority(self.folder / "ours"), Authority(self.folder / "theirs")
        self.present(self.authority.certificate(HOST))
        self.address = free_address()
        self.cluster = Cluster(f"-c listen_addresses={self.address} -c ssl=on"
                               f" -c ssl_cert_file={self.folder}/server.pem -c ssl_key_file={self.folder}/server.key")
        self.addCleanup(self.cluster.close)
        self.cluster.start()
        self.site = Site(url=self.cluster.url)
        self.addCleanup(self.site.close)
        self.site.environment["SPOOLGATE_DATABASE"] = self.conninfo()

    def present(self, certificate_and_key):
        """What the server shows from its next start on. A key must be its user's alone."""
        for source, name in zip(certificate_and_key, ("server.pem", "server.key")):
            shutil.copyfile(source, self.folder / name)
            (self.folder / name).chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(self.folder / name, "postgres", "postgres")

    def conninfo(self, host=HOST, root=None, mode="verify-full"):
        return psycopg.conninfo.make_conninfo(host=host, hostaddr=self.address, dbname="spoolgate", user="spoolgate",
                                              sslmode=mode, sslrootcert=str(root or self.authority.file))

    def test_the_right_name_and_authority(self):
        self.site.run("migrate", code=FINE)
        with self.site.daemon():
            self.site.put("1.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            secure = self.site.query("SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity USING (pid)"
                                     " WHERE application_name = 'spoolgate' AND usename = current_user")
        self.assertEqual(secure, [(True,)])

    def test_others_are_refused(self):
        cases = [(self.conninfo(root=self.stranger.file), "certificate verify failed"),
                 (self.conninfo(host="db.example.org"), 'does not match host name "db.example.org"'),
                 (self.conninfo(root=self.folder / "nowhere.pem"), "root certificate file")]
        for conninfo, want in cases:
            with self.subTest(want=want):
                ended = self.site.run("migrate", env={"SPOOLGATE_DATABASE": conninfo})
                self.assertEqual(ended.code, UNAVAILABLE, ended)
                self.assertIn(want, ended.text)

    def test_what_the_first_connection_asked_for_all_others_do(self):
        """The server comes back as a stranger, then without TLS: the daemon holds, and says why, until it is itself again."""
        self.site.run("migrate", code=FINE)
        options = self.cluster.options
        with self.site.daemon() as daemon:
            self.site.put("1.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            self.cluster.stop()
            self.present(self.stranger.certificate(HOST))
            self.cluster.start()
            self.site.put("2.msgpack", pack(metric(value=2)))
            wait_until(lambda: daemon.logged("certificate verify failed"), "the daemon refuses the stranger")
            self.cluster.stop()
            self.cluster.options = options.replace("ssl=on", "ssl=off")
            self.cluster.start()
            wait_until(lambda: daemon.logged("does not support SSL"), "the daemon refuses plain text")
            self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])
            self.cluster.stop()
            self.present(self.authority.certificate(HOST))
            self.cluster.options = options
            self.cluster.start()
            self.site.wait_settled(2)
        self.assertEqual(self.site.query("SELECT value FROM metrics ORDER BY 1"), [(1.0,), (2.0,)])


if __name__ == "__main__":
    main()
