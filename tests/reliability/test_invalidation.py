"""A write of one process is visible in the others within a second.

By Redis, by PostgreSQL's LISTEN alone, and by the SQLite file. A process that receives no
notifications caches nothing.
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
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
from tests.servers import Run, free_port
from tradepost.app import TradepostApp, create_app
from tradepost.kit.cache.channels.redis import RedisChannel
from tradepost.settings import Settings

type Served = tuple[subprocess.Popen[bytes], httpx.Client, httpx.Client]
"""A process, an anonymous client of it, whose reads are cached, and a client with a staff key."""
type Serve = Callable[[Settings, int], Served]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with each invalidation channel. With SQLite there is no Redis."""
    if "channel_settings" in metafunc.fixturenames:
        has_redis = metafunc.config.getoption("--database") == "postgresql"
        channels = ["redis", "database"] if has_redis else ["database"]
        metafunc.parametrize("channel_settings", channels, indirect=True, scope="module")


@pytest.fixture(scope="module")
def channel_settings(request: pytest.FixtureRequest, module_settings: Settings) -> Settings:
    """The settings with an invalidation channel."""
    return module_settings if request.param == "redis" else without_redis(module_settings)


def without_redis(settings: Settings) -> Settings:
    """Return the settings of a shop whose channel is its database."""
    return msgspec.structs.replace(settings, redis_url=None)


@pytest.fixture(scope="module")
def key(module_settings: Settings) -> str:
    """A staff API key."""
    return servers.staff_key(module_settings.database_url)


@pytest.fixture(scope="module")
def serve(key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Return a function that returns the server process with a number, and starts it if needed.

    Kill those that still run after the tests.
    """
    folder, started = tmp_path_factory.mktemp("servers"), dict[tuple[str | None, int], Served]()

    def start(settings: Settings, number: int) -> Served:
        place = settings.redis_url, number
        if place not in started or started[place][0].poll() is not None:
            started[place] = start_process(settings, key, folder)
        return started[place]

    yield start
    for process, *clients in started.values():
        for client in clients:
            client.close()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def start_process(settings: Settings, key: str, folder: Path) -> Served:
    """Start a server process."""
    port = free_port()
    environ = servers.environ(settings.database_url) | {
        "PORT": str(port),
        "ACCESS_LOG": "off",
        "REDIS_URL": settings.redis_url or "",
        "WORKER": "off",
        "BUDGET_ANONYMOUS": "1000000000",
    }
    words = [sys.executable, "-m", "tradepost", "run"]
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=folder, env=environ, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    return process, httpx.Client(base_url=url), httpx.Client(base_url=url, headers={"X-API-Key": key})


def wait_until_ready(*served: Served) -> None:
    """Wait until all processes are ready."""
    for process, client, _ in served:
        for _ in range(600):
            assert process.poll() is None
            try:
                if client.get("/health/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)


def cache_metrics(client: httpx.Client) -> dict[str, float]:
    """Return the metrics of a process's read cache."""
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith("tradepost_read_cache")]
    return {line.partition("{")[0].removeprefix("tradepost_read_cache_"): float(line.split()[-1]) for line in lines}


def names_at_both_doors(client: httpx.Client, slug: str) -> tuple[Any, Any]:
    """Return the name of a product at both doors."""
    document = {"query": f'{{ product(slug: "{slug}") {{ name }} }}'}
    rest = client.get(f"/v1/products/{slug}", params={"fields": "name"}).json().get("name")
    return rest, (client.post("/graphql", json=document).json()["data"]["product"] or {}).get("name")


def wait_until_cached(client: httpx.Client, slug: str, name: str) -> None:
    """Read a product until the responses come from the cache."""
    for _ in range(100):
        before = cache_metrics(client)["hits_total"]
        assert names_at_both_doors(client, slug) == (name, name)
        assert names_at_both_doors(client, slug) == (name, name)
        if cache_metrics(client)["hits_total"] - before >= 2:
            return
        time.sleep(0.1)
    raise AssertionError("nothing is cached")


def assert_visible_in_time(client: httpx.Client, slug: str, name: Any, start: float) -> None:
    """Fail unless both doors show the name within a second of `start`, while being polled."""
    while (names := names_at_both_doors(client, slug)) != (name, name):
        assert time.monotonic() - start < 1.0, names
        time.sleep(0.01)


def test_a_write_of_one_process_is_visible_in_another_within_a_second(channel_settings: Settings, serve: Serve) -> None:
    one, other = serve(channel_settings, 1), serve(channel_settings, 2)
    wait_until_ready(one, other)
    slug = unique("written")
    id = one[2].post("/v1/products", json={"name": "0", "slug": slug, "status": "active"}).json()["id"]
    for number in range(1, 6):
        wait_until_cached(other[1], slug, str(number - 1))
        writer, start = one[2], time.monotonic()
        if number % 2:
            assert writer.patch(f"/v1/products/{id}", json={"name": str(number)}).status_code == 200
        else:
            text = f'mutation {{ productUpdate(id: "{id}", patch: {{ name: "{number}" }}) {{ id }} }}'
            assert "errors" not in writer.post("/graphql", json={"query": text}).json()
        assert names_at_both_doors(one[1], slug) == (str(number), str(number)), "visible at once in the same process"
        assert_visible_in_time(other[1], slug, str(number), start)
    wait_until_cached(other[1], slug, "5")
    start = time.monotonic()
    assert one[2].delete(f"/v1/products/{id}").status_code == 204
    assert_visible_in_time(other[1], slug, None, start)


def test_a_write_of_a_command_is_visible_within_a_second(
    channel_settings: Settings, serve: Serve, tmp_path: Path
) -> None:
    one = serve(channel_settings, 1)
    wait_until_ready(one)
    slug = unique("imported")
    product = {"name": "Old", "slug": slug, "status": "active", "external_reference": slug}
    assert one[2].post("/v1/products", json=product).status_code == 201
    wait_until_cached(one[1], slug, "Old")
    (tmp_path / "goods.ndjson").write_bytes(msgspec.json.encode(product | {"name": "New"}) + b"\n")
    environ = servers.environ(channel_settings.database_url) | {"REDIS_URL": channel_settings.redis_url or ""}
    words = [sys.executable, "-m", "tradepost", "import", str(tmp_path / "goods.ndjson")]
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_visible_in_time(one[1], slug, "New", time.monotonic())


def test_a_write_committed_just_before_a_kill_is_visible_in_others(module_settings: Settings, serve: Serve) -> None:
    # Redis is notified after the commit; the docstring of its channel says what holds there.
    settings = without_redis(module_settings)
    one, other = serve(settings, 1), serve(settings, 2)
    wait_until_ready(one, other)
    slug = unique("killed")
    id = one[2].post("/v1/products", json={"name": "Old", "slug": slug, "status": "active"}).json()["id"]
    wait_until_cached(other[1], slug, "Old")
    assert one[2].patch(f"/v1/products/{id}", json={"name": "New"}).status_code == 200
    os.killpg(one[0].pid, signal.SIGKILL)
    assert_visible_in_time(other[1], slug, "New", time.monotonic())


# Two apps in this process, whose connections the tests can break.


@pytest.fixture
async def pair(channel_settings: Settings) -> AsyncIterator[tuple[TradepostApp, TradepostApp]]:
    """Two apps, like two processes."""
    async with AsyncExitStack() as stack:
        shops = create_app(channel_settings), create_app(channel_settings)
        for shop in shops:
            await stack.enter_async_context(shop.lifespan())
        yield shops


def client_of(shop: TradepostApp, key: str | None = None) -> httpx.AsyncClient:
    """Return a client of an app: with a staff key, whose reads are not cached, or anonymous."""
    headers = {"X-API-Key": key} if key is not None else {}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE, headers=headers)


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true, for at most 15 seconds."""
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the condition did not become true in 15 seconds")


async def cut_channel(settings: Settings, run: Run) -> None:
    """Close every connection that listens for invalidations."""
    if settings.redis_url:
        async with Redis.from_url(settings.redis_url) as operator:
            await operator.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    else:
        connection = await asyncpg.connect(run.postgresql)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tradepost-listener'"
        )
        await connection.close()


async def test_a_process_without_its_channel_caches_nothing_and_shows_every_write(
    channel_settings: Settings, run: Run, pair: tuple[TradepostApp, TradepostApp], key: str
) -> None:
    one, other = pair
    cache = other.state.cache
    await wait_until(lambda: not cache.suspended and not one.state.cache.suspended)
    async with client_of(one, key) as writer, client_of(other) as reader:
        path = f"/v1/products/{(await make_product(writer))['id']}"
        for number in range(3):
            assert (await reader.get(path)).status_code == 200
            if run.postgresql is not None:
                await cut_channel(channel_settings, run)
                await wait_until(lambda: cache.suspended)
                assert cache.entries == {}
            else:
                other.state.database.invalidation.set_connected(False)
            assert (await writer.patch(path, json={"name": f"Name {number}"})).status_code == 200
            name = (await reader.get(path)).json()["name"]
            assert name == f"Name {number}" or not cache.suspended
            await wait_until(lambda: not cache.suspended)
            assert (await reader.get(path)).json()["name"] == f"Name {number}"


@pytest.mark.filterwarnings("ignore:Exception ignored in. <sqlite3.Connection:pytest.PytestUnraisableExceptionWarning")
async def test_a_call_that_is_cancelled_during_its_commit_invalidates_the_cache(
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
    async with client_of(shop, key) as client, client_of(shop) as reader:
        path = f"/v1/products/{(await make_product(client))['id']}"
        for number in range(3):
            await reader.get(path)
            task = asyncio.create_task(client.patch(path, json={"name": f"Name {number}"}), name="cancelled")
            await asyncio.wait([task])
            name = (await reader.get(path)).json()["name"]
            shop.state.cache.clear()
            assert name == (await reader.get(path)).json()["name"]
    assert len(cancelled) >= 3
    # When cancelled, the SQLite driver leaves its connection to the garbage collector.
    cancelled.clear()
    gc.collect()


async def test_an_invalid_message_clears_the_cache(pair: tuple[TradepostApp, TradepostApp]) -> None:
    _, other = pair
    await wait_until(lambda: not other.state.cache.suspended)
    async with client_of(other) as reader:
        for message in (b"\xff", b"{}", b'["someone",[["product"]]]', b'["someone",[["*",null]]]'):
            await reader.get("/v1/products")
            await reader.get("/v1/products")
            assert other.state.cache.entries
            other.state.database.invalidation.receive(message)
            assert not other.state.cache.entries, message


async def test_a_write_does_not_wait_for_redis_and_its_message_is_sent_later(
    module_settings: Settings, key: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.reliability.test_redis_gone import kill, start_valkey

    server = await asyncio.to_thread(start_valkey, tmp_path / "first")
    port = server.port
    settings = msgspec.structs.replace(module_settings, redis_url=f"redis://127.0.0.1:{port}")
    shop = create_app(settings)
    try:
        async with shop.lifespan():
            channel = shop.state.database.invalidation.channel
            assert isinstance(channel, RedisChannel)
            async with client_of(shop, key) as client, client_of(shop) as reader:
                await wait_until(lambda: not shop.state.cache.suspended)
                path = f"/v1/products/{(await make_product(client))['id']}"
                await wait_until(lambda: not channel.unsent)
                await asyncio.to_thread(kill, server)
                for number in range(3):
                    assert (await client.patch(path, json={"name": f"Name {number}"})).status_code == 200
                    assert (await reader.get(path)).json()["name"] == f"Name {number}"
                await wait_until(lambda: shop.state.cache.suspended and bool(channel.unsent))
                server = await asyncio.to_thread(start_valkey, tmp_path / "again", port)
                await wait_until(lambda: not channel.unsent and not shop.state.cache.suspended)
    finally:
        await asyncio.to_thread(server.stop)
    messages = [r.message for r in caplog.records if r.name == "tradepost.read_cache"]
    assert len(messages) == 2, messages
