"""One shop with something to hide, seen by both kinds of callers through both doors."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.parity.harness import CUSTOMER, STAFF, ApiClient, DualDoorApp
from tests.parity.sample_rows import SampleRows, create_catalog_rows
from tests.users import create_user
from tradepost.app import TradepostApp


@pytest.fixture(scope="package")
async def harness(app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> AsyncIterator[DualDoorApp]:
    """The shop, its SQL watched as long as these tests run."""
    person = await create_user(app)
    customer = ApiClient("customer", person.client(), CUSTOMER, person.token, person)
    made = DualDoorApp(app, ApiClient("anonymous", client, frozenset()), ApiClient("staff", staff, STAFF), customer)
    database: Any = app.state.database
    real, database.reader = database.reader, made.recorder
    yield made
    database.reader = real


@pytest.fixture(scope="package")
async def known(harness: DualDoorApp) -> SampleRows:
    """What these tests know of the rows, after some more have been put in."""
    return await create_catalog_rows(harness.app, harness.staff, harness.customer)


@pytest.fixture(scope="package", params=["anonymous", "staff"])
def visitor(harness: DualDoorApp, request: pytest.FixtureRequest) -> ApiClient:
    """Each kind of caller."""
    return harness.visitors[request.param]
