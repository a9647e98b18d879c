# SPDX-License-Identifier: MIT
"""The common judge: compares a spool and its tables with what the feed's books say.

Counts what was lost and what is there twice (rows, and files of segments), and names everything else
that is wrong. A Verdict is true when there is nothing to say.
"""
import collections
import json
import os

from feed import msgpack
from support import uuid_time


class Verdict:
    def __init__(self):
        self.lost = 0
        self.duplicated = 0
        self.problems = []

    def __bool__(self):
        return not (self.lost or self.duplicated or self.problems)

    def say(self, problem):
        self.problems.append(problem)

    def compare(self, what, want, got):
        """Two multisets."""
        lost, twice = want - got, got - want
        if lost:
            self.lost += sum(lost.values())
            self.say(f"{what} lost: {some(lost)}")
        if twice:
            self.duplicated += sum(twice.values())
            self.say(f"{what} too many: {some(twice)}")

    def equal(self, what, want, got):
        if want != got:
            self.say(f"{what}: want {want}, got {got}")

    def __str__(self):
        return f"lost {self.lost}, duplicated {self.duplicated}" + "".join(
            f"\n    {p}" for p in self.problems[:20])


def some(counter):
    shown = [f"{k}" for k in list(counter)[:4]]
    return f"{sum(counter.values())}: {', '.join(shown)}{', ...' if len(counter) > 4 else ''}"


def check(site, feed):
    """After everything was drained: nothing is under way any more."""
    v = Verdict()
    check_rows(site, feed, v)
    receipts = {str(r["batch_id"]): r for r in site.receipts()}
    check_files(site, feed, receipts, v)
    check_receipts(site, feed, receipts, v)
    check_ledger(site, feed, receipts, v)
    check_rejects(site, feed, v)
    return v


def check_rows(site, feed, v):
    got = collections.Counter()
    for table, name, value, count in site.query(
            "SELECT 'metrics', name, value::int8, count(*) FROM metrics GROUP BY 1, 2, 3"
            " UNION ALL SELECT 'events', type, id::int8, count(*) FROM events GROUP BY 1, 2, 3"):
        got[table, name, value] += count
    v.compare("rows", feed.rows, got)


def check_files(site, feed, receipts, v):
    """Each segment in exactly one place, and nothing that isn't a segment where none may be."""
    want = collections.Counter({(s.name, s.place): 1 for s in feed.segments.values()})
    got = collections.Counter()
    for path in site.tree():
        top, _, rest = path.partition("/")
        folder, _, name = rest.rpartition("/")
        if path in (".lock", ".id", ".control"):
            pass
        elif name in feed.segments:
            got[name, top] += 1
            check_folder(site, feed.segments[name], path, folder, receipts, v)
        elif top == "archive" and name == ".claim.json":
            pass
        elif top == "failed" and (name == "rejects.msgpack" or reason_of(name) in feed.segments):
            pass
        elif top == "tmp" and name.startswith("."):  # a draft that a crash left: 'doctor' tells of its age
            pass
        else:
            v.say(f"litter: {path}")
    v.compare("segments", want, got)
    for folder in site.in_folder("processing"):
        v.say(f"left in processing/: {folder}")
    for folder in site.in_folder("failed"):
        v.equal(f"failed/{folder} is empty", False, not site.in_folder("failed", folder))


def reason_of(name):
    return name.removesuffix(".reason.json")


def check_folder(site, segment, path, folder, receipts, v):
    """A file is whole and stands in the folder of a settled batch."""
    whole = site.spool.joinpath(path).read_bytes() == segment.data
    v.equal(f"{path} is what was put", True, whole)
    batch = os.path.basename(folder)
    if batch not in receipts:
        v.say(f"{path}: no receipt of that batch")
        return
    v.equal(f"{path}: its receipt's gate", segment.gate or "default", receipts[batch]["gate"])
    if path.startswith("archive/"):
        v.equal(f"{path}: the archive's day", f"{uuid_time(batch):%Y/%m/%d}/{batch}", folder)
        v.equal(f"{path}: its receipt", "done", receipts[batch]["status"])
    elif segment.place == "failed":
        reason = site.spool.joinpath(path + ".reason.json")
        v.equal(f"{path} has a reason", True, reason.exists() and bool(json.loads(reason.read_text())))


def check_receipts(site, feed, receipts, v):
    by_batch = collections.Counter()
    for batch, count in site.query("SELECT batch_id::text, count(*) FROM metrics GROUP BY 1 UNION ALL"
                                   " SELECT batch_id::text, count(*) FROM events GROUP BY 1"):
        by_batch[batch] += count
    for batch, name in site.query("SELECT batch_id::text, name FROM ingestion_segment"):
        by_batch[batch] += feed.segments[name].apart
    total = collections.Counter()
    for batch, r in receipts.items():
        name = r["batch_tag"]
        v.equal(f"{name}: settled", True, r["status"] in ("done", "failed"))
        v.equal(f"{name}: frames_total", r["frames_total"],
                r["rows_loaded"] + r["frames_rejected"] + r["frames_skipped"])
        v.equal(f"{name}: frames in the tables", r["rows_loaded"], by_batch.pop(batch, 0))
        for key in ("rows_loaded", "frames_rejected", "frames_skipped", "file_count", "segments_failed"):
            total[key] += r[key]
    v.equal("rows of unknown batches", {}, dict(by_batch))
    segments = feed.segments.values()
    v.equal("all receipts' rows_loaded", sum(feed.rows.values()) + sum(s.apart for s in segments), total["rows_loaded"])
    v.equal("all receipts' frames_rejected", len(feed.rejects), total["frames_rejected"])
    v.equal("all receipts' frames_skipped", sum(s.frames if s.is_copy else s.skipped for s in segments),
            total["frames_skipped"])
    v.equal("all receipts' file_count", len(feed.segments), total["file_count"])
    v.equal("all receipts' segments_failed", sum(s.place == "failed" for s in segments),
            total["segments_failed"])


def check_ledger(site, feed, receipts, v):
    """One row for each content that was loaded, of a batch that is done and has the file."""
    want = collections.Counter({s.sha256: 1 for s in feed.segments.values() if s.place == "archive"})
    got = collections.Counter()
    for sha256, batch, name in site.query("SELECT sha256, batch_id::text, name FROM ingestion_segment"):
        got[sha256] += 1
        receipt = receipts.get(batch)
        if receipt is None or receipt["status"] != "done":
            v.say(f"ledger: {name} belongs to batch {batch}, which isn't done")
        elif not (site.archive_of(receipt) / name).exists():
            v.say(f"ledger: {name} isn't in the archive of {batch}")
    v.compare("ledger rows", want, got)


def check_rejects(site, feed, v):
    by_batch = collections.defaultdict(collections.Counter)
    got = collections.Counter()
    for batch, name, index, offset in site.query(
            "SELECT batch_id::text, segment, frame_index, byte_offset FROM ingestion_reject"):
        got[name, index] += 1
        frame = feed.rejects.get((name, index), b"")
        by_batch[batch][frame] += 1
        if not feed.segments[name].name.endswith(".zst"):
            v.equal(f"reject {name}[{index}]: the bytes at its offset", frame,
                    feed.segments[name].data[offset:offset + len(frame)])
    v.compare("reject rows", collections.Counter(dict.fromkeys(feed.rejects, 1)), got)
    for batch in set(by_batch) | {b for b in site.in_folder("failed")
                                  if "rejects.msgpack" in site.in_folder("failed", b)}:
        path = site.spool / "failed" / batch / "rejects.msgpack"
        frames = split(path.read_bytes()) if path.exists() else []
        v.compare(f"frames in failed/{batch}/rejects.msgpack", by_batch[batch], collections.Counter(frames))


def split(data):
    """A segment's frames as bytes."""
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(data)
    frames, start = [], 0
    while start < len(data):
        unpacker.skip()
        frames.append(data[start:unpacker.tell()])
        start = unpacker.tell()
    return frames
