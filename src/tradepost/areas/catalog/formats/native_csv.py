"""Tradepost's own CSV format, which can hold everything that a product record can.

One row per variant. The product's columns are filled in its first row; nested values are JSON.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..schemas import SLUG_PATTERN
from .cells import decode_cell
from .csv_file import Row
from .format import Format, RowGroup, UngroupedRow
from .numbers import parse_decimal, to_minor_units
from .row_reader import JsonObject, RowReader

# The columns of a product, each with the type of its cells: text, a list of tags (set), or JSON.
PRODUCT_COLUMNS: Mapping[str, type] = {
    "name": str, "slug": str, "external_reference": str, "status": str, "description": str, "brand": str,
    "categories": list, "tags": set, "attributes": dict, "source": dict, "media": list,
}  # fmt: skip
# The columns of a variant, each with the member of the record.
VARIANT_COLUMNS: Mapping[str, str] = {
    "sku": "sku", "variant_name": "name", "price": "price", "compare_at_price": "compare_at_price",
    "currency": "currency", "options": "options", "weight_grams": "weight_grams", "barcode": "barcode",
    "tax_class": "tax_class", "track_inventory": "track_inventory", "allow_backorder": "allow_backorder",
    "low_stock_threshold": "low_stock_threshold", "requires_shipping": "requires_shipping",
    "withdrawal_excluded": "withdrawal_excluded",
    "imported_quantity": "imported_quantity", "variant_attributes": "attributes",
    "variant_external_reference": "external_reference", "variant_source": "source", "position": "position",
}  # fmt: skip
COLUMNS = ("product", *PRODUCT_COLUMNS, *VARIANT_COLUMNS)
JSON_COLUMNS = ("variant_attributes", "variant_source")
TEXT_COLUMNS = ("variant_name", "barcode", "tax_class", "variant_external_reference")
BOOLEAN_COLUMNS = ("track_inventory", "allow_backorder", "requires_shipping", "withdrawal_excluded")
INTEGER_COLUMNS = ("imported_quantity", "low_stock_threshold", "position")
TRUE_VALUES, FALSE_VALUES = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
# Columns whose members cannot be empty. In those of lists, an empty list is written `[]`.
KEPT_PRODUCT_COLUMNS = ("slug", "external_reference", "status", "categories", "media")
KEPT_VARIANT_COLUMNS = (
    "sku", "variant_name", "tax_class", *BOOLEAN_COLUMNS, "variant_external_reference", "position",
)  # fmt: skip
JSON_TYPES = {dict: "object", list: "array"}


def group_row(row: Row) -> RowGroup | UngroupedRow:
    """Group rows by their `product` cell."""
    if row["product"]:
        return RowGroup(key=row["product"])
    return UngroupedRow("product", "The row does not name the product it belongs to.")


def parse_product(rows: Sequence[Row], reader: RowReader) -> JsonObject | None:
    """Return a product and its variants. Members with an empty cell are left out.

    A product that exists then loses the value, or keeps it if it needs one.
    """
    head = rows[0]
    reader.keep(head, *[column for column in KEPT_PRODUCT_COLUMNS if not head[column]])
    for row in rows[1:]:
        for column in [c for c in PRODUCT_COLUMNS if row[c] not in ("", head[c])]:
            reader.reject(
                row,
                column,
                f"Differs from line {head.line}, the first row of the product.",
                fix="Fill in the columns of a product in its first row only.",
            )
    product = {
        column: value
        for column, type_ in PRODUCT_COLUMNS.items()
        if head[column] and (value := _product_value(head, column, type_, reader)) is not None
    }
    variants = [_variant(row, reader) for row in rows if any(row[c] for c in VARIANT_COLUMNS if c != "currency")]
    return product | {"variants": variants}


def _product_value(row: Row, column: str, type_: type, reader: RowReader) -> Any:
    if type_ is str:
        return decode_cell(row[column])
    return _tags(row, column, reader) if type_ is set else _json(row, column, type_, reader)


def _tags(row: Row, column: str, reader: RowReader) -> list[str]:
    """Return the tags of a cell. If one is not a slug, make slugs of all."""
    tags = [tag.strip() for tag in row[column].split(",")]
    return tags if all(re.fullmatch(SLUG_PATTERN, tag) for tag in tags) else reader.tags(row, column, tags)


def _json(row: Row, column: str, type_: type, reader: RowReader) -> Any:
    """Decode a JSON cell; None if it is rejected."""
    try:
        value = msgspec.json.decode(row[column])
    except msgspec.DecodeError as error:
        reader.reject(row, column, f"Not valid JSON: {error}.")
        return None
    if not isinstance(value, type_):
        reader.reject(row, column, f"Not a JSON {JSON_TYPES[type_]}.")
        return None
    return value


def _variant(row: Row, reader: RowReader) -> JsonObject:
    options: JsonObject = (_json(row, "options", dict, reader) or {}) if row["options"] else {}
    reader.keep(row, *[column for column in KEPT_VARIANT_COLUMNS if not row[column]])
    if not row["price"]:
        reader.reject(row, "price", "A variant needs a price.", fix="Write 0 if it is free.")
    reader.variant_lines.append(row.line)
    variant: JsonObject = {
        "sku": _sku(row, options, reader),
        "options": options,
        "price": _money(row, "price", reader) or {},
        "compare_at_price": _money(row, "compare_at_price", reader),
        "weight_grams": reader.grams(row, "weight_grams"),
    }
    variant |= {VARIANT_COLUMNS[c]: decode_cell(row[c]) for c in TEXT_COLUMNS if row[c]}
    variant |= {
        VARIANT_COLUMNS[c]: value for c in JSON_COLUMNS if row[c] and (value := _json(row, c, dict, reader)) is not None
    }
    variant |= {c: value for c in INTEGER_COLUMNS if (value := reader.integer(row, c)) is not None}
    return variant | {c: value for c in BOOLEAN_COLUMNS if (value := _boolean(row, c, reader)) is not None}


def _sku(row: Row, options: JsonObject, reader: RowReader) -> str:
    """Return the SKU unchanged. If it is blank or already used in the file, generate one."""
    sku = decode_cell(row["sku"])
    if sku and reader.claims.claim_sku(sku):
        return sku
    return reader.sku(row, "sku", row["product"], {str(name): str(value) for name, value in options.items()})[0]


def _money(row: Row, column: str, reader: RowReader) -> JsonObject | None:
    """Return a price; None if the cell is empty or rejected."""
    if not row[column]:
        return None
    number = parse_decimal(row[column], reader.decimal_separator)
    amount = None if number is None else to_minor_units(number, reader.decimals)
    if amount is None:
        reader.reject(
            row,
            column,
            f"Not a price in {reader.currency}.",
            fix=f"Write digits, with `{reader.decimal_separator}` before at most {reader.decimals} decimals.",
        )
        return None
    return reader.limited_price(row, column, amount)


def _boolean(row: Row, column: str, reader: RowReader) -> bool | None:
    text = row[column].casefold()
    if not text:
        return None
    if text not in TRUE_VALUES and text not in FALSE_VALUES:
        reader.reject(row, column, "Neither true nor false.")
    return text in TRUE_VALUES


NATIVE_CSV = Format(
    name="csv",
    title="Tradepost CSV",
    example="product, name, ..., sku, price, currency, ...",
    required_columns=(("product",), ("name",), ("sku",), ("price",)),
    has_all_decimals=True,
    is_price_column=lambda column: column in ("price", "compare_at_price"),
    is_number_column=lambda column: column in ("weight_grams", *INTEGER_COLUMNS),
    group_row=group_row,
    parse_product=parse_product,
    member_columns={
        **{column: (column,) for column in PRODUCT_COLUMNS},
        "brand_id": ("brand",),
        "category_id": ("categories",),
        "category_ids": ("categories",),
        **{f"variants.{member}": (column,) for column, member in VARIANT_COLUMNS.items()},
    },
)
