"""Writes WooCommerce exports in tests, and parses the products in them."""

import csv
import io
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.areas.catalog.formats.parsing import MOMENT, parse_products, parse_valid_products
from tradepost.areas.catalog.formats import Issue, ParsedProduct, open_file
from tradepost.areas.catalog.formats.records import ProductRecord
from tradepost.kit.schema.validation import validate

type Cells = dict[str, str]

SIMPLE = {"ID": "44", "Type": "simple", "SKU": "tee", "Name": "Tee", "Published": "1", "Regular price": "20.00"}
VARIABLE = {
    **SIMPLE,
    "Type": "variable",
    "Regular price": "",
    "Attribute 1 name": "Colour",
    "Attribute 1 value(s)": "Blue, Green",
}
VARIATION = {
    "ID": "45",
    "Type": "variation",
    "SKU": "tee-blue",
    "Published": "1",
    "Parent": "tee",
    "Regular price": "20.00",
    "Attribute 1 name": "Colour",
    "Attribute 1 value(s)": "Blue",
}
GREEN = {**VARIATION, "ID": "46", "SKU": "tee-green", "Attribute 1 value(s)": "Green"}


def csv_text(*rows: Cells) -> str:
    """Return a CSV file with these rows and all of their columns."""
    columns = dict.fromkeys([*SIMPLE, *[c for row in rows for c in row]])
    out = io.StringIO()
    writer = csv.DictWriter(out, [*columns], restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def parse_first(folder: Path, *rows: Cells) -> ParsedProduct:
    """Parse the first product of these rows. If there are no errors it must be a valid record."""
    parsed = parse_products(folder, csv_text(*rows))[0]
    if parsed.product is not None:
        validate(ProductRecord, parsed.product)
    return parsed


def parse_product(folder: Path, *rows: Cells) -> dict[str, Any]:
    """Parse the only product of these rows, which must have no issues."""
    [product] = parse_valid_products(folder, csv_text(*rows))
    validate(ProductRecord, product)
    return product


def parse_variant(folder: Path, **cells: str) -> dict[str, Any]:
    """Parse a simple product with these cells and return its variant."""
    row = SIMPLE | {name.replace("_", " "): cell for name, cell in cells.items()}
    [variant] = parse_product(folder, row)["variants"]
    return variant


def product_of(parsed: ParsedProduct) -> dict[str, Any]:
    """Return the product, which must not have been rejected."""
    assert parsed.product is not None
    return parsed.product


def issues_of(parsed: ParsedProduct) -> list[tuple[int, str, str, bool]]:
    """Return line, column and value of each issue, and whether it was repaired."""
    return [(issue.line, issue.column, issue.value, issue.repaired) for issue in parsed.issues]


def unattached_issues(folder: Path, *rows: Cells) -> tuple[list[Issue], int]:
    """Return the issues of rows without a product, and the number of products."""
    file = folder / "woo.csv"
    file.write_text(csv_text(*rows))
    with closing(open_file(file, currency="EUR", decimal_separator=None, now=MOMENT)) as opened:
        return opened.issues, opened.product_count
