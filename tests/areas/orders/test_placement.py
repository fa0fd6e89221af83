"""Placing an order: what it keeps, what it reserves, and what prevents it."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.carts.shopper import ADDRESS, shipping_method
from tests.areas.orders.checkout import placed_order, post, ready_cart, stock_of, stocked_variant
from tests.factories import assert_problem, faults, unique
from tests.users import create_user
from tradepost.areas.orders.models import OrderLineRow
from tradepost.kit.writes import bulk

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def test_an_order_is_a_snapshot_of_the_quote_and_reserves_the_stock(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 5, 1250)
    checkout = await ready_cart(app, staff, (variant, 2), note="Please ring twice.")
    quote = await checkout.shopper.quote()
    order = await checkout.place()
    assert await stock_of(app, variant) == (5, 2)
    same = ("subtotal", "discount_total", "shipping_total", "shipping", "tax_total", "tax_lines", "grand_total")
    assert {name: order[name] for name in same} == {name: quote[name] for name in same}
    assert order["payment_methods"] == quote["payment_methods"] != []
    assert (order["status"], order["payment_status"], order["fulfilment_status"]) == (
        "pending",
        "unpaid",
        "unfulfilled",
    )
    assert order["note"] == "Please ring twice."
    assert order["expires_at"] is not None
    lines = (await checkout.shopper.client.get(f"/v1/orders/{order['id']}/lines")).json()["data"]
    [line] = lines
    [quoted] = quote["lines"]
    for name in ("variant_id", "quantity", "unit_price", "discount", "tax", "tax_percentage", "total"):
        assert line[name] == quoted[name]
    await staff.patch(f"/v1/variants/{variant}", json={"price": {"amount": 1, "currency": "EUR"}})
    again = (await checkout.shopper.client.get(f"/v1/orders/{order['number']}")).json()
    assert again["grand_total"] == order["grand_total"]


async def test_lines_are_written_in_the_order_of_variants_and_shown_in_that_of_the_cart(
    app: "TradepostApp", staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = sorted([await stocked_variant(app, staff) for _ in range(3)], reverse=True)
    written, insert = list[str](), bulk.insert_into_tables

    async def record(session: Any, now: Any, *groups: tuple[type[Any], Any]) -> None:
        written.extend([row["variant_id"] for model, rows in groups if model is OrderLineRow for row in rows])
        await insert(session, now, *groups)

    monkeypatch.setattr(bulk, "insert_into_tables", record)
    _, order = await placed_order(app, staff, *[(variant, 1) for variant in variants])
    assert written == sorted(variants)
    assert [line["variant_id"] for line in order["lines"]] == variants


async def test_a_changed_total_is_refused_with_the_new_quote(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff, 5, 1250)
    checkout = await ready_cart(app, staff, (variant, 2))
    await staff.patch(f"/v1/variants/{variant}", json={"price": {"amount": 1300, "currency": "EUR"}})
    problem = assert_problem(await checkout.try_place(), 409, "total_changed")
    quote = await checkout.shopper.quote()
    assert problem["quote"] == quote
    assert quote["subtotal"]["amount"] == 2600
    assert await stock_of(app, variant) == (5, 0)
    answer = await checkout.try_place(expected_total=quote["grand_total"])
    assert answer.status_code == 201


async def test_missing_stock_is_refused_and_named(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    scarce, plenty = await stocked_variant(app, staff, 1), await stocked_variant(app, staff, 10)
    checkout = await ready_cart(app, staff, (plenty, 2), (scarce, 2))
    problem = assert_problem(await checkout.try_place(), 409, "out_of_stock")
    [line] = problem["lines"]
    assert (line["variant_id"], line["requested"]) == (scarce, 2)
    assert "available" not in line
    assert await stock_of(app, plenty) == (10, 0)


async def test_problems_of_the_cart_are_refused_by_pointer(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    checkout = await ready_cart(
        app, staff, (await stocked_variant(app, staff), 1), email=None, shipping_address=None, shipping_method_id=None
    )
    assert faults(await checkout.try_place()) == {
        ("/email", "email_missing"),
        ("/shipping_address", "shipping_address_missing"),
        ("/shipping_method_id", "shipping_method_missing"),
    }


async def test_one_cart_gives_one_order(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    checkout = await ready_cart(app, staff, (await stocked_variant(app, staff), 1))
    order = await checkout.place()
    problem = assert_problem(await checkout.try_place(), 409, "invalid_transition")
    assert problem["order_id"] == order["id"]


async def test_a_cart_of_somebody_else_is_not_found(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    checkout = await ready_cart(app, staff, (await stocked_variant(app, staff), 1))
    other = (await create_user(app)).client()
    body = {"cart_id": checkout.shopper.cart["id"], "expected_total": checkout.total}
    assert_problem(await post(other, "/v1/orders", body), 404, "not_found")


async def test_an_order_that_costs_nothing_and_needs_no_shipping_is_completed_at_once(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 3, 0, requires_shipping=False)
    client, order = await placed_order(app, staff, (variant, 1), shipping_address=None, shipping_method_id=None)
    assert (order["status"], order["payment_status"], order["expires_at"]) == ("completed", "paid", None)
    assert (order["fulfilment_status"], order["lines"][0]["shipped"]) == ("fulfilled", 1)
    assert order["shipping"] is None
    assert await stock_of(app, variant) == (2, 0)
    events = (await client.get(f"/v1/orders/{order['id']}/events")).json()["data"]
    assert [event["type"] for event in events] == ["placed", "confirmed", "paid", "units_delivered", "completed"]


async def test_a_free_order_of_goods_that_ship_is_confirmed_at_once(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await stocked_variant(app, staff, 3, 0)
    free = await shipping_method(staff, price=0)
    _, order = await placed_order(app, staff, (variant, 1), shipping_method_id=free)
    assert (order["status"], order["fulfilment_status"]) == ("confirmed", "unfulfilled")
    assert await stock_of(app, variant) == (3, 1)


async def test_numbers_count_up(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await stocked_variant(app, staff)
    numbers = [int((await placed_order(app, staff, (variant, 1)))[1]["number"]) for _ in range(3)]
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= 1001


async def test_orders_are_found_by_number_email_names_and_skus(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    email, name = f"{unique('lee')}@shop.example", f"{unique('Lee')} {unique('Sand')}"
    people = {"shipping_address": ADDRESS | {"name": name}, "billing_address": ADDRESS | {"company": unique("Works")}}
    _, order = await placed_order(app, staff, email=email, **people)
    _, other = await placed_order(app, staff)
    [line] = (await staff.get(f"/v1/orders/{order['id']}/lines")).json()["data"]

    async def found(**params: str) -> list[str]:
        return [row["id"] for row in (await staff.get("/v1/orders", params=params)).json()["data"]]

    assert await found(email=email) == await found(number=order["number"]) == [order["id"]]
    company = people["billing_address"]["company"]
    for text in (f"{order['number']} {name}", email, name, name.upper(), company, line["sku"], f"{line['sku']} {name}"):
        assert await found(q=text) == [order["id"]], text
    assert await found(q=f"{other['number']} {name}") == []
    assert await found(q=email, number=other["number"]) == []
