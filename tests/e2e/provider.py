#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An OpenAI-compatible embeddings server that fails as it is told.

    with Provider(dimensions=8) as provider:
        provider.script = [status(500), limited(1)]    # the first requests, one each
        provider.otherwise = refusing("POISON")        # all others; good() unless said otherwise
        ...  provider.url
        provider.requests                              # what was asked: .texts, .headers, .body
        vector_of("text", 8)                           # what a good answer says of a text

Behaviours take the request and return (status, headers, body), or do what they like with the
connection and return None. As a program of its own, it fails at random:

    tests/e2e/provider.py --dimensions 8 --faults 0.5 [--seed N] [--port N]

prints its URL, and serves until it is told to end.
"""
import argparse
import base64
import hashlib
import http.server
import json
import random
import signal
import socket
import struct
import threading
import time


def vector_of(text, dimensions):
    """Any text's own, the same in every run; numbers that float32 holds."""
    seed = hashlib.sha256(text.encode()).digest()
    numbers = random.Random(seed)
    return [struct.unpack("f", struct.pack("f", numbers.uniform(0.1, 1)))[0] for _ in range(dimensions)]


class Request:
    """What was asked."""

    def __init__(self, headers, body, provider):
        self.headers = {k.lower(): v for k, v in headers.items()}
        self.body = json.loads(body)
        self.texts = self.body["input"]
        self.provider = provider
        self.at = time.monotonic()
        self.handler = self.connection = self.peer = None

    def numbers(self, vector, as_text):
        if as_text:
            return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        return vector

    def answer(self, edit=None, as_text=None, dimensions=None):
        """A good answer, or what `edit` makes of its list of items."""
        as_text = self.body.get("encoding_format") == "base64" if as_text is None else as_text
        dimensions = dimensions or self.provider.dimensions
        items = [{"object": "embedding", "index": i,
                  "embedding": self.numbers(vector_of(text, dimensions), as_text)}
                 for i, text in enumerate(self.texts)]
        random.Random(len(items)).shuffle(items)  # the order says nothing
        if edit:
            items = edit(items)
        return 200, {}, json.dumps({"object": "list", "data": items, "model": self.body["model"],
                                    "usage": {"prompt_tokens": 1, "total_tokens": 1}})


# ---- behaviours ----

def good():
    return lambda request: request.answer()


def floats():
    """Numbers, whatever was asked for."""
    return lambda request: request.answer(as_text=False)


def no_base64():
    """A server that has never heard of encoding_format."""
    return lambda request: (400, {}, '{"error": {"message": "unknown field encoding_format"}}') \
        if "encoding_format" in request.body else request.answer()


def status(code, text="out of order", **headers):
    return lambda request: (code, headers, json.dumps({"error": {"message": text}}))


def limited(seconds):
    return lambda request: (429, {"Retry-After": str(seconds)},
                            '{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}')


def quota():
    return lambda request: (429, {}, '{"error": {"message": "You exceeded your current quota", '
                                     '"type": "insufficient_quota", "code": "insufficient_quota"}}')


def hang(seconds=3600):
    def behave(request):
        request.provider.ended.wait(seconds)
    return behave


def held(event):
    """A good answer, once it is let go."""
    def behave(request):
        event.wait()
        return request.answer()
    return behave


def cut_short():
    def behave(request):
        _, _, body = request.answer()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        request.connection.sendall((head + body[:len(body) // 2]).encode())
    return behave


def reset():
    def behave(request):
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return behave


def breaking(marker):
    """No answer to a request that has a text with the marker."""
    return lambda request: reset()(request) if any(marker in text for text in request.texts) else request.answer()


def closing():
    """A good answer, behind which the connection is closed, as by a server that keeps none for long."""
    def behave(request):
        request.handler.close_connection = True
        return request.answer()
    return behave


def garbage():
    return lambda request: (200, {}, "\x00<html>not what you think")


def wrong_index():
    def edit(items):
        items[0]["index"] += len(items)
        return items
    return lambda request: request.answer(edit)


def twice():
    return lambda request: request.answer(lambda items: items[:-1] + items[:1] if len(items) > 1 else items * 2)


def missing():
    return lambda request: request.answer(lambda items: items[1:])


def wrong_dimension(dimensions):
    return lambda request: request.answer(dimensions=dimensions)


def with_text(marker, edit):
    """A good answer, but for the vectors of texts with the marker."""
    def behave(request):
        def change(items):
            for item in items:
                if marker in request.texts[item["index"]]:
                    item["embedding"] = request.numbers(edit(request.provider.dimensions),
                                                        isinstance(item["embedding"], str))
            return items
        return request.answer(change)
    return behave


def nan(marker=""):
    return with_text(marker, lambda dimensions: [float("nan")] * dimensions)


def zeros(marker=""):
    return with_text(marker, lambda dimensions: [0] * dimensions)


def empty(marker=""):
    return with_text(marker, lambda dimensions: [])


def refusing(marker, code=400):
    """No request that has a text with the marker."""
    return lambda request: (code, {}, json.dumps({"error": f"{marker} is refused", "error_type": "Validation"})) \
        if any(marker in text for text in request.texts) else request.answer()


def at_most(count):
    return lambda request: (413, {}, json.dumps({"error": f"at most {count} inputs"})) \
        if len(request.texts) > count else request.answer()


# ---- the server ----

class Provider:
    def __init__(self, dimensions=8, port=0, otherwise=None):
        self.dimensions = dimensions
        self.script, self.otherwise = [], otherwise or good()
        self.requests = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # pylint: disable=invalid-name
                provider.serve(self)

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/v1/embeddings"

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        request = Request(handler.headers, body, self)
        request.handler, request.connection, request.peer = handler, handler.connection, handler.client_address
        with self.lock:
            self.requests.append(request)
            behave = self.script.pop(0) if self.script else self.otherwise
        answer = behave(request)
        if answer is None:
            handler.close_connection = True
            return
        code, headers, text = answer
        data = text.encode()
        try:
            handler.send_response(code)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)),
                                **headers}.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):  # whoever asked is gone
            handler.close_connection = True

    def asked(self, text):
        """How often a request had this text."""
        with self.lock:
            return sum(text in request.texts for request in self.requests)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.ended.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def faulty(share, seed):
    """Now and then anything that can go wrong and is over by the next request."""
    faults = [status(500), status(503), limited(1), cut_short(), reset(), garbage(), wrong_index(), twice(),
              missing(), hang(3)]
    chance, lock = random.Random(seed), threading.Lock()

    def behave(request):
        with lock:
            fault = chance.choice(faults) if chance.random() < share else None
        if fault:
            return fault(request)
        return nan("POISON-NAN")(request) if any("POISON-NAN" in t for t in request.texts) \
            else refusing("POISON")(request)
    return behave


def main():
    options = argparse.ArgumentParser(description="an embeddings server that fails at random")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--dimensions", type=int, default=8)
    options.add_argument("--faults", type=float, default=0, help="share of requests that fail, 0 to 1")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with Provider(given.dimensions, given.port, faulty(given.faults, given.seed)) as provider:
        print(provider.url, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
