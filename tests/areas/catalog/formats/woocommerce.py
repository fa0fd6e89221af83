"""How tests write a WooCommerce export: rows as they stand in one, and the products that come of them."""

import csv
import io
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.areas.catalog.formats.drafts import MOMENT, drafts_of, products_of
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
VARIATION = {"ID": "45", "Type": "variation", "SKU": "tee-blue", "Published": "1", "Parent": "tee", "Regular price": "20.00",
             "Attribute 1 name": "Colour", "Attribute 1 value(s)": "Blue"}  # fmt: skip
GREEN = {**VARIATION, "ID": "46", "SKU": "tee-green", "Attribute 1 value(s)": "Green"}


def sheet(*rows: Cells) -> str:
    """A file with these rows, and the columns that any of them has."""
    columns = dict.fromkeys([*SIMPLE, *[c for row in rows for c in row]])
    out = io.StringIO()
    writer = csv.DictWriter(out, [*columns], restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def draft(folder: Path, *rows: Cells) -> ParsedProduct:
    """The first product of these rows, which the shop could take."""
    found = drafts_of(folder, sheet(*rows))[0]
    if found.product is not None:
        validate(ProductRecord, found.product)
    return found


def product(folder: Path, *rows: Cells) -> dict[str, Any]:
    """The one product of these rows, with nothing at fault."""
    [found] = products_of(folder, sheet(*rows))
    validate(ProductRecord, found)
    return found


def variant(folder: Path, **cells: str) -> dict[str, Any]:
    """The variant of a simple product with these cells beside the usual ones."""
    [found] = product(folder, SIMPLE | {name.replace("_", " "): cell for name, cell in cells.items()})["variants"]
    return found


def record(found: ParsedProduct) -> dict[str, Any]:
    """The product of a draft that has one."""
    assert found.product is not None
    return found.product


def told(found: ParsedProduct) -> list[tuple[int, str, str, bool]]:
    """Line, column and cell of all findings, and whether they are mended."""
    return [(f.line, f.column, f.value, f.repaired) for f in found.issues]


def loose(folder: Path, *rows: Cells) -> tuple[list[Issue], int]:
    """What is found of rows that belong to nothing, and how many products there are."""
    file = folder / "woo.csv"
    file.write_text(sheet(*rows))
    with closing(open_file(file, currency="EUR", decimal_separator=None, now=MOMENT)) as opened:
        return opened.issues, opened.product_count
