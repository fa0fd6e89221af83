"""Writes that wait for a connection, or whose statement takes too long, end with 503."""

import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from sqlalchemy import text

from tests.areas.orders.shop_app import staff_client
from tests.factories import assert_problem, make_product
from tests.servers import Run
from tradepost.kit.db import engine
from tradepost.kit.writes import database

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

RENAME = 'mutation($id: ID!) { productUpdate(id: $id, patch: {name: "New"}) { name } }'
SLEEP = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$"
SLOW = "CREATE TRIGGER wait BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION wait()"


@pytest.fixture
async def app(
    fresh_settings: "Callable[[], Settings]", monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator["TradepostApp"]:
    """An app with one connection for writes, whose limits are short."""
    from tradepost.app import create_app

    for module in (engine, database):
        monkeypatch.setattr(module, "MAX_QUEUE_WAIT", 0.5)
    monkeypatch.setattr(engine, "MAX_STATEMENT", 0.5)
    app = create_app(msgspec.structs.replace(fresh_settings(), pool_size=1))
    async with app.lifespan():
        yield app


async def assert_unavailable(staff: httpx.AsyncClient, product: str) -> None:
    """Assert that a write is 503 at both doors, in a few seconds."""
    started = time.monotonic()
    answer = await staff.patch(f"/v1/products/{product}", json={"name": "New"})
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"]
    answer = await staff.post("/graphql", json={"query": RENAME, "variables": {"id": product}})
    assert answer.status_code == 503, answer.text
    assert time.monotonic() - started < 15


async def test_a_write_that_takes_too_long_is_503(app: "TradepostApp", run: Run) -> None:
    staff, database = staff_client(app), app.state.database
    product = (await make_product(staff))["id"]
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))
        await assert_unavailable(staff, product)  # there is no connection left
    assert (await staff.patch(f"/v1/products/{product}", json={"name": "Newer"})).status_code == 200
    if run.postgresql is not None:  # SQLite runs no code that can be slow
        async with database.transaction() as session:
            await session.execute(text(SLEEP))
            await session.execute(text(SLOW))
        await assert_unavailable(staff, product)
