# SPDX-License-Identifier: MIT
"""docs/producers: each recipe is run by the very line that its README has, and nothing it does can leave half a segment."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

import msgpack

from support import BIN, FINE, ROOT, SiteCase, wait_until

KIT = ROOT / "docs" / "producers"
LANGUAGES = {"c": "gcc", "python": "python3", "node": "node", "shell": "sh"}


def documented():
    """Of each language the README's line that makes 1,000 metrics."""
    block = re.search(r"```sh\n(.*?)```", (KIT / "README.md").read_text(), re.DOTALL)[1]
    return {name: next(l for l in block.splitlines() if f" {name}/" in l) for name in LANGUAGES}


class Recipes(SiteCase):
    def setUp(self):
        super().setUp()
        self.kit = self.site.folder / "producers"
        shutil.copytree(KIT, self.kit)
        (self.site.folder / "bin").mkdir()
        (self.site.folder / "bin" / "spoolgate").symlink_to(BIN)
        for tool in ("python3", "gcc"):  # Debian's, whatever else the caller's shell would find first
            if os.path.exists(f"/usr/bin/{tool}"):
                (self.site.folder / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
        self.environment = {**self.site.environment, "SPOOL": str(self.site.spool),
                            "PATH": f"{self.site.folder}/bin:{self.site.environment['PATH']}"}
        self.site.run("migrate", code=FINE)
        self.site.run("put", "-o", "first.msgpack", stdin=b'{"kind":"none"}\n', code=FINE)  # makes the folders
        (self.site.spool / "incoming" / "first.msgpack").unlink()

    def needs(self, language):
        if shutil.which(LANGUAGES[language], path=self.environment["PATH"]) is None:
            self.skipTest(f"{LANGUAGES[language]} is not installed")

    def start(self, command, under="", **options):
        # Under a tracer the sanitizer can't look for leaks.
        traced = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"} if under else {}
        return subprocess.Popen(["bash", "-c", under + command], cwd=self.kit, env={**self.environment, **traced}, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def finish(self, command, code=0):
        with self.start(command) as process:
            out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, code, f"{command}: {out}{err}")
        return out + err

    def command(self, language, count):
        """The documented line, and what comes before its last command, which is run to its end first."""
        line = documented()[language].replace(" 1000", f" {count}")
        before, _, last = line.rpartition(" && ")
        if before:
            self.finish(before)
        return last


class TestRecipes(Recipes):
    def check(self, language):
        self.needs(language)
        paths = [self.finish(self.command(language, 1000)).strip() for _ in range(2)]
        self.assertEqual(len(set(paths)), 2)
        self.assertEqual(sorted(map(os.path.basename, paths)), self.site.in_folder("incoming"))
        self.assertEqual(self.site.in_folder("tmp"), [])
        for path in paths:
            self.assertEqual(os.stat(path).st_mode & 0o777 & ~0o640, 0)
            known = self.site.run("inspect", "--json", path, code=FINE).json()
            self.assertEqual((known["sealed"], known["frames"], known["frames_rejected"]), (True, 1000, 0))
        os.unlink(paths[1])
        self.site.run("drain", "--force", "--strict", code=FINE)
        self.assertEqual(self.site.query("SELECT source, name, value FROM metrics WHERE ts > now() - interval '1 hour'"
                                         " AND ts <= now() ORDER BY value"),
                         [(socket.gethostname(), "recipe", i / 2) for i in range(1000)])

    def test_c(self):
        self.check("c")

    def test_python(self):
        self.check("python")

    def test_node(self):
        self.check("node")

    def test_shell(self):
        self.check("shell")

    def test_the_timer_s(self):
        self.finish('sh shell/load.sh "$SPOOL"')
        self.site.run("drain", "--force", "--strict", code=FINE)
        self.assertEqual(self.site.query("SELECT name FROM metrics ORDER BY name"),
                         [("load.15m",), ("load.1m",), ("load.5m",)])

    def test_wrong_calls_and_spools(self):
        for language in LANGUAGES:
            with self.subTest(language):
                self.needs(language)
                command = self.command(language, 1).split(" $SPOOL")[0]
                for arguments in ("", "/nonexistent/spool 1"):
                    with self.start(f"{command} {arguments}") as process:
                        out, err = process.communicate(timeout=120)
                    self.assertNotEqual(process.returncode, 0, command)
                    self.assertEqual(out, "")
                    self.assertRegex(err, "usage" if not arguments else "/nonexistent/spool")


class TestKilled(Recipes):
    """Nothing in incoming/ but whole segments, at whatever moment the producer dies."""

    def assert_whole(self):
        for name in self.site.in_folder("incoming"):
            known = self.site.run("inspect", "--json", str(self.site.spool / "incoming" / name), code=FINE).json()
            self.assertEqual((known["error"], known["sealed"]), (None, True), name)
        for name in self.site.in_folder("tmp"):
            self.assertRegex(name, r"^\..*\.tmp$")

    def test_while_it_writes(self):
        for language in ("c", "python", "node"):
            with self.subTest(language):
                self.needs(language)
                with self.start("exec " + self.command(language, 50_000_000)) as process:
                    def has_begun():
                        if process.poll() is not None:
                            raise AssertionError(process.communicate())
                        return any(os.path.getsize(self.site.spool / "tmp" / n) > 0 for n in self.site.in_folder("tmp"))
                    wait_until(has_begun, "a draft with something in it")
                    process.kill()
                self.assertEqual(process.returncode, -signal.SIGKILL)
                self.assertEqual(self.site.in_folder("incoming"), [])
                draft, = self.site.in_folder("tmp")
                self.assertRegex(draft, r"^\..*\.tmp$")
                (self.site.spool / "tmp" / draft).unlink()

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_at_each_step(self):
        """Killed as it calls fsync or the rename; `when` counts fsyncs: the second is the folder's."""
        renames = "rename,renameat,renameat2"
        for language in LANGUAGES:
            for calls, when, published in (("fsync", 1, 0), (renames, 1, 0), ("fsync", 2, 1)):
                with self.subTest(language, calls=calls, when=when):
                    self.needs(language)
                    under = f"exec strace -f -qq -o /dev/null -e inject={calls}:signal=KILL:when={when} "
                    command = self.command(language, 10)
                    with self.start(command, under) as process:
                        process.communicate(timeout=120)
                    self.assertNotEqual(process.returncode, 0)
                    self.assertEqual(len(self.site.in_folder("incoming")), published)
                    self.assert_whole()
                    for folder in ("incoming", "tmp"):
                        for name in self.site.in_folder(folder):
                            (self.site.spool / folder / name).unlink()

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_a_disk_that_fails(self):
        """An error of write, fsync or rename is told, and leaves nothing."""
        for language in LANGUAGES:
            for calls, error in (("fsync", "EIO"), ("rename,renameat,renameat2", "ENOSPC")):
                with self.subTest(language, calls=calls):
                    self.needs(language)
                    under = f"exec strace -f -qq -o /dev/null -e inject={calls}:error={error}:when=1 "
                    with self.start(self.command(language, 10), under) as process:
                        out, err = process.communicate(timeout=120)
                    self.assertNotEqual(process.returncode, 0)
                    self.assertEqual((out, self.site.in_folder("incoming"), self.site.in_folder("tmp")), ("", [], []))
                    self.assertRegex(err, "Input/output error|EIO" if error == "EIO" else "No space left|ENOSPC")


class TestFollow(Recipes):
    def test_a_log_that_is_rotated(self):
        if shutil.which("jq") is None:
            self.skipTest("jq is not installed")
        log = self.site.folder / "app.log"
        log.write_text("before\n")
        with self.start(f"exec sh shell/follow.sh $SPOOL {log}", start_new_session=True) as process:
            try:
                def texts():
                    self.site.run("drain", "--force", code=FINE)
                    return [t for (t,) in self.site.query("SELECT payload->>'text' FROM events ORDER BY ts, batch_id")]

                def write_until_seen():  # tail begins at the end that it finds
                    with open(log, "a", encoding="utf-8") as file:
                        file.write('a "quoted" line, \\ and é\n')
                    return texts()
                wait_until(write_until_seen, "a line has come through")
                log.rename(log.with_suffix(".1"))
                log.write_text("after\n")
                wait_until(lambda: texts()[-1] == "after", lambda: f"the new file's line; got {texts()}")
                self.assertEqual(set(texts()), {'a "quoted" line, \\ and é', "after"})
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=120)
        self.assertEqual(self.site.in_folder("tmp"), [])


class TestNodeEncoder(Recipes):
    def test_every_width(self):
        self.needs("node")
        values = [None, True, False, 0, 1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**53 - 1, -1, -32, -33,
                  -128, -129, -32769, -(2**31), -(2**31) - 1, -(2**53) + 1, 0.5, -1.25e300, "", "é", "x" * 31, "x" * 32,
                  "x" * 255, "x" * 256, "x" * 65535, "x" * 65536, [], [1] * 15, [1] * 16, [0] * 65536, {}, {"a": {"b": [1]}},
                  {str(i): i for i in range(15)}, {str(i): i for i in range(16)}, {str(i): i for i in range(65536)}]
        script = """
import { encode } from "./node/segment.mjs";
import fs from "node:fs";
for (const value of JSON.parse(fs.readFileSync(0))) fs.writeSync(1, encode(value));
const more = [2n ** 64n - 1n, -(2n ** 63n), new Date(1795226221250), new Date(-1500), new Uint8Array([1, 2]), undefined,
              { gone: undefined, kept: 1 }];
for (const value of more) fs.writeSync(1, encode(value));
for (const value of [2n ** 64n, -(2n ** 63n) - 1n, () => 1, Symbol("x"), new Date(NaN)]) {
  try { encode(value); } catch { continue; }
  throw new Error(`encoded: ${String(value)}`);
}
"""
        (self.kit / "widths.mjs").write_text(script)
        done = subprocess.run(["node", "widths.mjs"], input=json.dumps(values).encode(), cwd=self.kit, env=self.environment,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        unpacker = msgpack.Unpacker(max_buffer_size=0)
        unpacker.feed(done.stdout)
        got = list(unpacker)
        want = values + [2**64 - 1, -(2**63), msgpack.Timestamp(1795226221, 250_000_000),
                         msgpack.Timestamp(-2, 500_000_000), b"\x01\x02", None, {"kept": 1}]
        self.assertEqual(len(got), len(want))
        for w, g in zip(want, got):
            self.assertEqual((g, type(g)), (w, type(w)), repr(w)[:60])


if __name__ == "__main__":
    unittest.main()
