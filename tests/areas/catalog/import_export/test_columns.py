"""A property: an import changes exactly the members that the columns of its file stand for."""

import csv
import io
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import msgspec
from hypothesis import HealthCheck, given, settings

from tests.areas.catalog.import_export.test_updates import FIELDS, euros
from tests.areas.catalog.upserting import IMPORTER
from tests.factories import read, unique
from tradepost.areas.catalog.formats import open_file
from tradepost.areas.catalog.service.importer import Importer, ImportSummary
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    import httpx

    from tradepost.app import TradepostApp

type Json = dict[str, Any]
type Change = Callable[[Json, Json, str], None]
"""Applies a cell to the product and to its variant, as both are read."""

TEXTS, CATEGORIES = st.sampled_from(["", "Oak", "a, b", "=1"]), st.sampled_from(["", "Mugs", "Cups"])
AMOUNTS, COUNTS, FLAGS = st.sampled_from(["", "9.50", "12.00"]), st.sampled_from(["", "0", "7"]), st.just("")


def product_text(member: str) -> Change:
    """Set a text of the product."""
    return lambda product, variant, cell: product.update({member: cell})


def brand(product: Json, variant: Json, cell: str) -> None:
    """Set the brand."""
    product["brand"] = {"name": cell} if cell else None


def main_category(product: Json, variant: Json, cell: str) -> None:
    """Set the main category; the product leaves the one that it had."""
    before = {(product["category"] or {}).get("name")}
    product["category"] = {"name": cell} if cell else None
    product["categories"] = sorted((({*product["categories"]} - before) | {cell}) - {""})


def all_categories(product: Json, variant: Json, cell: str) -> None:
    """Set all categories by one name."""
    product["category"], product["categories"] = {"name": cell} if cell else None, [cell] if cell else []


def tags(product: Json, variant: Json, cell: str) -> None:
    """Set the tags."""
    product["tags"] = cell.split(", ") if cell else []


def images(product: Json, variant: Json, cell: str) -> None:
    """Set the images. One that the product has keeps its text."""
    texts = {image["source_url"]: image["alt"] for image in product["media"]}
    product["media"] = [{"source_url": cell, "alt": texts.get(cell, "")}] if cell else []


def key(member: str, name: str, *, of_variant: bool = False) -> Change:
    """Set a key of an object."""

    def change(product: Json, variant: Json, cell: str) -> None:
        owner = variant if of_variant else product
        before = {k: v for k, v in (owner[member] or {}).items() if k != name}
        after = before | ({name: cell} if cell else {})
        owner[member] = after or (None if member == "source" else {})

    return change


def json_object(member: str, *, of_variant: bool = False) -> Change:
    """Set an object as a whole."""

    def change(product: Json, variant: Json, cell: str) -> None:
        empty = None if member == "source" else {}
        (variant if of_variant else product)[member] = msgspec.json.decode(cell) if cell else empty

    return change


def sku(product: Json, variant: Json, cell: str) -> None:
    """Set the SKU unless the cell is blank."""
    variant["sku"] = cell or variant["sku"]


def number(member: str) -> Change:
    """Set a whole number of the variant."""
    return lambda product, variant, cell: variant.update({member: int(cell) if cell else None})


def text(member: str, *, is_required: bool = False) -> Change:
    """Set a text of the variant. A required one stays if the cell is blank."""
    return lambda product, variant, cell: variant.update({member: cell or (variant[member] if is_required else None)})


def amount(product: Json, variant: Json, cell: str) -> None:
    """Set the former price."""
    variant["compare_at_price"] = {"amount": int(cell.replace(".", ""))} if cell else None


def flag(member: str, true: str) -> Change:
    """Set a flag of the variant, which is true for one cell."""
    return lambda product, variant, cell: variant.update({member: cell == true})


def kept_flag(member: str) -> Change:
    """Set a flag of the variant unless the cell is blank."""
    return lambda product, variant, cell: variant.update({member: cell == "true" if cell else variant[member]})


def status(product: Json, variant: Json, cell: str) -> None:
    """Set the status unless the cell is blank."""
    product["status"] = cell or product["status"]


URLS = st.sampled_from(["", "https://i.example/1.jpg", "https://i.example/2.jpg"])
OBJECTS = st.sampled_from(["", '{"wood":"oak"}', "{}"])
STATUSES = st.sampled_from(["", "draft", "active", "archived"])
TAGS, SKUS, BOOLEANS = st.sampled_from(["", "oak", "oak, new"]), st.booleans(), st.sampled_from(["", "true", "false"])
TAX_CLASSES = st.sampled_from(["", "reduced"])

type Columns = Mapping[str, tuple[st.SearchStrategy[Any], Change]]

SHOPIFY: Columns = {
    "Body (HTML)": (TEXTS, product_text("description")), "Vendor": (TEXTS, brand), "Type": (CATEGORIES, main_category),
    "Tags": (TAGS, tags), "SEO Title": (TEXTS, key("attributes", "seo_title")), "Image Src": (URLS, images),
    "Fabric": (TEXTS, key("source", "Fabric")), "Variant SKU": (SKUS, sku),
    "Variant Grams": (COUNTS, number("weight_grams")), "Variant Barcode": (TEXTS, text("barcode")),
    "Variant Inventory Qty": (COUNTS, number("imported_quantity")), "Variant Compare At Price": (AMOUNTS, amount),
    "Variant Inventory Tracker": (st.sampled_from(["", "shopify"]), flag("track_inventory", "shopify")),
    "Variant Requires Shipping": (
        st.sampled_from(["", "true", "false", "FALSE"]),
        flag("requires_shipping", "true"),
    ),
    "Variant Inventory Policy": (st.sampled_from(["", "deny", "continue"]), flag("allow_backorder", "continue")),
    "Cost per item": (AMOUNTS, key("source", "Cost per item", of_variant=True)),
}  # fmt: skip
WOOCOMMERCE: Columns = {
    "Description": (TEXTS, product_text("description")), "Short description": (
        TEXTS, key("attributes", "short_description")
    ),
    "Categories": (CATEGORIES, all_categories), "Tags": (TAGS, tags), "Images": (URLS, images),
    "Fabric": (TEXTS.filter(lambda t: t != "=1"), key("source", "Fabric")), "SKU": (SKUS, sku),
    "GTIN, UPC, EAN, or ISBN": (TEXTS.filter(lambda t: t != "=1"), text("barcode")),
    "Weight (g)": (COUNTS, number("weight_grams")),
    "Backorders allowed?": (st.sampled_from(["", "1", "0"]), flag("allow_backorder", "1")),
}  # fmt: skip
NATIVE: Columns = {
    "status": (STATUSES, status), "description": (TEXTS, product_text("description")), "brand": (TEXTS, brand),
    "tags": (TAGS, tags), "attributes": (OBJECTS, json_object("attributes")),
    "source": (OBJECTS, json_object("source")), "compare_at_price": (AMOUNTS, amount),
    "weight_grams": (COUNTS, number("weight_grams")), "barcode": (TEXTS, text("barcode")),
    "tax_class": (TAX_CLASSES, text("tax_class", is_required=True)),
    "track_inventory": (BOOLEANS, kept_flag("track_inventory")),
    "allow_backorder": (BOOLEANS, kept_flag("allow_backorder")),
    "low_stock_threshold": (COUNTS, number("low_stock_threshold")),
    "requires_shipping": (BOOLEANS, kept_flag("requires_shipping")),
    "withdrawal_excluded": (BOOLEANS, kept_flag("withdrawal_excluded")),
    "imported_quantity": (COUNTS, number("imported_quantity")),
    "variant_attributes": (OBJECTS, json_object("attributes", of_variant=True)),
    "variant_source": (OBJECTS, json_object("source", of_variant=True)),
}  # fmt: skip
FORMATS: Mapping[str, tuple[Json, Columns]] = {
    "shopify": ({"Handle": "{slug}", "Title": "Mug", "Variant Price": "{price}"}, SHOPIFY),
    "woocommerce": (
        {
            "ID": "{reference}", "Type": "simple", "Name": "Mug", "Published": "-1", "Regular price": "{price}",
            "Sale price": "",
        },
        {**WOOCOMMERCE},
    ),
    "csv": ({"product": "1", "slug": "{slug}", "name": "Mug", "sku": "", "price": "{price}"}, NATIVE),
}  # fmt: skip

STORED = st.fixed_dictionaries(
    {
        "description": st.sampled_from(["", "<p>Old</p>"]), "tags": st.sampled_from([[], ["oak", "old"]]),
        "brand": st.sampled_from([None, "Oak", "Ash"]),
        "categories": st.sampled_from([[], [["Mugs"]], [["Mugs"], ["Sale"]], [[], ["Sale"]]]),
        "attributes": st.sampled_from([{}, {"seo_title": "Old", "short_description": "Old", "care": ["dry"]}]),
        "source": st.sampled_from([None, {"Fabric": "stone", "ERP": {"row": 7}}]),
        "media": st.sampled_from([[], [{"source_url": "https://i.example/1.jpg", "alt": "Front"}]]),
    }
)  # fmt: skip
STORED_VARIANT = st.fixed_dictionaries(
    {
        "weight_grams": st.sampled_from([None, 350]), "barcode": st.sampled_from([None, "40"]),
        "compare_at_price": st.just(None), "attributes": st.sampled_from([{}, {"shelf": 3}]),
        "tax_class": st.sampled_from(["standard", "zero"]), "track_inventory": st.booleans(),
        "allow_backorder": st.booleans(), "low_stock_threshold": st.sampled_from([None, 0, 7]),
        "requires_shipping": st.booleans(), "withdrawal_excluded": st.booleans(), "position": st.sampled_from([0, 5]),
        "external_reference": st.sampled_from([None, "V-1"]), "name": st.sampled_from(["", "The mug"]),
        "source": st.sampled_from([None, {"Cost per item": "2.10", "n": 1}]),
        "imported_quantity": st.sampled_from([None, 12]),
    }
)  # fmt: skip


async def run(app: "TradepostApp", content: str) -> ImportSummary:
    """Import a file in this process. No product may be rejected."""
    context = CallContext(IMPORTER, app.state.database, door="cli", dependencies=app.state.dependencies)
    issues: list[Any] = []
    importer = Importer(context, dry_run=False, on_issue=issues.append, on_progress=lambda _: None)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "products"
        file.write_text(content, "utf-8")
        with closing(open_file(file, currency="EUR", decimal_separator=None, now=now())) as opened:
            summary = await importer.run(opened)
    assert (issues, summary.rejected) == ([], 0)
    return summary


async def state(staff: "httpx.AsyncClient", slug: str) -> tuple[Json, Json]:
    """Read a product and its only variant."""
    product = await read(staff, f"/v1/products/{slug}", fields=FIELDS)
    [variant] = product.pop("variants")
    return product | {"categories": sorted([c["name"] for c in product["categories"]])}, variant


def file_of(required: Json, cells: Json, values: Mapping[str, str]) -> str:
    """Return a CSV file with one row."""
    row = {column: str(cell).format_map(values) for column, cell in required.items()} | cells
    out = io.StringIO()
    writer = csv.DictWriter(out, [*row])
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue()


@st.composite
def updates(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Generate a format, and cells for some of its columns."""
    format = draw(st.sampled_from([*FORMATS]))
    columns = FORMATS[format][1]
    return format, draw(st.fixed_dictionaries({}, optional={name: cells for name, (cells, _) in columns.items()}))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(stored=STORED, stored_variant=STORED_VARIANT, update=updates(), price=st.sampled_from(["5.00", "6.00"]))
async def test_an_import_changes_exactly_the_members_of_its_columns(
    app: "TradepostApp",
    staff: "httpx.AsyncClient",
    stored: Json,
    stored_variant: Json,
    update: tuple[str, dict[str, Any]],
    price: str,
) -> None:
    slug = unique("mug")
    (required, columns), cells = FORMATS[update[0]], dict(update[1])
    stored |= {"slug": slug, "external_reference": f"{slug}-ref", "name": "Mug", "status": "draft"}
    stored_variant |= {"sku": f"{slug}-1", "price": euros(500), "options": {}}
    assert (await run(app, msgspec.json.encode(stored | {"variants": [stored_variant]}).decode())).created
    product, variant = await state(staff, slug)
    for column in cells.keys() & {"Variant SKU", "SKU"}:
        cells[column] = f"{slug}-2" if cells[column] else ""
    summary = await run(app, file_of(required, cells, {"slug": slug, "reference": f"{slug}-ref", "price": price}))
    expected, expected_variant = msgspec.json.decode(msgspec.json.encode((product, variant)))
    expected_variant["price"] = euros(int(price[0]) * 100)
    expected["price_from"] = {"amount": int(price[0]) * 100}
    for column, cell in cells.items():
        columns[column][1](expected, expected_variant, cell)
    assert await state(staff, slug) == (expected, expected_variant)
    is_changed = (expected, expected_variant) != (product, variant)
    assert (summary.updated, summary.unchanged) == ((1, 0) if is_changed else (0, 1))
