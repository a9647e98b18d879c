#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Streams and gates of one's own, from manifests: declared, linted, planned, applied, loaded, reloaded,
and traced back to the commit that loaded a batch."""
import datetime
import json
import math
import os
import random
import subprocess

import msgpack

from support import NOW, SiteCase, conservation, main, metric, pack, wait_until

FINE, DATA, DIFFERENCES, CONFIG = 0, 65, 2, 78

DEVICES = """\
stream: devices
kind: device
partition: {by: t, every: month}
brin: [t]
columns:
  device: {type: text, required: true}
  t:      {type: timestamptz, required: true, unit: ms}
  lat:    {type: float8, from: position.lat}
  lon:    {type: float8, from: position.lon}
  speed:  float4
  extra:  {type: jsonb, rest: true}
  batch:  {type: uuid, provenance: batch_id}
"""

LAST = """\
stream: last
mode: upsert
key: [id]
columns:
  id:    {type: int8, required: true}
  value: int8
"""

GATE = "open: {count: 1}"


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def milliseconds(time):
    return int(time.timestamp() * 1000)


class ManifestCase(SiteCase):
    """self.declare("streams/devices.yaml", text) writes into the site's manifests."""
    config = "manifests: manifests\nloaders: 2\n"

    def setUp(self):
        super().setUp()
        self.manifests = self.site.folder / "manifests"
        (self.manifests / "streams").mkdir(parents=True)
        (self.manifests / "gates").mkdir()

    def declare(self, path, text):
        (self.manifests / path).write_text(text)

    def apply(self):
        self.site.run("migrate", code=FINE)
        return self.site.run("apply", code=FINE)

    def drain(self, code=FINE):
        return self.site.run("drain", "--force", "--json", code=code).json()


class TestStranger(ManifestCase):
    """The README's case: one file, lint, plan, apply, put, rows."""

    def test_from_a_file_to_rows(self):
        self.declare("streams/devices.yaml", DEVICES)
        self.assertIn("fine", self.site.run("lint", code=FINE).out.decode())
        self.site.run("migrate", code=FINE)
        plan = self.site.run("plan", code=DIFFERENCES).out.decode()
        self.assertIn('CREATE TABLE IF NOT EXISTS "devices"', plan)
        self.assertEqual(self.site.query("SELECT to_regclass('devices')"), [(None,)], "plan changes nothing")
        self.site.run("apply", code=FINE)
        self.site.run("plan", code=FINE)
        frame = {"kind": "device", "device": "a7", "t": milliseconds(NOW),
                 "position": {"lat": 52.5, "lon": 13.25, "fix": "3d"}, "speed": 3.5, "battery": 81}
        self.site.run("put", stdin=json.dumps(frame).encode(), code=FINE)
        self.assertEqual(self.drain()["rows_loaded"], 1)
        rows = self.site.query("SELECT device, t, lat, lon, speed, extra, batch FROM devices")
        receipt, = self.site.receipts()
        self.assertEqual(rows, [("a7", NOW, 52.5, 13.25, 3.5, {"battery": 81, "position": {"fix": "3d"}},
                                 receipt["batch_id"])])
        self.assertEqual(receipt["tables"], {"devices": 1})
        self.assertEqual(self.site.value("SELECT inhrelid::regclass::text FROM pg_inherits"
                                         " WHERE inhparent = 'devices'::regclass"),
                         NOW.strftime("devices_%Y_%m"))

    def test_inspect_tells_what_a_database_would_make_of_it(self):
        self.declare("streams/devices.yaml", DEVICES)
        self.apply()
        self.site.query("ALTER TABLE devices ADD CHECK (lat BETWEEN -90 AND 90)")
        last_month = NOW.replace(day=1) - datetime.timedelta(days=1)
        frames = [{"kind": "device", "device": "a", "t": milliseconds(NOW), "position": {"lat": 1.0}},
                  {"kind": "device", "device": "b", "t": milliseconds(last_month), "position": {"lat": 91.0}},
                  {"kind": "device", "t": milliseconds(NOW)}]
        segment = self.site.folder / "a.msgpack"
        segment.write_bytes(pack(*frames))
        told = self.site.run("inspect", "--against", self.site.url, "--json", segment, code=FINE).json()
        self.assertEqual([(r["index"], r["column"]) for r in told["rejects"]], [(2, "device")])
        against = told["against"]
        self.assertEqual([(r["index"], r["sqlstate"]) for r in against["refused"]], [(1, "23514")])
        self.assertEqual(against["rows"], 1)
        self.assertEqual(against["partitions"], [f'"devices_{t:%Y_%m}"' for t in (last_month, NOW)])
        self.assertEqual(self.site.value("SELECT count(*) FROM devices"), 0)
        self.assertEqual(self.site.query("SELECT inhrelid FROM pg_inherits"
                                         " WHERE inhparent = 'devices'::regclass"), [])
        self.assertEqual(self.site.receipts(), [])
        # and that is what becomes of it
        self.site.configure(self.config + "gates: {default: {max_rejects: 2}}\n")
        self.site.put("a.msgpack", segment.read_bytes())
        self.drain()
        self.assertEqual(self.site.query("SELECT frame_index, sqlstate FROM ingestion_reject ORDER BY 1"),
                         [(1, "23514"), (2, None)])
        told = self.site.run("inspect", "--against", self.site.url, "--json", segment, code=FINE).json()
        self.assertEqual(told["against"]["duplicate_of"], str(self.site.receipts()[0]["batch_id"]))


class TestModes(ManifestCase):
    def load(self, name, frames):
        self.site.put(name, pack(*frames))
        before = len(self.site.receipts())
        self.drain()
        return self.site.receipts()[before:]

    def test_the_last_value_of_each_key(self):
        """A million frames over 100,000 keys, twice, with changes in between."""
        self.declare("streams/last.yaml", LAST)
        self.apply()
        rng = random.Random(7)
        want = {}
        packer = msgpack.Packer()
        for feed in range(2):
            for part in range(10):
                frames = []
                for number in range(50_000):
                    key, value = rng.randrange(100_000), rng.randrange(1 << 40)
                    want[key] = value
                    frames.append(packer.pack({"kind": "last", "id": key, "value": value}))
                name = f"{feed}-{part:02}.msgpack"
                self.site.put(name, b"".join(frames))
                path = self.site.spool / "incoming" / name
                at = NOW.timestamp() - 1000 + 10 * feed + part
                os.utime(path, (at, at))
            self.drain()
        self.assertEqual(dict(self.site.query("SELECT id, value FROM last")), want)
        receipts = self.site.receipts()
        for receipt in receipts:
            self.assertEqual(*conservation(receipt))
        self.assertEqual(sum(r["frames_total"] for r in receipts), 1_000_000)

    def test_order_is_that_of_mtime_and_name_in_the_daemon_too(self):
        """One frame a segment, a batch each, several loaders: an ordered stream goes one by one."""
        self.declare("streams/last.yaml", LAST)
        self.declare("gates/default.yaml", "gate: default\nopen: {count: 30}\nbatch: {segments: 1}\n")
        self.apply()
        names = [f"{n:02}.msgpack" for n in range(30)]
        random.Random(3).shuffle(names)
        for place, name in enumerate(names):
            self.site.put(name, pack({"kind": "last", "id": 1, "value": place}))
            at = NOW.timestamp() - 100 + place
            os.utime(self.site.spool / "incoming" / name, (at, at))
        self.site.configure(self.config.replace("loaders: 2", "loaders: 4"))
        with self.site.daemon() as daemon:
            self.site.wait_settled(30)
            opened = [line for line in daemon.logged('msg="batch loaded"')]
        self.assertEqual(len(opened), 30)
        self.assertEqual(self.site.query("SELECT id, value FROM last"), [(1, 29)])
        ordered = [r["files"][0]["name"] for r in self.site.receipts()]
        self.assertEqual(ordered, names)

    def test_drain_waits_for_what_is_older(self):
        """Both have just been renamed, so neither is settled; the older one a moment later."""
        self.declare("streams/last.yaml", LAST)
        self.apply()
        for name, value, age in (("a.msgpack", 2, 50), ("b.msgpack", 1, 100)):
            path = self.site.folder / name
            path.write_bytes(pack({"kind": "last", "id": 1, "value": value}))
            os.utime(path, (NOW.timestamp() - age,) * 2)
            (self.site.spool / "incoming").mkdir(parents=True, exist_ok=True)
            path.rename(self.site.spool / "incoming" / name)
        self.drain()
        self.assertEqual(self.site.query("SELECT id, value FROM last"), [(1, 2)])

    def test_older_versions_dont_overwrite(self):
        self.declare("streams/last.yaml", LAST.replace("key: [id]", "key: [id]\nversion: v")
                     + "  v: {type: int8}\n")
        self.apply()
        self.load("a.msgpack", [{"kind": "last", "id": 1, "value": 10, "v": 5}])
        self.load("b.msgpack", [{"kind": "last", "id": 1, "value": 9, "v": 4},
                                {"kind": "last", "id": 2, "value": 1, "v": 1}])
        receipt = self.site.receipts()[-1]
        self.assertEqual((receipt["rows_loaded"], receipt["frames_skipped"]), (1, 1))
        self.assertEqual(self.site.query("SELECT id, value FROM last ORDER BY 1"), [(1, 10), (2, 1)])

    def test_ignored_rows_are_counted(self):
        self.declare("streams/last.yaml", LAST.replace("upsert", "ignore"))
        self.apply()
        receipt, = self.load("a.msgpack", [{"kind": "last", "id": n % 3, "value": n} for n in range(9)])
        self.assertEqual((receipt["rows_loaded"], receipt["frames_skipped"]), (3, 6))
        self.assertEqual(self.site.query("SELECT id, value FROM last ORDER BY 1"), [(0, 0), (1, 1), (2, 2)])


    def test_order_survives_a_crash_between_claim_and_receipt(self):
        self.declare("streams/last.yaml", LAST)
        self.apply()
        def at(path, age):
            os.utime(path, (NOW.timestamp() - age,) * 2)
        self.site.put("new.msgpack", pack({"kind": "last", "id": 1, "value": 2}))
        at(self.site.spool / "incoming/new.msgpack", 100)
        claim = self.site.spool / "processing" / "01a1fd00-0000-7000-8000-000000000001"
        claim.mkdir(parents=True)
        (claim / "old.msgpack").write_bytes(pack({"kind": "last", "id": 1, "value": 1}))
        at(claim / "old.msgpack", 200)
        with self.site.daemon():
            self.site.wait_settled(0, segments=2)
        self.assertEqual(self.site.query("SELECT id, value FROM last"), [(1, 2)])

    def test_a_column_that_changes_its_type_under_the_daemon(self):
        """COPY takes eight bytes for eight bytes: an integer would become another number."""
        self.declare("streams/last.yaml", LAST)
        self.declare("gates/default.yaml", f"gate: default\n{GATE}\n")
        self.apply()
        with self.site.daemon():
            self.site.put("a.msgpack", pack({"kind": "last", "id": 1, "value": 100}))
            self.site.wait_settled(1)
            self.site.query("ALTER TABLE last ALTER value TYPE float8")
            self.site.put("b.msgpack", pack({"kind": "last", "id": 2, "value": 100}))
            wait_until(lambda: "column value is" in ((self.site.gate() or {}).get("stalled_reason") or ""),
                       "the gate says why")
            self.assertEqual(self.site.query("SELECT id, value FROM last"), [(1, 100.0)])
            self.site.query("ALTER TABLE last ALTER value TYPE int8")
            self.site.wait_settled(2)
        self.assertEqual(self.site.query("SELECT id, value FROM last ORDER BY 1"), [(1, 100), (2, 100)])


class TestGates(ManifestCase):
    def test_a_gate_that_gets_a_folder_waits_for_its_writers(self):
        """The folder was watched under another name before."""
        self.declare("gates/a.yaml", f"gate: a\nincoming: x\n{GATE}\n")
        self.site.run("migrate", code=FINE)
        data = pack(*[metric(value=i) for i in range(9)])
        with self.site.daemon():
            (self.manifests / "gates/a.yaml").unlink()
            self.declare("gates/b.yaml", f"gate: b\nincoming: x\n{GATE}\n")
            self.site.run("reload", code=FINE)
            wait_until(lambda: self.site.gate("b"), "the gate is there")
            with open(self.site.spool / "incoming/x/slow.msgpack", "wb") as file:
                for part in range(3):
                    file.write(data[part * 100:part * 100 + 100])
                    file.flush()
                    self.site.put(f"{part}.msgpack", pack(metric(value=100 + part)), gate="x")
                    self.site.wait_settled(part + 1)  # the folder is looked at while it is open
                file.write(data[300:])
            self.site.wait_settled(4)
        self.assertEqual({r["status"] for r in self.site.receipts()}, {"done"})
        self.assertEqual(sum(r["rows_loaded"] for r in self.site.receipts()), 12)

    def test_a_gate_has_its_own_folder_rules_and_streams(self):
        self.declare("streams/devices.yaml", DEVICES)
        self.declare("gates/fast.yaml", f"gate: fast\nincoming: phones\n{GATE}\nmax_rejects: 5\nstreams: [devices]\n")
        self.apply()
        with self.site.daemon():
            self.site.put("a.msgpack", pack({"kind": "device", "device": "x", "t": milliseconds(NOW)},
                                            metric(value=1)), gate="phones")
            receipt, = self.site.wait_settled(1)
            self.assertEqual([g["gate"] for g in self.site.run("status", "--json").json()["gates"]],
                             ["default", "fast"])
        self.assertEqual((receipt["gate"], receipt["rows_loaded"], receipt["frames_rejected"]), ("fast", 1, 1))
        self.assertIn("metrics", self.site.value("SELECT reason FROM ingestion_reject"))

    def test_put_finds_the_folder(self):
        self.declare("gates/fast.yaml", f"gate: fast\nincoming: phones\n{GATE}\n")
        path = self.site.run("put", "--gate", "fast", stdin=json.dumps(
            {"kind": "metric", "ts": NOW.isoformat(), "source": "s", "name": "n", "value": 1}).encode(), code=FINE)
        self.assertIn("/incoming/phones/", path.out.decode())

    def test_a_table_that_does_not_fit_holds_the_gate(self):
        self.declare("streams/devices.yaml", DEVICES)
        self.declare("gates/default.yaml", f"gate: default\n{GATE}\nstreams: [metrics]\n")
        self.declare("gates/fast.yaml", f"gate: fast\n{GATE}\n")
        self.site.run("migrate", code=FINE)
        with self.site.daemon():
            self.site.put("a.msgpack", pack({"kind": "device", "device": "x", "t": milliseconds(NOW)}), gate="fast")
            self.site.put("b.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)  # the other gate goes on
            gate = wait_until(lambda: self.site.gate("fast") if (self.site.gate("fast") or {}).get("stalled_reason")
                              else None, "fast is held")
            self.assertIn("devices", gate["stalled_reason"])
            self.assertEqual(self.site.in_folder("incoming", "fast"), ["a.msgpack"])
            self.site.run("apply", code=FINE)
            self.site.wait_settled(2)  # without anybody's doing
        self.assertEqual(self.site.value("SELECT count(*) FROM devices"), 1)

    def test_status_says_so_without_a_daemon(self):
        self.declare("streams/devices.yaml", DEVICES)
        self.site.run("migrate", code=FINE)
        self.site.put("a.msgpack", pack({"kind": "device", "device": "x", "t": milliseconds(NOW)}))
        self.site.run("drain", "--force", code=CONFIG)
        self.assertIn("devices", self.site.gate()["stalled_reason"])
        self.declare("streams/bad.yaml", "x: [")
        status = self.site.run("status", code=FINE)
        self.assertIn("manifests UNUSABLE", status.out.decode())
        self.assertIn("streams/bad.yaml:2:1", status.err.decode())

    def test_names_that_are_taken(self):
        self.declare("streams/own.yaml", "stream: own\ntable: ingestion_segment\ncolumns: {x: int8}\n")
        self.declare("gates/b.yaml", "gate: b\nincoming: c\n")
        self.site.configure(self.config + "gates: {c: {open: {count: 2}}}\n")
        told = self.site.run("lint", code=CONFIG).out.decode()
        self.assertIn("streams/own.yaml:2:8: error: `ingestion_segment` is a table of spoolgate's own", told)
        (self.manifests / "streams/own.yaml").unlink()
        self.assertIn("folder `c` is that of gate `c` in the configuration", self.site.run("run", code=CONFIG).text)
        self.site.configure(self.config)
        for command in (["put", "--gate", "c"], ["gate", "hold", "c"]):
            self.assertIn("is the folder of gate `b`", self.site.run(*command, stdin=b"{}", code=64).text)
        self.assertIn("no gate `nosuch`", self.site.run("inspect", "--gate", "nosuch", "x", code=64).text)

    def test_drain_says_so_too(self):
        self.declare("streams/devices.yaml", DEVICES)
        self.apply()
        self.site.query("ALTER TABLE devices ALTER speed TYPE text USING speed::text")
        self.site.put("a.msgpack", pack({"kind": "device", "device": "x", "t": milliseconds(NOW), "speed": 1.5}))
        ended = self.site.run("drain", "--force", code=CONFIG)
        self.assertIn("speed", ended.text)
        self.assertEqual(self.site.in_folder("incoming"), ["a.msgpack"])


class TestRepository(ManifestCase):
    """A bare repository as the source; a good commit, then a bad one."""

    def git(self, *args, folder=None):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *args], check=True,
                              capture_output=True, text=True, cwd=folder or self.site.folder,
                              env={**os.environ, "HOME": str(self.site.folder),
                                   "GIT_CONFIG_NOSYSTEM": "1"}).stdout.strip()

    def commit(self, path, text):
        file = self.work / "manifests" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.git("add", "-A", folder=self.work)
        self.git("commit", "-q", "-m", path, folder=self.work)
        self.git("push", "-q", "origin", "HEAD:main", folder=self.work)
        return self.git("rev-parse", "HEAD", folder=self.work)

    def setUp(self):
        super().setUp()
        self.bare = self.site.folder / "repo.git"
        self.work = self.site.folder / "work"
        self.git("init", "-q", "--bare", "-b", "main", str(self.bare))
        self.git("clone", "-q", str(self.bare), str(self.work))
        self.site.configure(f"manifests: {{repo: {self.bare}, rev: main}}\n")

    def device(self, name, **keys):
        self.site.put(name, pack({"kind": "device", "device": "x", "t": milliseconds(NOW), **keys}))

    def test_good_and_bad_commits(self):
        self.commit("streams/devices.yaml", DEVICES)
        self.commit("gates/default.yaml", f"gate: default\n{GATE}\n")
        first = self.git("rev-parse", "HEAD", folder=self.work)
        self.apply()
        with self.site.daemon() as daemon:
            self.device("a.msgpack")
            self.site.wait_settled(1)
            before = self.site.run("status", "--json").json()["manifests"]
            self.assertIn("Nothing has changed", self.site.run("reload", code=FINE).out.decode())
            self.assertEqual(self.site.run("status", "--json").json()["manifests"], before, "the set stays")

            second = self.commit("streams/devices.yaml", DEVICES + "  alarm: {type: bool}\n")
            self.site.run("apply", code=FINE)
            changes = self.site.run("reload", code=FINE).out.decode()
            self.assertIn("devices", changes)
            self.assertIn("alarm", changes)
            self.device("b.msgpack", alarm=True)
            self.site.wait_settled(2)

            bad = self.commit("streams/devices.yaml", DEVICES.replace("columns:", "colums:"))
            ended = self.site.run("reload", code=CONFIG)
            self.assertIn("streams/devices.yaml:5:1", ended.text)
            self.assertIn("did you mean `columns`", ended.text)
            self.device("c.msgpack", alarm=False)
            self.site.wait_settled(3)
            status = self.site.run("status", "--json").json()["manifests"]
            self.assertEqual(status["rev"], second)
            self.assertTrue(status["refused"])
            self.assertIn("NOT RELOADED", self.site.run("status").out.decode())

            daemon.process.send_signal(1)  # SIGHUP does the same
            wait_until(lambda: len(daemon.logged("not reloaded")) == 2, "refused again")
        self.assertEqual([r["manifest_rev"] for r in self.site.receipts()], [first, second, second])
        self.assertNotIn(bad, self.site.run("receipt", "list", "--json").text)
        self.assertEqual(self.site.query("SELECT alarm FROM devices ORDER BY alarm NULLS FIRST"),
                         [(None,), (False,), (True,)])

        batch = str(self.site.receipts()[1]["batch_id"])
        told = self.site.run("explain", batch, code=FINE).out.decode()
        self.assertIn(second, told)
        self.assertIn("--- streams/devices.yaml", told)
        self.assertIn("alarm: {type: bool}", told)
        told = self.site.run("explain", batch, "--json", code=FINE).json()
        self.assertEqual((told["manifest_rev"], sorted(f["path"] for f in told["files"])),
                         (second, ["gates/default.yaml", "streams/devices.yaml"]))

    def test_a_work_tree_that_differs_is_dirty(self):
        self.commit("streams/devices.yaml", DEVICES)
        head = self.git("rev-parse", "HEAD", folder=self.work)
        self.site.configure(f"manifests: {self.work}/manifests\ngates: {{default: {{open: {{count: 1}}}}}}\n")
        self.apply()
        self.device("a.msgpack")
        self.drain()
        (self.work / "manifests/streams/devices.yaml").write_text(DEVICES + "# a word\n")
        self.device("b.msgpack", speed=1.0)
        self.drain()
        self.assertEqual([r["manifest_rev"] for r in self.site.receipts()], [head, head + "+dirty"])

    def test_without_a_repository_a_hash_names_them(self):
        self.declare("streams/devices.yaml", DEVICES)
        self.site.configure(self.config)
        self.apply()
        self.device("a.msgpack")
        self.drain()
        self.assertRegex(self.site.receipts()[0]["manifest_rev"], r"^sha256:[0-9a-f]{64}$")

    def test_run_refuses_to_start_with_errors(self):
        self.commit("streams/devices.yaml", "stream: devices\n")
        ended = self.site.run("run", code=CONFIG)
        self.assertIn("streams/devices.yaml:1:1", ended.text)


# ---- every type, there and back ----

def f32(x):
    return msgpack.unpackb(msgpack.packb(x, use_single_float=True))


def some_text(rng):
    return "".join(rng.choice("aä€\U0001f600 \"'\\\n{},") for _ in range(rng.randrange(12)))


def some_time(rng):
    return NOW - datetime.timedelta(microseconds=rng.randrange(10 ** 13))


def some_numeric(rng):
    digits = "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 40)))
    scale = rng.randrange(len(digits))
    text = digits[:len(digits) - scale] + ("." + digits[len(digits) - scale:] if scale else "")
    return rng.choice(["", "-"]) + text


# type: (value for the frame, the same as SQL text)
def timestamp(rng):
    t = some_time(rng)
    us = (t - EPOCH) // datetime.timedelta(microseconds=1)
    exact = msgpack.Timestamp(us // 10 ** 6, us % 10 ** 6 * 1000)  # from_datetime() goes by a float
    return rng.choice([exact, t.isoformat(), us]), t.isoformat()


def date(rng):
    t = some_time(rng)
    return rng.choice([t.date().isoformat(), t.isoformat()]), t.date().isoformat()


def interval(rng):
    months, days, seconds = rng.randrange(99), rng.randrange(999), rng.randrange(10 ** 6)
    return f"P{months}M{days}DT{seconds}S", f"{months} months {days} days {seconds} seconds"


def array(item, rng):
    values = [rng.choice([None, item()]) for _ in range(rng.randrange(5))]
    return values


TYPES = {
    "text": lambda r: (t := some_text(r), t),
    "jsonb": lambda r: (v := {"k": some_text(r), "n": [r.random(), r.randrange(9), None, True]}, json.dumps(v)),
    "bool": lambda r: (v := r.random() < .5, str(v)),
    "int2": lambda r: (v := r.randrange(-1 << 15, 1 << 15), str(v)),
    "int4": lambda r: (v := r.randrange(-1 << 31, 1 << 31), str(v)),
    "int8": lambda r: (v := r.randrange(-1 << 63, 1 << 63), str(v)),
    "float4": lambda r: (v := f32(r.uniform(-1e9, 1e9)), repr(v)),
    "float8": lambda r: (v := r.choice([r.uniform(-1e300, 1e300), math.inf, 0.1]), repr(v)),
    "numeric": lambda r: (v := some_numeric(r), v),
    "timestamptz": timestamp,
    "date": date,
    "interval": interval,
    "uuid": lambda r: (v := r.randbytes(16), v.hex()),
    "bytea": lambda r: (v := r.randbytes(r.randrange(20)), "\\x" + v.hex()),
    "inet": lambda r: (v := r.choice(["10.1.2.3", "10.1.2.3/8", "2001:db8::1", "::/0", "fe80::1/64"]), v),
    "text[]": lambda r: (v := array(lambda: some_text(r), r), v),
    "int8[]": lambda r: (v := array(lambda: r.randrange(-1 << 63, 1 << 63), r), v),
    "float8[]": lambda r: (v := array(lambda: r.uniform(-9, 9), r), v),
    "vector(3)": lambda r: (v := [f32(r.uniform(-9, 9)) for _ in range(3)], str(v)),
    "halfvec(3)": lambda r: (v := [float(r.randrange(-99, 99)) for _ in range(3)], str(v)),
}


class TestTypes(ManifestCase):
    def test_every_type_round_trips(self):
        """Frames of random values; what is read back is what Postgres itself makes of the same values."""
        types = dict(TYPES)
        found = self.site.query("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'")
        if not found:
            types = {t: make for t, make in types.items() if "vec" not in t}
        columns = {f"c{i}": t for i, t in enumerate(types)}
        unit = {"timestamptz": ", unit: us"}
        self.declare("streams/all.yaml", "stream: all_types\nkind: all\ncolumns:\n  n: int8\n" + "".join(
            f"  {name}: {{type: \"{t}\"{unit.get(t, '')}}}\n" for name, t in columns.items()))
        self.apply()
        rng = random.Random(20261121)
        frames, want = [], []
        for number in range(500):
            values = {name: types[t](rng) for name, t in columns.items() if rng.random() < .9}
            frames.append({"kind": "all", "n": number, **{name: v for name, (v, _) in values.items()}})
            want.append([number, *(values.get(name, (None, None))[1] for name in columns)])
        self.site.put("a.msgpack", pack(*frames))
        self.assertEqual(self.drain()["frames_rejected"], 0, self.site.query("SELECT * FROM ingestion_reject LIMIT 3"))
        names = ", ".join(columns)
        casts = ", ".join(f"%s::{found[0][0] + '.' if 'vec' in t else ''}{t}" for t in columns.values())
        with self.site.connect() as connection:
            connection.execute(f"CREATE TEMP TABLE want AS SELECT n, {names} FROM all_types LIMIT 0")
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO want VALUES (%s, {casts})", want)
            differing = connection.execute(
                "SELECT a::text, w::text FROM all_types a JOIN want w USING (n)"
                " WHERE a::text IS DISTINCT FROM w::text LIMIT 3").fetchall()
            self.assertEqual(differing, [])
            self.assertEqual(connection.execute("SELECT count(*) FROM all_types").fetchone(), (500,))


class TestExistingTable(ManifestCase):
    STREAM = ("stream: legacy\ntable: legacy\nexisting: true\ncolumns:\n"
              "  id: {type: int4, required: true}\n  name: text\n")

    def test_one_that_fits(self):
        self.site.run("migrate", code=FINE)
        self.site.query("CREATE TABLE legacy (id integer PRIMARY KEY, name varchar(20), at timestamptz DEFAULT now())")
        self.declare("streams/legacy.yaml", self.STREAM)
        self.site.run("plan", code=FINE)
        self.site.put("a.msgpack", pack({"kind": "legacy", "id": 1, "name": "x"}))
        self.assertEqual(self.drain()["rows_loaded"], 1)
        self.assertEqual(self.site.query("SELECT id, name, at IS NOT NULL FROM legacy"), [(1, "x", True)])

    def test_one_that_does_not(self):
        self.site.run("migrate", code=FINE)
        self.site.query("CREATE TABLE legacy (id bigint PRIMARY KEY, who text NOT NULL)")
        self.declare("streams/legacy.yaml", self.STREAM)
        told = self.site.run("plan", code=DIFFERENCES).text
        for word in ("id", "name", "who"):
            self.assertIn(word, told)
        self.site.put("a.msgpack", pack({"kind": "legacy", "id": 1, "name": "x"}))
        self.site.run("drain", "--force", code=CONFIG)
        self.assertEqual(self.site.query("SELECT count(*) FROM legacy"), [(0,)])


if __name__ == "__main__":
    main()
