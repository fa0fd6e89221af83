"""Placing an order takes a fixed number of round trips, whatever the number of lines."""

from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from tests.areas.orders.checkout import ready_cart, stocked_variant
from tests.areas.orders.statements import counted
from tradepost.areas.orders.service import OrderSettings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

MAX_ROUND_TRIPS = 26


async def round_trips(app: "TradepostApp", staff: httpx.AsyncClient, lines: int) -> list[str]:
    """Return the statements of placing an order with some lines."""
    variants = [(await stocked_variant(app, staff), 1 + i) for i in range(lines)]
    checkout = await ready_cart(app, staff, *variants)
    with counted(app) as statements:
        await checkout.place()
    return statements


async def test_placing_takes_few_round_trips_whatever_the_number_of_lines(
    app: "TradepostApp", staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: OrderSettings = app.state.dependencies.require(OrderSettings)
    limited = msgspec.structs.replace(settings, open_orders=10**6, open_orders_per_client=10**6)
    monkeypatch.setitem(app.state.dependencies.instances, OrderSettings, limited)
    await round_trips(app, staff, 1)
    few, many = await round_trips(app, staff, 1), await round_trips(app, staff, 9)
    assert len(few) == len(many) > 10
    # SQLite is in the process: its statements are no round trips.
    assert app.state.database.is_sqlite or len(few) <= MAX_ROUND_TRIPS
