#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""doctor: each finding, made by hand; what --fix does about it; the exit codes that monitors see."""
import contextlib
import datetime
import fcntl
import json
import os
import shlex
import shutil
import time
import uuid

from support import (CONFIG, EXACTLY, NOW, ROOT, TRY_AGAIN, UNAVAILABLE, USAGE, SiteCase, event, main, metric,
                     own_database_url, pack, uuid_time, wait_until, zstd)

WRONG = 1  # doctor's own
GOOD = pack(*(metric(value=i) for i in range(3)))
DAY = datetime.timedelta(days=1)


def new_batch(age=datetime.timedelta(minutes=5)):
    """A version 7 id, as if claimed a while ago."""
    ms = int((NOW - age).timestamp() * 1000)
    return str(uuid.UUID(int=ms << 80 | 7 << 76 | 2 << 62 | int.from_bytes(os.urandom(7), "big")))


class DoctorCase(SiteCase):
    url = staticmethod(own_database_url)

    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=0)
        self.site.run("drain", code=0)  # makes the spool
        self.id = (self.site.spool / ".id").read_text().strip()

    def load(self, name="a.msgpack", data=GOOD):
        return self.site.load({name: data})

    def doctor(self, *args, code):
        """{code of finding: [findings]}; both kinds of output must agree on what there is."""
        ended = self.site.run("doctor", "--json", *args, code=code)
        report = ended.json()
        found = {}
        for finding in report["findings"]:
            self.assertEqual(sorted(finding), ["batch", "code", "file", "fix", "severity", "text"])
            found.setdefault(finding["code"], []).append(finding)
        self.assertEqual({k: min(20, n) for k, n in report["counts"].items()},
                         {k: len(v) for k, v in found.items()})
        if "--fix" not in args:
            text = self.site.run("doctor", *args, code=code).out.decode()
            for finding in report["findings"]:
                self.assertIn(finding["code"], text)
                self.assertIn(finding["text"], text)
                self.assertIn(finding["fix"] or "", text)
        self.report = report
        return found

    def only(self, code, *args, severity, exit_code=None):
        """The one finding that there is."""
        wanted = (0 if severity == "info" else WRONG) if exit_code is None else exit_code
        found = self.doctor(*args, code=wanted)
        self.assertEqual(list(found), [code], found)
        self.assertEqual(len(found[code]), 1, found)
        self.assertEqual(found[code][0]["severity"], severity)
        return found[code][0]

    def well(self, *args):
        self.assertEqual(self.doctor(*args, code=0), {})

    def claim(self, batch=None, files=("x.msgpack",), gate="default"):
        """What a claim leaves in processing/."""
        batch = batch or new_batch()
        folder = self.site.spool / "processing" / batch
        folder.mkdir()
        (folder / ".claim.json").write_text(json.dumps({"gate": gate, "reason": "r",
                                                        "opened_us": int(NOW.timestamp() * 1e6)}))
        for name in files:
            (folder / name).write_bytes(GOOD)
        return batch

    def receipt(self, batch=None, status="open", spool=None, files=1, age=datetime.timedelta(minutes=5),
                error=None):
        batch = batch or new_batch(age)
        self.site.query(
            "INSERT INTO ingestion_manifest (batch_id, batch_tag, spool_id, gate, status, reason,"
            " file_count, bytes_total, host, version, opened_at, error, finished_at)"
            " VALUES (%s, 'tag', %s, 'default', %s, 'r', %s, 1, 'h', 'v', now() - %s, %s,"
            " CASE WHEN %s IN ('done', 'failed') THEN now() - %s END)",
            batch, spool or self.id, status, files, age, error, status, age)
        if status in ("done", "failed"):
            self.site.query("INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, payload)"
                            " VALUES (%s, 'gate.done', 2, %s, %s, '{}')", str(uuid.uuid4()), spool or self.id, batch)
        return batch

    def unlist(self, receipt):
        """As if the database had never heard of the batch."""
        for table in ("ingestion_manifest", "ingestion_segment", "metrics"):
            self.site.query(f"DELETE FROM {table} WHERE batch_id = %s", receipt["batch_id"])

    @contextlib.contextmanager
    def locked(self):
        """The spool's lock, as a drain holds it."""
        with open(self.site.spool / ".lock", "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class TestWell(DoctorCase):
    def test_an_empty_spool(self):
        self.well()
        self.assertEqual(self.report["checked"], {
            "waiting": 0, "processing": 0, "failed": 0, "archived": 0, "receipts": 0,
            "database": True, "complete": True, "in_use": False})
        self.assertIn("Nothing is wrong.\n", self.site.run("doctor", code=0).out.decode())

    def test_good_duplicate_and_mixed_batches_with_and_without_a_daemon(self):
        self.load()
        self.load("again.msgpack", GOOD)  # a duplicate: no ledger row of its own
        self.load("two-tables.msgpack", pack(metric(value=7), event(id="1"), event(id="2")))
        self.load("packed.msgpack.zst", zstd(pack(event(id="z"))))
        self.well()
        self.assertEqual(self.report["checked"]["archived"], 4)
        self.assertEqual(self.report["checked"]["receipts"], 4)
        with self.site.daemon():
            self.well()
            self.assertTrue(self.report["checked"]["in_use"])

    def test_other_spools_in_the_same_database_are_not_ours(self):
        other = str(uuid.uuid4())
        self.receipt(spool=other)
        self.receipt(spool=other, status="done")
        self.well()

    def test_waiting_segments_are_counted(self):
        self.site.put("a.msgpack", GOOD)
        self.site.put("b.msgpack", GOOD, gate="fast")
        self.well()
        self.assertEqual(self.report["checked"]["waiting"], 2)


class TestProcessing(DoctorCase):
    def test_a_claim_without_a_receipt_goes_back(self):
        batch = self.claim(files=("x.msgpack", "y.msgpack"), gate="fast")
        finding = self.only("claim-without-receipt", severity="owed")
        self.assertEqual((finding["batch"], finding["text"]), (batch, "2 segments"))
        done = self.only("fixed", "--fix", severity="info")
        self.assertEqual((done["batch"], done["text"]), (batch, "its segments are back in incoming/"))
        self.assertEqual(self.site.in_folder("incoming", "fast"), ["x.msgpack", "y.msgpack"])
        self.well()

    def test_an_empty_folder_goes(self):
        batches = {self.claim(files=()), new_batch()}
        for batch in batches:
            (self.site.spool / "processing" / batch).mkdir(exist_ok=True)
        found = self.doctor(code=0)["claim-empty"]
        self.assertEqual({f["batch"] for f in found}, batches)
        found = self.doctor("--fix", code=0)
        self.assertEqual(list(found), ["fixed"])
        self.assertEqual({f["batch"] for f in found["fixed"]}, batches)
        self.assertEqual(self.site.in_folder("processing"), [])

    def test_a_folder_with_other_files_only_goes_out_of_the_way(self):
        batch = self.claim(files=("notes.txt",))
        finding = self.only("claim-empty", severity="info")
        self.assertIn("1 other file", finding["text"])
        self.site.run("drain", code=0)
        self.assertEqual(self.site.in_folder("processing"), [])
        self.assertIn("notes.txt", self.site.in_folder("failed", batch))

    def test_a_settled_batch_retires(self):
        receipt = self.load("r.msgpack", pack(metric(value="text"), metric(value=1)))
        batch = str(receipt["batch_id"])
        back = self.site.spool / "processing" / batch
        os.rename(self.site.archive_of(receipt), back)
        os.rename(self.site.failed_of(receipt), back / ".failed")
        self.assertEqual(self.only("retire-owed", severity="owed")["batch"], batch)
        found = self.doctor("--fix", code=0)
        self.assertEqual(sorted(found), ["fixed", "retry-waits"])
        self.assertTrue((self.site.archive_of(receipt) / "r.msgpack").exists())
        self.assertTrue((self.site.failed_of(receipt) / "rejects.msgpack").exists())

    def test_unfinished_batches(self):
        young = self.receipt(self.claim(new_batch()), status="loading", age=datetime.timedelta(0))
        old = self.receipt(self.claim(files=("old.msgpack",)))
        held = self.receipt(self.claim(files=("held.msgpack",)), age=datetime.timedelta(0),
                            error="disk full")
        found = self.doctor(code=WRONG)
        self.assertEqual([f["batch"] for f in found.pop("batch-unfinished")], [young])
        stuck = {f["batch"]: f["text"] for f in found.pop("batch-stuck")}
        self.assertEqual(set(stuck), {old, held})
        self.assertIn("nobody is at work: disk full", stuck[held])
        self.assertEqual(found, {})
        # --fix leaves loading to a run
        self.assertEqual(set(self.doctor("--fix", code=WRONG)), {"batch-unfinished", "batch-stuck"})
        self.site.run("drain", code=0)
        self.well()

    def test_segments_that_went_missing(self):
        batch = self.receipt(self.claim(files=("x.msgpack",)), files=3)
        finding = self.only("segments-missing", severity="lost")
        self.assertEqual((finding["batch"], finding["text"]), (batch, "1 of 3 segments are there"))
        staged = self.site.spool / "processing" / batch / ".failed"
        staged.mkdir()
        for name in ("y.msgpack", "y.msgpack.reason.json", "rejects.msgpack", "z.msgpack.zst"):
            (staged / name).write_bytes(b"")
        self.only("batch-stuck", severity="owed")

    def test_another_spools_batch(self):
        other = str(uuid.uuid4())
        batch = self.receipt(self.claim(), spool=other)
        for args in ((), ("--fix",)):
            finding = self.only("foreign-batch", *args, severity="odd")
            self.assertEqual(finding["batch"], batch)
            self.assertIn(other, finding["text"])

    def test_names_that_no_batch_has(self):
        (self.site.spool / "processing" / "lost+found").mkdir()
        (self.site.spool / "failed" / "a%b\n.msgpack").write_bytes(GOOD)
        (self.site.spool / "processing" / new_batch()).write_bytes(b"a file")
        (self.site.spool / "processing" / new_batch().upper()).mkdir()
        (self.site.spool / "failed" / ".gitkeep").write_bytes(b"")
        found = self.doctor(code=WRONG)
        self.assertEqual(list(found), ["foreign-entry"])
        files = {f["file"] for f in found["foreign-entry"]}
        self.assertEqual(len(files), 4)
        self.assertLessEqual({"processing/lost+found", "failed/a%25b%0A.msgpack"}, files)


class TestBesideADaemon(DoctorCase):
    def test_work_in_progress_is_no_finding(self):
        self.receipt(self.claim(new_batch(datetime.timedelta(0))), status="loading")
        self.claim(new_batch(-datetime.timedelta(seconds=30)))
        self.claim(new_batch())  # prepared, behind a batch that takes its time
        self.receipt(self.claim(new_batch()), status="done", age=datetime.timedelta(0))
        with self.locked():  # a drain: no socket, but the lock
            found = self.doctor(code=0)
            self.assertNotIn("retire-owed", found)
            self.assertLessEqual(set(found), {"archive-missing", "ledger-differs"})
            self.assertTrue(self.report["checked"]["in_use"])

    def test_a_claim_that_waits_for_the_batch_before_it(self):
        """Its receipt comes when its turn does, which may be long after a minute."""
        self.site.configure(f"loaders: 1\ngates: {{default: {{{EXACTLY.format(1)}}}}}\n")
        with self.site.daemon(), self.site.connect() as other:
            self.site.put("first.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            with other.transaction():
                other.execute("LOCK TABLE ingestion_segment IN SHARE ROW EXCLUSIVE MODE")
                self.site.put("slow.msgpack", pack(metric(value=2)))
                wait_until(lambda: [r for r in self.site.receipts() if r["status"] == "loading"], "one is loading")
                batch = self.claim()
                self.site.ask("rescan")
                wait_until(lambda: batch in [j["batch_id"] for j in self.site.ask("status")["board"]["loading"]],
                           "the daemon has the other one in hand")
                self.well()
            self.site.wait_settled(2)

    def test_a_table_that_is_locked_is_not_waited_for(self):
        self.load()
        with self.site.connect() as other, other.transaction():
            other.execute("LOCK TABLE metrics")
            ended = self.site.run("doctor", "--json", code=UNAVAILABLE)
            self.assertIn("lock timeout", ended.text)
            self.assertFalse(ended.json()["checked"]["complete"])
        self.well()

    def test_a_held_batch(self):
        batch = self.receipt(self.claim(), error="no permission", status="loading")
        with self.locked():
            finding = self.only("batch-stuck", severity="owed")
        self.assertEqual((finding["batch"], finding["text"]),
                         (batch, "held with receipt `loading`: no permission"))

    def test_fix_reports_only(self):
        batch = self.claim()
        with self.locked():
            finding = self.only("claim-without-receipt", "--fix", severity="owed",
                                exit_code=TRY_AGAIN)
            self.assertEqual(finding["batch"], batch)
            self.assertIn("in use by", self.site.run("doctor", "--fix", code=TRY_AGAIN).text)
        self.assertIn("x.msgpack", self.site.in_folder("processing", batch))

    def test_fix_beside_a_real_daemon(self):
        with self.site.daemon():
            ended = self.site.run("doctor", "--fix", code=TRY_AGAIN)
            self.assertIn("beside a running daemon", ended.text)


    def test_a_busy_daemon_is_well_at_any_moment(self):
        self.site.configure("gates: {default: {open: {count: 3, age: 20ms}, batch: {segments: 5}}}\n")
        with self.site.daemon():
            for i in range(40):
                for j in range(10):
                    self.site.put(f"{i}-{j}.msgpack", pack(metric(value=i * 10 + j), event(id=f"{i}")))
                ended = self.site.run("doctor", "--json")
                self.assertEqual((ended.code, ended.json()["findings"]), (0, []), f"round {i}: {ended}")
            self.site.wait_settled(0, segments=400)
        self.well()


class TestReceipts(DoctorCase):
    def test_a_receipt_without_a_folder_and_the_command_that_closes_it(self):
        batch = self.receipt(files=2)
        finding = self.only("receipt-without-folder", severity="lost")
        self.assertEqual(finding["batch"], batch)
        self.assertIn("2 segments", finding["text"])
        command = finding["fix"].partition("close the receipt: ")[2]
        self.site.run(*shlex.split(command)[1:], code=0)
        receipt, = self.site.receipts()
        self.assertEqual((receipt["status"], receipt["file_count"], receipt["segments_failed"], receipt["error"]),
                         ("failed", 2, 2, "parked by hand, without its segments: its segments are gone"))
        self.assertEqual(self.site.query("SELECT payload ->> 'event', payload ->> 'status' FROM event_outbox"),
                         [("gate.done", "failed")])
        self.assertIn("has ended (`failed`) and is not in processing/",
                      self.site.run(*shlex.split(command)[1:], code=USAGE).text)
        self.well()

    def test_it_is_closed_beside_a_daemon_too(self):
        with self.site.daemon():
            batch = self.receipt(status="loading", files=2)
            self.assertEqual(self.only("receipt-without-folder", severity="lost")["batch"], batch)
            self.site.run("fail", batch, "--why", "gone", code=0)
            self.assertEqual([r["status"] for r in self.site.receipts()], ["failed"])
            self.well()

    def test_what_comes_back_after_it_was_closed_can_be_retried(self):
        """A volume that wasn't mounted: its segments were never loaded, and archive/ isn't their place."""
        batch = self.receipt(files=1)
        self.site.run("fail", batch, "--why", "gone", code=0)
        folder = self.site.spool / "processing" / batch
        folder.mkdir()
        (folder / "a.msgpack").write_bytes(pack(metric(value=7)))
        self.site.run("drain", code=0)
        self.assertEqual(self.site.places("a.msgpack"), [f"failed/{batch}/a.msgpack"])
        reason = (self.site.spool / "failed" / batch / "a.msgpack.reason.json").read_text()
        self.assertIn("parked by hand, without its segments: gone", reason)
        self.site.run("retry", batch, code=0)
        self.site.run("drain", "--force", code=0)
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(7.0,)])
        self.well()

    def test_many_unfinished_receipts(self):
        """More than one page, and more than are listed."""
        self.site.query(
            "INSERT INTO ingestion_manifest (batch_id, batch_tag, spool_id, gate, status, reason,"
            " file_count, bytes_total, host, version, opened_at)"
            " SELECT gen_random_uuid(), 't', %s, 'default', 'open', 'r', 1, 1, 'h', 'v', now()"
            " FROM generate_series(1, 1234)", self.id)
        self.assertEqual(len(self.doctor(code=WRONG)["receipt-without-folder"]), 20)
        self.assertEqual(self.report["counts"], {"receipt-without-folder": 1234})
        self.assertIn("... and 1,214 more", self.site.run("doctor", code=WRONG).out.decode())

    def test_a_receipt_without_its_archive(self):
        first, second, third = (self.load(f"{i}.msgpack", pack(metric(value=i))) for i in range(3))
        shutil.rmtree(self.site.archive_of(second))
        finding = self.only("archive-missing", severity="info")
        self.assertEqual(finding["batch"], str(second["batch_id"]))
        self.assertIn("1 loaded batch is not in archive/", finding["text"])
        shutil.rmtree(self.site.archive_of(first))  # older than all that is left: pruned
        self.well()
        shutil.rmtree(self.site.archive_of(third))
        self.assertIn("3 loaded batches", self.only("archive-missing", severity="info")["text"])

    def test_a_receipt_whose_ledger_rows_are_gone_or_wrong(self):
        first = self.load("1.msgpack", pack(metric(value=1)))
        second = self.load("2.msgpack", pack(metric(value=2)))
        self.site.query("UPDATE ingestion_segment SET frames = 5 WHERE batch_id = %s",
                        second["batch_id"])
        finding = self.only("ledger-differs", severity="odd")
        self.assertEqual((finding["batch"], finding["text"]), (
            str(second["batch_id"]),
            "1 segment of 1 frame in the receipt, 1 of 5 in the ledger"))
        self.site.query("DELETE FROM ingestion_segment WHERE batch_id = %s", second["batch_id"])
        self.assertIn("0 of 0 in the ledger", self.only("ledger-differs", severity="odd")["text"])
        self.site.query("UPDATE ingestion_segment SET batch_id = %s WHERE batch_id = %s",
                        second["batch_id"], first["batch_id"])
        # the first is now older than the ledger itself: somebody prunes that
        self.assertEqual(self.only("ledger-pruned", severity="info")["batch"], str(first["batch_id"]))

    def test_a_list_that_is_cut_is_a_lower_bound(self):
        receipt = self.load("1.msgpack", pack(metric(value=1)))
        self.site.query("UPDATE ingestion_manifest SET files_cut = true")
        self.site.query("INSERT INTO ingestion_segment SELECT 'k', batch_id, gate, 'n', 1, 1, 's', 1"
                        " FROM ingestion_segment")
        self.well()
        self.site.query("DELETE FROM ingestion_segment WHERE batch_id = %s", receipt["batch_id"])
        self.only("ledger-differs", severity="odd")

    def test_rows(self):
        receipt = self.load("1.msgpack", pack(metric(value=1), metric(value=2), event(id="e")))
        self.site.query("DELETE FROM metrics WHERE value = 1")
        finding = self.only("rows-missing", severity="lost")
        self.assertEqual((finding["batch"], finding["text"]), (
            str(receipt["batch_id"]), "metrics: the receipt counts 2 rows, the table holds 1"))
        self.site.query("INSERT INTO metrics SELECT m.* FROM metrics m, generate_series(1, 3)")
        self.assertEqual(self.only("rows-extra", severity="odd")["text"],
                         "metrics: the receipt counts 2 rows, the table holds 4")
        self.site.query("DELETE FROM events")
        self.assertEqual(set(self.doctor(code=WRONG)), {"rows-extra", "rows-missing"})
        self.well("--batches", "0")
        self.assertEqual(self.report["checked"]["receipts"], 0)

    def test_rows_that_went_with_their_partition(self):
        self.load("1.msgpack", pack(metric(ts=(NOW - 3 * DAY).isoformat()), metric(value=2)))
        leaf = (NOW - 3 * DAY).strftime("metrics_%Y_%m_%d")
        self.site.query(f"ALTER TABLE metrics DETACH PARTITION {leaf}")
        finding = self.only("rows-pruned", severity="info")
        self.assertEqual(finding["text"],
                         f'metrics: 1 of 2 rows are left; partition "{leaf}" is not attached')
        self.site.query(f"DROP TABLE {leaf}")
        self.only("rows-pruned", severity="info")

    def test_only_the_newest_batches(self):
        first = self.load("1.msgpack", pack(metric(value=1)))
        self.load("2.msgpack", pack(metric(value=2)))
        self.site.query("DELETE FROM metrics WHERE batch_id = %s", first["batch_id"])
        self.well("--batches", "1")
        self.assertEqual(self.report["checked"]["receipts"], 1)
        self.only("rows-missing", "--batches", "2", severity="lost")

    def test_more_receipts_than_a_page(self):
        self.site.query(
            "INSERT INTO ingestion_manifest (batch_id, batch_tag, spool_id, gate, status, reason,"
            " file_count, bytes_total, host, version, opened_at, tables, rows_loaded, frames_total,"
            " ts_min, ts_max, finished_at)"
            " SELECT gen_random_uuid(), 't', %s, 'default', 'done', 'r', 1, 1, 'h', 'v', now(),"
            " '{\"metrics\": 1}', 1, 1, now(), now(), now() FROM generate_series(1, 1100)", self.id)
        self.site.load({"a.msgpack": GOOD})
        found = self.doctor("--batches", "1050", code=WRONG)
        self.assertEqual(self.report["checked"]["receipts"], 1050)
        self.assertGreaterEqual(self.report["counts"]["rows-missing"] +
                                self.report["counts"].get("rows-pruned", 0), 1049)
        self.assertEqual(len(found["archive-missing"]), 1)

    def test_only_the_days_of_the_batches_are_scanned(self):
        """Runs doctor's own statement, for today's batch: other days' partitions aren't opened."""
        self.load("1.msgpack", pack(metric(ts=(NOW - 9 * DAY).isoformat())))
        batch = self.load("2.msgpack", pack(metric(value=2)))["batch_id"]
        sql = (ROOT / "db" / "queries" / "doctor_rows.sql").read_text()
        for name, value in {":table": "metrics", ':"time"': "ts", ':"batch"': "batch_id",
                            "$1": f"'{{{batch}}}'", "$2": "'metrics'"}.items():
            sql = sql.replace(name, value)
        plan = [line for (line,) in self.site.query("EXPLAIN (ANALYZE, COSTS off) " + sql)]
        scans = {day: [line for line in plan if day.strftime(" on metrics_%Y_%m_%d") in line]
                 for day in (NOW - 9 * DAY, NOW)}
        self.assertTrue(all("never executed" in line for line in scans[NOW - 9 * DAY]), plan)
        self.assertFalse(any("never executed" in line for line in scans[NOW]), plan)
        self.assertTrue(scans[NOW], plan)


class TestFailed(DoctorCase):
    def test_what_waits_for_a_retry(self):
        receipt = self.site.load({"bad.msgpack": b"\xc1", "good.msgpack": GOOD,
                                  "half.msgpack": pack(metric(value="x"), metric(value=9))})
        finding = self.only("retry-waits", severity="info")
        self.assertEqual((finding["batch"], finding["text"]),
                         (str(receipt["batch_id"]), "1 failed segment, and rejected frames"))
        self.assertEqual(finding["fix"], f"spoolgate retry {receipt['batch_id']}")
        self.site.run(*finding["fix"].split()[1:], code=0)
        self.well()

    def test_a_batch_that_failed_whole(self):
        self.site.load({"bad.msgpack": b"\xc1"})
        self.assertEqual(self.only("retry-waits", severity="info")["text"], "1 failed segment")

    def test_without_a_receipt(self):
        folder = self.site.spool / "failed" / new_batch()
        folder.mkdir()
        (folder / "a.msgpack").write_bytes(GOOD)
        (folder / "a.msgpack.reason.json").write_bytes(b"{}")
        finding = self.only("failed-without-receipt", severity="odd")
        self.assertEqual(finding["batch"], folder.name)
        self.assertIn("1 segment;", finding["text"])

    def test_empty_folders(self):
        batch = self.receipt(status="failed")
        folder = self.site.spool / "failed" / batch
        folder.mkdir()
        noted = self.site.spool / "failed" / new_batch()
        noted.mkdir()
        (noted / "a.msgpack.reason.json").write_bytes(b"{}")
        self.assertEqual({f["batch"] for f in self.doctor(code=0)["failed-empty"]},
                         {batch, noted.name})
        found = self.doctor("--fix", code=0)
        self.assertEqual({k: [f["batch"] for f in v] for k, v in found.items()},
                         {"fixed": [batch], "failed-empty": [noted.name]})
        self.assertFalse(folder.exists())


class TestArchive(DoctorCase):
    def test_a_database_that_was_restored_and_the_command_that_mends_it(self):
        receipts = [self.load(f"{i}.msgpack", pack(metric(value=i))) for i in range(4)]
        for receipt in receipts[2:]:
            self.unlist(receipt)
        finding = self.only("archive-unknown", severity="lost")
        self.assertEqual(finding["batch"], str(receipts[2]["batch_id"]))
        self.assertIn("2 archived batches", finding["text"])
        command = shlex.split(finding["fix"])
        self.assertEqual(command[:4], ["spoolgate", "retry", "--from-archive", "--since"])
        self.assertEqual(datetime.datetime.fromisoformat(command[4]),
                         uuid_time(receipts[2]["batch_id"]))
        self.site.run(*command[1:], code=0)
        self.site.run("drain", "--force", code=0)
        self.assertEqual(self.site.query("SELECT value FROM metrics ORDER BY value"),
                         [(0.0,), (1.0,), (2.0,), (3.0,)])
        self.well()

    def test_restored_to_the_middle_of_a_batch(self):
        receipt = self.load()
        self.site.query("DELETE FROM ingestion_segment")
        self.site.query("DELETE FROM metrics")
        self.site.query("UPDATE ingestion_manifest SET status = 'loading'")
        found = self.doctor(code=WRONG)
        self.assertEqual(sorted(found), ["archive-unknown", "receipt-without-folder"])
        self.assertEqual(found["archive-unknown"][0]["batch"], str(receipt["batch_id"]))
        for finding in (found["archive-unknown"][0], found["receipt-without-folder"][0]):
            self.site.run(*shlex.split(finding["fix"].rpartition("spoolgate ")[2]), code=0)
        self.site.run("drain", "--force", code=0)
        self.assertEqual(self.site.value("SELECT count(*) FROM metrics"), 3)
        self.assertEqual([r["status"] for r in self.site.receipts()], ["failed", "done"])
        self.well()

    def test_receipts_that_were_pruned(self):
        first = self.load("1.msgpack", pack(metric(value=1)))
        self.load("2.msgpack", pack(metric(value=1)))  # a duplicate: never had a ledger row
        self.site.query("DELETE FROM ingestion_manifest WHERE batch_id = %s", first["batch_id"])
        self.assertEqual(self.only("receipt-pruned", severity="info")["batch"],
                         str(first["batch_id"]))
        self.site.query("DELETE FROM ingestion_manifest")
        self.assertIn("archive-unknown", self.doctor(code=WRONG))
        self.site.configure("keep: {receipts: 1ms}\n")  # then that is what it looks like
        self.only("receipt-pruned", severity="info")

    def test_more_folders_than_are_asked_about_at_once(self):
        day = self.site.spool / "archive" / "2026" / "01" / "01"
        day.mkdir(parents=True)
        for _ in range(1203):
            (day / new_batch()).mkdir()
        (day / (new_batch(datetime.timedelta(hours=1)) + ".1")).mkdir()
        (self.site.spool / "archive" / "README").write_text("not ours")
        self.assertIn("1204 archived batches", self.only("archive-unknown", severity="lost")["text"])
        self.assertEqual(self.report["checked"]["archived"], 1204)

    def test_a_copied_spool(self):
        self.load()
        self.site.query("UPDATE ingestion_manifest SET spool_id = %s", uuid.uuid4())
        self.only("foreign-batch", severity="odd")


class TestIncoming(DoctorCase):
    def test_files_that_will_never_be_claimed(self):
        incoming = self.site.spool / "incoming"
        (incoming / "data.csv").write_text("a,b")
        (incoming / "link.msgpack").symlink_to("/etc/passwd")
        os.mkfifo(incoming / "pipe.msgpack")
        (incoming / "Not A Gate").mkdir()
        (incoming / "fast" / "inside").mkdir(parents=True)
        found = self.doctor(code=WRONG)
        self.assertEqual(list(found), ["unclaimable"])
        self.assertEqual({f["file"] for f in found["unclaimable"]}, {
            "incoming/data.csv", "incoming/link.msgpack", "incoming/pipe.msgpack",
            "incoming/Not%20A%20Gate", "incoming/fast/inside"})
        self.assertTrue(all(f["severity"] == "odd" for f in found["unclaimable"]))

    def test_unfinished_files(self):
        old = time.time() - 2 * 86400
        (self.site.spool / "incoming" / "fast").mkdir()
        ages = {"incoming/.a.msgpack": old, "incoming/b.msgpack.tmp": old - 60,
                "incoming/.young.msgpack": time.time(), "incoming/fast/c.part": old,
                "tmp/d": old, "tmp/e.msgpack": old - 5, "tmp/young": time.time()}
        for name, at in ages.items():
            path = self.site.spool / name
            path.write_bytes(b"half")
            os.utime(path, (at, at))
        found = self.doctor(code=0)
        self.assertEqual(sorted(found), ["partial-old", "tmp-old"])
        self.assertEqual({f["file"]: f["text"].split()[0] for f in found["partial-old"]},
                         {"incoming/b.msgpack.tmp": "2", "incoming/fast/c.part": "1"})
        self.assertEqual({f["file"]: f["text"].split()[0] for f in found["tmp-old"]},
                         {"tmp/e.msgpack": "2"})

    def test_no_more_than_twenty_are_listed(self):
        for i in range(57):
            (self.site.spool / "incoming" / f"{i}.csv").write_text("")
        self.assertEqual(len(self.doctor(code=WRONG)["unclaimable"]), 20)
        self.assertEqual(self.report["counts"], {"unclaimable": 57})


class TestDatabase(DoctorCase):
    def test_one_that_is_not_at_this_version(self):
        self.site.query("DROP TABLE events")
        (self.site.spool / "incoming" / "a.csv").write_text("")
        found = self.doctor(code=CONFIG)
        self.assertEqual(sorted(found), ["database-version", "unclaimable"])
        self.assertIn("run `spoolgate migrate`", found["database-version"][0]["text"])
        self.assertFalse(self.report["checked"]["database"])
        self.site.run("migrate", code=0)
        self.only("unclaimable", severity="odd")

    def test_one_that_cannot_be_reached(self):
        self.claim()
        (self.site.spool / "incoming" / "a.csv").write_text("")
        nowhere = f"host={self.site.folder} dbname=x"
        for args in ((), ("--fix",)):
            found = self.doctor("--database", nowhere, *args, code=UNAVAILABLE)
            self.assertEqual(sorted(found), ["database-unreachable", "unclaimable"])
            self.assertEqual(self.report["checked"]["processing"], 1)
            self.assertFalse(self.report["checked"]["complete"])
            self.assertNotIn("is wrong.", self.site.run("doctor", "--database", nowhere).text)

    def test_usage(self):
        for args in (["extra"], ["--batches", "x"], ["--batches", ""], ["--batches=-1"]):
            self.site.run("doctor", *args, code=USAGE)
        self.site.run("doctor", "-c", "nowhere.yaml", code=CONFIG)
        self.assertIn("--batches", self.site.run("doctor", "--help", code=0).out.decode())


class TestEvents(DoctorCase):
    def test_an_event_that_somebody_deleted(self):
        receipt = self.load()
        self.well()
        self.site.query("DELETE FROM event_outbox WHERE event_type = 'gate.done'")
        finding = self.only("event-missing", severity="lost")
        self.assertEqual((finding["batch"], finding["text"]),
                         (str(receipt["batch_id"]), "receipt `done`, and no gate.done"))
        self.well("--batches", "0")
        self.site.configure("keep: {events: 1ms}\n")  # then it was pruned
        self.well()

    def test_that_of_a_failed_batch(self):
        self.load(data=b"\xc1")
        self.only("retry-waits", severity="info")
        self.site.query("DELETE FROM event_outbox")
        found = self.doctor(code=WRONG)
        self.assertEqual(sorted(found), ["event-missing", "retry-waits"])
        self.assertEqual(found["event-missing"][0]["text"], "receipt `failed`, and no gate.done")

    def test_receipts_from_before_the_outbox(self):
        self.receipt(status="failed")
        self.site.query("DELETE FROM event_outbox")
        self.well()
        self.site.query("UPDATE spoolgate_migration SET applied_at = now() - interval '1 hour'")
        self.only("event-missing", severity="lost")

    def test_dead_letters(self):
        self.load()
        other = str(uuid.uuid4())
        self.site.query("INSERT INTO event_outbox (event_id, event_type, seq, spool_id, payload)"
                        " VALUES (%s, 'gate.done', 2, %s, '{}')", other, str(uuid.uuid4()))
        letters = [("ops", "HTTP 500", False, None), ("ops", "HTTP 404", False, None), ("ops", "HTTP 503", True, None),
                   ("audit", "HTTP 418", True, None), ("theirs", "HTTP 500", False, other),
                   (None, "a document", False, None)]
        for sink, error, retried, event_id in letters:
            self.site.query("INSERT INTO event_dlq (event_type, payload, error, retried_at, event_id, sink)"
                            " SELECT event_type, '{}', %s, CASE WHEN %s THEN now() END, event_id, %s FROM event_outbox"
                            " WHERE event_type = 'gate.done' AND (event_id = %s::uuid OR"
                            " (%s::uuid IS NULL AND event_id <> %s::uuid))", error, retried, sink, event_id, event_id, other)
        finding = self.only("dead-letters", severity="owed")
        self.assertEqual(finding["text"], "sink ops: 2 dead letters, the last: HTTP 404")
        self.assertIn("`spoolgate dlq redrive --sink ops`", finding["fix"])


if __name__ == "__main__":
    main()
