"""A CRM's webhook on loopback, which keeps the message of a key once, as a receiver should."""

import json
from http.server import BaseHTTPRequestHandler

from tests.loopback import Loopback


class Webhook(Loopback):
    """
    Attributes:
        taken: key -> message.  keys: of every message taken, repeated ones too.
        answers: statuses of the next answers, then always `then`.
        refuses_after: with so many taken, every further message is refused (422); None: never.
    """

    def __init__(self):
        self.taken: dict[str, dict] = {}
        self.keys: list[str] = []
        self.answers: list[int] = []
        self.then = 200
        self.refuses_after: int | None = None
        super().__init__(_Taker)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?token=secret-token"

    @property
    def repeated(self) -> int:
        return len(self.keys) - len(self.taken)


class _Taker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        status = server.answers.pop(0) if server.answers else server.then
        if server.refuses_after is not None and len(server.keys) >= server.refuses_after:
            status = 422
        if status == 200:
            key = self.headers["Idempotency-Key"]
            server.keys.append(key)
            server.taken.setdefault(key, message)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass
