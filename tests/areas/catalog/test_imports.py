"""What an import's batches do beyond a door's: stock, pictures, and variants that get their SKUs later."""

from typing import TYPE_CHECKING

import httpx
from sqlalchemy import update

from tests.areas.catalog.events import events_of
from tests.areas.catalog.upserting import imported, media_of, upsert, variants_of
from tests.factories import unique, variant_input
from tradepost.areas.catalog.models import MediaRow
from tradepost.areas.catalog.service.batch import ProductBatches
from tradepost.areas.catalog.service.imports import ProductImports
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

HERE = "https://cdn.example.com"


def test_imports_go_through_the_operation_that_the_doors_call() -> None:
    assert isinstance(ProductBatches.batch, Operation)
    assert ProductImports.batch is ProductBatches.batch
    assert ProductBatches.batch.service is ProductBatches
    registry = Registry()
    for service in (ProductBatches, ProductImports):
        registry.add_service(service)
    assert registry.operations == {"product_batch": ProductBatches.batch}


async def test_the_stock_of_a_file_is_kept_and_a_door_leaves_it_alone(
    app: "TradepostApp", staff: httpx.AsyncClient
) -> None:
    given = {
        "name": "Chair",
        "external_reference": unique("erp"),
        "variants": [variant_input(sku=(sku := unique("SKU")))],
    }
    [made] = await imported(app, [given | {"variants": [given["variants"][0] | {"imported_quantity": -3}]}])
    assert made.status == 201
    assert made.record is not None
    assert (await variants_of(app, made.record.id))[sku].imported_quantity == -3
    [same] = await upsert(staff, [given])
    assert (same["status"], same["changed"]) == (200, False)
    [changed] = await imported(app, [given | {"variants": [given["variants"][0] | {"imported_quantity": 4}]}])
    assert changed.changed
    found = (await variants_of(app, made.record.id))[sku]
    assert (found.imported_quantity, found.version) == (4, 2)


async def test_variants_get_their_skus_later_and_may_swap_them(app: "TradepostApp") -> None:
    small, large = variant_input(options={"size": "S"}), variant_input(options={"size": "L"})
    given = {"name": "Chair", "external_reference": unique("erp"), "variants": [small, large]}
    [made] = await imported(app, [given])
    assert made.record is not None
    before = await variants_of(app, made.record.id)
    renamed = [small | {"sku": unique("SKU")}, large]
    await imported(app, [given | {"variants": renamed}])
    after = await variants_of(app, made.record.id)
    assert {s: v.id for s, v in after.items()} == {
        renamed[0]["sku"]: before[small["sku"]].id,
        large["sku"]: before[large["sku"]].id,
    }
    [swapped] = await imported(
        app, [given | {"variants": [renamed[0] | {"sku": large["sku"]}, large | {"sku": renamed[0]["sku"]}]}]
    )
    assert (swapped.status, swapped.changed) == (200, True)
    last = await variants_of(app, made.record.id)
    assert {s: v.options for s, v in last.items()} == {large["sku"]: {"size": "S"}, renamed[0]["sku"]: {"size": "L"}}
    newcomer = variant_input(options={"size": "S"})
    [moved] = await imported(
        app, [given | {"variants": [variant_input(sku=large["sku"], options={"size": "M"}), newcomer]}]
    )
    assert (moved.status, moved.problem) == (200, None)
    sizes = {s: v.options["size"] for s, v in (await variants_of(app, made.record.id)).items()}
    assert sizes == {large["sku"]: "M", newcomer["sku"]: "S", renamed[0]["sku"]: "L"}


async def test_pictures_follow_the_file_and_what_was_fetched_stays(app: "TradepostApp") -> None:
    given = {"name": "Chair", "external_reference": unique("erp")}
    [made] = await imported(app, [given | {"media": [{"source_url": f"{HERE}/{n}.jpg", "alt": f"{n}"} for n in "abc"]}])
    assert made.record is not None
    id = made.record.id
    assert await media_of(app, id) == [(f"{HERE}/{n}.jpg", n, "remote", 1) for n in "abc"]
    async with app.state.database.transaction() as session:
        await session.execute(
            update(MediaRow)
            .where(MediaRow.product_id == id, MediaRow.source_url == f"{HERE}/b.jpg")
            .values(status="stored")
        )
    [same] = await imported(app, [given])
    assert not same.changed, "no word of pictures leaves them as they are"
    [changed] = await imported(
        app, [given | {"media": [{"source_url": f"{HERE}/d.jpg"}, {"source_url": f"{HERE}/a.jpg", "alt": "new"}]}]
    )
    assert changed.record is not None
    assert changed.record.version == 2
    assert {m[:3] for m in await media_of(app, id)} == {
        (f"{HERE}/d.jpg", "", "remote"),
        (f"{HERE}/a.jpg", "new", "remote"),
        (f"{HERE}/b.jpg", "b", "stored"),
    }
    assert (await events_of(app, id))[-1] == (
        "product.updated",
        {"changed": ["media"], "variants": {"created": [], "updated": []}},
    )
