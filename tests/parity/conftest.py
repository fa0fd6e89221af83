"""One app with sample rows, some of them hidden, seen by all kinds of callers at both doors."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from tests.areas.catalog.case.product_rows import complete_product
from tests.factories import unique
from tests.parity.case import new_mark
from tests.parity.harness import SECRET_WORD, ApiClient, DualDoorApp, Json
from tests.parity.sample_rows import SampleRows, create_sample_rows
from tradepost.app import TradepostApp, create_app
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.settings import Settings


@pytest.fixture(scope="package")
async def harness(app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> AsyncIterator[DualDoorApp]:
    """The app. Its SQL statements are recorded while these tests run."""
    harness = await DualDoorApp.create(app, client, staff)
    database: Any = app.state.database
    reader, database.reader = database.reader, harness.recorder
    yield harness
    database.reader = reader
    if harness.oracle_connection is not None:
        await harness.oracle_connection.close()


@pytest.fixture(scope="package")
async def sample_rows(harness: DualDoorApp) -> SampleRows:
    """The sample rows of all resources."""
    return await create_sample_rows(harness.app, harness.staff, harness.customer, harness.guest)


@pytest.fixture(scope="package", params=["anonymous", "staff"])
def caller(harness: DualDoorApp, request: pytest.FixtureRequest) -> ApiClient:
    """An anonymous caller, then staff."""
    return harness.callers[request.param]


@pytest.fixture(scope="module")
async def uncached(settings: Settings, anyio_backend: object) -> AsyncIterator[TradepostApp]:
    """A second app over the same rows, without a read cache."""
    app = create_app(msgspec.structs.replace(settings, read_cache=False))
    async with app.lifespan():
        yield app


@pytest.fixture
async def cache(harness: DualDoorApp) -> ReadCache:
    """The app's read cache, empty.

    It is suspended if the database file has not been checked for a while, as no event loop runs
    between two tests.
    """
    cache: ReadCache = harness.app.state.cache
    for _ in range(100):
        if not cache.suspended:
            break
        await asyncio.sleep(0.05)
    assert not cache.suspended
    cache.clear()
    return cache


@pytest.fixture(scope="package")
async def secret_products(harness: DualDoorApp) -> Json:
    """An active product and a draft with a `source` that only editors read. It has SECRET_WORD."""
    rows: Json = {}
    for status in ("active", "draft"):
        mark = new_mark()
        members = {
            "status": status,
            "source": {"cost": f"{SECRET_WORD}-{unique()}"},
            "name": f"Faulty {mark}",
            "tags": [unique("tag")],
        }
        params = {"fields": "id,slug,source,name,created_at,variants{id,sku}"}
        answer = await harness.staff.rest("POST", "/products", json=complete_product(mark) | members, params=params)
        assert answer.status_code == 201, answer.text
        rows[status] = answer.json()
    return rows
