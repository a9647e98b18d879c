#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A connection string with two servers: the daemon follows the one that takes writes."""
import datetime
import os
import subprocess
import unittest

import psycopg

from support import FINE, NOW, UNAVAILABLE, Cluster, Site, free_address, main, metric, pack, wait_until

PER_BATCH = 3
ROWS = 20  # in a segment
SINCE = f"{NOW - datetime.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


class TestMultihost(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        addresses = free_address(), free_address()
        self.primary = self.cluster(addresses[0])
        self.primary.start()
        self.standby = self.cluster(addresses[1])
        self.clone()
        self.standby.start()
        both = psycopg.conninfo.make_conninfo(host=",".join(addresses), dbname="spoolgate", user="spoolgate",
                                              target_session_attrs="read-write")
        self.site = Site(f"gates: {{default: {{open: {{idle: 10ms}}, batch: {{segments: {PER_BATCH}}}}}}}", url=both)
        self.addCleanup(self.site.close)

    def cluster(self, address):
        cluster = Cluster(f"-c listen_addresses={address}")
        self.addCleanup(cluster.close)
        return cluster

    def clone(self):
        """The standby's data, where db/cluster looks for it."""
        programs = self.primary_value("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        home = self.standby.run / "pg"
        become = []
        home.mkdir(mode=0o700)
        if os.geteuid() == 0:
            become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
            subprocess.run(["chown", "postgres:postgres", home], check=True)
        self.standby.started = True
        subprocess.run([*become, f"{programs}/pg_basebackup", "-h", self.primary.host, "-U", "postgres", "-D",
                        home / "data", "-R", "-X", "stream", "-c", "fast"], check=True, cwd="/", capture_output=True)

    def wait_streaming(self):
        wait_until(lambda: self.primary_value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"),
                   "the standby follows")

    def primary_value(self, sql):
        with psycopg.connect(self.primary.url, user="postgres", autocommit=True) as connection:
            return connection.execute(sql).fetchone()[0]

    def put(self, numbers):
        for number in numbers:
            self.site.put(f"{number:04}.msgpack",
                          pack(*(metric(value=number * ROWS + row) for row in range(ROWS))))

    def settled(self):
        """Segments that the database says are loaded."""
        return self.site.value("SELECT count(*) FROM ingestion_segment")

    def fail_over(self):
        """The primary ends without a word, and the other takes over."""
        self.primary.crash()
        self.standby.superuser("SELECT pg_promote()")

    def assert_all_once(self, segments):
        self.assertEqual(self.site.query("SELECT count(*), count(DISTINCT value), min(value), max(value) FROM metrics"),
                         [(segments * ROWS, segments * ROWS, 0.0, segments * ROWS - 1.0)])

    def test_synchronous_replication_loses_nothing(self):
        self.wait_streaming()
        self.primary.superuser("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.superuser("SELECT pg_reload_conf()")
        wait_until(lambda: self.primary_value("SELECT sync_state FROM pg_stat_replication") == "sync", "it is synchronous")
        with self.site.daemon() as daemon:
            self.put(range(30))
            wait_until(lambda: self.settled() >= 2 * PER_BATCH, "some are loaded")
            self.fail_over()
            self.put(range(30, 60))
            self.site.wait_settled(None, segments=60)
            self.assertTrue(daemon.logged("database"), "it has noticed")
        self.assert_all_once(60)
        self.site.run("doctor", code=FINE)

    def test_what_asynchronous_replication_loses_the_archive_has(self):
        self.wait_streaming()
        with self.site.daemon():
            self.put(range(6))
            self.site.wait_settled(None, segments=6)
            reached = self.primary_value("SELECT pg_current_wal_lsn()")
            with psycopg.connect(self.standby.url, user="postgres", autocommit=True) as connection:
                wait_until(lambda: connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn",
                                                      [reached]).fetchone()[0], "the standby has that")
                # From here on the standby is behind for good: what is committed now, it never hears of.
                connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
                connection.execute("SELECT pg_reload_conf()")
            wait_until(lambda: not self.primary_value("SELECT count(*) FROM pg_stat_replication"), "nobody follows")
            self.put(range(6, 12))
            self.site.wait_settled(None, segments=12)
            self.fail_over()
            wait_until(lambda: self.settled() == 6, "the new primary knows of six segments")
        self.site.run("retry", "--from-archive", "--since", SINCE, code=FINE)
        self.assertEqual(len(self.site.in_folder("incoming")), 12)
        self.site.run("drain", "--force", code=FINE)
        self.assert_all_once(12)
        self.site.run("doctor", code=FINE)

    def test_a_standby_alone_is_not_written_to(self):
        self.wait_streaming()
        self.site.run("migrate", code=FINE)
        self.primary.stop()
        ended = self.site.run("drain")
        self.assertEqual(ended.code, UNAVAILABLE, ended)
        self.assertIn("session is read-only", ended.text)


if __name__ == "__main__":
    main()
