#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A role that may only read sees how the sinks are."""
import unittest

import psycopg

from support import FINE, Cluster, Site, main, metric, pack

VIEWS = ("ingestion_recent", "gate_health", "sink_health")


class TestReaders(unittest.TestCase):
    """Making roles takes a superuser, and so a server of one's own."""

    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        self.cluster.start()
        self.cluster.superuser("CREATE ROLE reader LOGIN; CREATE ROLE stranger LOGIN")
        self.site = Site(url=self.cluster.url)
        self.addCleanup(self.site.close)

    def rows(self, role, view):
        with psycopg.connect(self.cluster.url, user=role) as connection:
            return connection.execute(f"SELECT * FROM {self.site.schema}.{view}").fetchall()

    def test_views_are_readable_with_select_and_not_without(self):
        self.site.run("migrate", code=FINE)
        self.site.load({"1.msgpack": pack(metric(value=1))})
        self.site.query("INSERT INTO event_sink (sink, failures, error) VALUES ('ops', 1, 'why')")
        self.site.query("INSERT INTO event_delivery (event_id, sink, batch_id, seq)"
                        " SELECT event_id, 'ops', batch_id, seq FROM event_outbox")
        self.site.query(f"GRANT USAGE ON SCHEMA {self.site.schema} TO reader, stranger")
        self.site.query(f"GRANT SELECT ON ALL TABLES IN SCHEMA {self.site.schema} TO reader")
        self.site.query(f"GRANT SELECT ON {', '.join(VIEWS)} TO stranger")
        for view in VIEWS:
            with self.subTest(view=view):
                self.assertEqual(len(self.rows("reader", view)), 1)
                with self.assertRaises(psycopg.errors.InsufficientPrivilege):
                    self.rows("stranger", view)  # a view shows nothing that its tables don't
        sink, state, waiting, *_ = self.rows("reader", "sink_health")[0]
        self.assertEqual((sink, state, waiting), ("ops", "failing", 2))
        with self.assertRaises(psycopg.errors.InsufficientPrivilege), \
                psycopg.connect(self.cluster.url, user="reader") as connection:
            connection.execute(f"DELETE FROM {self.site.schema}.event_delivery")


if __name__ == "__main__":
    main()
