# SPDX-License-Identifier: MIT
"""Upgrades: databases and spools as earlier versions left them, and databases of later ones."""
import datetime
import hashlib
import json
import os
import threading
import unittest
import uuid

import psycopg.sql

from knowledge import KnowledgeCase, Worker, document
from provider import held
from receiver import Receiver, new_secret
from support import (CONFIG, EXACTLY, FINE, NOW, ROOT, UTC, Site, SiteCase, event, metric, pack, seal, wait_until)

MIGRATIONS = sorted((ROOT / "db" / "migrations").glob("[0-9][0-9][0-9]_*.sql"))
VERSIONS = range(1, len(MIGRATIONS) + 1)
FUTURE = "INSERT INTO {} (number, name, checksum) VALUES (999, '999_future', 'x')"

# The shipped streams' tables. They haven't changed since the first version; one that changes them writes here what was.
STREAMS = """
CREATE TABLE metrics (ts timestamptz NOT NULL, source text NOT NULL, name text NOT NULL, value double precision,
                      labels jsonb NOT NULL DEFAULT '{}', batch_id uuid NOT NULL) PARTITION BY RANGE (ts);
CREATE TABLE events (ts timestamptz NOT NULL, source text NOT NULL, type text NOT NULL, id text,
                     payload jsonb NOT NULL DEFAULT '{}', batch_id uuid NOT NULL) PARTITION BY RANGE (ts);
"""
STREAM = """
ALTER TABLE {0} ENABLE ROW LEVEL SECURITY;
CREATE POLICY spoolgate_read ON {0} FOR SELECT USING (true);
CREATE INDEX {0}_ts_brin ON {0} USING brin (ts);
"""
LEAF = """
CREATE TABLE {1} (LIKE {0} INCLUDING ALL);
ALTER TABLE {1} ENABLE ROW LEVEL SECURITY;
CREATE POLICY spoolgate_read ON {1} FOR SELECT USING (true);
ALTER TABLE {0} ATTACH PARTITION {1} FOR VALUES FROM ('{2}') TO ('{3}');
"""
DAYS = [NOW - datetime.timedelta(days=n) for n in (3, 2, 1)]


class Earlier:
    """A database at version `version`, and a spool that belongs to it, as a daemon of that version left both: by SQL
    text, since that daemon isn't here."""

    NOTHING = {"segments_failed": 1, "error": "no segment of the batch can be loaded"}

    def __init__(self, site, version):
        self.site, self.version = site, version
        site.query(psycopg.sql.SQL("CREATE SCHEMA {}").format(psycopg.sql.Identifier(site.schema)))
        site.query((ROOT / "db" / "queries" / "migration_table.sql").read_text().replace(":history", "spoolgate_migration"))
        for number, file in enumerate(MIGRATIONS[:version], 1):
            text = file.read_text()
            site.query(text)
            site.query("INSERT INTO spoolgate_migration VALUES (%s, %s, %s, now())", number, file.stem,
                       hashlib.sha256(text.encode()).hexdigest())
        site.query(STREAMS)
        for stream in ("metrics", "events"):
            site.query(STREAM.format(stream))
            for day in DAYS:
                site.query(LEAF.format(stream, f"{stream}_{day:%Y_%m_%d}", day.date(),
                                       day.date() + datetime.timedelta(days=1)))
        site.run("put", "-o", "x.msgpack", stdin=b'{"kind":"x"}\n', code=FINE)  # makes the spool's folders
        (site.spool / "incoming" / "x.msgpack").unlink()
        self.spool_id = (site.spool / ".id").read_text().strip()
        self.serial = 0

    def insert(self, table, **columns):
        self.site.query(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
                        *columns.values())

    def batch(self, status, gate="default", **columns):
        """A receipt; None makes the id alone."""
        self.serial += 1
        opened = DAYS[0] + datetime.timedelta(seconds=self.serial)
        batch = str(uuid.UUID(int=int(opened.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | self.serial))
        if status:
            ended = status in ("done", "failed")
            attempts = columns.pop("attempts", 0 if status == "open" else 1)
            if self.version >= 2:
                columns = {"manifest_rev": "0123abc", **columns}
            self.insert("ingestion_manifest", **{
                "batch_id": batch, "batch_tag": f"tag-{self.serial}", "spool_id": self.spool_id, "gate": gate,
                "status": status, "reason": "count", "file_count": 1, "bytes_total": 10, "host": "old", "version": "0.1",
                "opened_at": opened, "attempts": attempts, "loading_at": opened if attempts else None,
                "finished_at": opened + datetime.timedelta(seconds=1) if ended else None, **columns})
            if self.version >= 3:
                self.events(batch, ended)
        return batch

    def events(self, batch, ended):
        for seq, kind in enumerate(["gate.open", "gate.done"][:2 if ended else 1], 1):
            event_id = str(uuid.uuid4())
            self.insert("event_outbox", event_id=event_id, event_type=kind, seq=seq, spool_id=self.spool_id, batch_id=batch,
                        gate="default", payload=json.dumps({"event": kind, "batch_id": batch}))
            for sink, state in (("ops", "delivered"), ("audit", "dead")):
                settled = datetime.datetime.now(UTC)
                self.insert("event_delivery", event_id=event_id, sink=sink, batch_id=batch, seq=seq, state=state, attempts=1,
                            body=b'{"a": 1}', content_type="application/json", settled_at=settled)
                self.insert("event_attempt", event_id=event_id, sink=sink, attempted_at=settled, took_ms=1.5, status=200)
                if state == "dead":
                    self.insert("event_dlq", event_type=kind, payload='{"a": 1}', error="gone", event_id=event_id, sink=sink)

    def claim(self, batch, files, gate="default", staged=None):
        """processing/BATCH in the two forms that there were: at first a note in each, of three keys; later one of one
        key, and none for the default gate. (Version 1 of the database saw both; the first stands for it here.)"""
        folder = self.site.spool / "processing" / batch
        folder.mkdir()
        if self.version == 1:
            (folder / ".claim.json").write_text(json.dumps({"gate": gate, "reason": "count", "opened_us": 1}))
        elif gate != "default":
            (folder / ".claim.json").write_text(json.dumps({"gate": gate}) + "\n")
        for name, data in files.items():
            (folder / name).write_bytes(data)
        for name, data in (staged or {}).items():
            (folder / ".failed").mkdir(exist_ok=True)
            (folder / ".failed" / name).write_bytes(data)

    def archive(self, batch, files):
        folder = self.site.archive_of({"batch_id": batch})
        folder.mkdir(parents=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)

    def loaded(self, name, start, failed=None):
        """A batch that was committed: a segment of two metrics, an event and a reject, on three days, and maybe one that
        failed. Returns its id and the segment."""
        data = pack(metric(value=start), metric(value=start + 1), event(), metric(value="x", name=name), seal(4))
        digest = hashlib.sha256(data).hexdigest()
        files = [{"name": name, "bytes": len(data), "frames": 4, "sha256": digest, "rejected": 1}]
        files += [{"name": failed, "bytes": 1, "failed": "not msgpack"}] if failed else []
        batch = self.batch("done", files=json.dumps(files), file_count=len(files), segments_failed=len(files) - 1,
                           bytes_total=len(data) + len(files) - 1, bytes_raw=len(data), frames_total=4, rows_loaded=3,
                           frames_rejected=1, tables='{"metrics": 2, "events": 1}', ts_min=DAYS[0], ts_max=DAYS[2])
        self.insert("ingestion_segment", dedupe_key=f"sha256:{digest}", batch_id=batch, gate="default", name=name,
                    bytes=len(data), bytes_raw=len(data), sha256=digest, frames=4)
        self.insert("ingestion_reject", batch_id=batch, segment=name, frame_index=3, byte_offset=100, column_name="value",
                    reason="a number is wanted")
        for n, day in enumerate(DAYS[:2]):
            self.insert("metrics", ts=day, source="old", name="n", value=start + n, labels='{"a": 1}', batch_id=batch)
        self.insert("events", ts=DAYS[2], source="old", type="t", id="1", payload='{"b": [2]}', batch_id=batch)
        return batch, data

    def fill(self):
        """Batches in every state in which a crash may have left them. What they will have come to is in test_data."""
        spool = self.site.spool
        rejects = {"rejects.msgpack": pack(metric(value="x"))}

        def bad(name):
            return {name: b"\xc1", f"{name}.reason.json": b"{}"}

        def put_into_failed(batch, files):
            (spool / "failed" / batch).mkdir()
            for name, data in files.items():
                (spool / "failed" / batch / name).write_bytes(data)

        done, data = self.loaded("old.msgpack", 1, "bad.msgpack")
        self.archive(done, {"old.msgpack": data})
        put_into_failed(done, {**rejects, **bad("bad.msgpack")})
        self.site.put("again.msgpack", data)  # the old ledger knows it
        self.site.put(f"retry-{done}-rejects.msgpack", pack(metric(value=100)))  # put back by `retry`
        put_into_failed(self.batch("failed", **self.NOTHING), bad("cut.msgpack"))

        owed, data = self.loaded("owed.msgpack", 10, "b.msgpack")  # two renames are owed
        self.claim(owed, {"owed.msgpack": data}, staged={**rejects, **bad("b.msgpack")})
        half, data = self.loaded("half.msgpack", 20)  # one of them
        self.claim(half, {"half.msgpack": data})
        put_into_failed(half, rejects)
        self.claim(self.batch("failed", **self.NOTHING), {}, staged=bad("c.msgpack"))

        then = DAYS[0].isoformat()  # the claim's day: a frame may be of a day later, no more
        self.claim(self.batch("open"), {"open.msgpack": pack(metric(value=200, ts=then), seal(1))})
        # Staged, and killed before the COMMIT. A bad segment that had the name of our file was renamed: to one form at
        # first, to another later.
        ours = "rejects.1.msgpack" if self.version == 1 else "rejects.segment.msgpack"
        self.claim(self.batch("loading", attempts=3), {"loading.msgpack": pack(metric(value=300, ts=then), metric(value="x"))},
                   staged={ours: b"\xc1", f"{ours}.reason.json": b"{}", "rejects.msgpack": b"half of",
                           "gone.msgpack.reason.json": b"{}", ".draft.tmp": b""})
        self.claim(self.batch(None, "mine"), {"none.msgpack": pack(metric(value=400))}, gate="mine")  # no receipt


def tables_of(site):
    """{table: columns} of the schema's tables, leaves left out."""
    rows = site.query("SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c"
                      " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
                      " WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
                      " GROUP BY 1", site.schema)
    return dict(rows)


def sums_of(site, tables):
    """{table: (rows, a sum over all values of these columns)}"""
    def one(table, columns):
        row = ", ".join(f"t.{column}::text" for column in columns)
        return site.query(f"SELECT count(*), md5(coalesce(string_agg(x, E'\\n' ORDER BY x), ''))"
                          f" FROM (SELECT row({row})::text AS x FROM {table} t) s")[0]
    return {table: one(table, columns) for table, columns in tables.items()}


class TestEveryVersion(SiteCase):
    config = f"gates: {{mine: {{{EXACTLY.format(1)}}}}}\n"

    def at(self, version):
        earlier = Earlier(self.site, version)
        earlier.fill()
        return earlier

    def check(self, version):
        site = self.site
        self.at(version)
        spool = site.tree()
        tables = tables_of(site)
        before = sums_of(site, tables)
        self.assertGreater(min(n for table, (n, _) in before.items() if table not in ("manifest_set", "event_sink")), 0, before)

        missing = [file.stem for file in MIGRATIONS[version:]]
        done = site.run("migrate", "--dry-run", code=FINE).out.decode()
        self.assertEqual([l for l in done.splitlines() if l[3:] in [f.stem for f in MIGRATIONS]], [f"-- {m}" for m in missing])
        self.assertEqual((tables_of(site), sums_of(site, tables)), (tables, before))
        if missing:
            for command in ("run", "drain", "maintain"):
                self.assertIn("spoolgate migrate", site.run(command, code=CONFIG).text)
            self.assertIn("spoolgate migrate", site.run("doctor", code=CONFIG).text)
        done = site.run("migrate", code=FINE).out.decode()
        for name in missing:
            self.assertIn(name, done)
        self.assertEqual({t: s for t, s in sums_of(site, tables).items() if t != "spoolgate_migration"},
                         {t: s for t, s in before.items() if t != "spoolgate_migration"})
        self.assertEqual(site.query("SELECT number, name FROM spoolgate_migration ORDER BY 1"),
                         [(n, f.stem) for n, f in enumerate(MIGRATIONS, 1)])
        self.assertEqual(site.run("migrate", code=FINE).out, b"The database is at this version.\n")
        self.assertEqual(site.run("migrate", "--dry-run", code=FINE).out, b"The database is at this version.\n")
        self.assertEqual(site.run("plan", code=FINE).code, 0)
        self.assertEqual([p for p in site.tree() if p in spool], spool)
        self.go_on(version)

    def go_on(self, version):
        """Today's daemon with what was left: each segment once, in its place."""
        site = self.site
        with site.daemon():
            site.put("new.msgpack", pack(metric(value=500)))
            wait_until(lambda: not site.in_folder("processing") and not [p for p in site.tree("incoming")]
                       and not site.value("SELECT count(*) FROM ingestion_manifest WHERE status IN ('open', 'loading')"),
                       lambda: f"everything is settled; {site.tree()} {site.receipts()}")
        self.assertEqual([v for (v,) in site.query("SELECT value FROM metrics ORDER BY 1")],
                         [1, 2, 10, 11, 20, 21, 100, 200, 300, 400, 500])
        self.assertEqual(site.value("SELECT count(*) FROM events"), 3)
        self.assertEqual(site.value(f"SELECT count(*) FROM metrics_{DAYS[0]:%Y_%m_%d}"), 5)
        archived = sorted(n for n in map(os.path.basename, site.tree("archive")) if n != ".claim.json")
        self.assertEqual(archived[:-1], ["again.msgpack", "half.msgpack", "loading.msgpack", "new.msgpack", "none.msgpack",
                                         "old.msgpack", "open.msgpack", "owed.msgpack"])
        self.assertTrue(archived[-1].startswith("retry-"), archived)
        ours = "rejects.1.msgpack" if version == 1 else "rejects.segment.msgpack"
        for name in ("b.msgpack", "bad.msgpack", "c.msgpack", "cut.msgpack", ours):
            self.assertEqual(len(site.places(name)), 1, name)
            self.assertTrue(site.places(name)[0].startswith("failed/"), name)
        receipts = site.receipts()
        replayed = [r for r in receipts if r["batch_tag"].startswith("tag-") and r["version"] == "0.1"
                    and r["rows_loaded"] == 1]
        self.assertEqual([(r["status"], r["attempts"], r["frames_rejected"], r["segments_failed"]) for r in replayed],
                         [("done", 1, 0, 0), ("done", 4, 1, 1)])
        duplicate = site.value("SELECT frames_skipped FROM ingestion_manifest WHERE files::text LIKE %s", "%again.msgpack%")
        self.assertEqual(duplicate, 4)
        self.assertEqual(site.value("SELECT gate FROM ingestion_manifest WHERE files::text LIKE %s", "%none.msgpack%"), "mine")
        if version >= 3:
            self.assertEqual(site.value("SELECT count(*) FROM event_dlq"), site.value(
                "SELECT count(*) FROM event_delivery WHERE state = 'dead'"))
        found = site.run("doctor", "--json").json()["findings"]  # what is info waits for a retry, as it should
        self.assertEqual([f for f in found if f["severity"] != "info" and f["code"] != "dead-letters"], [])

    def test_a_version_is_refused_that_was_edited(self):
        """A history that no release had."""
        Earlier(self.site, 1)
        self.site.query("UPDATE spoolgate_migration SET checksum = 'x'")
        for command in ("migrate", "run", "drain"):
            self.assertIn("was edited", self.site.run(command, code=CONFIG).text)


def each_version(version):
    def test(self):
        self.check(version)
    test.__doc__ = f"A database at {MIGRATIONS[version - 1].stem}, with data in it."
    return test


for _version in VERSIONS:
    setattr(TestEveryVersion, f"test_from_{MIGRATIONS[_version - 1].stem}", each_version(_version))


class TestNewerDatabase(SiteCase):
    def setUp(self):
        super().setUp()
        self.site.run("migrate", code=FINE)

    def test_refused_by_all_that_write_to_it(self):
        site = self.site
        site.put("a.msgpack", pack(metric(value=1)))
        site.query(FUTURE.format("spoolgate_migration"))
        before, tables = site.tree("incoming"), tables_of(site)
        sums = sums_of(site, tables)
        for args in (["run"], ["run", "--migrate"], ["drain"], ["drain", "--force"], ["migrate"], ["migrate", "--dry-run"],
                     ["maintain"]):
            with self.subTest(args):
                said = site.run(*args, code=CONFIG).text
                self.assertIn("newer than this program: it has migration 999_future", said)
                self.assertIn("install the newer spoolgate", said)
        self.assertIn("999_future", site.run("doctor", code=CONFIG).text)
        self.assertEqual((site.tree("incoming"), tables_of(site), sums_of(site, tables)), (before, tables, sums))
        site.run("put", "-o", "b.msgpack", stdin=b'{"kind":"x"}\n', code=FINE)  # asks no database: the segment waits
        self.assertEqual(site.in_folder("incoming"), ["a.msgpack", "b.msgpack"])

    def test_a_running_daemon_holds(self):
        """It was connected before: a batch is held, no receipt is made, and the status says why, until its own version is
        back."""
        site = self.site
        site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}}}")
        with site.daemon():
            site.put("a.msgpack", pack(metric(value=1)))
            site.wait_settled(1)
            site.query(FUTURE.format("spoolgate_migration"))
            site.put("b.msgpack", pack(metric(value=2)))
            wait_until(lambda: "999_future" in (site.gate()["stalled_reason"] or ""),
                       lambda: f"the gate says why; {site.gate()}")
            self.assertEqual(site.value("SELECT count(*) FROM metrics"), 1)
            self.assertEqual([r["status"] for r in site.receipts()], ["done"])
            self.assertEqual(len(site.places("b.msgpack")), 1)
            site.query("DELETE FROM spoolgate_migration WHERE number = 999")
            site.wait_settled(2)
        self.assertEqual(site.query("SELECT value FROM metrics ORDER BY 1"), [(1.0,), (2.0,)])

    def test_events_wait_too(self):
        """What the courier of a running daemon writes is a newer program's affair by now."""
        site = self.site
        site.configure(f"manifests: manifests\nlog: {{level: info}}\ngates: {{default: {{{EXACTLY.format(1)}}}}}")
        (site.folder / "manifests" / "sinks").mkdir(parents=True)
        with Receiver() as receiver:
            (site.folder / "manifests" / "sinks" / "ops.yaml").write_text(json.dumps(
                {"sink": "ops", "url": receiver.url, "events": ["gate.done"], "allow_private": True,
                 "secret": {"env": "OPS_SECRET"}}))
            site.environment["OPS_SECRET"] = new_secret()
            with site.daemon() as daemon:
                site.put("a.msgpack", pack(metric(value=1)))
                receiver.wait(1)
                wait_until(lambda: site.value("SELECT state FROM event_delivery") == "delivered", "it is settled")
                site.query(FUTURE.format("spoolgate_migration"))
                site.query("UPDATE event_delivery SET state = 'waiting', due_at = now()")
                site.query("NOTIFY event_updates")
                wait_until(lambda: "events wait" in daemon.log and "999_future" in daemon.log, lambda: daemon.log)
                self.assertEqual(site.value("SELECT state FROM event_delivery"), "waiting")
                site.query("DELETE FROM spoolgate_migration WHERE number = 999")
                wait_until(lambda: site.value("SELECT state FROM event_delivery") == "delivered", "it is delivered")
        self.assertEqual(len(receiver.requests), 2)

    def test_migrated_while_a_batch_is_on_its_way(self):
        """The batch waits for a lock when the newer program migrates: nothing of it is committed."""
        site = self.site
        site.configure(f"gates: {{default: {{{EXACTLY.format(1)}}}}}")
        with site.daemon():
            site.put("a.msgpack", pack(metric(value=1)))
            site.wait_settled(1)
            with site.connect(application_name="migration") as other:
                other.autocommit = False
                other.execute("LOCK TABLE ingestion_segment IN ACCESS EXCLUSIVE MODE")
                site.put("b.msgpack", pack(metric(value=2)))
                wait_until(lambda: site.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation ="
                                              " 'ingestion_segment'::regclass"), "the batch waits for the migration")
                other.execute("ALTER TABLE ingestion_segment ADD COLUMN future text NOT NULL DEFAULT 'x'")
                other.execute(FUTURE.format("spoolgate_migration"))
                other.commit()
            wait_until(lambda: "999_future" in (site.gate()["stalled_reason"] or ""),
                       lambda: f"the gate says why; {site.gate()}")
            self.assertEqual([r["status"] for r in site.receipts()], ["done", "loading"])
            self.assertIn("999_future", site.receipts()[1]["error"])
            self.assertEqual(site.value("SELECT count(*) FROM metrics"), 1)
            self.assertEqual(site.value("SELECT count(*) FROM ingestion_segment"), 1)
            site.query("DELETE FROM spoolgate_migration WHERE number = 999")
            site.wait_settled(2)
        self.assertEqual(site.query("SELECT value FROM metrics ORDER BY 1"), [(1.0,), (2.0,)])


class TestKnowledge(KnowledgeCase):
    """The knowledge base has a history of its own, one for the database."""

    TABLES = ("pmoves_core.assets", "pmoves_kb.documents", "pmoves_kb.sections", "pmoves_kb.chunks",
              "pmoves_kb.documents_next", "pmoves_kb.chunks_next")

    def sums(self):
        return {t: self.site.query(f"SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {t} t")
                for t in self.TABLES}

    def test_rows_and_vectors_stay(self):
        """Another schema of the database is migrated from the first version on; the knowledge base, which both have in
        common, is what it was."""
        site = self.site
        self.drop(document("file:///a", "one text\n\nand another"), document("file:///b", "a third"))
        self.declare()
        self.embed()
        self.assertGreater(site.value("SELECT count(*) FROM pmoves_kb.chunks WHERE embedding IS NOT NULL"), 0)
        before = self.sums()
        other = Site(url=site.url)
        self.addCleanup(other.close)
        Earlier(other, 1)
        for file in MIGRATIONS[1:]:
            self.assertIn(file.stem, other.run("migrate", "--dry-run", code=FINE).text)
        other.run("migrate", code=FINE)
        for each in (site, other):
            self.assertEqual(each.run("migrate", code=FINE).out, b"The database is at this version.\n")
        self.assertEqual(self.sums(), before)
        self.drop(document("file:///a", "one text\n\nand another"))  # the same: no new revision
        self.assertEqual(site.value("SELECT max(revision) FROM pmoves_kb.documents"), 1)

    def test_a_running_daemon_holds_documents(self):
        """Its connection was there before. Other frames aren't the knowledge base's affair."""
        site = self.site
        site.configure(f"knowledge: {{embed: false}}\ngates: {{default: {{{EXACTLY.format(1)}}}}}")
        with site.daemon():
            site.put("a.msgpack", pack(document("file:///a", "one")))
            site.wait_settled(1)
            site.query(FUTURE.format("pmoves_kb.spoolgate_migration"))
            site.put("b.msgpack", pack(document("file:///b", "two")))
            wait_until(lambda: "999_future" in (site.gate()["stalled_reason"] or ""),
                       lambda: f"the gate says why; {site.gate()}")
            self.assertEqual([r["status"] for r in site.receipts()], ["done", "loading"])
            self.assertEqual(site.value("SELECT count(*) FROM pmoves_kb.documents"), 1)
            site.query("DELETE FROM pmoves_kb.spoolgate_migration WHERE number = 999")
            site.wait_settled(2)
        self.assertEqual(site.value("SELECT count(*) FROM pmoves_kb.documents"), 2)

    def check_embed_holds(self, table):
        """A worker that was connected before asks nobody for vectors, and says why, once."""
        site = self.site
        self.declare(concurrency=1)
        with Worker(site) as worker:
            self.drop(document("file:///a", "one"))
            self.wait_complete(1)
            site.query("UPDATE pmoves_kb.embedder SET not_before = 'infinity'")
            self.drop(document("file:///b", "two"))
            site.query(FUTURE.format(table))
            site.query("UPDATE pmoves_kb.embedder SET not_before = NULL")
            site.query("NOTIFY embed_updates")
            wait_until(lambda: "999_future" in worker.log, lambda: worker.log)
            self.assertIn("install the newer spoolgate", worker.log)
            self.assertEqual(self.waiting(), [("two", "pending", 0, None)])
            self.assertEqual(self.provider.asked("two"), 0)
            site.query(f"DELETE FROM {table} WHERE number = 999")
            self.wait_complete(2)
            self.assertEqual(worker.log.count("999_future"), 1)

    def test_a_worker_holds_for_a_newer_knowledge_base(self):
        self.check_embed_holds("pmoves_kb.spoolgate_migration")

    def test_a_worker_holds_for_newer_receipts(self):
        """It writes events, too."""
        self.check_embed_holds("spoolgate_migration")

    def test_migrated_during_a_request(self):
        """The vector isn't written, and comes with the next claim."""
        site = self.site
        self.declare(concurrency=1)
        answer = threading.Event()
        self.addCleanup(answer.set)
        self.provider.script = [held(answer)]
        self.drop(document("file:///a", "one"))
        with Worker(site) as worker:
            wait_until(lambda: self.provider.requests, "a request")
            site.query(FUTURE.format("pmoves_kb.spoolgate_migration"))
            answer.set()
            wait_until(lambda: "999_future" in worker.log, lambda: worker.log)
            self.assertEqual(self.waiting(), [("one", "processing", 0, None)])
            site.query("DELETE FROM pmoves_kb.spoolgate_migration WHERE number = 999")
            self.wait_complete(1)  # its claim holds: the answer was kept
        self.assertEqual(self.provider.asked("one"), 1)

    def test_a_newer_knowledge_base(self):
        site = self.site
        site.query(FUTURE.format("pmoves_kb.spoolgate_migration"))
        try:
            for command in ("run", "drain", "migrate"):
                self.assertIn("999_future", site.run(command, code=CONFIG).text)
        finally:
            site.query("DELETE FROM pmoves_kb.spoolgate_migration WHERE number = 999")


if __name__ == "__main__":
    unittest.main()
