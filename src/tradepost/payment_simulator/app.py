"""The simulator as an ASGI app: the API, the payment pages, and for tests the controls."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from .api import Api
from .asgi import (
    Answer,
    ConnectionDropped,
    Place,
    Receive,
    Request,
    Scope,
    Send,
    drop_connection,
    read_request,
    send_answer,
)
from .controls import Controls
from .engine import Engine
from .keys import Keys
from .ledger import Options, WebhookEndpoint
from .pages import Pages
from .webhooks import Deliveries

LOGGER = logging.getLogger(__name__)


class Simulator:
    """An ASGI app. Run it within `lifespan()`, or with a server that sends lifespan messages."""

    def __init__(self, engine: Engine, keys: Keys, place: Place, deliveries: Deliveries, *, has_controls: bool) -> None:
        self.engine, self.place, self.deliveries = engine, place, deliveries
        self.api = Api(engine, keys, has_faults=has_controls)
        self.pages = Pages(engine, place.base_path)
        self.controls = Controls(engine)
        self.has_controls = has_controls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            return await self._serve_lifespan(receive, send)
        request = await read_request(scope, receive, self.place)
        if request is None:
            return await send_answer(send, Answer(413))
        try:
            answer = await self.answer(request)
        except ConnectionDropped:
            return await drop_connection(send)
        await send_answer(send, answer)

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request."""
        if request.path.startswith("/v1/"):
            return await self.api.answer(request)
        if self.has_controls and request.path.startswith("/control/"):
            return await self.controls.answer(request)
        return await self.pages.answer(request)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Deliver webhooks in the background as long as this is open."""
        task = asyncio.create_task(self.deliveries.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.api.close()
            await self.engine.close()

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def create_simulator(
    store: Path | str,
    *,
    secret_key: str,
    publishable_key: str,
    webhooks: Sequence[WebhookEndpoint] = (),
    base_path: str = "",
    public_url: str | None = None,
    controls: bool = False,
    settle_seconds: float = 5,
    retry_seconds: float = 1,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Simulator:
    """Return the simulator as an ASGI app.

    store: the SQLite file; several processes may share it.
    secret_key, publishable_key: the keys that callers of the API must send.
    webhooks: the endpoints that get events.
    base_path: the path where the app is mounted, such as `/fake-provider`; links need it.
    public_url: the URL of the app for browsers, with the base path; by default from `Host`.
    controls: whether tests may ask for faults and act "at the dashboard" over HTTP.
    settle_seconds: how long delayed payments, pending refunds and disputes of test cards take.
    retry_seconds: the wait before a webhook is sent again; it doubles each time.
    transport: how webhooks are sent, for tests in one process.
    """
    engine = Engine(Path(store), Options(tuple(webhooks), settle_seconds))
    deliveries = Deliveries(engine, retry_seconds=retry_seconds, transport=transport)
    place = Place(base_path.rstrip("/"), public_url and public_url.rstrip("/"))
    return Simulator(engine, Keys(secret_key, publishable_key), place, deliveries, has_controls=controls)
