# SPDX-License-Identifier: MIT
"""Listeners that keep books of what they hear, and the judge of those books.

    with hearing_site(...) as site, Audience(run, site) as audience:
        ...
        audience.wait_told()
        audience.judge(run, "the feed")
"""
import collections
import json
import time

import psycopg

from check import Verdict
from listener import SECRET, Listener, break_off, fail, later, respond
from scenario import new_site
from support import wait_until

# So many attempts that none is ever the last one, and in all so long that nothing is given up unheard.
RETRY = "retry: [0, 200ms, 500ms, " + ", ".join(["1s"] * 45) + ", 1d, 1d]\n"
OPEN, DONE = "gate.open", "gate.done"


def hearing_site(config, url=None):
    return new_site(config + "manifests: manifests\n", url, migrate=False)


def declare(site, urls, formats=None, more=""):
    """A sink for each listener, in a site that had no manifests to migrate with."""
    site.environment["HOOK_SECRET"] = SECRET
    folder = site.folder / "manifests" / "sinks"
    folder.mkdir(parents=True)
    for name, url in urls.items():
        (folder / f"{name}.yaml").write_text(
            f"sink: {name}\nurl: {url}\nevents: [{OPEN}, {DONE}]\nformat: {(formats or {}).get(name, 'flat')}\n"
            f"secret: {{env: HOOK_SECRET}}\nallow_private: true\n{more}")
    site.run("migrate", code=0)


class Witness:
    """Asks the database, in the moment in which an event is heard, whether it is true."""

    def __init__(self, site):
        self.site = site
        self.connection = None

    def objection(self, event):
        """What is wrong with it, or None. Raises when the database is away."""
        if self.connection is None or self.connection.closed:
            self.connection = self.site.connect()
        got = self.connection.execute(
            "SELECT status, (SELECT count(*) FROM metrics WHERE batch_id = r.batch_id)"
            " + (SELECT count(*) FROM events WHERE batch_id = r.batch_id)"
            " FROM ingestion_manifest r WHERE batch_id = %s", [event["batch_id"]]).fetchone()
        if got is None:
            return "there is no receipt"
        want = ("done" if event["status"] == "success" else "failed", event["rows_loaded"])
        if event["event"] == DONE and got != want:
            return f"status and rows: want {want}, the database has {got}"
        return None

    def may_overtake(self, event, sink):
        """Has the batch's gate.open been failing for so long (docs/events) that gate.done waits no more?"""
        return self.connection.execute(
            "SELECT failing_since < now() - interval '60 s' FROM event_delivery d JOIN event_outbox o USING (event_id)"
            " WHERE o.batch_id = %s AND event_type = %s AND sink = %s", [event["batch_id"], OPEN, sink]).fetchone() == (True,)

    def close(self):
        if self.connection is not None:
            self.connection.close()


def sometimes(answer, share):
    return lambda random: answer if random.random() < share else respond


MOODS = {"good": ("flat", sometimes(respond, 0)),
         "flapping": ("standard", sometimes(fail, 0.25)),
         "breaking": ("cloudevents", sometimes(break_off, 0.25))}


class Ear:
    """One listener: which events it heard, as which bodies, and what was wrong with them."""

    def __init__(self, name, witness, random):
        self.name = name
        self.form, self.mood = MOODS[name]
        self.witness, self.random = witness, random
        self.bodies = collections.defaultdict(set)  # by event id
        self.taken = set()                          # ids that were answered with 200
        self.opened = set()                         # batches whose gate.open was answered with 200
        self.done = set()                           # batches whose gate.done was heard
        self.requests = 0
        self.is_calm = False
        self.problems = []

    def __call__(self, request):
        try:
            self.hear(request)
        except psycopg.Error:
            fail(request)  # what can't be checked isn't taken
        except Exception as failure:  # pylint: disable=broad-except
            self.problems.append(f"{type(failure).__name__}: {failure}: {request.headers} {request.body[:500]}")
            fail(request)

    def hear(self, request):
        self.requests += 1
        if not request.is_signed():
            self.problems.append(f"the signature doesn't verify: {request.headers}")
        event = self.payload_of(request.id, request.body)
        if said := self.witness.objection(event):
            self.problems.append(f"{event['event']} of {event['batch_id']}: {said}")
        self.bodies[request.id].add(request.body)
        self.check_order(event)
        # An answer takes its time, so that a kill finds something in hand.
        later(0 if self.is_calm else self.random.uniform(0, 0.1), self.answer, request, event)

    def answer(self, request, event):
        if request.transport.is_closing():
            return
        mood = respond if self.is_calm else self.mood(self.random)
        if mood is respond:
            self.taken.add(request.id)
            if event["event"] == OPEN:
                self.opened.add(event["batch_id"])
        mood(request)

    def check_order(self, event):
        """The first gate.done comes when gate.open was taken, or has failed for long."""
        batch = event["batch_id"]
        if event["event"] == OPEN or batch in self.done:
            return
        if batch not in self.opened and not self.witness.may_overtake(event, self.name):
            self.problems.append(f"gate.done of {batch} came before its gate.open was taken")
        self.done.add(batch)

    def payload_of(self, event_id, body):
        """The event's payload, out of whatever it is wrapped in."""
        got = json.loads(body)
        if self.form == "flat":
            return got
        if self.form == "cloudevents" and got["id"] != event_id:
            raise ValueError(f"the header says {event_id}, the body {got['id']}")
        return {"event": got["type"], **got["data"]}


class Audience:
    """Three listeners of a site: one is good, one fails and one breaks off, now and then."""

    def __init__(self, run, site):
        self.site = site
        self.witness = Witness(site)
        self.ears = {name: Ear(name, self.witness, run.random) for name in MOODS}
        self.listener = Listener(self.ears)
        declare(site, self.listener.urls, {name: form for name, (form, _) in MOODS.items()}, "timeout: 5s\n" + RETRY)

    def __enter__(self):
        self.listener.__enter__()
        return self

    def __exit__(self, *failure):
        self.listener.__exit__(*failure)
        self.witness.close()

    def restart(self):
        self.listener.stop()
        time.sleep(0.2)
        self.listener.start()

    def wait_told(self):
        """All are well from now on, and known to be; until nothing waits for them. However much there is: it gets less."""
        for name, ear in self.ears.items():
            ear.is_calm = True
            self.site.run("sink", "enable", name, code=0)
        waiting = self.waiting()
        while waiting:
            wait_until(lambda before=waiting: self.waiting() < before,
                       lambda before=waiting: f"fewer than {before} wait: {self.site.query('TABLE sink_health')}", 180)
            waiting = self.waiting()

    def waiting(self):
        return self.site.value("SELECT count(*) FROM event_delivery WHERE state = 'waiting'")

    @property
    def requests(self):
        return sum(ear.requests for ear in self.ears.values())

    def judge(self, run, what):
        """Each receipt has its two events, each listener took them all, each as one body, and heard no others."""
        v = Verdict()
        outbox = {str(event): text for event, text in self.site.query("SELECT event_id, payload::text FROM event_outbox")}
        told = collections.Counter((p["batch_id"], p["event"]) for p in map(json.loads, outbox.values()))
        v.compare("events", collections.Counter((str(r["batch_id"]), event) for r in self.site.receipts()
                                                for event in (OPEN, DONE)), told)
        for name, ear in self.ears.items():
            v.compare(f"what {name} took", collections.Counter(list(outbox)), collections.Counter(ear.taken))
            for event, bodies in ear.bodies.items():
                v.equal(f"{name}: bodies of {event}", 1, len(bodies))
                v.equal(f"{name}: body of {event}", json.dumps(json.loads(outbox.get(event, "null"))),
                        json.dumps(ear.payload_of(event, min(bodies))))
            for problem in ear.problems[:5]:
                v.say(f"{name}: {problem}")
        v.equal("dead letters", 0, self.site.value("SELECT count(*) FROM event_dlq"))
        run.record(v, f"{what}, its events")
        return len(outbox)
