"""A local server that speaks as a vendor's API does, and misbehaves as they do.

A test gives it handlers by path; around them it can throttle, fail, break off, and count what was
asked. What a vendor answers is the test's own.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    """What was asked: method, path, the first value of each parameter, headers, and the body."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """An answer: JSON as text (so that numbers are written as a test wants them) or as data.
    `cut`: how many bytes of it are sent before the connection breaks off."""

    data: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    cut: int | None = None

    @property
    def body(self) -> bytes:
        return (json.dumps(self.data) if self.text is None else self.text).encode()


Handler = Callable[[Request], Answer]


@dataclass
class Vendor:
    """A server that is up. `handlers` by path; a path that ends in `*` is that of all below it.
    `faults`: request number (from 1, of all) -> what is answered in its place, once. `clock_s`: the
    Unix time of the server's Date headers; None sends none."""

    url: str = ""
    handlers: dict[str, Handler] = field(default_factory=dict)
    faults: dict[int, Answer] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    clock_s: int | None = None

    def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        if fault := self.faults.pop(len(self.asked), None):
            return fault
        for path, handler in self.handlers.items():
            if request.path == path or (path[-1] == "*" and request.path.startswith(path[:-1])):
                return handler(request)
        return Answer({"error": f"no such path: {request.path}"}, status=404)


@contextmanager
def vendor(handlers: dict[str, Handler], clock_s: int | None = None) -> Iterator[Vendor]:
    """Serves handlers on a free port of this machine."""
    served = Vendor(handlers=handlers, clock_s=clock_s)
    lock = threading.Lock()

    class Serve(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(served.clock_s or timestamp, usegmt=True)

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command,
                parts.path,
                {name: values[0] for name, values in parse_qs(parts.query).items()},
                dict(self.headers.items()),
                self.rfile.read(length),
            )
            with lock:
                answer = served.answer(request)
            body = answer.body
            self.send_response_only(answer.status)
            if served.clock_s is not None:
                self.send_header("Date", self.date_time_string())
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if answer.cut is None else body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        do_GET = do_POST = _serve

    server = ThreadingHTTPServer(("127.0.0.1", 0), Serve)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def pages(items: list[Any], size: int) -> list[list[Any]]:
    """The items in pages; one empty page if there are none."""
    return [items[start : start + size] for start in range(0, len(items), size)] or [[]]
