"""Fulfilments: an order leaves the shop in parts, and is completed when all has arrived."""

from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import insert

from tests.areas.accounts.captured_mail import CapturedMail
from tests.areas.catalog.events import events_of
from tests.areas.orders.checkout import new_key, placed_order, post, stock_of, stocked_variant
from tests.areas.orders.fulfilling import (
    confirmed_order,
    counters,
    fulfil,
    order_now,
    step,
    take_step,
    try_fulfil,
    units,
)
from tests.factories import assert_problem, faults, unique
from tests.users import create_user
from tradepost.areas.orders.models import MAX_FULFILMENTS, FulfilmentRow
from tradepost.kit.ids import new_id

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

TRACKING = {
    "carrier": "DHL",
    "tracking_number": "0034 0434",
    "tracking_url": "https://tracking.example.com/00340434?lang=en&x=1",
}


async def test_an_order_ships_in_parts_and_is_completed_when_all_has_arrived(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    lamp, shade = await stocked_variant(app, staff, 5), await stocked_variant(app, staff, 5)
    client, order = await confirmed_order(app, staff, (lamp, 3), (shade, 1))
    first = await fulfil(staff, order, 2, 0, **TRACKING)
    assert {name: first[name] for name in TRACKING} == TRACKING
    assert (first["status"], first["shipped_at"], first["delivered_at"]) == ("pending", None, None)
    assert set(first["links"]) >= {"update", "ship", "cancel"}
    assert (await order_now(client, order))["fulfilment_status"] == "unfulfilled"
    assert await stock_of(app, lamp) == (5, 3)

    shipped = await step(staff, first, "shipment")
    assert shipped["status"] == "shipped"
    assert shipped["shipped_at"] is not None
    assert await stock_of(app, lamp) == (3, 1)
    now = await order_now(client, order)
    assert (now["status"], now["fulfilment_status"], counters(now)) == (
        "confirmed",
        "partially_fulfilled",
        [(2, 0), (0, 0)],
    )
    second = await fulfil(staff, order, 1, 1, shipped=True)
    assert second["status"] == "shipped"
    assert (await stock_of(app, lamp), await stock_of(app, shade)) == ((2, 0), (4, 0))
    now = await order_now(client, order)
    assert (now["fulfilment_status"], counters(now)) == ("fulfilled", [(3, 0), (1, 0)])

    delivered = await step(staff, second, "delivery")
    assert delivered["delivered_at"] >= delivered["shipped_at"]
    assert (await order_now(client, order))["status"] == "confirmed"
    await step(staff, first, "delivery")
    assert (await order_now(client, order))["status"] == "completed"
    events = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [event["type"] for event in events][2:] == [
        "fulfilment_created",
        "fulfilment_shipped",
        "fulfilment_created",
        "fulfilment_shipped",
        "fulfilment_delivered",
        "fulfilment_delivered",
        "completed",
    ]
    assert events[2]["data"] == {"fulfilment_id": first["id"], "lines": units(order, 2, 0)}
    assert events[3]["data"]["tracking_number"] == TRACKING["tracking_number"]


async def test_the_events_name_what_has_changed(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5)
    _, order = await confirmed_order(app, staff, (variant, 3))
    fulfilments = [await fulfil(staff, order, 1, shipped=True) for _ in range(3)]
    updates = [data["changed"] for type, data in await events_of(app, order["id"]) if type == "order.updated"]
    assert updates == [["fulfilment_status", "lines"], ["lines"], ["fulfilment_status", "lines"]]
    await staff.patch(f"/v1/fulfilments/{fulfilments[0]['id']}", json={"carrier": "DHL"})
    state = {"order_id": order["id"], "status": "shipped"}
    assert (await events_of(app, fulfilments[0]["id"]))[-1] == ("fulfilment.updated", state | {"changed": ["carrier"]})


async def test_the_customer_sees_the_fulfilments_of_the_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    owner = await create_user(app)
    client, order = await confirmed_order(app, staff, user=owner)
    fulfilment = await fulfil(staff, order, 1)
    fields = {"fields": "number,fulfilments{id,status,lines{quantity,order_line{sku}}}"}
    [shown] = (await client.get(f"/v1/orders/{order['id']}", params=fields)).json()["fulfilments"]
    line = {"quantity": 1, "order_line": {"sku": order["lines"][0]["sku"]}}
    assert shown == {"id": fulfilment["id"], "status": "pending", "lines": [line]}
    other = (await create_user(app)).client()
    for caller, status in ((client, 200), (staff, 200), (other, 404)):
        assert (await caller.get(f"/v1/fulfilments/{fulfilment['id']}")).status_code == status
        assert (await caller.get(f"/v1/orders/{order['id']}/fulfilments")).status_code == status
    assert "ship" not in (await client.get(f"/v1/fulfilments/{fulfilment['id']}")).json()["links"]
    assert_problem(await take_step(client, fulfilment, "shipment"), 403, "forbidden")
    assert_problem(await try_fulfil(client, order, 1), 403, "forbidden")


async def test_only_units_that_are_left_of_confirmed_orders_are_fulfilled(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    _, pending = await placed_order(app, staff)
    assert_problem(await try_fulfil(staff, pending, 1), 409, "invalid_transition")
    _, order = await confirmed_order(app, staff, (await stocked_variant(app, staff), 4))
    await fulfil(staff, order, 1)
    await fulfil(staff, order, 1, shipped=True)
    cancellation = f"/v1/orders/{order['id']}/cancellation"
    assert (await post(staff, cancellation, {"lines": units(order, 1)})).status_code == 200
    assert faults(await try_fulfil(staff, order, 2)) == {("/lines/0/quantity", "out_of_range")}
    path = f"/v1/orders/{order['id']}/fulfilments"
    for lines, fault in (
        ([], ("/lines", "too_few")),
        ([{"order_line_id": order["id"], "quantity": 1}], ("/lines/0/order_line_id", "not_found")),
        (units(order, 1) * 2, ("/lines/1/quantity", "out_of_range")),
    ):
        assert faults(await post(staff, path, {"lines": lines})) == {fault}
    await fulfil(staff, order, 1)


async def test_packed_units_are_cancelled_only_with_the_whole_order(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 5)
    client, order = await confirmed_order(app, staff, (variant, 3))
    fulfilment = await fulfil(staff, order, 2)
    path = f"/v1/orders/{order['id']}/cancellation"
    assert faults(await post(client, path, {"lines": units(order, 2)})) == {("/lines/0/quantity", "out_of_range")}
    assert (await post(client, path, {"lines": units(order, 1)})).status_code == 200
    assert await stock_of(app, variant) == (5, 2)
    cancelled = await post(client, path)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (await staff.get(f"/v1/fulfilments/{fulfilment['id']}")).json()["status"] == "cancelled"
    events = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [event["type"] for event in events][-2:] == ["fulfilment_cancelled", "cancelled"]
    assert events[-2]["data"] == {"fulfilment_id": fulfilment["id"]}
    assert await stock_of(app, variant) == (5, 0)
    assert_problem(await take_step(staff, fulfilment, "shipment"), 409, "invalid_transition")


async def test_what_has_shipped_is_not_cancelled(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5)
    client, order = await confirmed_order(app, staff, (variant, 3))
    fulfilment = await fulfil(staff, order, 2, shipped=True)
    path = f"/v1/orders/{order['id']}/cancellation"
    for caller in (client, staff):
        assert_problem(await post(caller, path), 409, "invalid_transition")
    assert_problem(await take_step(staff, fulfilment, "cancellation"), 409, "invalid_transition")
    await step(staff, fulfilment, "delivery")
    answer = await post(staff, path, {"lines": units(order, 1)})
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert await stock_of(app, variant) == (3, 0)
    assert "cancel" not in (await order_now(staff, order))["links"]


async def test_a_cancelled_fulfilment_gives_its_units_back_to_the_order(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 5)
    _, order = await confirmed_order(app, staff, (variant, 2))
    await step(staff, await fulfil(staff, order, 2), "cancellation")
    assert await stock_of(app, variant) == (5, 2)
    await fulfil(staff, order, 2, shipped=True)
    assert await stock_of(app, variant) == (3, 0)


async def test_tracking_can_be_changed_and_nothing_else(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, order = await confirmed_order(app, staff)
    fulfilment = await fulfil(staff, order, 1)
    path = f"/v1/fulfilments/{fulfilment['id']}"
    changed = (await staff.patch(path, json=TRACKING)).json()
    assert ({name: changed[name] for name in TRACKING}, changed["version"]) == (TRACKING, fulfilment["version"] + 1)
    assert (await staff.patch(path, json={"carrier": None})).json()["carrier"] is None
    assert faults(await staff.patch(path, json={"status": "shipped"})) == {("/status", "read_only")}
    for url in ("javascript:alert(1)", "//tracking.example.com", "https://a b", "https:///", "https://?a"):
        assert faults(await staff.patch(path, json={"tracking_url": url})) == {("/tracking_url", "invalid_format")}
    for url, code in (
        ("https://a.example/\u202ecod.exe", "invisible_character"),
        ("https://a.example/1\n", "invalid_format"),
    ):
        assert ("/tracking_url", code) in faults(await staff.patch(path, json={"tracking_url": url}))
    stale = {"If-Match": f'"{fulfilment["version"]}"'}
    assert_problem(await staff.patch(path, json=TRACKING, headers=stale), 412, "precondition_failed")


async def test_the_key_makes_one_fulfilment(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, order = await confirmed_order(app, staff)
    path, body, key = f"/v1/orders/{order['id']}/fulfilments", {"lines": units(order, 1)}, new_key()
    first = await staff.post(path, json=body, headers=key)
    again = await staff.post(path, json=body, headers=key)
    assert (again.status_code, again.json()["id"], again.headers["idempotent-replayed"]) == (
        201,
        first.json()["id"],
        "true",
    )
    assert_problem(await staff.post(path, json=body), 400, "idempotency_key_missing")
    assert len((await staff.get(path)).json()["data"]) == 1


async def test_an_order_has_at_most_a_hundred_fulfilments(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    _, order = await confirmed_order(app, staff)
    first = await fulfil(staff, order, 1)
    columns = {"order_id": order["id"], "location_id": first["location_id"], "status": "cancelled"}
    rows = [{"id": new_id(FulfilmentRow.__number__), **columns} for _ in range(MAX_FULFILMENTS - 1)]
    async with app.state.database.transaction() as session:
        await session.execute(insert(FulfilmentRow), rows)
    assert_problem(await try_fulfil(staff, order, 1), 409, "conflict")


def check_layout(text: str, last_line: str) -> None:
    """Check the lines of an e-mail from the last order line to the link to the order."""
    lines = text.splitlines()
    start, end = lines.index("Carrier: DHL"), lines.index("View your order:")
    assert lines[start - 1].startswith(last_line)
    assert lines[start : end + 1] == [
        "Carrier: DHL",
        f"Tracking number: {TRACKING['tracking_number']}",
        "",
        "Track the parcel:",
        "",
        TRACKING["tracking_url"],
        "",
        "View your order:",
    ]


async def test_the_customer_is_told_what_has_shipped(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    email = f"{unique('kim')}@shop.example"
    _, order = await confirmed_order(app, staff, email=email)
    mail = CapturedMail(app)
    await mail.collect(email)
    mail.emails.clear()
    fulfilment = await fulfil(staff, order, 1)
    assert await mail.collect(email) == []
    await step(staff, fulfilment, "shipment", TRACKING)
    [message] = await mail.collect(email)
    assert message.subject == f"Your order {order['number']}: goods have shipped"
    [line] = order["lines"]
    check_layout(message.text, f"1 x {line['product_name']}")
    for text in ("DHL", TRACKING["tracking_number"], TRACKING["tracking_url"], "/order#token=tpo_"):
        assert text in message.text
    assert 'href="https://tracking.example.com/00340434?lang=en&amp;x=1"' in message.html
    assert f"({line['sku']})" in message.html
    mail.emails.clear()
    await fulfil(staff, order, 1, shipped=True)
    [plain] = await mail.collect(email)
    assert "Tracking" not in plain.text
    lines = plain.text.splitlines()
    assert lines[lines.index("View your order:") - 1] == ""
    assert "Carrier" not in plain.html
