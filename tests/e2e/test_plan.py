#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`spoolgate plan` and `spoolgate apply`: what they print and how they exit. What they find is tested in
tests/integration/plan_test.c."""
import unittest

import psycopg

from support import FINE, TRY_AGAIN, UNAVAILABLE, Cluster, Site, SiteCase, main
from test_database_down import NOBODY, LockedTable

DIFFERENCES = 2


class TestPlan(SiteCase):
    def columns(self, table):
        return [name for (name,) in self.site.query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum", table)]

    def test_from_nothing_to_nothing_to_do(self):
        planned = self.site.run("plan", code=DIFFERENCES).text
        for part in ("-- stream metrics\n", "-- stream events\n", "-- table metrics isn't there\n",
                     'CREATE TABLE IF NOT EXISTS "metrics" (\n'):
            self.assertIn(part, planned)
        self.assertEqual(self.site.value("SELECT to_regclass('metrics')"), None)
        self.assertEqual(self.site.run("apply", "--dry-run", code=FINE).text, planned)
        self.assertEqual(self.site.value("SELECT to_regclass('metrics')"), None)
        self.assertEqual(self.site.run("apply", code=FINE).text, planned)
        for command in ("plan", "apply"):
            self.assertEqual(self.site.run(command, code=FINE).text, "The tables are as declared.\n")
        self.site.run("migrate", code=FINE)
        self.site.run("plan", code=FINE)

    def test_what_plan_prints_can_be_run(self):
        with psycopg.connect(self.site.url, autocommit=True) as connection:
            connection.execute(self.site.run("plan", code=DIFFERENCES).out.decode())
        self.site.run("plan", code=FINE)

    def test_json(self):
        self.site.run("apply", code=FINE)
        self.assertEqual(self.site.run("plan", "--json", code=FINE).json(), {"steps": []})
        self.site.query("ALTER TABLE metrics ADD COLUMN more int")
        self.site.query("DROP TABLE events")
        self.site.query("CREATE VIEW events AS SELECT 1 AS ts")
        view, dropped = self.site.run("plan", "--json", code=DIFFERENCES).json()["steps"]
        self.assertEqual(dropped, {
            "stream": "metrics", "table": "metrics", "kind": "drop_column", "allow": "drop",
            "text": "column more of table metrics isn't in the manifest: its values would be lost",
            "sql": 'ALTER TABLE "metrics" DROP COLUMN "more";\n'})
        self.assertEqual((view["kind"], view["allow"], view["sql"]), ("misfit", "never", None))

    def test_what_is_refused_is_a_remark(self):
        self.site.run("apply", code=FINE)
        self.site.query("ALTER TABLE metrics ADD COLUMN more int, DROP COLUMN value")
        self.site.query("ALTER TABLE events ALTER id TYPE varchar(20)")
        for command in (["plan"], ["apply"], ["apply", "--allow", "type", "--dry-run"]):
            told = self.site.run(*command, code=DIFFERENCES).text
            events, metrics = told.partition("-- stream metrics")[::2]
            self.assertIn("-- needs --allow drop: column more", metrics)
            self.assertIn('-- ALTER TABLE "metrics" ADD COLUMN "value"', metrics)
            self.assertNotIn("\nALTER TABLE", metrics)
            self.assertEqual("type" not in command, "-- needs --allow type: column id" in events, told)
            self.assertEqual("type" in command, '\nALTER TABLE "events"' in events, told)
        self.assertIn("more", self.columns("metrics"))
        self.assertNotIn("value", self.columns("metrics"))
        self.site.run("apply", "--allow", "drop", code=DIFFERENCES)
        self.assertNotIn("more", self.columns("metrics"))
        self.site.run("apply", "--allow", "drop,type", code=FINE)
        self.site.run("plan", code=FINE)

    def test_a_name_cannot_leave_its_remark(self):
        self.site.run("apply", code=FINE)
        self.site.query('ALTER TABLE metrics ADD COLUMN "a\nDROP TABLE metrics; --" int')
        told = self.site.run("plan", code=DIFFERENCES).out.decode()
        with psycopg.connect(self.site.url, autocommit=True) as connection:
            connection.execute(told)
        self.assertIn("ts", self.columns("metrics"))
        self.site.run("apply", "--allow", "drop", code=FINE)
        self.site.run("plan", code=FINE)

    def test_a_locked_table(self):
        self.site.run("apply", code=FINE)
        self.site.query("ALTER TABLE metrics DROP COLUMN value")
        with LockedTable(self.site):
            told = self.site.run("apply", code=TRY_AGAIN)
        self.assertIn("in use by other transactions", told.err.decode())
        self.assertEqual(told.out, b"")
        self.site.run("apply", code=FINE)

    def test_no_database(self):
        for command in ("plan", "apply"):
            self.site.run(command, env={"SPOOLGATE_DATABASE": NOBODY}, code=UNAVAILABLE)


class TestRoles(unittest.TestCase):
    """Making roles takes a superuser, and so a server of one's own."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.cluster.superuser("CREATE ROLE guest; GRANT guest TO spoolgate")

    def test_a_role_without_rights(self):
        site = Site(url=self.cluster.url)
        self.addCleanup(site.close)
        guest = {"SPOOLGATE_DATABASE": f"{site.url}&options=-c%20role%3Dguest"}
        told = site.run("apply", env=guest, code=UNAVAILABLE).err.decode()
        self.assertIn("stream events, create_schema: database: permission denied", told)
        site.run("apply", code=FINE)
        for command in ("plan", "apply"):
            told = site.run(command, env=guest, code=DIFFERENCES).text
            self.assertIn("table metrics belongs to role spoolgate, and this is role guest", told)


if __name__ == "__main__":
    main()
