# SPDX-License-Identifier: MIT
"""Documents on their way to being searchable, while workers, the daemon, Postgres and the embeddings' server fail."""
import collections
import contextlib
import secrets
import signal
import subprocess
import time

import psycopg
import psycopg.conninfo

from audience import RETRY
from check import Verdict
from crash import KILL, QUIET, was_killed
from kills import Keeper, Producer, own_cluster, restart_server
from library import Library
from listener import SECRET, Listener, fail, respond
from provider import Provider
from scenario import drain, new_site, scenario, wait_drained
from served import SERVED, Reader, Served, check_audit, check_library, check_vectors, watch
from support import BIN, database_url, wait_until
from trouble import DIMENSIONS, TIMEOUT, Trouble, declare_embedder
from walk import ONE, Point, Story, list_points, walk

# Chunks small, so that documents have several.
CHUNKS = "knowledge: {chunk: {tokens: 32, overlap: 8}}\n"
CONFIG = ("gates: {default: {open: {count: 4, bytes: 0, age: 300ms, idle: 100ms}, batch: {segments: 20},"
          " max_rejects: 100000}}\nrescan: 2s\nloaders: 2\nmanifests: manifests\n" + CHUNKS)
WORKERS = 4
LEASE = TIMEOUT + 30  # seconds (embed/claim.c)
BUILTIN = 384  # numbers of the built-in embedder's vectors
KINDS = ("kb.ingest.asset.created.v1", "kb.index.completed.v1")


class Workers:
    """`spoolgate embed`, several times; one that was killed is started again."""

    def __init__(self, site, count):
        self.site = site
        self.log_path = site.folder / "embed.log"
        self.running = [self.start() for _ in range(count)]
        self.frozen = {}  # pid -> when it goes on
        self.thaws = 0

    def start(self):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen([BIN, "embed"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    cwd=self.site.folder, env=self.site.environment)

    def kill(self, random):
        victim = random.choice([n for n, p in enumerate(self.running) if p.pid not in self.frozen])
        process = self.running[victim]
        process.kill()
        process.wait()
        self.running[victim] = self.start()

    def freeze(self, random, seconds):
        """For longer than its lease lasts: what it sends afterwards comes too late."""
        process = random.choice([p for p in self.running if p.pid not in self.frozen])
        process.send_signal(signal.SIGSTOP)
        self.frozen[process.pid] = time.monotonic() + seconds

    def thaw(self, at_once=False):
        for process in self.running:
            if process.pid not in self.frozen:
                continue
            is_late = self.frozen[process.pid] <= time.monotonic()
            if is_late or at_once:
                process.send_signal(signal.SIGCONT)
                del self.frozen[process.pid]
                self.thaws += is_late

    def check_alive(self, run):
        for number, process in enumerate(self.running):
            if process.poll() is not None:
                run.fail(f"`embed` ended by itself, exit {process.returncode}:\n{self.log[-2000:]}")
                self.running[number] = self.start()

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, _kind, failure, _traceback):
        self.thaw(at_once=True)
        for process in self.running:
            process.terminate()
        for process in self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                process.kill()
                process.wait()
                raise AssertionError("`embed` doesn't end on SIGTERM") from failure
        if failure is not None:
            failure.add_note(f"--- embed.log\n{self.log[-4000:]}")


class Ear:
    """A listener of the knowledge base's events that takes three of four."""

    def __init__(self, run):
        self.run = run
        self.taken = collections.defaultdict(set)  # id -> bodies
        self.is_calm = False

    def __call__(self, request):
        if not self.is_calm and self.run.random.random() < 0.25:
            fail(request)
            return
        self.taken[request.id].add(request.body)
        respond(request)

    def check(self, site, v):
        outbox = [str(event) for event, in site.query(
            "SELECT event_id FROM event_outbox WHERE event_type = ANY (%s)", list(KINDS))]
        v.compare("what the listener took", collections.Counter(outbox), collections.Counter(list(self.taken)))
        v.equal("events with more than one body", [], [i for i, bodies in self.taken.items() if len(bodies) > 1])


def declare_listener(site, url):
    site.environment["HOOK_SECRET"] = SECRET
    folder = site.folder / "manifests" / "sinks"
    folder.mkdir(parents=True)
    (folder / "index.yaml").write_text(f"sink: index\nurl: {url}\nevents: [{', '.join(KINDS)}]\n"
                                       f"secret: {{env: HOOK_SECRET}}\nallow_private: true\ntimeout: 5s\n{RETRY}")


# ---- kills at random times ----

@scenario("SIGKILL of embedding workers")
def workers_killed(run):
    kills = len(run.thin(range(run.tellers)))
    trouble = Trouble(run.random)
    with own_cluster() as cluster, Provider(DIMENSIONS, otherwise=trouble) as provider, \
            new_site(CONFIG, cluster.url, migrate=False) as site:
        provider.server.handle_error = lambda *_: None  # whoever asked was killed
        ear = Ear(run)
        declare_embedder(site, provider.url)
        with Listener({"index": ear}) as listener:
            declare_listener(site, listener.urls["index"])
            site.run("migrate", "--embedding", f"auto:{DIMENSIONS}", code=0)
            watch(site)
            library = Library(site, run.random)
            producer, reader = Producer(site, library.step, pause=0.05), Reader(site, library)
            with Keeper(site) as keeper, Workers(site, WORKERS) as workers:
                producer.start()
                reader.start()
                stops, lapsed = kill_all(run, site, cluster, keeper, workers, kills)
                producer.finish()
                trouble.is_calm = ear.is_calm = True
                workers.thaw(at_once=True)
                wait_drained(site)
                wait_embedded(site)
                wait_told(site)
                keeper.check_alive(run)
                workers.check_alive(run)
            reader.finish()
            run.judge(site, library, "the library", times=kills + stops + workers.thaws, by=check_library)
            stored = judge_rest(run, site, library, trouble, reader, ear)
    versions = sum(len(doc.versions) for doc in library.documents.values())
    seen = seen_by(library, reader)
    return (f"{kills} SIGKILLs of {WORKERS} `embed` and of a daemon that loads and embeds, {stops} immediate stops of Postgres,"
            f" {workers.thaws} workers stopped for longer than their lease, {lapsed:,} leases of chunks ended by hand, during a feed of {versions:,} versions of"
            f" {len(library.documents)} documents; the embeddings' server got {trouble.requests:,} requests and failed"
            f" {sum(trouble.faults.values()):,} ({shown(trouble.faults)}): {stored:,} vectors stored, each once;"
            f" {seen}")


def shown(faults):
    return ", ".join(f"{name} {count}" for name, count in sorted(faults.items()))


def end_leases(site):
    """All that is in hand may be claimed anew: what its workers send from now on comes too late."""
    with contextlib.suppress(psycopg.OperationalError):
        return len(site.query(
            "UPDATE pmoves_kb.chunks_next SET next_attempt_at = now() - interval '1 day' WHERE chunk_id IN ("
            "SELECT chunk_id FROM pmoves_kb.chunks_next WHERE claim_id IS NOT NULL FOR UPDATE SKIP LOCKED)"
            " RETURNING pg_notify('embed_updates', '')"))
    return 0


def kill_all(run, site, cluster, keeper, workers, kills):
    """Workers and the daemon in turn. Half of the pauses are so short that they hit a start-up."""
    stops = lapsed = 0
    for i in range(kills):
        time.sleep(run.random.choice((run.random.uniform(0, 0.08), run.random.uniform(0.05, 0.9))))
        workers.thaw()
        keeper.check_alive(run)
        workers.check_alive(run)
        if i % 5 == 4:
            keeper.kill()
        else:
            workers.kill(run.random)
        if i % 2 == 0:
            lapsed += end_leases(site)
        if i % 50 == 7:
            workers.freeze(run.random, LEASE + 2)
        if i % 20 == 9:
            restart_server(cluster)
            stops += 1
    return stops, lapsed


def wait_embedded(site):
    wait_until(lambda: site.value("SELECT count(*) FROM pmoves_kb.documents_next") == 0,
               lambda: "all documents are whole: " + str(site.query(
                   "SELECT embedding_status, count(*), max(attempts), min(next_attempt_at) - now(), max(error)"
                   " FROM pmoves_kb.chunks_next GROUP BY 1"
                   ) + site.query("SELECT to_json(e) FROM pmoves_kb.embedder e")), 240)


def wait_told(site):
    site.run("sink", "enable", "index", code=0)
    wait_until(lambda: site.value("SELECT count(*) FROM event_delivery WHERE state = 'waiting'") == 0,
               lambda: f"all is delivered: {site.query('TABLE sink_health')}", 120)


def judge_rest(run, site, library, trouble, reader, ear):
    v = Verdict()
    stored = check_audit(site, v)
    check_vectors(library, {s.uri: s for s in map(Served, site.query(SERVED))}, trouble.alone, v)
    ear.check(site, v)
    for problem in reader.problems[:10]:
        v.say(f"a reader saw: {problem}")
    if reader.looks < 10:
        v.say(f"the reader looked {reader.looks} times only")
    run.record(v, "vectors, events and readers")
    return stored


def seen_by(library, reader):
    retired = sum(doc.is_retired for doc in library.documents.values())
    return (f"one completion for each revision; a reader that looked {reader.looks:,} times saw {reader.changes:,} changes,"
            f" each whole; {retired} documents are retired")


# ---- at each system call ----

@contextlib.contextmanager
def library_site(config):
    """With a database of its own: there is one knowledge base in each."""
    name = f"library_{secrets.token_hex(6)}"
    with psycopg.connect(database_url(), user="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER spoolgate")
        try:
            with new_site(config, psycopg.conninfo.make_conninfo(database_url(), dbname=name)) as site:
                yield site
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill(site):
    return Library(site, dimensions=BUILTIN).batch()


def finish(site, always=()):
    """What a killed drain had in hand comes due when its lease ends, which is now."""
    drain(site, always)
    if end_leases(site):
        drain(site, always)


LIBRARY = Story(library_site, fill, finish, check_library)
LIBRARY_CONFIG = ONE + CHUNKS


@scenario("SIGKILL at a system call, with documents")
def crash_library(run):
    calls = [c for c in list_points(config=LIBRARY_CONFIG, every_thread=True, story=LIBRARY) if c.name not in QUIET]
    points = run.thin([Point(call, KILL) for call in calls])
    walk(run, points, was_killed, LIBRARY_CONFIG, may_miss=0.5, story=LIBRARY)
    return (f"two segments of assets, documents, sections, chunks with and without vectors, metrics and a reject: `drain`, which"
            f" embeds them, too, killed when any thread is about to do its nth call of a name, for {len(points)} of those")
