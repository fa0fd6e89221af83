"""What a refused request held is freed with its response, without a garbage collection."""

import gc

import httpx
import pytest

from tests.garbage import without_collections
from tradepost.doors.graphql.problems import RequestError

pytestmark = pytest.mark.anyio


REFUSALS = {
    b"{}": "invalid_parameter",
    b"{": "malformed",
    b'{"query": "{ unknown }"}': "invalid_document",
    b'{"query": "{ a: products(first: 1) }"}': "invalid_document",
}
"""Bodies, and the code of their problem."""


@pytest.mark.parametrize(("body", "code"), REFUSALS.items())
async def test_no_refused_request_waits_for_a_garbage_collection(
    client: httpx.AsyncClient, body: bytes, code: str
) -> None:
    with without_collections():
        response = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        left = [error for error in gc.get_objects() if isinstance(error, RequestError)]
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {code}
    assert left == []
