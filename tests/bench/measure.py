# SPDX-License-Identifier: MIT
"""Runs commands and says what they took; runs contenders in turns.

    sample = launch(cluster, [Command(argv, env, cwd)])
    samples = interleave(cluster, contenders, rounds)       # {name: [Sample, ...]}
"""
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile

from cluster import ROOT

LAUNCH = ROOT / "build" / "bench" / "launch"


@dataclasses.dataclass
class Command:
    argv: list
    env: dict
    cwd: object


@dataclasses.dataclass
class Sample:
    """Seconds; peak resident bytes of the largest process."""
    wall: float
    client: float
    backend: float
    peak: int
    rows: int = 0

    @property
    def rate(self):
        return self.rows / self.wall


def launch(cluster, commands):
    """Starts the commands at once and waits for all. Wall time is from the first start to the last end."""
    backends = cluster.children()
    before = cluster.cpu()
    with tempfile.TemporaryDirectory() as folder:
        running = []
        try:
            for number, command in enumerate(commands):
                log = open(f"{folder}/{number}.log", "wb")  # pylint: disable=consider-using-with
                running.append((command, log, subprocess.Popen(
                    [LAUNCH, f"{folder}/{number}", *command.argv], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, env=command.env, cwd=command.cwd)))
            for _, log, process in running:
                process.wait()
                log.close()
        finally:
            for _, _, process in running:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        results = [result_of(command, folder, number) for number, (command, _, _) in enumerate(running)]
    cluster.wait_alone(backends)
    backend = cluster.cpu() - before
    start, end = min(r[0] for r in results), max(r[1] for r in results)
    return Sample(wall=(end - start) / 1e9, client=sum(r[2] + r[3] for r in results) / 1e6, backend=backend,
                  peak=max(r[4] for r in results) * 1024)


def result_of(command, folder, number):
    with open(f"{folder}/{number}.log", encoding="utf-8", errors="replace") as file:
        log = file.read()
    try:
        with open(f"{folder}/{number}", encoding="ascii") as file:
            result = [int(field) for field in file.read().split()]
    except FileNotFoundError:
        result = [0, 0, 0, 0, 0, -1]
    if result[5] != 0:
        raise RuntimeError(f"{' '.join(map(str, command.argv))}: wait status {result[5]}\n{log[-4000:]}")
    return result


def interleave(cluster, contenders, rounds):
    """A B C A B C …: what the machine does to one, it does to all. The first turn of each is not counted."""
    samples = {contender.name: [] for contender in contenders}
    prepare(contenders)
    os.sync()  # data and spools; their way to the disk is nobody's time
    for turn in range(-1, rounds):
        if turn < rounds - 1:
            prepare(contenders)
        for contender in contenders:
            contender.reset()
            contender.wait_ready()
            cluster.execute("CHECKPOINT")
            sample = launch(cluster, contender.commands())
            sample.rows = contender.verify()
            contender.clean()
            if turn >= 0:
                samples[contender.name].append(sample)
            progress(f"{'warm-up' if turn < 0 else f'round {turn + 1}'} {contender.name:<28}"
                     f" {sample.wall:7.3f} s {sample.rate:11,.0f} rows/s"
                     f"  CPU client {sample.client:6.3f} s, server {sample.backend:6.2f} s")
    return samples


def prepare(contenders):
    for contender in contenders:
        contender.prepare()


def progress(text):
    print(f"  {text}", file=sys.stderr, flush=True)


# ---- numbers of many rounds ----

@dataclasses.dataclass(frozen=True)
class Spread:
    """Median, and the range of all rounds."""
    median: float
    low: float
    high: float

    @staticmethod
    def of(values):
        values = list(values)
        return Spread(statistics.median(values), min(values), max(values))

    def text(self, form="{:.2f}"):
        if self.low == self.high:
            return form.format(self.median)
        return f"{form.format(self.median)} ({form.format(self.low)}–{form.format(self.high)})"


def ratio(ours, theirs, value=lambda s: s.rate):
    """Of each round, then over the rounds: neighbours in time are what is compared."""
    return Spread.of(value(a) / value(b) for a, b in zip(ours, theirs))


def spread(samples, value=lambda s: s.rate):
    return Spread.of(map(value, samples))
