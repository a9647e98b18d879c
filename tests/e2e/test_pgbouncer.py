#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Behind a connection pooler: all works where it keeps sessions, and is refused where it doesn't."""
import contextlib
import unittest

import psycopg

from pgbouncer import PROGRAM, Pgbouncer
from support import (CONFIG, FINE, UNAVAILABLE, ClusterCase, Site, event, main, metric, pack, wait_until)


@unittest.skipIf(PROGRAM is None, "pgbouncer isn't installed")
class TestPgbouncer(ClusterCase):
    def behind(self, mode, **settings):
        """A pooler and a site that knows the database only by it; the test looks past it."""
        bouncer = self.enterContext(Pgbouncer(self.cluster, mode, **settings))
        site = Site(url=self.cluster.url)
        self.addCleanup(site.close)
        site.environment["SPOOLGATE_DATABASE"] = bouncer.url
        return bouncer, site

    def test_session_mode_works_for_all(self):
        bouncer, site = self.behind("session")
        site.run("migrate", code=FINE)
        with site.daemon():
            site.put("1.msgpack", pack(metric(value=1), event(payload={"a": 1})))
            site.put("2.msgpack", pack({"kind": "document", "uri": "test:1", "text": "lemons are yellow"}))
            site.wait_settled(1, segments=2)
            wait_until(lambda: site.value("SELECT count(*) FROM pmoves_kb.documents WHERE status = 'complete'"),
                       "the document has its vectors")
        self.assertEqual(site.query("SELECT value FROM metrics"), [(1.0,)])
        self.assertIn("lemons", site.query("SELECT text FROM kb_search('lemons')")[0][0])
        site.put("3.msgpack", pack(metric(value=2)))
        site.run("drain", "--force", code=FINE)
        for command in (["status"], ["receipt", "list"], ["plan"], ["maintain"], ["doctor"], ["sink", "list"],
                        ["search", "lemons"]):
            with self.subTest(command=command):
                site.run(*command, code=FINE)
        self.assertEqual(site.query("SELECT value FROM metrics ORDER BY 1"), [(1.0,), (2.0,)])

    def test_others_get_nothing_of_our_session(self):
        """What we set is gone when the pooler hands our server process on."""
        bouncer, site = self.behind("session")
        site.run("migrate", code=FINE)
        other = Site(url=self.cluster.url)
        self.addCleanup(other.close)
        other.environment["SPOOLGATE_DATABASE"] = bouncer.url
        other.run("migrate", code=FINE)
        for number, one in enumerate((site, other, site, other)):
            one.put(f"{number}.msgpack", pack(metric(value=number)))
            one.run("drain", "--force", code=FINE)
        self.assertEqual([one.query("SELECT value FROM metrics ORDER BY 1") for one in (site, other)],
                         [[(0.0,), (2.0,)], [(1.0,), (3.0,)]])

    def test_other_modes_are_refused(self):
        cases = [("transaction", {}), ("statement", {}), ("transaction", {"server_round_robin": 1}),
                 ("transaction", {"default_pool_size": 1})]
        for mode, settings in cases:
            with self.subTest(mode=mode, **settings):
                _, site = self.behind(mode, **settings)
                for command in (["migrate"], ["drain"], ["run", "--migrate"], ["embed"], ["doctor"]):
                    ended = site.run(*command)
                    self.assertEqual(ended.code, CONFIG, ended)
                    self.assertIn("doesn't keep sessions", ended.text)
                    self.assertIn("pool_mode = session", ended.text)

    def test_other_modes_are_refused_where_process_ids_tell_nothing(self):
        """Three server processes that take turns: the connection is given its first one again, and the second
        connection another one, just when they are compared. What is left is the notification that nobody hears."""
        bouncer, site = self.behind("transaction", server_round_robin=1)
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(psycopg.connect(bouncer.url)).execute("SELECT 1")
        ended = site.run("migrate")
        self.assertEqual(ended.code, CONFIG, ended)
        self.assertIn("doesn't keep sessions", ended.text)

    def test_a_pool_without_room_is_told(self):
        _, site = self.behind("session", default_pool_size=1)
        ended = site.run("migrate")
        self.assertEqual(ended.code, UNAVAILABLE, ended)
        self.assertIn("its pool must be larger", ended.text)

    def test_a_pool_too_small_for_a_drain_is_told(self):
        """With the pooler's query_wait_timeout each connection that there is none for fails, and says why."""
        _, site = self.behind("session", default_pool_size=2, query_wait_timeout=2)
        site.run("migrate", code=FINE)
        site.put("1.msgpack", pack(metric(value=1)))
        ended = site.run("drain", "--force", "--loaders", "2")
        self.assertEqual(ended.code, UNAVAILABLE, ended)
        self.assertIn("its pool must be larger", ended.text)

    def test_the_daemon_goes_on_when_the_pooler_was_away(self):
        bouncer, site = self.behind("session")
        site.run("migrate", code=FINE)
        with site.daemon() as daemon:
            site.put("1.msgpack", pack(metric(value=1)))
            site.wait_settled(1)
            bouncer.stop()
            site.put("2.msgpack", pack(metric(value=2)))
            wait_until(lambda: daemon.logged("database"), "the daemon has noticed")
            bouncer.start()
            site.wait_settled(2)
        self.assertEqual(site.query("SELECT value FROM metrics ORDER BY 1"), [(1.0,), (2.0,)])

    def test_a_pooler_that_changes_its_mode_holds_and_loses_nothing(self):
        bouncer, site = self.behind("session")
        site.run("migrate", code=FINE)
        with site.daemon() as daemon:
            site.put("1.msgpack", pack(metric(value=1)))
            site.wait_settled(1)
            bouncer.stop()
            bouncer.mode = "transaction"
            bouncer.start()
            site.put("2.msgpack", pack(metric(value=2)))
            wait_until(lambda: daemon.logged("doesn't keep sessions"), "the daemon says why it waits")
            self.assertEqual(site.query("SELECT value FROM metrics"), [(1.0,)])
            bouncer.stop()
            bouncer.mode = "session"
            bouncer.start()
            site.wait_settled(2)
        self.assertEqual(site.query("SELECT value FROM metrics ORDER BY 1"), [(1.0,), (2.0,)])


if __name__ == "__main__":
    main()
