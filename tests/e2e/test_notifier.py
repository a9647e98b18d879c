#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tools/notifier against a listener of our own, on a free port of 127.0.0.1.

    NOTIFIER=build/tools/notifier/notifier /usr/bin/python3 tests/e2e/test_notifier.py

The listener answers as each test scripts it and keeps what it heard; signatures are checked with
Python's hmac, independent of the code under test.
"""
import base64
import hmac
import http.server
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import uuid
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOTIFIER = os.path.abspath(os.environ.get("NOTIFIER", ROOT / "build/tools/notifier/notifier"))

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(100, 140))).decode()

DELIVERED, USAGE, DATA, NO_INPUT, NOT_DELIVERED, OUTPUT, REFUSED = 0, 64, 65, 66, 69, 74, 76


def setUpModule():
    if not os.access(NOTIFIER, os.X_OK):
        raise FileNotFoundError(f"{NOTIFIER} isn't there: run make, or set NOTIFIER")


def signature(secret, headers, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, "sha256").digest()).decode()


class Heard:
    def __init__(self, handler, body):
        self.at = time.time()
        self.path = handler.path
        self.headers = handler.headers
        self.body = body


class Listener:
    """Answers with the next entry of script (the last one for ever); an entry is a status, a
    (status, headers, body) tuple, or a function of the request handler."""

    def __init__(self, script, tls=None):
        self.script = list(script)
        self.heard = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append(Heard(self, body))
                answer = outer.script.pop(0) if len(outer.script) > 1 else outer.script[0]
                if callable(answer):
                    self.close_connection = True
                    answer(self)
                    return
                status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                outer.heard.append(Heard(self, b""))
                self.send_error(500)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a notifier that hangs up is what some tests are about

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.origin = f"{scheme}://127.0.0.1:{self.server.server_port}"
        self.url = f"{self.origin}/hook"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def notifier(*args, stdin="", env=None, **more):
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    clean["NO_PROXY"] = ""
    return subprocess.run([NOTIFIER, *map(str, args)], input=stdin, text=True, timeout=60,
                          capture_output=True, env={**clean, **(env or {})}, **more)


class NotifierTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="notifier-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def expect(self, code, *args, says="", **more):
        done = notifier(*args, **more)
        self.assertEqual(done.returncode, code, f"{args}\n{done.stdout}{done.stderr}")
        self.assertIn(says, done.stderr)
        if code not in (DELIVERED,):
            self.assertEqual(done.stdout, "")
            self.assertTrue(done.stderr.startswith(("notifier: ", NOTIFIER)), done.stderr)
        return done


class Render(NotifierTest):
    def test_json_template(self):
        path = self.write("a.json.tmpl", '{"gate": "{{gate}}", "rows": {{{rows}}}, "x": {{{x}}}}')
        done = self.expect(0, "-t", path, "-d", '{"gate": "a\\"b", "rows": 7}', "--render")
        self.assertEqual(done.stdout, '{"gate": "a\\"b", "rows": 7, "x": null}')

    def test_other_templates_escape_html(self):
        path = self.write("a.txt.tmpl", "{{x}} {{{x}}}\n")
        done = self.expect(0, "--template", path, "--data", '{"x": "<&>"}', "--render")
        self.assertEqual(done.stdout, "&lt;&amp;&gt; <&>\n")

    def test_data_from_file_and_standard_input(self):
        data = self.write("data.json", '{"a": 1}\n')
        for args, stdin in ((f"@{data}", ""), ("-", '{"a": 1}\n')):
            done = self.expect(0, "--data", args, "--render", stdin=stdin)
            self.assertEqual(done.stdout, '{"a": 1}\n')

    def test_event_comes_first_and_wins(self):
        done = self.expect(0, "--event", "gate.done", "--data",
                           '{"rows":1.50,"n":0.1,"event":"old","big":9007199254740993}', "--render")
        self.assertEqual(done.stdout,
                         '{"event":"gate.done","rows":1.5,"n":0.1,"big":9007199254740993}')
        done = self.expect(0, "--event", "ping", "--render")
        self.assertEqual(done.stdout, '{"event":"ping"}')

    def test_partials_come_from_the_templates_folder(self):
        self.write("row.json.tmpl", '{"n": {{{.}}}}\n')
        path = self.write("a.json.tmpl", "[\n{{#rows}}\n  {{>row}}\n  ,\n{{/rows}}\nnull]\n")
        done = self.expect(0, "-t", path, "-d", '{"rows": [1, "b"]}', "--render")
        self.assertEqual(done.stdout, '[\n  {"n": 1}\n  ,\n  {"n": "b"}\n  ,\nnull]\n')
        path = self.write("b.json.tmpl", '"{{>nowhere}}"')
        self.expect(NO_INPUT, "-t", path, "-d", "{}", "--render",
                    says=f"{path}:1:2: {{{{> nowhere}}}}: can't read "
                         f"{self.folder}/nowhere.json.tmpl: No such file")

    def test_shipped_templates(self):
        fields = ("event seq batch_id batch_tag gate reason status partial segments "
                  "segments_failed bytes frames_total rows_loaded frames_rejected tables ts_min "
                  "ts_max opened_at finished_at manifest_rev error").split()
        data = {"event": "x", "gate": 'a"b\n', "rows_loaded": 0, "partial": False,
                "tables": {"metrics": 3}, "ts_min": "2026-11-21T02:00:00Z"}
        for name, event in (("gate_open", "gate.open"), ("gate_done", "gate.done")):
            path = ROOT / "templates" / f"{name}.json.tmpl"
            full = self.expect(0, "-t", path, "-d", json.dumps(data), "--render")
            self.assertEqual(list(json.loads(full.stdout)), fields)
            self.assertEqual(json.loads(full.stdout), {**dict.fromkeys(fields), **data})
            bare = self.expect(0, "-t", path, "-d", "{}", "--render")
            self.assertEqual(json.loads(bare.stdout), {**dict.fromkeys(fields), "event": event})

    def test_faults_are_told_with_their_place(self):
        for name, text, says in (
                ("a.json.tmpl", "{\n  {{#x}}\n}", ":2:3: this section isn't closed"),
                ("b.tmpl", "{{a b}}", ":1:1: a name can't hold white space"),
                ("c.json.tmpl", '{"rows": {{rows}}}', " of what it rendered isn't JSON"),
                ("d.json.tmpl", "", " of what it rendered isn't JSON"),
        ):
            path = self.write(name, text)
            self.expect(DATA, "-t", path, "-d", "{}", "--render", says=f"notifier: {path}{says}"
                        if says.startswith(":") else says)
        data = self.write("data.json", '{"a": 1,\n "b": }')
        self.expect(DATA, "-d", f"@{data}", "--render", says=f"notifier: {data}:2:7: ")
        self.expect(DATA, "-d", "{nope", "--render", says="notifier: --data:1:5: ")
        self.expect(DATA, "-d", "-", "--render", stdin="", says="notifier: (standard input):1:1: ")
        self.expect(DATA, "-d", "{} {}", "--render", says="notifier: --data:1:4: ")
        self.expect(DATA, "-d", "[1]", "--event", "x", "--render", says="--data:1:1: --event needs")

    def test_unreadable_files(self):
        self.expect(NO_INPUT, "-t", "/nowhere/a.tmpl", "-d", "{}", "--render",
                    says="can't read /nowhere/a.tmpl: No such file or directory")
        self.expect(NO_INPUT, "-d", "@/nowhere/a.json", "--render", says="/nowhere/a.json")
        self.expect(NO_INPUT, "-d", f"@{self.folder}", "--render", says="Is a directory")

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([NOTIFIER, "--data", "{}", "--render"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, OUTPUT)


class CommandLine(NotifierTest):
    def test_help_and_version(self):
        done = self.expect(0, "--help")
        self.assertIn("usage: notifier", done.stdout)
        self.assertRegex(self.expect(0, "--version").stdout, r"^notifier \(spoolgate\) \d+\.\d+")

    def test_usage(self):
        url = "http://127.0.0.1:1/"
        for args, says in (
                ((), "--data is missing"),
                (("-d", "{}"), "either --url or --render"),
                (("-d", "{}", "--render", "--url", url), "either --url or --render"),
                (("-d", "{}", "--render", "more"), "more: values belong to an option"),
                (("-d", "{}", "--nonsense"), "unrecognized option"),
                (("-d",), "requires an argument"),
                (("-d", "{}", "--url", "example.org/x"), "https:// or http://"),
                (("-d", "{}", "--url", "ftp://example.org/x"), "https:// or http://"),
                (("-d", "{}", "--url", "file:///etc/passwd"), "https:// or http://"),
                (("-d", "{}", "--url", "http://"), "URL can't be used"),
                (("-d", "{}", "--url", "http://a:99999999/"), "URL can't be used"),
                (("-d", "{}", "--url", "http://a b/"), "URL can't be used"),
                (("-d", "{}", "--url", "http://a/\r\nX: y"), "URL can't be used"),
                (("-d", "{}", "--url", url, "--retry", "x"), "--retry is a number"),
                (("-d", "{}", "--url", url, "--retry", "-1"), "--retry is a number"),
                (("-d", "{}", "--url", url, "--retry", "101"), "--retry is a number"),
                (("-d", "{}", "--url", url, "--timeout", "0"), "--timeout is in seconds"),
                (("-d", "{}", "--url", url, "--timeout", "soon"), "--timeout is in seconds"),
                (("-d", "{}", "--url", url, "--secret-env", "NOWHERE"), "variable NOWHERE"),
                (("-d", "{}", "--url", url, "--event", os.fsdecode(b"\xff")), "isn't UTF-8"),
        ):
            with self.subTest(args=args):
                self.expect(USAGE, *args, says=says)

    def test_headers_cannot_be_injected(self):
        with Listener([200]) as listener:
            for header, says in (
                    ("no colon", "--header is"),
                    ("X: a\r\nY: b", "line breaks"),
                    ("X: a\nY: b", "line breaks"),
                    ("X: a\x7f", "line breaks"),
                    ("X\r\nY: b", "a header's name"),
                    ("X Y: b", "a header's name"),
                    (": b", "a header's name"),
                    ("Content-Length: 3", "set by the connection"),
                    ("transfer-encoding: chunked", "set by the connection"),
                    ("Host: elsewhere", "set by the connection"),
                    ("Webhook-Id: mine", "made by notifier itself"),
            ):
                with self.subTest(header=header):
                    self.expect(USAGE, "-d", "{}", "--url", listener.url, "-H", header, says=says)
            self.assertEqual(listener.heard, [])

    def test_secrets_are_checked_and_never_shown(self):
        for secret, says in (("", "is empty"),
                             ("hunter2hunter2", "starts otherwise"),
                             ("whsec_aGVsbG8=", "too short"),
                             ("whsec_!hunter2!", "something else")):
            done = self.expect(USAGE, "-d", "{}", "--url", "http://127.0.0.1:1/", "--secret-env",
                               "S", env={"S": secret}, says=says)
            self.assertIn("--secret-env S: ", done.stderr)
            self.assertNotIn("hunter2", done.stderr)
            self.assertNotIn("aGVsbG8", done.stderr)


class Delivery(NotifierTest):
    def test_delivers_signed(self):
        with Listener([200]) as listener:
            before = int(time.time())
            body = '{"a": "é", "n": 1.50}\n'
            done = self.expect(0, "-d", "-", "--url", listener.url + "?token=t0p", "--secret-env",
                               "S", "-H", "X-One: 1", "--header", "X-Two:two words ", "-H",
                               "X-Empty:", stdin=body, env={"S": SECRET})
            heard, = listener.heard
            self.assertEqual(heard.path, "/hook?token=t0p")
            self.assertEqual(heard.body, body.encode())  # as given, byte for byte
            self.assertEqual(heard.headers["Content-Type"], "application/json")
            self.assertEqual(heard.headers["X-One"], "1")
            self.assertEqual(heard.headers["X-Two"], "two words")
            self.assertEqual(heard.headers["X-Empty"], "")
            self.assertIsNone(heard.headers["Expect"])
            self.assertEqual(uuid.UUID(heard.headers["webhook-id"]).version, 7)
            self.assertTrue(before <= int(heard.headers["webhook-timestamp"]) <= time.time())
            self.assertEqual(heard.headers["webhook-signature"],
                             signature(SECRET, heard.headers, heard.body))
            self.assertIn(f"delivered {heard.headers['webhook-id']} to {listener.origin}: 200",
                          done.stdout)
            self.assertNotIn("t0p", done.stdout + done.stderr)

    def test_unsigned_without_a_secret(self):
        with Listener([204]) as listener:
            self.expect(0, "-d", "[]", "--url", listener.url)
            self.assertIsNone(listener.heard[0].headers["webhook-signature"])
            self.assertEqual(listener.heard[0].body, b"[]")

    def test_a_signature_for_every_secret(self):
        for env, args in (({"S": f"{SECRET} {OTHER_SECRET}"}, ("--secret-env", "S")),
                          ({"S": SECRET, "T": OTHER_SECRET},
                           ("--secret-env", "S", "--secret-env", "T"))):
            with Listener([200]) as listener:
                self.expect(0, "-d", "{}", "--url", listener.url, *args, env=env)
                heard, = listener.heard
                self.assertEqual(heard.headers["webhook-signature"].split(" "),
                                 [signature(s, heard.headers, heard.body)
                                  for s in (SECRET, OTHER_SECRET)])

    def test_template_chooses_the_content_type(self):
        for name, want in (("a.json.tmpl", "application/json"),
                           ("a.tmpl", "text/plain; charset=utf-8")):
            path = self.write(name, '"{{x}}"')
            with Listener([200]) as listener:
                self.expect(0, "-t", path, "-d", '{"x": "y"}', "--url", listener.url)
                self.assertEqual(listener.heard[0].headers["Content-Type"], want)
                self.assertEqual(listener.heard[0].body, b'"y"')
        with Listener([200]) as listener:
            self.expect(0, "-d", "{}", "--url", listener.url, "-H",
                        "content-type: application/cloudevents+json")
            self.assertEqual(listener.heard[0].headers.get_all("Content-Type"),
                             ["application/cloudevents+json"])

    def test_empty_body(self):
        path = self.write("a.tmpl", "{{x}}")
        self.assertEqual(self.expect(0, "-t", path, "-d", "{}", "--render").stdout, "")
        with Listener([200]) as listener:
            self.expect(0, "-t", path, "-d", "{}", "--url", listener.url, "--secret-env", "S",
                        env={"S": SECRET})
            heard, = listener.heard
            self.assertEqual(heard.body, b"")
            self.assertEqual(heard.headers["webhook-signature"],
                             signature(SECRET, heard.headers, b""))

    def test_bad_template_sends_nothing(self):
        path = self.write("a.json.tmpl", "{{x}}")
        with Listener([200]) as listener:
            self.expect(DATA, "-t", path, "-d", '{"x": "y"}', "--url", listener.url)
            self.assertEqual(listener.heard, [])

    def test_500_then_200(self):
        with Listener([(500, {}, b"try\x1b[31m later"), 200]) as listener:
            done = self.expect(0, "-d", '{"a":1}', "--url", listener.url, "--secret-env", "S",
                               env={"S": SECRET}, says="answered 500")
            self.assertIn("try [31m later", done.stderr)
            first, second = listener.heard
            self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
            self.assertEqual(first.body, second.body)
            self.assertGreaterEqual(second.at - first.at, 0.14)
            for heard in listener.heard:
                self.assertLess(abs(int(heard.headers["webhook-timestamp"]) - heard.at), 2)
                self.assertEqual(heard.headers["webhook-signature"],
                                 signature(SECRET, heard.headers, heard.body))
            self.assertIn("try 2", done.stdout)

    def test_429_waits_as_asked(self):
        with Listener([(429, {"Retry-After": "2"}, b""), 202]) as listener:
            self.expect(0, "-d", "{}", "--url", listener.url, "--retry", "1")
            first, second = listener.heard
            self.assertGreaterEqual(second.at - first.at, 1.95)
            self.assertGreater(int(second.headers["webhook-timestamp"]),
                               int(first.headers["webhook-timestamp"]))

    def test_retry_after_that_is_too_long_ends_it(self):
        with Listener([(503, {"Retry-After": "86400"}, b"")]) as listener:
            self.expect(NOT_DELIVERED, "-d", "{}", "--url", listener.url, "--retry", "5",
                        says="giving up")
            self.assertEqual(len(listener.heard), 1)

    def test_still_500_at_the_last_try(self):
        with Listener([500]) as listener:
            self.expect(NOT_DELIVERED, "-d", "{}", "--url", listener.url, "--retry", "1")
            self.assertEqual(len(listener.heard), 2)
        with Listener([500]) as listener:
            self.expect(NOT_DELIVERED, "-d", "{}", "--url", listener.url, "--retry", "0")
            self.assertEqual(len(listener.heard), 1)

    def test_refused_at_once(self):
        for status in (300, 304, 400, 401, 404, 408, 410, 422):
            with Listener([status]) as listener:
                self.expect(REFUSED, "-d", "{}", "--url", listener.url, says=f"answered {status}")
                self.assertEqual(len(listener.heard), 1)

    def test_redirects_are_not_followed(self):
        with Listener([200]) as elsewhere:
            for status in (301, 302, 303, 307, 308):
                with Listener([(status, {"Location": elsewhere.url}, b"")]) as listener:
                    self.expect(REFUSED, "-d", "{}", "--url", listener.url,
                                says=f"answered {status}")
                    self.assertEqual(len(listener.heard), 1)
            self.assertEqual(elsewhere.heard, [])

    def test_unreachable(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
            origin = f"127.0.0.1:{taken.getsockname()[1]}"
            url = f"http://user:pa55@{origin}/s3cret?k=s3cret"
            start = time.time()
            done = self.expect(NOT_DELIVERED, "-d", "{}", "--url", url, "--retry", "1",
                               says=f"notifier: http://{origin}: can't connect: Connection refused")
            self.assertGreaterEqual(time.time() - start, 0.14)
            self.assertEqual(done.stderr.count("http://127.0.0.1"), 2)
            self.assertNotIn("s3cret", done.stderr)
            self.assertNotIn("pa55", done.stderr)
        self.expect(NOT_DELIVERED, "-d", "{}", "--url", "http://does-not-exist.invalid/",
                    "--retry", "0", says="http://does-not-exist.invalid: ")

    def test_timeout(self):
        with Listener([lambda handler: time.sleep(6)]) as listener:
            start = time.time()
            self.expect(NOT_DELIVERED, "-d", "{}", "--url", listener.url, "--timeout", "300ms",
                        "--retry", "0", says="timed out")
            self.assertLess(time.time() - start, 5)

    def test_answers_that_are_none(self):
        def says(text):
            return lambda handler: handler.wfile.write(text)

        def headers_without_end(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                handler.wfile.write(b"X: %s\r\n" % (b"y" * 1000))

        for answer in (says(b""), says(b"SSH-2.0-OpenSSH\r\n"), says(b"HTTP/1.1 200 OK\r\nX: "),
                       headers_without_end):
            with Listener([answer]) as listener:
                self.expect(NOT_DELIVERED, "-d", "{}", "--url", listener.url, "--retry", "0",
                            "--timeout", "10")

    def test_answers_with_an_odd_body(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

        def endless(handler):
            handler.wfile.write(head + b"\r\n")
            while True:
                handler.wfile.write(b"x" * 65536)

        def dripping(handler):
            handler.wfile.write(head + b"\r\nx")
            time.sleep(1.5)

        def cut_short(handler):
            handler.wfile.write(head + b"Content-Length: 1000\r\n\r\nx")

        def huge(handler):
            handler.wfile.write(head.replace(b"200 OK", b"422 No") + b"\r\n" + b"\xff\0z" * 100000)

        for answer in (endless, dripping, cut_short):
            with Listener([answer]) as listener:
                self.expect(0, "-d", "{}", "--url", listener.url, "--timeout", "700ms", "--retry",
                            "0")
        with Listener([huge]) as listener:
            done = self.expect(REFUSED, "-d", "{}", "--url", listener.url, says=": ??z??z")
            self.assertLess(len(done.stderr), 500)

    def test_big_body_arrives_whole(self):
        with Listener([200]) as listener:
            body = json.dumps(["x" * 1000] * 3000)
            self.expect(0, "-d", "-", "--url", listener.url, stdin=body)
            self.assertEqual(listener.heard[0].body, body.encode())

    def test_the_environment_names_no_proxy(self):
        with Listener([500]) as proxy, Listener([200]) as listener:
            env = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), proxy.url)
            self.expect(0, "-d", "{}", "--url", listener.url, env=env)
            self.assertEqual(proxy.heard, [])
            self.assertEqual(len(listener.heard), 1)

    def test_the_secret_is_gone_from_the_environment(self):
        seen = []

        def look(handler):
            pid = process.pid
            seen.append(pathlib.Path(f"/proc/{pid}/environ").read_bytes())
            seen.append(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
            handler.send_response(200)
            handler.end_headers()

        with Listener([look]) as listener:
            process = subprocess.Popen(
                [NOTIFIER, "-d", "{}", "--url", listener.url, "--secret-env", "S"],
                env={**os.environ, "S": SECRET}, stdout=subprocess.PIPE)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0)
            self.assertIn(b"PATH=", seen[0])
            for bytes_seen in seen:
                self.assertNotIn(SECRET[6:].encode(), bytes_seen)

    def test_it_links_what_it_needs(self):
        libraries = subprocess.run(["ldd", NOTIFIER], check=True, capture_output=True, text=True,
                                   timeout=60).stdout
        self.assertIn("libcurl", libraries)
        for name in ("libpq", "libuv", "libgit2", "libfyaml"):
            self.assertNotIn(name, libraries)


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Tls(NotifierTest):
    def openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=60)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                     f"/CN={name}", "-keyout", self.folder / f"{name}.key", "-out",
                     self.folder / f"{name}.pem")
        return self.folder / f"{name}.pem"

    def context(self, authority, host):
        """What a listener presents: a certificate for host, signed by the authority."""
        files = {kind: self.folder / f"{host}.{kind}" for kind in ("key", "csr", "pem", "ext")}
        files["ext"].write_text(f"subjectAltName={host}\n")
        self.openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=listener",
                     "-keyout", files["key"], "-out", files["csr"])
        self.openssl("x509", "-req", "-in", files["csr"], "-days", "2", "-CA", authority,
                     "-CAkey", authority.with_suffix(".key"), "-CAcreateserial", "-extfile",
                     files["ext"], "-out", files["pem"])
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(files["pem"], files["key"])
        return tls

    def expect_refused(self, tls, *args, says):
        with Listener([200], tls) as listener:
            self.expect(NOT_DELIVERED, "-d", "{}", "--url", listener.url, "--retry", "0", *args,
                        says=says)
            self.assertEqual(listener.heard, [])

    def test_a_private_authority(self):
        ours, other = self.authority("ours"), self.authority("other")
        tls = self.context(ours, "IP:127.0.0.1")
        with Listener([200], tls) as listener:
            self.expect(0, "-d", "{}", "--url", listener.url, "--ca", ours)
            self.assertEqual(len(listener.heard), 1)
        self.expect_refused(tls, says="certificate")  # the system doesn't know it
        self.expect_refused(tls, "--ca", other, says="certificate")

    def test_a_certificate_for_another_name(self):
        ours = self.authority("ours")
        self.expect_refused(self.context(ours, "DNS:example.org"), "--ca", ours, says="127.0.0.1")

    def test_old_tls_is_refused(self):
        ours = self.authority("ours")
        tls = self.context(ours, "IP:127.0.0.1")
        tls.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):  # Python would rather not, too
            tls.minimum_version = ssl.TLSVersion.TLSv1
            tls.maximum_version = ssl.TLSVersion.TLSv1_1
        self.expect_refused(tls, "--ca", ours, says="https://127.0.0.1:")

    def test_a_ca_file_that_is_none(self):
        url = "https://127.0.0.1:1/"
        self.expect(NO_INPUT, "-d", "{}", "--url", url, "--ca", "/nowhere/ca.pem",
                    says="can't read /nowhere/ca.pem: No such file or directory")
        with Listener([200], self.context(self.authority("ours"), "IP:127.0.0.1")) as listener:
            self.expect(DATA, "-d", "{}", "--url", listener.url, "--ca",
                        self.write("ca.pem", "not a certificate\n"), says="authorities")
            self.assertEqual(listener.heard, [])


if __name__ == "__main__":
    unittest.main()
