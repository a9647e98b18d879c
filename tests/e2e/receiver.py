# SPDX-License-Identifier: MIT
"""A listener for events, on its own threads, that behaves as it is told and remembers what it heard.

    secret = new_secret()
    with Receiver(secrets=[secret]) as receiver:
        receiver.script = [status(500), status(200)]   # the first requests, one each
        receiver.otherwise = status(204)               # all others; 200 unless said otherwise
        ...
        first, = receiver.wait(1)                      # the requests, once there are so many
        first.id, first.type, first.body, first.json(), first.headers["webhook-timestamp"]
        first.verified                                 # by Python's hmac, not by our own code
        first.attempt                                  # 1: the first request with this id

Behaviours: status(), fail_first(), by_turns(), never(), slow_drip(), garbage(), huge(),
close_at_once(), close_mid_response(); any function that takes an Exchange is one, too. They run on
the connection's thread, after the request was remembered.

`heard` is called with each request before it is answered (an exception in it is kept, and raised by
wait and at the end). stop() and start() are a listener that goes away and comes back, on the same
port; while it is stopped, connections are refused.

TLS: Receiver(tls=authority.certificate("127.0.0.1")) with an Authority, made by the openssl command.
Nothing but Python's own library is needed.
"""
import base64
import collections
import contextlib
import hashlib
import hmac
import http.server
import json
import pathlib
import secrets as random
import select
import socket
import ssl
import subprocess
import threading
import time

TOLERANCE = 300  # seconds that a timestamp may be off, as the specification recommends


# ---- Standard Webhooks, independently ----

def new_secret():
    return "whsec_" + base64.b64encode(random.token_bytes(32)).decode()


def signature(secret, event_id, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


class Request:
    """What was heard. Header names are lower case."""

    def __init__(self, method, path, headers, body, secrets):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.at = time.time()
        self.id = headers.get("webhook-id")
        self.timestamp = headers.get("webhook-timestamp")
        self.attempt = None
        self.verified = any(self.signed_by(secret) for secret in secrets) and self.is_timely

    def signed_by(self, secret):
        given = self.headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(s, signature(secret, self.id, self.timestamp, self.body))
                   for s in given)

    @property
    def is_timely(self):
        return (self.timestamp or "").isdigit() and abs(self.at - int(self.timestamp)) < TOLERANCE

    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        """The event's name, in each of the formats; None where the body doesn't tell."""
        with contextlib.suppress(ValueError, AttributeError):
            body = self.json()
            return body.get("event") or body.get("type")
        return None

    def __repr__(self):
        return f"<{self.method} {self.path} {self.type} {self.id} attempt {self.attempt}>"


# ---- behaviours ----

class Exchange:
    """One request, and the connection to answer it on."""

    def __init__(self, handler, request):
        self.handler, self.request = handler, request

    def reply(self, code, body=b"", headers=None):
        self.handler.send_response_only(code)
        length = {} if code == 204 else {"Content-Length": str(len(body))}
        for name, value in {**length, **(headers or {})}.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        if code != 204:
            self.raw(body)

    def raw(self, data):
        self.handler.wfile.write(data)
        self.handler.wfile.flush()

    def hang_up(self):
        self.handler.close_connection = True

    def wait(self, seconds):
        """False: the client, or the receiver, has gone meanwhile."""
        end = time.monotonic() + seconds
        while not self.handler.server.receiver.is_stopping:
            left = end - time.monotonic()
            if left <= 0:
                return True
            if select.select([self.handler.connection], [], [], min(left, 0.1))[0]:
                return False
        return False


def status(code, body=b"", **headers):
    """status(429, retry_after=3): answers, with headers by their names in Python."""
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return lambda exchange: exchange.reply(code, body, named)


def fail_first(count, behaviour=status(500), then=status(200)):
    """The first attempts of each event fail."""
    return lambda exchange: (behaviour if exchange.request.attempt <= count else then)(exchange)


def by_turns(*behaviours):
    """One after the other, from the start again after the last."""
    lock = threading.Lock()
    rest = collections.deque(behaviours)

    def behave(exchange):
        with lock:
            behaviour = rest[0]
            rest.rotate(-1)
        behaviour(exchange)
    return behave


def never():
    """Reads the request and says nothing."""
    def behave(exchange):
        while exchange.wait(60):
            pass
        exchange.hang_up()
    return behave


def slow_drip(pause=0.05):
    """An answer without an end, byte by byte."""
    def behave(exchange):
        exchange.raw(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while exchange.wait(pause):
            exchange.raw(b"x")
        exchange.hang_up()
    return behave


def garbage(data=b"\x00\xff\xfe not HTTP at all \r\n\r\n" * 10):
    def behave(exchange):
        exchange.raw(data)
        exchange.hang_up()
    return behave


def huge(size=64 << 20, code=200):
    """An answer that nobody should read to its end."""
    def behave(exchange):
        exchange.raw(f"HTTP/1.1 {code} OK\r\nContent-Length: {size}\r\n\r\n".encode())
        piece = b"x" * 65536
        for _ in range(size // len(piece)):
            exchange.raw(piece)
    return behave


def close_at_once():
    return lambda exchange: exchange.hang_up()


def close_mid_response():
    def behave(exchange):
        exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789")
        exchange.hang_up()
    return behave


# ---- the listener ----

class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body, receiver.secrets)
        behaviour = receiver.remember(request)
        behaviour(Exchange(self, request))

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address, receiver):
        self.receiver = receiver
        self.connections = set()
        super().__init__(address, _Handler)

    def get_request(self):
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.receiver.context:
            connection = self.receiver.context.wrap_socket(connection, server_side=True,
                                                           do_handshake_on_connect=False)
        self.connections.add(connection)
        self.receiver.connects += 1
        return connection, address

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_):
        """A client that hangs up, or doesn't like our certificate, is part of the test."""

    def hang_up_all(self):
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Receiver:
    def __init__(self, secrets=(), tls=None, heard=None, host="127.0.0.1"):
        self.secrets = list(secrets)
        self.host, self.port = host, 0
        self.heard = heard
        self.script = []
        self.otherwise = status(200)
        self.requests = []
        self.connects = 0  # how many connections were made
        self.is_stopping = False
        self.context = None
        self.failure = None
        self._seen = collections.Counter()
        self._changed = threading.Condition()
        self._server = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.start()

    def start(self):
        self.is_stopping = False
        self._server = _Server((self.host, self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        self.is_stopping = True
        self._server.shutdown()
        self._server.hang_up_all()
        self._server.server_close()

    @property
    def origin(self):
        return f"{'https' if self.context else 'http'}://{self.host}:{self.port}"

    @property
    def url(self):
        return f"{self.origin}/hook"

    def remember(self, request):
        """Returns how to behave."""
        if self.heard:
            try:
                self.heard(request)
            except Exception as failure:  # pylint: disable=broad-exception-caught
                self.failure = self.failure or failure
        with self._changed:
            self._seen[request.id] += 1
            request.attempt = self._seen[request.id]
            self.requests.append(request)
            self._changed.notify_all()
            return self.script.pop(0) if self.script else self.otherwise

    def of(self, event_type):
        """The requests with events of this type."""
        return [r for r in list(self.requests) if r.type == event_type]

    def wait(self, count, match=lambda request: True, deadline=60):
        """The requests that match, as soon as there are so many."""
        def found():
            return [r for r in self.requests if match(r)]
        with self._changed:
            enough = self._changed.wait_for(lambda: self.failure or len(found()) >= count, deadline)
            if self.failure:
                raise self.failure
            if not enough:
                raise AssertionError(f"not within {deadline:g} s: {count} such requests; "
                                     f"heard: {self.requests}")
            return found()

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, traceback):
        self.stop()
        if failure is None and self.failure:
            raise self.failure


# ---- certificates ----

class Authority:
    """A private authority in a folder of its own: `authority.file` is what to trust."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file, self._key = self._make("ca", "/CN=spoolgate test authority")

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def _make(self, name, subject, *options):
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                      "-nodes", "-days", "2", "-subj", subject, "-keyout", str(key),
                      "-out", str(certificate), *options)
        return certificate, key

    @staticmethod
    def _names(host):
        kind = "IP" if host.replace(".", "").isdigit() else "DNS"
        return f"subjectAltName={kind}:{host}"

    def certificate(self, host):
        """(certificate, key) of a host, signed by this authority."""
        request, key = self.folder / f"{host}.csr", self.folder / f"{host}.key"
        certificate, names = self.folder / f"{host}.pem", self.folder / f"{host}.ext"
        names.write_text(self._names(host) + "\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                      "-subj", f"/CN={host}", "-keyout", str(key), "-out", str(request))
        self._openssl("x509", "-req", "-in", str(request), "-CA", str(self.file),
                      "-CAkey", str(self._key), "-CAcreateserial", "-days", "2",
                      "-extfile", str(names), "-out", str(certificate))
        return certificate, key

    def self_signed(self, host):
        """(certificate, key) of a host that nobody else vouches for."""
        return self._make(f"{host}-self", f"/CN={host}", "-addext", self._names(host))
