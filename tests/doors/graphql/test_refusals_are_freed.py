"""What a refused request held is freed with its response, without a garbage collection."""

import gc

import httpx
import pytest

from tradepost.doors.graphql.problems import RequestError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("body", [b"{}", b"{", b'{"query": "{ unknown }"}', b'{"query": "{ a: products(first: 1) }"}'])
async def test_no_refused_request_waits_for_a_garbage_collection(client: httpx.AsyncClient, body: bytes) -> None:
    gc.collect()
    gc.disable()
    try:
        response = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        left = [error for error in gc.get_objects() if isinstance(error, RequestError)]
    finally:
        gc.enable()
    assert "errors" in response.json()
    assert left == []
