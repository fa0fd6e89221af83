"""The stock of fulfilments: locations, backorders, variants that are not tracked or not shipped."""

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.inventory.stock import (
    check_ledger,
    levels_of,
    main_location,
    new_location,
    put,
    reservations_of,
)
from tests.areas.orders.checkout import placed_order, post, stock_of, stocked_variant
from tests.areas.orders.fulfilling import (
    confirm,
    confirmed_order,
    counters,
    fulfil,
    order_now,
    step,
    take_step,
    try_fulfil,
    units,
)
from tests.factories import assert_problem, faults
from tradepost.kit.ids import new_id

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def test_several_locations_are_named_and_one_of_them_takes_the_reservations_over(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    main, second = await main_location(app), await new_location(app, 1)
    variant = await stocked_variant(app, staff, 2)
    await put(app, variant, second, 1)
    _, order = await confirmed_order(app, staff, (variant, 3))
    await put(app, variant, second, 1)
    [line] = order["lines"]
    assert await reservations_of(app, order["id"]) == {(line["id"], main): 2, (line["id"], second): 1}

    refused = await try_fulfil(staff, order, 2)
    assert faults(refused) == {("/location_id", "required")}
    assert main in refused.json()["detail"]
    assert second in refused.json()["detail"]
    # 2 units are on hand there, of which 1 is reserved for this order.
    problem = assert_problem(await try_fulfil(staff, order, 3, location_id=second), 409, "out_of_stock")
    assert [(row["variant_id"], row["requested"], row["available"]) for row in problem["lines"]] == [(variant, 2, 1)]
    fulfilment = await fulfil(staff, order, 2, location_id=second)
    assert fulfilment["location_id"] == second
    assert await reservations_of(app, order["id"]) == {(line["id"], main): 1, (line["id"], second): 2}
    await check_ledger(app, variant)
    # What is packed there is not looked at again.
    assert (await fulfil(staff, order, 1))["location_id"] == main
    await step(staff, fulfilment, "shipment")
    assert await levels_of(app, variant) == {(variant, main): (2, 1), (variant, second): (0, 0)}
    await check_ledger(app, variant)


async def test_a_location_takes_over_again_after_its_units_have_shipped(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    second = await new_location(app, 1)
    variant = await stocked_variant(app, staff, 3)
    await put(app, variant, second, 2)
    _, order = await confirmed_order(app, staff, (variant, 3))
    for left in (1, 0):
        await fulfil(staff, order, 1, location_id=second, shipped=True)
        assert (await levels_of(app, variant))[variant, second] == (left, 0)
        await check_ledger(app, variant)
    assert_problem(await try_fulfil(staff, order, 1, location_id=second), 409, "out_of_stock")
    assert (await levels_of(app, variant))[variant, await main_location(app)] == (3, 1)


async def test_an_unknown_location_is_refused(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, order = await confirmed_order(app, staff)
    assert faults(await try_fulfil(staff, order, 1, location_id=new_id(22))) == {("/location_id", "not_found")}


async def test_units_are_released_where_they_are_not_packed(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    main, last = await main_location(app), await new_location(app, 9)
    variant = await stocked_variant(app, staff, 1)
    await put(app, variant, last, 1)
    _, order = await confirmed_order(app, staff, (variant, 2))
    fulfilment = await fulfil(staff, order, 1, location_id=last)
    # A cancellation releases the units at the last location first, unless they are packed.
    answer = await post(staff, f"/v1/orders/{order['id']}/cancellation", {"lines": units(order, 1)})
    assert answer.status_code == 200, answer.text
    assert await levels_of(app, variant) == {(variant, main): (1, 0), (variant, last): (1, 1)}
    await step(staff, fulfilment, "shipment")
    assert await levels_of(app, variant) == {(variant, main): (1, 0), (variant, last): (0, 0)}
    await check_ledger(app, variant)


async def test_backordered_units_ship_when_the_goods_are_there(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 1, allow_backorder=True)
    _, order = await confirmed_order(app, staff, (variant, 3))
    fulfilment = await fulfil(staff, order, 3)
    problem = assert_problem(await take_step(staff, fulfilment, "shipment"), 409, "out_of_stock")
    assert [(row["requested"], row["available"]) for row in problem["lines"]] == [(3, 1)]
    assert (await order_now(staff, order))["fulfilment_status"] == "unfulfilled"
    assert await stock_of(app, variant) == (1, 3)
    await put(app, variant, await main_location(app), 2)
    await step(staff, fulfilment, "shipment")
    assert await stock_of(app, variant) == (0, 0)
    await check_ledger(app, variant)


async def test_units_that_were_not_tracked_ship_without_a_movement(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 0, track_inventory=False)
    _, order = await confirmed_order(app, staff, (variant, 2))
    await fulfil(staff, order, 1, shipped=True)
    await staff.patch(f"/v1/variants/{variant}", json={"track_inventory": True})
    await put(app, variant, await main_location(app), 5)
    shipped = await fulfil(staff, order, 1, shipped=True)
    assert shipped["location_id"] == await main_location(app)
    assert await stock_of(app, variant) == (5, 0)


async def test_lines_that_need_no_shipping_are_delivered_once_paid(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    licence = await stocked_variant(app, staff, 5, requires_shipping=False)
    lamp = await stocked_variant(app, staff, 5)
    client, order = await placed_order(app, staff, (licence, 2), (lamp, 1))
    assert await stock_of(app, licence) == (5, 2)
    await confirm(app, order["id"])
    now = await order_now(client, order)
    assert (now["status"], now["fulfilment_status"], counters(now)) == (
        "confirmed",
        "partially_fulfilled",
        [(2, 0), (0, 0)],
    )
    assert await stock_of(app, licence) == (3, 0)
    assert faults(await try_fulfil(staff, order, 1, 0)) == {("/lines/0/quantity", "out_of_range")}
    fulfilment = await fulfil(staff, order, 0, 1, shipped=True)
    assert (await order_now(client, order))["status"] == "confirmed"
    await step(staff, fulfilment, "delivery")
    assert (await order_now(client, order))["status"] == "completed"
    await check_ledger(app, licence, lamp)


async def test_a_backordered_line_that_needs_no_shipping_waits_for_a_fulfilment(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    licence = await stocked_variant(app, staff, 1, requires_shipping=False, allow_backorder=True)
    client, order = await placed_order(app, staff, (licence, 2))
    await confirm(app, order["id"])
    now = await order_now(client, order)
    assert (now["status"], now["fulfilment_status"]) == ("confirmed", "unfulfilled")
    await put(app, licence, await main_location(app), 1)
    await step(staff, await fulfil(staff, order, 2, shipped=True), "delivery")
    assert (await order_now(client, order))["status"] == "completed"
    assert await stock_of(app, licence) == (0, 0)


async def test_a_backordered_line_does_not_take_goods_reserved_by_others(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    licence = await stocked_variant(app, staff, 5, requires_shipping=False, allow_backorder=True)
    first_client, first = await placed_order(app, staff, (licence, 5))
    second_client, second = await placed_order(app, staff, (licence, 5))
    await confirm(app, second["id"])
    assert (await order_now(second_client, second))["fulfilment_status"] == "unfulfilled"
    assert await stock_of(app, licence) == (5, 10)
    await confirm(app, first["id"])
    await fulfil(staff, first, 5, shipped=True)
    assert (await order_now(first_client, first))["fulfilment_status"] == "fulfilled"
    assert await stock_of(app, licence) == (0, 5)
    await check_ledger(app, licence)


async def test_an_inactive_location_takes_no_reservations_over(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    closed = await new_location(app, 1, active=False)
    variant = await stocked_variant(app, staff, 2)
    await put(app, variant, closed, 2)
    _, order = await confirmed_order(app, staff, (variant, 2))
    assert faults(await try_fulfil(staff, order, 1, location_id=closed)) == {("/location_id", "not_allowed")}
    assert (await levels_of(app, variant))[variant, closed] == (2, 0)
