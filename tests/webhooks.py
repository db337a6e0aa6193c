"""A web service that takes messages, or behaves as badly as it is told to."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Service:
    """`answers`: what the next requests get, one each, the last one for ever.

    An answer is an HTTP status, "hang" (none at all), "drip" (byte by byte, without end) or
    "break" (the connection closes).
    """

    url: str = ""
    answers: list[int | str] = field(default_factory=lambda: [200])
    location: str = ""
    got: list[Got] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def next_answer(self) -> int | str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass(frozen=True)
class Got:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@contextlib.contextmanager
def service() -> Iterator[Service]:
    made = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            made.got.append(Got(self.command, self.path, headers, body))
            answer(self, made)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        made.url = f"http://127.0.0.1:{server.server_address[1]}/topic-f00d"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            made.over.set()
            server.shutdown()
            thread.join()


def answer(handler: http.server.BaseHTTPRequestHandler, made: Service) -> None:
    how = made.next_answer()
    handler.close_connection = True
    if how == "hang":
        made.over.wait()
    elif how == "drip":
        with contextlib.suppress(OSError):
            while not made.over.wait(0.05):
                handler.wfile.write(b"H")
                handler.wfile.flush()
    elif isinstance(how, int):
        handler.send_response(how)
        if made.location:
            handler.send_header("Location", made.location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
