"""Files that update products: what they have no column for stays, in every format."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.areas.catalog.import_export.conftest import ImportShop
from tests.factories import read

type Json = dict[str, Any]

FIELDS = (
    "name,slug,external_reference,status,description,attributes,tags,source,price_from{amount},brand{name},"
    "category{name},categories{name},media{source_url,alt},variants{sku,name,price{amount,currency},options,"
    "compare_at_price{amount},weight_grams,barcode,attributes,tax_class,track_inventory,allow_backorder,position,"
    "low_stock_threshold,requires_shipping,withdrawal_excluded,external_reference,source,imported_quantity}"
)


def euros(amount: int) -> Json:
    """Return a price."""
    return {"amount": amount, "currency": "EUR"}


MUG: Json = {
    "name": "Mug", "slug": "mug", "external_reference": "44", "status": "draft", "description": "<p>Blue.</p>",
    "attributes": {"seo_title": "A mug", "care": ["dishwasher"], "gift_card": True}, "tags": ["kitchen", "blue"],
    "brand": "Holzwerk", "categories": [["Mugs"], ["Sale"]], "source": {"Tags": "Kitchen, Blue", "Fabric": "stone"},
    "media": [{"source_url": "https://i.example/1.jpg", "alt": "From above"}],
    "variants": [
        {
            "sku": "MUG-1", "name": "The mug", "price": euros(500), "compare_at_price": euros(700), "options": {},
            "weight_grams": 350, "barcode": "4006381333931", "attributes": {"shelf": 3}, "tax_class": "reduced",
            "track_inventory": False, "allow_backorder": True, "low_stock_threshold": 3,
            "requires_shipping": False, "withdrawal_excluded": True, "position": 4, "external_reference": "V-1",
            "source": {"Cost per item": "2.10"}, "imported_quantity": 12,
        }
    ],
}  # fmt: skip


def ndjson(*products: Json) -> str:
    """Return products as NDJSON."""
    return "\n".join([msgspec.json.encode(product).decode() for product in products])


async def state(shop: ImportShop) -> Json:
    """Return all that a file can change in the only product."""
    [product] = (await read(shop.staff, "/v1/products", fields=FIELDS))["data"]
    return product | {"categories": sorted([c["name"] for c in product["categories"]])}


def run(shop: ImportShop, folder: Path, text: str, *options: str) -> tuple[int, Json]:
    """Import a file with this text; return exit status and report."""
    file = folder / "update"
    file.write_text(text)
    done = shop.command("import", file, "--json", *options)
    assert done.stdout, done.stderr
    return done.returncode, msgspec.json.decode(done.stdout)


async def stored(shop: ImportShop, folder: Path, **members: Any) -> Json:
    """Create the mug, and return its state."""
    status, report = run(shop, folder, ndjson(MUG | members))
    assert (status, report["created"]) == (0, 1), report
    return await state(shop)


def variant(state: Json, **members: Any) -> Json:
    """Return a state with other members of its only variant, and the price of the product."""
    [only] = state["variants"]
    only = only | members
    return state | {"variants": [only], "price_from": {"amount": only["price"]["amount"]}}


SMALLEST: Mapping[str, str] = {
    "shopify": "Handle,Title,Variant Price\nmug,Mug,6.00\n",
    "woocommerce": "ID,Type,Name,Published,Regular price\n44,simple,Mug,-1,6.00\n",
    "csv": "product,name,slug,sku,price\n1,Mug,mug,,6.00\n",
    "csv-by-reference": "product,name,external_reference,sku,price\n1,Mug,44,MUG-1,6.00\n",
    "ndjson": ndjson({"name": "Mug", "slug": "mug", "variants": [{"sku": "MUG-1", "price": euros(600)}]}),
}


@pytest.mark.parametrize("format", SMALLEST)
async def test_an_update_of_the_price_changes_nothing_else(shop: ImportShop, tmp_path: Path, format: str) -> None:
    [only] = MUG["variants"]
    before = await stored(shop, tmp_path, variants=[only | {"compare_at_price": None}])
    for expected in ("updated", "unchanged"):
        status, report = run(shop, tmp_path, SMALLEST[format])
        assert (status, report[expected], report["issues"]) == (0, 1, [])
        assert await state(shop) == variant(before, price=euros(600))


@pytest.mark.parametrize(
    ("price", "members"),
    [
        ("9.00", {"compare_at_price": {"amount": 900}}),
        ("4.00", {"price": euros(400), "compare_at_price": None}),
    ],
)
async def test_a_regular_price_leaves_a_lower_sale_price_of_woocommerce(
    shop: ImportShop, tmp_path: Path, price: str, members: Json
) -> None:
    before = await stored(shop, tmp_path)
    assert run(shop, tmp_path, SMALLEST["woocommerce"].replace("6.00", price))[0] == 0
    assert await state(shop) == variant(before, **members)


EMPTIED: Json = {"description": "", "tags": [], "brand": None, "media": []}
BLANK: Mapping[str, tuple[str, str, Json, Json]] = {
    "shopify": (
        "Handle,Title,Variant Price,Body (HTML),Vendor,Type,Tags,SEO Title,Gift Card,Status,Variant SKU,Variant Grams,"
        "Variant Barcode,Variant Compare At Price,Image Src,Fabric",
        "mug,Mug,6.00,,,,,,,,,,,,,",
        EMPTIED | {
            "category": None, "categories": ["Sale"], "attributes": {"care": ["dishwasher"]},
            "source": None,
        },
        {"compare_at_price": None, "weight_grams": None, "barcode": None},
    ),
    "woocommerce": (
        "ID,Type,Name,Published,Regular price,Sale price,SKU,Description,Categories,Tags,Images,Brands,Weight (kg),"
        "\"GTIN, UPC, EAN, or ISBN\",Attribute 1 name,Attribute 1 value(s),Fabric",
        "44,simple,Mug,,6.00,,,,,,,,,,care,,",
        EMPTIED | {
            "category": None, "categories": [], "attributes": {"seo_title": "A mug", "gift_card": True},
            "source": {"Attribute 1 name": "care"},
        },
        {"compare_at_price": None, "weight_grams": None, "barcode": None},
    ),
    "csv": (
        "product,name,slug,sku,price,external_reference,status,description,brand,tags,attributes,source,categories,"
        "media,compare_at_price,weight_grams,barcode,tax_class,track_inventory,position,imported_quantity,"
        "variant_name,variant_source",
        "1,Mug,mug,,6.00,,,,,,,,[],[],,,,,,,,,",
        EMPTIED | {"category": None, "categories": [], "attributes": {}, "source": None},
        {
            "compare_at_price": None, "weight_grams": None, "barcode": None, "imported_quantity": None, "source": None,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("format", BLANK)
async def test_a_blank_cell_empties_a_value_that_may_be_empty_and_no_other(
    shop: ImportShop, tmp_path: Path, format: str
) -> None:
    before = await stored(shop, tmp_path, source={"Fabric": "stone"})
    header, row, members, of_variant = BLANK[format]
    status, report = run(shop, tmp_path, f"{header}\n{row}\n")
    assert status == 0, report
    assert await state(shop) == variant(before | members, price=euros(600), **of_variant)


async def test_a_null_in_ndjson_empties_the_value(shop: ImportShop, tmp_path: Path) -> None:
    before = await stored(shop, tmp_path)
    nulls = {"brand": None, "source": None, "categories": [], "variants": [{"sku": "MUG-1", "price": euros(500)}]}
    nulls["variants"][0] |= {"barcode": None, "compare_at_price": None}
    assert run(shop, tmp_path, ndjson({"name": "Mug", "slug": "mug", **nulls}))[0] == 0
    emptied = {"brand": None, "source": None, "category": None, "categories": []}
    assert await state(shop) == variant(before | emptied, barcode=None, compare_at_price=None)


async def test_the_type_replaces_only_the_main_category(shop: ImportShop, tmp_path: Path) -> None:
    before = await stored(shop, tmp_path)
    assert run(shop, tmp_path, "Handle,Title,Variant Price,Type\nmug,Mug,5,Cups\n")[0] == 0
    assert await state(shop) == before | {"category": {"name": "Cups"}, "categories": ["Cups", "Sale"]}


async def test_a_cell_that_cannot_be_read_changes_nothing(shop: ImportShop, tmp_path: Path) -> None:
    before = await stored(shop, tmp_path)
    text = "Handle,Title,Variant Price,Variant Grams,Variant Inventory Qty\nmug,Mug,5,heavy,a few\n"
    status, report = run(shop, tmp_path, text)
    assert (status, [(i["line"], i["column"]) for i in report["issues"]]) == (
        0,
        [(2, "Variant Grams"), (2, "Variant Inventory Qty")],
    )
    source = before["variants"][0]["source"] | {"Variant Grams": "heavy", "Variant Inventory Qty": "a few"}
    assert await state(shop) == variant(before, source=source)


TWO = [
    {"sku": "MUG-S", "price": euros(500), "options": {"Size": "S"}},
    {"sku": "MUG-L", "price": euros(700), "options": {"Size": "L"}},
]


async def prices(shop: ImportShop) -> dict[str, int]:
    """Return the prices of the variants by SKU."""
    return {v["sku"]: v["price"]["amount"] for v in (await state(shop))["variants"]}


@pytest.mark.parametrize(
    "text",
    [
        "Handle,Title,Variant Price,Option1 Name,Option1 Value\nmug,Mug,8,Size,L\n",
        "Handle,Title,Variant Price,Option1 Value\nmug,Mug,8,L\n",
        "Handle,Title,Variant Price,Variant SKU\nmug,Mug,8,MUG-L\n",
    ],
    ids=["by-options", "by-values-of-options", "by-sku"],
)
async def test_variants_that_are_not_in_the_file_stay_and_are_reported(
    shop: ImportShop, tmp_path: Path, text: str
) -> None:
    before = await stored(shop, tmp_path, variants=TWO)
    status, report = run(shop, tmp_path, text)
    [issue] = report["issues"]
    assert (status, issue["line"], issue["value"], issue["repaired"]) == (0, 2, "MUG-S", True)
    assert await prices(shop) == {"MUG-S": 500, "MUG-L": 800}
    after = await state(shop)
    assert [v["options"] for v in after["variants"]] == [v["options"] for v in before["variants"]]


async def test_a_row_that_could_be_any_variant_is_rejected(shop: ImportShop, tmp_path: Path) -> None:
    before = await stored(shop, tmp_path, variants=TWO)
    status, report = run(shop, tmp_path, SMALLEST["shopify"])
    [issue] = report["issues"]
    assert (status, report["rejected"], issue["line"]) == (3, 1, 2)
    assert "Add its SKU or its options." in issue["advice"]
    assert await state(shop) == before


async def test_a_new_product_takes_defaults(shop: ImportShop, tmp_path: Path) -> None:
    assert run(shop, tmp_path, SMALLEST["shopify"])[0] == 0
    product = await state(shop)
    assert (product["status"], product["external_reference"], product["tags"]) == ("active", "mug", [])
    assert [v["sku"] for v in product["variants"]] == ["mug"]
