# SPDX-License-Identifier: MIT
"""What pmoves_kb serves: a reader that watches it, a trigger that counts, and the judge of it all."""
import collections
import threading
import time

import psycopg

from check import Verdict, check
from library import RETIRED
from trouble import BAD, as_float4, vector

# One statement, so one snapshot, as anybody's SELECT.
SERVED = """
SELECT a.uri, d.doc_id::text, d.asset_id::text, d.revision, d.status,
       ARRAY(SELECT heading FROM pmoves_kb.sections s WHERE s.doc_id = d.doc_id ORDER BY idx),
       coalesce((SELECT json_agg(json_build_object(
                            'idx', c.idx, 'heading', s.heading, 'overlap', coalesce(c.overlap, 0), 'text', c.text,
                            'state', c.embedding_status, 'error', c.error,
                            'vector', to_json(c.embedding::real[])) ORDER BY c.idx)
                   FROM pmoves_kb.chunks c LEFT JOIN pmoves_kb.sections s USING (section_id)
                  WHERE c.doc_id = d.doc_id), '[]')
  FROM pmoves_kb.documents d LEFT JOIN pmoves_core.assets a USING (asset_id)
"""
NONE = "nothing yet"


class Served:
    """A document, as a reader finds it."""

    def __init__(self, row):
        self.uri, self.doc_id, self.asset_id, self.revision, self.status, self.headings, self.chunks = row

    @property
    def failed(self):
        return sum(chunk["state"] == "failed" for chunk in self.chunks)

    def state(self, doc):
        """As library.Document puts it, and what can't be said so."""
        if self.status == "pending":
            return NONE if not self.chunks and not self.headings else f"pending, with {self.chunks}"
        if self.status == "retired":
            return RETIRED if not self.chunks and not self.headings else f"retired, with {self.chunks}"
        headings = tuple(heading for heading in self.headings if heading is not None)
        if doc.is_ready:
            return headings, tuple((c["idx"], c["heading"], c["text"]) for c in self.chunks)
        if [c["idx"] for c in self.chunks] != list(range(len(self.chunks))):
            return f"idx of chunks: {[c['idx'] for c in self.chunks]}"
        return headings, "".join(c["text"][c["overlap"]:] for c in self.chunks)

    def objections(self):
        """What must be true of it in every moment."""
        want = "partial" if self.failed else "complete"
        if self.status not in ("pending", "retired", want):
            yield f"status: want {want}, got {self.status}"
        for chunk in self.chunks:
            has_vector, has_reason = chunk["vector"] is not None, bool(chunk["error"])
            if (chunk["state"], has_vector, has_reason) not in (("complete", True, False), ("failed", False, True)):
                yield f"chunk {chunk['idx']}: {chunk['state']}, vector {chunk['vector']}, error {chunk['error']}"


class Reader(threading.Thread):
    """Looks all the time, and sees of each document one version whole, never an older one than before."""

    def __init__(self, site, library):
        super().__init__(daemon=True)
        self.site, self.library = site, library
        self.seen = {}  # uri -> number of the version
        self.looks = self.changes = 0
        self.problems = []
        self.stopping = threading.Event()

    def run(self):
        connection = None
        while not self.stopping.wait(0.01):
            try:
                if connection is None or connection.closed:
                    connection = self.site.connect()
                self.look(connection.execute(SERVED).fetchall())
            except psycopg.OperationalError:
                if connection is not None:
                    connection.close()
                time.sleep(0.1)
            except Exception as failure:  # pylint: disable=broad-except
                self.problems.append(f"{type(failure).__name__}: {failure}")
        if connection is not None:
            connection.close()

    def look(self, rows):
        self.looks += 1
        found = {served.uri: served for served in map(Served, rows)}
        for uri in self.seen.keys() - found.keys():
            self.problems.append(f"{uri} is gone")
        for uri, served in found.items():
            doc = self.library.documents[uri]
            state, before = served.state(doc), self.seen.get(uri, -1)
            number = -1 if state == NONE else next(
                (n for n, version in enumerate(doc.versions) if n >= max(before, 0) and version == state), None)
            if number is None or number < before:
                self.problems.append(f"{uri}, revision {served.revision}: no version from {before} on: {state}")
                continue
            self.problems += [f"{uri}, revision {served.revision}: {o}" for o in served.objections()]
            self.changes += number != before
            self.seen[uri] = number

    def finish(self):
        self.stopping.set()
        self.join()


# ---- how often a vector was stored ----

AUDIT = """
CREATE SCHEMA audit;
CREATE TABLE audit.stored (what text NOT NULL, chunk_id uuid NOT NULL, doc_id uuid, sha256 bytea, claim_id uuid,
                           at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit.stored (what, chunk_id, doc_id, sha256, claim_id)
    VALUES (TG_ARGV[0], NEW.chunk_id, NEW.doc_id, NEW.sha256,
            CASE WHEN TG_TABLE_NAME = 'chunks_next' AND TG_OP = 'UPDATE' THEN (to_jsonb(OLD) ->> 'claim_id')::uuid END);
    RETURN NULL;
END
$$;
-- Whoever names the column stores a vector, be it the same again. What is carried over from the revision before gets
-- that one's id with it.
CREATE TRIGGER embedded AFTER UPDATE OF embedding ON pmoves_kb.chunks_next FOR EACH ROW
    WHEN (NEW.embedding IS NOT NULL AND NEW.chunk_id = OLD.chunk_id) EXECUTE FUNCTION audit.note('embedded');
CREATE TRIGGER unclaimed AFTER UPDATE ON pmoves_kb.chunks_next FOR EACH ROW
    WHEN (OLD.embedding_status = 'failed' AND NEW.embedding_status <> 'failed') EXECUTE FUNCTION audit.note('after it failed');
CREATE TRIGGER served AFTER INSERT ON pmoves_kb.chunks FOR EACH ROW EXECUTE FUNCTION audit.note('served');
CREATE TRIGGER late AFTER UPDATE ON pmoves_kb.chunks FOR EACH ROW
    WHEN (OLD.embedding IS DISTINCT FROM NEW.embedding) EXECUTE FUNCTION audit.note('overwritten where it is served');
"""


def watch(site):
    with site.connect() as connection:
        connection.execute(AUDIT)


def check_audit(site, v):
    """Each chunk got its vector once from a worker, and came to be served once; nothing was ever overwritten."""
    stored = collections.Counter()
    for what, chunk, count in site.query("SELECT what, chunk_id::text, count(*) FROM audit.stored GROUP BY 1, 2"):
        stored[what, chunk] += count
    want = collections.Counter(key for key in stored if key[0] in ("embedded", "served"))
    v.compare("vectors stored", want, stored)
    return sum(count for (what, _), count in stored.items() if what == "embedded")


# ---- the judge ----

def check_library(site, library):
    """When nothing waits any more."""
    v = check(site, library)
    check_waiting(site, v)
    served = {s.uri: s for s in map(Served, site.query(SERVED))}
    v.compare("documents", collections.Counter(list(library.documents)), collections.Counter(list(served)))
    for uri, doc in library.documents.items():
        if uri in served:
            check_document(doc, served[uri], v)
    check_events(site, library, served, v)
    return v


def check_waiting(site, v):
    for table in ("documents_next", "sections_next", "chunks_next"):
        v.equal(f"rows left in {table}", 0, site.value(f"SELECT count(*) FROM pmoves_kb.{table}"))


def check_document(doc, served, v):
    want, got = doc.versions[-1], served.state(doc)
    v.compare(f"{doc.uri}, its version {len(doc.versions)}", collections.Counter([want]), collections.Counter([got]))
    for objection in served.objections():
        v.say(f"{doc.uri}: {objection}")


def check_vectors(library, served, alone, v):
    """A chunk failed where its text can't be embedded, or got no answer with sense three times, alone."""
    for uri, doc in library.documents.items():
        for chunk in served[uri].chunks:
            text, what = chunk["text"], f"{uri}, chunk {chunk['idx']}"
            if chunk["state"] == "complete":
                want = doc.given.get(text, vector(text))
                v.equal(f"{what}: vector", want, as_float4(chunk["vector"]))
            elif BAD not in text and alone[text] < 3:
                v.say(f"{what}: failed ({chunk['error']}) after {alone[text]} failures of its own")
            if BAD in text and text not in doc.given:
                v.equal(what, "failed", chunk["state"])


def check_events(site, library, served, v):
    """One completion for each revision, one announcement for each asset; embed.start at most once a batch."""
    told, last = collections.Counter(), {}
    created = collections.Counter()
    for kind, payload in site.query("SELECT event_type, payload FROM event_outbox WHERE event_type LIKE 'kb.%'"):
        if kind == "kb.index.completed.v1":
            told[payload["doc_id"], payload["revision"]] += 1
            if payload["revision"] >= last.get(payload["doc_id"], payload)["revision"]:
                last[payload["doc_id"]] = payload
        else:
            created[payload["uri"]] += 1
    v.compare("kb.ingest.asset.created.v1", collections.Counter(list(library.documents)), created)
    v.compare("kb.index.completed.v1", collections.Counter(
        (s.doc_id, revision) for s in served.values() for revision in range(1, s.revision + 1)), told)
    for s in served.values():
        want = {"event": "kb.index.completed.v1", "asset_id": s.asset_id, "doc_id": s.doc_id, "revision": s.revision,
                "status": "partial" if s.failed else "complete", "chunks": len(s.chunks), "failed": s.failed}
        v.equal(f"{s.uri}: its last completion", want, last.get(s.doc_id))
    v.equal("batches with more than one embed.start", 0, site.value(
        "SELECT count(*) FROM (SELECT FROM event_outbox WHERE event_type = 'embed.start'"
        " GROUP BY batch_id HAVING count(*) > 1) AS b"))


__all__ = ["NONE", "Reader", "Served", "Verdict", "check_audit", "check_library", "check_vectors", "watch"]
