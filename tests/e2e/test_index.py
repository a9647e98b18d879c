#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""index: what a folder, or a repository's changes, become as frames in the spool."""
import hashlib
import os
import pty
import subprocess

import msgpack

from support import (BIN, CONFIG, DEADLINE, FINE, TRY_AGAIN, UNAVAILABLE, USAGE, SiteCase, main, wait_until)

GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
       "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org"}
LINES = "".join(f"line {i} of a text that is long enough to be known again\n" for i in range(40))


class IndexCase(SiteCase):
    def setUp(self):
        super().setUp()
        self.top = self.site.folder / "top"
        self.top.mkdir()

    def write(self, path, content="text\n"):
        """Below the top; a path may be bytes."""
        whole = os.path.join(os.fsencode(self.top), os.fsencode(path))
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def index(self, *args, path=None, code=0, **options):
        return self.site.run("index", *args, path or self.top, code=code, **options)

    def frames(self):
        """Those of all segments that wait, which are then as good as loaded: gone."""
        frames = []
        incoming = self.site.spool / "incoming"
        for path in sorted(incoming.rglob("index-*.msgpack*")):
            data = path.read_bytes()
            if path.suffix == ".zst":
                data = subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout
            unpacker = msgpack.Unpacker(max_buffer_size=1 << 30)
            unpacker.feed(data)
            *segment, seal = unpacker
            self.assertEqual(seal, {"kind": "seal", "frames": len(segment), "id": seal["id"]})
            frames += segment
            path.unlink()
        self.assertTrue(all(frame["kind"] == "document" for frame in frames), frames)
        return frames

    def sent(self, *args, **options):
        """{uri without the source: what the frame says}, of one run."""
        result = self.index("--json", *args, **options).json()
        frames = self.frames()
        self.assertEqual(len(frames), sum(result[k] for k in ("added", "edited", "renamed", "deleted")), result)
        said = {}
        for frame in frames:
            path = frame["uri"].removeprefix(result["source"] + "/")
            self.assertNotEqual(path, frame["uri"])
            self.assertNotIn(path, said)  # the segments may be loaded in any order
            if frame.get("deleted"):
                said[path] = "deleted"
            elif "previous_uri" in frame:
                said[path] = "was " + frame["previous_uri"].removeprefix(result["source"] + "/")
            else:
                said[path] = "text"
        self.result = result
        return said

    def skipped(self):
        return {n["path"]: n["why"] for n in self.result["notes"] if n["what"] == "skip"}


class TestFolder(IndexCase):
    def test_frames(self):
        self.write("a.md", "# Title\n")
        self.write("sub/b c.html", "<p>x</p>")
        self.write("sub/d.py", "print(1)\n")
        self.write("empty", "")
        self.index("--pack", "0193a3d2-7c55-7d31-9a0e-1f6f3b2c4d5e")
        frames = {f["uri"].removeprefix(f"file://{self.top}/"): f for f in self.frames()}
        self.assertEqual(list(frames), ["a.md", "empty", "sub/b%20c.html", "sub/d.py"])
        self.assertEqual([(f["format"], f["type"], f.get("title"), f["text"]) for f in frames.values()],
                         [("markdown", "document", None, "# Title\n"), ("text", "document", "empty", ""),
                          ("html", "html", None, "<p>x</p>"), ("text", "code", "d.py", "print(1)\n")])
        self.assertEqual({f["pack_id"] for f in frames.values()}, {"0193a3d2-7c55-7d31-9a0e-1f6f3b2c4d5e"})
        self.assertEqual(frames["sub/b%20c.html"]["md"], {"path": "sub/b c.html"})

    def test_what_is_passed_over(self):
        self.site.configure("limits: {string: 64KiB}\n")
        self.write("good", "é\n")
        self.write("binary", b"a\0b")
        self.write("latin", b"caf\xe9")
        self.write("long", "x" * 65537)
        self.write("just", "x" * 65536)
        self.write(".hidden", "x")
        self.write(".git2/x", "x")
        self.write(b"odd \xff\n", "odd")
        (self.top / "link").symlink_to("/etc/passwd")
        (self.top / "folder").symlink_to("/etc")
        os.mkfifo(self.top / "fifo")
        self.assertEqual(sorted(self.sent()), ["good", "just", "odd%20%FF%0A"])
        self.assertEqual(self.skipped(), {
            "binary": "not text: it has NUL bytes", "latin": "not text: it isn't UTF-8",
            "long": "too long: longer than limits.string", "fifo": "not a regular file",
            "link": "a symbolic link", "folder": "a symbolic link"})
        self.assertEqual(sorted(self.sent("--hidden")), [".git2/x", ".hidden", "good", "just", "odd%20%FF%0A"])
        self.assertEqual(sorted(self.sent("--include", "good", "--include", "l*", "--exclude", "latin")), ["good"])
        self.assertEqual(sorted(self.skipped()), ["link", "long"])
        text = self.index().out.decode()
        self.assertIn("skip    binary: not text: it has NUL bytes\n", text)
        self.assertIn("  3 files, 6 skipped; ", text)

    def test_one_file_and_the_folder_it_is_in_have_the_same_uri(self):
        self.write("sub/a.txt")
        self.index(path=self.top / "sub" / "a.txt")
        one, = self.frames()
        self.index()
        all_of_it, = self.frames()
        self.assertEqual(one["uri"], all_of_it["uri"])

    def test_a_link_is_followed_where_it_is_named(self):
        self.write("a.txt")
        link = self.site.folder / "link"
        link.symlink_to(self.top)
        self.index(path=link)
        frame, = self.frames()
        self.assertEqual(frame["uri"], f"file://{self.top}/a.txt")

    def test_no_database_is_asked(self):
        self.write("a.txt")
        self.index("--database", "postgresql://127.0.0.1:1/nowhere")
        self.assertEqual(len(self.frames()), 1)

    def test_large_texts_are_cut_into_segments(self):
        words = " ".join(hashlib.sha256(bytes([i])).hexdigest() for i in range(250)) + "\n"
        for i in range(5):
            self.write(f"{i}.txt", f"{i}\n" + words * 600)  # 9.7 MB each
        result = self.index("--json").json()
        self.assertEqual(len(result["segments"]), 2)
        self.assertEqual(len(self.frames()), 5)

    def test_what_shrinks_a_thousandfold_is_still_loaded(self):
        self.write("a.txt", "a" * (15 << 20))
        result = self.index("--json").json()
        segment, = result["segments"]
        self.assertTrue(segment.endswith(".msgpack"), segment)
        inspected = self.site.run("inspect", self.site.spool / segment).text
        self.assertIn("1 frame", inspected)
        self.assertNotIn("limits.", inspected)

    def test_a_frame_over_the_limit_is_passed_over(self):
        self.site.configure("limits: {frame: 64KiB, string: 64KiB}\n")
        self.write("a", "x" * 65536)
        self.write("b", "x")
        self.assertEqual(self.sent(), {"b": "text"})
        self.assertIn("limits.frame", self.skipped()["a"])

    def test_a_dry_run_writes_nothing(self):
        self.write("a.txt")
        self.assertIn("add     a.txt\n", self.index("--dry-run").out.decode())
        self.assertEqual(self.frames(), [])

    def test_nothing_to_send_writes_no_segment(self):
        self.assertEqual(self.index("--json").json()["segments"], [])

    def test_what_was_sent_is_not_overtaken(self):
        self.write("a.txt")
        self.index()
        refused = self.index(code=TRY_AGAIN)
        self.assertIn("isn't loaded yet", refused.text)
        waiting, = self.site.in_folder("incoming")
        claimed = self.site.spool / "processing" / "0193a3d2-7c55-7d31-9a0e-1f6f3b2c4d5e"
        claimed.mkdir()
        (self.site.spool / "incoming" / waiting).rename(claimed / waiting)
        self.assertIn(waiting, self.index(code=TRY_AGAIN).text)
        failed = self.site.spool / "failed" / claimed.name
        claimed.rename(failed)
        self.assertIn(f"spoolgate retry {failed.name}", self.index(code=TRY_AGAIN).text)
        self.write("other/a.txt")
        self.index(path=self.top / "other")

    def test_a_gate_of_its_own(self):
        self.write("a.txt")
        segment, = self.index("--gate", "docs", "--json").json()["segments"]
        self.assertTrue(segment.startswith("incoming/docs/index-"), segment)

    def test_who_would_reject_documents_gets_none(self):
        gates = self.site.folder / "manifests" / "gates"
        gates.mkdir(parents=True)
        (gates / "rows.yaml").write_text("gate: rows\nincoming: rows\nstreams: [metrics]\n")
        (gates / "all.yaml").write_text("gate: all\nincoming: all\nstreams: [metrics, knowledge]\n")
        manifests = ("--manifests", self.site.folder / "manifests")
        self.write("a.txt")
        self.assertIn("doesn't take documents", self.index("--gate", "rows", *manifests, code=USAGE).text)
        self.index("--gate", "all", *manifests)
        self.assertEqual(len(self.frames()), 1)
        self.site.configure("knowledge: {enabled: false}\n")
        self.assertIn("knowledge.enabled", self.index(code=CONFIG).text)

    def test_usage(self):
        for args in ((), ("a", "b"), ("--pack", "x", "."), ("--include", "", "."), ("--gate", "A", "."),
                     ("-i", "!*.md", "."), ("-x", "!*.md", "."), ("-i", "./docs", "."), ("-i", "docs/../a", "."),
                     ("-i", ".", "."), ("-x", "docs/..", "."),
                     ("--rev", "main", "."), ("--name", "x", "."), ("--name", "x/", ".")):
            with self.subTest(args):
                self.assertEqual(self.site.run("index", *args).code, USAGE)
        for pattern in (r"\!*.md", "/docs", ".x", "..x/y", "a/...", "*."):
            self.site.run("index", "-n", "-i", pattern, self.top, code=0)
        self.assertIn("nowhere", self.site.run("index", "nowhere", code=CONFIG).text)
        self.assertIn("neither", self.site.run("index", "/dev/null", code=CONFIG).text)


class RepositoryCase(IndexCase):
    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=0)
        self.git("init", "-q", "-b", "main")

    def git(self, *args, folder=None):
        done = subprocess.run(["git", "-C", folder or self.top, *args], capture_output=True, text=True, check=True,
                              env={**self.site.environment, **GIT})
        return done.stdout.strip()

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "c", "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def recorded(self, source=None):
        rows = self.site.query("SELECT commit_id, sending_commit FROM pmoves_kb.repository WHERE repository = %s",
                               source or f"git:{self.top}")
        return rows[0] if rows else None


class TestRepository(RepositoryCase):
    def test_frames(self):
        self.write("docs/a.md", "# Title\n")
        commit = self.commit()
        self.index()
        frame, = self.frames()
        blob = self.git("rev-parse", "HEAD:docs/a.md")
        self.assertEqual(frame["uri"], f"git:{self.top}/docs/a.md")
        self.assertEqual(frame["md"], {"repo": f"git:{self.top}", "path": "docs/a.md", "commit": commit, "blob": blob})
        self.assertEqual(frame["meta"], {"repository": f"git:{self.top}", "path": "docs/a.md"})
        self.assertEqual(self.recorded(), (commit, None))

    def test_only_what_changed(self):
        for name in ("same", "edited", "renamed", "both", "deleted", "sub/x"):
            self.write(name, f"{name}\n{LINES}")
        first = self.commit()
        self.assertEqual(set(self.sent().values()), {"text"})
        self.assertEqual(self.sent(), {})
        self.write("edited", "other")
        self.write("added", "new")
        self.git("mv", "renamed", "sub/new name")
        self.git("mv", "both", "both2")
        self.write("both2", f"both, edited\n{LINES}")
        self.git("rm", "-q", "deleted")
        second = self.commit()
        self.assertIn("rename  both2  was  both\n", self.index("--dry-run").out.decode())
        self.assertEqual(self.sent(), {"edited": "text", "added": "text", "sub/new%20name": "was renamed",
                                       "both2": "was both", "deleted": "deleted"})
        self.assertEqual((self.result["commit"], self.result["previous"], self.result["remark"]),
                         (second, first, None))
        self.assertEqual([self.result[k] for k in ("added", "edited", "renamed", "deleted")], [1, 1, 2, 1])
        self.assertEqual(self.sent(), {})

    def test_a_file_that_becomes_or_was_no_document(self):
        for name in ("to binary", "to link", "to folder", "text", "to text", "moved binary"):
            self.write(name, f"{name}\n{LINES}")
        self.write("to text", f"{LINES}\0")
        self.write("moved binary", f"x{LINES}\0")
        self.commit()
        self.sent()
        self.assertEqual(sorted(self.skipped()), ["moved%20binary", "to%20text"])
        self.write("to binary", b"\0")
        (self.top / "to link").unlink()
        (self.top / "to link").symlink_to("text")
        (self.top / "to folder").unlink()
        self.write("to folder/x", "x")
        self.write("to text", LINES)
        self.git("mv", "moved binary", "moved")
        self.commit()
        self.assertEqual(self.sent(), {"to%20binary": "deleted", "to%20link": "deleted", "to%20folder": "deleted",
                                       "to%20folder/x": "text", "to%20text": "text"})
        self.assertEqual(self.skipped(), {"to%20binary": "not text: it has NUL bytes",
                                          "to%20link": "a symbolic link", "moved": "not text: it has NUL bytes"})

    def test_a_renamed_file_that_is_no_document_now_goes(self):
        self.write("a", LINES)
        self.commit()
        self.sent()
        self.git("mv", "a", ".hidden")
        self.commit()
        self.assertEqual(self.sent(), {"a": "deleted"})
        self.git("mv", ".hidden", "b")
        self.commit()
        self.assertEqual(self.sent(), {"b": "text"})

    def test_many_renames(self):
        for i in range(1500):
            self.write(f"old/{i}", f"{i}\n")
        self.commit()
        self.sent()
        self.git("mv", "old", "new")
        self.commit()
        self.assertEqual(self.sent(), {f"new/{i}": f"was old/{i}" for i in range(1500)})

    def test_an_object_that_is_missing(self):
        """As in a partial clone. The next run begins where this one did."""
        self.write("here", "1")
        self.write("docs/é", "2")
        self.commit()
        blob = self.git("rev-parse", "HEAD:docs/é")
        path = self.top / ".git" / "objects" / blob[:2] / blob[2:]
        aside = path.rename(path.with_suffix(".aside"))
        said = self.index(code=CONFIG).text
        self.assertIn("can't read an object", said)
        self.assertIn("docs/%C3%A9", said)
        self.assertIn("git fsck", said)
        self.assertIsNone(self.recorded())
        aside.rename(path)
        self.assertEqual(self.sent(), {"here": "text", "docs/%C3%A9": "text"})

    def test_names_that_are_too_long(self):
        """The loader would reject their uris. A file that leaves such a name is a document from then on."""
        deep = "/".join(["漢" * 60] * 4) + "/a"
        self.write(deep, LINES)
        self.commit()
        self.assertEqual(self.sent(), {})
        self.assertIn("longer than 2,000 bytes", "".join(self.skipped().values()))
        self.git("mv", deep, "short")
        self.commit()
        self.assertEqual(self.sent(), {"short": "text"})
        os.makedirs(os.path.dirname(self.top / deep), exist_ok=True)
        self.git("mv", "short", deep)
        self.commit()
        self.assertEqual(self.sent(), {"short": "deleted"})
        self.git("rm", "-q", deep)
        self.commit()
        self.assertEqual(self.sent(), {})

    def test_submodules_are_passed_over(self):
        other = self.site.folder / "other"
        other.mkdir()
        self.git("init", "-q", folder=other)
        self.git("commit", "-q", "-m", "c", "--allow-empty", folder=other)
        self.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "module")
        self.write("a")
        self.commit()
        self.assertEqual(self.sent(), {"a": "text"})
        self.assertEqual(self.skipped(), {"module": "a submodule"})

    def test_odd_names(self):
        for name in (b"caf\xe9", "é ?#%", b"new\nline", '"q"', "[a]*", "-x"):
            self.write(name)
        self.commit()
        self.assertEqual(sorted(self.sent()), ["%22q%22", "%5Ba%5D*", "%C3%A9%20%3F%23%25", "-x", "caf%E9",
                                               "new%0Aline"])

    def test_another_revision_and_a_bare_repository(self):
        self.write("a", "1")
        first = self.commit()
        self.git("tag", "v1")
        self.write("b", "2")
        second = self.commit()
        bare = self.site.folder / "bare.git"
        self.git("clone", "-q", "--bare", self.top, bare)
        self.assertEqual(self.sent("--rev", "v1", path=bare), {"a": "text"})
        self.assertEqual(self.recorded(f"git:{bare}"), (first, None))
        self.assertEqual(self.sent("--rev", "main", path=bare), {"b": "text"})
        self.assertEqual(self.sent("--rev", first[:10], path=bare), {"b": "deleted"})
        self.assertIn("another branch", self.result["remark"])
        self.assertEqual(self.sent(path=bare), {"b": "text"})
        self.assertEqual(self.recorded(f"git:{bare}"), (second, None))
        self.assertIn("it has main, v1", self.index("--rev", "nope", path=bare, code=CONFIG).text)

    def test_two_clones_of_one_name_are_one_repository(self):
        self.write("a", "1")
        self.commit()
        clone = self.site.folder / "clone"
        self.git("clone", "-q", self.top, clone)
        name = self.site.folder.name
        self.assertEqual(self.sent("--name", name), {"a": "text"})
        self.assertEqual(self.result["source"], f"git:{name}")
        self.assertEqual(self.sent("--name", name, path=clone), {})

    def test_a_history_that_was_rewritten(self):
        self.write("a", "1")
        base = self.commit()
        self.write("a", "2")
        self.write("b", "2")
        self.commit()
        self.sent()
        self.git("reset", "-q", "--hard", base)
        self.write("c", "3")
        self.commit()
        self.assertEqual(self.sent(), {"a": "text", "b": "deleted", "c": "text"})
        self.assertIn("rewritten", self.result["remark"])

    def test_the_commit_of_the_last_run_is_gone(self):
        self.write("a", "1")
        base = self.commit()
        self.write("b", "2")
        self.commit()
        self.sent()
        self.git("reset", "-q", "--hard", base)
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "-q", "--prune=now")
        self.write("c", "3")
        self.commit()
        self.assertEqual(self.sent(), {"a": "text", "c": "text"})
        self.assertIn("is gone", self.result["remark"])

    def test_other_patterns_bring_documents_in_and_let_them_go(self):
        for name in ("a.md", "b.c", "docs/c.md", ".d.md"):
            self.write(name, name)
        self.commit()
        self.assertEqual(set(self.sent("--include", "*.md")), {"a.md", "docs/c.md"})
        self.assertEqual(self.sent("--include", "*.md"), {})
        self.assertEqual(self.sent("--include", "docs", "-i", "*.c"), {"a.md": "deleted", "b.c": "text"})
        self.assertIn("other files are selected", self.result["remark"])
        self.assertEqual(self.sent("--hidden"), {"a.md": "text", ".d.md": "text"})
        self.write("b.c", "edited")
        self.commit()
        self.assertEqual(self.sent("-x", "*.md", "--hidden"),
                         {"a.md": "deleted", ".d.md": "deleted", "docs/c.md": "deleted", "b.c": "text"})

    def test_another_limit_brings_documents_in(self):
        self.site.configure("limits: {string: 64KiB}\n")
        self.write("a", "x" * 100_000)
        self.write("b", "x")
        self.commit()
        self.assertEqual(self.sent(), {"b": "text"})
        self.site.configure("limits: {string: 1MiB}\n")
        self.assertEqual(self.sent(), {"a": "text"})
        self.site.configure("limits: {string: 64KiB}\n")
        self.assertEqual(self.sent(), {"a": "deleted"})

    def test_all(self):
        self.write("a", "1")
        self.commit()
        self.sent()
        self.assertEqual(self.sent("--all"), {"a": "text"})

    def killed(self, condition, stopped_when):
        """A run that is kept waiting where it would write the record, and is killed there."""
        key = int.from_bytes(os.urandom(4), "big")
        self.site.query(f"CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                        f" PERFORM pg_advisory_xact_lock({key}); RETURN NEW; END $$")
        self.site.query(f"CREATE TRIGGER {self.site.schema} BEFORE INSERT OR UPDATE ON pmoves_kb.repository FOR EACH ROW"
                        f" WHEN (NEW.repository = 'git:{self.top}' AND {condition}) EXECUTE FUNCTION stop()")
        with self.site.connect() as blocker:
            blocker.execute("SELECT pg_advisory_lock(%s)", [key])
            with subprocess.Popen([BIN, "index", self.top], env=self.site.environment, cwd=self.site.folder,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                waits = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s::bigint::oid"
                wait_until(lambda: self.site.value(f"SELECT count(*) {waits}", key), "the run waits")
                self.assertEqual(len(self.site.in_folder("incoming")), stopped_when)
                process.kill()
                self.site.query(f"SELECT pg_terminate_backend(pid) {waits}", key)
        self.site.query("DROP FUNCTION stop CASCADE")
        wait_until(lambda: "another spoolgate index" not in self.site.run("index", "--dry-run", self.top).text,
                   "the killed session is over")

    def test_a_run_that_is_killed_is_repeated(self):
        for condition, segments, left in (("NEW.sending_commit IS NOT NULL", 0, None),
                                          ("NEW.sending_commit IS NULL", 1, "second")):
            with self.subTest(condition):
                self.write("a", "1")
                first = self.commit()
                self.sent()
                self.write("b", condition)
                second = self.commit()
                self.killed(condition, segments)
                self.assertEqual(self.recorded(), (first, left and second))
                self.assertEqual(len(self.frames()), segments)
                self.assertEqual(self.sent(), {"b": "text"})
                self.assertIsNone(self.result["remark"])
                self.assertEqual(self.recorded(), (second, None))

    def test_another_commit_after_a_run_that_was_broken_off_sends_all(self):
        self.write("a", "1")
        first = self.commit()
        self.sent()
        self.write("b", "2")
        second = self.commit()
        self.site.query("UPDATE pmoves_kb.repository SET sending_commit = %s, sending_selection = selection"
                        " WHERE repository = %s", second, f"git:{self.top}")
        self.git("reset", "-q", "--hard", first)
        self.write("c", "3")
        third = self.commit()
        self.assertEqual(self.sent(), {"a": "text", "c": "text"})
        self.assertIn("broken off", self.result["remark"])
        self.assertEqual(self.recorded(), (third, None))

    def test_a_dry_run_records_nothing(self):
        self.write("a", "1")
        self.commit()
        self.index("--dry-run")
        self.assertIsNone(self.recorded())

    def test_one_at_a_time(self):
        self.write("a", "1")
        self.commit()
        with self.site.connect() as other:
            other.execute("SELECT pg_advisory_lock(hashtextextended('spoolgate index ' || %s, 0))", [f"git:{self.top}"])
            self.assertIn("another spoolgate index", self.index(code=TRY_AGAIN).text)

    def test_the_database_is_needed(self):
        self.write("a", "1")
        self.commit()
        refused = self.index("--database", "postgresql://127.0.0.1:1/nowhere", code=UNAVAILABLE)
        self.assertIn("how far the repository was indexed", refused.text)
        self.assertEqual(self.frames(), [])

    def test_a_repository_without_commits(self):
        self.assertIn("nothing was committed", self.index(code=CONFIG).text)

    def test_a_repository_of_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make one")
        self.write("a", "1")
        self.commit()
        for path in [self.top, *self.top.rglob("*")]:
            os.chown(path, 65534, 65534)
        result = self.index(code=None)
        if result.code == FINE:
            self.skipTest("this libgit2 trusts root with everybody's repositories")
        self.assertEqual(result.code, CONFIG, result)
        self.assertIn("belongs to another user", result.text)
        (self.site.folder / ".gitconfig").write_text(f"[safe]\n\tdirectory = {self.top}\n")
        self.assertEqual(self.sent(), {"a": "text"})


class TestLoaded(RepositoryCase):
    """From the files to the rows that readers see, and to the events."""
    def setUp(self):
        super().setUp()
        self.enterContext(self.site.daemon())

    def load(self, *args, **options):
        """What the daemon makes of an index: frames loaded, frames skipped."""
        before = len(self.site.receipts())
        self.result = self.index("--json", *args, **options).json()
        receipts = self.site.wait_settled(before + len(self.result["segments"]))[before:]
        self.assertEqual([(r["status"], r["frames_rejected"]) for r in receipts],
                         [("done", 0)] * len(self.result["segments"]))
        waits = ("SELECT count(*) FROM pmoves_kb.documents_next n JOIN pmoves_kb.documents d USING (doc_id)"
                 " JOIN pmoves_core.assets a USING (asset_id) WHERE a.uri LIKE %s")
        wait_until(lambda: self.site.value(waits, f"%{self.top}%") == 0, "all documents are complete")
        return sum(r["rows_loaded"] for r in receipts), sum(r["frames_skipped"] for r in receipts)

    def documents(self, source=None):
        """{path: [(chunk_id, text)]} of what is served."""
        documents = {}
        source = source or f"git:{self.top}"
        for uri, chunk, text in self.site.query(
                "SELECT a.uri, c.chunk_id, c.text FROM pmoves_core.assets a JOIN pmoves_kb.documents d USING (asset_id)"
                " LEFT JOIN pmoves_kb.chunks c USING (doc_id) WHERE starts_with(a.uri, %s) AND d.status = 'complete'"
                " ORDER BY a.uri, c.idx", source + "/"):
            documents.setdefault(uri.removeprefix(source + "/"), []).append((chunk, text))
        return documents

    def test_files_become_again_what_they_were(self):
        """The segments hold the same frames as before, and are no duplicates for it."""
        self.write("a", "the first text")
        self.commit()
        self.load()
        self.write("a", "the second text")
        self.commit()
        for rev, text in (("HEAD", "the second text"), ("HEAD~1", "the first text"), ("HEAD", "the second text"), ("HEAD~1", "the first text")):
            self.assertEqual(self.load("--rev", rev), (1, 0))
            self.assertEqual([t for _, t in self.documents()["a"]], [text])
        plain = self.top / "plain"  # not committed
        plain.mkdir()
        for text in ("the first text", "the second text", "the first text"):
            (plain / "a").write_text(text)
            self.assertEqual(self.load(path=plain), (1, 0))
            self.assertEqual([t for _, t in self.documents(f"file://{plain}")["a"]], [text])

    def test_a_repository_s_life(self):
        for name in ("same", "edited", "renamed", "both", "deleted"):
            self.write(f"{name}.md", f"# {name}\n\n{LINES}")
        self.write("empty.md", "")
        self.commit()
        self.assertEqual(self.load(), (6, 0))
        first = self.documents()
        self.assertEqual(sorted(first), ["both.md", "deleted.md", "edited.md", "empty.md", "renamed.md", "same.md"])
        self.write("edited.md", f"# edited\n\n{LINES}\n# More\n\nwords\n")
        self.git("mv", "renamed.md", "new name.md")
        self.git("mv", "both.md", "both2.md")
        self.write("both2.md", f"# both\n\n{LINES}\n# Even more\n\nwords\n")
        self.git("rm", "-q", "deleted.md")
        self.commit()
        self.assertEqual(self.load(), (4, 0))
        second = self.documents()
        self.assertEqual(sorted(second), ["both2.md", "edited.md", "empty.md", "new%20name.md", "same.md"])
        self.assertEqual(second["same.md"], first["same.md"])
        self.assertEqual(second["new%20name.md"], first["renamed.md"])  # the same chunks, so the same vectors
        self.assertEqual(second["both2.md"][:1], first["both.md"][:1])
        self.assertTrue(second["both2.md"][-1][1].endswith("words\n"))
        self.assertEqual(self.load(), (0, 0))
        self.assertEqual(self.site.query("SELECT embedding_status, count(embedding) = count(*) FROM pmoves_kb.chunks c"
                                         " JOIN pmoves_kb.documents d USING (doc_id)"
                                         " WHERE meta ->> 'repository' = %s GROUP BY 1", f"git:{self.top}"),
                         [("complete", True)])
        completions = self.site.query(
            "SELECT a.uri, (payload ->> 'revision')::int, count(*) FROM event_outbox JOIN pmoves_core.assets a"
            " ON a.asset_id = (payload ->> 'asset_id')::uuid WHERE event_type = 'kb.index.completed.v1' GROUP BY 1, 2")
        self.assertEqual({n for *_, n in completions}, {1})
        self.assertEqual(len(completions), 6 + 4)

    def test_what_was_sent_before_a_kill_changes_nothing(self):
        self.write("a.md", LINES)
        commit = self.commit()
        self.load()
        before = self.documents()
        self.site.query("UPDATE pmoves_kb.repository SET commit_id = NULL, selection = NULL, sending_commit = %s,"
                        " sending_selection = selection WHERE repository = %s", commit, f"git:{self.top}")
        self.assertEqual(self.load(), (0, 1))
        self.assertEqual(self.documents(), before)

    def test_what_only_the_database_has_is_retired(self):
        nested = self.top / "nested"
        self.write("a", "1")
        base = self.commit()
        nested.mkdir()
        self.git("init", "-q", folder=nested)
        (nested / "x").write_text("of a repository in the other one's folder\n")
        self.git("add", "x", folder=nested)
        self.git("commit", "-q", "-m", "c", folder=nested)
        self.load(path=nested)
        self.write("b", "2")
        self.git("add", "b")
        self.git("commit", "-q", "-m", "c")
        self.load()
        self.assertEqual(sorted(self.documents()), ["a", "b", "nested/x"])
        self.git("reset", "-q", "--hard", base)
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "-q", "--prune=now")
        self.load()
        self.assertEqual((self.result["deleted"], self.result["added"]), (1, 1))
        self.assertEqual(sorted(self.documents()), ["a", "nested/x"])
        self.site.query("DELETE FROM pmoves_kb.repository WHERE repository = %s", f"git:{self.top}")
        self.git("rm", "-q", "a")
        self.git("commit", "-q", "-m", "c")
        self.load()
        self.assertEqual(sorted(self.documents()), ["nested/x"])

    def test_a_document_that_comes_back(self):
        self.write("a", LINES)
        self.commit()
        self.load()
        self.git("rm", "-q", "a")
        self.commit()
        self.load()
        self.assertEqual(self.documents(), {})
        self.write("a", LINES)
        self.commit()
        self.load()
        self.assertEqual(list(self.documents()), ["a"])

    def test_plain_files(self):
        self.write("sub/a.txt", LINES)
        self.assertEqual(self.load(path=self.top / "sub"), (1, 0))
        self.assertEqual(self.load(path=self.top / "sub"), (0, 1))
        self.write("sub/b.txt", "b")
        self.assertEqual(self.load(path=self.top / "sub"), (1, 1))
        self.assertEqual(sorted(self.documents(f"file://{self.top}/sub")), ["a.txt", "b.txt"])

    def test_odd_names_and_what_is_hard_to_compress(self):
        self.write(b"caf\xe9 \n.txt", "words\n")
        self.write("a.txt", "word " * (1 << 18))
        self.commit()
        self.assertEqual(self.load(), (2, 0))
        self.assertEqual(sorted(self.documents()), ["a.txt", "caf%E9%20%0A.txt"])


class TestProgress(IndexCase):
    def on_a_terminal(self, *args, **env):
        """What a terminal would have got on stderr."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([BIN, *args], stdout=subprocess.DEVNULL, stderr=theirs,
                                   env={**self.site.environment, "TERM": "xterm", **env})
        os.close(theirs)
        said = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not some:
                break
            said += some
        os.close(ours)
        self.assertEqual(process.wait(DEADLINE), 0)
        return said.decode()

    def test_a_bar_on_a_terminal_and_nowhere_else(self):
        for i in range(300):
            self.write(f"{i}.txt", LINES)
        shown = self.on_a_terminal("index", "--dry-run", self.top)
        self.assertRegex(shown, r"\r\x1b\[Kindexing  \[#*\.*\]  \d+ of 300 files  ")
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)
        self.assertNotIn("\x1b[3", shown)
        self.assertEqual(self.on_a_terminal("index", "--dry-run", self.top, TERM="dumb"), "")
        self.assertEqual(self.index("--dry-run").err, b"")

    def test_a_drain_counts_and_the_log_stays_readable(self):
        self.write("a.txt", LINES)
        self.site.run("migrate", code=0)
        self.index()
        shown = self.on_a_terminal("drain", "--force")
        self.assertIn("\r\x1b[Kdraining  1 batch  1 row  ", shown)
        for line in shown.splitlines():
            if " level=" in line:
                self.assertRegex(line, r"^\x1b\[Kts=")  # behind the \r that ended the line before


if __name__ == "__main__":
    main()
