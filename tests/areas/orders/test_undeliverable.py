"""Parcels that could not be delivered, and where units come back to."""

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.catalog.events import events_of
from tests.areas.inventory.stock import check_ledger, levels_of, main_location, new_location, put
from tests.areas.orders.checkout import placed_order, post, stock_of, stocked_variant
from tests.areas.orders.fulfilling import confirm, confirmed_order, fulfil, order_now, step, take_step, units
from tests.areas.orders.returning import deliver, give_back, lines, return_step, shipped_order, try_return
from tests.factories import assert_problem

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def test_an_undeliverable_fulfilment_comes_back_as_a_received_return(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant, second = await stocked_variant(app, staff, 3), await new_location(app, 5)
    await put(app, variant, second, 3)
    client, order = await confirmed_order(app, staff, (variant, 3))
    first = await fulfil(staff, order, 1, location_id=second, shipped=True)
    parcel = await fulfil(staff, order, 2, shipped=True)
    await step(staff, first, "delivery")
    assert_problem(await take_step(staff, first, "undeliverable"), 409, "invalid_transition")
    assert_problem(await take_step(client, parcel, "undeliverable"), 401, "unauthenticated")
    returned = await step(staff, parcel, "undeliverable")
    assert (returned["status"], returned["delivered_at"]) == ("returned", None)
    after = await order_now(client, order)
    assert (after["status"], after["fulfilment_status"]) == ("completed", "partially_returned")
    [row] = (await client.get(f"/v1/orders/{order['id']}/returns")).json()["data"]
    assert (row["kind"], row["status"], row["fulfilment_id"]) == ("return", "received", parcel["id"])
    assert await levels_of(app, variant) == {(variant, await main_location(app)): (3, 0), (variant, second): (2, 0)}
    await check_ledger(app, variant)
    entries = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [entry["type"] for entry in entries][-3:] == ["fulfilment_returned", "return_received", "completed"]
    assert (await events_of(app, parcel["id"]))[-1] == (
        "fulfilment.returned",
        {"order_id": order["id"], "status": "returned"},
    )
    state = {"order_id": order["id"], "kind": "return", "status": "received", "refund": False, "shipping": False}
    assert await events_of(app, row["id"]) == [("return.received", state)]
    # The other unit can still be returned; it comes back to where it was shipped from last.
    await give_back(staff, order, 1, received=True)
    assert (await order_now(client, order))["fulfilment_status"] == "returned"
    assert (await levels_of(app, variant))[variant, await main_location(app)] == (4, 0)


async def test_requested_returns_of_its_units_are_cancelled_before(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await confirmed_order(app, staff, (await stocked_variant(app, staff), 2))
    parcel = await fulfil(staff, order, 2, shipped=True)
    row = await give_back(client, order, 1)
    assert_problem(await take_step(staff, parcel, "undeliverable"), 409, "conflict")
    assert (await staff.get(f"/v1/fulfilments/{parcel['id']}")).json()["status"] == "shipped"
    await return_step(client, row, "cancellation")
    await step(staff, parcel, "undeliverable")
    assert_problem(await try_return(client, order, 1), 409, "invalid_transition")


async def test_units_come_back_to_another_location(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant, second = await stocked_variant(app, staff, 3), await new_location(app, 5)
    client, order = await shipped_order(app, staff, (variant, 3))
    row = await give_back(client, order, 3)
    parts = [*lines(order, 1, location_id=second), *lines(order, 2, restock=False, location_id=second)]
    await return_step(staff, row, "receipt", {"lines": parts})
    assert await levels_of(app, variant) == {(variant, await main_location(app)): (0, 0), (variant, second): (1, 0)}
    await check_ledger(app, variant)
    [movement, *_] = (await staff.get(f"/v1/variants/{variant}/stock/movements")).json()["data"]
    assert (movement["kind"], movement["on_hand_delta"], movement["reference"]) == ("return", 1, row["id"])


async def test_units_that_were_not_tracked_come_back_without_a_movement(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 0, track_inventory=False)
    client, order = await shipped_order(app, staff, (variant, 2))
    await staff.patch(f"/v1/variants/{variant}", json={"track_inventory": True})
    await put(app, variant, await main_location(app), 5)
    await give_back(staff, order, 2, received=True)
    assert (await order_now(client, order))["fulfilment_status"] == "returned"
    assert await stock_of(app, variant) == (5, 0)


async def test_lines_that_need_no_shipping_come_back_to_where_they_were_reserved(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    licence = await stocked_variant(app, staff, 5, requires_shipping=False)
    client, order = await placed_order(app, staff, (licence, 2))
    await confirm(app, order["id"])
    assert (await order_now(client, order))["status"] == "completed"
    row = await give_back(client, order, 1)
    await return_step(staff, row, "receipt")
    assert await stock_of(app, licence) == (4, 0)
    await check_ledger(app, licence)


async def test_an_order_is_completed_although_units_came_back(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await confirmed_order(app, staff, (await stocked_variant(app, staff), 4))
    await fulfil(staff, order, 1, shipped=True)
    await give_back(staff, order, 1, received=True)
    after = await order_now(client, order)
    assert (after["status"], after["fulfilment_status"]) == ("confirmed", "partially_returned")
    await fulfil(staff, order, 2, shipped=True)
    await deliver(staff, order)
    assert (await order_now(client, order))["status"] == "confirmed"
    path = f"/v1/orders/{order['id']}/cancellation"
    assert (await post(staff, path, {"lines": units(order, 1)})).status_code == 200
    after = await order_now(client, order)
    assert (after["status"], after["fulfilment_status"]) == ("completed", "partially_returned")
