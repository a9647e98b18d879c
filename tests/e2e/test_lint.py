# SPDX-License-Identifier: MIT
"""`spoolgate lint` from outside, and its JSON Schemas held against the linter in both directions.

Cases are Python values, written as JSON, which is YAML: so that the schema and the linter see the
same. What the linter alone can know (names of other columns, ranges of durations) is in SEMANTIC.
"""
import copy
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import jsonschema

from support import BIN, CONFIG, FINE, ROOT, USAGE

STREAM = {
    "stream": "s", "kind": "k", "table": "t", "schema": "x", "mode": "upsert", "key": ["a", "t"], "version": "v",
    "partition": {"by": "t", "every": "day", "ahead": 2, "keep": "90 days", "detached": True},
    "window": {"past": "10d", "ahead": 3600}, "brin": ["t"],
    "indexes": [{"columns": ["j"], "method": "gin"}, {"columns": ["v", "t"], "unique": True}],
    "columns": {
        "a": {"type": "int8", "required": True, "from": "x.y"},
        "t": {"type": "timestamptz", "required": True, "unit": "ms"},
        "v": {"type": "int4", "required": True, "from": ["x", "v.w"]},
        "j": {"type": "jsonb", "rest": True}, "k": {"type": "text", "constant": "c"},
        "n": {"type": "float8", "default": 1.5}, "b": {"type": "uuid", "provenance": "batch_id"},
        "e": "vector(3)", "d": "double precision",
    },
}
GATE = {
    "gate": "g", "incoming": "in", "open": {"count": 0, "bytes": "16MiB", "age": 2, "idle": "200ms"},
    "batch": {"segments": 5, "bytes": "auto"}, "max_rejects": "1%", "dedupe": "name", "nul": "strip",
    "streams": ["metrics"],
}
SINK = {
    "sink": "k", "url": "https://example.org/x?y=1", "events": ["gate.open", "gate.done"], "gates": ["default"],
    "format": {"template": "gate_done.json.tmpl"}, "secret": [{"env": "A"}, {"file": "/x"}], "bearer": {"credential": "c"},
    "headers": {"X-A": {"env": "B"}}, "timeout": "20s", "retry": [0, "5s"], "concurrency": 2, "allow_private": True,
    "ca": "/etc/ca.pem",
}
EMBEDDER = {
    "embedder": "e", "provider": "openai", "url": "https://example.org/v1/embeddings", "model": "m", "dimensions": 768,
    "send_dimensions": True, "key": {"env": "A"}, "headers": {"X-A": {"file": "/a"}}, "encoding": "float", "prefix": "p: ",
    "query_prefix": "q: ", "batch": {"count": 5, "tokens": 500}, "max_tokens": 0, "concurrency": 3,
    "requests_per_minute": 60, "tokens_per_minute": 1000, "timeout": "90s", "allow_private": False, "ca": "/ca.pem"}
WHOLE = {"stream": STREAM, "gate": GATE, "sink": SINK, "embedder": EMBEDDER}

GONE = object()
# (kind, path into the whole manifest, what stands there instead)
GOOD = [
    ("embedder", ("url",), {"env": "URL"}), ("embedder", ("encoding",), GONE), ("embedder", ("batch",), {"count": 1}),
    ("stream", ("kind",), GONE), ("stream", ("window",), GONE), ("stream", ("brin",), [["t"], ["v", "t"]]),
    ("stream", ("partition", "every"), "week"), ("stream", ("partition", "keep"), 8640000),
    ("stream", ("columns", "n", "default"), None), ("stream", ("columns", "j", "rest"), True),
    ("stream", ("columns", "a", "from"), GONE), ("stream", ("columns", "e"), {"type": "halfvec(16000)"}),
    ("stream", ("columns", "k", "constant"), "'; DROP TABLE x"), ("stream", ("columns", "n", "default"), 2),
    ("gate", ("open",), GONE), ("gate", ("max_rejects",), 10), ("gate", ("max_rejects",), "12.5%"),
    ("gate", ("batch", "bytes"), 4096), ("gate", ("incoming",), "in-2"), ("gate", ("open", "idle"), 0.25),
    ("gate", ("dedupe",), "off"),
    ("sink", ("url",), {"env": "URL"}), ("sink", ("format",), "standard"), ("sink", ("secret",), {"env": "A"}),
    ("sink", ("gates",), GONE), ("sink", ("timeout",), 3), ("sink", ("url",), "https://[::1]:99/"),
]
BAD = [
    *((kind, ("extra",), value) for kind in WHOLE for value in (1, None, "x", {})),
    *((kind, (kind,), value) for kind in WHOLE for value in (GONE, 5, None, "", True, ["x"], {}, "x" * 64)),
    *((kind, (key,), value) for kind, whole in WHOLE.items() for key in whole if key != kind
      for value in (None, -1, True, ["", None], {"no": "such"}, []) if not (value is True and key in ("allow_private", "send_dimensions"))),
    ("stream", ("columns",), GONE), ("stream", ("columns",), {"": "text"}), ("stream", ("columns",), {"x" * 64: "text"}),
    *(("stream", ("columns", "n"), value) for value in (
        None, "txt", "vector", "vector(0)", "vector(x)", {}, {"type": "no"}, {"type": 5}, {"typ": "text"},
        {"type": "text", "from": []}, {"type": "text", "from": [1]}, {"type": "text", "from": ["k"] * 17},
        {"type": "text", "required": "yes"}, {"type": "date", "unit": "y"}, {"type": "jsonb", "rest": "true"},
        {"type": "text", "provenance": "me"}, {"type": "text", "more": 1})),
    ("stream", ("mode",), "replace"), ("stream", ("existing",), "yes"), ("stream", ("key",), "a"),
    ("stream", ("key",), ["a"] * 33), ("stream", ("brin",), [["t"], "v"]), ("stream", ("brin",), [[]]),
    ("stream", ("partition", "by"), GONE), ("stream", ("partition", "every"), "fortnight"),
    ("stream", ("partition", "ahead"), 401), ("stream", ("partition", "ahead"), 1.5),
    ("stream", ("partition", "keep"), "soon"), ("stream", ("partition", "keep"), "1e3"),
    ("stream", ("window", "past"), "-1d"), ("stream", ("indexes", 0, "columns"), GONE),
    ("stream", ("indexes", 0, "method"), "btre"), ("stream", ("indexes", 0, "unique"), 1),
    ("gate", ("gate",), "Fast"), ("gate", ("incoming",), "a/b"), ("gate", ("incoming",), ".."),
    ("gate", ("open", "count"), "many"), ("gate", ("open", "count"), "5"), ("gate", ("open", "bytes"), "1 parsec"),
    ("gate", ("open", "age"), "auto"), ("gate", ("open", "cont"), 1), ("gate", ("batch", "segments"), 0),
    ("gate", ("batch", "segments"), 1000001), ("gate", ("max_rejects",), "101%"), ("gate", ("max_rejects",), "few"),
    ("gate", ("max_rejects",), 0.5), ("gate", ("dedupe",), "no"), ("gate", ("nul",), "keep"),
    *(("sink", ("url",), value) for value in (
        GONE, "ftp://h", "https://", "https://u:p@h/", "https://h h", "https://h/\nx", {}, {"env": "A", "file": "/x"},
        {"value": "x"}, {"env": "A-B"}, {"file": "x"}, {"credential": "../x"})),
    ("sink", ("events",), GONE), ("sink", ("events",), ["gate.closed"]), ("sink", ("events",), "gate.done"),
    ("sink", ("secret",), "hunter2"), ("sink", ("secret",), [{"env": "A"}] * 5), ("sink", ("bearer",), "hunter2"),
    ("sink", ("headers",), {"X-A": "hunter2"}), ("sink", ("headers",), {"X A": {"env": "B"}}),
    ("sink", ("format",), "xml"), ("sink", ("format",), {"template": "../x.tmpl"}), ("sink", ("ca",), "ca.pem"), ("sink", ("format",), {}),
    ("embedder", ("dimensions",), 4001), ("embedder", ("dimensions",), GONE), ("embedder", ("provider",), "ollama"),
    ("embedder", ("key",), "hunter2"), ("embedder", ("batch", "count"), 0), ("embedder", ("encoding",), "hex"),
    ("embedder", ("model",), "a b"), ("embedder", ("timeout",), "soon"), ("embedder", ("colour",), "red"),
    ("sink", ("retry",), ["soon"]), ("sink", ("retry",), [0] * 51), ("sink", ("concurrency",), 0),
    ("sink", ("concurrency",), 65), ("sink", ("allow_private",), "yes"),
]
# Well-formed, and so fine by the schema; what is wrong is for the linter to say.
SEMANTIC = [
    ("embedder", ("provider",), "builtin"), ("embedder", ("url",), GONE), ("embedder", ("model",), GONE),
    ("embedder", ("headers",), {"Authorization": {"env": "A"}}), ("embedder", ("timeout",), "1h"),
    ("stream", ("key",), ["a", "nothing"]), ("stream", ("version",), "a"), ("stream", ("kind",), "metric"),
    ("stream", ("partition", "keep"), "1h"), ("stream", ("columns", "n", "default"), "x"),
    ("stream", ("columns", "j", "type"), "text"), ("stream", ("existing",), True),
    ("gate", ("streams",), ["nothing"]), ("gate", ("batch", "bytes"), 0),
    ("sink", ("format", "template"), "nothing.tmpl"), ("sink", ("gates",), ["nothing"]), ("sink", ("timeout",), "1h"), ("sink", ("headers",), {"Host": {"env": "A"}}),
]


def changed(kind, path, value):
    whole = copy.deepcopy(WHOLE[kind])
    at = whole
    for key in path[:-1]:
        at = at[key]
    if value is GONE:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return whole


class LintCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="spoolgate-lint.")
        self.addCleanup(folder.cleanup)
        self.dir = self.home = pathlib.Path(folder.name)

    def write(self, path, text):
        file = self.dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def lint(self, *args, folder=True):
        command = [BIN, "lint", *args, *([str(self.dir)] if folder else [])]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.home,
                              env={"LC_ALL": "C.UTF-8"})

    def findings(self):
        done = self.lint("--json")
        self.assertIn(done.returncode, (FINE, CONFIG), done.stderr)
        return json.loads(done.stdout)


class TestSchemas(LintCase):
    """One run of the linter over all cases of a kind: a file each, so names are made to differ."""

    def verdicts(self, kind, cases):
        """For each case: is the schema content, is the linter."""
        schema = json.loads(self.lint("--schema", kind, folder=False).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for path, value in cases:
            with tempfile.TemporaryDirectory(prefix="spoolgate-lint.") as folder:
                self.dir = pathlib.Path(folder)
                manifest = changed(kind, path, value)
                self.write(f"{kind}s/x.yaml", json.dumps(manifest))
                errors = [f["message"] for f in self.findings() if f["severity"] == "error"]
                yield path, value, validator.is_valid(manifest), errors

    def test_good_is_good_to_both(self):
        for kind in WHOLE:
            cases = [((kind,), WHOLE[kind][kind])] + [(path, value) for k, path, value in GOOD if k == kind]
            for path, value, valid, errors in self.verdicts(kind, cases):
                with self.subTest(kind=kind, path=path, value=value):
                    self.assertTrue(valid)
                    self.assertEqual(errors, [])

    def test_bad_structure_is_bad_to_both(self):
        for kind in WHOLE:
            cases = [(path, value) for k, path, value in BAD if k == kind]
            for path, value, valid, errors in self.verdicts(kind, cases):
                with self.subTest(kind=kind, path=path, value="(left out)" if value is GONE else value):
                    self.assertFalse(valid)
                    self.assertNotEqual(errors, [])

    def test_meaning_is_for_the_linter(self):
        for kind in WHOLE:
            cases = [(path, value) for k, path, value in SEMANTIC if k == kind]
            for path, value, valid, errors in self.verdicts(kind, cases):
                with self.subTest(kind=kind, path=path, value=value):
                    self.assertTrue(valid)
                    self.assertNotEqual(errors, [])

    def test_every_key_is_in_the_reference(self):
        reference = (ROOT / "docs" / "MANIFESTS.md").read_text()

        def keys(schema):
            for name, inner in schema.get("properties", {}).items():
                yield name
                yield from keys(inner)
            for inner in (schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())):
                if isinstance(inner, dict):
                    yield from keys(inner)

        for kind in WHOLE:
            schema = json.loads(self.lint("--schema", kind, folder=False).stdout)
            text = reference.split(f"\n## {kind.capitalize()}s", 1)[1].split("\n## ", 1)[0]
            for key in keys(schema):
                with self.subTest(kind=kind, key=key):
                    self.assertRegex(text, rf"`([a-z_]+\.)*{key}`|`{key}: ")


class TestLint(LintCase):
    def test_fine(self):
        self.write("streams/s.yaml", "stream: s\ncolumns: {a: text}\n")
        self.write("gates/g.yaml", "gate: g\n")
        self.write("gates/README.md", "not a manifest\n")
        done = self.lint()
        self.assertEqual((done.returncode, done.stdout, done.stderr), (FINE, "1 stream, 1 gate, 0 sinks: fine\n", ""))
        self.assertEqual(self.findings(), [])

    def test_all_errors_of_all_files_in_order(self):
        self.write("streams/s.yaml", "stream: s\ncolums: {a: text}\nmode: upsrt\n")
        self.write("gates/g.yaml", "gate: g\nstreams: [s, nothing]\n")
        self.write("sinks/k.yaml", "sink: k\nurl: http://h/\nevents: [gate.done]\n")
        done = self.lint()
        self.assertEqual(done.returncode, CONFIG)
        self.assertEqual(done.stdout.replace(f"{self.dir}/", ""),
                         "gates/g.yaml:2:14: error: there is no stream `nothing`\n"
                         "sinks/k.yaml:2:6: warning: `url`: events go out unencrypted; https is better\n"
                         "streams/s.yaml:2:1: error: unknown key `colums`; did you mean `columns`?\n"
                         "streams/s.yaml:3:7: error: `mode` can't be `upsrt`; did you mean `upsert`?\n"
                         "1 stream, 1 gate, 1 sink: 3 errors, 1 warning\n")
        self.assertEqual(self.findings()[0], {
            "file": f"{self.dir}/gates/g.yaml", "line": 2, "column": 14, "severity": "error",
            "message": "there is no stream `nothing`"})

    def test_templates(self):
        self.write("sinks/k.yaml", "sink: k\nurl: https://h/\nevents: [gate.open, gate.done]\n"
                                   "format: {template: ops.json.tmpl}\n")
        self.write("sinks/l.yaml", "sink: l\nurl: https://h/\nevents: [gate.done]\nformat: {template: dicsord.json.tmpl}\n")
        self.write("templates/ops.json.tmpl", '{\n  "rows": {{rows_loaded}},\n  "x": {{> gone}}\n}\n')
        self.write("templates/list.tmpl", "{{#tables}}\n  {{name}\n{{/tables}}\n")
        self.write("templates/old.mustache", "{{x}}")
        self.write("templates/sub/x.tmpl", "{{x}}")
        self.write("sinks/slack.json.tmpl", "{{x}}")
        done = self.lint()
        self.assertEqual(done.returncode, CONFIG)
        self.assertEqual(done.stdout.replace(f"{self.dir}/", ""),
                         "sinks/l.yaml:4:20: error: there is no dicsord.json.tmpl in templates/; "
                         "did you mean discord.json.tmpl?\n"
                         "sinks/slack.json.tmpl: warning: not read: templates are read from templates/; move it there\n"
                         "templates/list.tmpl:2:3: error: a name can't hold white space\n"
                         "templates/old.mustache: warning: not read: a template's name ends in .tmpl; rename it\n"
                         "templates/ops.json.tmpl:3:8: error: there is no templates/gone.json.tmpl\n"
                         "templates/sub: warning: not read: it is a folder in a folder; move its files up\n"
                         "0 streams, 0 gates, 2 sinks, 2 templates: 3 errors, 3 warnings\n")

    def test_templates_are_tried_on_the_examples(self):
        self.write("sinks/k.yaml", "sink: k\nurl: https://h/\nevents: [gate.open, gate.done]\n"
                                   "format: {template: ops.json.tmpl}\n")
        self.write("templates/ops.json.tmpl", '{"rows": {{rows_loaded}}}\n')
        done = self.lint()
        self.assertEqual((done.returncode, done.stdout.replace(f"{self.dir}/", "")), (
            CONFIG, "sinks/k.yaml:4:20: error: ops.json.tmpl fails with example 1 of gate.open: templates/ops.json.tmpl: "
                    "line 1, column 10 of what it rendered isn't JSON: unexpected token near '}'; "
                    "{{{x}}} stands for a whole value, {{x}} only for text between quotes\n"
                    "0 streams, 0 gates, 1 sink, 1 template: 1 error\n"))

    def test_warnings_alone_are_fine(self):
        self.write("sinks/k.yaml", "sink: k\nurl: http://h/\nevents: [gate.done]\n")
        self.assertEqual(self.lint().returncode, FINE)

    def test_hostile_files(self):
        bomb = "a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{i}: [*b, *b]\n" for i in range(1000))
        for text, want in (
                (b"\xff\xfes\0", "not UTF-8"), (b"stream: s\0\n", "a NUL character"), (b"", "the file says nothing"),
                ("[" * 100000, "nested deeper"), (bomb, "aliases"), ("a: &a [*a]\n", "aliases"),
                ("stream: s\n---\nstream: t\n", "more than one YAML document"), ("\tstream: s\n", "tab"),
                ("stream: s\nstream: s\ncolumns: {a: text}\n", "duplicate key")):
            self.write("streams/x.yaml", text)
            with self.subTest(want=want):
                messages = [f["message"] for f in self.findings()]
                self.assertTrue(any(want in message for message in messages), messages)

    def test_huge_file(self):
        self.write("streams/x.yaml", b"# " + b"x" * 10_000_000)
        self.write("gates/g.yaml", "gate: g\nstreams: [x]\n")
        self.write("gates/h.yaml", "gate: h\ncolor: red\n")
        done = self.lint()
        self.assertEqual((done.returncode, done.stderr), (CONFIG, ""))
        self.assertIn("larger than 1 MiB", done.stdout)
        self.assertIn("h.yaml:2:1: error: unknown key `color`", done.stdout)
        # The stream may be the one that the huge file declares.
        self.assertTrue(done.stdout.endswith("\n0 streams, 2 gates, 0 sinks: 2 errors\n"), done.stdout)

    def test_files_that_cannot_be_read(self):
        def folder(path):
            path.mkdir()

        def loop(path):
            path.symlink_to(path.name)

        def private(path):
            path.write_text("stream: s\n")
            path.chmod(0)

        rows = [
            ("a.yaml", "a.yaml", os.mkfifo, "it is no regular file; only files are read here"),
            ("b.yaml", "b.yaml", folder, "it is a folder; only files are read here"),
            ("c.yaml", "c.yaml", lambda p: p.symlink_to("/dev/zero"), "it is no regular file; only files are read here"),
            ("d.yml", "d.yml", lambda p: p.symlink_to("gone"), "can't be opened: No such file or directory"),
            ("e.yaml", "e.yaml", loop, "can't be opened: Too many levels of symbolic links"),
            ("f\n\x1b.yaml", "f??.yaml", pathlib.Path.touch, "the file's name is not plain text; rename it"),
            ("g\udcff.yaml", "g?.yaml", pathlib.Path.touch, "the file's name is not plain text; rename it"),
        ]
        if os.geteuid() != 0:
            rows.append(("h.yaml", "h.yaml", private, "can't be opened: Permission denied"))
        self.write("streams/z.yaml", "stream: z\ncolums: {a: text}\n")
        for name, _, make, _ in rows:
            make(self.dir / "streams" / name)
        done = self.lint()
        want = [f"{self.dir}/streams/{shown}: error: {message}" for _, shown, _, message in rows]
        want.append(f"{self.dir}/streams/z.yaml:2:1: error: unknown key `colums`; did you mean `columns`?")
        want.append(f"1 stream, 0 gates, 0 sinks: {len(rows) + 1} errors")
        self.assertEqual((done.returncode, done.stdout.splitlines(), done.stderr), (CONFIG, want, ""))
        findings = self.findings()
        self.assertEqual([(f["file"], f["line"], f["column"], f["severity"], f["message"]) for f in findings[:-1]],
                         [(f"{self.dir}/streams/{shown}", 0, 0, "error", message) for _, shown, _, message in rows])
        self.assertEqual(findings[-1]["line"], 2)

    def test_what_is_not_read_gets_a_warning(self):
        self.write("streams/s.yaml", "stream: s\ncolumns: {a: text}\n")
        for path in ("streams/t.YAML", "gates/g.json", "sinks/k.Yml", "streams/sub/t.yaml"):
            self.write(path, "x: 1\n")
        for path in ("streams/.t.YAML", "streams/t.YAML~", "streams/#t.yaml#", "streams/.sub/t.yaml", "gates/docs/README",
                     "gates/README.md"):
            self.write(path, "x: 1\n")
        done = self.lint()
        rename = "not read: a manifest's name ends in .yaml or .yml; rename it"
        self.assertEqual((done.returncode, done.stdout.replace(f"{self.dir}/", "")), (
            FINE, f"gates/g.json: warning: {rename}\n"
                  f"sinks/k.Yml: warning: {rename}\n"
                  "streams/sub: warning: not read: it is a folder in a folder; move its files up\n"
                  f"streams/t.YAML: warning: {rename}\n"
                  "1 stream, 0 gates, 0 sinks: 4 warnings\n"))
        self.assertEqual([f["severity"] for f in self.findings()], ["warning"] * 4)

    def test_secrets_are_not_shown(self):
        self.write("sinks/k.yaml", "sink: k\nurl: https://u:hunter2@h\nevents: [gate.done]\nsecret: hunter2\n"
                                   "bearer: {env: hunter2-}\nheaders: {X: hunter2}\n")
        done = self.lint()
        self.assertEqual(done.returncode, CONFIG)
        self.assertNotIn("hunter2", done.stdout + done.stderr)

    def test_shipped_manifests_lint(self):
        done = subprocess.run([BIN, "lint", str(ROOT / "manifests")], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (FINE, "2 streams, 0 gates, 0 sinks, 1 embedder: fine\n"))

    def test_the_configured_folder(self):
        self.dir = self.home / "m"
        self.write("streams/s.yaml", "stream: s\ncolumns: {a: txt}\n")
        (self.home / "spoolgate.yaml").write_text(f"manifests: {self.dir}\n")
        done = self.lint(folder=False)
        self.assertEqual(done.returncode, CONFIG)
        self.assertIn(f"{self.dir}/streams/s.yaml:2:14: error: ", done.stdout)
        (self.home / "spoolgate.yaml").write_text("loaders: 1\n")
        done = self.lint(folder=False)
        self.assertEqual(done.returncode, CONFIG)
        self.assertIn("no manifests are configured", done.stderr)

    def test_usage(self):
        for args in (("--schema", "streem"), ("a", "b"), ("--schema", "stream", "a"), ("--nothing",)):
            with self.subTest(args=args):
                self.assertEqual(self.lint(*args, folder=False).returncode, USAGE)

    def test_missing_folder(self):
        self.dir /= "gone"
        done = self.lint()
        self.assertEqual((done.returncode, done.stderr), (CONFIG, ""))
        self.assertTrue(done.stdout.startswith(f"{self.dir}: error: there is no folder {self.dir}"), done.stdout)
        self.assertTrue(done.stdout.endswith("\n0 streams, 0 gates, 0 sinks: 1 error\n"), done.stdout)
        finding, = self.findings()
        self.assertEqual((finding["file"], finding["line"], finding["severity"]), (str(self.dir), 0, "error"))

    def test_json_is_an_array_whatever_fails(self):
        rows = ("loaders: 1\n", "loaders: [\n", "manifests: gone\n", "manifests: {repo: gone}\n")
        for text in rows:
            with self.subTest(text=text):
                (self.home / "spoolgate.yaml").write_text(text)
                done = self.lint("--json", folder=False)
                self.assertEqual((done.returncode, done.stderr), (CONFIG, ""))
                finding, = json.loads(done.stdout)
                self.assertEqual((finding["line"], finding["severity"]), (0, "error"))


if __name__ == "__main__":
    unittest.main()
