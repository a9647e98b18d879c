# SPDX-License-Identifier: MIT
"""A server of embeddings (POST /v1/embeddings, as OpenAI's) that fails in every way, and keeps books of it.

    with Provider(run.random) as provider:
        declare_embedder(site, provider.url)
        ...
        provider.is_calm = True         # no fault any more, but for what the texts themselves deserve
        provider.faults                 # how often it did what
        provider.nonsense[text]         # how often it answered this text, alone, with what can't be

A text has one vector, vector(text), whoever asks. A text with BAD in it is refused, as is a request of
more than MOST texts.
"""
import base64
import collections
import hashlib
import json
import math
import struct

from listener import Listener, hang_up, later

DIMENSIONS = 8
MODEL = "chaos-1"
BAD = "unspeakable"
MOST = 12    # texts of a request
TIMEOUT = 1  # seconds that a worker waits
SHARE = 0.35  # of requests that go wrong


def vector(text, dimensions=DIMENSIONS):
    """Numbers that a float4, and decimal text, have exactly; never all zeros."""
    return [(byte - 127.5) / 128 for byte in hashlib.shake_128(text.encode()).digest(dimensions)]


def declare_embedder(site, url):
    folder = site.folder / "manifests" / "embedders"
    folder.mkdir(parents=True)
    (folder / "chaos.yaml").write_text(
        f"embedder: chaos\nprovider: openai\nurl: {url}\nmodel: {MODEL}\ndimensions: {DIMENSIONS}\n"
        f"batch: {{count: 16}}\ntimeout: {TIMEOUT}s\nallow_private: true\n")


# ---- answers ----

def send(request, status, body, headers="", promised=None):
    data = body.encode()
    length = len(data) if promised is None else promised
    request.transport.write(f"HTTP/1.1 {status} So\r\ncontent-type: application/json\r\n{headers}"
                            f"content-length: {length}\r\n\r\n".encode() + data)


def refuse(request, status, message, headers=""):
    send(request, status, json.dumps({"error": {"message": message, "type": "chaos"}}), headers)


def reply(asked, vectors, order=None):
    def number_list(v):
        if asked.get("encoding_format") == "base64":
            return base64.b64encode(struct.pack(f"<{len(v)}f", *v)).decode()
        return v
    entries = [{"object": "embedding", "index": index, "embedding": number_list(v)}
               for index, v in zip(order or range(len(vectors)), vectors)]
    return json.dumps({"object": "list", "data": entries[::-1], "model": MODEL})  # the order says nothing


def too_many(request, _asked, _vectors):
    refuse(request, 429, "slow down", "retry-after: 1\r\n")


def broken(request, _asked, _vectors):
    refuse(request, 500, "it broke")


def overloaded(request, _asked, _vectors):
    refuse(request, 503, "not now")


def silent(request, asked, vectors):
    """Answers when nobody waits any more."""
    later(1.5 * TIMEOUT, lambda: request.transport.is_closing() or send(request, 200, reply(asked, vectors)))


def cut_off(request, asked, vectors):
    """The connection ends in the midst of the answer."""
    text = reply(asked, vectors)
    send(request, 200, text[:len(text) // 2], promised=len(text))
    request.transport.close()


def cut_short(request, asked, vectors):
    """A whole answer, of half the JSON."""
    text = reply(asked, vectors)
    send(request, 200, text[:len(text) // 2])


def wrong_index(request, asked, vectors):
    send(request, 200, reply(asked, vectors, [index + 1 for index in range(len(vectors))]))


def not_numbers(request, asked, vectors):
    send(request, 200, reply(asked, [*vectors[:-1], [math.nan] * DIMENSIONS]))


def one_missing(request, asked, vectors):
    send(request, 200, reply(asked, vectors[:-1]))


def gone(request, _asked, _vectors):
    hang_up(request)


NONSENSE = (cut_short, wrong_index, not_numbers, one_missing)
FAULTS = (too_many, broken, overloaded, silent, cut_off, gone, *NONSENSE)
# Those after which a provider is left alone for a while come less often than the others.
WEIGHTS = (1, 1, 1, 1, 1, 1, 2, 2, 2, 2)


class Provider:
    def __init__(self, random):
        self.random = random
        self.is_calm = False
        self.requests = 0
        self.faults = collections.Counter()
        self.made = collections.Counter()      # by text: vectors that were sent
        self.nonsense = collections.Counter()  # by text: answers without sense, to it alone
        self.listener = Listener({"provider": self.hear})

    @property
    def url(self):
        return self.listener.urls["provider"].replace("/hook", "/v1/embeddings")

    def __enter__(self):
        self.listener.__enter__()
        return self

    def __exit__(self, *failure):
        self.listener.__exit__(*failure)

    def hear(self, request):
        """An answer takes its time, so that a kill finds something in hand."""
        later(self.random.uniform(0, 0.1), self.answer, request, json.loads(request.body))

    def answer(self, request, asked):
        if request.transport.is_closing():
            return
        texts = asked["input"]
        self.requests += 1
        if len(texts) > MOST:
            self.faults["413"] += 1
            refuse(request, 413, f"more than {MOST} texts")
        elif any(BAD in text for text in texts):
            self.faults["400"] += 1
            refuse(request, 400, "a text that can't be embedded")
        elif not self.is_calm and self.random.random() < SHARE:
            self.fail(request, asked)
        else:
            self.made.update(texts)
            send(request, 200, reply(asked, [vector(text) for text in texts]))

    def fail(self, request, asked):
        texts = asked["input"]
        fault, = self.random.choices(FAULTS, WEIGHTS)
        self.faults[fault.__name__] += 1
        if fault in NONSENSE and len(texts) == 1:
            self.nonsense[texts[0]] += 1
        fault(request, asked, [vector(text) for text in texts])
