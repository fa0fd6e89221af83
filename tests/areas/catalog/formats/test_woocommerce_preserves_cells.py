"""Every cell of a WooCommerce export is preserved, in a member of the record or in `source`."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.areas.catalog.formats.parsing import parse_products
from tests.areas.catalog.formats.woocommerce import Cells, csv_text
from tradepost.areas.catalog.formats.records import ProductRecord
from tradepost.areas.catalog.formats.woocommerce.cells import decode_entities, split_list
from tradepost.areas.catalog.formats.woocommerce.source import UNSET_PRODUCT_CELLS, UNSET_VARIATION_CELLS
from tradepost.kit.schema.validation import validate

TEXT = ["", "a", "b, c", "d\\, e", "'-f", "&amp; g", "1"]
FLAG = ["", "0", "1", "notify", "parent", "maybe", "-1", "2"]
LINK = ["", "https://i.example/1.jpg", "https://i.example/1.jpg, https://i.example/2.jpg", "photo.jpg"]
CELLS: dict[str, list[str]] = {
    "Is featured?": FLAG, "Visibility in catalog": ["", "visible", "hidden", "search"], "Short description": TEXT,
    "Description": TEXT, "Tax status": ["", "taxable", "none"],
    "Tax class": ["", "standard", "parent", "reduced-rate", "Reduced rate", "軽減"], "In stock?": FLAG,
    "Stock": ["", "3", "-2", "parent", "many"], "Backorders allowed?": FLAG, "Sold individually?": FLAG,
    "Weight (lbs)": ["", ".5", "2", "heavy"], "Length (in)": TEXT, "Allow customer reviews?": FLAG,
    "Sale price": ["", "15", "20", "30.00"], "Date sale price starts": ["", "2026-01-01", "2027-01-01", "soon"],
    "Date sale price ends": ["", "2026-12-31", "2025-12-31"], "Categories": ["", "A > B, C"],
    "Tags": ["", "new, old", "New", "軽減"], "Images": LINK, "Grouped products": ["", "a, id:3"], "External URL": LINK,
    "Button text": TEXT, "Position": ["", "0", "3", "x"], "Upsells": TEXT, "Brands": TEXT,
    "GTIN, UPC, EAN, or ISBN": ["", "4006381333931"], "Meta: a": TEXT, "Download 1 URL": TEXT,
    "Regular price": ["20.00", "20", ""], "Attribute 1 name": ["", "Colour", "Size"],
    "Attribute 1 value(s)": ["", "Blue", "Blue, Green", "a\\, b"], "Attribute 1 visible": FLAG,
    "Attribute 1 global": FLAG, "Attribute 1 default": TEXT, "Attribute 2 name": ["", "Size", "size"],
    "Attribute 2 value(s)": ["", "L", "L, M"],
}  # fmt: skip
PRODUCT_CELLS = {"Name": ["Tee", "Tee &amp; co"], "Published": FLAG, "SKU": ["", "tee"]}
VARIATION_CELLS = {
    "Name": ["", "Tee", "Tee - Blue"],
    "Published": ["", "1", "true", "-1"],
    "SKU": ["", "tee-2"],
    "ID": ["", "45"],
}


def rows(fixed: Cells, cells: dict[str, list[str]]) -> st.SearchStrategy[Cells]:
    """Generate rows with the fixed cells and a choice of each other cell."""
    return st.fixed_dictionaries({c: st.sampled_from(choice) for c, choice in cells.items()}).map(
        lambda row: row | fixed
    )


def price(money: dict[str, Any] | None) -> str:
    """Format a price as in the file."""
    return f"{money['amount'] / 100:.2f}" if money else ""


def members(product: dict[str, Any], variant: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the values that the members of a record have for each column."""
    attributes, options = product["attributes"], variant.get("options", {})
    images = [m["source_url"] for m in product["media"]]
    prices = [price(p) for p in (variant.get("price"), variant.get("compare_at_price"), attributes.get("price"))]
    type_ = (
        "grouped"
        if "grouped_products" in attributes
        else "external"
        if "external_url" in attributes
        else "variable"
        if options
        else "simple"
        if variant
        else ""
    )
    return {
        "ID": [product["external_reference"], variant.get("external_reference")],
        "SKU": [variant.get("sku"), product["external_reference"]],
        "Name": [product["name"], variant.get("name"), f"{product['name']} - {', '.join(options.values())}"],
        "Description": [product["description"]], "Short description": [attributes.get("short_description")],
        "Parent": ["id:44"], "Type": [type_, "variation"], "Regular price": prices, "Sale price": prices,
        "Tax class": [variant.get("tax_class")], "Stock": [str(variant.get("imported_quantity"))],
        "Tags": [", ".join(product["tags"])], "Backorders allowed?": ["1"] if variant.get("allow_backorder") else ["0"],
        "GTIN, UPC, EAN, or ISBN": [variant.get("barcode")], "Position": [str(variant.get("position"))],
        "Categories": [", ".join([" > ".join(path) for path in product["categories"]])],
        "Brands": [product["brand"]], "Images": [", ".join(images[:n]) for n in range(4)],
        "External URL": [attributes.get("external_url")], "Button text": [attributes.get("button_text")],
        "Grouped products": [attributes.get("grouped_products")],
        "Published": ["1", "true"] if product["status"] == "active" else ["-1", "false"],
    }  # fmt: skip


def missing_cells(
    row: Cells, product: dict[str, Any], variant: dict[str, Any], unset: Mapping[str, str]
) -> dict[str, str]:
    """Return the cells of a row that are in no member and not in `source`."""
    source = (product["source"] or {}) | (variant.get("source") or {})
    values, missing = members(product, variant), dict[str, str]()
    for column, written in [(c, cell) for c, cell in row.items() if cell]:
        cell = written[1:] if written.startswith("'-") else written
        spellings: list[Any] = [
            cell,
            decode_entities(cell),
            split_list(cell),
            [decode_entities(v) for v in split_list(cell)],
            decode_entities(split_list(cell)[0]) if split_list(cell) else "",
        ]
        spellings += [f"{float(cell):.2f}"] if column.endswith("price") else []
        if column.startswith("Attribute"):
            pairs = [*product["attributes"].items(), *variant.get("options", {}).items()]
            values[column] = [
                x
                for name, value in pairs
                for x in (name, name.casefold(), value, *(value if isinstance(value, list) else ()))
            ]
            spellings.append(cell.casefold())
        if (
            source.get(column) != cell
            and unset.get(column.lower()) != cell
            and not any(p in values.get(column, []) for p in spellings)
        ):
            missing[column] = written
    return missing


def read_rows(*cells: Cells) -> dict[str, Any]:
    """Parse the only product of these rows, which must not be rejected."""
    with TemporaryDirectory() as folder:
        [parsed] = parse_products(Path(folder), csv_text(*cells), decimal_separator=".")
    assert parsed.product is not None, parsed.issues
    validate(ProductRecord, parsed.product)
    return parsed.product


@given(rows({"ID": "44"}, CELLS | PRODUCT_CELLS | {"Type": ["", "simple", "simple, virtual", "grouped", "external"]}))
def test_every_cell_of_a_product_is_preserved(row: Cells) -> None:
    product = read_rows(row)
    assert missing_cells(row, product, next(iter(product["variants"]), {}), UNSET_PRODUCT_CELLS) == {}


PARENT = {"ID": "44", "Type": "variable", "Name": "Tee", "Published": "1"}


@given(
    rows(PARENT, CELLS), rows({"Type": "variation", "Parent": "id:44", "Regular price": "20"}, CELLS | VARIATION_CELLS)
)
def test_every_cell_of_a_variable_product_and_its_variation_is_preserved(parent: Cells, row: Cells) -> None:
    product = read_rows(parent, row)
    [variant] = product["variants"]
    assert missing_cells(parent, product, {"options": variant["options"]}, UNSET_PRODUCT_CELLS) == {}
    # An attribute without a value means any value of the parent.
    # A published variation is a variant.
    implied = {f"Attribute {n} name" for n in (1, 2) if not row[f"Attribute {n} value(s)"]} | {
        c for c in row if c.endswith("global") and row[c] == parent[c]
    }
    implied |= {"Published"} if row["Published"] in ("1", "true") else set()
    assert (
        missing_cells(
            {c: cell for c, cell in row.items() if c not in implied},
            product | {"source": None},
            variant,
            UNSET_VARIATION_CELLS,
        )
        == {}
    )
