"""A web server that misbehaves on request. Each path names what it does; every request is kept."""

import hashlib
import random
import socket
import struct
import threading
import time

BODY = random.Random(7).randbytes(700_000)
OTHER = random.Random(8).randbytes(700_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
OTHER_SHA256 = hashlib.sha256(OTHER).hexdigest()


class Request:
    def __init__(self, path, headers, at):
        self.path, self.headers, self.at = path, headers, at

    def range_start(self):
        value = self.headers.get("range", "")
        return int(value[6:-1]) if value.startswith("bytes=") else None


class Server:
    """One listener on a free port of `host`. handler(server, conn, request, count) writes the reply;
    count is how many requests to that path came before."""

    def __init__(self, handlers, host="127.0.0.1"):
        self.handlers = handlers
        self.requests = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.tls = None  # an SSLContext makes it https
        self.socket = socket.create_server((host, 0), family=socket.AF_INET)
        self.host, self.port = self.socket.getsockname()
        self.url = f"http://{self.host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.stopping.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # close() alone does not wake accept()
        except OSError:
            return  # closed already
        self.socket.close()

    def seen(self, path):
        with self.lock:
            return [r for r in self.requests if r.path.split("?")[0] == path]

    def _accept(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        with conn:
            try:
                if self.tls:
                    conn = self.tls.wrap_socket(conn, server_side=True)
                file = conn.makefile("rb")
                while True:
                    line = file.readline()
                    if not line:
                        return
                    path = line.split()[1].decode()
                    headers = {}
                    while True:
                        line = file.readline().strip()
                        if not line:
                            break
                        name, _, value = line.decode().partition(":")
                        headers[name.lower()] = value.strip()
                    request = Request(path, headers, time.monotonic())
                    count = len(self.seen(path.split("?")[0]))
                    with self.lock:
                        self.requests.append(request)
                    handler = self.handlers.get(path.split("?")[0], not_found)
                    if handler(self, conn, request, count) == "close":
                        return
            except OSError:
                pass


def reply(conn, status, headers=(), body=b"", length=True):
    lines = [f"HTTP/1.1 {status} X"]
    lines += [f"{k}: {v}" for k, v in headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    conn.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return "close"


def not_found(server, conn, request, count):
    reply(conn, 404, body=b"no such thing")


def clip(server, conn, request, count):
    """A well-behaved source with ranges."""
    start = request.range_start()
    etag = ("ETag", '"v1"')
    if start is None or request.headers.get("if-range") != '"v1"':
        reply(conn, 200, [etag, ("Content-Type", "Video/MP4; codecs=x")], BODY)
    else:
        content_range = ("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        reply(conn, 206, [etag, content_range], BODY[start:])


def partial(conn, request, sends, etag='"v1"', body=BODY):
    """Promises the rest of the body from the asked start, sends `sends` bytes of it."""
    start = request.range_start() or 0
    headers = [("Content-Length", len(body) - start)]
    if etag:
        headers.append(("ETag", etag))
    if start:
        headers.append(("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}"))
    reply(conn, 206 if start else 200, headers, length=False)
    conn.sendall(body[start : start + sends])
