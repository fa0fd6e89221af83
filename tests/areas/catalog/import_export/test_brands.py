"""Brands in product files: found by name or slug, created once, and exported again."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.areas.catalog.import_export.conftest import ImportShop
from tests.areas.catalog.upserting import IMPORTER, record_statements
from tests.factories import make_brand, make_product, read, variant_input
from tradepost.areas.catalog.formats.ndjson import NdjsonFile
from tradepost.areas.catalog.service.importer import Importer
from tradepost.kit.writes.call_context import CallContext

type Json = dict[str, Any]


def product(reference: str, **members: Any) -> Json:
    """Return the record of an active product."""
    record = {"name": "Lamp", "external_reference": reference, "status": "active", "variants": [variant_input()]}
    return record | members


def write_ndjson(folder: Path, *products: Json) -> Path:
    """Write an NDJSON file."""
    file = folder / "products.ndjson"
    file.write_bytes(b"\n".join([msgspec.json.encode(record) for record in products]))
    return file


def import_json(shop: ImportShop, file: Path, *options: str) -> Json:
    """Import a file and return the report."""
    return msgspec.json.decode(shop.command("import", file, "--json", *options).stdout)


async def brands(shop: ImportShop) -> dict[str, str]:
    """Return the names of all brands by slug."""
    page = await read(shop.staff, "/v1/brands", limit="100")
    return {brand["slug"]: brand["name"] for brand in page["data"]}


async def brand_of(shop: ImportShop, reference: str) -> str | None:
    """Return the slug of a product's brand."""
    brand = (await shop.by_rest())[reference]["brand"]
    return brand and brand["slug"]


async def test_a_missing_brand_is_created_once_for_all_spellings_with_one_slug(
    shop: ImportShop, tmp_path: Path
) -> None:
    names = ("ACME & Co", "Acme, Co.", "漢字", "かな", "漢字", None)
    file = write_ndjson(tmp_path, *[product(str(n), brand=name) for n, name in enumerate(names)])
    report = import_json(shop, file)
    assert (report["created"], report["brands_created"]) == (6, 3)
    assert sorted((await brands(shop)).values()) == ["ACME & Co", "かな", "漢字"]
    by_number = [await brand_of(shop, str(n)) for n in range(6)]
    assert by_number[0] == by_number[1] == "acme-co"
    assert by_number[2] == by_number[4] != by_number[3]
    assert by_number[5] is None
    report = import_json(shop, file)
    assert (report["unchanged"], report["brands_created"]) == (6, 0)


async def test_an_existing_brand_is_found_by_its_name_and_else_by_its_slug(shop: ImportShop, tmp_path: Path) -> None:
    by_name = await make_brand(shop.staff, name="Müller", slug="mueller-gmbh")
    by_slug = await make_brand(shop.staff, name="Kjeld and Son", slug="kjeld-son")
    file = write_ndjson(tmp_path, product("a", brand="Müller"), product("b", brand="Kjeld & Son"))
    assert import_json(shop, file)["brands_created"] == 0
    assert [await brand_of(shop, key) for key in "ab"] == [by_name["slug"], by_slug["slug"]]


async def test_a_dry_run_counts_each_brand_and_category_once_over_all_batches(shop: ImportShop, tmp_path: Path) -> None:
    names = [f"Brand {n % 2}" for n in range(250)]
    file = write_ndjson(
        tmp_path, *[product(str(n), brand=name, categories=[["A", "B"]]) for n, name in enumerate(names)]
    )
    dry_run = import_json(shop, file, "--dry-run")
    assert await brands(shop) == {}
    assert (dry_run["created"], dry_run["brands_created"], dry_run["categories_created"]) == (250, 2, 2)
    assert import_json(shop, file) == dry_run | {"dry_run": False}


async def test_an_invalid_brand_rejects_only_its_product(shop: ImportShop, tmp_path: Path) -> None:
    report = import_json(shop, write_ndjson(tmp_path, product("a", brand="x" * 201), product("b", brand="B")))
    assert (report["created"], report["rejected"]) == (1, 1)
    assert [(f["line"], f["column"]) for f in report["issues"]] == [(1, "/brand")]
    assert list(await brands(shop)) == ["b"]


async def test_the_brands_of_a_batch_are_found_by_one_statement(shop: ImportShop, tmp_path: Path) -> None:
    names = [f"Brand {n}" for n in range(60)]
    for name in names:
        await make_brand(shop.staff, name=name)
    file = NdjsonFile(write_ndjson(tmp_path, *[product(str(n), brand=names[n % 60]) for n in range(200)]))
    context = CallContext(IMPORTER, shop.app.state.database, door="cli", dependencies=shop.app.state.dependencies)
    importer = Importer(context, dry_run=False, on_issue=print, on_progress=lambda _: None)
    async with record_statements(shop.app) as statements:
        summary = await importer.run(file)
    assert (summary.created, summary.brands_created) == (200, 0)
    assert sum("SELECT brand.id, brand.name" in statement for statement in statements) == 1


@pytest.mark.parametrize("format", ["shopify", "woocommerce", "csv", "ndjson"])
async def test_every_format_keeps_the_brand(
    shop: ImportShop, other_shop: ImportShop, tmp_path: Path, format: str
) -> None:
    for name in ("Kjeld & Son", "A, B > C", "=Sum", '"Quoted"'):
        brand = await make_brand(shop.staff, name=name)
        await make_product(shop.staff, name=name, brand_id=brand["id"], variants=[variant_input()])
    await make_product(shop.staff, name="No brand", variants=[variant_input()])
    file = tmp_path / f"out.{format}"
    assert shop.command("export", "--format", format, "--output", file).returncode == 0
    report = import_json(other_shop, file)
    assert (report["created"], report["brands_created"]) == (5, 4)
    expected = {"Kjeld & Son", "A, B > C", "=Sum", '"Quoted"', None}
    products = (await other_shop.by_rest()).values()
    assert {p["name"] if p["brand"] else None for p in products} == expected
    assert all(p["brand"] is None or p["brand"]["name"] == p["name"] for p in products)
    assert import_json(shop, file)["unchanged"] == 5
    assert len(await brands(shop)) == 4


async def test_a_dry_run_reports_the_product_that_has_a_sku(shop: ImportShop, tmp_path: Path) -> None:
    taken = variant_input()
    import_json(shop, write_ndjson(tmp_path, product("first", variants=[taken], brand="A")))
    report = import_json(shop, write_ndjson(tmp_path, product("second", variants=[taken], brand="B")), "--dry-run")
    assert (report["rejected"], report["brands_created"]) == (1, 1)
    assert "already has this SKU" in report["issues"][0]["advice"]
