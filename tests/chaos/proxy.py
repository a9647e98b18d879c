# SPDX-License-Identifier: MIT
"""A proxy in front of the server's socket that breaks connections on purpose.

    with Proxy(cluster_url, plan) as proxy:
        site.run("drain", env={"SPOOLGATE_DATABASE": proxy.url})

For each connection, plan(number) returns a Fault, or None for one that is left alone. Towards the client
it is TCP, so a break is a real reset (SO_LINGER 0).
"""
import contextlib
import dataclasses
import select
import socket
import struct
import threading
import urllib.parse


@dataclasses.dataclass
class Fault:
    """What to do to a connection, once."""
    after_sent: int = None       # reset it when the client has sent so many bytes (the rest is dropped)
    after_received: int = None   # ... when the server has sent so many
    at_query: bytes = None       # a query that begins so, simple or being prepared: see `how`
    skip: int = 0                # ... but not the first so many of them
    how: str = "before"          # before: it isn't passed on. after: it is, but its reply isn't.
    #                              race: it is, and the connection is reset at once. hold: see Proxy.held


def query_of(message):
    """The text of a simple query, or of the statement that is prepared (its name comes first)."""
    kind, body = message[:1], message[5:]
    return body if kind == b"Q" else body.partition(b"\0")[2] if kind == b"P" else b""


class Proxy:
    def __init__(self, url, plan):
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        self.server_path = f"{query['host']}/.s.PGSQL.5432"
        self.plan = plan
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.url = f"postgresql://127.0.0.1:{port}{parts.path}?user={query['user']}&sslmode=disable&gssencmode=disable"
        self.connections = self.broken = 0
        self.sizes = []                    # (sent, received) of each connection that has ended
        self.held = threading.Event()      # a connection stands at its `hold`
        self.released = threading.Event()  # let it go on

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                number, self.connections = self.connections, self.connections + 1
                threading.Thread(target=self.serve, args=(client, self.plan(number)), daemon=True).start()

    def serve(self, client, fault):
        server = socket.socket(socket.AF_UNIX)
        try:
            with contextlib.suppress(OSError):
                server.connect(self.server_path)
            connection = Connection(self, client, server, fault or Fault())
            with contextlib.suppress(OSError):
                connection.pump()
            self.sizes.append((connection.sent, connection.received))
        finally:
            client.close()
            server.close()


class Broken(OSError):
    pass


class Connection:
    def __init__(self, proxy, client, server, fault):
        self.proxy, self.client, self.server, self.fault = proxy, client, server, fault
        self.sent = self.received = 0
        self.pending = b""
        self.started = False
        self.swallow = False

    def pump(self):
        try:
            while True:
                ready, _, _ = select.select([self.client, self.server], [], [])
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is self.client:
                        self.from_client(data)
                    else:
                        self.from_server(data)
        except Broken:
            self.proxy.broken += 1
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def from_client(self, data):
        limit = self.fault.after_sent
        if limit is not None and self.sent + len(data) > limit:
            self.server.sendall(data[:limit - self.sent])
            raise Broken
        self.sent += len(data)
        if self.fault.at_query is None:
            self.server.sendall(data)
            return
        self.pending += data
        while message := self.next_message():
            self.pass_on(message)

    def next_message(self):
        """The start-up packet has no type; all others do."""
        at = 0 if not self.started else 1
        if len(self.pending) < at + 4:
            return None
        length = at + struct.unpack(">I", self.pending[at:at + 4])[0]
        if len(self.pending) < length:
            return None
        message, self.pending = self.pending[:length], self.pending[length:]
        self.started = True
        return message

    def pass_on(self, message):
        if self.fault.at_query is None or not query_of(message).lstrip().startswith(self.fault.at_query):
            self.server.sendall(message)
            return
        if self.fault.skip > 0:
            self.fault.skip -= 1
            self.server.sendall(message)
            return
        if self.fault.how == "before":
            raise Broken
        if self.fault.how == "hold":
            self.fault.at_query = None
            self.proxy.held.set()
            self.proxy.released.wait()
            self.server.sendall(message)
            return
        self.server.sendall(message)
        if self.fault.how == "race":
            raise Broken
        self.swallow = True

    def from_server(self, data):
        if self.swallow:
            raise Broken
        limit = self.fault.after_received
        if limit is not None and self.received + len(data) > limit:
            self.client.sendall(data[:limit - self.received])
            raise Broken
        self.received += len(data)
        self.client.sendall(data)
