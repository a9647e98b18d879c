# SPDX-License-Identifier: MIT
"""Events on their way to listeners: what is announced is true, and everybody hears it, whoever dies meanwhile."""
import collections
import pathlib
import threading
import time

from audience import Audience, declare, hearing_site
from check import Verdict
from feed import Feed
from kills import CONFIG, Keeper, Producer, own_cluster, restart_server
from listener import Listener, drip, fail, hang_up, respond, stay_silent
from proxy import Fault, Proxy
from scenario import scenario, wait_drained
from support import Daemon, wait_until

MIB = 1 << 20


@scenario("SIGKILL of the daemon while it delivers events")
def deliveries_killed(run):
    kills = len(run.thin(range(run.tellers)))
    stops = restarts = 0
    with own_cluster() as cluster, hearing_site(CONFIG, cluster.url) as site, Audience(run, site) as audience:
        feed = Feed(site, days=3)
        producer = Producer(site, lambda: feed.any(run.random))
        with Keeper(site) as keeper:
            producer.start()
            for i in range(kills):
                time.sleep(run.random.choice((run.random.uniform(0, 0.08), run.random.uniform(0.05, 0.9))))
                keeper.check_alive(run)
                keeper.kill()
                if i % 10 == 4:
                    restart_server(cluster)
                    stops += 1
                if i % 20 == 9:
                    audience.restart()
                    restarts += 1
            producer.finish()
            wait_drained(site)
            audience.wait_told()
            keeper.check_alive(run)
        run.judge(site, feed, "the feed", times=kills + stops + restarts)
        events = audience.judge(run, "the feed")
    return (f"{kills} SIGKILLs of the daemon, {stops} immediate stops of Postgres and {restarts} restarts of the listeners"
            f" during a feed of {len(feed.segments):,} segments: {told(events, audience)}")


def told(events, audience):
    return (f"{events:,} events heard by {len(audience.ears)} listeners, of which one fails and one breaks off every fourth"
            f" time ({audience.requests:,} requests), none before its batch's commit")


@scenario("the daemon's connections are reset while it delivers events")
def deliveries_reset(run):
    resets = len(run.thin(range(run.n)))
    end = time.monotonic() + 2 * resets
    over = threading.Event()

    def plan(number):
        """As each second one lives long, batches get through and their events come about."""
        if number == 0 or over.is_set():
            return None
        return Fault(after_sent=int(run.random.expovariate(1 / 15000)) + 100000 * (number % 2))
    with hearing_site(CONFIG) as site, Audience(run, site) as audience, Proxy(site.url, plan) as proxy:
        feed = Feed(site)
        with Daemon(site, env={"SPOOLGATE_DATABASE": proxy.url}) as daemon:
            while time.monotonic() < end and proxy.broken < resets:
                if len(site.in_folder("incoming")) < 20:
                    feed.any(run.random, 40)
                time.sleep(0.02)
                if daemon.process.poll() is not None:
                    raise AssertionError(f"the daemon ended, exit {daemon.process.returncode}")
            over.set()
            wait_drained(site)
            audience.wait_told()
        run.judge(site, feed, "resets", times=proxy.broken)
        events = audience.judge(run, "resets")
    return (f"{proxy.broken} of a running daemon's connections to Postgres are reset after random numbers of bytes; it isn't"
            f" restarted: {told(events, audience)}")


# ---- many events, and listeners that are dead ----

GOOD = 15
DEAD = {"refuses": None, "silent": stay_silent, "dripping": drip, "failing": fail, "hanging-up": hang_up}
# A daemon that is idle has less than 20 MiB. Of deliveries it holds what it has in hand, `deliveries` (64) at the most: for each
# a body of 1 KiB, an answer of up to 4 KiB and curl's buffers of 100 KiB. Did it hold all that wait, it would be 200 MiB more.
PEAK = 64 * MIB

# Receipts of batches that are done, and their events, queued as the receipts' own statements do.
BATCHES = """
WITH receipt AS (
    INSERT INTO ingestion_manifest AS r
           (batch_id, batch_tag, spool_id, gate, status, reason, files, file_count, bytes_total, bytes_raw, frames_total,
            rows_loaded, tables, ts_min, ts_max, attempts, host, version, opened_at, loading_at, finished_at)
    SELECT gen_random_uuid(), 'default-' || n, '01954f7a-1000-7000-8000-000000000001', 'default', 'done', 'count 1 reached',
           '[]', 1, 120000, 120000, 1000, 1000, '{"metrics": 1000}', now(), now(), 1, 'host', '1', now(), now(), now()
      FROM generate_series(1, %(batches)s) AS n
 RETURNING r AS receipt, batch_id, spool_id, gate
), event AS (
    INSERT INTO event_outbox (event_id, event_type, seq, spool_id, batch_id, gate, payload)
    SELECT gen_random_uuid(), type, seq, spool_id, batch_id, gate, gate_event(type, receipt)
      FROM receipt, (VALUES ('gate.open', 1), ('gate.done', 2)) AS t(type, seq)
 RETURNING event_id, batch_id, seq
)
INSERT INTO event_delivery (event_id, sink, batch_id, seq)
SELECT event_id, sink, batch_id, seq
  FROM event, unnest(%(sinks)s::text[]) AS sink
"""


@scenario("listeners that are dead, beside others")
def dead_listeners(run):
    batches = 20 * run.sample or 100 * run.n
    alone, alone_peak = deliver(run, batches, {})
    beside, peak = deliver(run, batches, DEAD)
    run.times += 2 * batches * len(DEAD)
    return (f"{2 * batches:,} events wait for {GOOD} good listeners and {len(DEAD)} dead ones ({', '.join(DEAD)}): the good have"
            f" heard all after {beside:.1f} s, without the dead after {alone:.1f} s ({beside / alone:.2f} times); the daemon's"
            f" peak is {peak / MIB:.0f} MiB, without the dead {alone_peak / MIB:.0f} MiB")


def deliver(run, batches, dead):
    """Seconds until the good ones have heard all, and the daemon's peak memory."""
    heard = {f"good{number:02}": set() for number in range(GOOD)}
    unsigned = []

    def ear(name):
        def hear(request):
            if not request.is_signed():
                unsigned.append(name)
            heard[name].add(request.id)
            respond(request)
        return hear
    with hearing_site("rescan: 1h\nloaders: 1\n") as site, \
            Listener({name: ear(name) for name in heard} | dead) as listener:
        declare(site, listener.urls)
        with site.connect() as connection:
            connection.execute(BATCHES, {"batches": batches, "sinks": list(listener.urls)})
        start = time.monotonic()
        with Daemon(site) as daemon:
            wait_until(lambda: all(len(ids) == 2 * batches for ids in heard.values()),
                       lambda: f"all have heard {2 * batches}: {({n: len(ids) for n, ids in heard.items()})}", 900)
            seconds = time.monotonic() - start
            peak = peak_memory(daemon.pid)
        judge(run, site, heard, dead)
    if unsigned:
        run.fail(f"signatures that don't verify: {collections.Counter(unsigned)}")
    if peak > PEAK:
        run.fail(f"the daemon's peak: want at most {PEAK // MIB} MiB, got {peak / MIB:.0f} MiB")
    return seconds, peak


def peak_memory(pid):
    """Bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def judge(run, site, heard, dead):
    v = Verdict()
    outbox = collections.Counter(str(event) for event, in site.query("SELECT event_id FROM event_outbox"))
    for name, ids in heard.items():
        v.compare(f"what {name} heard", outbox, collections.Counter(ids))
    got = dict(site.query("SELECT sink, count(*) FROM event_delivery WHERE state <> 'delivered' GROUP BY 1"))
    v.equal("what isn't delivered, by sink", dict.fromkeys(dead, len(outbox)), got)
    run.record(v, f"beside {len(dead)} dead")
