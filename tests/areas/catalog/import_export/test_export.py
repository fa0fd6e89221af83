"""Export of a shop: the other shop system and Tradepost can both read the file."""

import csv
import io
from pathlib import Path

import pytest

from tests.areas.catalog.import_export.conftest import HERE, ImportShop
from tests.factories import read

SOURCES = (
    "slug,external_reference,source,attributes,"
    "variants{sku,source,imported_quantity,attributes,tax_class,external_reference,position,name}"
)


async def all_of(shop: ImportShop) -> tuple[object, object]:
    """Return all that is public and all that only staff can read.

    Categories are compared by name, since each shop generates their slugs.
    """
    staff_only = await read(shop.staff, "/v1/products", fields=SOURCES, limit="100")
    public = await shop.by_rest()
    for product in public.values():
        product["category"] = (product["category"] or {}).get("name")
        product["categories"].sort(key=lambda c: c["name"])
    return public, sorted(staff_only["data"], key=lambda p: p["slug"])


@pytest.mark.parametrize("name", ["shopify", "woocommerce", "csv", "ndjson"])
async def test_an_exported_shop_is_equal_after_its_import(
    shop: ImportShop, other_shop: ImportShop, tmp_path: Path, name: str
) -> None:
    for file in ("shopify.csv", "woocommerce.csv"):
        assert shop.command("import", HERE / file).returncode == 0
    out = tmp_path / f"out.{name}"
    export = shop.process if name == "csv" else shop.command
    assert export("export", "--format", name, "--output", out).returncode == 0
    done = other_shop.command("import", out)
    assert done.returncode == 0, done.stderr
    assert await all_of(other_shop) == await all_of(shop)
    again = shop.command("import", out)
    assert "0 created, 0 updated, 12 unchanged, 0 rejected" in again.stdout, again.stdout + again.stderr


async def test_a_shopify_import_is_exported_with_its_original_columns(shop: ImportShop) -> None:
    shop.command("import", HERE / "shopify.csv")
    before = [*csv.DictReader(io.StringIO((HERE / "shopify.csv").read_text("utf-8"), newline=""))]
    after = [*csv.DictReader(io.StringIO(shop.command("export", "--format", "shopify").stdout, newline=""))]
    mug, exported_mug = [[row for row in rows if row["Handle"] == "reef-mug"] for rows in (before, after)]
    columns = (
        "Handle", "Title", "Vendor", "Type", "Tags", "Option1 Value", "Option2 Value", "Variant Grams",
        "Variant Inventory Qty", "Variant Barcode", "Cost per item", "Price / International",
        "Google Shopping / Gender", "Fabric (product.metafields.custom.fabric)", "Variant Image",
    )  # fmt: skip
    for column in columns:
        assert [row[column] for row in exported_mug[:3]] == [row[column] for row in mug[:3]], column


async def test_the_demo_catalog_can_be_exported_and_imported(
    shop: ImportShop, other_shop: ImportShop, tmp_path: Path
) -> None:
    assert shop.command("seed", "--products", "30").returncode == 0
    [category] = (await read(shop.staff, "/v1/categories", limit="1"))["data"]
    # A product in a category, but without a main category.
    product = {"name": "Put aside", "slug": "put-aside", "category_ids": [category["id"]]}
    assert (await shop.staff.post("/v1/products", json=product)).status_code == 201
    for name in ("shopify", "woocommerce", "ndjson"):
        assert shop.command("export", "--format", name, "--output", tmp_path / name).returncode == 0
    assert other_shop.command("import", tmp_path / "shopify").returncode == 0
    assert await all_of(other_shop) == await all_of(shop)
    for name in ("shopify", "woocommerce", "ndjson"):
        again = other_shop.command("import", tmp_path / name)
        assert "0 created, 0 updated, 31 unchanged, 0 rejected" in again.stdout, again.stdout + again.stderr
