"""Returns: customers request them, staff receive or reject them, and the goods are restocked."""

from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import insert

from tests.areas.catalog.events import events_of
from tests.areas.inventory.stock import check_ledger
from tests.areas.orders.checkout import new_key, stock_of, stocked_variant
from tests.areas.orders.fulfilling import confirmed_order, fulfil, order_now
from tests.areas.orders.returning import (
    deliver,
    delivered_days_ago,
    give_back,
    lines,
    return_step,
    shipped_order,
    take_return_step,
    try_return,
)
from tests.factories import assert_problem, faults
from tests.users import create_user
from tradepost.areas.orders.models import MAX_RETURNS, MAX_RETURNS_BY_CUSTOMERS, ReturnRow
from tradepost.kit.ids import new_id

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def test_units_come_back_in_parts_until_none_are_left(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    lamp, shade = await stocked_variant(app, staff, 5), await stocked_variant(app, staff, 5)
    client, order = await shipped_order(app, staff, (lamp, 2), (shade, 1))
    await deliver(staff, order)
    first = await give_back(client, order, 1, 1, reason="Too small.")
    assert (first["kind"], first["status"], first["reason"]) == ("return", "requested", "Too small.")
    assert {"cancel"} == {name for name, link in first["links"].items() if "method" in link}
    assert (await order_now(client, order))["fulfilment_status"] == "fulfilled"
    assert await stock_of(app, lamp) == (3, 0)

    received = await return_step(staff, first, "receipt")
    assert (received["status"], received["version"]) == ("received", first["version"] + 1)
    order = await order_now(client, order)
    assert (order["status"], order["fulfilment_status"]) == ("completed", "partially_returned")
    assert [line["returned"] for line in order["lines"]] == [1, 1]
    assert (await stock_of(app, lamp), await stock_of(app, shade)) == ((4, 0), (5, 0))
    assert faults(await try_return(client, order, 2, 0)) == {("/lines/0/quantity", "out_of_range")}

    second = await give_back(staff, order, received=True, lines=lines(order, 1, 0, restock=False))
    assert second["status"] == "received"
    order = await order_now(client, order)
    assert order["fulfilment_status"] == "returned"
    assert "return" not in order["links"]
    assert await stock_of(app, lamp) == (4, 0)
    await check_ledger(app, lamp, shade)
    assert_problem(await try_return(client, order, 1, 0), 409, "invalid_transition")


async def test_the_timeline_and_the_events_say_what_has_happened(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await shipped_order(app, staff, (await stocked_variant(app, staff), 3))
    [line] = order["lines"]
    received = await give_back(client, order, 1, reason="Broken.")
    await return_step(staff, received, "receipt", {"refund": True})
    rejected, cancelled = await give_back(client, order, 1), await give_back(client, order, 1)
    refused = await return_step(staff, rejected, "rejection", {"reason": "It was used."})
    assert (refused["status"], refused["rejection_reason"]) == ("rejected", "It was used.")
    assert (await return_step(client, cancelled, "cancellation"))["status"] == "cancelled"
    entries = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    unit = [{"order_line_id": line["id"], "quantity": 1}]
    assert [(entry["type"], entry["actor"], entry["data"]) for entry in entries[-6:]] == [
        (
            "return_requested",
            "customer",
            {"return_id": received["id"], "kind": "return", "reason": "Broken.", "lines": unit},
        ),
        ("return_received", "staff", {"return_id": received["id"], "lines": unit}),
        ("return_requested", "customer", {"return_id": rejected["id"], "kind": "return", "lines": unit}),
        ("return_requested", "customer", {"return_id": cancelled["id"], "kind": "return", "lines": unit}),
        ("return_rejected", "staff", {"return_id": rejected["id"], "reason": "It was used."}),
        ("return_cancelled", "customer", {"return_id": cancelled["id"]}),
    ]
    state = {"order_id": order["id"], "kind": "return"}
    assert await events_of(app, received["id"]) == [
        ("return.requested", state | {"status": "requested"}),
        ("return.received", state | {"status": "received", "refund": True, "shipping": False}),
    ]
    assert [type for type, _ in await events_of(app, rejected["id"])] == ["return.requested", "return.rejected"]
    assert [type for type, _ in await events_of(app, cancelled["id"])] == ["return.requested", "return.cancelled"]
    changes = [data["changed"] for type, data in await events_of(app, order["id"]) if type == "order.updated"]
    assert changes[-1] == ["fulfilment_status", "lines"]


async def test_requested_and_received_units_are_at_most_those_that_have_shipped(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await confirmed_order(app, staff, (await stocked_variant(app, staff), 4))
    assert_problem(await try_return(client, order, 1), 409, "invalid_transition")
    await fulfil(staff, order, 3, shipped=True)
    assert faults(await try_return(client, order, 4)) == {("/lines/0/quantity", "out_of_range")}
    requested = await give_back(client, order, 2)
    assert faults(await try_return(client, order, 2)) == {("/lines/0/quantity", "out_of_range")}
    await give_back(client, order, 1)
    assert faults(await try_return(client, order, 1)) == {("/lines/0/quantity", "out_of_range")}
    await return_step(client, requested, "cancellation")
    again = await give_back(client, order, 2)
    more = {"lines": lines(order, 3)}
    assert faults(await take_return_step(staff, again, "receipt", more)) == {("/lines/0/quantity", "out_of_range")}
    await return_step(staff, again, "receipt", {"lines": lines(order, 1)})
    assert (await order_now(client, order))["lines"][0]["returned"] == 1
    await give_back(client, order, 1)


async def test_a_line_comes_back_to_the_stock_in_part(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5)
    client, order = await shipped_order(app, staff, (variant, 3))
    row = await give_back(client, order, 3)
    parts = [*lines(order, 2, restock=True), *lines(order, 1, restock=False)]
    for members in ({"restock": True}, {}):  # it is restocked by default
        twice = [*parts[:1], *lines(order, 1, **members)]
        assert faults(await take_return_step(staff, row, "receipt", {"lines": twice})) == {("/lines/1", "duplicate")}
    await return_step(staff, row, "receipt", {"lines": parts})
    fields = {"fields": "lines{quantity,restock,location{code}}"}
    shown = (await staff.get(f"/v1/returns/{row['id']}", params=fields)).json()["lines"]
    assert sorted([(line["quantity"], line["restock"], line["location"]["code"]) for line in shown]) == [
        (1, False, "main"),
        (2, True, "main"),
    ]
    assert await stock_of(app, variant) == (4, 0)
    await check_ledger(app, variant)


async def test_the_time_for_returns_binds_customers(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await shipped_order(app, staff, (await stocked_variant(app, staff), 3))
    await deliver(staff, order)
    await delivered_days_ago(app, order, 29.9)
    assert "return" in (await order_now(client, order))["links"]
    row = await give_back(client, order, 1)
    await delivered_days_ago(app, order, 30.1)
    assert "return" not in (await order_now(client, order))["links"]
    assert_problem(await try_return(client, order, 1), 409, "invalid_transition")
    await return_step(staff, row, "receipt")
    await give_back(staff, order, 1, received=True)


async def test_members_need_their_permissions(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    owner = await create_user(app)
    client, order = await shipped_order(app, staff, user=owner)
    place = {"location_id": "01990000-0000-7000-8000-000000000016"}
    for members, permission in (
        ({"received": True}, "orders:write"),
        ({"refund": True, "received": True}, "orders:write"),
        ({"refund": True}, "payments:write"),
        ({"shipping": False}, "payments:write"),
        ({"lines": lines(order, 1, restock=False)}, "stock:write"),
        ({"lines": lines(order, 1, **place)}, "stock:write"),
    ):
        problem = assert_problem(await try_return(client, order, 1, **members), 403, "forbidden")
        assert f"`{permission}`" in problem["detail"]
    assert faults(await try_return(staff, order, 1, refund=True)) == {("/refund", "not_allowed")}
    assert faults(await try_return(staff, order, 1, received=True, shipping=True)) == {("/shipping", "not_allowed")}
    unknown = lines(order, 1, location_id=order["id"])
    assert faults(await try_return(staff, order, lines=unknown)) == {("/lines/0/location_id", "not_found")}
    row = await give_back(client, order, 1)
    for name in ("receipt", "rejection"):
        assert_problem(await take_return_step(client, row, name), 403, "forbidden")
    other = (await create_user(app)).client()
    for caller, status in ((client, 200), (staff, 200), (other, 404)):
        assert (await caller.get(f"/v1/returns/{row['id']}")).status_code == status
        assert (await caller.get(f"/v1/orders/{order['id']}/returns")).status_code == status
    assert_problem(await take_return_step(other, row, "cancellation"), 404, "not_found")
    assert_problem(await try_return(other, order, 1), 404, "not_found")


async def test_the_key_makes_one_return(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await shipped_order(app, staff)
    path, body, key = f"/v1/orders/{order['id']}/returns", {"lines": lines(order, 1)}, new_key()
    first = await client.post(path, json=body, headers=key)
    again = await client.post(path, json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(await client.post(path, json=body), 400, "idempotency_key_missing")
    assert len((await client.get(path)).json()["data"]) == 1


async def test_an_order_has_at_most_a_hundred_returns_half_of_them_by_customers(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await shipped_order(app, staff, (await stocked_variant(app, staff), 5))

    async def fill_up(number: int) -> None:
        columns = {"order_id": order["id"], "kind": "return", "status": "cancelled"}
        rows = [{"id": new_id(ReturnRow.__number__), **columns} for _ in range(number)]
        async with app.state.database.transaction() as session:
            await session.execute(insert(ReturnRow), rows)

    await fill_up(MAX_RETURNS_BY_CUSTOMERS - 1)
    await give_back(client, order, 1)
    for kind in ("return", "withdrawal"):
        assert_problem(await try_return(client, order, 1, kind=kind), 409, "conflict")
    await fill_up(MAX_RETURNS - MAX_RETURNS_BY_CUSTOMERS - 1)
    await give_back(staff, order, 1)
    assert_problem(await try_return(staff, order, 1), 409, "conflict")
