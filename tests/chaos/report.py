# SPDX-License-Identifier: MIT
"""docs/RELIABILITY.md: the table of what was tried, and what it cost."""
import dataclasses
import datetime
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Line:
    """One scenario's result."""
    name: str
    fault: str
    tried: str
    times: int
    lost: int
    duplicated: int
    failed: bool
    skipped: str
    seconds: float

    def __str__(self):
        if self.skipped:
            return f"skip  {self.name}: {self.skipped}"
        return (f"{'FAIL' if self.failed else 'ok  '}  {self.name}: {self.times} times, {self.lost} lost,"
                f" {self.duplicated} duplicated, {self.seconds:.0f} s")


def row(line, remark=""):
    if line.skipped:
        return f"| {line.fault} | skipped here: {line.skipped} | 0 | – | – |"
    tried = line.tried or "the scenario broke off"
    return (f"| {line.fault} | {tried}{remark}{' **(failed)**' if line.failed else ''} | {line.times:,} |"
            f" {line.lost} | {line.duplicated} |")


def amend(path, lines):
    """Scenarios that were run by themselves take their rows in a report of the whole; new ones become its last rows."""
    remark = f" (run by itself, at commit {commit()})"
    text = path.read_text().splitlines()
    for line in lines:
        old = [number for number, r in enumerate(text) if r.startswith(f"| {line.fault} |")]
        if len(old) > 1:
            raise SystemExit(f"{path} has {len(old)} rows of {line.name}: run all scenarios first")
        if not old:
            old = [1 + max(number for number, r in enumerate(text) if r.startswith("|"))]
            text.insert(old[0], "")
        text[old[0]] = row(line, remark)
    path.write_text("\n".join(text) + "\n")


def write(path, lines, n, sample, seed, version):
    rows = [row(line) for line in lines]
    seconds = sum(line.seconds for line in lines)
    failed = sum(line.failed for line in lines)
    path.write_text(TEXT.format(
        rows="\n".join(rows), n=n, seed=seed, version=version,
        date=f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}", commit=commit(), machine=machine(),
        minutes=f"{seconds / 60:.0f}", command=f"make chaos N={n}" + (f" SAMPLE={sample}" if sample else ""),
        passed=sum(not line.failed and not line.skipped for line in lines), failed=failed))


TEXT = """\
# Reliability

What was done to spoolgate, how often, and what it cost. This page is written by `make chaos` (`tests/chaos`).

`{command}` on {date}, {minutes} minutes: {passed} scenarios passed, {failed} failed.
spoolgate {version}, commit {commit}; {machine}; seed {seed}.

| fault | what was tried | how often | lost | duplicated |
| --- | --- | --- | --- | --- |
{rows}

Every frame that is fed has an identity of its own. After the fault, and a drain without one, the judge (`tests/chaos/check.py`)
holds all of these against the feed's books:

- the tables hold exactly the rows that they must, as a multiset: *lost* and *duplicated* count the differences, of rows and of
  segments' files;
- each segment is in exactly one place, byte for byte what was put: `archive/` of a batch that is done, or `failed/` with its reason;
  nothing is left in `incoming/` or `processing/`, and no litter anywhere;
- every receipt is settled, its conservation law holds, and the tables have as many rows of its batch as it says;
- the ledger has one row for each content that was loaded, of a batch that is done and has the file in its archive;
- rejects are exactly the frames that were wrong, each once in `ingestion_reject` and once, byte for byte, in its batch's
  `rejects.msgpack`.

Where events are delivered, the listeners keep books, too (`tests/chaos/audience.py`). An event is delivered at least once, so one
that is heard again is no duplicate, but:

- each receipt has one `gate.open` and one `gate.done` in the outbox, and each listener took both, as one body on all attempts, and
  heard no event that isn't there;
- in the moment in which it hears `gate.done`, a listener asks the database: the receipt has ended as the event says, and all rows are
  there;
- of one batch, a listener hears `gate.done` when it has taken `gate.open`, not before (unless that has failed for a minute);
- every request's signature verifies with an implementation that isn't ours.

With documents, a model in Python (`tests/chaos/library.py`) says what must be served, knowing nothing of the program:

- each document is what its last version said: the chunks without their overlap are its text, byte for byte, or the ready-made chunks
  are those that were sent, in their sections; of a retired one nothing is left;
- a reader that looks at `pmoves_kb` all the time, in one statement, sees of each document one version, whole, and never an older one
  than before; no chunk without a vector or the reason why it has none;
- each vector is that of its text (every text has another), and a trigger has counted how often one was stored: once for each chunk,
  whoever was killed, stopped or robbed of its lease, and never over another;
- a chunk failed only where its text is refused, or got no answer with sense three times by itself;
- `kb.index.completed.v1` is there once for each revision, from 1 without a gap, the last one as the document is now;
  `kb.ingest.asset.created.v1` once for each asset; `embed.start` at most once for a batch; nothing is left in `*_next`.
"""


def commit():
    def git(*args):
        return subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True, check=False).stdout.strip()
    changed = git("status", "--porcelain", "--", "src", "db")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines()
                   if "=" in line)["PRETTY_NAME"].strip('"')
    return (f"{release}, Linux {platform.release()}, {os.cpu_count()} cores, {memory:.0f} GiB,"
            f" PostgreSQL {postgres_version()}")


def postgres_version():
    versions = sorted(int(p.name) for p in pathlib.Path("/usr/lib/postgresql").glob("[0-9]*") if p.name.isdigit())
    return versions[-1] if versions else "unknown"
