# SPDX-License-Identifier: MIT
"""What is refused, and the ways back: careful mode, max_rejects, dedupe rules, retry, fail, retention."""

import os

from support import EXACTLY, SiteCase, conservation, event, main, metric, pack, wait_until

FINE = 0


class RejectCase(SiteCase):
    def load_with(self, rules, segments):
        """One batch of exactly these segments at a gate with these rules (a YAML flow mapping's inside)."""
        before = len(self.site.receipts())
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(len(segments))}, {rules}}}}}")
        with self.site.daemon():
            for name, data in segments.items():
                self.site.put(name, data)
            return self.site.wait_settled(before + 1)[-1]

    def loaded_names(self):
        return [n for (n,) in self.site.query("SELECT name FROM metrics ORDER BY name")]

    def rejects(self):
        return self.site.query("SELECT segment, frame_index, sqlstate, reason FROM ingestion_reject"
                               " ORDER BY segment, frame_index")

    def retry(self, receipt, *options):
        """Puts it back, and loads it as a batch of its own."""
        before = len(self.site.receipts())
        self.site.run("retry", str(receipt["batch_id"]), *options, code=FINE)
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}}}")
        with self.site.daemon():
            return self.site.wait_settled(before + 1)[-1]


class TestCareful(RejectCase):
    def test_constraints_of_several_kinds_cost_their_own_rows(self):
        self.site.run("migrate", code=FINE)
        self.site.query("CREATE TABLE known (source text PRIMARY KEY); INSERT INTO known VALUES ('test')")
        self.site.query("ALTER TABLE metrics ADD CHECK (value <> 13),"
                        " ADD FOREIGN KEY (source) REFERENCES known DEFERRABLE INITIALLY DEFERRED")
        self.site.query("CREATE UNIQUE INDEX ON metrics (ts, name)")
        frames = [metric(name=f"n{i:04}", value=i % 100) for i in range(2500)]
        frames[700] = metric(name="n0001", value=1)                      # unique
        frames[1999] = metric(name="x", value=1, source="unknown")      # foreign key, deferred
        frames[2100] = metric(name="y", value="not a number")           # ours, before the server's
        receipt = self.load_with("max_rejects: 100", {"a.msgpack": pack(*frames)})
        want = sorted({i for i in range(2500) if i % 100 == 13} | {700, 1999, 2100})
        got = self.rejects()
        self.assertEqual([r[1] for r in got], want)
        states = {r[1]: r[2] for r in got}
        self.assertEqual((states[13], states[700], states[1999], states[2100]),
                         ("23514", "23505", "23503", None))
        self.assertEqual((receipt["rows_loaded"], receipt["frames_rejected"]),
                         (2500 - len(want), len(want)))
        self.assertTrue(conservation(receipt))
        self.assertEqual(self.site.value("SELECT count(*) FROM metrics"), 2500 - len(want))
        kept = (self.site.failed_of(receipt) / "rejects.msgpack").read_bytes()
        self.assertEqual(sorted(kept), sorted(pack(*(frames[i] for i in want))))

    def test_a_trigger_that_raises(self):
        self.site.run("migrate", code=FINE)
        self.site.query("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
                        " $$ BEGIN IF NEW.type = 'bad' THEN RAISE EXCEPTION 'häßlich'; END IF; RETURN NEW; END $$")
        self.site.query("CREATE TRIGGER no AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION no()")
        frames = [event(type="bad" if i in (0, 57, 99) else "good") for i in range(100)]
        receipt = self.load_with("max_rejects: 3", {"a.msgpack": pack(*frames)})
        self.assertEqual([r[1:3] for r in self.rejects()], [(0, "P0001"), (57, "P0001"), (99, "P0001")])
        self.assertEqual(receipt["rows_loaded"], 97)

    def test_too_many_refused_rows_fail_the_batch_whole(self):
        self.site.run("migrate", code=FINE)
        self.site.query("ALTER TABLE metrics ADD CHECK (value < 10)")
        data = pack(*(metric(name=str(i), value=i) for i in range(20)))
        receipt = self.load_with("max_rejects: 9", {"a.msgpack": data})
        self.assertEqual((receipt["status"], receipt["rows_loaded"], receipt["frames_skipped"]),
                         ("failed", 0, 20))
        self.assertEqual(self.site.value("SELECT count(*) FROM metrics"), 0)
        self.assertEqual(self.site.value("SELECT count(*) FROM ingestion_segment"), 0)
        self.assertEqual((self.site.failed_of(receipt) / "a.msgpack").read_bytes(), data)
        self.assertFalse((self.site.failed_of(receipt) / "rejects.msgpack").exists())
        # with the cause gone, all of it goes in
        self.site.query("ALTER TABLE metrics DROP CONSTRAINT metrics_value_check")
        again = self.retry(receipt)
        self.assertEqual((again["status"], again["rows_loaded"]), ("done", 20))
        self.assertFalse(self.site.failed_of(receipt).exists())

    def test_a_segment_of_which_every_row_is_refused_has_no_ledger_row(self):
        self.site.run("migrate", code=FINE)
        self.site.query("ALTER TABLE metrics ADD CHECK (value < 0)")
        segments = {"a.msgpack": pack(metric(value=1)), "b.msgpack": pack(metric(value=-1))}
        self.load_with("max_rejects: 10", segments)
        self.assertEqual(self.site.query("SELECT name FROM ingestion_segment"), [("b.msgpack",)])


class TestRowsThatWantOthers(RejectCase):
    """Of streams in one batch the first by name, line, wants rows of the second, order, and that of the third, person."""

    def setUp(self):
        super().setUp()
        folder = self.site.folder / "manifests" / "streams"
        folder.mkdir(parents=True)
        for stream in ("line", "order", "person"):
            (folder / f"{stream}.yaml").write_text(
                f"stream: {stream}\ntable: {stream}s\ncolumns: {{id: {{type: int8, required: true}}, n: int8}}\n")
        self.site.environment["SPOOLGATE_MANIFESTS"] = str(folder.parent)
        self.site.run("migrate", code=FINE)
        self.site.run("apply", code=FINE)
        self.site.query("ALTER TABLE orders ADD PRIMARY KEY (id), ADD CONSTRAINT thirteen CHECK (n <> 13)")

    def frames(self, ids):
        return [frame for i in ids for frame in ({"kind": "line", "id": i, "n": 1}, {"kind": "order", "id": i, "n": i})]

    def load_both(self, name, frames):
        data = pack(*frames)
        path = self.site.folder / name
        path.write_bytes(data)
        foreseen = self.site.run("inspect", "--against", self.site.url, "--json", str(path)).json()["against"]
        receipt = self.load_with("max_rejects: 10", {name: data})
        self.assertEqual(receipt["status"], "done", receipt["error"])
        got = self.site.query("SELECT frame_index, sqlstate FROM ingestion_reject WHERE batch_id = %s ORDER BY 1",
                              receipt["batch_id"])
        self.assertEqual(sorted((r["index"], r["sqlstate"]) for r in foreseen["refused"]), got)
        self.assertEqual(receipt["rows_loaded"], len(frames) - len(got))
        return got

    def test_a_row_that_comes_before_the_one_it_wants(self):
        orphan = {"kind": "line", "id": 999, "n": 1}
        for i, deferred in enumerate(("", "DEFERRABLE INITIALLY DEFERRED")):
            with self.subTest(deferred=bool(deferred)):
                self.site.query("ALTER TABLE lines DROP CONSTRAINT IF EXISTS wants,"
                                f" ADD CONSTRAINT wants FOREIGN KEY (id) REFERENCES orders {deferred}")
                first = 100 * i
                self.site.query("ALTER TABLE orders DROP CONSTRAINT thirteen,"
                                f" ADD CONSTRAINT thirteen CHECK (n <> {first + 13})")
                frames = self.frames(range(first, first + 20))
                self.assertEqual(self.load_both(f"{i}.msgpack", frames), [(26, "23503"), (27, "23514")])
                frames = self.frames(range(first + 20, first + 40))
                self.assertEqual(self.load_both(f"{i}-orphan.msgpack", [orphan, *frames]), [(0, "23503")])

    def test_a_row_with_a_key_that_wants_one_without(self):
        """Without the bad order all of them would go in: it costs its item alone."""
        (self.site.folder / "manifests" / "streams" / "item.yaml").write_text(
            "stream: item\ntable: items\nmode: upsert\nkey: [id]\ncolumns: {id: {type: int8, required: true}, n: int8}\n")
        self.site.run("apply", code=FINE)
        self.site.query("ALTER TABLE items ADD FOREIGN KEY (id) REFERENCES orders")
        some = [{"kind": "order", "id": i, "n": i} for i in range(1200)]
        more = [{"kind": "item", "id": i, "n": i} for i in range(100, 1200)]  # more than a block of each
        self.assertEqual(self.load_both("a.msgpack", [*some, *more]), [(13, "23514")])
        frames = [{"kind": kind, "id": i, "n": 13 if i == 2005 else 1} for kind in ("item", "order")
                  for i in range(2000, 2010)]
        self.assertEqual(self.load_both("b.msgpack", frames), [(5, "23503"), (15, "23514")])

    def test_a_chain_of_them_with_a_link_that_lacks(self):
        self.site.query("ALTER TABLE persons ADD PRIMARY KEY (id)")
        self.site.query("ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES persons")
        self.site.query("ALTER TABLE lines ADD FOREIGN KEY (id) REFERENCES orders")
        frames = self.frames(range(100, 1400))  # more than a block of each
        frames += [{"kind": "person", "id": i} for i in range(100, 1400) if i != 700]
        self.assertEqual(self.load_both("a.msgpack", frames), [(1200, "23503"), (1201, "23503")])

    def test_more_orphans_than_may_wait(self):
        self.site.query("ALTER TABLE lines ADD FOREIGN KEY (id) REFERENCES orders")
        frames = [{"kind": "line", "id": i + 5000, "n": 1} for i in range(1500)] + self.frames(range(10))
        receipt = self.load_with("max_rejects: 1500", {"a.msgpack": pack(*frames)})
        self.assertEqual((receipt["status"], receipt["rows_loaded"], receipt["frames_rejected"]), ("done", 20, 1500))

    def test_what_is_true_at_the_end_only(self):
        """A constraint that looks at more than its row is deferred; a row that another one refuses doesn't change that."""
        self.site.query("""CREATE FUNCTION has_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                             IF NOT EXISTS (SELECT FROM orders WHERE id = new.id) THEN RAISE EXCEPTION 'no order'; END IF;
                             RETURN NULL; END $$""")
        self.site.query("CREATE CONSTRAINT TRIGGER has_order AFTER INSERT ON lines DEFERRABLE INITIALLY DEFERRED"
                        " FOR EACH ROW EXECUTE FUNCTION has_order()")
        bad = {"kind": "order", "id": 5, "n": 13}
        self.assertEqual(self.load_both("a.msgpack", [*self.frames(range(10)), bad]), [(20, "23514")])


class TestRules(RejectCase):
    BAD = metric(value="x")

    def test_max_rejects(self):
        table = [("2", 2, 10, "done"), ("2", 3, 10, "failed"), ("0", 1, 500, "failed"),
                 ("1%", 90, 100, "done"), ("1%", 110, 10000, "failed"), ("2%", 110, 10000, "done"),
                 ("100%", 200, 200, "done")]
        for i, (limit, bad, all_, want) in enumerate(table):
            with self.subTest(limit=limit, bad=bad, of=all_):
                good = [metric(name=f"{i}-{k}") for k in range(all_ - bad)]
                receipt = self.load_with(f"max_rejects: {limit}", {f"{i}.msgpack": pack(*[self.BAD] * bad, *good)})
                self.assertEqual((receipt["status"], receipt["frames_total"]), (want, all_))
                self.assertEqual(receipt["rows_loaded"], all_ - bad if want == "done" else 0)

    def test_dedupe(self):
        one, two = pack(metric(name="1")), pack(metric(name="2"))
        table = [  # rule, first batch, second batch, rows of the second
            ("content", {"a.msgpack": one}, {"b.msgpack": one}, 0),
            ("name", {"a.msgpack": one}, {"a.msgpack": two}, 0),
            ("name", {"c.msgpack": one}, {"d.msgpack": one}, 1),
            ("off", {"e.msgpack": one}, {"e.msgpack": one}, 1),
        ]
        for rule, first, second, rows in table:
            with self.subTest(rule=rule, second=list(second)):
                earlier = self.load_with(f"dedupe: {rule}", first)
                receipt = self.load_with(f"dedupe: {rule}", second)
                self.assertEqual((receipt["rows_loaded"], receipt["frames_skipped"]), (rows, 1 - rows))
                if rows == 0:
                    self.assertEqual(receipt["files"][0]["duplicate_of"], str(earlier["batch_id"]))

    def test_nul(self):
        data = pack(metric(name="a\0b\0"), metric(name="c"))
        self.assertEqual(self.load_with("nul: reject", {"a.msgpack": data})["rows_loaded"], 1)
        self.assertEqual(self.load_with("nul: strip, dedupe: off", {"a.msgpack": data})["rows_loaded"], 2)
        self.assertEqual(self.loaded_names(), ["ab", "c", "c"])


class TestWaysBack(RejectCase):
    def test_rejects_are_offered_as_often_as_it_takes(self):
        self.site.run("migrate", code=FINE)
        self.site.query("ALTER TABLE metrics ADD CHECK (value <> 1), ADD CHECK (value <> 2)")
        data = pack(*(metric(name=str(i), value=i) for i in range(4)))
        first = self.load_with("max_rejects: 10", {"a.msgpack": data, "bad.msgpack": b"\xc1"})
        self.assertEqual((first["rows_loaded"], first["frames_rejected"]), (2, 2))
        shown = self.site.run("receipt", "show", str(first["batch_id"]), code=FINE).text
        self.assertRegex(shown, r"(?m)^  rejects     2\n    a\.msgpack frame 1 at byte \d+: new row .*SQLSTATE 23514\)$")
        self.site.query("ALTER TABLE metrics DROP CONSTRAINT metrics_value_check")
        second = self.retry(first, "--only-rejects")
        self.assertEqual((second["rows_loaded"], second["frames_rejected"]), (1, 1))
        # the damaged segment was left where it is
        self.assertEqual((self.site.failed_of(first) / "bad.msgpack").read_bytes(), b"\xc1")
        self.site.query("ALTER TABLE metrics DROP CONSTRAINT metrics_value_check1")
        third = self.retry(second)
        self.assertEqual((third["rows_loaded"], third["frames_rejected"]), (1, 0))
        self.assertEqual(self.loaded_names(), ["0", "1", "2", "3"])

    def test_retried_rejects_are_no_duplicates_of_equal_ones(self):
        self.site.run("migrate", code=FINE)
        for i in range(2):  # the same bytes are rejected, and retried, twice
            self.site.query("ALTER TABLE metrics ADD CONSTRAINT c CHECK (value <> 1) NOT VALID")
            data = pack(metric(name="same", value=1), metric(name=f"good {i}", value=0))
            receipt = self.load_with("max_rejects: 1", {f"{i}.msgpack": data})
            self.site.query("ALTER TABLE metrics DROP CONSTRAINT c")
            self.assertEqual(self.retry(receipt)["rows_loaded"], 1)
        self.assertEqual(self.loaded_names(), ["good 0", "good 1", "same", "same"])

    def test_after_a_restore_the_archive_is_offered_again(self):
        self.load_with("dedupe: content", {"a.msgpack": pack(metric(name="a"))})
        lost = self.load_with("dedupe: content", {"b.msgpack": pack(metric(name="b"))})
        self.site.query("DELETE FROM metrics WHERE batch_id = %s", lost["batch_id"])
        self.site.query("DELETE FROM ingestion_segment WHERE batch_id = %s", lost["batch_id"])
        self.site.query("DELETE FROM ingestion_manifest WHERE batch_id = %s", lost["batch_id"])
        for since, says in (("2999-01-01T00:00:00Z", "nothing in archive/ was claimed since then"),
                            ("2h", "2 segments of 2 batches are back in incoming/")):
            self.assertIn(says, self.site.run("retry", "--from-archive", "--since", since, code=FINE).text)
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(2)}}}}}")
        with self.site.daemon():
            receipt = self.site.wait_settled(2)[-1]
        self.assertEqual((receipt["rows_loaded"], receipt["frames_skipped"]), (1, 1))
        self.assertEqual(self.loaded_names(), ["a", "b"])

    def test_the_archive_offers_two_of_one_name(self):
        """Of what was skipped as a duplicate by its name, nothing comes in when it all is offered again."""
        first = self.load_with("dedupe: name", {"a.msgpack": pack(metric(name="first"))})
        second = self.load_with("dedupe: name", {"a.msgpack": pack(metric(name="second"))})
        self.assertEqual((first["rows_loaded"], second["frames_skipped"]), (1, 1))
        self.site.run("retry", "--from-archive", "--since", first["opened_at"].isoformat(), code=FINE)
        self.assertEqual(len(self.site.tree("incoming")), 2)
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual(self.loaded_names(), ["first"])
        self.assertEqual(sum(r["frames_skipped"] for r in self.site.receipts()), 3)

    def held_batch(self):
        """A batch that the database won't take, and the daemon that holds it."""
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}}}")
        daemon = self.site.daemon()
        self.site.put("fine.msgpack", pack(metric(name="fine")))
        self.site.wait_settled(1)  # the daemon found the tables as they should be
        self.site.query("ALTER TABLE metrics ADD COLUMN more text, DROP COLUMN labels")
        self.site.put("a.msgpack", pack(metric(name="a")))
        wait_until(lambda: (self.site.gate() or {}).get("stalled_reason"), "the gate is stalled")
        return daemon, os.listdir(self.site.spool / "processing")[0]

    def test_a_held_batch_can_be_parked(self):
        for with_daemon in (True, False):
            with self.subTest(with_daemon=with_daemon):
                self.setUp()
                daemon, batch = self.held_batch()
                if not with_daemon:
                    daemon.terminate()
                wait_until(lambda: self.site.run("fail", batch, "--why", "by the test").code == FINE,
                           "the batch is between two tries")
                receipt = self.site.wait_settled(2)[-1]
                self.assertEqual((receipt["status"], receipt["error"]), ("failed", "parked by hand: by the test"))
                wait_until((self.site.failed_of(receipt) / "a.msgpack").exists, "the segment is in failed/")
                if with_daemon:
                    daemon.terminate()
                self.site.query("ALTER TABLE metrics ADD COLUMN labels jsonb")
                self.assertEqual(self.retry(receipt)["rows_loaded"], 1)


class TestRetention(RejectCase):
    def test_what_is_old_goes_and_the_ledger_stays(self):
        receipt = self.load_with("max_rejects: 9", {"a.msgpack": pack(metric(), metric(value="x")), "b.msgpack": b"\xc1"})
        self.site.configure("keep: {archive: 1us, receipts: 1us}")
        self.site.run("drain", code=FINE)
        self.assertFalse(self.site.archive_of(receipt).exists())
        # what waits for a retry is found by its receipt
        self.assertEqual(len(self.site.receipts()), 1)
        self.site.configure("keep: {failed: 1us, rejects: 1us, receipts: 1us}")
        self.site.run("drain", code=FINE)
        self.assertFalse(self.site.failed_of(receipt).exists())
        self.assertEqual((self.site.receipts(), self.rejects()), ([], []))
        self.assertEqual(self.site.value("SELECT count(*) FROM ingestion_segment"), 1)

    def test_a_receipt_stays_for_as_long_as_its_batch_is_not_retired(self):
        receipt = self.load_with("dedupe: off", {"a.msgpack": pack(metric())})
        archived = self.site.archive_of(receipt)
        owed = self.site.spool / "processing" / str(receipt["batch_id"])
        archived.rename(owed)  # killed between the COMMIT and this
        self.site.configure(f"keep: {{receipts: 1us}}\ngates: {{default: {{{EXACTLY.format(1)}, dedupe: off}}}}")
        self.site.run("maintain", code=FINE)
        self.assertEqual(len(self.site.receipts()), 1)
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual((owed.exists(), archived.exists()), (False, True))
        self.assertEqual(self.site.value("SELECT count(*) FROM metrics"), 1)

    def test_the_oldest_go_until_the_rest_fits(self):
        batches = [self.load_with("dedupe: off", {"a.msgpack": pack(*[metric()] * 1000)}) for _ in range(3)]
        size = sum(f.stat().st_size for f in self.site.archive_of(batches[0]).iterdir())
        self.site.configure(f"keep: {{archive_bytes: {size * 2 + 100}}}")
        self.site.run("drain", code=FINE)
        self.assertEqual([self.site.archive_of(b).exists() for b in batches], [False, True, True])

    def test_nothing_is_claimed_where_there_is_no_room(self):
        self.site.configure(f"room: {{warn: 1, hold: 1}}\ngates: {{default: {{{EXACTLY.format(1)}}}}}")
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(metric()))
            wait_until(lambda: "room.hold" in ((self.site.gate() or {}).get("stalled_reason") or ""),
                       "the gate says why it stays shut")
            self.assertEqual(self.site.places("a.msgpack"), ["incoming/a.msgpack"])
        self.assertEqual(len(daemon.logged("no room")), 1)


if __name__ == "__main__":
    main()
