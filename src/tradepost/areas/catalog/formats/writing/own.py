"""Writes our own sheet. A cell that a spreadsheet could take for a formula stands behind a `'`, which our reader takes away (`cells.py`)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..cells import encode_cell
from ..native_csv import COLUMNS, PRODUCT_COLUMNS, VARIANT_COLUMNS
from ..row_reader import JsonObject
from .writer import UTF8_BOM, Writer, encode_csv, format_price

PRICES, SWITCHES = ("price", "compare_at_price"), ("track_inventory", "allow_backorder")
NUMBERS, OBJECTS = (
    ("weight_grams", "imported_quantity", "position"),
    ("options", "variant_attributes", "variant_source"),
)


class NativeCsvWriter(Writer):
    """Rows of our own sheet. The first column only tells which rows are one product: it is the slug, or a number where there is none."""

    def __init__(self) -> None:
        self.count = 0

    def scan(self, record: JsonObject) -> None:
        """Nothing has to be known beforehand: the columns are always the same."""

    def header(self) -> bytes:
        """The header."""
        return UTF8_BOM + encode_csv([COLUMNS])

    def encode_product(self, record: JsonObject) -> bytes:
        """A row for each variant."""
        self.count += 1
        key = record.get("slug") or f"product {self.count}"
        first = {"product": key} | {
            member: _product_cell(member, kind, record) for member, kind in PRODUCT_COLUMNS.items()
        }
        variants = [
            {c: _variant_cell(c, m, variant) for c, m in VARIANT_COLUMNS.items()}
            for variant in record.get("variants", ())
        ]
        rows = [first | (variants[0] if variants else {}), *[{"product": key} | v for v in variants[1:]]]
        return encode_csv([[row.get(c, "") for c in COLUMNS] for row in rows])

    def close(self) -> None:
        """Nothing is held."""


def _product_cell(member: str, kind: type, record: JsonObject) -> str:
    value = record.get(member)
    if kind is str:
        return encode_cell(value) if value or member != "description" else ""
    if kind is set:
        return ", ".join(value or ())
    # An empty list of images or categories says that there are none; nothing says nothing of them.
    return _json(value) if value or (value is not None and member != "attributes") else ""


def _variant_cell(column: str, member: str, variant: Mapping[str, Any]) -> str:
    """A cell of a variant; empty where the member is absent or has its default."""
    if column == "currency":
        return variant["price"]["currency"]
    value = variant.get(member)
    if column in PRICES:
        return format_price(value)
    if column in SWITCHES:
        return "" if value is None else "true" if value else "false"
    if column in NUMBERS:
        return "" if value is None else str(value)
    if column in OBJECTS:
        return "" if value is None or (not value and column != "variant_source") else _json(value)
    return encode_cell(value)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
