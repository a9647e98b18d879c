#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Deliberately broken inputs, each with its outcome. All of them arrive in one batch, beside good ones:
what is broken is put aside with its reason, and what is good lands."""
import datetime
import json
import os
import struct
import unittest

import msgpack

from support import (NOW, Site, SiteCase, conservation, event, main, metric, pack, seal, without,
                     zstd)

GOOD = pack(*(metric(source="good", value=i) for i in range(3)))


def nested(depth, innermost=0):
    value = innermost
    for _ in range(depth):
        value = [value]
    return value


def frame_with(key, raw, **keys):
    """A metric with one more key whose packed value is given as it is."""
    head = pack(metric(**keys))
    return bytes([head[0] + 1]) + head[1:] + pack(key) + raw


def torn_zstd():
    data = bytearray(zstd(GOOD * 50))
    data[len(data) // 2] ^= 0x55
    return bytes(data)


BOMB = zstd(pack(metric(filler=b"\0" * (15 << 20))) * 4, "-19")
assert len(BOMB) < 64 << 10, "the bomb has to be small on disk"

# limits of the site below: raw 70 MB, frame 16 MiB
SEGMENTS = {  # name: (bytes, the reason, or its beginning)
    "not-msgpack": (b"\xc1\xc1\xc1", "frame 0 at byte 0: not msgpack (byte 0xc1)"),
    "text": (b'{"kind": "metric"}\n', "frame 0 at byte 0 is not a msgpack map"),
    "good-then-garbage": (GOOD + b"\xc1", f"frame 3 at byte {len(GOOD)}: not msgpack"),
    "cut": (GOOD[:-3], f"frame 2 at byte {len(GOOD) // 3 * 2}: cut short"),
    "empty": (b"", "empty file (0 bytes)"),
    "array": (msgpack.packb([metric(), metric()]), "frame 0 at byte 0 is not a msgpack map"),
    "number": (GOOD + b"\x07", f"frame 3 at byte {len(GOOD)} is not a msgpack map"),
    "seal-too-many": (GOOD + pack(seal(4)), "sealed as 4 frames, but 3 are there"),
    "seal-too-few": (GOOD + pack(seal(2)), "sealed as 2 frames, but 3 are there"),
    "seal-without-count": (GOOD + pack({"kind": "seal"}), f"seal at byte {len(GOOD)} has no count"),
    "after-the-seal": (GOOD + pack(seal(3)) + GOOD, "bytes after the seal, at byte "),
    "deep": (pack(metric(labels=nested(64))), "frame 0 at byte 0: nested deeper than limits.depth"),
    "deep-for-ever": (b"\x91" * 100000, "frame 0 at byte 0: nested deeper than limits.depth"),
    "long-frame": (pack(metric(a=b"x" * (9 << 20), b=b"x" * (9 << 20))),
                   "frame at byte 0 is larger than limits.frame"),
    "long-string": (pack(metric(name="x" * ((16 << 20) + 1))),
                    "frame 0 at byte 0: a string is longer than limits.string"),
    "4-gib-string": (GOOD + b"\xdb\xff\xff\xff\xffabc",
                     f"frame 3 at byte {len(GOOD)}: a string is longer than limits.string"),
    "4-gi-keys": (b"\xdf\xff\xff\xff\xff", "frame 0 at byte 0: a map has more keys than limits.keys"),
    "4-gi-elements": (b"\x81\xa1a\xdd\xff\xff\xff\xff",
                      "frame 0 at byte 0: an array claims more elements than a frame can hold"),
    "10001-keys": (pack({str(i): i for i in range(10001)}),
                   "frame 0 at byte 0: a map has more keys than limits.keys"),
    "over-raw": (pack(metric(filler=b"\0" * (15 << 20))) * 5, "larger than limits.raw"),
}
COMPRESSED = {
    "not-zstd": (GOOD, "bad zstd near byte"),
    "torn": (torn_zstd(), "bad zstd near byte"),
    "cut": (zstd(GOOD * 50)[:-9], "cut short: the file ends inside a zstd frame"),
    "cut-header": (zstd(GOOD)[:3], "cut short: the file ends inside a zstd frame"),
    "second-frame-cut": (zstd(GOOD) + zstd(GOOD)[:-4], "cut short: the file ends inside a zstd frame"),
    "trailing": (zstd(GOOD) + b"no magic", "bad zstd near byte"),
    "empty": (b"", "empty file (0 bytes)"),
    "bomb": (BOMB, "expands more than 1000 times (limits.expansion)"),
    "window": (zstd(GOOD * 100000, "--long=27", "--ultra", "-22", "--no-content-size"),
               "zstd window is larger than limits.window"),
    "not-msgpack": (zstd(b"\xc1"), "frame 0 at byte 0: not msgpack (byte 0xc1)"),
    "seal-too-many": (zstd(GOOD + pack(seal(4))), "sealed as 4 frames, but 3 are there"),
}
BROKEN = {**{f"{n}.msgpack": v for n, v in SEGMENTS.items()},
          **{f"{n}.msgpack.zst": v for n, v in COMPRESSED.items()}}


def seconds(**delta):
    return int((NOW + datetime.timedelta(**delta)).timestamp())


BAD_UTF8 = {"lone continuation": b"\x80", "overlong": b"\xc0\xaf", "surrogate": b"\xed\xa0\x80",
            "too far": b"\xf4\x90\x80\x80", "cut": b"a\xe2\x82"}


def raw_str(data):
    return bytes([0xa0 | len(data)]) + data


# (what is wrong, frame, column or None, the reason or its beginning)
REJECTS = [
    ("no kind", without(metric(), "kind"), "kind", "the frame has no `kind`"),
    ("kind is a number", {**metric(), "kind": 5}, "kind", "the frame has no `kind`"),
    ("unknown kind", {**metric(), "kind": "metrics"}, "kind",
     'no stream takes frames of kind "metrics"'),
    ("an event by that key", {"event": "kb.nothing.v1"}, "kind",
     'no stream takes frames of kind "kb.nothing.v1"'),
    ("odd kind", {"kind": "\n\"é"}, "kind", 'no stream takes frames of kind "?"??"'),
    ("long kind", {"kind": "k" * 60}, "kind", f'no stream takes frames of kind "{"k" * 40}..."'),
    ("empty map", {}, "kind", "the frame has no `kind`"),
    ("no ts", without(metric(), "ts"), "ts", "the key is missing"),
    ("nil ts", metric(ts=None), "ts", "the key is missing"),
    ("no source", without(metric(), "source"), "source", "the key is missing"),
    ("no type", without(event(), "type"), "type", "the key is missing"),
    ("text as a number", metric(value="3"), "value", "double precision is wanted, but it is a string"),
    ("boolean as a number", metric(value=True), "value",
     "double precision is wanted, but it is a boolean"),
    ("map as a number", metric(value={}), "value", "double precision is wanted, but it is a map"),
    ("inexact integer", metric(value=2**53 + 1), "value", "an integer that double precision can't hold"),
    ("inexact negative", metric(value=-2**53 - 1), "value", "an integer that double precision can't hold"),
    ("number as text", metric(name=1), "name", "text is wanted, but it is an integer"),
    ("bytes as text", metric(name=b"n"), "name", "text is wanted, but it is binary"),
    ("array as text", event(id=["a"]), "id", "text is wanted, but it is an array"),
    ("NUL in text", metric(name="a\0b"), "name", "a NUL character, which Postgres text can't hold"),
    ("NUL in jsonb", metric(labels={"a": ["b\0"]}), "labels", "a NUL character, which jsonb can't hold"),
    ("NUL in a key of jsonb", metric(labels={"a\0": 1}), "labels",
     "a NUL character, which jsonb can't hold"),
    *((f"text: {what}", frame_with("name", raw_str(data)), "name", "not UTF-8 at byte")
      for what, data in BAD_UTF8.items()),
    *((f"jsonb: {what}", frame_with("labels", b"\x81\xa1k" + raw_str(data)), "labels",
       "text that is not UTF-8") for what, data in BAD_UTF8.items()),
    ("array as a key", frame_with("labels", b"\x81\x91\x01\x01"), "labels",
     "a map key that is not a scalar"),
    ("map as a key", frame_with("labels", b"\x81\x80\x01"), "labels", "a map key that is not a scalar"),
    ("binary as a key", frame_with("labels", b"\x81\xc4\x01a\x01"), "labels",
     "a map key that is not a scalar"),
    ("milliseconds", metric(ts=seconds() * 1000), "ts", "; it looks like milliseconds"),
    ("float milliseconds", metric(ts=seconds() * 1000.0), "ts", "; it looks like milliseconds"),
    ("too old", metric(ts=seconds(days=-3660)), "ts", "is outside the stream's window of times"),
    ("too far ahead", metric(ts=seconds(hours=25)), "ts", "is outside the stream's window of times"),
    ("1970", metric(ts=0), "ts", "1970-01-01T00:00:00Z is outside the stream's window of times"),
    ("year 9999", metric(ts="9999-12-31T23:59:59Z"), "ts", "is outside the stream's window of times"),
    ("NaN", metric(ts=float("nan")), "ts", "a number that is no time"),
    ("endless", metric(ts=2**64 - 1), "ts", "a number that is no time"),
    ("no offset", metric(ts="2026-11-21T00:00:00"), "ts", "not an RFC 3339 time with an offset"),
    ("no such day", metric(ts="2026-02-30T00:00:00Z"), "ts", "not an RFC 3339 time with an offset"),
    ("a word", metric(ts="yesterday"), "ts", 'not an RFC 3339 time with an offset: "yesterday"'),
    ("bad extension", metric(ts=msgpack.ExtType(7, b"12345678")), "ts",
     "extension type 7 of 8 bytes is no time"),
    ("1e9 nanoseconds", metric(ts=msgpack.ExtType(0, struct.pack(">II", seconds(), 10**9))), "ts",
     "extension type 0 of 8 bytes is no time"),
    ("boolean as a time", metric(ts=False), "ts", "timestamptz is wanted, but it is a boolean"),
]


class TestBrokenSegments(unittest.TestCase):
    """Each of them goes whole to failed/, with its reason; its neighbours land."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.receipt = cls.site.load(
            {"a-good.msgpack": GOOD,
             **{name: data for name, (data, _) in BROKEN.items()},
             "z-good.msgpack.zst": zstd(pack(*(metric(source="good", value=i) for i in (3, 4))))},
            config="limits: {raw: 70MB}\n")
        cls.failed = cls.site.failed_of(cls.receipt)

    def test_the_neighbours_land_and_nothing_else(self):
        self.assertEqual(self.site.query("SELECT source, value FROM metrics ORDER BY value"),
                         [("good", float(i)) for i in range(5)])
        self.assertEqual(self.site.in_folder(self.site.archive_of(self.receipt)),
                         ["a-good.msgpack", "z-good.msgpack.zst"])

    def test_the_receipt_counts_them(self):
        r = self.receipt
        self.assertEqual(
            {k: r[k] for k in ("status", "error", "file_count", "segments_failed", "frames_total",
                               "rows_loaded", "frames_rejected", "frames_skipped")},
            {"status": "done", "error": None, "file_count": len(BROKEN) + 2,
             "segments_failed": len(BROKEN), "frames_total": 5, "rows_loaded": 5,
             "frames_rejected": 0, "frames_skipped": 0})
        self.assertEqual(r["bytes_total"], sum(len(d) for d, _ in BROKEN.values()) + sum(
            (self.site.archive_of(r) / n).stat().st_size for n in ("a-good.msgpack", "z-good.msgpack.zst")))
        self.assertEqual({f["name"] for f in r["files"] if "failed" in f}, set(BROKEN))

    def test_each_has_its_reason(self):
        listed = {f["name"]: f["failed"] for f in self.receipt["files"] if "failed" in f}
        for name, (data, want) in BROKEN.items():
            with self.subTest(name):
                self.assertEqual((self.failed / name).read_bytes(), data)
                reason = json.loads((self.failed / f"{name}.reason.json").read_text())
                failed_at = datetime.datetime.fromisoformat(reason.pop("failed_at"))
                self.assertLess(abs(failed_at - NOW), datetime.timedelta(hours=1))
                text = reason.pop("reason")
                self.assertEqual(text[:len(want)], want)
                self.assertEqual(listed[name], text)
                self.assertEqual(reason, {"segment": name, "batch_id": str(self.receipt["batch_id"]),
                                          "gate": "default", "bytes": len(data)})

    def test_nothing_else_is_in_the_failed_folder(self):
        self.assertEqual(self.site.in_folder(self.failed),
                         sorted([*BROKEN, *(f"{n}.reason.json" for n in BROKEN)]))

    def test_they_have_no_ledger_row(self):
        self.assertEqual(self.site.query("SELECT name FROM ingestion_segment ORDER BY name"),
                         [("a-good.msgpack",), ("z-good.msgpack.zst",)])
        self.assertEqual(self.site.query("SELECT * FROM ingestion_reject"), [])

    def test_inspect_says_the_same(self):
        self.site.configure("limits: {raw: 70MB}\n")
        listed = {f["name"]: f["failed"] for f in self.receipt["files"] if "failed" in f}
        for name in BROKEN:
            with self.subTest(name):
                ended = self.site.run("inspect", "--json", str(self.failed / name), code=65)
                self.assertEqual(ended.json()["error"], listed[name])


class TestBrokenFrames(unittest.TestCase):
    """Each of them is rejected, between two good neighbours."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        bad = [pack(frame) for _, frame, _, _ in REJECTS]
        good = [pack(metric(source="good", value=i)) for i in range(len(bad) + 1)]
        cls.frames = [f for pair in zip(good, bad) for f in pair] + good[-1:]
        cls.bad = bad
        half = len(REJECTS)  # even: a good frame begins the second segment
        half -= half % 2
        cls.segments = {"a.msgpack": b"".join(cls.frames[:half]),
                        "b c.msgpack.zst": zstd(b"".join(cls.frames[half:]))}
        cls.split = half
        cls.receipt = cls.site.load(cls.segments)

    def test_the_neighbours_land(self):
        self.assertEqual(self.site.query("SELECT value FROM metrics ORDER BY value"),
                         [(float(i),) for i in range(len(REJECTS) + 1)])
        self.assertEqual(self.site.value("SELECT count(*) FROM events"), 0)

    def test_the_receipt_counts_them(self):
        r, n = self.receipt, len(REJECTS)
        self.assertEqual((r["status"], r["frames_total"], r["rows_loaded"], r["frames_rejected"],
                          r["frames_skipped"], r["segments_failed"]),
                         ("done", 2 * n + 1, n + 1, n, 0, 0))
        self.assertEqual(sum(f["rejected"] for f in r["files"]), n)

    def test_each_has_its_row(self):
        rows = {(s, i): rest for s, i, *rest in self.site.query(
            "SELECT segment, frame_index, byte_offset, column_name, reason, sqlstate, batch_id"
            " FROM ingestion_reject")}
        self.assertEqual(len(rows), len(REJECTS))
        for nr, (what, _, column, reason) in enumerate(REJECTS):
            with self.subTest(what):
                at = 2 * nr + 1
                first = 0 if at < self.split else self.split
                segment = "a.msgpack" if at < self.split else "b%20c.msgpack.zst"
                offset = sum(map(len, self.frames[first:at]))
                got = rows[(segment, at - first)]
                self.assertEqual([got[0], got[1], *got[3:]],
                                 [offset, column, None, self.receipt["batch_id"]])
                self.assertIn(reason, got[2])

    def test_the_original_bytes_are_kept_and_can_be_dropped_in_again(self):
        rejects = (self.site.failed_of(self.receipt) / "rejects.msgpack").read_bytes()
        self.assertEqual(rejects, b"".join(self.bad))
        self.assertEqual(self.site.in_folder(self.site.failed_of(self.receipt)), ["rejects.msgpack"])
        again = self.site.load({"again.msgpack": rejects})
        self.assertEqual((again["frames_total"], again["frames_rejected"]), (len(REJECTS),) * 2)

    def test_inspect_says_the_same(self):
        path = self.site.folder / "a.msgpack"
        path.write_bytes(self.segments["a.msgpack"])
        report = self.site.run("inspect", "--json", str(path), code=0).json()
        rows = self.site.query("SELECT frame_index, byte_offset, column_name, reason"
                               " FROM ingestion_reject WHERE batch_id = %s AND segment = 'a.msgpack'"
                               " ORDER BY frame_index", self.receipt["batch_id"])
        self.assertEqual(report["frames_rejected"], len(rows))
        self.assertEqual([(r["index"], r["offset"], r["column"], r["reason"])
                          for r in report["rejects"]], rows[:20])


class TestOutcomes(SiteCase):
    def test_a_batch_of_nothing_good_is_failed(self):
        receipt = self.site.load({"a.msgpack": b"\xc1", "b.msgpack": b""})
        self.assertEqual((receipt["status"], receipt["segments_failed"], receipt["frames_total"]),
                         ("failed", 2, 0))
        self.assertTrue(receipt["error"])
        self.assertFalse(self.site.archive_of(receipt).exists())

    def test_all_rejected_is_no_duplicate_the_next_time(self):
        data = pack(metric(value="x"))
        first = self.site.load({"a.msgpack": data})
        second = self.site.load({"b.msgpack": data})
        for receipt in (first, second):
            self.assertEqual((receipt["status"], receipt["frames_rejected"],
                              receipt["frames_skipped"]), ("done", 1, 0))

    def test_a_row_that_the_server_refuses_is_a_reject(self):
        """A constraint that we know nothing of: the row goes, with its SQLSTATE, and the others land."""
        self.site.run("migrate", code=0)
        self.site.query("ALTER TABLE metrics ADD CONSTRAINT small CHECK (value < 10)")
        refused, wrong = pack(metric(value=11)), pack(metric(value="x"))
        receipt = self.site.load({"a.msgpack": pack(metric(value=1)) + wrong,
                                  "b.msgpack": pack(metric(value=2)) + refused + pack(metric(value=3))})
        self.assertEqual((receipt["status"], receipt["rows_loaded"], receipt["frames_rejected"],
                          receipt["segments_failed"]), ("done", 3, 2, 0))
        self.assertEqual(*conservation(receipt))
        self.assertEqual(self.site.query("SELECT value FROM metrics ORDER BY 1"), [(1,), (2,), (3,)])
        self.assertEqual(self.site.query("SELECT segment, frame_index, byte_offset, sqlstate"
                                         " FROM ingestion_reject ORDER BY segment"),
                         [("a.msgpack", 1, len(pack(metric(value=1))), None),
                          ("b.msgpack", 1, len(pack(metric(value=2))), "23514")])
        self.assertEqual((self.site.failed_of(receipt) / "rejects.msgpack").read_bytes(),
                         wrong + refused)

    def test_a_file_that_grows_while_it_waits_is_judged_whole(self):
        """Renamed in too early, its writer goes on: what counts is what stands there at the claim."""
        self.site.configure("gates: {default: {open: {count: 2, bytes: 0, age: 0, idle: 0}}}")
        with self.site.daemon():
            self.site.put("a.msgpack", GOOD[:-1])
            with open(self.site.spool / "incoming" / "a.msgpack", "ab") as writer:
                writer.write(GOOD[-1:])
            self.site.put("b.msgpack", pack(metric(value=9)))
            receipt, = self.site.wait_settled(1)
        self.assertEqual((receipt["segments_failed"], receipt["rows_loaded"]), (0, 4))
        self.assertEqual(os.listdir(self.site.spool / "failed"), [])


if __name__ == "__main__":
    main()
