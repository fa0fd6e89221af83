"""Writes Tradepost's own CSV format.

A cell that a spreadsheet could take for a formula gets a leading `'`, which our reader removes (see
`cells.py`).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from ..cells import encode_cell
from ..native_csv import BOOLEAN_COLUMNS, COLUMNS, INTEGER_COLUMNS, PRODUCT_COLUMNS, VARIANT_COLUMNS
from ..row_reader import JsonObject
from .writer import UTF8_BOM, Writer, encode_csv, format_price

PRICE_COLUMNS = ("price", "compare_at_price")
NUMBER_COLUMNS = ("weight_grams", *INTEGER_COLUMNS)
JSON_COLUMNS = ("options", "variant_attributes", "variant_source")


class NativeCsvWriter(Writer):
    """Writes rows of Tradepost CSV.

    The first column groups the rows of a product: it is the slug, or a number if there is none.
    """

    def __init__(self) -> None:
        self.count = 0

    def scan(self, record: JsonObject) -> None:
        """Do nothing: the columns are always the same."""

    def header(self) -> bytes:
        """Return the header."""
        return UTF8_BOM + encode_csv([COLUMNS])

    def encode_product(self, record: JsonObject) -> bytes:
        """Return one row for each variant, or a single row without variants."""
        self.count += 1
        key = record.get("slug") or f"product {self.count}"
        head = {"product": key} | {
            column: _product_cell(column, type_, record) for column, type_ in PRODUCT_COLUMNS.items()
        }
        variants = [
            {column: _variant_cell(column, member, variant) for column, member in VARIANT_COLUMNS.items()}
            for variant in record.get("variants", ())
        ]
        rows = [head | (variants[0] if variants else {}), *[{"product": key} | variant for variant in variants[1:]]]
        return encode_csv([[row.get(column, "") for column in COLUMNS] for row in rows])

    def close(self) -> None:
        """Do nothing: there are no temporary files."""


def _product_cell(column: str, type_: type, record: JsonObject) -> str:
    value = record.get(column)
    if type_ is str:
        return encode_cell(value) if value or column != "description" else ""
    if type_ is set:
        return ", ".join(value or ())
    # An empty list of images or categories removes the existing ones; an empty cell keeps them.
    return _encode_json(value) if value or (value is not None and column != "attributes") else ""


def _variant_cell(column: str, member: str, variant: Mapping[str, Any]) -> str:
    """Return the cell of a variant; empty if the member is absent or has its default."""
    if column == "currency":
        return variant["price"]["currency"]
    value = variant.get(member)
    if column in PRICE_COLUMNS:
        return format_price(value)
    if column in BOOLEAN_COLUMNS:
        return "" if value is None else "true" if value else "false"
    if column in NUMBER_COLUMNS:
        return "" if value is None else str(value)
    if column in JSON_COLUMNS:
        return "" if value is None or (not value and column != "variant_source") else _encode_json(value)
    return encode_cell(value)


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
