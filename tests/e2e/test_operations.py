#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What docs/OPERATIONS.md tells people to do: restoring a database, moving a spool."""
import datetime
import subprocess
import unittest

import psycopg

from support import EXACTLY, FINE, NOW, UNAVAILABLE, Cluster, Site, clean_environment, main, metric, pack, wait_until

SINCE = f"{NOW - datetime.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


class TestOperations(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        self.cluster.start()
        self.site = Site(f"gates: {{default: {{{EXACTLY.format(2)}}}}}", url=self.cluster.url)
        self.addCleanup(self.site.close)
        self.site.run("migrate", code=FINE)

    def put(self, *numbers):
        for number in numbers:
            self.site.put(f"{number}.msgpack", pack(metric(value=number)))

    def values(self):
        return [value for (value,) in self.site.query("SELECT value FROM metrics ORDER BY 1")]

    def postgres(self, program, *args):
        done = subprocess.run([program, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              env=clean_environment())
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_database_that_was_restored_gets_back_what_the_archive_has(self):
        superuser = psycopg.conninfo.make_conninfo(self.cluster.url, user="postgres")
        server = psycopg.conninfo.make_conninfo(superuser, dbname="postgres")
        dump = self.site.folder / "dump"
        self.put(1, 2)
        self.site.run("drain", "--force", code=FINE)
        self.postgres("pg_dump", "-Fc", "-f", dump, superuser)
        self.put(3, 4)
        self.site.run("drain", "--force", code=FINE)
        self.postgres("dropdb", "--force", "--maintenance-db", server, "spoolgate")
        self.postgres("pg_restore", "-C", "-d", server, dump)
        self.assertEqual(self.values(), [1.0, 2.0])

        ended = self.site.run("doctor")
        self.assertEqual(ended.code, 1, ended)
        self.assertIn("archive-unknown", ended.text)
        self.site.run("retry", "--from-archive", "--since", SINCE, code=FINE)
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual(self.values(), [1.0, 2.0, 3.0, 4.0])
        self.site.run("doctor", code=FINE)

    def test_a_password_comes_from_a_service_file_that_the_group_may_read(self):
        """As systemd hands credentials out; libpq would pass a password file over."""
        file = self.site.folder / "pg_service"
        file.write_text(f"[spoolgate]\nhost={self.cluster.host}\ndbname=spoolgate\nuser=spoolgate\npassword=secret\n")
        file.chmod(0o440)
        by_service = {"SPOOLGATE_DATABASE": "service=spoolgate", "PGSERVICEFILE": str(file)}
        self.site.run("migrate", env=by_service, code=FINE)
        self.site.run("migrate", env={**by_service, "SPOOLGATE_DATABASE": "service=another"}, code=UNAVAILABLE)

    def test_a_spool_that_moves_loses_nothing(self):
        with self.site.daemon() as daemon:
            self.put(1, 2)
            self.site.wait_settled(1)
            with self.site.connect() as other, other.transaction():
                other.execute("LOCK TABLE ingestion_segment")
                self.put(3, 4)
                wait_until(lambda: self.site.in_folder("processing"), "a batch is claimed, and waits for the ledger")
                daemon.kill()
        self.put(5)
        old = self.site.spool.with_name("spool.old")
        self.site.spool.rename(old)
        self.site.spool = self.site.folder / "elsewhere"
        subprocess.run(["cp", "-a", old, self.site.spool], check=True)
        self.site.environment["SPOOLGATE_SPOOL"] = str(self.site.spool)
        self.site.run("drain", "--force", code=FINE)
        self.site.run("doctor", code=FINE)
        self.assertEqual(self.values(), [1.0, 2.0, 3.0, 4.0, 5.0])
        self.assertEqual(self.site.value("SELECT count(DISTINCT spool_id) FROM ingestion_manifest"), 1)


if __name__ == "__main__":
    main()
