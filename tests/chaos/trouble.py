# SPDX-License-Identifier: MIT
"""What an embeddings' server (tests/e2e/provider.py) does in the worst of days, and books of it.

    trouble = Trouble(run.random)
    with Provider(DIMENSIONS, otherwise=trouble) as provider:
        declare_embedder(site, provider.url)
        ...
        trouble.is_calm = True      # no fault any more, but for what the texts themselves deserve
        trouble.faults              # how often it did what
        trouble.alone[text]         # how often it failed at this text, alone, or answered it with what can't be

A text with BAD in it is always refused, as is a request of more than MOST texts.
"""
import collections
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
# pylint: disable=wrong-import-position
import provider  # noqa: E402

DIMENSIONS = 8
BAD = "unspeakable"
MOST = 12     # texts of a request
TIMEOUT = 1   # seconds that a worker waits
SHARE = 0.35  # of requests that go wrong


def vector(text, dimensions=DIMENSIONS):
    return provider.vector_of(text, dimensions)


def as_float4(numbers):
    """As the database says them, shortest, and back."""
    return list(struct.unpack(f"{len(numbers)}f", struct.pack(f"{len(numbers)}f", *numbers)))


def declare_embedder(site, url):
    folder = site.folder / "manifests" / "embedders"
    folder.mkdir(parents=True)
    (folder / "chaos.yaml").write_text(
        f"embedder: chaos\nprovider: openai\nurl: {url}\nmodel: chaos-1\ndimensions: {DIMENSIONS}\n"
        f"batch: {{count: 16}}\ntimeout: {TIMEOUT}s\nallow_private: true\n")


NONSENSE = {"garbage": provider.garbage(), "wrong index": provider.wrong_index(), "an index twice": provider.twice(),
            "one missing": provider.missing(), "NaN": provider.nan()}
FAULTS = {"429": provider.limited(1), "500": provider.status(500), "503": provider.status(503),
          "time-out": provider.hang(1.5 * TIMEOUT), "cut off": provider.cut_short(), "reset": provider.reset(), **NONSENSE}
# Those after which a server is left alone for a while come less often than the others.
WEIGHTS = [2 if name in NONSENSE else 1 for name in FAULTS]


class Trouble:
    def __init__(self, random):
        self.random = random
        self.is_calm = False
        self.requests = 0
        self.faults = collections.Counter()
        self.alone = collections.Counter()

    def __call__(self, request):
        """An answer takes its time, so that a kill finds something in hand."""
        self.requests += 1
        time.sleep(self.random.uniform(0, 0.1))
        if len(request.texts) > MOST:
            return self.fail("413", provider.at_most(MOST), request)
        if any(BAD in text for text in request.texts):
            return self.fail("400", provider.refusing(BAD), request)
        if self.is_calm or self.random.random() >= SHARE:
            return request.answer()
        name, = self.random.choices(list(FAULTS), WEIGHTS)
        if name != "429" and len(request.texts) == 1:
            self.alone[request.texts[0]] += 1
        return self.fail(name, FAULTS[name], request)

    def fail(self, name, fault, request):
        self.faults[name] += 1
        return fault(request)
