# SPDX-License-Identifier: MIT
"""Events against their schemas in docs/events, and what their templates make of them."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import jsonschema

from support import BIN, FINE, ROOT, SiteCase, main, metric, pack

SCHEMAS = {file.name.removesuffix(".schema.json"): json.loads(file.read_text())
           for file in sorted((ROOT / "docs" / "events").glob("*.schema.json"))}
NAMES = ["embed.start", "gate.done", "gate.open", "kb.index.completed.v1", "kb.ingest.asset.created.v1"]
NOTIFIER = pathlib.Path(BIN).parent / "tools" / "notifier" / "notifier"


def problems(payload):
    schema = SCHEMAS[payload["event"]]
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    found = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(payload)]
    if list(payload) != list(schema["properties"]):
        found.append(f"keys are not in the schema's order: {list(payload)}")
    return found


class TestExamples(unittest.TestCase):
    def test_there_is_a_schema_for_each_event(self):
        self.assertEqual(list(SCHEMAS), NAMES)
        for name, schema in SCHEMAS.items():
            with self.subTest(name=name):
                jsonschema.Draft202012Validator.check_schema(schema)
                self.assertEqual(schema["required"], list(schema["properties"]))

    def test_examples_keep_to_their_schema(self):
        for name, schema in SCHEMAS.items():
            for i, example in enumerate(schema["examples"]):
                with self.subTest(name=name, example=i):
                    self.assertEqual(problems(example), [])

    def test_whatever_may_be_null_is_null_in_some_example(self):
        for name, schema in SCHEMAS.items():
            for key, shape in schema["properties"].items():
                kinds = shape.get("type", [])
                if "null" in ([kinds] if isinstance(kinds, str) else kinds):
                    with self.subTest(name=name, key=key):
                        self.assertIn(None, [example[key] for example in schema["examples"]])

    def test_what_is_wrong_is_seen(self):
        good = SCHEMAS["gate.done"]["examples"][0]
        for change in ({"seq": 1}, {"status": "open"}, {"rows_loaded": "5"}, {"rows_loaded": None}, {"new": 1},
                       {"tables": {"metrics": 0.5}}, {"opened_at": "2026-11-21 01:57:01"}, {"batch_id": "x"}):
            with self.subTest(change=change):
                self.assertNotEqual(problems({**good, **change}), [])


class TestPayloads(SiteCase):
    """What the database writes, of batches that end in each way."""

    def test_gate_events(self):
        good = [metric(name=f"n{i}", value=i) for i in range(10)]
        self.site.load({"a.msgpack": pack(*good)})
        self.site.load({"b.msgpack": pack(*good[:5], {"kind": "metric"}), "c.msgpack": b"\xc1",
                        "d.msgpack": pack(*good)})
        self.site.load({"e.msgpack": b"\xc1"})
        rows = self.site.query("SELECT event_type, payload::text, batch_id FROM event_outbox o"
                               " JOIN ingestion_manifest USING (batch_id) ORDER BY opened_at, o.seq")
        payloads = [json.loads(payload) for _, payload, _ in rows]
        for (name, text, batch_id), payload in zip(rows, payloads):
            with self.subTest(payload=text):
                self.assertEqual(problems(payload), [])
                self.assertTrue(text.startswith('{"event" : "'))
                self.assertEqual((payload["event"], payload["batch_id"]), (name, str(batch_id)))
        self.assertEqual([(p["event"], p["status"], p["partial"], p["rows_loaded"], p["frames_rejected"],
                           p["segments_failed"], p["error"] is None) for p in payloads], [
            ("gate.open", "open", False, None, None, None, True),
            ("gate.done", "success", False, 10, 0, 0, True),
            ("gate.open", "open", False, None, None, None, True),
            ("gate.done", "success", True, 5, 1, 1, True),
            ("gate.open", "open", False, None, None, None, True),
            ("gate.done", "failed", False, 0, 0, 1, False)])
        self.assertEqual(payloads[1]["tables"], {"metrics": 10})


class TestTemplates(unittest.TestCase):
    """The shipped ones, by the notifier: with its own reader of files and partials."""

    def render(self, template, payload):
        done = subprocess.run([NOTIFIER, "--template", ROOT / "templates" / template, "--data", "-", "--render"],
                              input=json.dumps(payload), capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (FINE, ""), payload)
        return json.loads(done.stdout)

    def test_those_of_one_event_say_all_of_it(self):
        for template, name in (("gate_open", "gate.open"), ("gate_done", "gate.done"), ("embed_start", "embed.start"),
                               ("kb_index_completed", "kb.index.completed.v1")):
            for example in SCHEMAS[name]["examples"]:
                with self.subTest(template=template, example=example):
                    got = self.render(f"{template}.json.tmpl", example)
                    self.assertEqual(list(got.items()), list(example.items()))

    def test_sentences(self):
        done, failed = SCHEMAS["gate.done"]["examples"][0], SCHEMAS["gate.done"]["examples"][2]
        rows = [
            (SCHEMAS["gate.open"]["examples"][0],
             "Gate default: open, 100 segments, 1048576 bytes: count 100 reached (batch default-20261121T015701Z-4d5e)"),
            (done, "Gate default: success, 250000 rows from 100 segments (batch default-20261121T015701Z-4d5e, "
                   "2026-11-21T01:57:01.250000Z to 2026-11-21T01:57:02.003417Z)"),
            (failed, "Gate default: failed, 0 rows from 100 segments, 2 segments failed, 12 frames rejected: "
                     f"{failed['error']} (batch default-20261121T015701Z-4d5e, "
                     "2026-11-21T01:57:01.250000Z to 2026-11-21T01:57:02.003417Z)"),
            (SCHEMAS["embed.start"]["examples"][0], "Batch default-20261121T015701Z-4d5e: embedding 340 chunks of "
                                                    "12 documents by text-embedding-3-small"),
            (SCHEMAS["kb.index.completed.v1"]["examples"][3],
             "Document c43d192b-8dc6-88a9-8ceb-451d0c4be43b: partial, 2 chunks, 2 without an embedding (revision 3)"),
            (SCHEMAS["kb.ingest.asset.created.v1"]["examples"][0],
             "kb.ingest.asset.created.v1: 1d8e98ae-b631-8ef7-8c8e-bf14963a1d8c, pdf, from crawler"),
        ]
        for payload, want in rows:
            with self.subTest(event=payload["event"]):
                self.assertEqual(self.render("discord.json.tmpl", payload)["content"], want)
                block, = self.render("slack.json.tmpl", payload)["blocks"]
                self.assertEqual(block["text"], {"type": "plain_text", "emoji": False, "text": want})

    def test_no_producer_rings_a_bell(self):
        for schema in SCHEMAS.values():
            for example in schema["examples"]:
                with self.subTest(example=example):
                    self.assertEqual(self.render("discord.json.tmpl", example)["allowed_mentions"], {"parse": []})
                    # Slack reads mentions and links in `text` alone.
                    text = self.render("slack.json.tmpl", example)["text"]
                    self.assertNotRegex(text, r"[&<>]")
                    self.assertIn(example["event"], text)

    def test_every_one_serves_every_example(self):
        """Also those that weren't made for it: keys that aren't there are null."""
        with tempfile.TemporaryDirectory(prefix="spoolgate-lint.") as folder:
            sinks = pathlib.Path(folder) / "sinks"
            sinks.mkdir()
            for file in (ROOT / "templates").glob("*.json.tmpl"):
                name = re.sub(r"\..*", "", file.name)
                (sinks / f"{name}.yaml").write_text(f"sink: {name}\nurl: https://h/\nevents: {json.dumps(NAMES)}\n"
                                                    f"format: {{template: {file.name}}}\n")
            done = subprocess.run([BIN, "lint", folder], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (FINE, "0 streams, 0 gates, 7 sinks: fine\n"))


if __name__ == "__main__":
    main()
