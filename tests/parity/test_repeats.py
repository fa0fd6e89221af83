"""What the read cache answers a second time, word for word, is what the whole way answers: bytes, headers, price, budget, metrics and access line."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tests.factories import make_product
from tests.parity.harness import DualDoorApp, Json
from tests.parity.sample_rows import SampleRows
from tests.parity.test_read_cache import VARYING, Get, public_reads
from tradepost.app import TradepostApp, create_app
from tradepost.doors.http.response_cache import IDENTITY_HEADERS, VARYING_HEADERS
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.settings import Settings

# Read of every request on its way, whatever comes of it: its own id, and whose it is.
ASIDE = {b"x-request-id"}


class Read(dict[bytes, bytes]):
    """Header fields that remember which of them were looked for."""

    def __init__(self, fields: Mapping[bytes, bytes]) -> None:
        super().__init__(fields)
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
async def shops(settings: Settings, anyio_backend: str) -> AsyncIterator[dict[str, TradepostApp]]:
    """Three shops of one visitor who has 60 points a minute: one that repeats, one that only keeps, one that reads each time."""
    async with AsyncExitStack() as stack:
        made: dict[str, TradepostApp] = {}
        for name in ("repeats", "keeps", "reads"):
            # In memory, so that each shop counts for itself.
            own = msgspec.structs.replace(
                settings, read_cache=name != "reads", budget_anonymous=60, redis_url=None, access_log=True
            )
            made[name] = create_app(own)
            await stack.enter_async_context(made[name].lifespan())
        made["keeps"].pipeline.response_cache = None
        yield made


async def told(app: TradepostApp, get: Get, method: str = "GET", **more: str) -> tuple[int, bytes, Json]:
    """The answer to a visitor who says nothing but this."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"accept-encoding": "identity"}) as client:
        headers = dict(get.headers) | {name.replace("_", "-"): value for name, value in more.items()}
        answer = await client.request(method, get.path, params=dict(get.params), headers=headers)
    return answer.status_code, answer.content, dict(answer.headers)


def without(answer: tuple[int, bytes, Json], names: tuple[str, ...]) -> tuple[int, bytes, Json]:
    """The answer but for some headers."""
    return answer[0], answer[1], {n: v for n, v in answer[2].items() if n not in names}


async def test_every_public_read_over_rest_is_repeated_as_it_was(harness: DualDoorApp, sample_rows: SampleRows) -> None:
    cache: ReadCache = harness.app.state.cache
    repeated = 0
    for operation, gets in public_reads(harness, sample_rows).items():
        for get in gets:
            if get.path == "/graphql" or any(name.encode() in IDENTITY_HEADERS for name, _ in get.headers):
                continue
            for more in (
                {},
                {"if_none_match": (await told(harness.app, get))[2].get("etag", "")},
                {"origin": "https://shop.test"},
                {"accept_encoding": "gzip"},
            ):
                cache.clear()
                first = await told(harness.app, get, **more)
                if first[0] not in (200, 304):
                    continue
                count, size = len(cache.aliases), cache.hits
                again, third = await told(harness.app, get, **more), await told(harness.app, get, **more)
                assert without(first, VARYING) == without(again, VARYING) == without(third, VARYING), (operation, get, more)
                assert again[2]["x-request-cost"] == third[2]["x-request-cost"]
                assert first[2]["x-request-id"] != again[2]["x-request-id"] != third[2]["x-request-id"]
                assert again[2].keys() == first[2].keys()
                repeated += count == 1 and cache.hits == size + 2
    assert repeated > 100


async def test_all_that_the_whole_way_reads_of_a_request_is_among_its_words(
    harness: DualDoorApp, sample_rows: SampleRows
) -> None:
    porch, said = harness.app.pipeline, set[bytes]()
    for gets in public_reads(harness, sample_rows).values():
        for get in gets:
            if get.path == "/graphql":
                continue
            fields = {b"host": b"shop.test", b"accept-encoding": b"gzip"} | {
                n.encode(): v.encode() for n, v in get.headers
            }
            read, query = Read(fields), str(httpx.QueryParams(get.params)).encode()
            scope: Json = {
                "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": get.path,
                "raw_path": get.path.encode(), "query_string": query, "root_path": "", "headers": [*fields.items()], "request_headers": read,
                "server": ("shop.test", 80), "client": ("203.0.113.9", 4711), "state": {},
            }  # fmt: skip
            await porch.handle(scope, nothing, nowhere)
            said |= read.names
    # `Authorization` and `X-API-Key` are read from the lines, by who tells whose they are.
    assert said - ASIDE <= {*VARYING_HEADERS, *IDENTITY_HEADERS}
    assert {b"accept", b"accept-encoding", b"if-none-match", b"x-api-version", b"x-cart-token"} <= said, (
        "and none is there for nothing"
    )


async def nothing() -> Json:
    return {"type": "http.request", "body": b"", "more_body": False}


async def nowhere(message: Any) -> None:
    """Where answers go that nobody looks at."""


@pytest.mark.parametrize(
    "query", ["", "fields=id,variants{sku}", "fields=id,categories{slug},media{id}", "limit=20&q=whole", "limit=50"]
)
async def test_a_budget_goes_down_as_it_does_the_whole_way_and_ends_in_the_same_429(
    harness: DualDoorApp, shops: dict[str, TradepostApp], query: str
) -> None:
    made = await make_product(harness.staff.client)
    sequences: list[Any] = []
    for shop in shops.values():
        path = "/v1/products" if "limit" in query else f"/v1/products/{made['slug']}"
        get, seen = Get(path, tuple(httpx.QueryParams(query).multi_items())), list[Any]()
        for _ in range(75):
            status, _, headers = await told(shop, get)
            left, cost = int(headers["x-ratelimit-remaining"]), headers["x-request-cost"]
            seen.append((status, cost, left, headers["x-ratelimit-limit"], headers["ratelimit-policy"]))
            if status == 429:
                break
        cache: ReadCache | None = shop.state.cache
        assert (cache is not None and cache.hits > 2, bool(cache and cache.aliases)) == (
            shop is not shops["reads"],
            shop is shops["repeats"],
        )
        # What is compiled is paid by the first alone.
        sequences.append((seen[1:], shop.pipeline.limits.charged_points if shop.pipeline.limits else None))
        assert seen[-1][0] == 429
    times, rest = {len(s[0]) for s in sequences}, [s[0][:-1] for s in sequences]
    assert max(times) - min(times) <= 1, "a point comes back every second"
    for mine, theirs in pairwise(rest):
        for (status, cost, left, *more), (other, price, remains, *others) in zip(mine, theirs, strict=False):
            assert (status, cost, more) == (other, price, others)
            assert abs(left - remains) <= 1


async def test_a_repeat_is_counted_and_has_its_line_as_any_request(
    harness: DualDoorApp, shops: dict[str, TradepostApp]
) -> None:
    made, lines, counts = await make_product(harness.staff.client), list[Any](), list[Any]()
    for shop in shops.values():
        log = shop.pipeline.access_log
        assert log is not None
        kept: list[bytes] = []
        log.write = kept.append
        for number in range(3):
            await told(shop, Get(f"/v1/products/{made['slug']}"), x_request_id=f"r{number}")
        log.flush()
        said = b"".join(kept).decode().splitlines()
        lines.append([[word for i, word in enumerate(line.split()) if i not in (0, 4)] for line in said])
        assert shop.pipeline.metrics is not None
        counts.append({key: sum(series.buckets) for key, series in shop.pipeline.metrics.series.items()})
    assert lines[0] == lines[1] == lines[2]
    assert counts[0] == counts[1] == counts[2] == {("GET", "/products/{key:str}", 200): 3}


async def test_whoever_shows_who_he_is_is_never_given_what_a_visitor_was(harness: DualDoorApp) -> None:
    made, cache = await make_product(harness.staff.client), harness.app.state.cache
    get = Get(f"/v1/products/{made['slug']}")
    cache.clear()
    await told(harness.app, get)
    assert len(cache.aliases) == 1
    assert (await told(harness.app, get, authorization="Bearer nobody's"))[0] == 401
    assert (await told(harness.app, get, x_api_key="tp_nobody"))[0] == 401
    assert (await told(harness.app, get, x_cart_token="t"))[2]["cache-control"] == "private, no-cache"
    assert (await told(harness.app, get, "HEAD"))[1] == b""
    assert (await told(harness.app, get, accept="text/html"))[0] == 406
    assert (await told(harness.app, get, x_api_version="2"))[0] == 400
    assert (await told(harness.app, get, if_none_match='"another"'))[0] == 200
    assert len(cache.aliases) == 1, "none of these is kept"


async def test_without_its_path_as_it_was_called_a_request_has_no_words(harness: DualDoorApp) -> None:
    porch, cache = harness.app.pipeline, harness.app.state.cache
    made = await make_product(harness.staff.client)
    cache.clear()
    for path in (f"/v1/products/{made['slug']}", f"/v1/products/{made['id']}"):
        scope: Json = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path, "query_string": b"", "root_path": "",
            "headers": [(b"host", b"shop.test")], "server": ("shop.test", 80), "client": ("203.0.113.9", 4711), "state": {},
        }  # fmt: skip
        await porch(scope, nothing, nowhere)
    assert (len(cache.entries), cache.aliases) == (2, {})


async def test_the_same_in_ever_new_words_is_kept_a_few_times(harness: DualDoorApp) -> None:
    made, cache = await make_product(harness.staff.client), harness.app.state.cache
    cache.clear()
    for number in range(30):
        await told(harness.app, Get(f"/v1/products/{made['slug']}"), accept=f"application/json, text/x{number}")
    assert len(cache.aliases) == 8
    assert len(cache.entries) == 1
