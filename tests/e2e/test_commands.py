#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each command, its flags, its exit codes and what it prints."""
import datetime
import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import unittest

import msgpack

from support import (BIN, CANT_CREATE, CONFIG, DATA, EXACTLY, FINE, NOW, TRY_AGAIN, UNAVAILABLE, USAGE,
                     Site, SiteCase, database_url, event, main, metric, pack, seal, wait_until, zstd)
from test_database_down import NOBODY, LockedTable

COMMANDS = ["run", "drain", "put", "inspect", "status", "receipt", "retry", "fail", "gate", "migrate",
            "plan", "apply", "maintain", "doctor", "sink", "dlq", "index", "help"]


def put_lines(*values, ts=NOW):
    return b"".join(json.dumps({"kind": "metric", "ts": ts.isoformat(), "source": "put", "name": "n",
                                "value": v}).encode() + b"\n" for v in values)


class TestHelpAndUsage(SiteCase):
    def test_the_overview(self):
        overview = self.site.run("--help", code=FINE)
        self.assertEqual(overview.out, self.site.run("help", code=FINE).out)
        self.assertEqual(overview.out, self.site.run("-h", code=FINE).out)
        for command in COMMANDS:
            self.assertRegex(overview.text, rf"(?m)^  {command} ")
        bare = self.site.run(code=USAGE)
        self.assertEqual(bare.out, overview.out)

    def test_every_command_explains_itself(self):
        for command in COMMANDS:
            with self.subTest(command):
                told = self.site.run(command, "--help", code=FINE)
                self.assertIn(f"Usage: spoolgate {'COMMAND' if command == 'help' else command}",
                              told.out.decode())
                self.assertEqual(told.err, b"")
                self.assertEqual(told.out, self.site.run(command, "-h", code=FINE).out)
                if command != "help":
                    self.assertEqual(told.out, self.site.run("help", command, code=FINE).out)
        self.assertFalse(self.site.spool.exists(), "--help touches nothing")

    def test_every_key_is_in_help_config(self):
        keys = self.site.run("help", "config", code=FINE).text
        for key in ("spool", "database", "schema", "log.format", "limits.raw", "gates.*.open.count"):
            self.assertRegex(keys, rf"(?m)^  {re.escape(key)}: ")

    def test_version(self):
        for flag in ("--version", "-V"):
            self.assertRegex(self.site.run(flag, code=FINE).text, r"^spoolgate \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        cases = [
            (["frobnicate"], "unknown command `frobnicate`"),
            (["statsu"], "did you mean `status`?"),
            *(([c, "--frobnicate"], "unknown option --frobnicate") for c in COMMANDS if c != "help"),
            (["status", "-q"], "unknown option -q"),
            (["status", "--config"], "a value is missing after --config"),
            (["status", "extra"], "no arguments are taken"), (["run", "extra"], "no arguments are taken"),
            (["drain", "extra"], "no arguments are taken"), (["migrate", "x"], "no arguments are taken"),
            (["maintain", "x"], "no arguments are taken"),
            (["plan", "x"], "no arguments are taken"), (["apply", "x"], "no arguments are taken"),
            (["apply", "--allow", "all"], "--allow wants"), (["apply", "--allow", ""], "--allow wants"),
            (["apply", "--allow", "type,"], "--allow wants"),
            (["put", "a", "b"], "one input at most"), (["inspect"], "one segment is wanted"),
            (["inspect", "a", "b"], "one segment is wanted"), (["receipt"], "is wanted"),
            (["receipt", "show"], "is wanted"), (["receipt", "lost"], "is wanted"),
            (["receipt", "list", "--limit", "x"], "--limit wants a number"),
            (["gate", "hold"], "are wanted"), (["gate", "lift", "default"], "are wanted"),
            (["put", "--gate", "../up"], "a gate's name"), (["put", "--gate", "UP"], "a gate's name"),
            (["put", "-o", "a.json"], "can't be a segment's name"),
            (["put", "-o", "a/b.msgpack"], "can't be a segment's name"),
            (["put", "-o", ".a.msgpack"], "can't be a segment's name"),
            (["put", "-o", "x" * 248 + ".msgpack"], "can't be a segment's name"),
            (["put", "-o", "a.msgpack", "--zstd"], ".msgpack.zst goes with --zstd"),
            (["put", "-o", "a.msgpack.zst"], ".msgpack.zst goes with --zstd"),
            (["put", "/nonexistent/file"], "No such file"), (["help", "nothing"], "no such topic"),
        ]
        for args, says in cases:
            with self.subTest(args):
                ended = self.site.run(*args, stdin=put_lines(1), code=USAGE)
                self.assertIn(says, ended.err.decode())
                self.assertEqual(ended.out, b"")
                self.assertEqual(ended.err.count(b"\n"), 1)
        self.assertEqual(self.site.in_folder("incoming") + self.site.in_folder("tmp"), [])

    def test_results_go_to_stdout_even_when_that_is_full(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BIN, "--help"], stdout=full, stderr=subprocess.PIPE, check=False,
                                  env=self.site.environment)
        self.assertEqual(done.returncode, CANT_CREATE)
        self.assertIn(b"No space left", done.stderr)


class TestConfig(SiteCase):
    def test_mistakes_are_shown_with_their_place(self):
        cases = [
            ("spoool: x\n", r":1:1: unknown key `spoool`; did you mean `spool`\?"),
            ("log:\n  formt: json\n", r":2:3: unknown key `log.formt`; did you mean `log.format`\?"),
            ("log:\n  format: xml\n", r":2:3: `log.format` can't be `xml`; it is one of logfmt, json"),
            ("gates:\n  fast:\n    open:\n      cuont: 5\n", r":4:7: unknown key `gates.fast.open.cuont`"),
            ("gates: {FAST: {open: {count: 5}}}\n", r":1:\d+: `FAST` can't be a gate's name"),
            ("rescan: soon\n", r":1:1: `soon` is not a duration"),
            ("rescan: 1ms\n", r":1:1: `1ms` is out of range"),
            ("loaders: 99\n", r":1:1: `99` is out of range"),
            ("limits: {frame: -1}\n", r":1:10: `-1` is not a size"),
            ("spool: [a]\n", r":1:1: a single value is wanted"),
            ("- a\n", r":1:1: a mapping"),
            ("a: {b\n", r":\d+:\d+: "),
        ]
        for text, says in cases:
            with self.subTest(text):
                self.site.configure(text)
                ended = self.site.run("status", code=CONFIG)
                self.assertRegex(ended.err.decode(),
                                 "^spoolgate: " + re.escape(self.site.environment["SPOOLGATE_CONFIG"]) + says)

    def test_an_empty_file_is_a_file_of_defaults(self):
        self.site.run("put", stdin=put_lines(1), code=FINE)
        for text in ("\n", "# nothing but a comment\n", "---\n", "{}\n"):
            with self.subTest(text):
                self.site.configure(text)
                self.site.run("status", code=FINE)
        (self.site.folder / "spoolgate.yaml").write_text("")
        self.site.run("status", code=FINE)

    def test_a_missing_file(self):
        self.assertIn("can't open /nonexistent",
                      self.site.run("status", "-c", "/nonexistent", code=CONFIG).err.decode())

    def test_flags_win_over_environment_over_file(self):
        other = self.site.folder / "other"
        from_env = self.site.folder / "from-env"
        self.site.configure(f"spool: {self.site.folder / 'from-file'}\n")
        made = self.site.run("put", "--spool", str(other), stdin=put_lines(1), code=FINE,
                             env={"SPOOLGATE_SPOOL": str(from_env)})
        self.assertTrue(made.text.startswith(f"{other}/incoming/"))
        made = self.site.run("put", stdin=put_lines(1), code=FINE, env={"SPOOLGATE_SPOOL": str(from_env)})
        self.assertTrue(made.text.startswith(f"{from_env}/incoming/"))
        made = self.site.run("put", stdin=put_lines(1), code=FINE, env={"SPOOLGATE_SPOOL": ""})
        self.assertTrue(made.text.startswith(f"{self.site.folder / 'from-file'}/incoming/"))

    def test_the_file_beside_the_caller(self):
        """./spoolgate.yaml is found where neither flag nor variable names another."""
        del self.site.environment["SPOOLGATE_CONFIG"]
        del self.site.environment["SPOOLGATE_SPOOL"]
        self.site.configure(f"spool: {self.site.folder}/by-file\n")
        self.assertTrue(self.site.run("put", stdin=put_lines(1), code=FINE).text.startswith(
            f"{self.site.folder}/by-file/"))

    def test_database_url_is_honoured(self):
        del self.site.environment["SPOOLGATE_DATABASE"]
        self.site.run("migrate", code=FINE, env={"DATABASE_URL": self.site.url})
        self.assertEqual(self.site.receipts(), [])
        # the name of our own wins
        self.site.run("receipt", "list", code=FINE, env={"DATABASE_URL": NOBODY,
                                                         "SPOOLGATE_DATABASE": self.site.url})
        self.site.run("receipt", "list", code=UNAVAILABLE, env={"DATABASE_URL": NOBODY})
        self.site.run("receipt", "list", "--database", self.site.url, code=FINE,
                      env={"DATABASE_URL": NOBODY, "SPOOLGATE_DATABASE": NOBODY})


class TestPut(SiteCase):
    def read(self, path, compressed=False):
        with open(path, "rb") as file:
            data = file.read()
        if compressed:
            data = subprocess.run(["zstd", "-q", "-d", "-c"], input=data, capture_output=True,
                                  check=True).stdout
        return list(msgpack.Unpacker(io.BytesIO(data)))

    def test_lines_become_a_sealed_segment(self):
        line = {"kind": "event", "ts": "2026-01-02T03:04:05Z", "source": "é", "type": "t",
                "payload": {"a": [1, -2, 2.5, None, True, "x", 2**53], "b": {}}}
        text = json.dumps(line).encode() + b"\r\n\n  \t\n" + json.dumps({"kind": "x"}).encode()
        ended = self.site.run("put", stdin=text, code=FINE)
        path = ended.out.decode().removesuffix("\n")
        self.assertRegex(path, rf"^{re.escape(str(self.site.spool))}/incoming/put-[0-9a-f-]{{36}}\.msgpack$")
        self.assertEqual(self.read(path), [line, {"kind": "x"}, seal(2)])
        self.assertEqual(self.site.in_folder("tmp"), [])

    def test_names_gates_and_compression(self):
        file = self.site.folder / "lines.json"
        file.write_bytes(put_lines(1, 2))
        for args, where, compressed in (
                ([], None, False), (["-o", "a.msgpack"], "a.msgpack", False),
                (["--name", "a b.msgpack.zst", "--zstd"], "a b.msgpack.zst", True),
                (["-z"], None, True), (["-g", "mine", "-o", "g.msgpack"], "mine/g.msgpack", False),
                (["--gate", "default", "-o", "d.msgpack"], "d.msgpack", False)):
            for source in ([], ["-"], [str(file)]):
                with self.subTest(args=args, source=source):
                    if where and (path := self.site.spool / "incoming" / where).exists():
                        path.unlink()
                    path = self.site.run("put", *args, *source, stdin=put_lines(1, 2),
                                         code=FINE).out.decode().removesuffix("\n")
                    if where:
                        self.assertEqual(path, f"{self.site.spool}/incoming/{where}")
                    self.assertEqual([f.get("value") for f in self.read(path, compressed)], [1, 2, None])

    def test_a_name_that_is_taken(self):
        self.site.run("put", "-o", "a.msgpack", stdin=put_lines(1), code=FINE)
        before = (self.site.spool / "incoming" / "a.msgpack").read_bytes()
        ended = self.site.run("put", "-o", "a.msgpack", stdin=put_lines(2), code=CANT_CREATE)
        self.assertIn("File exists", ended.err.decode())
        self.assertEqual((self.site.spool / "incoming" / "a.msgpack").read_bytes(), before)
        self.assertEqual(self.site.in_folder("tmp"), [])

    def test_a_wrong_line_leaves_nothing(self):
        good = put_lines(1)
        cases = [
            (good + b'{"kind": }\n', "stdin:2:10: "),
            (good + good + b"[1, 2]\n", "stdin:3:1: a frame is a JSON object"),
            (b'"text"\n', "stdin:1:"),
            (b"\n\nnothing\n", "stdin:3:"),
            (b'{"a": 1, "a": 2}\n', "stdin:1:"),
            (b'{"a": "\xff"}\n', "stdin:1:"),
            (b'{"a": "\\ud800"}\n', "stdin:1:"),
            (b'{"a": "\\u0000"}\n', "stdin:1:"),
            (b'{"a": 1e999}\n', "stdin:1:"),
            (b'{"a": 99999999999999999999}\n', "stdin:1:"),
            (b'{"a": 1} {"b": 2}\n', "stdin:1:"),
            (good * 20000 + b"x", "stdin:20001:1: "),
            (b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}\n", "stdin:1:"),
            (b"", "stdin holds no frame"), (b"\n \n", "stdin holds no frame"),
        ]
        for flags in ([], ["--zstd"]):
            for text, says in cases:
                with self.subTest(text=text[-40:], flags=flags):
                    ended = self.site.run("put", *flags, stdin=text, code=DATA)
                    self.assertEqual(ended.err.decode()[:len("spoolgate: " + says)], "spoolgate: " + says)
                    self.assertEqual(ended.out, b"")
                    self.assertEqual(self.site.in_folder("tmp") + self.site.in_folder("incoming"), [])

    def test_a_line_that_would_spoil_the_segment_is_refused(self):
        """A seal is put's own business: one among the lines would make the whole segment fail."""
        for line in (b'{"kind":"seal","frames":1}\n', b'{"kind":"seal"}\n'):
            with self.subTest(line):
                ended = self.site.run("put", stdin=put_lines(1) + line, code=DATA)
                self.assertIn("stdin:2:", ended.err.decode())
                self.assertEqual(self.site.in_folder("tmp") + self.site.in_folder("incoming"), [])

    def test_a_spool_that_cannot_be_made(self):
        ended = self.site.run("put", "--spool", "/proc/nowhere/spool", stdin=put_lines(1),
                              code=CANT_CREATE)
        self.assertIn("/proc/nowhere/spool", ended.err.decode())

    def test_killed_in_the_middle(self):
        """Nothing is published; the draft is hidden, and the producer's."""
        process = subprocess.Popen([BIN, "put"], stdin=subprocess.PIPE, env=self.site.environment,
                                   cwd=self.site.folder)
        try:
            process.stdin.write(put_lines(1))
            process.stdin.flush()
            wait_until(lambda: self.site.in_folder("tmp"), "the draft")
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
        self.assertEqual(self.site.in_folder("incoming"), [])
        (draft,) = self.site.in_folder("tmp")
        self.assertRegex(draft, r"^\..*\.tmp$")

    def test_what_was_put_is_loaded(self):
        self.site.run("put", "--zstd", stdin=put_lines(1, 2.5, -3), code=FINE)
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual(self.site.query("SELECT value FROM metrics ORDER BY 1"), [(-3,), (1,), (2.5,)])

    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=FINE)


class TestInspect(SiteCase):
    def write(self, name, data):
        path = self.site.folder / name
        path.write_bytes(data)
        return str(path)

    def test_text_json_and_frames(self):
        frames = [metric(ts="2026-01-02T03:04:05Z", value=1, extra=1),
                  metric(ts="2026-01-03T00:00:00Z", value="x"),
                  event(ts="2026-01-04T00:00:00.5Z", payload={"nan": float("nan"), "b": b"\x01"})]
        data = pack(*frames, seal(3))
        path = self.write("a.msgpack.zst", zstd(data))
        digest = hashlib.sha256(data).hexdigest()
        size = os.path.getsize(path)
        second = len(pack(frames[0]))
        rejects = [{"index": 1, "offset": second, "column": "value",
                    "reason": "double precision is wanted, but it is a string"}]
        self.assertEqual(self.site.run("inspect", "--json", path, code=FINE).json(), {
            "segment": path, "error": None, "bytes": size, "bytes_raw": len(data), "sha256": digest,
            "sealed": True, "frames": 3, "frames_rejected": 1, "keys_ignored": 1, "numbers_nulled": 1,
            "ts_min": "2026-01-02T03:04:05Z", "ts_max": "2026-01-04T00:00:00.5Z",
            "streams": {"metrics": 1, "events": 1, "knowledge": 0}, "rejects": rejects})
        text = self.site.run("inspect", path, code=FINE).text
        for part in (path, digest, "3 frames, sealed; 1 would be rejected", "metrics", "events",
                     "from 2026-01-02T03:04:05Z to 2026-01-04T00:00:00.5Z",
                     f"frame 1 at byte {second}, value: double precision is wanted"):
            self.assertIn(part, text)
        lines = [json.loads(line) for line in
                 self.site.run("inspect", "--frames", path, code=FINE).out.splitlines()]
        self.assertEqual([(f["index"], f["offset"], f["bytes"], f.get("column"), "reject" in f)
                          for f in lines],
                         [(0, 0, second, None, False),
                          (1, second, len(pack(frames[1])), "value", True),
                          (2, second + len(pack(frames[1])), len(pack(frames[2])), None, False)])
        self.assertEqual(lines[0]["frame"], frames[0])
        self.assertEqual(lines[2]["frame"]["payload"], {"nan": None, "b": {"$bin": "AQ=="}})

    def test_many_rejects_are_cut_short(self):
        path = self.write("a.msgpack", pack(metric(value="x")) * 25)
        self.assertIn("... and 5 more", self.site.run("inspect", path, code=FINE).text)
        report = self.site.run("inspect", "--json", path, code=FINE).json()
        self.assertEqual((report["frames_rejected"], len(report["rejects"])), (25, 20))

    def test_what_cannot_be_loaded(self):
        path = self.write("a.msgpack", pack(metric(value=1)) + b"\xc1")
        ended = self.site.run("inspect", path, code=DATA)
        self.assertIn("can't be loaded: frame 1", ended.out.decode())
        report = self.site.run("inspect", "--json", path, code=DATA).json()
        self.assertIn("frame 1 at byte", report["error"])
        self.assertIsNone(report["sha256"])
        lines = self.site.run("inspect", "--frames", path, code=DATA).out.splitlines()
        self.assertEqual(len(lines), 1)

    def test_what_is_no_file(self):
        os.mkfifo(self.site.folder / "fifo.msgpack")
        (self.site.folder / "link.msgpack").symlink_to("fifo.msgpack")
        for name in ("fifo.msgpack", "link.msgpack", "."):
            with self.subTest(name):
                ended = self.site.run("inspect", str(self.site.folder / name), code=DATA)
                self.assertIn("not a regular file", ended.text)
        self.assertIn("No such file", self.site.run("inspect", "/nonexistent.msgpack",
                                                    code=CANT_CREATE).text)

    def test_it_touches_nothing(self):
        path = self.write("a.msgpack", pack(metric(value=1)))
        before = sorted(os.listdir(self.site.folder))
        self.site.run("inspect", path, code=FINE, env={"SPOOLGATE_DATABASE": NOBODY})
        self.assertEqual(sorted(os.listdir(self.site.folder)), before)


class TestReceipt(SiteCase):
    def setUp(self):
        super().setUp()
        self.first = self.site.load({"a.msgpack": pack(metric(value=1), metric(value="x")),
                                     "bad.msgpack": b"\xc1"})
        self.second = self.site.load({"b.msgpack.zst": zstd(pack(event())),
                                      "again.msgpack": pack(metric(value=1), metric(value="x"))})

    def test_list(self):
        listed = self.site.run("receipt", "list", "--json", code=FINE).json()
        self.assertEqual([r["batch_id"] for r in listed],
                         [str(self.second["batch_id"]), str(self.first["batch_id"])])
        self.assertNotIn("files", listed[0])
        self.assertEqual(len(self.site.run("receipt", "list", "-n", "1", "--json", code=FINE).json()), 1)
        self.assertEqual(self.site.run("receipt", "list", "-g", "none", "--json", code=FINE).json(), [])
        text = self.site.run("receipt", "list", code=FINE).text
        self.assertEqual([line.split()[0] for line in text.splitlines()],
                         ["BATCH", self.second["batch_tag"], self.first["batch_tag"]])
        self.assertIn("No receipts yet", self.site.run("receipt", "list", "-g", "none", code=FINE).text)

    def test_show_by_id_beginning_and_tag(self):
        batch = str(self.first["batch_id"])
        other = str(self.second["batch_id"])
        unique = next(batch[:n] for n in range(8, 37) if batch[:n] != other[:n])
        for what in (batch, unique, self.first["batch_tag"]):
            with self.subTest(what):
                shown = self.site.run("receipt", "show", what, "--json", code=FINE).json()
                self.assertEqual(shown["batch_id"], batch)
                self.assertEqual({f["name"] for f in shown["files"]}, {"a.msgpack", "bad.msgpack"})
                self.assertEqual([r["reason"] for r in shown["rejects"]],
                                 ["double precision is wanted, but it is a string"])
        text = self.site.run("receipt", "show", batch, code=FINE).text
        archive = self.site.archive_of(self.first).relative_to(self.site.spool)
        for part in (self.first["batch_tag"], "done", "default: count 2 reached", f"SPOOL/{archive}",
                     f"SPOOL/failed/{batch}", "2 = 1 loaded + 1 rejected + 0 skipped", "metrics: 1 row",
                     "bad.msgpack  FAILED: frame 0 at byte 0: not msgpack",
                     "a.msgpack frame 1 at byte"):
            self.assertIn(part, text)

    def test_what_is_not_there(self):
        for what in ("no-such-tag", "00000000", "%", "_______________", str(self.first["batch_id"])[:7],
                     "'; DROP TABLE metrics; --", "\\"):
            with self.subTest(what):
                self.assertIn("no receipt has the id or tag", self.site.run(
                    "receipt", "show", what, code=USAGE).err.decode())

    def test_a_beginning_that_fits_several(self):
        """Two batches of the same second share the first characters of their ids."""
        self.site.query("INSERT INTO ingestion_manifest SELECT (jsonb_populate_record(m, jsonb_build_object("
                        "'batch_id', left(batch_id::text, 35) || 'f'))).* FROM ingestion_manifest m"
                        " WHERE batch_id = %s AND right(batch_id::text, 1) <> 'f'"
                        " UNION ALL SELECT (jsonb_populate_record(m, jsonb_build_object("
                        "'batch_id', left(batch_id::text, 35) || '0'))).* FROM ingestion_manifest m"
                        " WHERE batch_id = %s AND right(batch_id::text, 1) = 'f'",
                        self.first["batch_id"], self.first["batch_id"])
        self.assertIn("several", self.site.run("receipt", "show", str(self.first["batch_id"])[:35],
                                               code=USAGE).err.decode())

    def test_file(self):
        digest = hashlib.sha256(pack(event())).hexdigest()
        cases = {
            "b.msgpack.zst": [("b.msgpack.zst", "loaded", self.second)],
            digest: [("b.msgpack.zst", "loaded", self.second)],
            "bad.msgpack": [("bad.msgpack", "failed", self.first)],
            "again.msgpack": [("again.msgpack", "duplicate", self.second)],
            "nothing.msgpack": [],
        }
        for what, want in cases.items():
            with self.subTest(what):
                found = self.site.run("receipt", "show", "--file", what, "--json", code=FINE).json()
                self.assertEqual([(f["name"], f["fate"], f["batch_id"]) for f in found],
                                 [(n, fate, str(r["batch_id"])) for n, fate, r in want])
        text = self.site.run("receipt", "show", "--file", "again.msgpack", code=FINE).text
        self.assertIn(f"duplicate of batch {self.first['batch_id']}", text)
        self.assertIn("failed: frame 0", self.site.run(
            "receipt", "show", "--file", "bad.msgpack", code=FINE).text)
        self.assertIn("No batch has seen", self.site.run(
            "receipt", "show", "--file", "nothing.msgpack", code=FINE).text)


class TestStatusAndGates(SiteCase):
    def test_without_a_daemon(self):
        self.assertIn("can't open the spool", self.site.run("status", code=CANT_CREATE).text)
        self.site.run("put", "-o", "a.msgpack", stdin=put_lines(1), code=FINE)
        self.site.run("put", "-g", "mine", stdin=put_lines(1), code=FINE)
        status = self.site.run("status", "--json", code=FINE).json()
        self.assertEqual((status["daemon"], status["loading"], status["recent"]), (None, [], []))
        self.assertEqual(status["spool"], str(self.site.spool))
        self.assertEqual({g["gate"]: g["waiting"] + g["unsettled"] for g in status["gates"]},
                         {"default": 1, "mine": 1})
        self.assertIn("not running", self.site.run("status", code=FINE).text)

    @unittest.skipUnless(os.geteuid() == 0, "owners are root's to set")
    def test_as_another_user_than_the_daemons(self):
        self.site.run("put", stdin=put_lines(1), code=FINE)
        nowhere = {"SPOOLGATE_DATABASE": "host=/nonexistent"}
        self.assertNotIn("sudo", self.site.run("status", env=nowhere, code=FINE).text)
        os.chown(self.site.spool, 65534, -1)
        self.assertIn("try: sudo -Hu nobody spoolgate status", self.site.run("status", env=nowhere, code=FINE).text)

    def test_with_a_daemon(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(2)}}}}}")
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(metric(value=1)))
            wait_until(lambda: self.site.gate()["waiting"] == 1, "it waits")
            status = self.site.run("status", "--json", code=FINE).json()
            gate = status["gates"][0]
            self.assertEqual((gate["bytes"], gate["unsettled"], gate["held"], gate["stalled_reason"]),
                             (len(pack(metric(value=1))), 0, False, None))
            self.assertLess(abs(datetime.datetime.fromisoformat(gate["oldest_at"]) - NOW),
                            datetime.timedelta(hours=1))
            self.assertEqual(status["daemon"]["pid"], daemon.pid)
            self.assertEqual(status["daemon"]["spool_id"], status["spool_id"])
            self.assertIsNone(status["database"]["error"])
            self.assertFalse(status["daemon"]["stopping"])
            self.site.put("b.msgpack", pack(metric(value="x")))
            receipt, = self.site.wait_settled(1)
            recent, = self.site.run("status", "--json", code=FINE).json()["recent"]
            self.assertEqual((recent["batch_tag"], recent["rows_loaded"]), (receipt["batch_tag"], 1))
            text = self.site.run("status", code=FINE).text
            self.assertRegex(text, rf"daemon +running, pid {daemon.pid},")
            self.assertIn(receipt["batch_tag"], text)
            with LockedTable(self.site) as lock:
                self.site.put("c.msgpack", pack(metric(value=3)))
                self.site.put("d.msgpack", pack(metric(value=4)))
                lock.wait_blocked()
                loading, = self.site.run("status", "--json", code=FINE).json()["loading"]
                self.assertEqual((loading["state"], loading["gate"], loading["error"]),
                                 ("loading", "default", None))
                self.assertIn(loading["batch_id"], self.site.run("status", code=FINE).text)
            self.site.wait_settled(2)

    def test_a_held_gate_stays_held(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}, other: {{{EXACTLY.format(1)}}}}}")
        with self.site.daemon():
            self.assertIn("is held", self.site.run("gate", "hold", "default", code=FINE).text)
            self.site.put("a.msgpack", pack(metric(value=1)))
            wait_until(lambda: self.site.gate()["waiting"] == 1, "it waits")
            self.site.put("b.msgpack", pack(metric(value=2)), "other")
            self.site.wait_settled(1)
            self.assertTrue(self.site.gate()["held"])
        with self.site.daemon():  # across restarts
            self.site.put("c.msgpack", pack(metric(value=3)), "other")
            self.site.wait_settled(2)
            self.assertEqual(self.site.places("a.msgpack"), ["incoming/a.msgpack"])
            self.assertIn("held by hand", self.site.run("status", code=FINE).text)
            self.assertIn("released", self.site.run("gate", "release", "default", code=FINE).text)
            self.site.wait_settled(3)
            self.assertFalse(self.site.gate()["held"])
        self.site.run("gate", "release", "default", code=FINE)  # twice is fine

    def test_open_now(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(100)}}}}}")
        with self.site.daemon():
            self.site.put("a.msgpack", pack(metric(value=1)))
            wait_until(lambda: self.site.gate()["waiting"] == 1, "it waits")
            self.site.run("gate", "open", "default", code=FINE)
            receipt, = self.site.wait_settled(1)
            self.assertEqual(receipt["reason"], "opened by hand")
            # a held gate opens by hand, once
            self.site.run("gate", "hold", "default", code=FINE)
            self.site.put("b.msgpack", pack(metric(value=2)))
            wait_until(lambda: self.site.gate()["waiting"] == 1, "it waits")
            self.site.run("gate", "open", "default", code=FINE)
            self.site.wait_settled(2)
            self.assertTrue(self.site.gate()["held"])

    def test_opening_an_empty_gate_is_over_at_once(self):
        """`open` is for what waits now. It must not let the next segment through a hold."""
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}, other: {{{EXACTLY.format(1)}}}}}")
        with self.site.daemon():
            self.site.run("gate", "hold", "default", code=FINE)
            wait_until(lambda: self.site.gate()["held"], "it is held")
            self.site.run("gate", "open", "default", code=FINE)
            for i in range(2):  # two scans see nothing at the gate
                self.site.put(f"{i}.msgpack", pack(metric(value=i)), "other")
                self.site.wait_settled(i + 1)
            self.site.put("held.msgpack", pack(metric(value=8)))
            self.site.put("other.msgpack", pack(metric(value=9)), "other")
            wait_until(lambda: self.site.value("SELECT count(*) FROM metrics WHERE value = 9") == 1,
                       "the other gate's segment is loaded")
            self.site.put("last.msgpack", pack(metric(value=10)), "other")
            wait_until(lambda: self.site.value("SELECT count(*) FROM metrics WHERE value = 10") == 1,
                       "and one more")
            self.assertEqual(self.site.places("held.msgpack"), ["incoming/held.msgpack"])

    def test_gates_that_are_not_there(self):
        self.site.run("put", stdin=put_lines(1), code=FINE)
        for verb in ("hold", "release", "open"):
            self.assertIn("there is no gate `nothing`", self.site.run("gate", verb, "nothing",
                                                                      code=USAGE).text)
            self.assertIn("can't be a gate's name", self.site.run("gate", verb, "../x", code=USAGE).text)
        self.assertIn("no daemon runs", self.site.run("gate", "open", "default", code=TRY_AGAIN).text)
        self.assertIn("(no daemon is running)", self.site.run("gate", "hold", "default", code=FINE).text)

    def test_the_control_socket_takes_nonsense(self):
        with self.site.daemon():
            self.assertEqual(self.site.ask("frobnicate")["ok"], False)
            self.assertEqual(self.site.ask("open nothing")["ok"], False)
            self.assertEqual(self.site.ask("rescan"), {"ok": True})
            self.assertIsNone(self.site.ask("x" * 100000))  # hung up on
            self.assertIsNotNone(self.site.ask("status"))
            mode = (self.site.spool / ".control").stat().st_mode & 0o777
            self.assertEqual(mode, 0o660)
        self.assertFalse((self.site.spool / ".control").exists())


class TestDrain(SiteCase):
    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=FINE)

    def test_what_is_not_due_waits(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(9)}}}}}")
        self.site.put("a.msgpack", pack(metric(value=1)))
        result = self.site.run("drain", "--json", code=FINE).json()
        self.assertEqual(result, {"batches": 0, "segments": 0, "segments_failed": 0, "rows_loaded": 0,
                                  "frames_rejected": 0, "frames_skipped": 0, "segments_left": 1, "events_delivered": 0,
                                  "events_failed": 0, "chunks_embedded": 0, "chunks_failed": 0,
                                  "documents_completed": 0})
        self.assertIn("1 segment waits on", self.site.run("drain", code=FINE).text)

    def test_force_takes_all_gates(self):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(9)}}}}}")
        self.site.put("a.msgpack", pack(metric(value=1)))
        self.site.put("b.msgpack", pack(metric(value=2)), "mine")
        result = self.site.run("drain", "--force", "--json", code=FINE).json()
        self.assertEqual((result["batches"], result["rows_loaded"], result["segments_left"]), (2, 2, 0))
        self.assertEqual({(r["gate"], r["reason"]) for r in self.site.receipts()},
                         {("default", "opened by hand"), ("mine", "opened by hand")})
        self.assertEqual(self.site.run("drain", "--force", "--json", code=FINE).json()["batches"], 0)

    def test_a_held_gate_is_not_drained(self):
        self.site.run("put", "-o", "a.msgpack", stdin=put_lines(1), code=FINE)
        self.site.run("gate", "hold", "default", code=FINE)
        self.assertEqual(self.site.run("drain", "--force", "--json", code=FINE).json()["segments_left"], 1)
        self.assertEqual(self.site.in_folder("incoming"), ["a.msgpack"])

    def test_strict(self):
        for name, data, code in (("good.msgpack", pack(metric(value=1)), FINE),
                                 ("reject.msgpack", pack(metric(value="x")), DATA),
                                 ("bad.msgpack", b"\xc1", DATA)):
            with self.subTest(name):
                self.site.put(name, data)
                self.site.run("drain", "--force", "--strict", code=code)
        self.site.put("worse.msgpack", b"\xc1\xc1")
        self.assertEqual(self.site.run("drain", "--force", "--json", code=FINE).json()["segments_failed"], 1)

    def test_a_failed_database_leaves_all(self):
        self.site.put("a.msgpack", pack(metric(value=1)))
        self.site.run("drain", "--force", code=UNAVAILABLE, env={"SPOOLGATE_DATABASE": NOBODY})
        self.assertEqual(self.site.in_folder("incoming"), ["a.msgpack"])


class TestMigrate(SiteCase):
    def test_twice_and_dry_run(self):
        sql = self.site.run("migrate", "--dry-run", code=FINE).out
        self.assertIn(b"CREATE TABLE ingestion_manifest", sql)
        self.assertEqual(self.site.query("SELECT 1 FROM pg_namespace WHERE nspname = %s::text",
                                         self.site.schema), [])
        first = self.site.run("migrate", code=FINE).text
        self.assertRegex(first, r"Applied:\n001_\w+\n(.*\n)*stream events\nstream metrics\n")
        for flags in ([], ["-n"]):
            self.assertEqual(self.site.run("migrate", *flags, code=FINE).text,
                             "The database is at this version.\n")
        history = self.site.query("SELECT number, name, checksum FROM spoolgate_migration")
        self.assertEqual([n for n, _, _ in history], list(range(1, len(history) + 1)))
        self.assertTrue(all(re.fullmatch("[0-9a-f]{64}", c) for _, _, c in history))

    def test_the_dry_runs_sql_is_what_is_made(self):
        """Piped into psql it gives the same tables."""
        self.site.run("migrate", code=FINE)
        by_hand = Site(url=self.site.url)
        self.addCleanup(by_hand.close)
        by_hand.query("SELECT 1")  # connects before the schema is there
        sql = by_hand.run("migrate", "--dry-run", code=FINE).out.decode()
        by_hand.query(f"CREATE SCHEMA {by_hand.schema}")
        by_hand.query(sql)
        columns = ("SELECT table_name::text, column_name::text, data_type::text"
                   " FROM information_schema.columns WHERE table_schema = %s::text"
                   " AND table_name <> 'spoolgate_migration' ORDER BY 1, ordinal_position")
        self.assertEqual(by_hand.query(columns, by_hand.schema), self.site.query(columns, self.site.schema))

    def test_an_edited_history_is_refused(self):
        self.site.run("migrate", code=FINE)
        self.site.query("UPDATE spoolgate_migration SET checksum = 'x' WHERE number = 1")
        for command in (["migrate"], ["migrate", "-n"], ["run"], ["run", "--migrate"], ["drain"]):
            with self.subTest(command):
                self.assertIn("edited", self.site.run(*command, code=CONFIG).err.decode())

    def test_a_newer_history_is_refused(self):
        self.site.run("migrate", code=FINE)
        self.site.query("INSERT INTO spoolgate_migration (number, name, checksum)"
                        " VALUES (999, '999_future', 'x')")
        for command in (["migrate"], ["run"], ["run", "--migrate"], ["drain"]):
            with self.subTest(command):
                told = self.site.run(*command, code=CONFIG).err.decode()
                self.assertIn("999_future", told)
                self.assertIn("newer", told)

    def test_run_on_an_unmigrated_database(self):
        for command in (["run"], ["drain"]):
            with self.subTest(command):
                self.assertIn("spoolgate migrate", self.site.run(*command, code=CONFIG).err.decode())
        with self.site.daemon() as daemon:  # with --migrate
            self.assertTrue(daemon.logged("msg=migrated"))

    def test_a_stream_whose_table_is_missing_is_made_again(self):
        self.site.run("migrate", code=FINE)
        self.site.query("DROP TABLE events")
        self.site.run("run", code=CONFIG)
        self.assertEqual(self.site.run("migrate", code=FINE).text, "Applied:\nstream events\n")

    def test_several_at_once(self):
        """As when a fleet of daemons is started: one of them makes it, the others wait for it."""
        processes = [subprocess.Popen([BIN, "migrate"], env=self.site.environment, cwd=self.site.folder,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                     for _ in range(8)]
        ended = [(p.communicate()[0].decode(), p.returncode) for p in processes]
        self.assertEqual([e for e in ended if e[1] != FINE], [])
        self.assertEqual(self.site.receipts(), [])


class TestLogs(SiteCase):
    SECRET = "hunter2-very-secret"

    def urls(self):
        """The tests' database with a password that it doesn't need, spelled in several ways."""
        yield f"{database_url()}&password={self.SECRET}"
        yield f"postgresql://nobody:{self.SECRET}@127.0.0.1:1/x"
        yield f"host=/nonexistent user=nobody password={self.SECRET}"

    def malformed(self):
        """Mistakes of the kind that libpq quotes in its answer."""
        yield f"postgresql://nobody:{self.SECRET}%zz@127.0.0.1:1/x"
        yield f"postgresql://nobody:{self.SECRET}@[::1/x"
        yield f"host=/nonexistent user=nobody password=two {self.SECRET}"
        yield f"postgresql://nobody@127.0.0.1:1/x?password={self.SECRET}%zz"

    def test_no_password_anywhere(self):
        self.site.run("migrate", code=FINE)
        for url in self.urls():
            with self.subTest(url):
                env = {"SPOOLGATE_DATABASE": url}
                with self.site.daemon(env=env) as daemon:
                    status = self.site.run("status", env=env).text
                    status += self.site.run("status", "--json", env=env).text
                    status += json.dumps(self.site.ask("status"))
                status += self.site.run("drain", env=env).text
                status += self.site.run("migrate", env=env).text
                status += self.site.run("receipt", "list", env=env).text
                self.assertNotIn(self.SECRET, daemon.log)
                self.assertNotIn(self.SECRET, status)
                self.assertIn("spoolgate is watching", daemon.log)

    def test_a_malformed_connection_string_is_told_at_once_and_not_quoted(self):
        self.site.run("migrate", code=FINE)
        for url in self.malformed():
            for command in ("run", "drain", "migrate", "receipt list"):
                with self.subTest(url, command=command):
                    ended = self.site.run(*command.split(), env={"SPOOLGATE_DATABASE": url}, code=78)
                    self.assertNotIn(self.SECRET, ended.text)
                    self.assertIn("connection string", ended.text)

    def one_batch(self, config):
        self.site.configure(f"gates: {{default: {{{EXACTLY.format(2)}}}}}\n{config}")
        with self.site.daemon() as daemon:
            self.site.put("a.msgpack", pack(metric(value=1), metric(value="x")))
            self.site.put("b c.msgpack", b"\xc1")
            receipt, = self.site.wait_settled(1)
        return daemon.log.splitlines(), receipt

    def check_stages(self, lines, receipt):
        batch = str(receipt["batch_id"])
        ours = [line for line in lines if line.get("batch") == batch]
        self.assertEqual([line["msg"] for line in ours],
                         ["gate opened", "batch inspected", "segment failed", "partitions made",
                          "batch loaded", "batch retired"])
        opened, inspected, failed, _, loaded, _ = ours
        self.assertEqual((opened["gate"], opened["reason"], str(opened["segments"])),
                         ("default", "count 2 reached", "2"))
        self.assertEqual(str(inspected["frames"]), "2")
        self.assertEqual((failed["segment"], failed["level"]), ("b%20c.msgpack", "warn"))
        self.assertEqual([str(loaded[k]) for k in ("rows", "rejected", "skipped", "segments_failed")],
                         ["1", "1", "0", "1"])
        for line in ours:
            datetime.datetime.fromisoformat(line["ts"])
            if line["msg"] != "segment failed":
                self.assertGreaterEqual(float(line["took"]), 0)

    def test_logfmt(self):
        lines, receipt = self.one_batch("")
        pattern = r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"=\\]*)'
        for line in lines:
            self.assertRegex(line, f"^{pattern}( {pattern})*$")
        self.check_stages([{k: json.loads(v) if v.startswith('"') else v
                            for k, v in re.findall(pattern, line)} for line in lines], receipt)

    def test_json(self):
        lines, receipt = self.one_batch("log: {format: json}")
        self.check_stages([json.loads(line) for line in lines], receipt)

    def test_level(self):
        lines, _ = self.one_batch("log: {level: warn}")
        self.assertEqual([re.search('level=(\\w+) msg="([^"]*)', line).groups() for line in lines],
                         [("warn", "segment failed")])


class TestSignals(SiteCase):
    def test_sighup_scans_again(self):
        """inotify can't see this one: its folder is put in place of the gate's, with the file in it."""
        self.site.configure(f"rescan: 1h\ngates: {{mine: {{{EXACTLY.format(1)}}}}}")
        with self.site.daemon() as daemon:
            held = self.site.spool / ".hold"
            held.mkdir()
            (held / "mine").touch()  # a hold that nobody announced
            os.kill(daemon.pid, signal.SIGHUP)
            wait_until(lambda: self.site.gate("mine")["held"], "the hold is seen")
            self.site.put("a.msgpack", pack(metric(value=1)), "mine")
            wait_until(lambda: self.site.gate("mine")["waiting"] == 1, "it waits")
            (held / "mine").unlink()
            os.kill(daemon.pid, signal.SIGHUP)
            self.site.wait_settled(1)
            self.assertTrue(daemon.logged("reload asked for"))

    def test_sigint_and_sigterm_end_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number), self.site.daemon() as daemon:
                code, _ = daemon.terminate(number)
                self.assertEqual(code, FINE)
                self.assertTrue(daemon.logged("msg=stopped"))

    def test_the_batch_in_hand_is_finished(self):
        with self.site.daemon() as daemon:
            with LockedTable(self.site) as lock:
                self.site.put("a.msgpack", pack(metric(value=1)))
                lock.wait_blocked()
                os.kill(daemon.pid, signal.SIGTERM)
                wait_until(lambda: daemon.logged("msg=stopping"), "it is stopping")
                self.site.put("b.msgpack", pack(metric(value=2)))  # too late: not claimed any more
            self.assertEqual(daemon.process.wait(60), FINE)
        self.assertEqual(self.site.query("SELECT value FROM metrics"), [(1,)])
        self.assertEqual(self.site.in_folder("processing"), [])
        self.assertEqual(self.site.in_folder("incoming"), ["b.msgpack"])

    def stop_while_blocked(self, *signals):
        rows = 5000
        with self.site.daemon() as daemon:
            with LockedTable(self.site) as lock:
                self.site.put("big.msgpack", pack(*(metric(value=i) for i in range(rows))))
                lock.wait_blocked()
                for number in signals[:-1]:
                    os.kill(daemon.pid, number)
                    wait_until(lambda: daemon.logged("msg=stopping"), "it is stopping")
                code, took = daemon.terminate(signals[-1])
                self.assertEqual(code, FINE)
        self.assertEqual(self.site.query("SELECT count(*) FROM metrics"), [(0,)])
        with self.site.daemon():
            receipt, = self.site.wait_settled(1)
        self.assertEqual(self.site.query("SELECT count(*), count(DISTINCT value) FROM metrics"),
                         [(rows, rows)])
        self.assertEqual((receipt["status"], receipt["attempts"]), ("done", 2))
        return took

    def test_a_batch_that_takes_too_long_is_given_up_and_taken_up_again(self):
        # 10 s are promised; the machine may be busy
        self.assertLess(self.stop_while_blocked(signal.SIGTERM), 15)

    def test_a_second_signal_does_not_wait(self):
        self.stop_while_blocked(signal.SIGTERM, signal.SIGINT)

    def test_a_client_of_the_socket_that_says_nothing_is_no_obstacle(self):
        with self.site.daemon() as daemon, socket.socket(socket.AF_UNIX) as silent:
            folder = os.open(self.site.spool, os.O_PATH)
            try:
                silent.connect(f"/proc/self/fd/{folder}/.control")
            finally:
                os.close(folder)
            self.assertIsNotNone(self.site.ask("status"))
            self.assertEqual(daemon.terminate()[0], FINE)


if __name__ == "__main__":
    main()
