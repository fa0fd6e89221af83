"""A repeated anonymous request is answered from the response cache exactly as without it.

That includes bytes, headers, price, bucket, metrics and the access log.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import httpx
import msgspec
import pytest

from tests.app_client import AppClient
from tests.factories import make_product
from tests.parity.cacheable_reads import VARYING, Get, public_reads
from tests.parity.harness import DualDoorApp, Json
from tests.parity.sample_rows import SampleRows
from tradepost.app import TradepostApp, create_app
from tradepost.doors.http.response_cache import VARYING_HEADERS
from tradepost.kit.auth.credential_headers import CREDENTIAL_HEADER_NAMES
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.settings import Settings

# Read for every request, without an effect on the answer: the request id.
# Transfer-Encoding can only refuse a request, before the cache is asked.
WITHOUT_EFFECT = {b"x-request-id", b"transfer-encoding"}

type Answer = tuple[int, bytes, Json]


class RecordingHeaders(dict[bytes, bytes]):
    """Headers that record which of them are read."""

    def __init__(self, headers: Mapping[bytes, bytes]) -> None:
        super().__init__(headers)
        self.names = set[bytes]()

    def get(self, name: bytes, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: bytes) -> bytes:
        self.names.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.names.add(name)  # type: ignore[arg-type]
        return super().__contains__(name)


@pytest.fixture
async def apps(settings: Settings, anyio_backend: object) -> AsyncIterator[dict[str, TradepostApp]]:
    """Three apps with 60 points a minute for anonymous callers.

    One has both caches, one the read cache only, and one reads from the database each time.
    """
    async with AsyncExitStack() as stack:
        apps: dict[str, TradepostApp] = {}
        for name in ("both caches", "read cache", "no cache"):
            # Buckets are in memory, so each app has its own.
            members = {"read_cache": name != "no cache", "budget_anonymous": 60, "redis_url": None, "access_log": True}
            apps[name] = create_app(msgspec.structs.replace(settings, **members))
            await stack.enter_async_context(apps[name].lifespan())
        apps["read cache"].pipeline.response_cache = None
        yield apps


async def send(app: TradepostApp, get: Get, method: str = "GET", **headers: str) -> Answer:
    """Return the answer to an anonymous request with these headers only."""
    async with AppClient(app, headers={"accept-encoding": "identity"}) as client:
        sent = dict(get.headers) | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await client.request(method, get.path, params=get.query, headers=sent)
    return answer.status_code, answer.content, dict(answer.headers)


def stable(answer: Answer) -> Answer:
    """Return an answer without the headers that vary."""
    return answer[0], answer[1], {name: value for name, value in answer[2].items() if name not in VARYING}


async def test_every_public_rest_read_is_repeated_unchanged(harness: DualDoorApp, sample_rows: SampleRows) -> None:
    cache: ReadCache = harness.app.state.cache
    from_cache = 0
    for operation, gets in public_reads(harness, sample_rows).items():
        for get in gets:
            if get.path == "/graphql" or any(name.encode() in CREDENTIAL_HEADER_NAMES for name, _ in get.headers):
                continue
            etag = (await send(harness.app, get))[2].get("etag", "")
            origin, gzip = {"origin": "https://shop.test"}, {"accept_encoding": "gzip"}
            for headers in ({}, {"if_none_match": etag}, origin, gzip):
                cache.clear()
                first = await send(harness.app, get, **headers)
                if first[0] not in (200, 304):
                    continue
                aliases, hits = len(cache.aliases), cache.hits
                second, third = [await send(harness.app, get, **headers) for _ in range(2)]
                assert stable(first) == stable(second) == stable(third), (operation, get, headers)
                assert second[2]["x-request-cost"] == third[2]["x-request-cost"]
                assert first[2]["x-request-id"] != second[2]["x-request-id"] != third[2]["x-request-id"]
                assert second[2].keys() == first[2].keys()
                from_cache += aliases == 1 and cache.hits == hits + 2
    assert from_cache > 100


async def test_the_key_of_a_cached_response_contains_every_header_that_is_read(
    harness: DualDoorApp, sample_rows: SampleRows
) -> None:
    names = set[bytes]()
    for gets in public_reads(harness, sample_rows).values():
        for get in [get for get in gets if get.path != "/graphql"]:
            sent = {name.encode(): value.encode() for name, value in get.headers}
            headers = RecordingHeaders({b"host": b"shop.test", b"accept-encoding": b"gzip"} | sent)
            scope = http_scope(get.path) | {
                "raw_path": get.path.encode(),
                "query_string": str(httpx.QueryParams(get.params)).encode(),
                "headers": [*headers.items()],
                "request_headers": headers,
            }
            await harness.app.pipeline.handle(scope, receive_nothing, discard)
            names |= headers.names
    # `Authorization` and `X-API-Key` are read from the list of headers.
    assert names - WITHOUT_EFFECT <= {*VARYING_HEADERS, *CREDENTIAL_HEADER_NAMES}
    necessary = {b"accept", b"accept-encoding", b"if-none-match", b"x-api-version", b"x-cart-token"}
    assert necessary <= names, "a header of the key is not read"


def http_scope(path: str) -> Json:
    """Return the ASGI scope of an anonymous GET."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"shop.test")],
        "server": ("shop.test", 80),
        "client": ("203.0.113.9", 4711),
        "state": {},
    }


async def receive_nothing() -> Json:
    """Receive an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def discard(message: Any) -> None:
    """Send an answer to no one."""


@pytest.mark.parametrize(
    "query", ["", "fields=id,variants{sku}", "fields=id,categories{slug},media{id}", "limit=20&q=whole", "limit=50"]
)
async def test_repeats_take_the_same_points_as_other_requests_and_end_in_the_same_429(
    harness: DualDoorApp, apps: dict[str, TradepostApp], query: str
) -> None:
    slug = (await make_product(harness.staff.client))["slug"]
    path = "/v1/products" if "limit" in query else f"/v1/products/{slug}"
    get, sequences = Get(path, tuple(httpx.QueryParams(query).multi_items())), list[list[Any]]()
    for name, app in apps.items():
        answers = await answers_until_429(app, get)
        cache: ReadCache | None = app.state.cache
        assert (cache is not None and cache.hits > 2) is (name != "no cache")
        assert bool(cache and cache.aliases) is (name == "both caches")
        assert answers[-1][0] == 429
        charged = app.pipeline.limits.charged_points if app.pipeline.limits else None
        assert charged == sum(int(cost) for _, cost, *_ in answers)
        # The first request alone pays for compiling.
        sequences.append(answers[1:])
    lengths = {len(answers) for answers in sequences}
    assert max(lengths) - min(lengths) <= 1, "one point is refilled every second"
    for one, other in pairwise([answers[:-1] for answers in sequences]):
        for (status, cost, remaining, *limits), (status2, cost2, remaining2, *limits2) in zip(one, other, strict=False):
            assert (status, cost, limits) == (status2, cost2, limits2)
            assert abs(remaining - remaining2) <= 1


async def answers_until_429(app: TradepostApp, get: Get) -> list[Any]:
    """Repeat a request until it is refused, and return status, cost and limits of each answer."""
    answers: list[Any] = []
    for _ in range(75):
        status, _, headers = await send(app, get)
        limits = headers["x-ratelimit-limit"], headers["ratelimit-policy"]
        answers.append((status, headers["x-request-cost"], int(headers["x-ratelimit-remaining"]), *limits))
        if status == 429:
            break
    return answers


async def test_a_repeat_is_in_the_metrics_and_the_access_log_as_any_request(
    harness: DualDoorApp, apps: dict[str, TradepostApp]
) -> None:
    slug, lines, counts = (await make_product(harness.staff.client))["slug"], list[Any](), list[Any]()
    for app in apps.values():
        log, written = app.pipeline.access_log, list[bytes]()
        assert log is not None
        log.write = written.append
        for number in range(3):
            await send(app, Get(f"/v1/products/{slug}"), x_request_id=f"r{number}")
        log.flush()
        logged = b"".join(written).decode().splitlines()
        # The time and the duration differ.
        lines.append([[word for i, word in enumerate(line.split()) if i not in (0, 4)] for line in logged])
        assert app.pipeline.metrics is not None
        counts.append({key: sum(series.buckets) for key, series in app.pipeline.metrics.series.items()})
    assert lines[0] == lines[1] == lines[2]
    assert counts[0] == counts[1] == counts[2] == {("GET", "/products/{key:str}", 200): 3}


async def test_a_request_with_other_headers_is_not_answered_from_the_response_cache(harness: DualDoorApp) -> None:
    slug, cache = (await make_product(harness.staff.client))["slug"], harness.app.state.cache
    get = Get(f"/v1/products/{slug}")
    cache.clear()
    await send(harness.app, get)
    assert len(cache.aliases) == 1
    assert (await send(harness.app, get, authorization="Bearer unknown"))[0] == 401
    assert (await send(harness.app, get, x_api_key="tp_unknown"))[0] == 401
    assert (await send(harness.app, get, x_cart_token="t"))[2]["cache-control"] == "private, no-cache"
    assert (await send(harness.app, get, "HEAD"))[1] == b""
    assert (await send(harness.app, get, accept="text/html"))[0] == 406
    assert (await send(harness.app, get, x_api_version="2"))[0] == 400
    assert (await send(harness.app, get, if_none_match='"another"'))[0] == 200
    assert len(cache.aliases) == 1, "none of these is cached"


async def test_a_malformed_request_is_not_answered_from_the_response_cache(harness: DualDoorApp) -> None:
    path = f"/v1/products/{(await make_product(harness.staff.client))['slug']}"
    scope, host = http_scope(path) | {"raw_path": path.encode()}, (b"host", b"shop.test")
    statuses = [
        await status_of(harness.app, scope | {"http_version": version, "headers": headers})
        for version, headers in [
            ("1.1", [host]),
            ("1.1", [host, (b"transfer-encoding", b"gzip")]),
            ("1.0", [(b"host", b"")]),  # Granian adds an empty Host
            ("1.1", [(b"host", b"")]),
        ]
    ]
    assert statuses == [200, 400, 200, 400]


async def status_of(app: TradepostApp, scope: Json) -> int:
    """Return the status of the answer to a request that a client would not send."""
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive_nothing, send)
    return messages[0]["status"]


async def test_a_request_without_a_raw_path_is_not_in_the_response_cache(harness: DualDoorApp) -> None:
    product, cache = await make_product(harness.staff.client), harness.app.state.cache
    cache.clear()
    for key in (product["slug"], product["id"]):
        scope = http_scope(f"/v1/products/{key}")
        del scope["scheme"]
        await harness.app.pipeline(scope, receive_nothing, discard)
    assert (len(cache.entries), cache.aliases) == (2, {})


async def test_one_read_is_in_the_response_cache_with_at_most_8_sets_of_headers(harness: DualDoorApp) -> None:
    slug, cache = (await make_product(harness.staff.client))["slug"], harness.app.state.cache
    cache.clear()
    for number in range(30):
        await send(harness.app, Get(f"/v1/products/{slug}"), accept=f"application/json, text/x{number}")
    assert len(cache.aliases) == 8
    assert len(cache.entries) == 1
