"""Stock movements and counts, through both APIs."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import bindparam, text

from tests.areas.inventory.stock import check_ledger, levels_of, main_location, new_location, new_variant, transaction
from tests.areas.orders.checkout import placed_order
from tests.factories import Json, unique
from tests.users import create_user, http_client
from tradepost.areas.inventory.service import ReservationLine, levels, reserve
from tradepost.kit.db.column_types import Id
from tradepost.kit.ids import new_id
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def move(client: httpx.AsyncClient, variant_id: str, **body: Any) -> httpx.Response:
    """Make a stock movement through REST."""
    headers = {"Idempotency-Key": unique("key")}
    return await client.post(f"/v1/variants/{variant_id}/stock/movements", json=body, headers=headers)


async def count(client: httpx.AsyncClient, *items: Json, **params: str) -> httpx.Response:
    """Count stock through REST."""
    return await client.post("/v1/stock/counts", json={"counts": list(items)}, params=params)


async def reserve_units(app: "TradepostApp", variant_id: str, quantity: int) -> str:
    """Reserve units for a new order, and return its id."""
    order_id = new_id(40)
    async with transaction(app) as call:
        await reserve(call, order_id, [ReservationLine(new_id(41), variant_id, quantity)])
    return order_id


@pytest.fixture
async def variant(app: "TradepostApp") -> str:
    """A new variant."""
    return await new_variant(app)


async def test_goods_are_received_adjusted_and_transferred(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str
) -> None:
    main, second = await main_location(app), await new_location(app, 3)
    received = await move(staff, variant, kind="receive", quantity=10, reason="Delivery 7")
    assert received.status_code == 201, received.text
    movement = received.json()
    assert (movement["kind"], movement["on_hand_delta"], movement["reserved_delta"]) == ("receive", 10, 0)
    assert (movement["location_id"], movement["reason"]) == (main, "Delivery 7")
    assert (await move(staff, variant, kind="adjust", quantity=-2)).json()["on_hand_delta"] == -2
    moved = await move(staff, variant, kind="transfer", quantity=3, to_location_id=second)
    assert (moved.json()["location_id"], moved.json()["on_hand_delta"]) == (main, -3)
    stock = (await staff.get(f"/v1/variants/{variant}/stock")).json()
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (8, 0, 8)
    assert [(place["location_id"], place["on_hand"]) for place in stock["locations"]] == [(main, 5), (second, 3)]
    movements = (await staff.get(f"/v1/variants/{variant}/stock/movements")).json()["data"]
    assert [m["kind"] for m in movements] == ["transfer", "transfer", "adjust", "receive"]
    assert movements[0]["reference"] == movements[1]["reference"]
    await check_ledger(app, variant)


async def test_a_movement_repeated_with_its_key_is_made_once(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str
) -> None:
    path, headers = f"/v1/variants/{variant}/stock/movements", {"Idempotency-Key": unique("key")}
    body = {"kind": "receive", "quantity": 4}
    first, again = [await staff.post(path, json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.json()) == (201, first.json())
    assert (await staff.post(path, json=body)).json()["code"] == "idempotency_key_missing"
    assert [level for level in (await levels_of(app, variant)).values()] == [(4, 0)]


async def test_a_change_below_what_is_reserved_names_the_orders(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str
) -> None:
    main, second = await main_location(app), await new_location(app, 3)
    await move(staff, variant, kind="receive", quantity=5)
    _, order = await placed_order(app, staff, (variant, 4))
    for answer in (
        await move(staff, variant, kind="adjust", quantity=-2),
        await move(staff, variant, kind="transfer", quantity=2, to_location_id=second),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "stock_reserved")
        assert answer.json()["order_numbers"] == [order["number"]]
    [result] = (await count(staff, {"variant_id": variant, "on_hand": 3})).json()["results"]
    assert (result["status"], result["error"]["code"]) == (409, "stock_reserved")
    assert result["error"]["order_numbers"] == [order["number"]]
    user = await create_user(app, role="staff")
    key = (await user.key(scopes=["stock:read", "stock:write", "catalog:write"]))["secret"]
    refused = (await move(http_client(app, key), variant, kind="adjust", quantity=-2)).json()
    assert (refused["code"], refused["order_numbers"]) == ("stock_reserved", [])  # it may not see the order
    assert await levels_of(app, variant) == {(variant, main): (5, 4)}
    assert (await move(staff, variant, kind="adjust", quantity=-1)).status_code == 201
    await check_ledger(app, variant)


async def test_a_level_can_neither_be_negative_nor_exceed_its_limit(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str
) -> None:
    await move(staff, variant, kind="receive", quantity=10**9)
    assert (await move(staff, variant, kind="adjust", quantity=1)).status_code == 422
    assert (await move(staff, variant, kind="adjust", quantity=-1)).status_code == 201
    for quantity in (2, -(10**9)):
        answer = await move(staff, variant, kind="adjust", quantity=quantity)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == "/quantity"
    await check_ledger(app, variant)


async def test_locations_of_movements_must_exist_and_differ(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str
) -> None:
    main, unknown = await main_location(app), new_id(22)
    await move(staff, variant, kind="receive", quantity=1)
    for body, pointer in (
        ({"kind": "receive", "location_id": unknown}, "/location_id"),
        ({"kind": "receive", "to_location_id": main}, "/to_location_id"),
        ({"kind": "transfer", "to_location_id": main}, "/to_location_id"),
        ({"kind": "transfer", "to_location_id": unknown}, "/to_location_id"),
        ({"kind": "transfer"}, "/to_location_id"),
    ):
        answer = await move(staff, variant, quantity=1, **body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_the_stock_of_an_untracked_variant_does_not_change(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant = await new_variant(app, track_inventory=False)
    answer = await move(staff, variant, kind="receive", quantity=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert [level for level in (await levels_of(app, variant)).values() if level != (0, 0)] == []


async def test_counts_set_the_units_on_hand(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    one, two, main = await new_variant(app), await new_variant(app), await main_location(app)
    sku = (await staff.get(f"/v1/variants/{two}")).json()["sku"]
    answer = await count(
        staff,
        {"variant_id": one, "on_hand": 7},
        {"sku": sku, "on_hand": 3, "expected_on_hand": 0, "location_id": main},
        {"sku": sku, "on_hand": 4},
        {"variant_id": new_id(3), "on_hand": 4},
        {"variant_id": "x", "on_hand": 4},
        {"variant_id": one, "sku": sku, "on_hand": 4},
    )
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [200, 200, 422, 404, 404, 422]
    assert [results[i]["data"]["on_hand"] for i in (0, 1)] == [7, 3]
    again = (await count(staff, {"variant_id": one, "on_hand": 7})).json()["results"]
    assert (again[0]["status"], again[0]["changed"]) == (200, False)
    stale = (await count(staff, {"variant_id": one, "on_hand": 9, "expected_on_hand": 6})).json()["results"]
    assert (stale[0]["status"], stale[0]["error"]["code"]) == (409, "conflict")
    await check_ledger(app, one, two)


async def test_an_atomic_count_changes_nothing_if_one_item_fails(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str
) -> None:
    items = {"variant_id": variant, "on_hand": 7}, {"variant_id": new_id(3), "on_hand": 1}
    answer = await count(staff, *items, atomic="true")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (404, "/counts/1")
    assert [level for level in (await levels_of(app, variant)).values() if level != (0, 0)] == []
    text = "mutation ($input: StockCountInput!) { stockCount(atomic: true, input: $input) { results { status } } }"
    variables = {"input": {"counts": [{"variantId": variant, "onHand": 7}, {"variantId": new_id(3), "onHand": 1}]}}
    document = (await staff.post("/graphql", json={"query": text, "variables": variables})).json()
    assert document["errors"][0]["extensions"]["errors"][0]["pointer"] == "/counts/1"


@pytest.mark.parametrize("is_read", [False, True], ids=["before it is read", "after it was read"])
async def test_a_variant_that_is_deleted_meanwhile_is_a_conflict(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str, monkeypatch: pytest.MonkeyPatch, is_read: bool
) -> None:
    read = levels._read_variants  # pyright: ignore[reportPrivateUsage]

    async def read_and_delete(context: CallContext, ids: Any) -> Any:
        delete = text("DELETE FROM variant WHERE id = :id")
        answer = await read(context, ids) if is_read else None
        await context.session.execute(delete.bindparams(bindparam("id", variant, Id)))
        return answer or await read(context, ids)

    monkeypatch.setattr(levels, "_read_variants", read_and_delete)
    for answer in (
        await move(staff, variant, kind="receive", quantity=1),
        await count(staff, {"variant_id": variant, "on_hand": 7}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), answer.text


async def test_the_total_of_several_locations_exceeds_32_bits(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str
) -> None:
    for place in [await main_location(app), await new_location(app, 3), await new_location(app, 4)]:
        answer = await move(staff, variant, kind="receive", quantity=10**9, location_id=place)
        assert answer.status_code == 201, answer.text
    assert (await staff.get(f"/v1/variants/{variant}/stock")).json()["on_hand"] == 3 * 10**9
    document = f'{{ variantStock(variantId: "{variant}") {{ onHand available locations {{ onHand }} }} }}'
    data = (await staff.post("/graphql", json={"query": document})).json()["data"]["variantStock"]
    assert (data["onHand"], data["available"]) == (3 * 10**9, 3 * 10**9)


async def test_a_count_is_charged_for_each_item(staff: httpx.AsyncClient, variant: str) -> None:
    await count(staff, {"variant_id": variant, "on_hand": 7})  # a shape not seen before costs more
    for size in (1, 3):
        answer = await count(staff, *[{"variant_id": variant, "on_hand": 7}] * size)
        assert answer.headers["x-request-cost"] == str(10 * size)


async def test_a_location_with_movements_is_not_deleted(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    variant, used = await new_variant(app), await new_location(app, 3)
    await move(staff, variant, kind="receive", quantity=1, location_id=used)
    answer = await staff.delete(f"/v1/stock-locations/{used}")
    assert (answer.status_code, answer.json()["code"]) == (409, "has_history")
    refused = await new_location(app, 3)
    await move(staff, variant, kind="adjust", quantity=-1, location_id=refused)
    assert (await staff.delete(f"/v1/stock-locations/{refused}")).status_code == 204
