#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Crashes: whatever the moment, the next start leaves each row once and each segment in one place.

SPOOLGATE_TEST_KILLS   the kill tests' stride: 1 walks every system call, N every Nth (default 3)
"""
import datetime
import json
import os
import pathlib
import shutil
import signal
import unittest
import uuid

from support import (BIN, EXACTLY, FINE, NOW, TRY_AGAIN, Site, SiteCase, conservation, event, main,
                     metric, pack, wait_until, zstd)
from test_database_down import LockedTable

STRIDE = int(os.environ.get("SPOOLGATE_TEST_KILLS", "3"))
STRACE = shutil.which("strace")


def uuid7(when=None):
    ms = int((when or datetime.datetime.now(datetime.timezone.utc)).timestamp() * 1000)
    return uuid.UUID(int=ms << 80 | 7 << 76 | 2 << 62 | int.from_bytes(os.urandom(7), "big"))


class Wave:
    """One batch's worth of segments of every kind, told apart from other waves by its number."""

    def __init__(self, site, number, duplicate):
        self.site, self.source = site, f"wave-{number}"
        # a day of its own, so that the partition has to be made, too
        ts = (NOW - datetime.timedelta(days=number + 1)).isoformat()
        keys = {"ts": ts, "source": self.source}
        self.reject = pack(metric(**keys, value="not a number"))
        self.good = {
            f"{number}-a.msgpack": pack(*(metric(**keys, value=i) for i in range(5)), self.reject),
            f"{number}-b.msgpack.zst": zstd(pack(*(metric(**keys, value=i) for i in range(5, 9)),
                                                 event(ts=ts, source=self.source))),
            f"{number}-duplicate.msgpack": duplicate,
        }
        self.bad = {f"{number}-bad.msgpack": pack(metric(**keys, value=666)) + b"\xc1"}
        self.segments = {**self.good, **self.bad}

    def put(self):
        for name, data in self.segments.items():
            self.site.put(name, data)

    def check(self, test, context):
        """All of it happened, and once."""
        site = self.site
        test.assertEqual(site.query("SELECT value FROM metrics WHERE source = %s ORDER BY value",
                                    self.source), [(float(i),) for i in range(9)], context)
        test.assertEqual(site.value("SELECT count(*) FROM events WHERE source = %s", self.source), 1,
                         context)
        test.assertEqual(
            site.query("SELECT r.segment, r.frame_index, m.status FROM ingestion_reject r"
                       " JOIN ingestion_manifest m USING (batch_id) WHERE segment = ANY (%s)",
                       list(self.segments)), [(next(iter(self.good)), 5, "done")], context)
        test.assertEqual(site.in_folder("incoming"), [], context)
        test.assertEqual(site.in_folder("processing"), [], context)
        test.assertEqual(site.in_folder("tmp"), [], context)
        rejects = 0
        for name, data in self.segments.items():
            places = site.places(name)
            test.assertEqual(len(places), 1, (context, name, places))
            where = "failed/" if name in self.bad else "archive/"
            test.assertTrue(places[0].startswith(where), (context, places))
            test.assertEqual((site.spool / places[0]).read_bytes(), data, context)
            folder = (site.spool / places[0]).parent
            if name in self.bad:
                test.assertTrue((folder / f"{name}.reason.json").exists(), context)
                rejects += (folder / "rejects.msgpack").exists()
        failed = [p for p in site.tree("failed") if p.endswith("/rejects.msgpack")]
        kept = [p for p in failed if (site.spool / "failed" / p).read_bytes() == self.reject]
        test.assertEqual(len(kept), 1, (context, failed))
        batches = site.query(
            "SELECT status, frames_total, rows_loaded, frames_rejected, frames_skipped"
            " FROM ingestion_manifest m WHERE EXISTS (SELECT FROM jsonb_array_elements(files) f"
            " WHERE f->>'name' = ANY (%s))", list(self.segments))
        for status, total, *parts in batches:
            test.assertIn(status, ("done", "failed"), context)
            test.assertEqual(total, sum(parts), context)
        test.assertEqual(sum(b[2] for b in batches), 10, context)
        test.assertEqual(site.query("SELECT 1 FROM ingestion_manifest"
                                    " WHERE status NOT IN ('done', 'failed')"), [], context)


@unittest.skipUnless(STRACE, "strace is not installed")
class SystemCallCase(SiteCase):
    """A daemon under strace, and a segment that was loaded before, to make duplicates of."""

    def setUp(self):
        super().setUp()
        duplicate = pack(metric(source="first", value=1))
        self.site.configure(f"loaders: 1\ngates: {{default: {{{EXACTLY.format(1)}}}}}")
        with self.site.daemon():
            self.site.put("first.msgpack", duplicate)
            self.site.wait_settled(1)
        self.site.configure(self.config)
        self.duplicate = duplicate

    def strace(self, calls, action):
        return [STRACE, "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}",
                "-e", f"inject={calls}:{action}"]

    def daemon(self, under):
        return self.site.daemon(watching=False, under=under, env={
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})


class TestKilledAtASystemCall(SystemCallCase):
    """The daemon dies just before its nth call of a kind, for n = 1, 2, ... until it survives."""
    config = f"loaders: 1\nrescan: 1h\ngates: {{default: {{{EXACTLY.format(4)}}}}}"

    def one_kill(self, calls, n, wave):
        """True when the daemon died of it; the wave is then to be recovered."""
        daemon = self.daemon(self.strace(calls, f"signal=KILL:when={n}"))
        with daemon:
            def is_over():
                return daemon.process.poll() is not None
            wait_until(lambda: is_over() or ((self.site.ask("status") or {}).get("board") or {})
                       .get("gates"), "the daemon watches, or is dead")
            wave.put()
            wait_until(lambda: is_over() or wave_is_over(self.site, wave), "the batch ends or it dies")
            daemon.expected_exit = None  # its last calls may be the one
        self.assertIn(daemon.process.returncode, (FINE, -signal.SIGKILL), "strace ends as its child")
        return daemon.process.returncode != FINE

    def walk(self, calls):
        died = True
        n = kills = 0
        while died:
            n += 1 if n == 0 or STRIDE == 1 else STRIDE
            wave = Wave(self.site, n, self.duplicate)
            died = self.one_kill(calls, n, wave)
            kills += died
            if died:
                self.site.run("drain", "--force", code=FINE)
            wave.check(self, f"killed at {calls} {n}" if died else f"survived {calls} {n}")
        self.assertGreaterEqual(kills * STRIDE, 4, "the walk hardly killed anything")

    def test_renames(self):
        self.walk("rename,renameat,renameat2")

    def test_fsyncs(self):
        self.walk("fsync,fdatasync")

    def test_what_is_sent_to_the_server(self):
        self.walk("sendto,sendmsg")

    def test_what_is_heard_from_the_server(self):
        self.walk("recvfrom")

    def test_folders_and_removals(self):
        self.walk("mkdirat,unlinkat,mkdir,unlink,rmdir")

    def test_what_is_written(self):
        """Notes, reasons, rejects, and the log."""
        self.walk("write,pwrite64")


def wave_is_over(site, wave):
    """Its batch is settled, and so is its folder."""
    return not site.in_folder("processing") and not site.in_folder("incoming") and all(
        site.places(name) for name in wave.segments)


class TestFailingSystemCalls(SystemCallCase):
    """The nth call fails instead, once, and the daemon lives on: it must come through by itself."""
    # a segment whose rename failed is left out of the batch, and waits for the next one
    config = "loaders: 1\nrescan: 1h\ngates: {default: {open: {count: 4, bytes: 0, age: 1s, idle: 0}}}"

    def walk(self, calls):
        error = "ENOSPC" if calls == "mkdirat" else "EIO"
        n, injected = 0, True
        while injected:
            n += 1 if n == 0 or STRIDE == 1 else STRIDE
            wave = Wave(self.site, n, self.duplicate)
            trace = self.site.folder / f"trace-{n}"
            under = self.strace(calls, f"error={error}:when={n}")
            under[under.index("-o") + 1] = str(trace)
            with self.daemon(under) as daemon:
                wait_until(lambda d=daemon: d.process.poll() is not None or
                           ((self.site.ask("status") or {}).get("board") or {}).get("gates"),
                           "the daemon watches, or couldn't start")
                if daemon.process.poll() is None:
                    wave.put()
                    wait_until(lambda w=wave: wave_is_over(self.site, w),
                               lambda: f"{error} at {calls} {n} is got over: {self.site.tree()}"
                                       f" {self.site.ask('status')}")
                else:  # told at the start, with a clear line
                    daemon.expected_exit = daemon.process.returncode
                    self.assertEqual(daemon.process.returncode, 73, daemon.log)
            injected = "(INJECTED)" in trace.read_text()
            if wave_is_over(self.site, wave):
                wave.check(self, f"{error} at {calls} {n}")
        self.assertGreater(n, STRIDE, "nothing was injected")

    def test_renames(self):
        self.walk("rename,renameat,renameat2")

    def test_fsyncs(self):
        self.walk("fsync,fdatasync")

    def test_folders(self):
        self.walk("mkdirat")


class TestKilledAnywhere(SiteCase):
    def test_kills_in_the_middle_of_a_feed(self):
        """At moments of nobody's choosing, with several loaders; ends when all has arrived."""
        rounds, per_round = 8, 6
        self.site.run("migrate", code=FINE)
        self.site.configure("gates: {default: {open: {count: 3, idle: 20ms}}}")
        sent = 0
        for _ in range(rounds):
            loaded = self.site.value("SELECT count(*) FROM metrics")
            with self.site.daemon() as daemon:
                for _ in range(per_round):
                    self.site.put(f"{sent}.msgpack", pack(*(metric(value=sent * 100 + i)
                                                            for i in range(100))))
                    sent += 1
                wait_until(lambda n=loaded: self.site.value("SELECT count(*) FROM metrics") > n,
                           "something has been loaded")
                daemon.kill()
        with self.site.daemon():
            self.site.wait_settled(0, segments=sent)
        self.assertEqual(self.site.query("SELECT count(*), count(DISTINCT value), sum(value)::bigint"
                                         " FROM metrics"),
                         [(sent * 100, sent * 100, sent * 100 * (sent * 100 - 1) // 2)])
        for i in range(sent):
            self.assertEqual([p.split("/")[0] for p in self.site.places(f"{i}.msgpack")], ["archive"])
        for receipt in self.site.receipts():
            self.assertEqual(*conservation(receipt))


class TestStateTable(SiteCase):
    """Rows of the state table, made by hand, and what the next start makes of them."""

    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=FINE)
        self.site.run("status", code=73)  # there is no spool yet
        with self.site.daemon():
            pass
        self.spool_id = (self.site.spool / ".id").read_text().strip()
        self.batch = uuid7()
        self.folder = self.site.spool / "processing" / str(self.batch)

    def claim(self, segments, gate="default", note=True):
        self.folder.mkdir()
        if note:
            (self.folder / ".claim.json").write_text(json.dumps(
                {"gate": gate, "reason": "made by hand", "opened_us": int(NOW.timestamp() * 1e6)}))
        for name, data in segments.items():
            (self.folder / name).write_bytes(data)

    def receipt(self, status, attempts=0, **columns):
        columns = {"batch_id": self.batch, "batch_tag": "by-hand", "spool_id": self.spool_id,
                   "gate": "default", "status": status, "reason": "made by hand", "file_count": 1,
                   "bytes_total": 1, "attempts": attempts, "host": "h", "version": "v",
                   "opened_at": NOW, **columns}
        self.site.query(f"INSERT INTO ingestion_manifest ({', '.join(columns)})"
                        f" VALUES ({', '.join(['%s'] * len(columns))})", *columns.values())

    def start(self, until):
        with self.site.daemon() as daemon:
            wait_until(until, lambda: f"the daemon deals with it; {self.site.tree()}")
        return daemon

    def gone(self):
        return not self.folder.exists()

    def test_claimed_without_a_receipt_goes_back_and_is_loaded(self):
        self.claim({"a.msgpack": pack(metric(value=1)), "b.msgpack.zst": zstd(pack(metric(value=2)))})
        self.start(lambda: self.site.value("SELECT count(*) FROM metrics") == 2 and self.gone()
                   and not self.site.in_folder("processing"))
        receipts = self.site.receipts()
        self.assertNotIn(self.batch, [r["batch_id"] for r in receipts])
        self.assertEqual({r["gate"] for r in receipts}, {"default"})
        self.assertEqual([len(self.site.places(n)) for n in ("a.msgpack", "b.msgpack.zst")], [1, 1])

    def test_it_goes_back_to_its_own_gate(self):
        self.site.configure(f"gates: {{mine: {{{EXACTLY.format(9)}}}}}")
        self.claim({"a.msgpack": pack(metric(value=1))}, gate="mine")
        self.start(self.gone)
        self.assertEqual(self.site.places("a.msgpack"), ["incoming/mine/a.msgpack"])

    def test_without_a_note_it_goes_to_the_default_gate(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(9)}}}}}")
        self.claim({"a.msgpack": pack(metric(value=1))}, note=False)
        self.start(self.gone)
        self.assertEqual(self.site.places("a.msgpack"), ["incoming/a.msgpack"])

    def test_a_name_that_is_taken_meanwhile(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(9)}}}}}")
        self.claim({"a.msgpack": pack(metric(value=1)), "b.msgpack.zst": zstd(pack(metric(value=2)))})
        self.site.put("a.msgpack", pack(metric(value=3)))
        self.site.put("b.msgpack.zst", zstd(pack(metric(value=4))))
        self.start(self.gone)
        self.assertEqual(self.site.tree("incoming"),
                         [f"a.again-{self.batch}.msgpack", "a.msgpack",
                          f"b.again-{self.batch}.msgpack.zst", "b.msgpack.zst"])
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual(self.site.query("SELECT value FROM metrics ORDER BY 1"),
                         [(float(i),) for i in (1, 2, 3, 4)])

    def test_it_stays_known_by_its_name(self):
        """A machine loses its power: the producer, back again, can't know that its last file was claimed."""
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(9)}, dedupe: name}}}}")
        self.claim({"a.msgpack": pack(metric(value=1))})
        self.site.put("a.msgpack", pack(metric(value=1)))
        self.start(self.gone)
        self.assertEqual(len(self.site.tree("incoming")), 2)
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])

    def test_a_receipt_that_is_open_or_loading_is_replayed(self):
        for status, attempts in (("open", 0), ("loading", 1), ("loading", 7)):
            with self.subTest(status=status, attempts=attempts):
                self.batch = uuid7()
                self.folder = self.site.spool / "processing" / str(self.batch)
                value = attempts + 1
                self.claim({f"{attempts}.msgpack": pack(metric(value=value))})
                self.receipt(status, attempts)
                self.start(self.gone)
                receipt = next(r for r in self.site.receipts() if r["batch_id"] == self.batch)
                self.assertEqual((receipt["status"], receipt["attempts"], receipt["rows_loaded"]),
                                 ("done", attempts + 1, 1))
                self.assertEqual(self.site.value("SELECT count(*) FROM metrics WHERE value = %s",
                                                 value), 1)
                self.assertTrue((self.site.archive_of(receipt) / f"{attempts}.msgpack").exists())

    def test_staging_of_a_broken_off_attempt_is_undone(self):
        """Rejects and failed segments were put aside, and the COMMIT never came."""
        good, bad = pack(metric(value=1), metric(value="x")), b"\xc1"
        self.claim({"good.msgpack": good})
        staging = self.folder / ".failed"
        staging.mkdir()
        (staging / "bad.msgpack").write_bytes(bad)
        (staging / "bad.msgpack.reason.json").write_text("{}")
        (staging / "rejects.msgpack").write_bytes(b"half of it")
        (staging / ".left.tmp").write_bytes(b"a draft")
        self.receipt("loading", 1)
        self.start(self.gone)
        receipt, = self.site.receipts()
        self.assertEqual((receipt["status"], receipt["rows_loaded"], receipt["frames_rejected"],
                          receipt["segments_failed"]), ("done", 1, 1, 1))
        failed = self.site.failed_of(receipt)
        self.assertEqual(self.site.in_folder(failed),
                         ["bad.msgpack", "bad.msgpack.reason.json", "rejects.msgpack"])
        self.assertEqual((failed / "rejects.msgpack").read_bytes(), pack(metric(value="x")))
        self.assertIn("not msgpack", json.loads((failed / "bad.msgpack.reason.json").read_text())["reason"])

    def test_committed_is_only_retired(self):
        """Of a batch that failed, all segments are staged, and none is left for archive/."""
        for status, loaded, staged, archived in (("done", ["a.msgpack"], ["b.msgpack"], [".claim.json", "a.msgpack"]),
                                                 ("failed", [], ["a.msgpack", "b.msgpack"], [])):
            with self.subTest(status):
                self.batch = uuid7()
                self.folder = self.site.spool / "processing" / str(self.batch)
                self.claim({name: pack(metric(value=1)) for name in loaded})
                staging = self.folder / ".failed"
                staging.mkdir()
                for name in staged:
                    (staging / name).write_bytes(b"\xc1")
                    (staging / f"{name}.reason.json").write_text("{}")
                self.receipt(status, 1, finished_at=NOW)
                self.start(self.gone)
                receipt = next(r for r in self.site.receipts() if r["batch_id"] == self.batch)
                self.assertEqual((receipt["status"], receipt["attempts"]), (status, 1))
                self.assertEqual(self.site.query("SELECT * FROM metrics"), [], "nothing is loaded again")
                self.assertEqual(self.site.in_folder(self.site.archive_of(receipt)), archived)
                self.assertEqual(self.site.in_folder(self.site.failed_of(receipt)),
                                 sorted(name + end for name in staged for end in ("", ".reason.json")))

    def test_committed_and_half_retired(self):
        """failed/ has its part already, the rest is still here."""
        self.claim({"a.msgpack": pack(metric(value=1))})
        failed = self.site.spool / "failed" / str(self.batch)
        failed.mkdir()
        (failed / "b.msgpack").write_bytes(b"\xc1")
        self.receipt("done", 1, finished_at=NOW)
        self.start(self.gone)
        receipt, = self.site.receipts()
        self.assertEqual(self.site.in_folder(failed), ["b.msgpack"])
        self.assertEqual(self.site.in_folder(self.site.archive_of(receipt)), [".claim.json", "a.msgpack"])

    def test_an_archive_folder_that_exists_already(self):
        self.claim({"a.msgpack": pack(metric(value=1))})
        self.receipt("done", 1, finished_at=NOW)
        taken = self.site.archive_of({"batch_id": self.batch})
        taken.mkdir(parents=True)
        (taken / "other.msgpack").write_bytes(b"kept")
        self.start(self.gone)
        self.assertEqual((taken / "other.msgpack").read_bytes(), b"kept")
        self.assertEqual(len(self.site.places("a.msgpack")), 1)

    def test_folders_that_were_removed_for_room(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(2)}}}}}")
        with self.site.daemon():
            for i in range(2):
                self.site.put(f"{i}.msgpack", pack(metric(value=i)))
                self.site.put(f"{i}-bad.msgpack", b"\xc1")
                receipt = self.site.wait_settled(i + 1)[-1]
                wait_until((self.site.archive_of(receipt) / f"{i}.msgpack").exists, "the good one is in archive/")
                self.assertTrue((self.site.failed_of(receipt) / f"{i}-bad.msgpack").exists())
                for name in ("archive", "failed"):
                    shutil.rmtree(self.site.spool / name)

    def test_empty_folders_go_away(self):
        """Killed between mkdir and the first rename, or between the last rename and rmdir."""
        for note in (True, False):
            with self.subTest(note=note):
                self.batch = uuid7()
                self.folder = self.site.spool / "processing" / str(self.batch)
                self.claim({}, note=note)
                self.start(self.gone)
        self.assertEqual(self.site.receipts(), [])
        self.assertEqual(self.site.tree("archive"), [])

    def test_a_draft_of_the_note_is_no_reason_to_stay(self):
        """Killed while the note was being written: its draft stands there, and nothing else."""
        self.claim({}, note=False)
        (self.folder / f".{uuid.uuid4()}.tmp").write_bytes(b'{"gate":')
        self.start(self.gone)
        self.assertEqual(self.site.receipts(), [])

    def test_what_is_no_batch_is_left_alone(self):
        odd = self.site.spool / "processing" / "not-a-batch"
        odd.mkdir()
        (odd / "a.msgpack").write_bytes(pack(metric(value=1)))
        (self.site.spool / "processing" / "stray.msgpack").write_bytes(pack(metric(value=2)))
        a_file, a_link, large = str(uuid7()), str(uuid7()), str(uuid7()).upper()
        (self.site.spool / "processing" / a_file).write_text("x")
        (self.site.spool / "processing" / a_link).symlink_to(odd)
        (self.site.spool / "processing" / large).mkdir()
        with self.site.daemon():
            self.site.put("b.msgpack", pack(metric(value=3)))
            wait_until(lambda: self.site.value("SELECT count(*) FROM metrics") == 1, "a batch goes by")
        self.assertEqual(self.site.in_folder("processing"),
                         sorted([a_file, a_link, large, "not-a-batch", "stray.msgpack"]))
        self.assertEqual(self.site.in_folder("processing", "not-a-batch"), ["a.msgpack"])

    def test_a_batch_that_cant_be_read_keeps_back_only_what_has_an_order(self):
        """It may be any gate's; of those, one's order matters."""
        streams = self.site.folder / "manifests" / "streams"
        streams.mkdir(parents=True)
        (streams / "last.yaml").write_text("stream: last\ntable: last\nmode: upsert\nkey: [k]\ncolumns:\n"
                                           "  k: {type: text, required: true}\n  v: {type: int8}\n")
        gates = self.site.folder / "manifests" / "gates"
        gates.mkdir()
        for gate, takes in (("default", "metrics"), ("ordered", "last")):
            (gates / f"{gate}.yaml").write_text(f"gate: {gate}\n{EXACTLY.format(1)}\nstreams: [{takes}]\n")
        self.site.configure("manifests: manifests\n")
        self.site.run("apply", code=FINE)
        self.claim({"a.msgpack": pack(metric(value=1))}, note=False)
        (self.folder / ".claim.json").mkdir()  # as unreadable as one of another user, to root as well
        with self.site.daemon(watching=False) as daemon:
            self.site.put("b.msgpack", pack(metric(value=2)))
            self.site.put("c.msgpack", pack({"kind": "last", "k": "x", "v": 1}), gate="ordered")
            wait_until(lambda: self.site.value("SELECT count(*) FROM metrics") == 1, "another batch goes by")
            self.site.put("d.msgpack", pack(metric(value=3)))
            wait_until(lambda: self.site.value("SELECT count(*) FROM metrics") == 2, "and one more")
            self.assertTrue(daemon.logged("scan failed", "can't read .claim.json"))
            self.assertEqual(self.site.in_folder("incoming", "ordered"), ["c.msgpack"])
            (self.folder / ".claim.json").rmdir()
            wait_until(lambda: self.site.value("SELECT count(*) FROM last") == 1, "its turn has come")
            wait_until(lambda: self.site.value("SELECT count(*) FROM metrics") == 3, "and that of the batch itself")

    def test_a_batch_of_another_spool_is_not_touched(self):
        """The folder was copied, processing/ and all."""
        self.claim({"a.msgpack": pack(metric(value=1))})
        self.receipt("loading", 1, spool_id=uuid.uuid4())
        with self.site.daemon() as daemon:
            wait_until(lambda: daemon.logged("belongs to spool"), "it says so")
            self.assertEqual(self.site.tree("processing"),
                             sorted([f"{self.batch}/.claim.json", f"{self.batch}/a.msgpack"]))
        self.assertEqual(self.site.query("SELECT * FROM metrics"), [])

    def test_drain_recovers_as_the_daemon_does(self):
        self.claim({"a.msgpack": pack(metric(value=1))})
        self.receipt("loading", 3)
        result = self.site.run("drain", "--json", code=FINE).json()
        self.assertEqual((result["batches"], result["rows_loaded"]), (1, 1))
        self.assertEqual(self.site.receipts()[0]["attempts"], 4)
        self.assertTrue(self.gone())


class TestOneProcessASpool(SiteCase):
    def test_a_second_daemon_is_refused_and_told_who_has_it(self):
        with self.site.daemon() as daemon:
            for command in (["run"], ["run", "--migrate"], ["drain"], ["drain", "--force"]):
                with self.subTest(command):
                    refused = self.site.run(*command, code=TRY_AGAIN)
                    self.assertIn(f"in use by pid {daemon.pid} on ", refused.err.decode())
            # the first is none the worse for it
            self.site.put("a.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            self.assertIsNotNone(self.site.ask("status"))

    def test_the_lock_of_a_killed_daemon_is_free(self):
        with self.site.daemon() as daemon:
            daemon.kill()
        self.assertTrue((self.site.spool / ".lock").exists())
        self.assertTrue((self.site.spool / ".control").exists())
        self.assertIsNone(self.site.run("status", "--json", code=FINE).json()["daemon"])
        with self.site.daemon():
            self.assertIsNotNone(self.site.ask("status"))

    def test_two_spools_share_a_database(self):
        other = Site(url=self.site.url, schema=self.site.schema)
        self.addCleanup(other.close)
        same = pack(metric(source="both", value=0))
        with self.site.daemon(), other.daemon():
            for i in range(10):
                for nr, site in enumerate((self.site, other)):
                    site.put(f"{i}.msgpack", pack(metric(source=f"spool {nr}", value=i)))
                    site.put(f"same-{i}.msgpack", same)

            def all_here():
                return sum(r["file_count"] for r in self.site.receipts() if r["finished_at"]) == 40
            wait_until(all_here, "all segments of both have ended")
        self.assertEqual(self.site.query("SELECT source, count(*), sum(value) FROM metrics"
                                         " GROUP BY 1 ORDER BY 1"),
                         [("both", 1, 0), ("spool 0", 10, 45), ("spool 1", 10, 45)])
        self.assertEqual({str(r["spool_id"]) for r in self.site.receipts()},
                         {(s.spool / ".id").read_text().strip() for s in (self.site, other)})
        # each shows its own
        for site in (self.site, other):
            recent = site.run("status", "--json", code=FINE).json()["recent"]
            self.assertEqual({r["spool_id"] for r in recent},
                             {(site.spool / ".id").read_text().strip()})


class TestDuplicates(SiteCase):
    def test_the_same_content_again_is_skipped_and_names_its_batch(self):
        data = pack(metric(value=1), metric(value=2), metric(value="x"))
        first = self.site.load({"a.msgpack": data})
        again = self.site.load({"a.msgpack": data, "renamed.msgpack": data,
                                "packed.msgpack.zst": zstd(data), "new.msgpack": pack(metric(value=3))})
        self.assertEqual((again["status"], again["frames_total"], again["rows_loaded"],
                          again["frames_rejected"], again["frames_skipped"], again["segments_failed"]),
                         ("done", 10, 1, 0, 9, 0))
        self.assertEqual(self.site.query("SELECT value FROM metrics ORDER BY 1"), [(1,), (2,), (3,)])
        self.assertEqual({f["name"]: f.get("duplicate_of") for f in again["files"]},
                         {"new.msgpack": None, **{n: str(first["batch_id"]) for n in (
                             "a.msgpack", "renamed.msgpack", "packed.msgpack.zst")}})
        self.assertEqual(self.site.in_folder(self.site.archive_of(again)),
                         ["a.msgpack", "new.msgpack", "packed.msgpack.zst",
                          "renamed.msgpack"])
        self.assertFalse(self.site.failed_of(again).exists())
        self.assertEqual(self.site.value("SELECT count(*) FROM ingestion_reject"), 1)

    def test_twins_in_one_batch(self):
        data = pack(metric(value=1))
        receipt = self.site.load({f"{i}.msgpack": data for i in range(3)})
        self.assertEqual((receipt["rows_loaded"], receipt["frames_skipped"]), (1, 2))
        fates = {f["name"]: f.get("duplicate_of") for f in receipt["files"]}
        self.assertEqual(sorted(str(v) for v in fates.values()),
                         sorted(["None", *[str(receipt["batch_id"])] * 2]))
        self.assertEqual(self.site.query("SELECT count(*) FROM metrics"), [(1,)])
        self.assertEqual(self.site.query("SELECT name FROM ingestion_segment"),
                         [(next(n for n, d in fates.items() if d is None),)])

    def test_a_duplicate_of_a_batch_that_is_still_loading_elsewhere(self):
        """Two daemons have the same content in hand: the second waits for the first, and skips."""
        other = Site(url=self.site.url, schema=self.site.schema)
        self.addCleanup(other.close)
        data = pack(metric(value=1))
        with self.site.daemon(), other.daemon():
            with LockedTable(self.site) as lock:
                self.site.put("a.msgpack", data)
                first = lock.wait_blocked()
                other.put("a.msgpack", data)
                wait_until(lambda: self.site.query(
                    "SELECT 1 FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))", first),
                           "the second waits for the first one's ledger row")
            wait_until(lambda: sum(bool(r["finished_at"]) for r in self.site.receipts()) == 2, "both end")
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1,)])
        self.assertEqual(sorted((r["rows_loaded"], r["frames_skipped"]) for r in self.site.receipts()),
                         [(0, 1), (1, 0)])


class TestPaused(SiteCase):
    def test_a_frozen_daemon_that_wakes_up_cannot_commit_after_its_successor(self):
        """Its lock is taken from it by hand, as by an operator who believes it dead."""
        with self.site.daemon() as old:
            with LockedTable(self.site) as lock:
                self.site.put("a.msgpack", pack(metric(value=1)))
                backend = lock.wait_blocked()
                os.kill(old.pid, signal.SIGSTOP)
                self.site.query("SELECT pg_terminate_backend(%s)", backend)
            lock_file = self.site.spool / ".lock"
            lock_file.rename(lock_file.with_name(".lock.old"))
            with self.site.daemon():
                receipt, = self.site.wait_settled(1)
                os.kill(old.pid, signal.SIGCONT)
                wait_until(lambda: old.logged("batch held") or old.process.poll() is not None,
                           "the old one notices")
            self.assertEqual((receipt["status"], receipt["attempts"]), ("done", 2))
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1,)])
        self.assertEqual(len(self.site.places("a.msgpack")), 1)
        self.assertEqual(self.site.receipts()[0]["attempts"], 2)


assert pathlib.Path(BIN).exists(), f"{BIN} is not built"

if __name__ == "__main__":
    main()
