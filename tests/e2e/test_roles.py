#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""db/roles.sql: a daemon that may do its work and nothing else, and readers that may only read."""
import datetime
import subprocess
import unittest

import msgpack
import psycopg

from support import FINE, NOW, ROOT, Cluster, Site, event, main, metric, pack, without

DENIED = psycopg.errors.InsufficientPrivilege
LATER = NOW - datetime.timedelta(days=3)  # another partition's

# What a reader must not see: what events say, what listeners answered, how listeners are reached.
HIDDEN = [("event_outbox", "payload"), ("event_delivery", "body"), ("event_attempt", "answer"), ("event_dlq", "payload"),
          ("manifest_set", "files"), ("manifest_set", "source")]


class RolesCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        self.cluster.start()
        with psycopg.connect(self.cluster.url, user="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE least")

    def url(self, role, database="least"):
        return psycopg.conninfo.make_conninfo(host=self.cluster.host, dbname=database, user=role)

    def roles(self, database="least", by="postgres", **variables):
        """Runs the script, as the superuser unless said otherwise."""
        given = [f"--set={name}={value}" for name, value in variables.items()]
        return subprocess.run(["psql", "-Xq", *given, "-f", ROOT / "db" / "roles.sql", self.url(by, database)],
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def made(self, **variables):
        done = self.roles(**variables)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        return done.stderr

    def ask(self, role, sql):
        with psycopg.connect(self.url(role), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def site(self, role="spoolgate", schema="spoolgate"):
        site = Site(url=self.url(role), schema=schema)
        self.addCleanup(site.close)
        return site


class TestRoles(RolesCase):
    def test_the_daemon_works_and_readers_read(self):
        self.assertIn("Now run `spoolgate migrate`", self.made(kb_reader="gateway"))
        site = self.site()
        site.run("migrate", code=FINE)
        self.assertEqual(self.made(kb_reader="gateway"), "")
        self.assertEqual(self.made(kb_reader="gateway"), "", "once more changes nothing")
        with site.daemon():
            site.put("1.msgpack", pack(metric(value=1), event(payload={"a": 1}), without(metric(value=3), "name")))
            site.put("2.msgpack", pack({"kind": "document", "uri": "test:1", "text": "lemons are yellow"}))
            site.wait_settled(1, segments=2)
        site.put("3.msgpack", pack(metric(value=2, ts=msgpack.Timestamp.from_datetime(LATER))))
        for command in (["drain", "--force"], ["maintain"], ["plan"], ["status"], ["receipt", "list"], ["doctor"]):
            with self.subTest(command=command):
                site.run(*command, code=FINE)

        self.assertEqual(self.ask("spoolgate_reader", "SELECT value FROM spoolgate.metrics ORDER BY 1"), [(1.0,), (2.0,)])
        leaf = f"spoolgate.metrics_{LATER:%Y_%m_%d}"
        self.assertEqual(self.ask("spoolgate_reader", f"SELECT value FROM {leaf}"), [(2.0,)])
        self.assertEqual(self.ask("spoolgate_reader", "SELECT count(*) FROM spoolgate.ingestion_reject"), [(1,)])
        for view in ("ingestion_recent", "ingestion_stuck", "gate_health", "sink_health"):
            with self.subTest(view=view):
                self.ask("spoolgate_reader", f"SELECT * FROM spoolgate.{view}")
        for role in ("spoolgate_reader", "gateway"):
            (text,), = self.ask(role, "SELECT text FROM spoolgate.kb_search('lemons')")
            self.assertEqual(text, "lemons are yellow")

    def test_readers_do_nothing_else(self):
        self.made(kb_reader="gateway")
        site = self.site()
        site.run("migrate", code=FINE)
        self.made(kb_reader="gateway")
        site.load({"1.msgpack": pack(metric(value=1))})
        for table, column in HIDDEN:
            with self.subTest(table=table, column=column), self.assertRaises(DENIED):
                self.ask("spoolgate_reader", f"SELECT {column} FROM spoolgate.{table}")
        self.assertNotEqual(self.ask("spoolgate_reader", "SELECT event_id, event_type FROM spoolgate.event_outbox"), [])
        writes = ["INSERT INTO spoolgate.metrics (ts, source, name) VALUES (now(), 'a', 'b')", "DELETE FROM spoolgate.metrics",
                  "UPDATE spoolgate.ingestion_manifest SET error = ''", "TRUNCATE spoolgate.ingestion_segment",
                  "CREATE TABLE spoolgate.mine ()", "CREATE TABLE public.mine ()", "CREATE TABLE pmoves_kb.mine ()",
                  "DELETE FROM pmoves_kb.chunks", "CREATE SCHEMA mine", "SET ROLE spoolgate"]
        for role in ("spoolgate_reader", "gateway"):
            for sql in writes:
                with self.subTest(role=role, sql=sql), self.assertRaises(DENIED):
                    self.ask(role, sql)
        for table in ("spoolgate.ingestion_manifest", "spoolgate.metrics", "spoolgate.event_outbox", "pmoves_kb.chunks_next"):
            with self.subTest(table=table), self.assertRaises(DENIED):
                self.ask("gateway", f"SELECT * FROM {table}")

    def test_the_daemon_has_no_more_than_it_needs(self):
        self.made()
        self.assertEqual(self.ask("postgres", "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication,"
                                              " has_database_privilege(oid, current_database(), 'CREATE')"
                                              " FROM pg_roles WHERE rolname = 'spoolgate'"), [(False,) * 6])
        for sql in ("CREATE SCHEMA mine", "CREATE TABLE public.mine ()", "CREATE ROLE mine", "CREATE DATABASE mine"):
            with self.subTest(sql=sql), self.assertRaises(DENIED):
                self.ask("spoolgate", sql)

    def test_in_the_schema_public(self):
        self.made(schema="public")
        site = self.site(schema="public")
        site.run("migrate", code=FINE)
        self.made(schema="public")
        site.load({"1.msgpack": pack(metric(value=1))})
        self.assertEqual(self.ask("spoolgate_reader", "SELECT value FROM metrics"), [(1.0,)])
        with self.assertRaises(DENIED):
            self.ask("spoolgate_reader", "CREATE TABLE public.mine ()")
        self.ask("postgres", "DROP SCHEMA public CASCADE")  # whose owner the site's role isn't

    def test_by_an_owner_who_may_make_roles(self):
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE dba LOGIN CREATEROLE; ALTER DATABASE least OWNER TO dba")
        # Since Postgres 16 an owner has a say in the roles that he made, and the cluster comes with a spoolgate.
        self.made(by="dba", daemon="ingest")
        site = self.site("ingest")
        site.run("migrate", code=FINE)
        self.made(by="dba", daemon="ingest")
        site.load({"1.msgpack": pack(metric(value=1))})
        self.assertEqual(self.ask("spoolgate_reader", "SELECT value FROM spoolgate.metrics"), [(1.0,)])

    def test_names_of_any_spelling(self):
        names = {"daemon": 'a "daemon"', "reader": "Der Leser's", "schema": 'Spool "1"'}
        self.made(**names)
        site = self.site(names["daemon"], names["schema"])
        site.run("migrate", code=FINE)
        self.made(**names)
        site.load({"1.msgpack": pack(metric(value=1))})
        self.assertEqual(self.ask(names["reader"], 'SELECT value FROM "Spool ""1""".metrics'), [(1.0,)])

    def test_nonsense_is_refused_and_changes_nothing(self):
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE mighty SUPERUSER; CREATE ROLE bypasses BYPASSRLS; CREATE SCHEMA theirs")
            connection.execute("CREATE ROLE writer; CREATE ROLE member; GRANT writer TO member")
        cases = [
            ({"daemon": ""}, "must have names"),
            ({"reader": "spoolgate"}, "must be different"),
            ({"kb_reader": "spoolgate_reader"}, "must be different"),
            ({"schema": "pg_catalog"}, "not for this"),
            ({"schema": "pmoves_kb"}, "not for this"),
            ({"schema": "theirs"}, "belongs to postgres"),
            ({"daemon": "mighty"}, "may do more than it should"),
            ({"reader": "bypasses"}, "may do more than it should"),
            ({"daemon": "writer", "reader": "member"}, "is a member of writer"),
            ({"database": "postgres"}, "which is the server's"),
        ]
        for variables, want in cases:
            with self.subTest(variables):
                done = self.roles(**variables)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(want, done.stderr)
        self.assertEqual(self.ask("postgres", "SELECT rolname FROM pg_roles WHERE rolname ~ '_reader$'"), [])


if __name__ == "__main__":
    main()
