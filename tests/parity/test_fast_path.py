"""The fast path changes nothing: with it off, every read has the same bytes and headers."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app_client import AppClient
from tests.parity.harness import DualDoorApp, hypothesis_settings
from tests.parity.query_rendering import GraphQLWriter, RestWriter
from tests.parity.query_strategies import AskedList, read_questions
from tests.parity.sample_rows import SampleRows
from tests.rate_limit_headers import stable_headers
from tradepost.app import create_app
from tradepost.settings import Settings

type Clients = dict[str, tuple[httpx.AsyncClient, httpx.AsyncClient]]


@pytest.fixture(scope="package")
async def client_pairs(
    harness: DualDoorApp, sample_rows: SampleRows, settings: Settings, staff_key: str
) -> AsyncIterator[Clients]:
    """For each caller a client, and one of a second app on the same rows without the fast path."""
    app = create_app(msgspec.structs.replace(settings, fast_lane=False))
    assert app.pipeline.fast_path == {}
    assert harness.app.pipeline.fast_path
    async with (
        app.lifespan(),
        AppClient(app) as anonymous,
        AppClient(app, headers={"X-API-Key": staff_key}) as staff,
        AppClient(app, headers=harness.customer.client.headers) as customer,
        AppClient(app, headers=harness.guest.client.headers) as guest,
    ):
        yield {
            "anonymous": (harness.anonymous.client, anonymous),
            "staff": (harness.staff.client, staff),
            "customer": (harness.customer.client, customer),
            "guest": (harness.guest.client, guest),
        }


def without_cost(answer: httpx.Response) -> bytes:
    """Return the body without the cost, which depends on each app's buckets and compiled plans."""
    return answer.content.partition(b',"extensions":{"cost"')[0]


async def assert_same_answer(
    clients: tuple[httpx.AsyncClient, httpx.AsyncClient], method: str, path: str, **more: Any
) -> httpx.Response:
    """Assert that both apps answer alike, except for the rest of the bucket."""
    headers = {"X-Request-ID": "one-and-the-same", **more.pop("headers", {})}
    fast, slow = [await client.request(method, path, headers=headers, **more) for client in clients]
    assert (fast.status_code, without_cost(fast)) == (slow.status_code, without_cost(slow))
    assert stable_headers(fast) == stable_headers(slow)
    return fast


@hypothesis_settings(35)
@given(
    asking=read_questions(depth=2),
    spelling=st.integers(0, 2**32),
    header=st.sampled_from(["", "application/msgpack", "application/graphql", "text/csv"]),
)
async def test_a_read_has_equal_bytes_and_headers(
    harness: DualDoorApp,
    client_pairs: Clients,
    sample_rows: SampleRows,
    asking: tuple[str, AskedList],
    spelling: int,
    header: str,
) -> None:
    asked, pair, chance = asking[1].with_samples(sample_rows), client_pairs[asking[0]], Random(spelling)
    path, params = RestWriter(chance).request(harness, asked)
    version = chance.choice(["/v1", "/v2", ""])
    answer = await assert_same_answer(
        pair,
        chance.choice(["GET", "HEAD"]),
        version + path,
        params=params,
        headers={"Accept": header} if header else {},
    )
    if etag := answer.headers.get("etag"):
        again = await assert_same_answer(
            pair,
            "GET",
            version + path,
            params=params,
            headers={"If-None-Match": etag} | ({"Accept": header} if header else {}),
        )
        assert again.status_code == 304
    text, variables = GraphQLWriter(harness, chance).document(asked)
    await assert_same_answer(pair, "POST", "/graphql", json={"query": text, "variables": variables})
    await assert_same_answer(
        pair, "GET", "/graphql", params={"query": text, "variables": msgspec.json.encode(variables).decode()}
    )


@pytest.mark.parametrize("name", ["anonymous", "staff"])
@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/v1/products/", {}),
        ("GET", "/v1/products/x/y/z", {}),
        ("GET", "/v1/products/batch", {}),
        ("GET", "/products/batch", {}),
        ("GET", "/v1/products/%2e%2e", {}),
        ("GET", "/v1/products/a%2Fb", {}),
        ("GET", "/v1/products/%00", {}),
        ("GET", "/v1/products/%C3%A9", {}),
        ("GET", "/v1/products?fields=nope", {}),
        ("GET", "/v1/products?fields=%FF", {}),
        ("GET", "/v3/products", {}),
        ("GET", "/v1/nothing", {}),
        ("PUT", "/v1/products", {}),
        ("DELETE", "/v1/tags/x", {}),
        ("OPTIONS", "/v1/products/x", {}),
        ("PATCH", "/v1/variants/x", {"json": {}}),
        ("POST", "/v1/products", {"content": b"{", "headers": {"content-type": "application/json"}}),
        ("POST", "/v1/products", {"content": b"x"}),
        ("POST", "/v1/products", {"json": {"nam": 1}}),
        ("POST", "/v1/products/batch", {"json": {"items": []}}),
        ("POST", "/graphql", {"content": b""}),
        ("GET", "/graphql?query={", {}),
        ("GET", "/graphql?query=mutation{__typename}", {}),
        ("PUT", "/graphql", {}),
        ("GET", "/v1/graphql", {}),
        ("GET", "/v1/products", {"headers": {"X-API-Key": "tp_bad"}}),
        ("GET", "/v1/products", {"headers": {"X-API-Version": "2"}}),
        ("GET", "/v1/products", {"headers": {"Accept-Encoding": "zstd"}}),
        ("GET", "/v1", {}),
        ("GET", "/v1/products?page=2", {}),
        ("GET", "/v2/products?page=2", {}),
    ],
)
async def test_a_refusal_has_equal_bytes_and_headers(
    client_pairs: Clients, name: str, method: str, path: str, more: dict[str, Any]
) -> None:
    answer = await assert_same_answer(
        client_pairs[name], method, path, **{k: dict(v) if isinstance(v, dict) else v for k, v in more.items()}
    )
    assert answer.status_code < 500
