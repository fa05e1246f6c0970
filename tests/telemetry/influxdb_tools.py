"""A store for tests: what it holds, last write wins; and what it answers, as it is told."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

_PLAIN = re.compile(r"(?<!\\)[ ]")
Key = tuple[str, tuple[tuple[str, str], ...], int]
"""Measurement, tags, timestamp in seconds."""


def parse(line: str) -> tuple[Key, dict[str, int]]:
    """One line, read by the rules of line protocol and not by ours."""
    head, fields, at = _PLAIN.split(line)
    name, *tags = re.split(r"(?<!\\),", head)
    pairs = (re.split(r"(?<!\\)=", tag) for tag in tags)
    plain = tuple(sorted((k, re.sub(r"\\([,= ])", r"\1", v)) for k, v in pairs))
    values = dict(field.split("=") for field in fields.split(","))
    assert all(v.endswith("i") for v in values.values())
    return (name, plain, int(at)), {k: int(v[:-1]) for k, v in values.items()}


class FakeStore:
    """POST /api/v2/write. `answer` sees each call's lines and says (status, headers, body), or None to die there."""

    def __init__(self) -> None:
        self.points: dict[Key, dict[str, int]] = {}
        self.calls: list[list[str]] = []
        self.answer: Callable[[list[str]], tuple[int, dict[str, str], str] | None] = lambda _lines: (204, {}, "")
        self.slow_s = 0.0
        self.token = ""
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, lines: Iterable[str]) -> None:
        for line in lines:
            key, fields = parse(line)
            self.points.setdefault(key, {}).update(fields)

    def total(self, field: str, first_s: int = 0, after_s: int = 2**40, **tags: str) -> int:
        return sum(
            fields.get(field, 0)
            for (_, has, at), fields in self.points.items()
            if first_s <= at < after_s and tags.items() <= dict(has).items()
        )

    def start(self) -> None:
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                store._open.add(self.connection)

            def finish(self) -> None:
                super().finish()
                store._open.discard(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                lines = body.decode().split("\n")
                store.calls.append(lines)
                asked = parse_qs(urlsplit(self.path).query)
                assert (urlsplit(self.path).path, asked["precision"]) == ("/api/v2/write", ["s"])
                time.sleep(store.slow_s)
                if store.token and self.headers.get("Authorization") != f"Token {store.token}":
                    answer = (401, {}, '{"code":"unauthorized","message":"unauthorized access"}')
                else:
                    answer = store.answer(lines)
                if answer is None:
                    self.wfile.write(b"HTTP/1.1 20")
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers, text = answer
                if status == 204:
                    store.take(lines)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        ThreadingHTTPServer.request_queue_size = 32
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            for connection in list(self._open):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
