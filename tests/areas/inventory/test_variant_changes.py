"""Changes and deletions of variants that have stock, and quantities of imports."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.catalog.upserting import IMPORTER
from tests.areas.inventory.stock import (
    check_ledger,
    context,
    levels_of,
    main_location,
    new_variant,
    put,
    transaction,
)
from tests.areas.orders.checkout import placed_order, post
from tests.factories import Json, unique, variant_input
from tradepost.areas.catalog.schemas import BatchVerb, Product, ProductBatch, ProductBatchItem
from tradepost.areas.catalog.service.imports import ProductImports
from tradepost.areas.inventory.service import ReservationLine, reserve
from tradepost.kit.ids import new_id
from tradepost.kit.query.records import Item
from tradepost.kit.resource.selection import Field, FieldSet, Selection

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


async def order(app: "TradepostApp", variant_id: str, quantity: int) -> str:
    """Reserve units for a new order, and return its id."""
    order_id = new_id(40)
    async with transaction(app) as call:
        await reserve(call, order_id, [ReservationLine(new_id(41), variant_id, quantity)])
    return order_id


async def test_levels_follow_allow_backorder_unless_units_are_backordered(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant, main = await new_variant(app), await main_location(app)
    await put(app, variant, main, 2)
    path = f"/v1/variants/{variant}"
    assert (await staff.patch(path, json={"allow_backorder": True})).status_code == 200
    _, placed = await placed_order(app, staff, (variant, 3))
    refused = await staff.patch(path, json={"allow_backorder": False})
    assert (refused.status_code, refused.json()["code"]) == (409, "stock_reserved")
    assert refused.json()["order_numbers"] == [placed["number"]]
    assert (await staff.get(path)).json()["allow_backorder"] is True
    units = [{"order_line_id": placed["lines"][0]["id"], "quantity": 1}]
    assert (await post(staff, f"/v1/orders/{placed['id']}/cancellation", {"lines": units})).status_code == 200
    assert (await staff.patch(path, json={"allow_backorder": False})).status_code == 200
    with pytest.raises(Exception, match="not enough"):
        await order(app, variant, 1)
    await check_ledger(app, variant)


async def test_a_variant_that_was_ordered_is_not_deleted(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = (await staff.post("/v1/products", json={"name": "Chair", "variants": [variant_input()]})).json()
    [variant] = (await staff.get(f"/v1/products/{product['id']}/variants")).json()["data"]
    await put(app, variant["id"], await main_location(app), 2)
    await order(app, variant["id"], 1)
    for path in (f"/v1/variants/{variant['id']}", f"/v1/products/{product['id']}"):
        answer = await staff.delete(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "has_history")
    batch = await staff.post("/v1/products/batch", json={"items": [{"op": "delete", "id": product["id"]}]})
    assert batch.json()["results"][0]["error"]["code"] == "has_history"


async def test_the_stock_of_a_variant_that_was_never_ordered_goes_with_it(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    variant = await new_variant(app)
    await put(app, variant, await main_location(app), 2)
    assert (await staff.delete(f"/v1/variants/{variant}")).status_code == 204
    assert await levels_of(app, variant) == {}
    await check_ledger(app, variant)


async def import_file(app: "TradepostApp", *products: Json, set_stock: bool = False) -> list[Item[Product]]:
    """Import products as the command does."""
    selection: Selection[Product] = Selection(FieldSet((Field("id"),)))
    batch = ProductBatch([ProductBatchItem(op=BatchVerb.UPSERT, input=product) for product in products])
    return (await ProductImports(context(app, IMPORTER), set_stock=set_stock).batch(batch, False, selection)).items


def product_with(reference: str, sku: str, **members: Any) -> Json:
    """Return a product of a file, with one variant."""
    return {"name": "Chair", "external_reference": reference, "variants": [variant_input(sku=sku, **members)]}


async def stock_by_sku(app: "TradepostApp", staff: httpx.AsyncClient, sku: str, product_id: str) -> Any:
    """Return the stock of a variant, whose ledger must be right."""
    variants = (await staff.get(f"/v1/products/{product_id}/variants")).json()["data"]
    variant = next(v for v in variants if v["sku"] == sku)
    await check_ledger(app, variant["id"])
    return (await staff.get(f"/v1/variants/{variant['id']}/stock")).json()["on_hand"], variant["id"]


async def test_quantities_of_an_import_are_received_once(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    reference, sku = unique("erp"), unique("SKU")
    [created] = await import_file(app, product_with(reference, sku, imported_quantity=7))
    assert created.record is not None
    on_hand, variant = await stock_by_sku(app, staff, sku, created.record.id)
    assert on_hand == 7
    [movement] = (await staff.get(f"/v1/variants/{variant}/stock/movements")).json()["data"]
    assert (movement["kind"], movement["reference"], movement["on_hand_delta"]) == ("receive", "import", 7)
    for quantity in (7, 9, -1):
        await import_file(app, product_with(reference, sku, imported_quantity=quantity))
        assert (await stock_by_sku(app, staff, sku, created.record.id))[0] == 7


async def test_with_set_stock_an_import_counts(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    reference, sku = unique("erp"), unique("SKU")
    file = product_with(reference, sku, imported_quantity=7)
    [created] = await import_file(app, file, set_stock=True)
    assert created.record is not None
    on_hand, variant = await stock_by_sku(app, staff, sku, created.record.id)
    assert on_hand == 7
    await put(app, variant, await main_location(app), 5)
    # The same file again: nothing in the catalogue changes, but the stock does.
    [same] = await import_file(app, file, set_stock=True)
    assert (same.changed, (await stock_by_sku(app, staff, sku, created.record.id))[0]) == (False, 7)
    await import_file(app, product_with(reference, sku), set_stock=True)
    assert (await stock_by_sku(app, staff, sku, created.record.id))[0] == 7
    await staff.patch(f"/v1/products/{created.record.id}", json={"status": "active"})
    _, placed = await placed_order(app, staff, (variant, 6))
    other = product_with(unique("erp"), unique("SKU"), imported_quantity=3)
    refused, accepted = await import_file(app, product_with(reference, sku, imported_quantity=5), other, set_stock=True)
    assert (refused.problem and refused.problem.code, accepted.status) == ("stock_reserved", 201)
    assert refused.problem is not None
    assert refused.problem.members["order_numbers"] == [placed["number"]]
    assert (await stock_by_sku(app, staff, sku, created.record.id))[0] == 7


async def test_a_quantity_of_an_import_has_the_limit_of_a_location(app: "TradepostApp") -> None:
    for set_stock in (False, True):
        file = product_with(unique("erp"), unique("SKU"), imported_quantity=10**9 + 1)
        [refused] = await import_file(app, file, set_stock=set_stock)
        assert refused.problem is not None
        assert [error.code for error in refused.problem.errors] == ["out_of_range"]


async def test_untracked_and_unstocked_variants_of_an_import_have_no_stock(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    for members in ({"track_inventory": False, "imported_quantity": 4}, {"imported_quantity": -2}, {}):
        sku = unique("SKU")
        [created] = await import_file(app, product_with(unique("erp"), sku, **members))
        assert created.record is not None
        assert (await stock_by_sku(app, staff, sku, created.record.id))[0] == 0
