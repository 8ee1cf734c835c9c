"""A receiver of notifications on loopback, with a password in its address that must be told nowhere."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSWORD = "pass-word-of-the-address"


class Receiver(ThreadingHTTPServer):
    """Takes what is posted to it, while it is entered; `answers` is the status it gives."""

    def __init__(self):
        self.messages: list[dict] = []
        self.answers = 200
        super().__init__(("127.0.0.1", 0), _Taker)

    @property
    def address(self) -> str:
        return f"json://user:{PASSWORD}@127.0.0.1:{self.server_port}/run"

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.answers == 200:
            self.server.messages.append(json.loads(content))
        self.send_response(self.server.answers)
        self.end_headers()

    def log_message(self, *_):
        pass
