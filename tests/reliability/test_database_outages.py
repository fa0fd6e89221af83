"""PostgreSQL goes away under load: every request gets its answer or 503 in time, at both doors."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.figures import IS_TORTURE
from tests.reliability.client import CREATE, problem_in
from tests.reliability.own_postgresql import POOL_SIZE, OwnPostgreSQL, shop_on_own_server
from tests.servers import Run
from tradepost.kit.cache.channels.postgres import MAX_PAUSE

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.once

OUTAGE_SECONDS = 5.0 if IS_TORTURE else 2.0
KINDS = ("REST read", "GraphQL read", "REST write", "GraphQL write")
CLIENTS_OF_A_KIND = 10
PAUSE = 0.005 if IS_TORTURE else 0.1
"""Seconds between two requests of a client."""
WARM_UP = 8 if IS_TORTURE else 3
"""Requests of a client before the outage, on average."""
MAX_SECONDS, MAX_RECOVERY = 2.0, 1.0
SLOWNESS = 1 if IS_TORTURE else 3
SESSIONS = "FROM pg_stat_activity WHERE application_name LIKE 'tradepost-%'"
LIST = "query($q: String!) { products(first: 2, filter: {q: $q}) { nodes { id name } } }"


@pytest.fixture(scope="module")
async def shop(run: Run) -> AsyncIterator[tuple[OwnPostgreSQL, "TradepostApp", httpx.AsyncClient]]:
    """A server, the app on it, and a client of the staff."""
    async with shop_on_own_server(run) as started:
        yield started


@dataclass
class Request:
    """A request that was sent, and its answer."""

    kind: str
    name: str
    started: float
    seconds: float
    answer: httpx.Response

    def __repr__(self) -> str:
        return f"<{self.kind} {self.answer.status_code} after {self.seconds:.3f} s: {self.answer.text[:200]}>"


@dataclass
class Load:
    """Forty clients that read and write through both doors, with short pauses."""

    client: httpx.AsyncClient
    requests: list[Request] = field(default_factory=list[Request])
    is_stopping: bool = False
    running: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def send(self, kind: str, name: str) -> Awaitable[httpx.Response]:
        """Send a request; a write has its name as its key."""
        match kind:
            case "REST read":
                return self.client.get("/v1/products", params={"q": name, "limit": 2})
            case "GraphQL read":
                return self.client.post("/graphql", json={"query": LIST, "variables": {"q": name}})
            case "REST write":
                return self.client.post("/v1/products", json={"name": name}, headers={"Idempotency-Key": name})
            case _:
                variables = {"key": name, "input": {"name": name}}
                return self.client.post("/graphql", json={"query": CREATE, "variables": variables})

    async def request(self, kind: str, name: str | None = None) -> Request:
        """Send a request and keep it."""
        name, started = name or f"n{uuid4().hex}", time.monotonic()
        answer = await self.send(kind, name)
        self.requests.append(sent := Request(kind, name, started, time.monotonic() - started, answer))
        return sent

    async def repeat(self, kind: str) -> None:
        """Send requests of a kind one after another."""
        while not self.is_stopping:
            sent = await self.request(kind)
            await asyncio.sleep(max(0.05, PAUSE) if sent.answer.status_code == 503 else PAUSE)

    def start(self) -> None:
        """Start the clients."""
        self.running = [asyncio.create_task(self.repeat(k)) for k in KINDS for _ in range(CLIENTS_OF_A_KIND)]

    async def wait_until_warm(self) -> None:
        """Wait until every kind of request has been answered."""
        for _ in range(400):
            if len(self.requests) > WARM_UP * len(self.running) and len({r.kind for r in self.requests}) == 4:
                return
            await asyncio.sleep(0.05)
        raise TimeoutError

    async def wait_until_served(self, since: float) -> None:
        """Wait until a request of each kind that was sent since a time has succeeded."""
        for _ in range(400):
            await asyncio.sleep(0.05)
            if {r.kind for r in self.requests if r.started > since and r.answer.status_code < 300} == {*KINDS}:
                return
        raise TimeoutError

    async def stop(self) -> list[Request]:
        """Stop the clients and return what they sent. Fail if a request hangs."""
        self.is_stopping = True
        _, hanging = await asyncio.wait(self.running, timeout=3 * MAX_SECONDS)
        assert not hanging
        for client in self.running:
            client.result()
        return list(self.requests)


type Outage = Callable[[OwnPostgreSQL], Awaitable[Any]]


async def stopped(server: OwnPostgreSQL) -> None:
    """Stop the server for a while."""
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(OUTAGE_SECONDS)
    await asyncio.to_thread(server.start)


async def paused(server: OwnPostgreSQL) -> None:
    """Pause all processes of the server for a while."""
    await asyncio.to_thread(server.pause)
    await asyncio.sleep(OUTAGE_SECONDS)
    await asyncio.to_thread(server.resume)


async def restarted(server: OwnPostgreSQL) -> None:
    """Restart the server."""
    await asyncio.to_thread(server.restart)


async def full(server: OwnPostgreSQL) -> None:
    """End the sessions of the shop, and let it have only four for a while."""
    await server.execute("ALTER ROLE shop CONNECTION LIMIT 4", f"SELECT pg_terminate_backend(pid) {SESSIONS}")
    await asyncio.sleep(OUTAGE_SECONDS)
    await server.execute("ALTER ROLE shop CONNECTION LIMIT -1")


@pytest.mark.parametrize("outage", [stopped, paused, restarted, full])
async def test_requests_get_2xx_or_503_in_time_while_postgresql(
    outage: Outage, shop: tuple[OwnPostgreSQL, "TradepostApp", httpx.AsyncClient]
) -> None:
    postgresql, app, client = shop
    load = Load(client)
    load.start()
    await load.wait_until_warm()
    started = time.monotonic()
    # A slow machine, such as one that runs other tests, needs some of the time for the work itself.
    max_seconds = MAX_SECONDS + SLOWNESS * max([r.seconds for r in load.requests])
    await outage(postgresql)
    returned = time.monotonic()
    await load.wait_until_served(returned)
    await asyncio.sleep(0.3)
    requests = await load.stop()
    assert [r for r in requests if r.answer.status_code not in (200, 201, 503)] == []
    refused = [r for r in requests if r.answer.status_code == 503]
    assert [r for r in refused if (problem_in(r.answer) or {}).get("code") != "unavailable"] == []
    assert [r for r in refused if not r.answer.headers["retry-after"].isdigit()] == []
    assert [r for r in requests if r.seconds > max_seconds] == []
    assert [r for r in refused if r.started > returned + MAX_RECOVERY * SLOWNESS] == []
    assert refused, "the outage was noticed"
    assert len([r for r in requests if r.started < started]) > CLIENTS_OF_A_KIND

    await check_keys([r for r in requests if r.kind.endswith("write")], load, postgresql)
    await check_connections(app, postgresql)


async def test_the_first_requests_after_a_restart_succeed(
    shop: tuple[OwnPostgreSQL, "TradepostApp", httpx.AsyncClient],
) -> None:
    """Nothing was sent while the server was away, so the idle connections are all closed."""
    postgresql, app, client = shop
    load = Load(client)
    await asyncio.gather(*[load.request(kind) for kind in KINDS for _ in range(5)])
    await asyncio.to_thread(postgresql.restart)
    await asyncio.sleep(MAX_RECOVERY)
    for kind in (*KINDS, *KINDS):
        assert (await load.request(kind)).answer.status_code in (200, 201), load.requests[-1]
    await check_connections(app, postgresql)


async def check_keys(writes: list[Request], load: Load, server: OwnPostgreSQL) -> None:
    """Check that the key of each write tells whether it happened: it happens once."""
    interrupted = sorted([r for r in writes if r.answer.status_code == 503], key=lambda r: -r.seconds)[:30]
    for request in interrupted:
        again = await load.request(request.kind, request.name)
        for _ in range(50):
            if again.answer.status_code != 409:
                break
            assert (problem_in(again.answer) or {}).get("code") == "idempotency_in_progress"
            await asyncio.sleep(0.1)
            again = await load.request(request.kind, request.name)
        assert again.answer.status_code in (200, 201), again
    done = [r.name for r in writes if r.answer.status_code < 300] + [r.name for r in interrupted]
    counts = await server.fetch("SELECT name, count(*) FROM product WHERE name = ANY($1) GROUP BY name", done)
    assert counts == dict.fromkeys(done, 1)


async def check_connections(app: "TradepostApp", server: OwnPostgreSQL) -> None:
    """Check that no connection leaked, in the app's pools or on the server."""
    pool = app.state.database.reader.pool
    assert not [w for w in pool.waiters if not w.done()]
    assert pool.opened == len(pool.free) <= POOL_SIZE
    assert app.state.database.engine.pool.checkedout() == 0
    for _ in range(10 * int(2 * MAX_PAUSE) * SLOWNESS):  # the listener connects after a pause
        counts = await server.fetch(f"SELECT application_name, count(*) {SESSIONS} GROUP BY application_name")
        if "tradepost-listener" in counts:
            break
        await asyncio.sleep(0.1)
    assert counts.pop("tradepost-reader") == len([p for p in pool.free if not p[0].is_closed()])
    assert counts.pop("tradepost-writer") <= POOL_SIZE
    assert counts == {"tradepost-watcher": 1, "tradepost-listener": 1}
