# SPDX-License-Identifier: MIT
"""The tables: on the screen, and in docs/PERFORMANCE.md."""
import datetime
import os
import pathlib
import platform
import subprocess
import textwrap

import psycopg

from cluster import ROOT, SETTINGS
from measure import spread
from scenario import SCENARIOS

WIDTH = 100
WHAT, AGAINST, WANT, MEASURED = 44, 26, 6, 17


def screen(results, facts):
    lines = ["", *textwrap.wrap(f"{facts['machine']}; PostgreSQL {facts['postgres']}, {facts['settings']}", WIDTH), ""]
    ratios = [r for result in results.values() for r in result.ratios]
    if ratios:
        lines += [f"{'what':<{WHAT}} {'against':<{AGAINST}} {'want':>{WANT}} {'measured':<{MEASURED}} met",
                  " ".join("-" * width for width in (WHAT, AGAINST, WANT, MEASURED, 3))]
    lines += [f"{r.what:<{WHAT}} {r.against:<{AGAINST}} {r.want:>{WANT}} {r.measured.text(r.form):<{MEASURED}} {r.met}"
              for r in ratios]
    for name, result in results.items():
        if result.samples:
            lines += ["", f"{name:<32} {'rows/s':<32} {'client':>9} {'server':>9}   µs of CPU a row"]
            lines += [f"  {contender:<30} {rate:<32} {client:>9} {server:>9}"
                      for contender, rate, client, server in figures(result.samples)]
        for head, rows in result.tables:
            lines += ["", *columns(head, rows)]
        lines += [line for note in result.notes for line in textwrap.wrap(note, WIDTH)]
    if facts["quick"]:
        lines += ["", *textwrap.wrap("QUICK: few rows, few rounds, the big points left out. It shows that all of it"
                                     " runs; its figures are not for quoting, and no report is written.", WIDTH)]
    lines += ["", f"all of it took {facts['seconds']:.0f} s"]
    return "\n".join(lines)


def figures(samples):
    """Of each contender: its name, rows a second, CPU of client and server in µs a row."""
    for contender, turns in samples.items():
        yield (contender, spread(turns).text("{:,.0f}"),
               f"{spread(turns, lambda s: s.client / s.rows * 1e6).median:.2f}",
               f"{spread(turns, lambda s: s.backend / s.rows * 1e6).median:.2f}")


def columns(head, rows):
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, tuple("-" * width for width in widths), *rows):
        yield " ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip()


# ---- the document ----

def write(path, results, facts):
    ratios = table(("what", "against", "at least / at most", "measured: median (min–max)", "met?"),
                   [(r.what, r.against, r.want, r.measured.text(r.form), r.met)
                    for result in results.values() for r in result.ratios])
    rates, cpu = [], []
    for name, result in results.items():
        if result.samples:
            lines = list(figures(result.samples))
            rates += [f"**{name}**: {SCENARIOS[name].title}", "", table(("contender", "rows/s: median (min–max)"),
                                                                        [line[:2] for line in lines]), ""]
            cpu += [(f"{name}: {contender}", client, server) for contender, _, client, server in lines]
        if name != "profile":
            for head, lines in result.tables:
                rates += [f"**{name}**: {SCENARIOS[name].title}", "", table(head, lines), ""]
        rates += [f"- {note}" for note in result.notes] + [""] * bool(result.notes)
    profile = [table(*t) + "\n" for t in results["profile"].tables] or ["perf was not there."]
    path.write_text(TEXT.format(
        ratios=ratios, rates="\n".join(rates).strip(), cpu=table(("contender", "client, µs a row", "server, µs a row"), cpu),
        profile="\n".join(profile).strip(), notes=(ROOT / "tests" / "bench" / "notes.md").read_text().strip(),
        date=f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}", 
        settings=", ".join(f"`{key} = {value}`" for key, value in SETTINGS.items()),
        **{key: facts[key] for key in ("machine", "postgres", "version", "commit", "psycopg")}))


def table(head, rows):
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
                     for row in (head, ("---",) * len(head), *rows))


TEXT = """\
# Performance

How fast spoolgate loads, held against `psql \\copy` and against what people write in Python. This page is written by `make bench`
(`tests/bench`), on {date}; {version}, commit {commit}.

Machine: {machine}.
PostgreSQL {postgres}, a cluster of its own, on the same machine, over a unix socket:
{settings}.

## Ratios

A ratio is of two contenders in the same round; given are the median of the rounds and the range. More than 1 means that what stands
first is faster, unless a row says what else it counts.

{ratios}

## How it is measured

- Every contender loads the same rows, generated (`tests/bench/gen.c`) and the same each time: metrics with three labels, events with
  payloads of about 200 bytes, spread over two days, so two partitions. Keys in labels and payload stand in a producer's order, not
  in the one that jsonb keeps them in, so the server has to sort them, for all contenders alike.
- Contenders take turns: A B C A B C. Before each turn the tables are truncated and a checkpoint is made; partitions are there. The
  first turn of each is not counted. After each turn the rows in the table are counted, summed up and hashed, and must be exactly
  the data's.
- *psql binary* is the limit: `\\copy` of one file that holds all rows ready-made for `COPY … (FORMAT binary)`, `batch_id` included,
  jsonb as text with its version byte, into the partitioned parent, as one transaction. It unpacks nothing, checks nothing and
  remembers nothing.
- *ours* is `spoolgate drain --force`, from start to exit, on a spool in which the segments wait: it claims, inspects, hashes, unpacks,
  keeps receipts and ledger, and archives. A batch is one segment, of 16 MiB before compression unless a row says otherwise.
- *psycopg* is `tests/bench/replayer.py`, one COPY and one transaction a segment, no receipts:
  {psycopg}, msgpack, zstandard.
- *a bare durable loop* is `tests/bench/bare_loop.c`: inotify, the renames, the folder syncs and the two commits that a receipt needs,
  for files that hold rows for COPY already, without parser, checks or recovery. Latency is from the producer's rename until a session
  that listens on `ingest_updates` has seen the row. The two take turns, in blocks.
- *hooks* goes on until a listener (a thread of the bench) has the whole request of `gate.done`, signed, over a connection
  that is kept. A listener of both events is sent `gate.done` when it has answered `gate.open`. Each block has a daemon of its own.
- *chunks* are ready-made ones of the knowledge base (`tests/bench/texts.py`): 50 to a document, a text of some 800 bytes, a vector of
  384 random numbers in real[]. psql copies them, ready-made, into a table with the columns, checks and indexes of
  `pmoves_kb.chunks`, the generated column for full-text search among them, in default storage and without foreign keys; ours makes
  assets, documents, their events and a batch for each 16 MiB of them. *Keys only* has the primary key and (doc_id, idx) on both.
- *documents* are of 4 KB of Markdown under three headings: from segments that wait to the last `kb.index.completed.v1`, by one `drain`,
  with the built-in embedder. A row is a chunk that is served with its vector.
- Rows, leaves and receipts: the same load beside little and beside much that is there. Memory is the process's peak resident size.
- *server* is the CPU time of all processes of the cluster; *client* that of the contender, unpacking of .zst included.

## Rates

{rates}

## CPU

{cpu}

## Profile

Samples of the client's CPU time while it loads metrics from .zst segments (`tests/bench/profile`).

{profile}

{notes}

## Run it

```
make bench            # all of it, and this page
make bench QUICK=1    # two minutes, no page
tests/bench/run --list
tests/bench/run ingest --rounds 3 --rows 300000 --compare OTHER/spoolgate
tests/bench/profile
```
"""


# ---- facts ----

def machine(cluster, binaries, args):
    info = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    cpu = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"machine": f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB; {info['PRETTY_NAME'].strip(chr(34))},"
                       f" Linux {platform.release()}",
            "postgres": cluster.version, "quick": args.quick, "psycopg": psycopg_version(),
            "settings": ", ".join(f"{key}={value}" for key, value in SETTINGS.items()),
            "version": subprocess.run([binaries[""], "--version"], capture_output=True, text=True, check=True).stdout.strip(),
            "commit": commit()}


def psycopg_version():
    return f"psycopg {psycopg.__version__} (its {psycopg.pq.__impl__} implementation, as Debian packages it)"


def commit():
    def git(*args):
        return subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True, check=False).stdout.strip()
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (
        " with changes" if git("status", "--porcelain", "--", "src", "db") else "")
