#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""put -> rows: what a segment becomes, and what is left of it."""
import datetime
import hashlib
import json
import math
import os
import struct

import msgpack

from support import (EXACTLY, NOW, UTC, SiteCase, conservation, event, main, metric, pack, percent,
                     seal, wait_until, zstd)

DAY = datetime.timedelta(days=1)
NOON = NOW.replace(hour=12, minute=0, second=0) - DAY


def ext(code, data):
    """msgpack.ExtType refuses the negative codes that the format reserves."""
    return tuple.__new__(msgpack.ExtType, (code, data))


def ext_time(seconds, nanoseconds, size):
    """A msgpack timestamp of a given size, which a library would choose by itself."""
    data = {4: lambda: struct.pack(">I", seconds),
            8: lambda: struct.pack(">Q", nanoseconds << 34 | seconds),
            12: lambda: struct.pack(">Iq", nanoseconds, seconds)}[size]()
    return ext(-1, data)


class TestValues(SiteCase):
    def test_a_metric_and_an_event_become_rows(self):
        receipt = self.site.load({"a.msgpack": pack(
            metric(ts=msgpack.Timestamp.from_datetime(NOON), source="héllo wörld", name="cpu",
                   value=0.1, labels={"host": "a", "n": 1}),
            event(ts=msgpack.Timestamp.from_datetime(NOON), source="s", type="boot", id="e-1",
                  payload=[1, "two", None]))})
        self.assertEqual(
            self.site.query("SELECT ts, source, name, value, labels, batch_id FROM metrics"),
            [(NOON, "héllo wörld", "cpu", 0.1, {"host": "a", "n": 1}, receipt["batch_id"])])
        self.assertEqual(
            self.site.query("SELECT ts, source, type, id, payload, batch_id FROM events"),
            [(NOON, "s", "boot", "e-1", [1, "two", None], receipt["batch_id"])])

    def test_absent_and_nil_keys(self):
        self.site.load({"a.msgpack": pack(
            metric(name="absent"), metric(name="nil", value=None, labels=None),
            event(type="absent"), event(type="nil", id=None, payload=None))})
        self.assertEqual(self.site.query("SELECT name, value, labels FROM metrics ORDER BY name"),
                         [("absent", None, {}), ("nil", None, {})])
        self.assertEqual(self.site.query("SELECT type, id, payload FROM events ORDER BY type"),
                         [("absent", None, {}), ("nil", None, {})])

    def test_numbers_in_double_precision(self):
        values = {"int": 2, "negative": -7, "big": 2**53, "power": 2**63, "float": 0.1,
                  "tiny": 5e-324, "huge": 1.7976931348623157e308, "minus zero": -0.0,
                  "inf": math.inf, "-inf": -math.inf, "nan": math.nan}
        self.site.load({"a.msgpack": pack(
            *(metric(name=name, value=value) for name, value in values.items()),
            # single precision is exact in double
            msgpack.packb(metric(name="single", value=0.1), use_single_float=True))})
        got = dict(self.site.query("SELECT name, value FROM metrics"))
        values["single"] = struct.unpack("f", struct.pack("f", 0.1))[0]
        self.assertEqual({k: struct.pack(">d", v) for k, v in got.items()},
                         {k: struct.pack(">d", v) for k, v in values.items()})

    def test_times_of_all_forms(self):
        whole = int(NOON.timestamp())
        micro = NOON + datetime.timedelta(microseconds=123456)
        forms = {
            "ext 4": (ext_time(whole, 0, 4), NOON),
            "ext 8": (ext_time(whole, 123456789, 8), micro),
            "ext 12": (ext_time(whole, 123456789, 12), micro),
            "EventTime": (msgpack.ExtType(0, struct.pack(">II", whole, 123456789)), micro),
            "integer": (whole, NOON),
            "float": (whole + 0.5, NOON + datetime.timedelta(milliseconds=500)),
            "Z": (NOON.strftime("%Y-%m-%dT%H:%M:%SZ"), NOON),
            "lower case": (NOON.strftime("%Y-%m-%dt%H:%M:%Sz"), NOON),
            "space": (NOON.strftime("%Y-%m-%d %H:%M:%SZ"), NOON),
            "fraction": (NOON.strftime("%Y-%m-%dT%H:%M:%S.123456789Z"), micro),
            "east": ((NOON + datetime.timedelta(hours=5.5)).strftime("%Y-%m-%dT%H:%M:%S+05:30"), NOON),
            "west": ((NOON - datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S-0200"), NOON),
            "hours": ((NOON + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02"), NOON),
            "9 years back": (whole - 9 * 365 * 86400, NOON - 9 * 365 * DAY),
            "in 23 hours": (int(NOW.timestamp()) + 23 * 3600, NOW + datetime.timedelta(hours=23)),
        }
        receipt = self.site.load({"a.msgpack": pack(
            *(metric(name=name, ts=ts) for name, (ts, _) in forms.items()))})
        self.assertEqual(receipt["frames_rejected"], 0, self.site.query(
            "SELECT column_name, reason FROM ingestion_reject"))
        self.assertEqual(dict(self.site.query("SELECT name, ts FROM metrics")),
                         {name: want for name, (_, want) in forms.items()})
        self.assertEqual(receipt["ts_min"], NOON - 9 * 365 * DAY)
        self.assertEqual(receipt["ts_max"], NOW + datetime.timedelta(hours=23))

    def test_msgpack_as_jsonb(self):
        at = NOON + datetime.timedelta(microseconds=250000)
        whole = int(NOON.timestamp())
        cases = {  # name: (packed value, JSON that jsonb must equal)
            "integers": ([0, -1, 2**63, 2**64 - 1, -2**63],
                         "[0, -1, 9223372036854775808, 18446744073709551615, -9223372036854775808]"),
            "doubles": ([0.1, 1e300, 2.0, 1 / 3], "[0.1, 1e300, 2.0, 0.3333333333333333]"),
            "nan and inf": ([math.nan, math.inf, -math.inf], "[null, null, null]"),
            "constants": ([None, True, False], "[null, true, false]"),
            "text": (["", "ä€😀", "\"\\\b\f\n\r\t\x01\x7f/"],
                     json.dumps(["", "ä€😀", "\"\\\b\f\n\r\t\x01\x7f/"])),
            "binary": ([b"", b"\x00\xff", b"abc"],
                       '[{"$bin": ""}, {"$bin": "AP8="}, {"$bin": "YWJj"}]'),
            "extension": (msgpack.ExtType(5, b"\x01\x02"), '{"$ext": [5, "AQI="]}'),
            "negative extension": (ext(-100, b""), '{"$ext": [-100, ""]}'),
            "times": ([ext_time(whole, 0, 4), ext_time(whole, 250000000, 12)],
                      json.dumps([NOON.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                  at.strftime("%Y-%m-%dT%H:%M:%S.25Z")])),
            "scalar keys": (b"\x86\x01\xa1a\xfe\xa1b\xc3\xa1c\xc0\xa1d" + pack(2.5) + b"\xa1e\xa1f\xa1f",
                            '{"1": "a", "-2": "b", "true": "c", "null": "d", "2.5": "e", "f": "f"}'),
            "nested": ({"a": [{"b": {}}, []]}, '{"a": [{"b": {}}, []]}'),
            "the last of duplicate keys": (b"\x82\xa1k\x01\xa1k\x02",
                                           '{"k": 2}'),
            "deep": (self.nest(60), "[" * 60 + "]" * 60),
        }
        frames = []
        for name, (value, _) in cases.items():
            raw = value if isinstance(value, bytes) else msgpack.packb(value)
            # a map whose last value is the bytes as they are
            head = msgpack.packb(metric(name=name))
            frames.append(bytes([head[0] + 1]) + head[1:] + msgpack.packb("labels") + raw)
        receipt = self.site.load({"a.msgpack": pack(*frames)})
        self.assertEqual(receipt["frames_rejected"], 0, self.site.query(
            "SELECT frame_index, column_name, reason FROM ingestion_reject"))
        for name, (_, want) in cases.items():
            with self.subTest(name):
                got, equal = self.site.query(
                    "SELECT labels::text, labels = %s::jsonb FROM metrics WHERE name = %s",
                    want, name)[0]
                self.assertTrue(equal, f"want {want}\ngot  {got}")

    @staticmethod
    def nest(depth):
        value = []
        for _ in range(depth - 1):
            value = [value]
        return value

    def test_duplicate_keys_of_a_frame(self):
        twice = pack(metric(value=1))
        twice = bytes([twice[0] + 1]) + twice[1:] + pack("value") + pack(2.5)
        self.site.load({"a.msgpack": twice})
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(2.5,)])

    def test_unknown_keys_are_ignored(self):
        receipt = self.site.load({"a.msgpack": pack(metric(value=1, colour="red"))})
        self.assertEqual((receipt["rows_loaded"], receipt["frames_rejected"]), (1, 0))
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])


class TestContainers(SiteCase):
    def test_raw_zst_multi_frame_zst_and_seals(self):
        frames = [pack(metric(name="m", value=i)) for i in range(30)]
        halves = [b"".join(frames[10:15]), b"".join(frames[15:20]) + pack(seal(10))]
        skippable = struct.pack("<II", 0x184D2A50, 5) + b"hello"
        segments = {
            "raw.msgpack": b"".join(frames[:10]) + pack(seal(10)),
            "multi.msgpack.zst": zstd(halves[0]) + skippable + zstd(halves[1]),
            "plain.msgpack.zst": zstd(b"".join(frames[20:]), "-19", "--no-check"),
            "empty-but-sealed.msgpack": pack(seal(0)),
        }
        receipt = self.site.load(segments)
        self.assertEqual(sorted(v for (v,) in self.site.query("SELECT value FROM metrics")),
                         [float(i) for i in range(30)])
        self.assertEqual((receipt["status"], receipt["frames_total"], receipt["segments_failed"]),
                         ("done", 30, 0))
        files = {f["name"]: f for f in receipt["files"]}
        self.assertEqual({n: f["frames"] for n, f in files.items()},
                         {"raw.msgpack": 10, "multi.msgpack.zst": 10, "plain.msgpack.zst": 10,
                          "empty-but-sealed.msgpack": 0})
        # the hash is that of the decompressed bytes
        self.assertEqual(files["multi.msgpack.zst"]["sha256"],
                         hashlib.sha256(b"".join(halves)).hexdigest())

    def test_a_mixed_batch_of_many_frames(self):
        """More rows of both kinds than one COPY of each takes, interleaved."""
        padding = "x" * 2000
        frames = [f for i in range(6000) for f in (metric(name=padding, value=i),
                                                   event(type=padding, payload={"i": i}))]
        receipt = self.site.load({"a.msgpack.zst": zstd(pack(*frames))})
        self.assertEqual(receipt["tables"], {"metrics": 6000, "events": 6000})
        self.assertEqual(self.site.query("SELECT count(*), count(DISTINCT value), sum(value)"
                                         " FROM metrics"), [(6000, 6000, 6000 * 5999 / 2)])
        self.assertEqual(self.site.query("SELECT count(*), count(DISTINCT payload), "
                                         "sum((payload->>'i')::int) FROM events"),
                         [(6000, 6000, 6000 * 5999 // 2)])


class TestReceipt(SiteCase):
    def test_every_column(self):
        good = pack(metric(ts=NOON.isoformat(), value=1), event(ts=(NOON - DAY).isoformat()))
        mixed = pack(metric(ts=(NOON + DAY / 4).isoformat(), value=2), metric(value="three"))
        self.site.load({"first.msgpack": good})
        segments = {"again.msgpack": good, "bad.msgpack": b"\xc1",
                    "m x.msgpack.zst": zstd(mixed)}
        before = datetime.datetime.now(UTC)
        receipt = self.site.load(segments)
        after = datetime.datetime.now(UTC)
        first = self.site.receipts()[0]
        spool_id = (self.site.spool / ".id").read_text().strip()

        files = {f.pop("name"): f for f in receipt.pop("files")}
        self.assertEqual(files, {
            "again.msgpack": {"bytes": len(good), "sha256": hashlib.sha256(good).hexdigest(),
                              "frames": 2, "rejected": 0, "duplicate_of": str(first["batch_id"])},
            "bad.msgpack": {"bytes": 1, "failed": "frame 0 at byte 0: not msgpack (byte 0xc1)"},
            percent("m x.msgpack.zst"): {"bytes": len(segments["m x.msgpack.zst"]), "frames": 2,
                                         "sha256": hashlib.sha256(mixed).hexdigest(), "rejected": 1},
        })
        batch = receipt.pop("batch_id")
        self.assertEqual(batch.version, 7)
        times = [receipt.pop(c) for c in ("opened_at", "loading_at", "finished_at")]
        self.assertEqual([before, *times, after], sorted([before, *times, after]))
        self.assertEqual(receipt.pop("batch_tag"),
                         f"default-{times[0]:%Y%m%dT%H%M%SZ}-{str(batch)[-4:]}")
        self.assertRegex(receipt.pop("version"), r"^\d+\.\d+\.\d+$")
        self.assertTrue(receipt.pop("host"))
        self.assertEqual(str(receipt.pop("spool_id")), spool_id)
        self.assertEqual(receipt, {
            "gate": "default", "status": "done", "reason": "count 3 reached", "files_cut": False,
            "file_count": 3, "segments_failed": 1,
            "bytes_total": sum(map(len, segments.values())), "bytes_raw": len(good) + len(mixed),
            "frames_total": 4, "rows_loaded": 1, "frames_rejected": 1, "frames_skipped": 2,
            "tables": {"metrics": 1}, "ts_min": NOON + DAY / 4, "ts_max": NOON + DAY / 4,
            "attempts": 1, "error": None,
            "manifest_rev": None, "manifest_sha256": None,  # none are configured
        })

    def test_the_ledger(self):
        data = pack(metric(value=1), metric(value="no number"))
        receipt = self.site.load({"a b.msgpack": data, "all-rejected.msgpack": pack(metric(value="x"))})
        digest = hashlib.sha256(data).hexdigest()
        self.assertEqual(
            self.site.query("SELECT dedupe_key, batch_id, gate, name, bytes, bytes_raw, sha256, frames"
                            " FROM ingestion_segment"),
            [(f"sha256:{digest}", receipt["batch_id"], "default", "a%20b.msgpack", len(data),
              len(data), digest, 2)])

    def test_conservation_is_enforced(self):
        receipt = self.site.load({"a.msgpack": pack(metric(value=1))})
        with self.assertRaisesRegex(Exception, "conservation"):
            self.site.query("UPDATE ingestion_manifest SET rows_loaded = 2 WHERE batch_id = %s",
                            receipt["batch_id"])

    def test_the_files_list_is_cut_at_a_thousand(self):
        segments = {f"{i:04}.msgpack": pack(metric(value=i)) for i in range(1004)}
        segments["zz-bad.msgpack"] = b"\xc1"
        receipt = self.site.load(segments)
        self.assertEqual((receipt["file_count"], len(receipt["files"]), receipt["files_cut"]),
                         (1005, 1000, True))
        # a failed segment has no ledger row, so it is the last to be cut
        self.assertEqual([f["name"] for f in receipt["files"] if "failed" in f], ["zz-bad.msgpack"])
        self.assertEqual(self.site.value("SELECT count(*) FROM ingestion_segment"), 1004)
        self.assertEqual(self.site.value("SELECT count(DISTINCT value) FROM metrics"), 1004)

    def test_where_the_files_go(self):
        data = {"a.msgpack": pack(metric(value=1)), "b.msgpack.zst": zstd(pack(metric(value=2)))}
        receipt = self.site.load({**data, "bad.msgpack": b"\xc1"})
        archive, failed = self.site.archive_of(receipt), self.site.failed_of(receipt)
        for name, want in data.items():
            self.assertEqual((archive / name).read_bytes(), want)
        self.assertEqual((failed / "bad.msgpack").read_bytes(), b"\xc1")
        self.assertEqual({n: len(self.site.places(n)) for n in [*data, "bad.msgpack"]},
                         {"a.msgpack": 1, "b.msgpack.zst": 1, "bad.msgpack": 1})
        self.assertEqual([self.site.in_folder(f) for f in ("tmp", "incoming", "processing")],
                         [[], [], []])

    def test_views(self):
        receipt = self.site.load({"a.msgpack": pack(metric(value=1), metric(value="x"))})
        self.assertEqual(
            self.site.query("SELECT batch_tag, gate, status, files, failed, rows, rejected, batch_id"
                            " FROM ingestion_recent"),
            [(receipt["batch_tag"], "default", "done", 1, 0, 1, 1, receipt["batch_id"])])
        self.assertEqual(
            self.site.query("SELECT gate, in_flight, batches_1h, rows_1h, rejected_1h,"
                            " segments_failed_1h, stalled_reason FROM gate_health"),
            [("default", 0, 1, 1, 1, 0, None)])
        self.assertEqual(self.site.query("SELECT * FROM ingestion_stuck"), [])


class TestNotify(SiteCase):
    def test_opening_and_end_are_announced(self):
        self.site.run("migrate", code=0)
        with self.site.connect() as listener:
            listener.execute("LISTEN ingest_updates")
            done = self.site.load({"a.msgpack": pack(metric(value=1))})
            failed = self.site.load({"b.msgpack": b"\xc1"})
            heard = []
            listener.add_notify_handler(lambda note: heard.append(json.loads(note.payload)))
            wanted = [{"id": str(r["batch_id"]), "status": status}
                      for r in (done, failed) for status in ("open", r["status"])]

            def ours():
                # the channel is the database's: other tests are heard, too
                listener.execute("SELECT 1")
                got = [h for h in heard if h["id"] in {w["id"] for w in wanted}]
                return got if len(got) >= len(wanted) else None
            got = wait_until(ours, lambda: f"want {wanted}, heard {heard}")
        self.assertEqual(failed["status"], "failed")
        self.assertEqual(got, wanted)


class TestGates(SiteCase):
    def put_and_wait(self, gate, count, batches):
        for i in range(count):
            self.site.put(f"{gate}-{i}.msgpack", pack(metric(source=gate, value=i)),
                          None if gate == "default" else gate)
        return self.site.wait_settled(batches)

    def test_each_gate_has_thresholds_of_its_own(self):
        three = 3 * len(pack(metric(source="bytes", value=0)))
        self.site.configure(f"""gates:
  default: {{{EXACTLY.format(1000000)}}}
  three: {{{EXACTLY.format(3)}}}
  bytes: {{open: {{count: 0, bytes: {three}, age: 0, idle: 0}}}}
  old: {{open: {{count: 0, bytes: 0, age: 300ms, idle: 0}}}}
  idle: {{open: {{count: 0, bytes: 0, age: 0, idle: 100ms}}}}
""")
        with self.site.daemon():
            self.assertEqual(self.site.in_folder("incoming"), ["bytes", "idle", "old", "three"],
                             "folders of configured gates are made at the start")
            self.put_and_wait("default", 2, 0)
            self.put_and_wait("three", 2, 0)
            self.put_and_wait("old", 1, 1)
            self.put_and_wait("idle", 1, 2)
            self.put_and_wait("bytes", 3, 3)
            self.site.put("three-2.msgpack", pack(metric(source="three", value=2)), "three")
            receipts = self.site.wait_settled(4)
            waiting = wait_until(lambda: (self.site.gate() or {}).get("waiting") == 2
                                 and self.site.gate(), "status counts the two that wait")
        self.assertEqual([(r["gate"], r["reason"], r["file_count"]) for r in receipts],
                         [("old", "age 300 ms reached", 1), ("idle", "idle 100 ms reached", 1),
                          ("bytes", f"bytes {three} B reached", 3), ("three", "count 3 reached", 3)])
        self.assertEqual(self.site.query("SELECT source, count(*) FROM metrics GROUP BY 1 ORDER BY 1"),
                         [("bytes", 3), ("idle", 1), ("old", 1), ("three", 3)])
        self.assertEqual((waiting["held"], waiting["stalled_reason"]), (False, None))
        self.assertEqual([n for n in self.site.in_folder("incoming") if n.endswith(".msgpack")],
                         ["default-0.msgpack", "default-1.msgpack"])

    def test_a_folder_made_while_running_is_a_gate(self):
        with self.site.daemon():
            self.put_and_wait("fresh", 1, 1)
        self.assertEqual([(r["gate"], r["rows_loaded"]) for r in self.site.receipts()],
                         [("fresh", 1)])

    def test_caps_on_a_batch(self):
        size = len(pack(metric(source="default", value=0)))
        for caps, want in (("segments: 2", [2, 2, 1]), (f"bytes: {2 * size}", [2, 2, 1]),
                           ("bytes: 1", [1, 1, 1, 1, 1])):
            with self.subTest(caps):
                site = self.site = type(self.site)(
                    f"loaders: 1\ngates: {{default: {{{EXACTLY.format(5)}, batch: {{{caps}}}}}}}\n")
                self.addCleanup(site.close)
                with site.daemon():
                    self.put_and_wait("default", 5, 1)
                    # what is left is below the threshold
                    while sum(r["file_count"] for r in site.receipts()) < 5:
                        ended = len(site.receipts())
                        site.run("gate", "open", "default", code=0)
                        site.wait_settled(ended + 1)
                self.assertEqual([r["file_count"] for r in site.receipts()], want)
                self.assertEqual({r["reason"] for r in site.receipts()[1:]}, {"opened by hand"})
                self.assertEqual(site.value("SELECT count(DISTINCT value) FROM metrics"), 5)

    def test_what_arrives_during_a_scan_is_not_missed(self):
        """Scans are made long by junk, and no rescan comes to help: the gate opens at the last of four,
        which may well arrive while the others are being looked at."""
        self.site.configure(f"rescan: 1h\ngates: {{default: {{{EXACTLY.format(4)}}}}}")
        (self.site.spool / "incoming").mkdir(parents=True)
        for i in range(2000):
            (self.site.spool / "incoming" / f"junk-{i}").touch()
        with self.site.daemon():
            for sent in range(0, 160, 4):
                for i in range(sent, sent + 4):
                    self.site.put(f"{i}.msgpack", pack(metric(value=i)))
                # well before the minute after which the scanner looks again without a reason
                self.site.wait_settled(0, segments=sent + 4, deadline=40)
        self.assertEqual(self.site.value("SELECT count(DISTINCT value) FROM metrics"), 160)

    def test_what_arrives_while_a_backlog_is_cut_is_not_missed(self):
        """One list is cut into many batches; what came after it was made is in the next."""
        self.site.configure("rescan: 1h\nloaders: 1\ngates: {default: {open: {count: 1}, batch: {segments: 40}}}")
        for turn in range(3):
            first = 1000 * turn
            with self.site.daemon():
                self.site.run("gate", "hold", "default", code=0)
                for i in range(200):
                    self.site.put(f"{first + i}.msgpack", pack(metric(value=first + i)))
                self.site.run("gate", "release", "default", code=0)
                for i in range(200, 220):
                    self.site.put(f"{first + i}.msgpack", pack(metric(value=first + i)))
                wait_until(lambda: self.site.value("SELECT count(*) FROM metrics") == 220 * (turn + 1),
                           "all are loaded", deadline=40)
        self.assertEqual(self.site.value("SELECT count(DISTINCT value) FROM metrics"), 660)

    def test_the_next_batch_is_prepared_while_one_loads(self):
        """The one loader waits in its COPY for a locked table; the batch after it is inspected meanwhile."""
        self.site.configure("loaders: 1\ngates: {default: {open: {count: 1}, batch: {segments: 1}}}")
        with self.site.connect(prepare_threshold=None) as other, self.site.daemon() as daemon:
            self.site.put("first.msgpack", pack(metric(value=0)))
            self.site.wait_settled(1)  # the daemon has looked at its tables, and the partition is there
            # ONLY: not the leaf, which an idle loader summarises.
            other.execute("BEGIN; LOCK TABLE ONLY metrics")
            for i in (1, 2):
                self.site.put(f"{i}.msgpack", pack(metric(value=i)))
            wait_until(lambda: len(daemon.logged('msg="batch inspected"')) == 3, "both are inspected")
            self.assertEqual(len(daemon.logged('msg="batch loaded"')), 1)
            other.execute("COMMIT")
            wait_until(lambda: len(daemon.logged('msg="batch retired"')) == 3, "both are loaded")
        self.assertEqual(self.site.value("SELECT sum(value) FROM metrics"), 3)

    def test_a_segment_with_a_time_in_the_future_is_loaded(self):
        """As cp -p, rsync -t and tar leave it, where a producer's clock is ahead."""
        with self.site.daemon():
            self.site.put("hidden.tmp", pack(metric(value=1)))
            hidden = self.site.spool / "incoming" / "hidden.tmp"
            os.utime(hidden, (NOW.timestamp() + 86400,) * 2)
            hidden.rename(hidden.with_name("ahead.msgpack"))
            self.site.wait_settled(1)
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])


class TestTables(SiteCase):
    def test_leaves_are_made_for_the_days_that_occur(self):
        days = [NOON - DAY * n for n in (0, 1, 40, 400)]
        self.site.load({"a.msgpack": pack(*(metric(ts=d.isoformat(), value=1) for d in days),
                                          event(ts=days[1].isoformat()))})
        leaves = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
        self.assertEqual({n for (n,) in self.site.query(leaves, "metrics")},
                         {d.strftime("metrics_%Y_%m_%d") for d in days})
        self.assertEqual({n for (n,) in self.site.query(leaves, "events")},
                         {days[1].strftime("events_%Y_%m_%d")})
        self.assertEqual(self.site.query(
            "SELECT DISTINCT tableoid::regclass::text = 'metrics_' || to_char(ts, 'YYYY_MM_DD')"
            " FROM metrics"), [(True,)])
        # again: the leaves are there
        receipt = self.site.load({"b.msgpack": pack(*(metric(ts=d.isoformat(), value=2) for d in days))})
        self.assertEqual(receipt["rows_loaded"], 4)

    def test_midnight_belongs_to_the_day_it_begins(self):
        midnight = NOON.replace(hour=0)
        self.site.load({"a.msgpack": pack(
            metric(name="last", ts=(midnight - datetime.timedelta(microseconds=1)).isoformat()),
            metric(name="first", ts=midnight.isoformat()))})
        self.assertEqual(
            dict(self.site.query("SELECT name, tableoid::regclass::text FROM metrics")),
            {"last": (midnight - DAY).strftime("metrics_%Y_%m_%d"),
             "first": midnight.strftime("metrics_%Y_%m_%d")})

    def test_brin_and_row_level_security(self):
        self.site.load({"a.msgpack": pack(metric(value=1), event())})
        tables = {n: (security, forced, brin) for n, security, forced, brin in self.site.query("""
            SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
                   (SELECT array_agg(a.attname::text ORDER BY a.attnum)
                      FROM pg_index x
                      JOIN pg_class i ON i.oid = x.indexrelid
                      JOIN pg_am m ON m.oid = i.relam AND m.amname = 'brin'
                      JOIN pg_attribute a ON a.attrelid = i.oid
                     WHERE x.indrelid = c.oid)
              FROM pg_class c
             WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p')""",
                                                                              self.site.schema)}
        day = NOW.strftime("%Y_%m_%d")
        for table in ("metrics", "events", f"metrics_{day}", f"events_{day}"):
            self.assertEqual(tables[table], (True, False, ["ts"]), table)
        for table in ("ingestion_manifest", "ingestion_segment", "ingestion_reject"):
            self.assertEqual(tables[table], (True, False, None), table)

    def test_what_was_loaded_is_in_the_brin_summary(self):
        """Right after a drain; a daemon's summaries follow within seconds."""
        # Ranges of 128 pages: some of them.
        frames = [metric(name="x" * 1000, value=i) for i in range(3000)]
        self.site.run("migrate", code=0)
        self.site.put("a.msgpack", pack(*frames))
        self.site.run("drain", "--force", code=0)
        left = """SELECT sum(brin_summarize_new_values(i.oid))
                    FROM pg_class i JOIN pg_am m ON m.oid = i.relam AND m.amname = 'brin'
                   WHERE i.relkind = 'i' AND i.relnamespace = %s::regnamespace"""
        self.assertEqual(self.site.value(left, self.site.schema), 0)
        with self.site.daemon(env={"SPOOLGATE_LOG_LEVEL": "debug"}) as daemon:
            self.site.put("b.msgpack", pack(*frames[:-1]))
            wait_until(lambda: daemon.logged("msg=summarised"), "it is summarised")
            self.assertEqual(self.site.value(left, self.site.schema), 0)

    def test_the_loading_role_is_no_superuser(self):
        self.assertEqual(self.site.query("SELECT rolsuper, rolbypassrls FROM pg_roles"
                                         " WHERE rolname = current_user"), [(False, False)])

    def test_names_need_quotes(self):
        """A schema with blanks, capitals and quotes in its name."""
        site = type(self.site)(schema=f"e2e Odd'Name {self.site.schema}")
        self.addCleanup(site.close)
        receipt = site.load({"a.msgpack": pack(metric(value=1), event(), metric(value="x"))})
        self.assertEqual(conservation(receipt), (3, 3))
        self.assertEqual(site.query("SELECT value FROM metrics"), [(1.0,)])


if __name__ == "__main__":
    main()
