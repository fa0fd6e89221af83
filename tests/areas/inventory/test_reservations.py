"""Orders reserve stock at the locations by priority, all or nothing, and release it."""

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import event, select

from tests.areas.inventory.stock import (
    SHOPPER,
    STOCKKEEPER,
    check_ledger,
    context,
    levels_of,
    main_location,
    new_location,
    new_variant,
    put,
    release_units,
    reservations_of,
    transaction,
)
from tradepost.areas.inventory.models import StockMovementRow
from tradepost.areas.inventory.service import Release, ReservationLine, release, reserve, stock_of
from tradepost.kit.auth.caller import Caller
from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id
from tradepost.kit.problems import OutOfStock

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


def line(variant_id: str, quantity: int) -> ReservationLine:
    """Return a new order line."""
    return ReservationLine(new_id(41), variant_id, quantity)


async def place(app: "TradepostApp", *lines: ReservationLine, caller: Caller = SHOPPER) -> str:
    """Reserve the lines of a new order in a transaction, and return its id."""
    order_id = new_id(40)
    async with transaction(app, caller) as call:
        await reserve(call, order_id, lines)
    return order_id


async def test_the_first_location_that_covers_a_line_is_taken_whole(app: "TradepostApp") -> None:
    variant, main, second = await new_variant(app), await main_location(app), await new_location(app, 1)
    await put(app, variant, main, 2)
    await put(app, variant, second, 5)
    order = await place(app, wanted := line(variant, 3))
    assert await reservations_of(app, order) == {(wanted.order_line_id, second): 3}
    assert await levels_of(app, variant) == {(variant, main): (2, 0), (variant, second): (5, 3)}
    await check_ledger(app, variant)


async def test_a_line_is_split_if_no_location_covers_it(app: "TradepostApp") -> None:
    variant, main, second = await new_variant(app), await main_location(app), await new_location(app, 1)
    await put(app, variant, main, 2)
    await put(app, variant, second, 5)
    order = await place(app, wanted := line(variant, 6))
    assert await reservations_of(app, order) == {
        (wanted.order_line_id, main): 2,
        (wanted.order_line_id, second): 4,
    }
    await check_ledger(app, variant)


async def test_only_what_is_left_is_backordered_at_the_first_active_location(app: "TradepostApp") -> None:
    variant, main = await new_variant(app, allow_backorder=True), await main_location(app)
    second = await new_location(app, 1)
    await put(app, variant, second, 5)
    order = await place(app, wanted := line(variant, 7))
    assert await reservations_of(app, order) == {(wanted.order_line_id, second): 5, (wanted.order_line_id, main): 2}
    assert await levels_of(app, variant) == {(variant, main): (0, 2), (variant, second): (5, 5)}
    # The backordered units are released first.
    await release_units(app, order, {wanted.order_line_id: 3})
    assert await levels_of(app, variant) == {(variant, main): (0, 0), (variant, second): (5, 4)}
    await release_units(app, order, {wanted.order_line_id: 4})
    assert await reservations_of(app, order) == {}
    await check_ledger(app, variant)


async def test_stock_of_inactive_locations_is_not_sold(app: "TradepostApp") -> None:
    variant, closed = await new_variant(app), await new_location(app, 1, active=False)
    await put(app, variant, closed, 5)
    with pytest.raises(OutOfStock):
        await place(app, line(variant, 1))
    stock = (await stock_of(context(app), [variant]))[variant]
    assert (stock.available, stock.availability) == (0, "out_of_stock")


async def test_nothing_is_reserved_if_one_line_lacks_units(app: "TradepostApp") -> None:
    enough, few, main = await new_variant(app), await new_variant(app), await main_location(app)
    await put(app, enough, main, 10)
    await put(app, few, main, 1)
    for caller, available in ((SHOPPER, None), (STOCKKEEPER, 1)):
        with pytest.raises(OutOfStock) as raised:
            await place(app, line(enough, 2), line(few, 2), caller=caller)
        [problem] = raised.value.members["lines"]
        assert (problem["variant_id"], problem["requested"], problem.get("available")) == (few, 2, available)
    assert {level for level in (await levels_of(app, enough, few)).values()} == {(10, 0), (1, 0)}


async def test_backordered_units_are_released_first_then_those_at_the_last_location(app: "TradepostApp") -> None:
    variant, main = await new_variant(app, allow_backorder=True), await main_location(app)
    second = await new_location(app, 1)
    await put(app, variant, main, 3)
    await put(app, variant, second, 2)
    order = await place(app, wanted := line(variant, 7))
    levels = [await levels_of(app, variant)]
    for units in (1, 2, 3, 1):
        await release_units(app, order, {wanted.order_line_id: units})
        levels.append(await levels_of(app, variant))
    reserved = [(level[variant, main][1], level[variant, second][1]) for level in levels]
    assert reserved == [(5, 2), (4, 2), (3, 1), (1, 0), (0, 0)]
    assert await reservations_of(app, order) == {}
    await check_ledger(app, variant)


@pytest.mark.parametrize("is_tracked", [False, True])
async def test_a_change_of_tracking_does_not_change_what_an_order_has_reserved(
    app: "TradepostApp", staff: httpx.AsyncClient, is_tracked: bool
) -> None:
    variant, main = await new_variant(app), await main_location(app)
    await put(app, variant, main, 5)

    async def track(value: bool) -> None:
        answer = await staff.patch(f"/v1/variants/{variant}", json={"track_inventory": value})
        assert answer.status_code == 200, answer.text

    await track(is_tracked)
    order, reserved = await place(app, wanted := line(variant, 4)), 4 if is_tracked else 0
    stock = (await stock_of(context(app), [variant]))[variant]
    assert (stock.available, stock.availability) == ((1, "low") if is_tracked else (None, "in_stock"))
    await track(not is_tracked)
    assert await levels_of(app, variant) == {(variant, main): (5, reserved)}
    await release_units(app, order, {wanted.order_line_id: 3})
    assert await levels_of(app, variant) == {(variant, main): (5, reserved - 3 if is_tracked else 0)}
    await release_units(app, order, {wanted.order_line_id: 1})
    assert await levels_of(app, variant) == {(variant, main): (5, 0)}
    await check_ledger(app, variant)


async def test_availability_by_the_threshold_of_the_variant_or_of_the_shop(app: "TradepostApp") -> None:
    main = await main_location(app)
    usual, own = await new_variant(app), await new_variant(app, low_stock_threshold=2)
    backorder = await new_variant(app, allow_backorder=True)
    for variant in (usual, own, backorder):
        await put(app, variant, main, 5)
    stock = await stock_of(context(app), [usual, own, backorder])
    assert [stock[v].availability for v in (usual, own, backorder)] == ["low", "in_stock", "low"]
    await place(app, line(usual, 5), line(own, 3), line(backorder, 6))
    stock = await stock_of(context(app), [usual, own, backorder])
    assert [stock[v].availability for v in (usual, own, backorder)] == ["out_of_stock", "low", "backorder"]
    assert [stock[v].available for v in (usual, own, backorder)] == [0, 2, 0]


async def test_several_orders_are_released_at_once_each_by_movements_of_its_own(app: "TradepostApp") -> None:
    one, two = sorted([await new_variant(app), await new_variant(app, allow_backorder=True)])
    main = await main_location(app)
    for variant in (one, two):
        await put(app, variant, main, 9)
    lines = [[line(variant, 2) for variant in variants] for variants in ((one, two), (two, one), (two,))]
    orders = [(await place(app, *wanted), wanted) for wanted in lines]
    releases = [
        Release(id, {wanted.order_line_id: 2 if wanted.variant_id == two else 1 for wanted in group}, new_id(42))
        for id, group in orders
    ]
    async with transaction(app) as call:
        await release(call, releases)
    assert await levels_of(app, one, two) == {(one, main): (9, 2), (two, main): (9, 0)}
    async with app.state.database.session_factory() as session:
        query = select(StockMovementRow.reference, StockMovementRow.variant_id, StockMovementRow.reserved_delta)
        rows = [tuple(row) for row in await session.execute(query.where(StockMovementRow.kind == "release"))]
    first, second, third = [one.reference for one in releases]
    assert {row for row in rows if row[1] in (one, two)} == {
        (first, one, -1),
        (first, two, -2),
        (second, two, -2),
        (second, one, -1),
        (third, two, -2),
    }
    await check_ledger(app, one, two)


@pytest.mark.parametrize("count", [1, 3, 100])
async def test_the_number_of_statements_does_not_depend_on_the_number_of_lines(app: "TradepostApp", count: int) -> None:
    main = await main_location(app)
    lines = [line(await new_variant(app, allow_backorder=i % 2 == 1), 2) for i in range(count)]
    for wanted in lines:
        await put(app, wanted.variant_id, main, 2)
    statements: list[str] = []

    def record(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement.split()[0])

    engine = app.state.database.engine.sync_engine
    order = new_id(40)
    async with transaction(app) as call:
        event.listen(engine, "before_cursor_execute", record)
        try:
            await reserve(call, order, lines)
            assert [s for s in statements if s != "BEGIN"] == ["SELECT", "SELECT", "UPDATE", "INSERT", "INSERT"]
            statements.clear()
            releases = [
                Release(id, {wanted.order_line_id: 1 for wanted in lines}, new_id(42)) for id in (order, new_id(40))
            ]
            await release(call, releases)
            assert statements == ["SELECT", "SELECT", "SELECT", "UPDATE", "UPDATE", "INSERT"]
        finally:
            event.remove(engine, "before_cursor_execute", record)
    await check_ledger(app, *[wanted.variant_id for wanted in lines])


async def attempt(app: "TradepostApp", *lines: ReservationLine) -> bool:
    """Place an order; return whether there was enough stock."""
    try:
        await place(app, *lines)
    except OutOfStock:
        return False
    return True


@pytest.mark.parametrize("places", [(10,), (6, 4)])
async def test_parallel_orders_get_exactly_what_there_is(app: "TradepostApp", places: tuple[int, ...]) -> None:
    variant = await new_variant(app)
    locations = [await main_location(app), await new_location(app, 1)]
    for location, units in zip(locations, places, strict=False):
        await put(app, variant, location, units)
    outcomes = await asyncio.gather(*[attempt(app, line(variant, 1)) for _ in range(30)])
    assert sum(outcomes) == 10
    await check_ledger(app, variant)


async def test_parallel_orders_in_opposite_order_of_variants_do_not_deadlock(app: "TradepostApp") -> None:
    main = await main_location(app)
    one, two = await new_variant(app, allow_backorder=True), await new_variant(app, allow_backorder=True)
    await put(app, one, main, 5)
    orders = [((one, two) if i % 2 else (two, one)) for i in range(20)]
    outcomes = await asyncio.gather(*[attempt(app, *[line(v, 1) for v in variants]) for variants in orders])
    assert all(outcomes)
    assert await levels_of(app, one, two) == {(one, main): (5, 20), (two, main): (0, 20)}
    await check_ledger(app, one, two)


async def test_releases_and_orders_in_opposite_order_of_variants_do_not_deadlock(app: "TradepostApp") -> None:
    main = await main_location(app)
    one, two = await new_variant(app), await new_variant(app)
    for variant in (one, two):
        await put(app, variant, main, 100)
    placed = [(await place(app, a := line(one, 1)), a) for _ in range(10)]
    placed += [(await place(app, b := line(two, 1)), b) for _ in range(10)]

    async def release_two(first: int, second: int) -> None:
        async with transaction(app) as call:
            pairs = [placed[first], placed[second]]
            await release(call, [Release(id, {wanted.order_line_id: 1}, new_id(42)) for id, wanted in pairs])

    releases = [release_two(*((i, 10 + i) if i % 2 else (10 + i, i))) for i in range(10)]
    orders = [place(app, line(one, 1), line(two, 1)) for _ in range(10)]
    await asyncio.gather(*releases, *orders)
    assert await levels_of(app, one, two) == {(one, main): (100, 10), (two, main): (100, 10)}
    await check_ledger(app, one, two)


async def test_a_variant_that_is_deleted_meanwhile_is_a_lost_race(app: "TradepostApp") -> None:
    with pytest.raises(LostRace):
        await place(app, line(new_id(3), 1))
