"""A real HTTP server on this machine that keeps what is posted to it; its answers are given."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Hook(BaseHTTPRequestHandler):
    """Keeps what was posted."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))  # type: ignore[attr-defined] # see `listening`
        answers = self.server.answers  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answers.pop(0)).encode() if answers else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@contextmanager
def listening(*answers: object) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Airflow's connection to the server, as JSON, and the list that it fills.

    The first posts get these answers, one each; the others an empty one.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.posted = kept = []  # type: ignore[attr-defined] # what the handler fills
    server.answers = list(answers)  # type: ignore[attr-defined] # what the handler takes from
    thread = Thread(target=server.serve_forever)
    thread.start()
    connection = {"conn_type": "http", "host": "127.0.0.1", "port": server.server_address[1]}
    try:
        yield json.dumps(connection), kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
