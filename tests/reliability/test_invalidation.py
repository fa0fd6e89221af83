"""What one process writes, another shows within a second: over Redis, over PostgreSQL's LISTEN alone, on SQLite; and whoever cannot hear keeps nothing."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from redis.asyncio import Redis
from sqlalchemy import event

from tests import servers
from tests.conftest import HERE
from tests.factories import make_product, unique
from tests.servers import Run
from tradepost.app import TradepostApp, create_app
from tradepost.kit.cache.channels.redis import RedisChannel
from tradepost.settings import Settings

type Served = tuple[subprocess.Popen[bytes], httpx.Client]
type Serve = Callable[..., Served]


@pytest.fixture
def shared(fresh_settings: Callable[[], Settings]) -> Settings:
    """Settings of a shop that several processes serve."""
    return fresh_settings()


@pytest.fixture(params=["redis", "database"])
def over(request: pytest.FixtureRequest, run: Run, shared: Settings) -> Settings:
    """The same with each way to be told; on SQLite it is the file alone, as the tests on SQLite have no Redis."""
    if request.param == "redis" and run.redis is None:
        return shared
    return shared if request.param == "redis" else msgspec.structs.replace(shared, redis_url=None)


@pytest.fixture
def key(run: Run, shared: Settings) -> str:
    """An API key of the staff of this shop."""
    return servers.tradepost(run, shared.database_url, "create-api-key", "--role", "staff", "--name", "tests").split()[
        -1
    ]


@pytest.fixture
def serve(tmp_path: Path, key: str) -> Iterator[Serve]:
    """Starts real processes that serve a shop; whatever a test leaves running is ended."""
    started: list[Served] = []

    def start(settings: Settings, **more: str) -> Served:
        with closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        environ = servers.environ(settings.database_url) | {
            "PORT": str(port),
            "ACCESS_LOG": "off",
            "REDIS_URL": settings.redis_url or "",
            "WORKER": "off",
        }
        words = [sys.executable, "-m", "tradepost", "run"]
        with (tmp_path / f"{port}.log").open("wb") as log:
            process = subprocess.Popen(
                words, cwd=tmp_path, env=environ | more, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        started.append((process, httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key})))
        return started[-1]

    yield start
    for process, client in started:
        client.close()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ready(*served: Served) -> None:
    """Waits until all of them answer."""
    for process, client in served:
        for _ in range(600):
            assert process.poll() is None
            try:
                if client.get("/health/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)


def figures(client: httpx.Client) -> dict[str, float]:
    """What a process says of its cache."""
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith("tradepost_read_cache")]
    return {line.partition("{")[0].removeprefix("tradepost_read_cache_"): float(line.split()[-1]) for line in lines}


def shows(client: httpx.Client, slug: str) -> tuple[Any, Any]:
    """The name of a product at both doors."""
    document = {"query": f'{{ product(slug: "{slug}") {{ name }} }}'}
    rest = client.get(f"/v1/products/{slug}", params={"fields": "name"}).json().get("name")
    return rest, (client.post("/graphql", json=document).json()["data"]["product"] or {}).get("name")


def kept(client: httpx.Client, slug: str, name: str) -> None:
    """Reads a product until it is the cache that answers."""
    for _ in range(100):
        before = figures(client)["hits_total"]
        assert shows(client, slug) == (name, name)
        assert shows(client, slug) == (name, name)
        if figures(client)["hits_total"] - before >= 2:
            return
        time.sleep(0.1)
    raise AssertionError("nothing is kept")


def in_time(client: httpx.Client, slug: str, name: Any, began: float) -> None:
    """What was written is shown within a second, however often it is asked for meanwhile."""
    while (shown := shows(client, slug)) != (name, name):
        assert time.monotonic() - began < 1.0, shown
        time.sleep(0.01)


def test_a_write_in_one_process_is_shown_by_another_within_a_second(over: Settings, serve: Serve) -> None:
    one, other = serve(over), serve(over)
    ready(one, other)
    slug = unique("told")
    id = one[1].post("/v1/products", json={"name": "0", "slug": slug, "status": "active"}).json()["id"]
    for number in range(1, 6):
        kept(other[1], slug, str(number - 1))
        writer, began = (one, other)[0][1], time.monotonic()
        if number % 2:
            assert writer.patch(f"/v1/products/{id}", json={"name": str(number)}).status_code == 200
        else:
            text = f'mutation {{ productUpdate(id: "{id}", patch: {{ name: "{number}" }}) {{ id }} }}'
            assert "errors" not in writer.post("/graphql", json={"query": text}).json()
        assert shows(one[1], slug) == (str(number), str(number)), "in the same process at once"
        in_time(other[1], slug, str(number), began)
    kept(other[1], slug, "5")
    began = time.monotonic()
    assert one[1].delete(f"/v1/products/{id}").status_code == 204
    in_time(other[1], slug, None, began)


def test_what_a_command_writes_is_shown_within_a_second(over: Settings, serve: Serve, tmp_path: Path) -> None:
    one = serve(over)
    ready(one)
    slug = unique("imported")
    assert (
        one[1]
        .post("/v1/products", json={"name": "Old", "slug": slug, "status": "active", "external_reference": slug})
        .status_code
        == 201
    )
    kept(one[1], slug, "Old")
    (tmp_path / "goods.ndjson").write_bytes(
        msgspec.json.encode({"external_reference": slug, "slug": slug, "name": "New", "status": "active"}) + b"\n"
    )
    environ = servers.environ(over.database_url) | {"REDIS_URL": over.redis_url or ""}
    words = [sys.executable, "-m", "tradepost", "import", str(tmp_path / "goods.ndjson")]
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    in_time(one[1], slug, "New", time.monotonic())


def test_what_was_committed_just_before_kill_9_is_shown_by_others(over: Settings, serve: Serve) -> None:
    if over.redis_url:
        over = msgspec.structs.replace(
            over, redis_url=None
        )  # Redis is told after the commit: what holds there is in its docstring
    one, other = serve(over), serve(over)
    ready(one, other)
    slug = unique("killed")
    id = one[1].post("/v1/products", json={"name": "Old", "slug": slug, "status": "active"}).json()["id"]
    kept(other[1], slug, "Old")
    assert one[1].patch(f"/v1/products/{id}", json={"name": "New"}).status_code == 200
    os.killpg(one[0].pid, signal.SIGKILL)
    in_time(other[1], slug, "New", time.monotonic())


# Both processes' doors in this one: what breaks can be broken here.


@pytest.fixture
async def pair(over: Settings) -> AsyncIterator[tuple[TradepostApp, TradepostApp]]:
    """Two shops as of two processes."""
    async with AsyncExitStack() as stack:
        shops = create_app(over), create_app(over)
        for shop in shops:
            await stack.enter_async_context(shop.lifespan())
        yield shops


def visitor(shop: TradepostApp, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE, headers={"X-API-Key": key})


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what must come; the patience of a busy machine."""
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


async def cut(settings: Settings, run: Run) -> None:
    """Ends every connection that listens."""
    if settings.redis_url:
        async with Redis.from_url(settings.redis_url) as operator:
            await operator.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    else:
        connection = await asyncpg.connect(run.postgresql)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tradepost-listener'"
        )
        await connection.close()


async def test_who_has_lost_its_channel_keeps_nothing_and_what_is_written_meanwhile_is_shown_at_once(
    over: Settings, run: Run, pair: tuple[TradepostApp, TradepostApp], key: str
) -> None:
    one, other = pair
    await until(lambda: not other.state.cache.suspended and not one.state.cache.suspended)
    async with visitor(one, key) as writer, visitor(other, key) as reader:
        made = await make_product(writer)
        path = f"/v1/products/{made['id']}"
        for number in range(20):
            assert (await reader.get(path)).status_code == 200
            if run.postgresql is not None:
                await cut(over, run)
                await until(lambda: other.state.cache.suspended)
                assert other.state.cache.entries == {}
            else:
                other.state.database.invalidation.set_connected(False)
            assert (await writer.patch(path, json={"name": f"Name {number}"})).status_code == 200
            shown = (await reader.get(path)).json()["name"]
            assert shown == f"Name {number}" or not other.state.cache.suspended
            await until(lambda: not other.state.cache.suspended)
            assert (await reader.get(path)).json()["name"] == f"Name {number}"
            if number >= 2:
                break


@pytest.mark.filterwarnings("ignore:Exception ignored in. <sqlite3.Connection:pytest.PytestUnraisableExceptionWarning")
async def test_a_call_that_is_cancelled_at_its_commit_drops_what_it_wrote(
    pair: tuple[TradepostApp, TradepostApp], key: str
) -> None:
    shop, _ = pair
    cancelled: list[asyncio.Task[Any]] = []

    def at_commit(_: Any) -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name() == "cancelled":
            cancelled.append(task)
            task.cancel()

    event.listen(shop.state.database.engine.sync_engine, "commit", at_commit)
    async with visitor(shop, key) as client:
        made = await make_product(client)
        path = f"/v1/products/{made['id']}"
        for number in range(3):
            await client.get(path)
            task = asyncio.create_task(client.patch(path, json={"name": f"Name {number}"}), name="cancelled")
            await asyncio.wait([task])
            shown = (await client.get(path)).json()["name"]
            shop.state.cache.clear()
            assert shown == (await client.get(path)).json()["name"]
    assert len(cancelled) >= 3
    # A driver of SQLite that is cancelled leaves its connection to the collector.
    cancelled.clear()
    gc.collect()


async def test_a_message_that_cannot_be_read_drops_everything(
    pair: tuple[TradepostApp, TradepostApp], key: str
) -> None:
    _, other = pair
    await until(lambda: not other.state.cache.suspended)
    async with visitor(other, key) as reader:
        for message in (b"\xff", b"{}", b'["someone",[["product"]]]', b'["someone",[["*",null]]]'):
            await reader.get("/v1/products")
            await reader.get("/v1/products")
            assert other.state.cache.entries
            other.state.database.invalidation.receive(message)
            assert not other.state.cache.entries, message


async def test_a_write_does_not_wait_for_a_redis_that_is_gone_and_tells_it_when_it_is_back(
    shared: Settings, key: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.reliability.test_redis_gone import kill, start_valkey

    server = await asyncio.to_thread(start_valkey, tmp_path / "first")
    port, settings = server.port, msgspec.structs.replace(shared, redis_url=f"redis://127.0.0.1:{server.port}")
    shop = create_app(settings)
    try:
        async with shop.lifespan():
            channel = shop.state.database.invalidation.channel
            assert isinstance(channel, RedisChannel)
            async with visitor(shop, key) as client:
                await until(lambda: not shop.state.cache.suspended)
                made = await make_product(client)
                path = f"/v1/products/{made['id']}"
                await until(lambda: not channel.unsent)
                await asyncio.to_thread(kill, server)
                for number in range(3):
                    assert (await client.patch(path, json={"name": f"Name {number}"})).status_code == 200
                    assert (await client.get(path)).json()["name"] == f"Name {number}"
                await until(lambda: shop.state.cache.suspended and bool(channel.unsent))
                server = await asyncio.to_thread(start_valkey, tmp_path / "again", port)
                await until(lambda: not channel.unsent and not shop.state.cache.suspended)
    finally:
        await asyncio.to_thread(server.stop)
    said = [r.message for r in caplog.records if r.name == "tradepost.read_cache"]
    assert len(said) == 2, said
