# SPDX-License-Identifier: MIT
"""The knowledge base in tests: a database of the test's own, since pmoves_kb is one for a database,
whatever the schema.

    class TestSomething(KnowledgeCase):
        def test_it(self):
            self.declare("local", self.provider.url)
            self.drop(document("file:///a", "text"))
            ...
"""
import json
import secrets
import subprocess

import support
from provider import Provider, vector_of
from support import BIN, FINE, Site, SiteCase, pack, wait_until

_cluster = None


def cluster():
    """One for all cases of the process."""
    global _cluster  # pylint: disable=global-statement
    if _cluster is None:
        _cluster = support.Cluster().start()
    return _cluster


def document(uri, text, **keys):
    return {"kind": "document", "uri": uri, "format": "text", "text": text, **keys}


def chunked(uri, *texts, **keys):
    """A document of ready-made chunks."""
    return [{"kind": "document", "uri": uri, **keys},
            *({"kind": "chunk", "uri": uri, "idx": i, "text": text} for i, text in enumerate(texts))]


class Worker:
    """`spoolgate embed` in the background. Left as a context, it is told to end, and must exit 0."""

    def __init__(self, site, *args):
        self.log_path = site.folder / f"embed-{secrets.token_hex(4)}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([BIN, "embed", *args], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=site.folder, env=site.environment)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        self.process.terminate()
        return self.process.wait(support.DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, traceback):
        code = self.process.poll()
        if code is None:
            code = self.terminate()
        if failure is not None:
            failure.add_note(f"--- {self.log_path.name}, exit {code}\n{self.log}")
        elif code not in (0, -9):
            raise AssertionError(f"embed's exit: got {code}\n{self.log}")


class KnowledgeCase(SiteCase):
    DIMENSIONS = 8
    CONFIG = "knowledge: {embed: false}\n"  # the workers are the tests' own

    def setUp(self):
        name = f"kb_{secrets.token_hex(6)}"
        cluster().superuser(f"CREATE DATABASE {name} OWNER spoolgate")
        self.addCleanup(cluster().superuser, f"DROP DATABASE {name} WITH (FORCE)")
        self.site = Site(self.CONFIG, url=cluster().url.replace("/spoolgate?", f"/{name}?"))
        self.addCleanup(self.site.close)
        self.manifests = self.site.folder / "manifests"
        for folder in ("sinks", "embedders"):
            (self.manifests / folder).mkdir(parents=True)
        self.site.environment["SPOOLGATE_MANIFESTS"] = str(self.manifests)
        self.site.run("migrate", "--embedding", f"auto:{self.DIMENSIONS}", code=FINE)
        self.provider = self.enterContext(Provider(self.DIMENSIONS))

    def declare(self, name="local", **keys):
        manifest = {"embedder": name, "provider": "openai", "url": self.provider.url, "allow_private": True,
                    "model": "m", "dimensions": self.DIMENSIONS, "timeout": "20s", **keys}
        (self.manifests / "embedders" / f"{name}.yaml").write_text(json.dumps(manifest))

    def drop(self, *frames):
        """Loads the frames; nothing is embedded by that."""
        if not self.site.spool.exists():
            self.site.run("drain", code=FINE)  # makes it
        self.site.put(f"{secrets.token_hex(4)}.msgpack", pack(*frames))
        return self.site.run("drain", "--force", "--strict", code=FINE)

    def embed(self, *args, code=FINE):
        return self.site.run("embed", "--once", "--json", *args, code=code).json()

    def waiting(self):
        return self.site.query("SELECT text, embedding_status, attempts, error FROM pmoves_kb.chunks_next"
                               " ORDER BY doc_id, idx")

    def served(self, uri=None):
        """text → (status, error), of what is served."""
        rows = self.site.query(
            "SELECT c.text, c.embedding_status, c.error FROM pmoves_kb.chunks c JOIN pmoves_kb.documents USING (doc_id)"
            " JOIN pmoves_core.assets USING (asset_id) WHERE %s::text IS NULL OR uri = %s", uri, uri)
        return {text: (status, error) for text, status, error in rows}

    def completions(self):
        return [row[0] for row in self.site.query(
            "SELECT payload FROM event_outbox WHERE event_type = 'kb.index.completed.v1' ORDER BY created_at")]

    def health(self, name="local"):
        columns = ("failures", "paused", "stopped", "error", "requests", "chunks")
        row = self.site.query(
            "SELECT failures, coalesce(not_before > now(), false), stopped_at IS NOT NULL, error, requests, chunks"
            " FROM pmoves_kb.embedder WHERE embedder = %s", name)
        return dict(zip(columns, row[0])) if row else None

    def assert_vectors(self):
        """Every chunk that is complete has the vector of its own text."""
        for text, vector in self.site.query(
                "SELECT text, embedding::text FROM pmoves_kb.chunks WHERE embedding_status = 'complete'"):
            numbers = [float(n) for n in vector.strip("{}[]").split(",")]
            want = vector_of(text, self.DIMENSIONS)
            for got, wanted in zip(numbers, want, strict=True):
                self.assertAlmostEqual(got, wanted, places=5, msg=text)

    def wait_complete(self, documents):
        wait_until(lambda: len(self.completions()) >= documents, lambda: f"{self.waiting()}, {self.health()}")


__all__ = ["KnowledgeCase", "Worker", "chunked", "cluster", "document"]
