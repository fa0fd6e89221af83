"""An anonymous caller cannot make a server process grow, whatever the requests contain."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests import servers
from tests.conftest import BUDGETS
from tests.figures import IS_TORTURE, RecordFigure
from tests.reliability.http_connections import get, post, send_all
from tests.servers import free_port
from tradepost.settings import Settings

REQUESTS = 20_000 if IS_TORTURE else 200
"""Requests of each kind; a tenth of those that are compiled or very long, which take 5 to 30 ms."""
MAX_GROWTH = 40 * 1024 * 1024
SAMPLE = re.compile(r'^tradepost_cache_(\w+)\{cache="(\w+)",[^}]*\} (\S+)$', re.MULTILINE)

AFTER = "query($c: String) { products(first: 1, after: $c) { nodes { id } } }"
FILTERED = "query($q: String) { products(first: 1, filter: {brand: $q}) { nodes { id } } }"
CONDITIONS = (
    "query(" + ",".join([f"$v{i}: Boolean!" for i in range(10)]) + ") { products(first: 1) { nodes { id "
    + " ".join([f"a{i}: name @include(if: $v{i})" for i in range(10)]) + " } } }"
)  # fmt: skip
ORDINARY = (
    "query($n: BigInt!) { products(first: %d, filter: {priceGte: $n}) { nodes { id slug name description "
    "priceFrom { amount currency } variants(first: 3) { sku name } } } }"
)

type Request = Callable[[int], bytes]


def graphql(query: str, **variables: object) -> bytes:
    """Return a POST request to `/graphql`."""
    return post("/graphql", json.dumps({"query": query, "variables": variables}).encode())


def listing(*headers: str) -> bytes:
    """Return a request for a short page, with these headers."""
    return get("/v1/products?limit=1", *headers)


def many_fields(n: int) -> str:
    """Return a selection with 49 aliases that no other number has."""
    return ",".join([f"a{n}x{i}:name" for i in range(40)] + [f"b{n}x{i}:variants{{sku}}" for i in range(9)])


def quote(n: int) -> bytes:
    """Return a request for the price of another request."""
    return post("/v1/price", json.dumps({"url": f"/v1/products?limit=1&brand={n:0900d}"}).encode())


KINDS: dict[str, Request] = {
    "long cursors": lambda n: get(f"/v1/products?cursor={n:044000d}"),
    "short cursors": lambda n: get(f"/v1/products?cursor={n:0990d}"),
    "long variables": lambda n: graphql(AFTER, c=f"{n:044000d}"),
    "short variables": lambda n: graphql(AFTER, c=f"{n:0990d}"),
    "unused variables": lambda n: graphql("{ __typename }", c=f"{n:044000d}"),
    "long filters": lambda n: get(f"/v1/products?brand={n:09000d}"),
    "short filters": lambda n: get(f"/v1/products?brand={n:0990d}&fields=id"),
    "numbers": lambda n: get(f"/v1/products?price_gte={n}&limit=1"),
    "long filters in variables": lambda n: graphql(FILTERED, q=f"{n:09000d}"),
    "short filters in variables": lambda n: graphql(FILTERED, q=f"{n:0990d}"),
    "Accept": lambda n: listing(f'Accept: application/json;v="{n:0200d}", */*'),
    "long Accept": lambda n: listing(f"Accept: application/json, x/{n:09000d}"),
    "Content-Type": lambda n: post("/graphql", b"{}", f"application/json; x={n:09000d}"),
    "Host": lambda n: listing(f"Host: h{n:0200d}"),
    "long Host": lambda n: listing(f"Host: h{n:09000d}"),
    "If-None-Match": lambda n: listing(f'If-None-Match: "{n:0100d}"'),
    "long If-None-Match": lambda n: listing(f'If-None-Match: "{n:09000d}"'),
    "many headers": lambda n: listing(*[f"X-{n}-{i}: {i:0500d}" for i in range(40)]),
    "credentials": lambda n: listing(f"Authorization: Bearer {n:04000d}"),
    "paths": lambda n: get(f"/v1/{n:09000d}"),
    "keys": lambda n: get(f"/v1/products/{n:09000d}"),
    "keys of nested lists": lambda n: get(f"/v1/products/{n:09000d}/variants"),
    "quotes": quote,
}
SLOW_KINDS: dict[str, Request] = {
    "small documents": lambda n: graphql(f"{{ a{n}: products(first: 1) {{ nodes {{ b{n}: id }} }} }}"),
    "documents with conditions": lambda n: graphql(
        CONDITIONS + f" #{n // 1024}", **{f"v{i}": bool(n >> i & 1) for i in range(10)}
    ),
    "invalid documents": lambda n: graphql(f"{{ products(first: 1) {{ nodes {{ unknown{n} }} }} }}"),
    "fields": lambda n: get(f"/v1/products?limit=1&fields=id,a{n}:name"),
    "very long variables": lambda n: graphql(AFTER, c=f"{n:0600000d}"),
    "large documents": lambda n: graphql(f"{{ products(first: 1) {{ nodes {{ {many_fields(n)} }} }} }}"),
    "long fields": lambda n: get(f"/v1/products?limit=1&fields={many_fields(n)}"),
}

ALL_KINDS = KINDS | SLOW_KINDS


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@pytest.fixture
def worker(fresh_settings: Callable[[], Settings], port: int, tmp_path: Path) -> Iterator[psutil.Process]:
    """The worker process of `tradepost run`, with a demo shop and without limits on points."""
    settings = fresh_settings()
    environ = servers.environ(settings.database_url) | dict.fromkeys(BUDGETS, "1000000000")
    environ |= {"PORT": str(port), "ACCESS_LOG": "off", "REDIS_URL": settings.redis_url or "", "ALLOWED_HOSTS": "*"}
    words = [sys.executable, "-m", "tradepost", "run"]
    process = subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(port)
        (worker,) = psutil.Process(process.pid).children()
        yield worker
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=20)
        print(output.decode())  # shown if the test fails


def wait_until_ready(port: int) -> None:
    """Wait for the server, at most 60 seconds."""
    for _ in range(600):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError


def ordinary(n: int) -> bytes:
    """Return a request of ordinary traffic: a page of the catalogue, through one of the doors."""
    if n % 4:
        return get(f"/v1/products?limit={40 + n % 20}&price_gte={n}")
    return graphql(ORDINARY % (40 + n % 40), n=n)


def cache_figures(port: int) -> dict[str, dict[str, float]]:
    """Return the metrics of each cache by name."""
    caches: dict[str, dict[str, float]] = {}
    for name, cache, value in SAMPLE.findall(httpx.get(f"http://127.0.0.1:{port}/metrics").text):
        caches.setdefault(cache, {})[name] = float(value)
    return caches


async def send_kind(kind: str, worker: psutil.Process, port: int, record_figure: RecordFigure) -> list[str]:
    """Send the requests of one kind and return what is wrong afterwards, besides the size."""
    request, number = ALL_KINDS[kind], REQUESTS // 10 if kind in SLOW_KINDS else REQUESTS
    before, started = worker.memory_info().rss, time.perf_counter()
    # Requests in flight take memory too, which is not the subject: few very long ones at once.
    statuses = await send_all(port, (request(n) for n in range(number)), 2 if kind in SLOW_KINDS else 8)
    seconds, after = time.perf_counter() - started, worker.memory_info().rss
    record_figure(
        f"{kind}: {number} requests in {seconds:.1f} s, statuses {dict(sorted(statuses.items()))}, "
        f"{(after - before) / 1e6:+.1f} MB, now {after / 1e6:.0f} MB"
    )
    faults = [f"{kind}: {statuses[status]} responses {status}" for status in statuses if status >= 500]
    for cache, figures in cache_figures(port).items():
        if figures["bytes"] > figures["budget_bytes"]:
            faults.append(f"{kind}: {cache} has {figures['bytes']:.0f} of {figures['budget_bytes']:.0f} bytes")
    return faults


@pytest.mark.timeout(3600)
async def test_hostile_requests_do_not_make_a_worker_grow(
    worker: psutil.Process, port: int, record_figure: RecordFigure
) -> None:
    await send_all(port, map(ordinary, range(600)))
    start, faults = worker.memory_info().rss, list[str]()
    for kind in ALL_KINDS:
        faults += await send_kind(kind, worker, port, record_figure)
        if (growth := worker.memory_info().rss - start) > MAX_GROWTH:
            faults.append(f"{kind}: {growth / 1e6:.1f} MB more than after the warm-up")
    for cache, figures in cache_figures(port).items():
        record_figure(
            f"{cache}: {figures['bytes'] / 1e6:.2f} of {figures['budget_bytes'] / 1e6:.2f} MB, "
            f"{figures['entries']:.0f} entries, {figures['evictions_total']:.0f} evictions"
        )
    record_figure(f"{start / 1e6:.0f} MB after the warm-up, {worker.memory_info().rss / 1e6:.0f} MB at the end")
    assert not faults


async def test_the_hostile_requests_are_what_they_seem(client: httpx.AsyncClient) -> None:
    """A kind that is refused before it reaches a cache would test nothing."""
    statuses = {kind: (await send(client, request(1))).status_code for kind, request in ALL_KINDS.items()}
    refused = {kind: status for kind, status in statuses.items() if status != 200}
    assert refused == {
        "long cursors": 400,
        "short cursors": 400,
        "long filters": 400,
        "Content-Type": 400,
        "credentials": 401,
        "paths": 404,
        "keys": 404,
        "keys of nested lists": 404,
    }


async def test_the_ordinary_requests_are_answered_at_both_doors(client: httpx.AsyncClient) -> None:
    """A warm-up whose requests are refused would leave the caches of a door empty."""
    for n in range(4):
        response = await send(client, ordinary(n))
        assert (response.status_code, "errors" in response.json()) == (200, False)


async def send(client: httpx.AsyncClient, request: bytes) -> httpx.Response:
    """Send a raw request to the app in this process."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    headers = [tuple(header.split(": ", 1)) for header in lines if not header.startswith("Content-Length")]
    return await client.request(method, target, headers=headers, content=body)
