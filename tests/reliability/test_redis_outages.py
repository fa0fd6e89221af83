"""Redis goes away under load: every request succeeds quickly, and all is normal when it is back."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from redis import Redis

from tests import servers
from tests.factories import unique
from tests.figures import IS_TORTURE
from tests.reliability.redis_server import RedisServer
from tests.servers import Run, free_port
from tradepost.cli.redis_check import check_redis
from tradepost.settings import SettingsError

OUTAGE = 5.0 if IS_TORTURE else 0.5
"""Seconds that Redis is away."""
CALLERS = 40 if IS_TORTURE else 12
"""Callers that send one request after the other."""
PAUSE = 0 if IS_TORTURE else 0.05
"""Seconds that a caller waits before its next request."""
MAX_SECONDS, RETURN_SECONDS = (2.0, 1.0) if IS_TORTURE else (5.0, 3.0)
"""Seconds that a request may take, and after which all is normal again.

They are longer in the usual run, in which other tests and the callers take most of the CPU.
"""
CONNECTIONS = 5
"""Connections of a server process: for commands, and two for each of its two channels."""


@dataclass
class Shop:
    """A server process, and the Redis that it uses."""

    redis: RedisServer
    process: subprocess.Popen[bytes]
    url: str
    key: str
    log: Path
    products: list[str] = field(default_factory=list[str])
    workers: list[psutil.Process] = field(default_factory=list[psutil.Process])

    def metrics(self) -> dict[str, float]:
        """Return the metrics without labels, by name."""
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        values = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
        return {name.partition("{")[0].removeprefix("tradepost_"): float(value) for name, _, value in values}

    def is_normal(self) -> bool:
        """Whether the rate limits are shared and reads are cached."""
        before = self.metrics()
        for _ in range(2):
            assert httpx.get(f"{self.url}/v1/products?limit=7").status_code == 200
        hits = self.metrics()["read_cache_hits_total"] - before["read_cache_hits_total"]
        return before["limits_shared"] == 1.0 and hits > 0

    def sockets(self) -> int:
        """Return how many sockets of the server process are connected to Redis."""
        connections = [c for process in self.workers for c in process.net_connections("tcp")]
        return sum(bool(c.raddr) and c.raddr.port == self.redis.port for c in connections)


def clients_in_redis(server: RedisServer) -> int:
    """Return how many clients Redis has, without the one that asks."""
    with server.client() as operator:
        return len(operator.client_list()) - 1


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def shop(run: Run, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A server process that was started while its Redis was down."""
    folder = tmp_path_factory.mktemp("shop")
    redis = RedisServer(folder / "redis", "secret")
    url = servers.copy_of_template(run, f"{worker_id}_{uuid4().hex[:8]}")
    key = servers.staff_key(url)
    port = free_port()
    environ = servers.environ(url) | {"PORT": str(port), "REDIS_URL": redis.url, "ACCESS_LOG": "off", "WORKER": "off"}
    environ |= dict.fromkeys(("BUDGET_ANONYMOUS", "BUDGET_STAFF"), "1000000000")
    with (folder / "server.log").open("wb") as log:
        words = [sys.executable, "-m", "tradepost", "run"]
        process = subprocess.Popen(words, cwd=folder, env=environ, stdout=log, stderr=log)
    shop = Shop(redis, process, f"http://127.0.0.1:{port}", key, folder / "server.log")
    try:
        wait_until(lambda: responds(shop), 120, "the server responds")
        shop.workers = psutil.Process(process.pid).children()
        for _ in range(CALLERS // 2):
            body = {"name": "Lamp", "slug": unique("lamp"), "status": "active"}
            answer = httpx.post(f"{shop.url}/v1/products", json=body, headers={"X-API-Key": key})
            shop.products.append(answer.json()["id"])
        redis.start()
        yield shop
    finally:
        process.terminate()
        process.wait()
        redis.kill()


def responds(shop: Shop) -> bool:
    """Whether the server responds."""
    assert shop.process.poll() is None, shop.log.read_text()
    try:
        return httpx.get(f"{shop.url}/health/ready").status_code == 200
    except httpx.TransportError:
        return False


# Each kind of outage: how it begins, and how it ends.


def stop(redis: RedisServer) -> None:
    """Kill Redis."""
    redis.kill()


def require_password(redis: RedisServer) -> None:
    """Restart Redis with another password."""
    redis.kill()
    redis.start("--requirepass", "another")


def restart(redis: RedisServer) -> None:
    """Start Redis as it was at first."""
    redis.kill()
    redis.start()


def become_replica(redis: RedisServer) -> None:
    """Make Redis a read-only replica of a primary that does not exist."""
    with redis.client() as operator:
        operator.replicaof("127.0.0.1", "1")


def become_primary(redis: RedisServer) -> None:
    """Make Redis a primary again."""
    with redis.client() as operator:
        operator.replicaof("NO", "ONE")


OUTAGES = {
    "stopped": (stop, restart),
    "paused": (RedisServer.pause, RedisServer.resume),
    "wrong password": (require_password, restart),
    "read-only": (become_replica, become_primary),
}


async def call_repeatedly(client: httpx.AsyncClient, number: int, shop: Shop, until: asyncio.Event) -> list[Any]:
    """Read or write at one of the doors until the event is set. Return what failed."""
    kind, id = number % 4, shop.products[number // 2]
    staff, failures, count = {"X-API-Key": shop.key}, list[Any](), 0
    while not until.is_set():
        start, count = time.monotonic(), count + 1
        if kind == 0:
            answer = await client.get("/v1/products", params={"limit": number + 1})
        elif kind == 1:
            answer = await client.post("/graphql", json={"query": f'{{ node(id: "{id}") {{ id }} }}'})
        elif kind == 2:
            answer = await client.patch(f"/v1/products/{id}", json={"name": f"Lamp {count}"}, headers=staff)
        else:
            text = f'mutation {{ productUpdate(id: "{id}", patch: {{ name: "Lamp {count}" }}) {{ id }} }}'
            answer = await client.post("/graphql", json={"query": text}, headers=staff)
        seconds = time.monotonic() - start
        if answer.status_code != 200 or b'"errors"' in answer.content or seconds > MAX_SECONDS:
            failures.append((kind, answer.status_code, round(seconds, 2), answer.text[:200]))
        await asyncio.sleep(PAUSE)
    return failures


async def run_under_load(shop: Shop, scenario: Callable[[], None]) -> list[Any]:
    """Run a scenario in a thread while CALLERS send requests. Return the requests that failed."""
    done = asyncio.Event()
    limits = httpx.Limits(max_connections=CALLERS)
    async with httpx.AsyncClient(base_url=shop.url, timeout=20, limits=limits) as client:
        callers = [asyncio.create_task(call_repeatedly(client, n, shop, done)) for n in range(CALLERS)]
        try:
            await asyncio.to_thread(scenario)
        finally:
            done.set()
            failures = await asyncio.gather(*callers)
    return [failure for of_caller in failures for failure in of_caller]


@pytest.mark.parametrize("kind", OUTAGES)
def test_all_requests_succeed_while_redis_is_away(shop: Shop, kind: str) -> None:
    begin, end = OUTAGES[kind]
    wait_until(shop.is_normal, 20, "the state before the outage is normal")
    sockets = Counter[int]()

    def outage() -> None:
        begin(shop.redis)
        wait_until(lambda: shop.metrics()["limits_shared"] == 0.0, 10, "the outage is noticed")
        start = time.monotonic()
        while time.monotonic() < start + OUTAGE:
            sockets[shop.sockets()] += 1
            assert shop.metrics()["limits_shared"] == 0.0, "Redis counts as available although it is not"
            time.sleep(0.1)  # more often would slow down the callers
        end(shop.redis)
        start = time.monotonic()
        wait_until(shop.is_normal, RETURN_SECONDS, "the state after the outage is normal")

    try:
        assert asyncio.run(run_under_load(shop, outage)) == []
    finally:
        if kind == "paused":
            shop.redis.resume()
    assert max(sockets) <= CONNECTIONS + 1, sockets
    wait_until(lambda: clients_in_redis(shop.redis) == shop.sockets() == CONNECTIONS, 3, "no connection is left open")


def test_a_start_without_redis_prints_one_line_that_names_the_setting(shop: Shop) -> None:
    first_line = shop.log.read_text().splitlines()[0]
    assert first_line == (
        "tradepost: REDIS_URL: Redis could not be reached (Connection refused). The server starts without it; until "
        "Redis is available or the URL is corrected, each process has its own rate limits and caches no reads."
    )


@pytest.mark.parametrize(
    ("options", "user", "reason"),
    [
        (["--requirepass", "secret"], "", "requires a password; add it to REDIS_URL"),
        (["--requirepass", "secret"], ":wrong@", "refuses the user or the password in REDIS_URL"),
        (["--replicaof", "127.0.0.1 1"], "", "is a read-only replica; REDIS_URL must name the primary"),
    ],
    ids=["no password", "wrong password", "replica"],
)
def test_a_start_with_an_unusable_redis_prints_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], user: str, reason: str
) -> None:
    redis = RedisServer(tmp_path / "redis")
    redis.start(*options)
    try:
        check_redis(redis.url.replace("//", f"//{user}"))
    finally:
        redis.kill()
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tradepost: REDIS_URL: Redis {reason}. The server starts without it;")


@pytest.mark.parametrize("has_slots", [False, True])
def test_a_start_with_a_cluster_is_refused(tmp_path: Path, has_slots: bool) -> None:
    redis = RedisServer(tmp_path / "redis")
    redis.start("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    try:
        if has_slots:
            with redis.client() as operator:
                operator.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                wait_until(lambda: is_cluster_ready(operator), 20, "the cluster is ready")
        environ = servers.environ("sqlite:///unused.db") | {"REDIS_URL": redis.url}
        words = [sys.executable, "-m", "tradepost", "run"]
        done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    finally:
        redis.kill()
    message = "Redis is a cluster, which is not supported; REDIS_URL must name a Redis that is not part of one."
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"tradepost: REDIS_URL: {message}\n")


def is_cluster_ready(operator: Redis) -> bool:
    """Whether all slots are served."""
    return b"cluster_state:ok" in operator.execute_command("CLUSTER", "INFO")


def test_tls_files_that_cannot_be_loaded_refuse_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"REDIS_URL: the files of its `ssl_` options cannot be loaded: .*No such"):
        check_redis(f"rediss://127.0.0.1:1/0?ssl_ca_certs={tmp_path}/missing.pem")
