# SPDX-License-Identifier: MIT
"""What producers put in, and what must come of it.

Every frame has an identity (name, value) that no other frame of the feed has, so what was lost or
loaded twice is counted exactly. A Feed writes segments of all sorts and keeps the books:

    rows      the rows that must be in the tables, each once
    rejects   (segment, frame index) -> the frame's bytes, which must be in failed/BATCH/rejects.msgpack
    segments  name -> Segment: where the file has to end, and as what
"""
import collections
import dataclasses
import datetime
import hashlib
import itertools
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
# pylint: disable=wrong-import-position
from support import NOW, msgpack, pack, seal, zstd  # noqa: E402

DAY = datetime.timedelta(days=1)


@dataclasses.dataclass
class Segment:
    name: str
    data: bytes
    gate: str
    place: str        # archive | failed
    sha256: str       # of the decompressed bytes; "" where it can't be loaded
    frames: int = 0
    rejected: int = 0
    is_copy: bool = False  # of another segment's content
    apart: int = 0         # frames that are loaded, and no rows of metrics or events
    skipped: int = 0       # frames that say nothing new


class Feed:
    def __init__(self, site, days=1):
        self.site = site
        self.days = days
        self.numbers = itertools.count()
        self.segment_numbers = itertools.count()
        self.rows = collections.Counter()
        self.rejects = {}
        self.segments = {}
        self.recent = collections.deque(maxlen=20)
        self.lock = threading.Lock()

    # -- frames --

    def frame(self):
        n = next(self.numbers)
        ts = msgpack.Timestamp.from_datetime(NOW - (n % self.days) * DAY)
        if n % 7 == 3:
            return (("events", f"e{n}", n),
                    {"kind": "event", "ts": ts, "source": "chaos", "type": f"e{n}", "id": str(n),
                     "payload": {"n": n}})
        return (("metrics", f"m{n}", n),
                {"kind": "metric", "ts": ts, "source": "chaos", "name": f"m{n}", "value": n})

    def bad_frame(self):
        n = next(self.numbers)
        return msgpack.packb({"kind": "metric", "ts": "not a time", "source": "chaos", "name": f"bad{n}",
                              "value": n})

    # -- segments --

    def put(self, segment, deliver=True):
        self.segments[segment.name] = segment
        if deliver:
            self.site.put(segment.name, segment.data, segment.gate or None)
        return segment

    def name(self, ending):
        return f"s{next(self.segment_numbers):06d}{ending}"

    def good(self, frames=3, compressed=False, bad=0, gate="", sealed=False, deliver=True):
        """A segment whose every frame becomes a row, but for its first `bad` ones, which are rejects."""
        name = self.name(".msgpack.zst" if compressed else ".msgpack")
        packed = []
        with self.lock:
            for i in range(frames):
                if i < bad:
                    packed.append(self.bad_frame())
                    self.rejects[name, i] = packed[-1]
                else:
                    identity, frame = self.frame()
                    self.rows[identity] += 1
                    packed.append(msgpack.packb(frame))
        data = pack(*packed, *([seal(frames)] if sealed else []))
        return self.put(Segment(name, zstd(data, "-1") if compressed else data, gate, "archive",
                                hashlib.sha256(data).hexdigest(), frames, bad), deliver)

    def damaged(self, gate=""):
        """Cut short in its last frame: nothing of it may be loaded."""
        data = pack(*(self.frame()[1] for _ in range(3)))[:-1]
        return self.put(Segment(self.name(".msgpack"), data, gate, "failed", ""))

    def duplicate(self, of, gate=None):
        """The content of another segment under another name; neither may have rejects."""
        assert of.rejected == 0
        ending = ".msgpack.zst" if of.name.endswith(".zst") else ".msgpack"
        return self.put(Segment(self.name(ending), of.data, of.gate if gate is None else gate, "archive",
                                of.sha256, of.frames, 0, True))

    def batch(self):
        """One of every sort: raw, sealed, compressed, with bad frames, damaged, a twin; and at another
        gate a duplicate, and one that loads."""
        first = self.good()
        self.good(sealed=True)
        self.good(frames=4, compressed=True)
        self.good(frames=4, bad=2)
        self.damaged()
        self.duplicate(first)
        self.duplicate(first, gate="other")
        self.good(gate="other")
        return self

    def any(self, random, frames=20):
        """A segment of a random sort, mostly good ones."""
        kind = random.random()
        if kind < 0.05:
            return self.damaged()
        if kind < 0.15 and self.recent:
            return self.duplicate(random.choice(self.recent))
        if kind < 0.25:
            return self.good(frames, bad=1)
        segment = self.good(random.randint(1, 2 * frames), compressed=kind < 0.5)
        self.recent.append(segment)
        return segment
