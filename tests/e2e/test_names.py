#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Names of any bytes, and what in incoming/ is not ours to claim."""
import errno
import hashlib
import json
import os
import socket
import threading
import time
import unittest

from support import (FINE, SiteCase, main, metric, pack, percent, seal,
                     wait_until, zstd)

ODD = [
    b"with space", b"new\nline", b"tab\there", b"-rf", b"--help", b"100%", b"%41", b"a;b|c&d$e`f`",
    b"quote\"'", b"back\\slash", b"star*?[x]", b"caf\xc3\xa9", b"not utf-8 \xff\xfe", b"{}", b"~", b"a.tmp",
    b"a.part", b"rejects", b"rejects.1", b".msgpack.zst"[1:], b"\x7f\x1b[31m",
    bytes(b for b in range(1, 128) if b not in b"/."),
    bytes(range(128, 256)),
]
LONGEST = 255 - len(b".msgpack")


def name(stem):
    return stem + b".msgpack"


class TestOddNames(SiteCase):
    def test_good_segments_of_any_name_are_loaded(self):
        stems = [*ODD, b"x" * LONGEST, b"\xff" * LONGEST, b"\n" * (LONGEST - 1)]
        segments = {name(stem): pack(metric(value=i)) for i, stem in enumerate(stems)}
        receipt = self.site.load(segments)
        self.assertEqual((receipt["segments_failed"], receipt["rows_loaded"]), (0, len(stems)))
        want = {percent(n) for n in segments}
        self.assertEqual({f["name"] for f in receipt["files"]}, want)
        self.assertEqual({n for (n,) in self.site.query("SELECT name FROM ingestion_segment")}, want)
        archive = os.fsencode(self.site.archive_of(receipt))
        for n, data in segments.items():
            with open(os.path.join(archive, n), "rb") as file:
                self.assertEqual(file.read(), data, n)

    def test_bad_segments_of_any_name_fail_with_a_reason(self):
        stems = [*ODD, b"x" * LONGEST, b"\xff" * LONGEST, b"y" * (LONGEST - len(b".reason.json"))]
        segments = {name(stem): b"\xc1" + b"%d" % i for i, stem in enumerate(stems)}
        receipt = self.site.load(segments)
        self.assertEqual(receipt["segments_failed"], len(stems))
        failed = os.fsencode(self.site.failed_of(receipt))
        reasons = {}
        for entry in os.listdir(failed):
            if entry.endswith(b".reason.json"):
                with open(os.path.join(failed, entry), "rb") as file:
                    reasons[entry] = json.load(file)
        self.assertEqual(len(reasons), len(stems))
        for n, data in segments.items():
            with self.subTest(n):
                if n != name(b"rejects"):  # makes way for the batch's own file of that name
                    with open(os.path.join(failed, n), "rb") as file:
                        self.assertEqual(file.read(), data)
                    stem = n if len(n) <= 255 - len(b".reason.json") else \
                        hashlib.sha256(n).hexdigest().encode()
                    self.assertEqual(reasons[stem + b".reason.json"]["segment"], percent(n))
        self.assertEqual({r["segment"] for r in reasons.values()}, {percent(n) for n in segments})

    def test_a_segment_named_as_the_rejects_file(self):
        """Good, bad, and beside real rejects: nobody's bytes are lost."""
        reject = pack(metric(value="x"))
        good = self.site.load({"rejects.msgpack": pack(metric(value=1)) + reject})
        self.assertEqual((self.site.archive_of(good) / "rejects.msgpack").read_bytes(),
                         pack(metric(value=1)) + reject)
        self.assertEqual((self.site.failed_of(good) / "rejects.msgpack").read_bytes(), reject)

        both = self.site.load({"rejects.msgpack": b"\xc1", "rejects.1.msgpack": b"\xc1\xc1",
                               "c.msgpack": pack(metric(value=2)) + reject})
        failed = self.site.failed_of(both)
        self.assertEqual((failed / "rejects.msgpack").read_bytes(), reject)
        contents = {n: (failed / n).read_bytes() for n in os.listdir(failed)}
        segments = {n: c for n, c in contents.items() if n.endswith(".msgpack")}
        self.assertEqual(sorted(segments.values()), sorted([b"\xc1", b"\xc1\xc1", reject]))
        # each failed segment has a reason under its own name
        for n, content in segments.items():
            if content != reject:
                reason = json.loads(contents[f"{n}.reason.json"])
                self.assertEqual(reason["bytes"], len(content), n)

    def test_receipt_finds_a_file_by_the_name_that_ls_shows(self):
        names = ["100%.msgpack", "a b.msgpack", "é.msgpack", "plain.msgpack"]
        self.site.load({n: pack(metric(value=i)) for i, n in enumerate(names)})
        for n in names:
            for spelled in {n, percent(n)}:
                with self.subTest(spelled):
                    found = self.site.run("receipt", "show", "--file", spelled, "--json", code=FINE)
                    self.assertEqual([(f["name"], f["fate"]) for f in found.json()],
                                     [(percent(n), "loaded")])

    def test_inspect_of_an_odd_name_is_still_json(self):
        path = os.path.join(os.fsencode(self.site.folder), name(b"odd \xff\n\""))
        with open(path, "wb") as file:
            file.write(pack(metric(value=1)))
        self.assertEqual(self.site.run("inspect", "--json", path, code=FINE).json()["frames"], 1)

    def test_logs_stay_one_line_an_event(self):
        self.site.configure("gates: {default: {open: {count: 2, bytes: 0, age: 0, idle: 0}}}")
        with self.site.daemon() as daemon:
            self.site.put(b"a\nts=1 level=error msg=forged.msgpack", b"\xc1")
            self.site.put(b"b\r\x1b[2J.msgpack", b"\xc1")
            self.site.wait_settled(1)
        for line in daemon.log.splitlines():
            self.assertRegex(line, r"^ts=\S+ level=(info|warn) msg=")
            self.assertTrue(line.isprintable(), line)


class TestLeftAlone(SiteCase):
    def test_what_is_not_ours_stays_and_is_reported_once(self):
        site = self.site
        site.run("migrate", code=FINE)
        site.put("trigger-0.msgpack", pack(metric(value=0)))
        incoming = site.spool / "incoming"
        data = pack(metric(value=666))
        (site.folder / "target.msgpack").write_bytes(data)

        (incoming / "link.msgpack").symlink_to(site.folder / "target.msgpack")
        (incoming / "dangling.msgpack").symlink_to("nowhere")
        os.mkfifo(incoming / "fifo.msgpack")
        (incoming / "folder.msgpack").mkdir()
        (incoming / "folder.msgpack" / "inside.msgpack").write_bytes(data)
        (incoming / "Capitals").mkdir()
        (incoming / "default").mkdir()
        (incoming / "default" / "inside.msgpack").write_bytes(data)
        (incoming / "gate").mkdir()
        (incoming / "gate" / "deeper").mkdir()
        (incoming / "gate" / "deeper" / "inside.msgpack").write_bytes(data)
        (incoming / "gate" / "gate-link.msgpack").symlink_to(site.folder / "target.msgpack")
        (incoming / "linked-gate").symlink_to(site.folder)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(incoming / "socket.msgpack"))
        for foreign in ("a.json", "a.msgpack.gz", "a.MSGPACK", "msgpack", "a.msgpack.zst.bak", "a.zst"):
            (incoming / foreign).write_bytes(data)
        quiet = [".hidden.msgpack", ".msgpack", "a.msgpack.tmp", "a.msgpack.part", ".gitkeep"]
        for hidden in quiet:
            (incoming / hidden).write_bytes(data)
        reported = {"link.msgpack", "dangling.msgpack", "fifo.msgpack", "folder.msgpack", "Capitals",
                    "default", "gate/deeper", "gate/gate-link.msgpack", "linked-gate",
                    "socket.msgpack", "a.json", "a.msgpack.gz", "a.MSGPACK", "msgpack",
                    "a.msgpack.zst.bak", "a.zst"}
        before = set(site.tree("incoming")) - {"trigger-0.msgpack"}

        with site.daemon() as daemon:
            # several scans, each with something to do
            for i in range(1, 4):
                site.put(f"trigger-{i}.msgpack", pack(metric(value=i)))
                wait_until(lambda i=i: site.value("SELECT count(*) FROM metrics") >= i + 1,
                           f"trigger {i} is loaded")
        self.assertEqual(set(site.tree("incoming")), before)
        self.assertEqual(sorted(v for (v,) in site.query("SELECT value FROM metrics")), [0, 1, 2, 3])
        lines = daemon.logged('msg="left alone"')
        self.assertEqual(sorted(line.split(" file=")[1].split(" ")[0] for line in lines),
                         sorted(f"incoming/{n}" for n in reported))
        self.assertEqual(site.places("inside.msgpack"), [
            "incoming/default/inside.msgpack", "incoming/folder.msgpack/inside.msgpack",
            "incoming/gate/deeper/inside.msgpack"])

    @unittest.skipIf(os.getuid() == 0, "root reads everything")
    def test_an_unreadable_file_stays_and_is_reported(self):
        self.site.put("a.msgpack", pack(metric(value=1)))
        path = self.site.spool / "incoming" / "a.msgpack"
        path.chmod(0)
        with self.site.daemon() as daemon:
            wait_until(lambda: daemon.logged("not readable by the daemon", "chmod"), "the report")
            self.site.put("b.msgpack", pack(metric(value=2)))
            self.site.wait_settled(1)
            self.assertEqual(self.site.in_folder("incoming"), ["a.msgpack"])
            path.chmod(0o640)
            self.site.wait_settled(2)
        self.assertEqual(len(daemon.logged("not readable")), 1)


class SlowWriter(threading.Thread):
    """Writes as cp and scp do: under the final name, a little at a time, and closes at the end."""

    def __init__(self, path, head):
        super().__init__(daemon=True)
        self.path, self.head = path, head
        self.finish = threading.Event()
        self.longest_pause = 0.0
        self.frames = 0

    def run(self):
        with open(self.path, "wb", buffering=0) as file:
            file.write(self.head)
            last = time.monotonic()
            while not self.finish.wait(0.05):
                file.write(pack(metric(source="slow", value=self.frames)))
                self.frames += 1
                now = time.monotonic()
                self.longest_pause, last = max(self.longest_pause, now - last), now
            file.write(pack(seal(self.frames + 1)))
            self.longest_pause = max(self.longest_pause, time.monotonic() - last)


class TestPlainCopies(SiteCase):
    config = "gates: {default: {open: {count: 1, bytes: 0, age: 0, idle: 0}}}"

    def write_slowly(self, path, while_open):
        """Runs while_open beside a slow writer. A machine that makes the writer pause for longer than the
        settling time makes the attempt void, not wrong: None."""
        writer = SlowWriter(path, pack(metric(source="slow", value=-1)))
        writer.start()
        try:
            while_open()
        finally:
            writer.finish.set()
            writer.join()
        return writer if writer.longest_pause < 1.5 else None

    def test_a_file_is_not_claimed_before_its_writer_closes_it(self):
        for attempt in range(20):
            path = self.site.spool / "incoming" / f"slow-{attempt}.msgpack"
            beside = f"beside-{attempt}.msgpack"

            def while_open(path=path, beside=beside):
                wait_until(lambda: (self.site.gate() or {}).get("unsettled") == 1, "status shows it")
                # a batch goes by, and the file is still being written
                self.site.put(beside, pack(metric(source=beside, value=0)))
                wait_until(lambda: self.site.value(
                    "SELECT count(*) FROM metrics WHERE source = %s", beside) == 1, "the other one")
                self.seen = path.exists()

            with self.site.daemon():
                writer = self.write_slowly(path, while_open)
                receipts = self.site.wait_settled(2 * attempt + 2)
            if writer:
                self.assertTrue(self.seen, "it was claimed before it was closed")
                self.assertEqual([r["segments_failed"] for r in receipts[-2:]], [0, 0])
                self.assertEqual(self.site.value(
                    "SELECT count(*) FROM metrics WHERE source = 'slow'"), writer.frames + 1)
                return
            self.site.query("DELETE FROM metrics")
        self.skipTest("this machine pauses for seconds")

    def test_a_file_that_was_being_written_when_the_daemon_started(self):
        self.site.run("migrate", code=FINE)
        self.site.put("first.msgpack", pack(metric(value=0)))
        for attempt in range(20):
            path = self.site.spool / "incoming" / f"slow-{attempt}.msgpack"

            def while_open(path=path):
                wait_until(path.exists, "the writer began")
                with self.site.daemon():
                    self.site.put(f"beside-{path.name}", pack(metric(source=path.name, value=0)))
                    wait_until(lambda: self.site.value(
                        "SELECT count(*) FROM metrics WHERE source = %s", path.name) == 1,
                               "another one is loaded")
                    self.seen = path.exists()

            writer = self.write_slowly(path, while_open)
            with self.site.daemon():
                wait_until(lambda path=path: [p for p in self.site.places(path.name)
                                              if p.startswith(("archive/", "failed/"))], "it is retired")
            if writer:
                self.assertTrue(self.seen, "it was claimed before it was closed")
                self.assertEqual(self.site.value(
                    "SELECT count(*) FROM metrics WHERE source = 'slow'"), writer.frames + 1)
                self.assertEqual([r["segments_failed"] for r in self.site.receipts()
                                  if r["segments_failed"]], [])
                return
            self.site.query("DELETE FROM metrics WHERE source = 'slow'")
        self.skipTest("this machine pauses for seconds")

    def test_an_old_file_is_claimed_without_having_been_seen_closed(self):
        """What stood there before the start is taken once it hasn't changed for 2 s."""
        (self.site.spool / "incoming").mkdir(parents=True)
        (self.site.spool / "incoming" / "a.msgpack.zst").write_bytes(zstd(pack(metric(value=1))))
        with self.site.daemon():
            self.site.wait_settled(1)
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])

    def test_a_hard_link_is_a_file_like_any_other(self):
        source = self.site.folder / "kept.msgpack"
        source.write_bytes(pack(metric(value=1)))
        with self.site.daemon():
            try:
                os.link(source, self.site.spool / "incoming" / "linked.msgpack")
            except OSError as refused:
                if refused.errno in (errno.EXDEV, errno.EPERM):
                    self.skipTest("no hard links here")
                raise
            self.site.wait_settled(1)
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1.0,)])
        self.assertTrue(source.exists())


if __name__ == "__main__":
    main()
