"""One app with sample rows, some of them hidden, seen by all kinds of callers at both doors."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.sample_rows import SampleRows, create_sample_rows
from tradepost.app import TradepostApp


@pytest.fixture(scope="package")
async def harness(app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> AsyncIterator[DualDoorApp]:
    """The app. Its SQL statements are recorded while these tests run."""
    harness = await DualDoorApp.create(app, client, staff)
    database: Any = app.state.database
    reader, database.reader = database.reader, harness.recorder
    yield harness
    database.reader = reader


@pytest.fixture(scope="package")
async def sample_rows(harness: DualDoorApp) -> SampleRows:
    """The sample rows of all resources."""
    return await create_sample_rows(harness.app, harness.staff, harness.customer)


@pytest.fixture(scope="package", params=["anonymous", "staff"])
def caller(harness: DualDoorApp, request: pytest.FixtureRequest) -> ApiClient:
    """An anonymous caller, then staff."""
    return harness.callers[request.param]
