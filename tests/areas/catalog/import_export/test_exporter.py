"""The exporter: every format preserves products, and an export contains what its caller can see."""

from pathlib import Path
from typing import Any

import pytest

from tests.areas.catalog.import_export.conftest import ImportShop
from tests.factories import make_brand, make_category, make_product, read
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.catalog.formats.writing import FORMATS
from tradepost.areas.catalog.service.exporter import Exporter
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.writes.call_context import CallContext

ALL = (
    "name,slug,external_reference,status,description,attributes,tags,source,price_from{amount,currency},brand{name},"
    "category{name},categories{name,parent{name}},variants{sku,name,price{amount,currency},options,"
    "compare_at_price{amount,currency},weight_grams,barcode,attributes,tax_class,track_inventory,allow_backorder,"
    "low_stock_threshold,requires_shipping,withdrawal_excluded,position,external_reference,source,imported_quantity},media{source_url,alt,status,position}"
)
CHAIR: dict[str, Any] = {
    "name": "=Chair; \"oak\", 'Ö'\u00a0🪑 ", "slug": "a-chair", "status": "active",
    "description": " AT&T\n\n<b>\\n</b>\t", "attributes": {"a": [1, 1.5, None]}, "tags": ["a-a"],
    "source": {"Tags": "old", "n": 1, "": ""},
    "variants": [
        {
            "sku": " A,1", "price": {"amount": 1490, "currency": "EUR"},
            "options": {"Size": "Default Title", "a/b": "1, 2"}, "position": 7, "barcode": "",
        },
        {
            "sku": "-A", "price": {"amount": 5, "currency": "EUR"}, "options": {}, "name": "no, choice",
            "tax_class": "reduced", "track_inventory": False,
        },
    ],
}  # fmt: skip


async def catalog(shop: ImportShop) -> dict[str, Any]:
    """Read all products of a shop, by slug."""
    body = await read(shop.staff, "/v1/products", fields=ALL, limit="100", sort="created_at")
    products = {p["slug"]: p | {"categories": sorted(p["categories"], key=repr)} for p in body["data"]}
    assert len(products) == len(body["data"])
    return products


async def export(shop: ImportShop, format: str, file: Path, caller: Caller = SYSTEM) -> int:
    """Export a shop to a file and return the number of products."""
    exporter = Exporter(CallContext(caller, shop.app.state.database, door="cli"))
    progress: list[int] = []
    with file.open("wb") as out:
        summary = await exporter.write(format, out, currency="EUR", on_progress=progress.append)
    assert progress == [*range(1, summary.products + 1)]
    assert summary.products == await exporter.count_products()
    return summary.products


async def fill(shop: ImportShop) -> None:
    """Create a product with a brand in categories named like paths, and 98 without variants."""
    parent = await make_category(shop.staff, name="A > B, C", slug="a")
    child = await make_category(shop.staff, name="&gt;", slug="b", parent_id=parent["id"])
    brand = await make_brand(shop.staff, name="Kjeld & Son, A > B")
    places = {"category_id": child["id"], "category_ids": [parent["id"]], "brand_id": brand["id"]}
    await make_product(shop.staff, **CHAIR, **places)
    items = [{"op": "create", "input": {"name": f"Nothing to buy {n}", "slug": f"nothing-{n}"}} for n in range(98)]
    assert (await shop.staff.post("/v1/products/batch", json={"items": items})).status_code == 200


@pytest.mark.parametrize("format", FORMATS)
async def test_exported_products_are_equal_in_another_shop(
    shop: ImportShop, other_shop: ImportShop, tmp_path: Path, format: str
) -> None:
    await fill(shop)
    file = tmp_path / "export"
    expected = await catalog(shop)
    assert await export(shop, format, file) == len(expected) == 99
    answer = other_shop.command("import", file, "--currency", "EUR")
    assert answer.returncode == 0, answer.stderr
    assert await catalog(other_shop) == expected
    again = shop.command("import", file, "--currency", "EUR")
    assert "0 created, 0 updated, 99 unchanged" in again.stdout, again.stdout


async def test_more_than_a_page_is_exported_oldest_first(shop: ImportShop, tmp_path: Path) -> None:
    await fill(shop)
    items = [{"op": "create", "input": {"name": f"More {n}", "slug": f"more-{n}"}} for n in range(50)]
    await shop.staff.post("/v1/products/batch", json={"items": items})
    assert await export(shop, "csv", tmp_path / "csv") == 149
    keys = [
        line.split(",")[0]
        for line in (tmp_path / "csv").read_text("utf-8-sig").splitlines()
        if line.startswith(("nothing-", "more-"))
    ]
    assert keys == [*(f"nothing-{n}" for n in range(98)), *(f"more-{n}" for n in range(50))]


async def test_an_export_contains_only_what_its_caller_can_see(shop: ImportShop, tmp_path: Path) -> None:
    await make_product(shop.staff, **CHAIR)
    await make_product(shop.staff, name="Hidden", slug="hidden", status="draft")
    assert await export(shop, "ndjson", tmp_path / "all") == 2
    assert await export(shop, "ndjson", tmp_path / "seen", ANONYMOUS) == 1
    assert "source" not in (tmp_path / "seen").read_text()
