"""An endpoint for webhooks: it notes what arrives and answers as a test wants."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe


class Receiver:
    """What has arrived. `status` is the next answer."""

    def __init__(self, secret: str) -> None:
        self.secret, self.status = secret, 200
        self.url = ""
        self.requests: list[tuple[bytes, str]] = []

    def events(self) -> list[Any]:
        """The events that have arrived, with their signatures checked by the official library."""
        return [stripe.Webhook.construct_event(body, header, self.secret) for body, header in self.requests]

    def types(self, intent: str) -> list[str]:
        """The types of the events of a payment intent, in order of arrival."""
        pairs = [(event.type, event.to_dict()["data"]["object"]) for event in self.events()]
        return [kind for kind, item in pairs if intent in (item["id"], item.get("payment_intent"))]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something has arrived, at most twenty seconds."""
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, [event.type for event in self.events()]
            time.sleep(0.02)


@contextmanager
def receiver(secret: str) -> Iterator[Receiver]:
    """Run an endpoint in a thread."""
    target = Receiver(secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            target.requests.append((body, self.headers["stripe-signature"]))
            self.send_response(target.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    target.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
