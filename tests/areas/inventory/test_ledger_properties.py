"""Any sequence of stock changes keeps the ledger: levels are sums, and nothing is oversold."""

from typing import TYPE_CHECKING

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.areas.inventory.stock import (
    check_ledger,
    levels_of,
    main_location,
    new_location,
    new_variant,
    release_units,
    reservations_of,
    transaction,
)
from tests.areas.inventory.test_movements import count, move
from tradepost.areas.inventory.service import ReservationLine, reserve
from tradepost.areas.inventory.service.allocation import allocate
from tradepost.areas.inventory.service.levels import Level, StockedVariant
from tradepost.kit.ids import new_id
from tradepost.kit.problems import OutOfStock

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

QUANTITIES = st.integers(1, 6)
PLACES = st.integers(0, 1)
STEPS = st.one_of(
    st.tuples(st.just("receive"), QUANTITIES, PLACES),
    st.tuples(st.just("adjust"), st.integers(-6, 6).filter(bool), PLACES),
    st.tuples(st.just("transfer"), QUANTITIES, PLACES),
    st.tuples(st.just("count"), st.integers(0, 6), PLACES),
    st.tuples(st.just("reserve"), QUANTITIES, PLACES),
    st.tuples(st.just("release"), QUANTITIES, PLACES),
    st.tuples(st.just("backorder"), QUANTITIES, PLACES),
)


class Shelf:
    """Two variants at two locations, and the open order lines of each variant."""

    def __init__(self, app: "TradepostApp", staff: httpx.AsyncClient, variants: list[str], places: list[str]) -> None:
        self.app, self.staff, self.variants, self.places = app, staff, variants, places
        self.lines: list[tuple[str, str]] = []

    async def run(self, kind: str, quantity: int, place: int) -> None:
        """Make one change of the first variant. It may be refused."""
        variant, location = self.variants[0], self.places[place]
        match kind:
            case "receive" | "adjust":
                await move(self.staff, variant, kind=kind, quantity=quantity, location_id=location)
            case "transfer":
                other = self.places[1 - place]
                await move(
                    self.staff, variant, kind=kind, quantity=quantity, location_id=location, to_location_id=other
                )
            case "count":
                await count(self.staff, {"variant_id": variant, "on_hand": quantity, "location_id": location})
            case "reserve":
                await self.reserve(quantity, place)
            case "release":
                await self.release(quantity)
            case _:
                await self.staff.patch(f"/v1/variants/{variant}", json={"allow_backorder": bool(place)})

    async def reserve(self, quantity: int, extra: int) -> None:
        """Reserve units of the first variant, and some of the second one."""
        lines = [ReservationLine(new_id(41), self.variants[0], quantity)]
        lines += [ReservationLine(new_id(41), self.variants[1], extra)] if extra else []
        order_id = new_id(40)
        try:
            async with transaction(self.app) as call:
                await reserve(call, order_id, lines)
        except OutOfStock:
            assert await reservations_of(self.app, order_id) == {}
            return
        self.lines += [(order_id, line.order_line_id) for line in lines]
        reserved = await reservations_of(self.app, order_id)
        for line in lines:
            assert sum([n for (id, _), n in reserved.items() if id == line.order_line_id]) == line.quantity

    async def release(self, quantity: int) -> None:
        """Release units of the oldest line, perhaps more than it has."""
        if self.lines:
            order_id, line_id = self.lines.pop(0)
            await release_units(self.app, order_id, {line_id: quantity})


@settings(max_examples=12)
@given(steps=st.lists(STEPS, min_size=1, max_size=14))
async def test_the_ledger_agrees_with_the_levels_after_any_changes(
    app: "TradepostApp", staff: httpx.AsyncClient, steps: list[tuple[str, int, int]]
) -> None:
    variants = [await new_variant(app), await new_variant(app, allow_backorder=True)]
    shelf = Shelf(app, staff, variants, [await main_location(app), await new_location(app, 1)])
    for step in steps:
        await shelf.run(*step)
        await check_ledger(app, *variants)
        backorder = (await staff.get(f"/v1/variants/{variants[0]}")).json()["allow_backorder"]
        for (variant, _), (on_hand, reserved) in (await levels_of(app, *variants)).items():
            assert on_hand >= 0 <= reserved
            assert variant == variants[1] or backorder or reserved <= on_hand, "oversold"


def variant_with(units: list[tuple[int, int, bool]], *, backorder: bool) -> StockedVariant:
    """Return a variant with levels of (on hand, reserved, active), in order of priority."""
    levels = [
        Level(str(i), "v", str(i), on_hand, min(reserved, on_hand), backorder, i, active)
        for i, (on_hand, reserved, active) in enumerate(units)
    ]
    return StockedVariant("v", "p", "SKU", True, backorder, 5, levels)


UNITS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.booleans()), max_size=4)


@settings(max_examples=400)
@given(UNITS, st.integers(1, 8), st.booleans())
def test_an_allocation_takes_real_stock_first_and_exactly_what_is_needed(
    units: list[tuple[int, int, bool]], quantity: int, backorder: bool
) -> None:
    variant = variant_with(units, backorder=backorder)
    active = [level for level in variant.levels if level.is_active]
    first = active[0].location_id if active else None
    allocation = allocate(variant, quantity, first)
    if allocation is None:
        assert variant.free < quantity
        assert not (backorder and active)
        return
    assert sum(allocation.values()) == quantity
    levels: dict[str, Level] = {level.id: level for level in active}
    over = {id: n - levels[id].available for id, n in allocation.items() if n > levels[id].available}
    assert set(over) <= {first}
    assert sum(over.values()) == max(0, quantity - variant.free)
    whole = [level for level in active if level.available >= quantity]
    assert not whole or allocation == {whole[0].id: quantity}
