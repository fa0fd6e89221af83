"""What only imports can write: stock, images, and SKUs of existing variants."""

from typing import TYPE_CHECKING

import httpx
from sqlalchemy import update

from tests.areas.catalog.events import events_of
from tests.areas.catalog.upserting import import_products, media_of, upsert, variants_of
from tests.factories import unique, variant_input
from tradepost.areas.catalog.models import MediaRow
from tradepost.areas.catalog.service.batch import ProductBatches
from tradepost.areas.catalog.service.imports import ProductImports
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

HERE = "https://cdn.example.com"


def test_imports_and_doors_call_the_same_operation() -> None:
    assert isinstance(ProductBatches.batch, Operation)
    assert ProductImports.batch is ProductBatches.batch
    assert ProductBatches.batch.service is ProductBatches
    registry = Registry()
    for service in (ProductBatches, ProductImports):
        registry.add_service(service)
    assert registry.operations == {"product_batch": ProductBatches.batch}


async def test_an_import_sets_the_stock_and_an_upsert_through_rest_leaves_it_unchanged(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    product = {
        "name": "Chair",
        "external_reference": unique("erp"),
        "variants": [variant_input(sku=(sku := unique("SKU")))],
    }
    [created] = await import_products(
        app, [product | {"variants": [product["variants"][0] | {"imported_quantity": -3}]}]
    )
    assert created.status == 201
    assert created.record is not None
    assert (await variants_of(app, created.record.id))[sku].imported_quantity == -3
    [same] = await upsert(staff, [product])
    assert (same["status"], same["changed"]) == (200, False)
    [changed] = await import_products(
        app, [product | {"variants": [product["variants"][0] | {"imported_quantity": 4}]}]
    )
    assert changed.changed
    variant = (await variants_of(app, created.record.id))[sku]
    assert (variant.imported_quantity, variant.version) == (4, 2)


async def test_an_import_can_set_and_swap_the_skus_of_existing_variants(app: "TradepostApp") -> None:
    small, large = variant_input(options={"size": "S"}), variant_input(options={"size": "L"})
    product = {"name": "Chair", "external_reference": unique("erp"), "variants": [small, large]}
    [created] = await import_products(app, [product])
    assert created.record is not None
    before = await variants_of(app, created.record.id)
    renamed = [small | {"sku": unique("SKU")}, large]
    await import_products(app, [product | {"variants": renamed}])
    after = await variants_of(app, created.record.id)
    assert {s: v.id for s, v in after.items()} == {
        renamed[0]["sku"]: before[small["sku"]].id,
        large["sku"]: before[large["sku"]].id,
    }
    [swapped] = await import_products(
        app, [product | {"variants": [renamed[0] | {"sku": large["sku"]}, large | {"sku": renamed[0]["sku"]}]}]
    )
    assert (swapped.status, swapped.changed) == (200, True)
    last = await variants_of(app, created.record.id)
    assert {s: v.options for s, v in last.items()} == {large["sku"]: {"size": "S"}, renamed[0]["sku"]: {"size": "L"}}
    new = variant_input(options={"size": "S"})
    [moved] = await import_products(
        app, [product | {"variants": [variant_input(sku=large["sku"], options={"size": "M"}), new]}]
    )
    assert (moved.status, moved.problem) == (200, None)
    sizes = {s: v.options["size"] for s, v in (await variants_of(app, created.record.id)).items()}
    assert sizes == {large["sku"]: "M", new["sku"]: "S", renamed[0]["sku"]: "L"}


async def test_an_import_replaces_remote_images_and_keeps_stored_ones(app: "TradepostApp") -> None:
    product = {"name": "Chair", "external_reference": unique("erp")}
    [created] = await import_products(
        app, [product | {"media": [{"source_url": f"{HERE}/{n}.jpg", "alt": f"{n}"} for n in "abc"]}]
    )
    assert created.record is not None
    id = created.record.id
    assert await media_of(app, id) == [(f"{HERE}/{n}.jpg", n, "remote", 1) for n in "abc"]
    async with app.state.database.transaction() as session:
        await session.execute(
            update(MediaRow)
            .where(MediaRow.product_id == id, MediaRow.source_url == f"{HERE}/b.jpg")
            .values(status="stored")
        )
    [same] = await import_products(app, [product])
    assert not same.changed, "a missing `media` member leaves the images unchanged"
    [changed] = await import_products(
        app, [product | {"media": [{"source_url": f"{HERE}/d.jpg"}, {"source_url": f"{HERE}/a.jpg", "alt": "new"}]}]
    )
    assert changed.record is not None
    assert changed.record.version == 2
    assert {m[:3] for m in await media_of(app, id)} == {
        (f"{HERE}/d.jpg", "", "remote"),
        (f"{HERE}/a.jpg", "new", "remote"),
        (f"{HERE}/b.jpg", "b", "stored"),
    }
    assert (await events_of(app, id))[-1] == ("product.updated", {"changed": ["media"]})
