# SPDX-License-Identifier: MIT
"""`spoolgate put --seal-every`: a pipe that doesn't end becomes segments."""
import errno
import fcntl
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import struct
import subprocess
import termios
import unittest
import uuid

import msgpack

from support import BIN, CANT_CREATE, DATA, FINE, USAGE, SiteCase, full_pipe, seal, wait_until


# Under a tracer the sanitizer can't look for leaks.
NO_LEAKS = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def line(n, **keys):
    return json.dumps({"kind": "event", "ts": "2026-11-21T12:00:00Z", "source": "put", "type": "t",
                       "payload": {"n": n}, **keys}).encode() + b"\n"


def numbers(frames):
    return [frame["payload"]["n"] for frame in frames if frame["kind"] == "event"]


class Follower:
    """`put --seal-every`, fed through a pipe. Killed at the end of the context, where it still is."""

    def __init__(self, site, *args, under=()):
        self.site = site
        base = site.folder / f"put-{secrets.token_hex(4)}"
        self.out, self.err = base.with_suffix(".out"), base.with_suffix(".err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([*under, BIN, "put", *args], stdin=subprocess.PIPE, stdout=out, stderr=err,
                                            env={**site.environment, **(NO_LEAKS if under else {})}, cwd=site.folder)

    def feed(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def wait_listening(self):
        """Until its signals wait for it: before, they would end it."""
        def is_blocked():
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            return int(re.search(r"SigBlk:\s*(\w+)", status)[1], 16) >> (signal.SIGTERM - 1) & 1
        wait_until(is_blocked, "the follower has blocked its signals")
        return self

    def unread(self):
        return struct.unpack("i", fcntl.ioctl(self.process.stdin, termios.FIONREAD, b"\0" * 4))[0]

    def wait_read(self):
        """Until everything was read; it is looked at before the next signal is."""
        wait_until(lambda: self.unread() == 0, "the pipe is empty")

    def paths(self):
        return self.out.read_text().split("\n")[:-1]

    def wait_paths(self, count):
        wait_until(lambda: len(self.paths()) >= count, lambda: f"{count} segments; {self.paths()}, {self.said()}")
        return self.paths()

    def said(self):
        return self.err.read_text()

    def wait_said(self, text):
        wait_until(lambda: text in self.said(), lambda: f"`{text}` on stderr; got {self.said()!r}")

    def end(self, number=None):
        """By the end of its input, or a signal. Returns the exit code."""
        if number is None:
            self.process.stdin.close()
        else:
            self.process.send_signal(number)
        return self.process.wait(120)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass


def read(path):
    """A segment's frames; its seal must count them."""
    data = pathlib.Path(path).read_bytes()
    if path.endswith(".zst"):
        data = subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(data)
    frames = list(unpacker)
    if {k: v for k, v in frames[-1].items() if k != "id"} != seal(len(frames) - 1):
        raise AssertionError(f"want a seal of {len(frames) - 1} frames, got {frames[-1]}")
    return frames


class TestFollow(SiteCase):
    def assert_tidy(self, paths):
        """What was printed is in incoming/, and nothing else is anywhere."""
        self.assertEqual(sorted(os.path.basename(p) for p in paths), self.site.in_folder("incoming"))
        self.assertEqual(self.site.in_folder("tmp"), [])

    def test_a_segment_for_each_period_in_which_something_came(self):
        with Follower(self.site, "--seal-every", "50ms") as put:
            put.feed(line(1) + line(2))
            first, = put.wait_paths(1)
            put.feed(line(3))
            second = put.wait_paths(2)[1]
            self.assertEqual(put.end(), FINE)
            self.assertEqual(put.paths(), [first, second])
            self.assertEqual([numbers(read(p)) for p in (first, second)], [[1, 2], [3]])
            self.assertRegex(first, rf"^{re.escape(str(self.site.spool))}/incoming/put-[0-9a-f-]{{36}}\.msgpack$")
            self.assert_tidy(put.paths())

    def test_a_segment_of_each_size(self):
        """Cuts follow from the lines alone; names sort as they were sealed, though many fall into a millisecond."""
        lines = [line(n, source="x" * (n % 90)) for n in range(2000)]
        cuts, held, size = [], [], 0
        for n, text in enumerate(lines):
            held.append(n)
            size += len(msgpack.packb(json.loads(text)))
            if size >= 1024:
                cuts.append(held)
                held, size = [], 0
        cuts.append(held)
        for flags in ([], ["--zstd", "-g", "logs", "-o", "web1"]):
            with self.subTest(flags), Follower(self.site, "--seal-every", "1KiB", "--seal-every", "1h", *flags) as put:
                put.feed(b"".join(lines))
                self.assertEqual(put.end(), FINE)
                self.assertEqual(put.said(), "")
                self.assertEqual([numbers(read(p)) for p in put.paths()], cuts)
                self.assertEqual(put.paths(), sorted(put.paths()))
                if flags:
                    self.assertRegex(put.paths()[0], r"/incoming/logs/web1-[0-9a-f-]{36}\.msgpack\.zst$")
                self.assertEqual(self.site.in_folder("tmp"), [])

    def test_a_file_is_followed_to_its_end(self):
        file = self.site.folder / "lines.json"
        file.write_bytes(line(1) + b" \n" + line(2).rstrip())
        done = self.site.run("put", "--seal-every", "5s", str(file), code=FINE)
        self.assertEqual(numbers(read(done.out.decode().rstrip())), [1, 2])

    def test_nothing_comes_of_nothing(self):
        for text in (b"", b"\n \n"):
            done = self.site.run("put", "--seal-every", "1KiB", stdin=text, code=FINE)
            self.assertEqual(done.text, "")
        self.assert_tidy([])

    def test_signals(self):
        """HUP seals and goes on; TERM and INT take what is in the pipe, and end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Follower(self.site, "--seal-every", "1h", "-o", number.name) as put:
                put.wait_listening().feed(line(1))
                put.wait_read()
                put.process.send_signal(signal.SIGHUP)
                put.wait_paths(1)
                put.process.send_signal(signal.SIGHUP)  # there is nothing to seal
                many = b"".join(map(line, range(2, 500)))
                put.feed(many + b'{"kind": "half a li')
                self.assertEqual(put.end(number), FINE)
                self.assertEqual([numbers(read(p)) for p in put.paths()], [[1], list(range(2, 500))])
                self.assertIn("the last line has no end", put.said())
                self.assertEqual(self.site.in_folder("tmp"), [])

    def test_wrong_lines_are_told_of_and_left_out(self):
        long = b'{"kind": "' + b"x" * (64 << 20) + b'"}\n'
        text = line(1) + b'{"kind": }\n' + line(2) + b'[1]\n{"kind": "seal"}\n' + long + line(3)
        with Follower(self.site, "--seal-every", "1h") as put:
            put.feed(text)
            self.assertEqual(put.end(), DATA)
            for says in ("stdin:2:10: ", "stdin:4:1: a frame is", "stdin:5:1: the kind `seal`",
                         "stdin:6: the line is longer", "4 wrong lines were left out"):
                self.assertIn(says, put.said())
            self.assertEqual([numbers(read(p)) for p in put.paths()], [[1, 2, 3]])
        with Follower(self.site, "--seal-every", "1h") as put:
            put.feed(b"x\n" * 1000 + line(4))
            self.assertEqual(put.end(), DATA)
            self.assertEqual(len(put.said().splitlines()), 102)
            self.assertEqual([numbers(read(p)) for p in put.paths()], [[4]])

    def test_the_same_lines_count_again(self):
        self.site.run("migrate", code=FINE)
        with Follower(self.site, "--seal-every", "50ms") as put:
            for count in (1, 2):
                put.feed(line(7))
                put.wait_paths(count)
            self.assertEqual(put.end(), FINE)
        self.site.run("drain", "--force", code=FINE)
        self.assertEqual(self.site.query("SELECT payload->>'n' FROM events"), [("7",), ("7",)])

    def test_nobody_reads_the_paths(self):
        """What was read from the pipe is sealed all the same; that the paths were lost is told at the end."""
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([BIN, "put", "--seal-every", "1KiB"], stdout=writer, stderr=subprocess.PIPE,
                              input=b"".join(map(line, range(100))), env=self.site.environment, check=False,
                              cwd=self.site.folder)
        os.close(writer)
        self.assertEqual((done.returncode, b"can't write the result" in done.stderr), (CANT_CREATE, True))
        got = [numbers(read(str(self.site.spool / "incoming" / n))) for n in self.site.in_folder("incoming")]
        self.assertEqual(sum(got, []), list(range(100)))

    def test_the_paths_pile_up(self):
        """Nobody reads them, and the pipe is full: a signal to end it is heard all the same."""
        with full_pipe() as writer:
            with subprocess.Popen([BIN, "put", "--seal-every", "10ms"], stdin=subprocess.PIPE, stdout=writer,
                                  stderr=subprocess.PIPE, env=self.site.environment, cwd=self.site.folder) as put:
                put.stdin.write(line(1))
                put.stdin.flush()
                first, = wait_until(lambda: self.site.in_folder("incoming"), "it is in incoming/")
                put.stdin.write(line(2))  # nothing more is read by then, or it is: sealed it is in any case
                put.stdin.flush()
                put.send_signal(signal.SIGTERM)
                try:
                    said = put.communicate(timeout=60)[1].decode()
                finally:
                    put.kill()
        self.assertEqual(put.returncode, CANT_CREATE)
        self.assertRegex(said, f"nobody reads standard output; .* {first}\n")
        got = [numbers(read(str(self.site.spool / "incoming" / n))) for n in self.site.in_folder("incoming")]
        self.assertEqual(got, [[1], [2]])

    def test_killed(self):
        """What isn't sealed is lost, and nothing else."""
        with Follower(self.site, "--seal-every", "1h") as put:
            put.wait_listening().feed(line(1))
            put.wait_read()
            put.process.send_signal(signal.SIGHUP)
            paths = put.wait_paths(1)
            put.feed(line(2))
            put.wait_read()
            put.process.kill()
            put.process.wait()
            self.assertEqual([numbers(read(p)) for p in paths], [[1]])
            self.assert_tidy(paths)

    def test_drafts_of_the_dead_are_removed(self):
        self.site.run("put", stdin=line(1), code=FINE)
        dead, alive = (self.site.spool / "tmp" / f".seal-{uuid.uuid4()}.tmp" for _ in range(2))
        other = self.site.spool / "tmp" / f".{uuid.uuid4()}.tmp"
        for path in (dead, alive, other):
            path.write_bytes(b"half")
        with open(alive, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.site.run("put", "--seal-every", "5s", stdin=line(2), code=FINE)
        self.assertEqual(self.site.in_folder("tmp"), sorted(p.name for p in (alive, other)))

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_a_draft_is_its_writers_until_it_has_its_name(self):
        """Another one that begins meanwhile leaves it alone, however late the rename is."""
        self.site.run("put", "-o", "other.msgpack", stdin=line(0), code=FINE)
        strace = ("strace", "-qq", "-o", "/dev/null", "-e", "inject=renameat2:delay_enter=3000000")
        with Follower(self.site, under=strace) as put:
            put.feed(line(1))
            put.process.stdin.close()
            wait_until(lambda: any(p.stat().st_size for p in (self.site.spool / "tmp").glob(".seal-*")), "it is written")
            self.site.run("put", "--seal-every", "5s", stdin=b"", code=FINE)
            self.assertEqual(put.process.wait(120), FINE, put.said())
            self.assertEqual(numbers(read(put.paths()[0])), [1])

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_a_failed_fsync_is_tried_again(self):
        """The first fsync is the file's, the second the folder's, when it is already renamed: not doubled."""
        self.site.run("put", "-o", "other.msgpack", stdin=line(0), code=FINE)
        for when in (1, 2):
            strace = ("strace", "-qq", "-o", "/dev/null", "-e", f"inject=fsync:error=EIO:when={when}")
            with self.subTest(when), Follower(self.site, "--seal-every", "1h", under=strace) as put:
                put.feed(line(1))
                self.assertEqual(put.end(), FINE)
                self.assertIn("Input/output error", put.said())
                self.assertIn("can be written again", put.said())
                path, = put.paths()
                self.assertEqual(self.site.in_folder("incoming"), ["other.msgpack", os.path.basename(path)])
                self.assertEqual(self.site.in_folder("tmp"), [])
                self.assertEqual(numbers(read(path)), [1])
                os.unlink(path)

    @unittest.skipUnless(shutil.which("strace"), "needs strace")
    def test_what_is_there_is_not_called_lost(self):
        """No folder can be synced, and then it has to end."""
        self.site.run("put", "-o", "other.msgpack", stdin=line(0), code=FINE)
        strace = ("strace", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=2+")
        with Follower(self.site, "--seal-every", "10ms", under=strace) as put:
            put.feed(line(1))
            put.wait_said("tried again each second")
            child, = pathlib.Path(f"/proc/{put.process.pid}/task/{put.process.pid}/children").read_text().split()
            os.kill(int(child), signal.SIGTERM)
            self.assertEqual(put.process.wait(120), CANT_CREATE)
            name, = set(self.site.in_folder("incoming")) - {"other.msgpack"}
            self.assertIn(f"{name} is in incoming/, but may be lost", put.said())
            self.assertNotIn("lines in hand are lost", put.said())

    def test_lines_beyond_the_limits(self):
        """One would take its whole segment with it."""
        self.site.configure("limits: {frame: 2KiB, string: 1KiB, keys: 10, depth: 4}\n")
        deep = b'{"kind": "event", "payload": [[[[1]]]]}\n'
        many = b'{"kind": "event", "payload": {%s}}\n' % b", ".join(b'"%d": 1' % n for n in range(11))
        text = b'{"kind": "event", "payload": {"s": "%s"}}\n' % (b"x" * 1025)
        large = b'{"kind": "event", "payload": {"a": "%s", "b": "%s", "c": 1}}\n' % (b"x" * 1024, b"y" * 1024)
        with Follower(self.site, "--seal-every", "1h") as put:
            put.feed(line(1) + deep + many + text + large + line(2))
            self.assertEqual(put.end(), DATA)
            for says in ("stdin:2:1: nested deeper than limits.depth", "stdin:3:1: an object has more keys than",
                         "stdin:4:1: a string is longer", "stdin:5:1: the frame is larger", "4 wrong lines"):
                self.assertIn(says, put.said())
            path, = put.paths()
        self.assertEqual(numbers(read(path)), [1, 2])
        self.assertEqual(self.site.run("inspect", path, code=FINE).code, FINE)
        ended = self.site.run("put", stdin=line(3) + deep, code=DATA)
        self.assertIn("stdin:2:1: nested deeper than limits.depth", ended.text)
        self.assertEqual(self.site.in_folder("incoming"), [os.path.basename(path)])

    def test_usage(self):
        for args, says in ((["--seal-every", "5"], "neither"), (["--seal-every", "x"], "neither"),
                           (["--seal-every", "5s", "--seal-every", "6s"], "second time"),
                           (["--seal-every", "1ms"], "between 10 ms"), (["--seal-every", "1GB"], "256 MiB"),
                           (["--seal-every", "5s", "-o", "a/b"], "can't begin"),
                           (["--seal-every", "5s", "-o", ".a"], "can't begin"),
                           (["--seal-every", "5s", "-o", "x" * 240], "can't begin"),
                           (["--seal-every", "5s", "/nonexistent/file"], "No such file")):
            with self.subTest(args):
                self.assertIn(says, self.site.run("put", *args, stdin=line(1), code=USAGE).text)
        self.assertIn("/proc/nowhere", self.site.run("put", "--seal-every", "5s", "--spool", "/proc/nowhere/spool",
                                                     stdin=line(1), code=CANT_CREATE).text)


@unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small file system")
class TestFullDisk(SiteCase):
    def setUp(self):
        super().setUp()
        self.site.spool.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", self.site.spool], check=True)
        self.addCleanup(subprocess.run, ["umount", self.site.spool], check=True)
        self.site.run("put", "-o", "a.msgpack", stdin=line(0), code=FINE)
        self.filler = self.site.spool / "filler"

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError as problem:
                self.assertEqual(problem.errno, errno.ENOSPC)

    def test_waits_for_room_and_loses_nothing(self):
        self.fill()
        with Follower(self.site, "--seal-every", "1KiB") as put:
            put.feed(b"".join(map(line, range(100))))
            put.wait_said("No space left on device; nothing more is read")
            os.set_blocking(put.process.stdin.fileno(), False)
            with self.assertRaises(BlockingIOError):  # the pipe is full, and nobody reads it
                while True:
                    os.write(put.process.stdin.fileno(), b"\n" * 4096)
            os.set_blocking(put.process.stdin.fileno(), True)
            self.assertEqual(self.site.in_folder("incoming"), ["a.msgpack"])
            self.filler.unlink()
            put.feed(line(100))
            self.assertEqual(put.end(), FINE)
            self.assertEqual(sum((numbers(read(p)) for p in put.paths()), []), list(range(101)))
            self.assertIn("can be written again", put.said())
            self.assertEqual(self.site.in_folder("tmp"), [])

    def test_told_to_end_while_it_waits(self):
        self.fill()
        with Follower(self.site, "--seal-every", "1KiB") as put:
            put.feed(b"".join(map(line, range(50))))
            put.wait_said("No space left on device")
            self.assertEqual(put.end(signal.SIGTERM), CANT_CREATE)
            self.assertIn("lines in hand are lost: ", put.said())
            self.assertEqual((self.site.in_folder("tmp"), self.site.in_folder("incoming")), ([], ["a.msgpack"]))


if __name__ == "__main__":
    unittest.main()
