"""A shop moves out: what is exported, the other shop or we can read again."""

import csv
import io
from pathlib import Path

import pytest

from tests.areas.catalog.moving.conftest import HERE, Moved
from tests.factories import read

SOURCES = "slug,external_reference,source,attributes,variants{sku,source,imported_quantity,attributes,tax_class,external_reference,position,name}"


async def all_of(shop: Moved) -> tuple[object, object]:
    """Everything that both doors and only staff see. A category is known by its name: its slug is the shop's."""
    hidden = await read(shop.staff, "/v1/products", fields=SOURCES, limit="100")
    shown = await shop.by_rest()
    for product in shown.values():
        product["category"] = (product["category"] or {}).get("name")
        product["categories"].sort(key=lambda c: c["name"])
    return shown, sorted(hidden["data"], key=lambda p: p["slug"])


@pytest.mark.parametrize("name", ["shopify", "woocommerce", "csv", "ndjson"])
async def test_a_shop_that_moves_out_and_in_again_is_the_same(
    moved: Moved, other: Moved, tmp_path: Path, name: str
) -> None:
    for file in ("shopify.csv", "woocommerce.csv"):
        assert moved.command("import", HERE / file).returncode == 0
    out = tmp_path / f"out.{name}"
    assert moved.process("export", "--format", name, "--output", out).returncode == 0
    done = other.command("import", out)
    assert done.returncode == 0, done.stderr
    assert await all_of(other) == await all_of(moved)
    again = moved.command("import", out)
    assert "0 created, 0 updated, 12 unchanged, 0 rejected" in again.stdout, again.stdout + again.stderr


async def test_shopify_gets_its_own_columns_back(moved: Moved) -> None:
    moved.command("import", HERE / "shopify.csv")
    before = [*csv.DictReader(io.StringIO((HERE / "shopify.csv").read_text("utf-8"), newline=""))]
    after = [*csv.DictReader(io.StringIO(moved.command("export", "--format", "shopify").stdout, newline=""))]
    mug, again = [[row for row in rows if row["Handle"] == "reef-mug"] for rows in (before, after)]
    same = ("Handle", "Title", "Vendor", "Type", "Tags", "Option1 Value", "Option2 Value", "Variant Grams", "Variant Inventory Qty", "Variant Barcode",
            "Cost per item", "Price / International", "Google Shopping / Gender", "Fabric (product.metafields.custom.fabric)", "Variant Image")  # fmt: skip
    for column in same:
        assert [row[column] for row in again[:3]] == [row[column] for row in mug[:3]], column


async def test_the_demo_shop_can_leave_as_well(moved: Moved, other: Moved, tmp_path: Path) -> None:
    moved.process("seed", "--products", "30")
    [category] = (await read(moved.staff, "/v1/categories", limit="1"))["data"]
    aside = {"name": "Put aside", "slug": "put-aside", "category_ids": [category["id"]]}
    assert (await moved.staff.post("/v1/products", json=aside)).status_code == 201, (
        "in a category, but none is its main one"
    )
    for name in ("shopify", "woocommerce", "ndjson"):
        assert moved.command("export", "--format", name, "--output", tmp_path / name).returncode == 0
    assert other.command("import", tmp_path / "shopify").returncode == 0
    assert await all_of(other) == await all_of(moved)
    for name in ("shopify", "woocommerce", "ndjson"):
        again = other.command("import", tmp_path / name)
        assert "0 created, 0 updated, 31 unchanged, 0 rejected" in again.stdout, again.stdout + again.stderr
