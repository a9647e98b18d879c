# SPDX-License-Identifier: MIT
"""Listeners of webhooks on ports of 127.0.0.1, all in one thread with a loop: for a hundred thousand requests.
(tests/e2e/receiver.py remembers each, and has a thread for each connection.)

    with Listener({"good": respond, "gone": None}) as listener:
        listener.urls["good"], listener.urls["gone"]
        listener.stop()                 # connections are reset, ports refuse
        listener.start()                # the same ports again

A name's function is called with each Request that came in whole and answers it, now or later, as it likes;
where there is no function, the port refuses connections. Ports are reserved as long as the Listener lives.
"""
import asyncio
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
# pylint: disable=wrong-import-position
from receiver import new_secret, signature  # noqa: E402

SECRET = new_secret()


class Request:
    def __init__(self, headers, body, transport):
        self.headers, self.body, self.transport = headers, body, transport
        self.id = headers.get("webhook-id", "")

    def is_signed(self):
        """With SECRET, and just now."""
        timestamp = self.headers.get("webhook-timestamp", "")
        return (self.headers.get("webhook-signature") == signature(SECRET, self.id, timestamp, self.body)
                and abs(time.time() - int(timestamp)) < 60)


# ---- answers ----

def respond(request, status=200):
    request.transport.write(f"HTTP/1.1 {status} So\r\ncontent-length: 2\r\n\r\nso".encode())


def fail(request):
    respond(request, 500)


def stay_silent(_request):
    pass


def hang_up(request):
    request.transport.abort()


def break_off(request):
    """In the middle of an answer's head. (Behind it, the status counts.)"""
    request.transport.write(b"HTTP/1.1 200 So\r\ncontent-le")
    request.transport.close()


def drip(request, text=b"HTTP/1.1 200 So\r\nx: " + b"y" * 10000):
    """A byte every half second, for longer than anybody waits."""
    if not request.transport.is_closing():
        request.transport.write(text[:1])
        later(0.5, drip, request, text[1:])


def later(seconds, function, *args):
    asyncio.get_running_loop().call_later(seconds, function, *args)


# ---- the server ----

class Connection(asyncio.Protocol):
    def __init__(self, answer, open_ones):
        self.answer, self.open_ones = answer, open_ones
        self.pending = b""
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        self.open_ones.add(transport)

    def connection_lost(self, exc):
        self.open_ones.discard(self.transport)

    def data_received(self, data):
        self.pending += data
        head, end, rest = self.pending.partition(b"\r\n\r\n")
        if not end:
            return
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        headers = {name.lower(): value for name, value in headers.items()}
        length = int(headers["content-length"])
        if len(rest) >= length:  # nobody sends the next request before this one's answer
            self.pending = rest[length:]
            self.answer(Request(headers, rest[:length], self.transport))


def bind(port=0):
    """Bound twice, a port can still be listened on once."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


class Listener:
    def __init__(self, answers):
        self.answers = answers
        self.reserved = {name: bind() for name in answers}
        self.urls = {name: f"http://127.0.0.1:{one.getsockname()[1]}/hook" for name, one in self.reserved.items()}
        self.servers, self.connections = [], set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        for one in self.reserved.values():
            one.close()

    def start(self):
        self.call(self.open_ports())

    def stop(self):
        self.call(self.close_ports())

    def call(self, coroutine):
        asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    async def open_ports(self):
        for name, answer in self.answers.items():
            if answer is not None:
                self.servers.append(await self.loop.create_server(
                    lambda answer=answer: Connection(answer, self.connections),
                    sock=bind(self.reserved[name].getsockname()[1])))

    async def close_ports(self):
        for server in self.servers:
            server.close()
        self.servers.clear()
        for transport in list(self.connections):
            transport.abort()
