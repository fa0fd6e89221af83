"""Events of stock: moved goods, stock that is low, and goods that return."""

from typing import TYPE_CHECKING

import httpx

from tests.areas.catalog.events import events_of, types_of
from tests.areas.inventory.stock import main_location, new_location, new_variant, put, release_units, transaction
from tests.areas.inventory.test_movements import move
from tradepost.areas.inventory.service import ReservationLine, reserve
from tradepost.kit.ids import new_id

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

LOW, AVAILABLE = "stock.low", "stock.available"


class Orders:
    """Orders of one line, which reserve and release units of a variant."""

    def __init__(self, app: "TradepostApp", variant: str) -> None:
        self.app, self.variant = app, variant
        self.lines: list[tuple[str, str]] = []

    async def reserve(self, quantity: int) -> None:
        """Reserve units for a new order."""
        order_id, line_id = new_id(40), new_id(41)
        async with transaction(self.app) as call:
            await reserve(call, order_id, [ReservationLine(line_id, self.variant, quantity)])
        self.lines.append((order_id, line_id))

    async def release(self, quantity: int) -> None:
        """Release units of the oldest order that has released none."""
        order_id, line_id = self.lines.pop(0)
        await release_units(self.app, order_id, {line_id: quantity})


async def test_low_stock_is_reported_once_per_crossing(app: "TradepostApp") -> None:
    variant = await new_variant(app, low_stock_threshold=3)
    await put(app, variant, await main_location(app), 6)
    orders = Orders(app, variant)
    assert await types_of(app, variant) == [AVAILABLE]
    for quantity in (2, 1, 1):  # 4, 3 (low), 2
        await orders.reserve(quantity)
    assert await types_of(app, variant) == [AVAILABLE, LOW]
    await orders.release(1)  # 3: still low
    await orders.release(1)  # 4
    await orders.reserve(4)  # 0: across the threshold at once
    assert await types_of(app, variant) == [AVAILABLE, LOW, LOW]
    await orders.release(1)
    assert await types_of(app, variant) == [AVAILABLE, LOW, LOW, AVAILABLE]
    [_, (_, data), *_] = await events_of(app, variant)
    assert list(data) == ["product_id"], "exact stock is not public"


async def test_stock_at_an_inactive_location_makes_nothing_available(app: "TradepostApp") -> None:
    variant = await new_variant(app)
    await put(app, variant, await new_location(app, 1, active=False), 6)
    assert await types_of(app, variant) == []


async def test_every_movement_of_goods_has_an_event(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant, second = await new_variant(app), await new_location(app, 3)
    received = (await move(staff, variant, kind="receive", quantity=3)).json()
    moved = (await move(staff, variant, kind="transfer", quantity=1, to_location_id=second)).json()
    for movement in (received, moved):
        [(type, data)] = await events_of(app, movement["id"])
        assert (type, data["kind"], data["variant_id"]) == ("stock.moved", movement["kind"], variant)
        assert data["location_id"] == movement["location_id"]
        assert "quantity" not in data
    await Orders(app, variant).reserve(1)
    movements = (await staff.get(f"/v1/variants/{variant}/stock/movements")).json()["data"]
    [reserved] = [movement for movement in movements if movement["kind"] == "reserve"]
    assert await events_of(app, reserved["id"]) == [], "nothing has moved"
