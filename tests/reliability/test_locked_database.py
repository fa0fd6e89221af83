"""SQLite that another process keeps locked: writes get 503 in time, reads go on."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.conftest import HERE
from tests.reliability.client import CREATE, problem_in
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.once

MAX_SECONDS = 2.0


@pytest.fixture
async def shop(fresh_settings: Callable[[], Settings]) -> AsyncIterator["TradepostApp"]:
    """An app on a database of its own."""
    from tradepost.app import create_app

    app = create_app(fresh_settings())
    async with app.lifespan():
        yield app


@pytest.fixture
async def staff(shop: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A member of its staff."""
    key = await shop.state.credentials.create(name="tests", role="staff")
    transport = httpx.ASGITransport(app=shop, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"X-API-Key": key}) as client:
        yield client


async def write(staff: httpx.AsyncClient, number: int) -> tuple[float, httpx.Response]:
    """Create a product at one of the two doors; return the seconds that it took and the answer."""
    started, name = time.monotonic(), f"product-{number}"
    if number % 2:
        answer = await staff.post("/v1/products", json={"name": name}, headers={"Idempotency-Key": name})
    else:
        variables = {"key": name, "input": {"name": name}}
        answer = await staff.post("/graphql", json={"query": CREATE, "variables": variables})
    return time.monotonic() - started, answer


async def test_writes_are_503_in_time_and_reads_go_on(shop: "TradepostApp", staff: httpx.AsyncClient) -> None:
    slowest = max([seconds for seconds, _ in await asyncio.gather(*[write(staff, n) for n in range(20)])])
    with closing(sqlite3.connect(shop.state.database.engine.url.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writes = asyncio.gather(*[write(staff, n) for n in range(100, 120)])
        await asyncio.sleep(0.2)
        assert (await staff.get("/v1/products?limit=3")).status_code == 200
        assert (await staff.post("/graphql", json={"query": "{ products { nodes { id } } }"})).status_code == 200
        answers = await writes
        other.execute("ROLLBACK")
    for seconds, answer in answers:
        assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1"), answer.text
        assert (problem_in(answer) or {})["code"] == "unavailable"
        assert seconds < MAX_SECONDS + slowest
    again = await asyncio.gather(*[write(staff, n) for n in range(100, 120)])
    assert {answer.status_code for _, answer in again} == {200, 201}
