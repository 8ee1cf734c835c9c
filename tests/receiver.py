"""A receiver of notifications on loopback, with a password in its address that must be told nowhere."""

import json
from http.server import BaseHTTPRequestHandler

from tests.loopback import Loopback

PASSWORD = "pass-word-of-the-address"


class Receiver(Loopback):
    """Takes what is posted to it, while it is entered; `answers` is the status it gives."""

    def __init__(self):
        self.messages: list[dict] = []
        self.answers = 200
        super().__init__(_Taker)

    @property
    def address(self) -> str:
        return f"json://user:{PASSWORD}@127.0.0.1:{self.server_port}/run"


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.answers == 200:
            self.server.messages.append(json.loads(content))
        self.send_response(self.server.answers)
        self.end_headers()

    def log_message(self, *_):
        pass
