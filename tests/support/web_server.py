"""A real HTTP server on this machine that keeps what is posted to it; its answers are given."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class WebServer(ThreadingHTTPServer):
    """Keeps each post: its body alone, and its body with path and headers."""

    def __init__(self, answers: list[object]) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.answers = answers
        self.posted: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Hook(BaseHTTPRequestHandler):
    """The path /500 answers with an error."""

    server: WebServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posted.append(body)
        self.server.requests.append({"path": self.path, "headers": dict(self.headers), **body})
        self.send_response(500 if self.path == "/500" else 200)
        self.end_headers()
        answers = self.server.answers
        self.wfile.write(json.dumps(answers.pop(0)).encode() if answers else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@contextmanager
def serving(*answers: object) -> Iterator[WebServer]:
    """A running server. The first posts get these answers, one each; the others an empty one."""
    server = WebServer(list(answers))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def listening(*answers: object) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Airflow's connection to a running server, as JSON, and the list of bodies that it fills."""
    with serving(*answers) as server:
        connection = {"conn_type": "http", "host": "127.0.0.1", "port": server.port}
        yield json.dumps(connection), server.posted
