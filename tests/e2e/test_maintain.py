#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`spoolgate maintain`, and the same work of the daemon and of drain."""
from support import CANT_CREATE, CONFIG, FINE, TRY_AGAIN, UNAVAILABLE, SiteCase, main, metric, pack, wait_until
from test_database_down import NOBODY

NOTHING = {"partitions_made": 0, "partitions_dropped": 0, "partitions_detached": 0, "partitions_left": 0,
           "tables_skipped": 0, "ranges_summarised": 0, "batches_pruned": 0, "bytes_pruned": 0,
           "receipts_pruned": 0, "rejects_pruned": 0, "events_pruned": 0, "deliveries_given_up": 0, "error": None}


class TestMaintain(SiteCase):
    def maintain(self, code=FINE, **options):
        return self.site.run("maintain", "--json", code=code, **options).json()

    def leaf(self):
        return self.site.value("SELECT inhrelid::regclass::text FROM pg_inherits"
                               " WHERE inhparent = 'metrics'::regclass")

    def half_let_go(self):
        """The partition with the only row, as a pass leaves it that was killed before its last step."""
        leaf = self.leaf()
        oid, day = self.site.query("SELECT 'metrics'::regclass::oid::text,"
                                   " to_char(ts, 'YYYY-MM-DD\"T00:00:00Z\"') FROM metrics")[0]
        self.site.query(f"COMMENT ON TABLE {leaf} IS 'spoolgate: partition of table {oid} from {day},"
                        " past keep: will be dropped; rename the table to keep it'")
        self.site.query(f"ALTER TABLE metrics DETACH PARTITION {leaf} CONCURRENTLY")
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [])

    def test_beside_a_daemon(self):
        self.site.load({"1.msgpack": pack(metric(value=1), metric(value="x"))})
        self.site.configure("keep: {archive: 1ms, rejects: 1ms, receipts: 1ms}\n")
        with self.site.daemon():
            wait_until(lambda: not self.site.tree("archive"), "the daemon's first pass")
            self.site.put("2.msgpack", pack(metric(value=2), metric(value="y")))
            self.site.wait_settled(2)
            done = self.maintain()
            self.assertEqual((done["batches_pruned"], done["rejects_pruned"]), (1, 1))
            self.assertGreater(done["bytes_pruned"], 0)
        self.assertEqual(self.site.tree("archive"), [])
        self.assertEqual(len(self.site.receipts()), 2, "failed/ has their rejects, which may be retried")
        self.assertEqual(self.maintain(), NOTHING)

    def test_text(self):
        self.site.run("migrate", code=FINE)
        self.site.run("drain", code=FINE)
        self.assertEqual(self.site.run("maintain", code=FINE).out.decode(),
                         "partitions: 0 made, 0 dropped, 0 detached\n"
                         "pruned: 0 batches (0 B), 0 receipts, 0 rejects, 0 events\n"
                         "summarised: 0 ranges\n")

    def test_events(self):
        self.site.load({"1.msgpack": pack(metric(value=1))})
        self.assertEqual(self.maintain(), NOTHING)
        self.site.query("INSERT INTO event_delivery (event_id, sink, batch_id, seq)"
                        " SELECT event_id, 'ops', batch_id, seq FROM event_outbox WHERE seq = 2")
        self.site.configure("keep: {events: 1ms}\n")
        self.assertEqual(self.maintain(), {**NOTHING, "events_pruned": 1, "deliveries_given_up": 1})
        self.assertEqual(self.site.query("SELECT sink, retried_at FROM event_dlq"), [("ops", None)])
        self.site.query("UPDATE event_delivery SET state = 'waiting'")
        told = self.site.run("maintain", code=FINE).text
        self.assertIn("0 rejects, 0 events\ngiven up: 1 delivery; see `spoolgate dlq list`\n", told)
        self.assertIn("deliveries given up", told)

    def test_what_is_locked_stays_for_the_next_time(self):
        self.site.load({"1.msgpack": pack(metric(value=1))})
        with self.site.connect() as other:
            other.execute("SELECT pg_advisory_lock(hashtextextended("
                          "'spoolgate upkeep ' || 'metrics'::regclass::oid, 0))")
            done = self.maintain(code=TRY_AGAIN)
            self.assertEqual((done["tables_skipped"], done["error"]),
                             (1, "another process is at the partitions of 1 table"))
        with self.site.connect() as other, other.transaction():
            other.execute(f"LOCK TABLE {self.leaf()} IN SHARE UPDATE EXCLUSIVE MODE")  # as VACUUM does
            self.assertIn("55P03", self.maintain(code=TRY_AGAIN)["error"])
        self.assertIsNone(self.maintain()["error"])

    def test_what_was_half_let_go_is_taken_back(self):
        """The shipped streams are kept for ever. By the daemon, by drain, and by the command."""
        self.site.load({"1.msgpack": pack(metric(value=1))})
        self.half_let_go()
        self.maintain()
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])
        self.half_let_go()
        self.site.run("drain", code=FINE)
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])
        self.half_let_go()
        with self.site.daemon():
            wait_until(lambda: self.site.query("SELECT value FROM metrics"), "the daemon's first pass")

    def test_a_failure_is_logged_and_no_failure_of_drain_or_the_daemon(self):
        self.site.load({"1.msgpack": pack(metric(value=1))})
        self.half_let_go()
        with self.site.connect() as other, other.transaction():
            other.execute("LOCK TABLE metrics IN SHARE UPDATE EXCLUSIVE MODE")
            self.assertIn("partitions wait for the next maintenance", self.site.run("drain", code=FINE).text)
            with self.site.daemon() as daemon:
                wait_until(lambda: daemon.logged("partitions wait", "55P03"), "the daemon's first pass")
        with self.site.daemon():
            self.site.put("2.msgpack", pack(metric(value=2)))
            self.site.wait_settled(2)
        self.assertEqual(self.site.value("SELECT count(*) FROM metrics"), 2)

    def test_exit_codes(self):
        self.maintain(code=CANT_CREATE)  # no spool
        self.site.run("drain", code=CONFIG)  # makes one, and wants the database migrated
        done = self.maintain(code=UNAVAILABLE, env={"SPOOLGATE_DATABASE": NOBODY})
        self.assertEqual({**done, "error": None}, NOTHING)
        self.assertIn("/nonexistent", done["error"])
        self.assertIn("spoolgate migrate", self.maintain(code=CONFIG)["error"])


if __name__ == "__main__":
    main()
