"""One shop with something to hide, seen by both kinds of callers through both doors."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.parity.house import CUSTOMER, STAFF, House, Visitor
from tests.parity.stock import Known, stocked
from tests.people import somebody
from tradepost.app import TradepostApp


@pytest.fixture(scope="package")
async def house(app: TradepostApp, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> AsyncIterator[House]:
    """The shop, its SQL watched as long as these tests run."""
    person = await somebody(app)
    customer = Visitor("customer", person.client(), CUSTOMER, person.token, person)
    made = House(app, Visitor("anonymous", client, frozenset()), Visitor("staff", staff, STAFF), customer)
    database: Any = app.state.database
    real, database.reader = database.reader, made.recorder
    yield made
    database.reader = real


@pytest.fixture(scope="package")
async def known(house: House) -> Known:
    """What these tests know of the rows, after some more have been put in."""
    return await stocked(house.app, house.staff, house.customer)


@pytest.fixture(scope="package", params=["anonymous", "staff"])
def visitor(house: House, request: pytest.FixtureRequest) -> Visitor:
    """Each kind of caller."""
    return house.visitors[request.param]
