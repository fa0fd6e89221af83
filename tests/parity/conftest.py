"""One shop with something to hide, seen by both kinds of callers through both doors."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.parity.house import STAFF, House, Visitor
from tests.parity.stock import Known, stocked
from tradepost.app import Shop


@pytest.fixture(scope="package")
def house(app: Shop, client: httpx.AsyncClient, staff: httpx.AsyncClient) -> Iterator[House]:
    """The shop, its SQL watched as long as these tests run."""
    made = House(app, Visitor("anonymous", client, frozenset()), Visitor("staff", staff, STAFF))
    database: Any = app.state.database
    real, database.reader = database.reader, made.recorder
    yield made
    database.reader = real


@pytest.fixture(scope="package")
async def known(house: House) -> Known:
    """What these tests know of the rows, after some more have been put in."""
    return await stocked(house.app, house.staff)


@pytest.fixture(scope="package", params=["anonymous", "staff"])
def visitor(house: House, request: pytest.FixtureRequest) -> Visitor:
    """Each kind of caller."""
    return house.visitors[request.param]
