"""ftl_fetch against a server that misbehaves. usage: test_fetch.py FETCH_CLI"""

import gzip
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import BODY, OTHER, OTHER_SHA256, SHA256, Server, clip, partial, reply, reset

FETCH_CLI = None
ALLOW = "127.0.0.1"


def fetch(url, *options, allow=ALLOW, env=None):
    command = [FETCH_CLI, "--backoff-ms", "20", "--idle-ms", "1500", "--connect-ms", "2000"]
    if allow:
        command += ["--allow", allow]
    result = subprocess.run(
        command + list(options) + [url], stdout=subprocess.PIPE, timeout=60, env=env, check=True
    )
    return json.loads(result.stdout)


class FetchTest(unittest.TestCase):
    def serve(self, handlers, host="127.0.0.1"):
        server = Server(handlers, host)
        self.addCleanup(server.close)
        return server

    def assert_ok(self, got, sha256=SHA256, size=len(BODY)):
        self.assertEqual(got["code"], "OK", got)
        self.assertEqual(got["sha256"], sha256)
        self.assertEqual((got["bytes"], got["file_bytes"], got["links"]), (size, size, 0))

    def assert_fails(self, got, code, retry, says):
        self.assertEqual((got["code"], got["retry"]), (code, retry), got)
        self.assertIn(says, got["msg"])

    def test_plain(self):
        server = self.serve({"/clip": clip})
        got = fetch(f"{server.url}/clip?sig=S3CRET")
        self.assert_ok(got)
        self.assertEqual(got["content_type"], "video/mp4")
        self.assertEqual(got["attempts"], 1)
        self.assertEqual(got["progress"][-1], [len(BODY), len(BODY)])
        request = server.requests[0]
        self.assertEqual(request.headers["accept-encoding"], "identity")
        self.assertNotIn("range", request.headers)

    def test_sha256(self):
        server = self.serve({"/clip": clip})
        self.assert_ok(fetch(f"{server.url}/clip", "--sha256", SHA256))
        got = fetch(f"{server.url}/clip", "--sha256", OTHER_SHA256)
        self.assert_fails(got, "INPUT", "never", "sha256")

    # ---- broken connections ----

    def test_reset_is_resumed(self):
        def handler(server, conn, request, count):
            if count < 2:
                partial(conn, request, 200_000)
                time.sleep(0.05)  # a reset overtakes what was sent
                return reset(conn)
            partial(conn, request, len(BODY))

        server = self.serve({"/clip": handler})
        self.assert_ok(fetch(f"{server.url}/clip"))
        requests = server.seen("/clip")
        self.assertEqual(len(requests), 3)
        self.assertEqual(requests[1].headers["if-range"], '"v1"')
        self.assertGreater(requests[1].range_start(), 0)
        self.assertGreater(requests[2].range_start(), requests[1].range_start())

    def test_many_resets_with_progress_outlast_the_attempts(self):
        def handler(server, conn, request, count):
            partial(conn, request, 70_000)
            time.sleep(0.05)
            return reset(conn) if (request.range_start() or 0) + 70_000 < len(BODY) else None

        server = self.serve({"/clip": handler})
        self.assert_ok(fetch(f"{server.url}/clip", "--attempts", "3"))
        self.assertGreaterEqual(len(server.requests), 10)

    def test_resets_without_progress(self):
        server = self.serve({"/clip": lambda s, conn, r, n: reset(conn)})
        got = fetch(f"{server.url}/clip?sig=S3CRET", "--attempts", "3")
        self.assert_fails(got, "NET", "later", "/clip")
        self.assertNotIn("S3CRET", got["msg"])
        self.assertEqual(len(server.requests), 3)

    def test_changed_etag_starts_over(self):
        def handler(server, conn, request, count):
            if count == 0:
                partial(conn, request, 200_000)
                time.sleep(0.05)
                return reset(conn)
            reply(conn, 200, [("ETag", '"v2"')], OTHER)  # If-Range no longer matches

        server = self.serve({"/clip": handler})
        self.assert_ok(fetch(f"{server.url}/clip"), OTHER_SHA256)

    def test_changed_etag_in_a_206_starts_over(self):
        def handler(server, conn, request, count):
            if count == 0:
                partial(conn, request, 200_000)
                time.sleep(0.05)
                return reset(conn)
            partial(conn, request, len(OTHER), etag='"v2"', body=OTHER)

        server = self.serve({"/clip": handler})
        self.assert_ok(fetch(f"{server.url}/clip"), OTHER_SHA256)
        self.assertIsNone(server.seen("/clip")[2].range_start())

    def test_wrong_range_starts_over(self):
        def handler(server, conn, request, count):
            if count == 0:
                partial(conn, request, 200_000)
                time.sleep(0.05)
                return reset(conn)
            if count == 1:
                reply(conn, 206, [("Content-Range", f"bytes 0-{len(BODY) - 1}/{len(BODY)}")], BODY)
            else:
                reply(conn, 200, [], BODY)

        server = self.serve({"/clip": handler})
        self.assert_ok(fetch(f"{server.url}/clip"))

    def test_unsatisfiable_range_starts_over(self):
        def handler(server, conn, request, count):
            if count == 0:
                partial(conn, request, 200_000)
                time.sleep(0.05)
                return reset(conn)
            if request.range_start():
                reply(conn, 416)
            else:
                reply(conn, 200, [], BODY)

        server = self.serve({"/clip": handler})
        self.assert_ok(fetch(f"{server.url}/clip"))

    def test_no_validator_no_resume(self):
        for etag in (None, 'W/"weak"'):

            def handler(server, conn, request, count, etag=etag):
                partial(conn, request, 200_000 if count == 0 else len(BODY), etag=etag)
                time.sleep(0.05)
                return reset(conn) if count == 0 else None

            server = self.serve({"/clip": handler})
            self.assert_ok(fetch(f"{server.url}/clip"))
            self.assertIsNone(server.seen("/clip")[1].range_start())

    def test_last_modified_is_a_validator(self):
        date = "Tue, 15 Nov 1994 12:45:26 GMT"

        def handler(server, conn, request, count):
            if count == 0:
                reply(
                    conn,
                    200,
                    [("Last-Modified", date), ("Content-Length", len(BODY))],
                    BODY[:300_000],
                    length=False,
                )
                return "close"
            partial(conn, request, len(BODY), etag=None)

        server = self.serve({"/clip": handler})
        self.assert_ok(fetch(f"{server.url}/clip"))
        self.assertEqual(server.seen("/clip")[1].headers["if-range"], date)

    # ---- truncation ----

    def test_short_body(self):
        def handler(server, conn, request, count):
            partial(conn, request, 300_000 if not request.range_start() else 0)
            return "close"

        server = self.serve({"/clip": handler})
        got = fetch(f"{server.url}/clip", "--attempts", "3")
        self.assert_fails(got, "TRUNCATED", "never", "before the declared end")

    def test_short_body_without_ranges(self):
        def handler(server, conn, request, count):
            headers = [("Content-Length", len(BODY))]
            reply(conn, 200, headers, BODY[:300_000], length=False)
            return "close"

        server = self.serve({"/clip": handler})
        got = fetch(f"{server.url}/clip", "--attempts", "2")
        self.assert_fails(got, "TRUNCATED", "never", "declared end")
        self.assertLessEqual(len(server.requests), 3)

    def test_chunked(self):
        def handler(server, conn, request, count):
            reply(conn, 200, [("Transfer-Encoding", "chunked")], length=False)
            for at in range(0, len(BODY), 100_000):
                part = BODY[at : at + 100_000]
                conn.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                if request.path == "/cut" and at == 300_000:
                    return "close"
            conn.sendall(b"0\r\n\r\n")

        server = self.serve({"/whole": handler, "/cut": handler})
        self.assert_ok(fetch(f"{server.url}/whole"))
        got = fetch(f"{server.url}/cut", "--attempts", "2")
        self.assert_fails(got, "TRUNCATED", "never", "declared end")

    def test_close_delimited(self):
        def handler(server, conn, request, count):
            reply(conn, 200, [("Connection", "close")], BODY, length=False)
            return "close"

        server = self.serve({"/clip": handler})
        got = fetch(f"{server.url}/clip")
        self.assert_ok(got)
        self.assertEqual(got["progress"][0][1], -1)

    def test_empty(self):
        server = self.serve({"/clip": lambda s, conn, r, n: reply(conn, 200)})
        self.assert_fails(fetch(f"{server.url}/clip"), "INPUT", "never", "empty")

    # ---- slow servers ----

    def test_stall_is_retried_and_resumed(self):
        def handler(server, conn, request, count):
            if count == 0:
                partial(conn, request, 300_000)
                server.stopping.wait(10)
                return "close"
            partial(conn, request, len(BODY))

        server = self.serve({"/clip": handler})
        self.assert_ok(fetch(f"{server.url}/clip", "--idle-ms", "500"))
        self.assertGreater(server.seen("/clip")[1].range_start(), 200_000)

    def test_no_reply_at_all(self):
        server = self.serve({"/clip": lambda s, conn, r, n: s.stopping.wait(20) and "close"})
        got = fetch(f"{server.url}/clip", "--idle-ms", "300", "--attempts", "2")
        self.assert_fails(got, "NET", "later", "0 bytes in")
        self.assertLess(got["took_ms"], 5000)

    def test_slow_loris(self):
        def body(server, conn, request, count):
            reply(conn, 200, [("Content-Length", len(BODY))], length=False)
            while not server.stopping.wait(0.05):
                conn.sendall(b"x")

        def headers(server, conn, request, count):
            conn.sendall(b"HTTP/1.1 200 X\r\n")
            while not server.stopping.wait(0.05):
                conn.sendall(b"X-Y: z\r\n")

        server = self.serve({"/body": body, "/headers": headers})
        for path in ("/body", "/headers"):
            got = fetch(server.url + path, "--idle-ms", "400", "--attempts", "1")
            self.assert_fails(got, "NET", "later", "bytes in")
            self.assertLess(got["took_ms"], 5000)

    def test_endless_headers(self):
        def handler(server, conn, request, count):
            conn.sendall(b"HTTP/1.1 200 X\r\n")
            for i in range(20_000):
                conn.sendall(b"X-%d: %s\r\n" % (i, b"z" * 60))

        server = self.serve({"/clip": handler})
        got = fetch(f"{server.url}/clip", "--attempts", "1")
        self.assertIn(got["code"], ("SOURCE", "NET"))
        self.assertIn("header", got["msg"].lower())

    def test_cancel_and_deadline(self):
        def handler(server, conn, request, count):
            partial(conn, request, 1000)
            server.stopping.wait(20)
            return "close"

        def busy(server, conn, request, count):
            reply(conn, 503, [("Retry-After", "20")])

        server = self.serve({"/stall": handler, "/busy": busy})
        for path in ("/stall", "/busy"):
            got = fetch(server.url + path, "--cancel-ms", "200", "--idle-ms", "20000")
            self.assert_fails(got, "CANCELLED", "never", "cancel")
            self.assertLess(got["took_ms"], 1200)
            got = fetch(server.url + path, "--deadline-ms", "200", "--idle-ms", "20000")
            self.assert_fails(got, "TIMEOUT", "later", "deadline")
            self.assertLess(got["took_ms"], 1200)

    # ---- statuses ----

    def test_client_errors_are_final(self):
        for status in (400, 401, 403, 404, 410, 451):
            server = self.serve({"/c": lambda s, conn, r, n, x=status: reply(conn, x, body=b"<html>")})
            got = fetch(f"{server.url}/c?sig=S3CRET")
            self.assert_fails(got, "SOURCE", "never", f"HTTP {status}")
            self.assertEqual(got["sub"], status)
            self.assertEqual(len(server.requests), 1)
            self.assertNotIn("S3CRET", got["msg"])

    def test_server_errors_are_retried(self):
        for status in (408, 429, 500, 502, 503, 504, 520):

            def handler(server, conn, request, count, status=status):
                if count < 2:
                    reply(conn, status, body=b"try again")
                else:
                    clip(server, conn, request, count)

            server = self.serve({"/clip": handler})
            got = fetch(f"{server.url}/clip")
            self.assert_ok(got)
            self.assertEqual(got["attempts"], 3)

    def test_server_error_for_good(self):
        server = self.serve({"/c": lambda s, conn, r, n: reply(conn, 503, [("Retry-After", "1")])})
        got = fetch(f"{server.url}/c", "--attempts", "2")
        self.assert_fails(got, "NET", "later", "HTTP 503")
        self.assertEqual((got["retry_after_ms"], got["sub"]), (1000, 503))

    def test_retry_after(self):
        for value in (
            "1",
            lambda: time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2)),
        ):

            def handler(server, conn, request, count, value=value):
                if count == 0:
                    after = value if isinstance(value, str) else value()
                    reply(conn, 429, [("Retry-After", after)])
                else:
                    clip(server, conn, request, count)

            server = self.serve({"/clip": handler})
            self.assert_ok(fetch(f"{server.url}/clip"))
            first, second = server.seen("/clip")
            self.assertGreaterEqual(second.at - first.at, 0.9)

    def test_long_retry_after_is_handed_up(self):
        server = self.serve({"/c": lambda s, conn, r, n: reply(conn, 429, [("Retry-After", "90")])})
        got = fetch(f"{server.url}/c")
        self.assert_fails(got, "NET", "later", "HTTP 429")
        self.assertEqual(got["retry_after_ms"], 90_000)
        self.assertLess(got["took_ms"], 5000)
        self.assertEqual(len(server.requests), 1)

    def test_endless_error_page(self):
        def handler(server, conn, request, count):
            reply(conn, 500, [("Connection", "close")], length=False)
            while not server.stopping.is_set():
                conn.sendall(b"x" * 65536)

        server = self.serve({"/c": handler})
        got = fetch(f"{server.url}/c", "--attempts", "1")
        self.assert_fails(got, "NET", "later", "HTTP 500")

    def test_pages_where_media_was_expected(self):
        pages = {
            "an HTML page": b"<!DOCTYPE html><title>Sign in</title>",
            "a JSON document": b'{"detail": "expired"}',
            "an XML document": b"<?xml version='1.0'?><Error/>",
        }
        for says, body in pages.items():
            server = self.serve({"/c": lambda s, conn, r, n, b=body: reply(conn, 200, body=b)})
            self.assert_fails(fetch(f"{server.url}/c"), "INPUT", "never", says)

    def test_content_encoding_is_undone(self):
        packed = gzip.compress(BODY[:50_000])

        def handler(server, conn, request, count):
            reply(conn, 200, [("Content-Encoding", "gzip"), ("ETag", '"v1"')], packed)

        server = self.serve({"/c": handler})
        digest = hashlib.sha256(BODY[:50_000]).hexdigest()
        self.assert_ok(fetch(f"{server.url}/c"), digest, 50_000)

    def test_no_http(self):
        server = self.serve({"/c": lambda s, conn, r, n: conn.sendall(b"-ERR unknown\r\n") or "close"})
        got = fetch(f"{server.url}/c")
        self.assert_fails(got, "SOURCE", "never", "HTTP/0.9")

    # ---- limits ----

    def test_byte_cap(self):
        def endless(server, conn, request, count):
            reply(conn, 200, [("Connection", "close")], length=False)
            while not server.stopping.is_set():
                conn.sendall(b"\0" * 65536)

        def bomb(server, conn, request, count):
            reply(conn, 200, [("Content-Encoding", "gzip")], gzip.compress(b"\0" * 50_000_000))

        server = self.serve({"/clip": clip, "/endless": endless, "/bomb": bomb})
        cap = ("--max-bytes", "600000")
        self.assert_fails(fetch(f"{server.url}/clip", *cap), "LIMIT", "never", "700000")
        self.assert_fails(fetch(f"{server.url}/endless", *cap), "LIMIT", "never", "600000")
        self.assert_fails(fetch(f"{server.url}/bomb", *cap), "LIMIT", "never", "600000")

    def test_no_room(self):
        def handler(server, conn, request, count):
            reply(conn, 200, [("Content-Length", 1 << 60)], length=False)
            return "close"

        server = self.serve({"/clip": handler})
        got = fetch(f"{server.url}/clip", "--max-bytes", str(1 << 61))
        self.assert_fails(got, "DISK", "elsewhere", "less room")

    # ---- redirects and policy ----

    def redirect_to(self, location, status=302):
        return lambda s, conn, r, n: reply(conn, status, [("Location", location)], b"moved")

    def test_redirects(self):
        handlers = {"/clip": clip}
        for i, status in enumerate((301, 302, 303, 307, 308)):
            handlers[f"/r{i}"] = self.redirect_to(f"/r{i + 1}" if i < 4 else "clip", status)
        server = self.serve(handlers)
        self.assert_ok(fetch(f"{server.url}/r0"))
        got = fetch(f"{server.url}/r0", "--redirects", "4")
        self.assert_fails(got, "SOURCE", "never", "more than 4 redirects")

    def test_redirect_loop(self):
        server = self.serve({"/a": self.redirect_to("/b"), "/b": self.redirect_to("/a")})
        got = fetch(f"{server.url}/a")
        self.assert_fails(got, "SOURCE", "never", "more than 5 redirects")
        self.assertEqual(len(server.requests), 6)

    def test_redirect_out_of_http(self):
        for location in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"):
            server = self.serve({"/a": self.redirect_to(location)})
            for options in (("--open",), ()):
                got = fetch(f"{server.url}/a", *options)
                self.assert_fails(got, "SOURCE", "never", "only http and https")

    def test_redirect_to_a_private_address(self):
        inner = self.serve({"/secret": clip}, "127.0.0.2")
        server = self.serve({"/a": self.redirect_to(f"{inner.url}/secret")})
        got = fetch(f"{server.url}/a")
        self.assert_fails(got, "SOURCE", "never", "loopback address 127.0.0.2")
        self.assertEqual(inner.requests, [])

    def test_name_that_resolves_to_a_private_address(self):
        server = self.serve({"/clip": clip})
        url = f"http://localhost:{server.port}/clip"
        got = fetch(url, allow=None)
        self.assert_fails(got, "SOURCE", "never", "localhost is at the loopback address")
        self.assertEqual(server.requests, [])
        self.assert_ok(fetch(url, allow="localhost"))
        self.assert_ok(fetch(url, allow=f"localhost:{server.port}"))
        self.assert_fails(
            fetch(url, allow="localhost:1"), "SOURCE", "never", "not on the allow-list"
        )

    def test_literal_addresses_in_odd_spellings(self):
        server = self.serve({"/clip": clip})
        for host in ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
                     "[::ffff:127.0.0.1]", "[::1]", "0", "0.0.0.0"):
            got = fetch(f"http://{host}:{server.port}/clip", "--attempts", "1", allow=None)
            self.assertEqual((got["code"], got["retry"]), ("SOURCE", "never"), (host, got))
        self.assertEqual(server.requests, [])

    def test_headers_stay_with_their_origin(self):
        other = self.serve({"/clip": clip})
        server = self.serve(
            {"/same": self.redirect_to("/clip"), "/other": self.redirect_to(f"{other.url}/clip"),
             "/clip": clip}
        )
        header = ("--header", "x-goog-api-key=K3Y")
        self.assert_ok(fetch(f"{server.url}/same", *header))
        self.assertEqual(server.seen("/clip")[0].headers["x-goog-api-key"], "K3Y")
        self.assert_ok(fetch(f"{server.url}/other", *header))
        self.assertNotIn("x-goog-api-key", other.requests[0].headers)

    def test_environment_is_ignored(self):
        server = self.serve({"/clip": clip})
        proxy = self.serve({})
        env = dict(os.environ, http_proxy=proxy.url, all_proxy=proxy.url, HTTP_PROXY=proxy.url)
        with tempfile.TemporaryDirectory() as home:
            with open(os.path.join(home, ".netrc"), "w", encoding="ascii") as file:
                file.write("default login a password b\n")
            env["HOME"] = home
            self.assert_ok(fetch(f"{server.url}/clip", env=env))
        self.assertEqual(proxy.requests, [])
        self.assertNotIn("authorization", server.requests[0].headers)

    def test_operators_proxy(self):
        proxy = self.serve({"http://cdn.invalid/clip": clip})
        got = fetch("http://cdn.invalid/clip", "--proxy", proxy.url, allow=None)
        self.assert_ok(got)

    @unittest.skipUnless(shutil.which("openssl"), "needs openssl to make a certificate")
    def test_certificate_that_nobody_signed(self):
        with tempfile.TemporaryDirectory() as home:
            pem = os.path.join(home, "both.pem")
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                 "-subj", "/CN=localhost", "-keyout", pem, "-out", pem + ".crt"],
                check=True, stderr=subprocess.DEVNULL,
            )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem + ".crt", pem)
            server = self.serve({"/clip": clip})
            server.tls = context
            got = fetch(f"https://localhost:{server.port}/clip", allow="localhost")
        self.assert_fails(got, "SOURCE", "never", "certificate")
        self.assertEqual(server.requests, [])

    def test_unreachable(self):
        server = self.serve({})
        server.close()
        got = fetch(f"{server.url}/x", "--attempts", "2")
        self.assert_fails(got, "NET", "later", "onnect")
        got = fetch("http://name.invalid/x", "--attempts", "1", allow=None)
        self.assertEqual((got["code"], got["retry"]), ("NET", "later"), got)


if __name__ == "__main__":
    FETCH_CLI = sys.argv.pop(1)
    unittest.main(verbosity=1)
