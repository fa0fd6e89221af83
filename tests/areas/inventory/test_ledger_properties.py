"""Any sequence of stock changes does what a model predicts, and the ledger agrees with it."""

from typing import TYPE_CHECKING

import httpx
from hypothesis import example, given, settings
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
from tests.areas.inventory.stock_model import OK, StockModel
from tests.areas.inventory.test_movements import count, move
from tests.figures import scaled
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


class ModelledStock:
    """Two variants at two locations, of which the second takes backorders, beside their models."""

    def __init__(self, app: "TradepostApp", staff: httpx.AsyncClient, variants: list[str], places: list[str]) -> None:
        self.app, self.staff, self.variants, self.places = app, staff, variants, places
        self.models = [StockModel(backorder=False), StockModel(backorder=True)]
        self.lines: list[tuple[str, str]] = []
        """The order and the id of each open line of the first variant."""

    async def run(self, kind: str, quantity: int, place: int) -> tuple[str, str]:
        """Make one change of the first variant; return its outcome, and that of the model."""
        variant, location, model = self.variants[0], self.places[place], self.models[0]
        on_hand = model.on_hand[place]
        match kind:
            case "receive" | "adjust":
                answer = await move(self.staff, variant, kind=kind, quantity=quantity, location_id=location)
                return code_of(answer), model.set_on_hand(place, on_hand + quantity)
            case "transfer":
                places = {"location_id": location, "to_location_id": self.places[1 - place]}
                answer = await move(self.staff, variant, kind=kind, quantity=quantity, **places)
                return code_of(answer), model.transfer(place, quantity)
            case "count":
                item = {"variant_id": variant, "on_hand": quantity, "location_id": location}
                [result] = (await count(self.staff, item)).json()["results"]
                is_same = result.get("changed") is False
                assert is_same == (result["status"] == 200 and quantity == on_hand)
                return result["error"]["code"] if "error" in result else OK, model.set_on_hand(place, quantity)
            case "reserve":
                return await self.reserve(quantity, place)
            case "release":
                return await self.release(quantity)
            case _:
                answer = await self.staff.patch(f"/v1/variants/{variant}", json={"allow_backorder": bool(place)})
                return code_of(answer), model.set_backorder(bool(place))

    async def reserve(self, quantity: int, extra: int) -> tuple[str, str]:
        """Reserve units of the first variant, and some of the second one, all or nothing."""
        lines = [ReservationLine(new_id(41), self.variants[0], quantity)]
        lines += [ReservationLine(new_id(41), self.variants[1], extra)] if extra else []
        order_id, expected = new_id(40), self.models[0].reserve(quantity)
        try:
            async with transaction(self.app) as call:
                await reserve(call, order_id, lines)
        except OutOfStock as problem:
            assert await reservations_of(self.app, order_id) == {}
            return problem.code, expected
        if extra:
            self.models[1].reserve(extra)
        self.lines.append((order_id, lines[0].order_line_id))
        return OK, expected

    async def release(self, quantity: int) -> tuple[str, str]:
        """Release units of the oldest line, perhaps more than it has."""
        if self.lines:
            order_id, line_id = self.lines[0]
            await release_units(self.app, order_id, {line_id: quantity})
            self.models[0].release(quantity)
            self.lines = self.lines[-len(self.models[0].lines) :] if self.models[0].lines else []
        return OK, OK

    async def check(self) -> None:
        """Check that levels and reservations are those of the models, and the ledger with them."""
        levels = await levels_of(self.app, *self.variants)
        for variant, model in zip(self.variants, self.models, strict=True):
            found = [levels.get((variant, place), (0, 0)) for place in self.places]
            assert found == list(zip(model.on_hand, model.reserved, strict=True))
        for (order_id, line_id), units in zip(self.lines, self.models[0].lines, strict=True):
            reserved = await reservations_of(self.app, order_id)
            assert [reserved.get((line_id, place), 0) for place in self.places] == units
        await check_ledger(self.app, *self.variants)


def code_of(answer: httpx.Response) -> str:
    """Return the code of the problem, or OK."""
    return OK if answer.status_code < 300 else answer.json()["code"]


BACKORDERED = [
    ("receive", 3, 0), ("receive", 2, 1), ("backorder", 1, 1), ("reserve", 6, 1), ("adjust", -1, 0), ("count", 1, 0),
    ("backorder", 1, 0), ("transfer", 1, 0), ("release", 3, 0), ("release", 2, 0), ("backorder", 1, 0),
    ("adjust", -1, 1), ("count", 0, 1), ("transfer", 1, 1), ("release", 6, 0), ("backorder", 1, 0),
]  # fmt: skip
SWITCHED = [("backorder", 1, 1), ("reserve", 2, 0), ("backorder", 1, 0), ("receive", 2, 0), ("backorder", 1, 0)]
REFUSED = [
    ("receive", 3, 0), ("receive", 4, 1), ("reserve", 4, 0), ("reserve", 6, 0), ("reserve", 3, 1), ("adjust", -1, 1),
    ("count", 2, 0), ("transfer", 1, 0), ("adjust", -6, 0), ("release", 1, 0), ("adjust", -1, 1), ("backorder", 1, 0),
]  # fmt: skip


@settings(max_examples=scaled(200, 25), deadline=None)
@given(steps=st.lists(STEPS, min_size=8, max_size=16))
@example(steps=BACKORDERED)
@example(steps=SWITCHED)
@example(steps=REFUSED)
async def test_any_changes_have_the_outcomes_of_the_model(
    app: "TradepostApp", staff: httpx.AsyncClient, steps: list[tuple[str, int, int]]
) -> None:
    variants = [await new_variant(app), await new_variant(app, allow_backorder=True)]
    stock = ModelledStock(app, staff, variants, [await main_location(app), await new_location(app, 1)])
    for step in steps:
        outcome, expected = await stock.run(*step)
        assert outcome == expected, step
        await stock.check()


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
