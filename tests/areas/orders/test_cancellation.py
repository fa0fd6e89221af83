"""Cancelling orders: as a whole and in units; the stock, the money and who may."""

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.areas.orders.checkout import placed_order, post, stock_of, stocked_variant
from tests.areas.orders.statements import counted
from tests.factories import assert_problem, faults
from tests.users import create_user
from tradepost.areas.orders.models import OrderRow

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def lines_of(client: httpx.AsyncClient, order: dict[str, str]) -> list[dict[str, str]]:
    """Return the lines of an order."""
    return (await client.get(f"/v1/orders/{order['id']}/lines")).json()["data"]


async def test_a_cancelled_order_releases_its_stock(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5)
    client, order = await placed_order(app, staff, (variant, 3))
    assert order["links"]["cancel"]["method"] == "POST"
    answer = await post(client, f"/v1/orders/{order['id']}/cancellation", {"reason": "Ordered twice."})
    assert answer.status_code == 200, answer.text
    cancelled = answer.json()
    assert (cancelled["status"], cancelled["cancel_reason"], cancelled["expires_at"]) == (
        "cancelled",
        "Ordered twice.",
        None,
    )
    assert cancelled["cancelled_total"] == order["grand_total"]
    assert cancelled["payment_status"] == "unpaid"
    assert "cancel" not in cancelled["links"]
    assert await stock_of(app, variant) == (5, 0)
    assert_problem(await post(client, f"/v1/orders/{order['id']}/cancellation"), 409, "invalid_transition")
    events = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [(event["type"], event["actor"]) for event in events] == [("placed", "customer"), ("cancelled", "customer")]
    assert events[1]["data"]["reason"] == "Ordered twice."


async def test_the_payments_of_a_cancelled_order_are_locked_before_its_stock(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    client, order = await placed_order(app, staff)
    path = f"/v1/orders/{order['id']}"
    await post(client, f"{path}/payments", {"provider": "manual", "method": "bank_transfer"})
    with counted(app) as statements:
        assert (await post(client, f"{path}/cancellation")).status_code == 200
    texts = [" ".join(sql.split()) for sql in statements]
    # SQLite has one writer: only PostgreSQL locks rows, and a plain read takes no lock.
    locks = [sql if app.state.database.is_sqlite or "FOR UPDATE" in sql else "" for sql in texts]
    payment, level = [next(i for i, sql in enumerate(locks) if f"FROM {t} " in sql) for t in ("payment", "stock_level")]
    assert payment < level


async def test_units_are_cancelled_until_none_is_left(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5, 333)
    other = await stocked_variant(app, staff, 5, 100)
    client, order = await placed_order(app, staff, (variant, 3), (other, 1))
    first, second = await lines_of(client, order)
    path, totals = f"/v1/orders/{order['id']}/cancellation", list[int]()
    for units in (1, 2):
        body = {"lines": [{"order_line_id": first["id"], "quantity": units}]}
        answer = await post(client, path, body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "pending"
        totals.append(answer.json()["cancelled_total"]["amount"])
    assert totals == [333, 999]
    assert await stock_of(app, variant) == (5, 0)
    answer = await post(client, path, {"lines": [{"order_line_id": second["id"], "quantity": 1}]})
    last = answer.json()
    assert (last["status"], last["cancelled_total"]) == ("cancelled", order["grand_total"])
    assert [line["cancelled"] for line in await lines_of(client, order)] == [3, 1]


async def test_faults_of_the_lines_are_named(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    [line] = await lines_of(client, order)
    path = f"/v1/orders/{order['id']}/cancellation"
    item = {"order_line_id": line["id"], "quantity": 2}
    assert faults(await post(client, path, {"lines": [item, item]})) == {("/lines/1/quantity", "out_of_range")}
    unknown = {"order_line_id": order["id"], "quantity": 1}
    assert faults(await post(client, path, {"lines": [unknown]})) == {("/lines/0/order_line_id", "not_found")}
    assert faults(await post(client, path, {"lines": []})) == {("/lines", "too_short")}


async def test_only_the_customer_and_staff_cancel(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    owner, other = await create_user(app), await create_user(app)
    _, order = await placed_order(app, staff, user=owner)
    path = f"/v1/orders/{order['id']}/cancellation"
    assert_problem(await post(other.client(), path), 404, "not_found")
    answer = await post(staff, path)
    assert answer.status_code == 200
    events = (await owner.client().get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [event["actor"] for event in events] == ["customer", "staff"]


async def test_units_that_have_shipped_are_not_cancelled(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    client, order = await placed_order(app, staff)
    async with app.state.database.transaction() as session:
        row = await session.get(OrderRow, order["id"])
        row.fulfilment_status = "partially_fulfilled"
    assert_problem(await post(client, f"/v1/orders/{order['id']}/cancellation"), 409, "invalid_transition")
    [line] = await lines_of(client, order)
    body = {"lines": [{"order_line_id": line["id"], "quantity": 1}]}
    assert (await post(staff, f"/v1/orders/{order['id']}/cancellation", body)).status_code == 200
