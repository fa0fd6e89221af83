"""Our own sheet: one row a variant, the product's columns in its first row, what is nested as JSON. It says all that a product record can say."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tradepost.kit.schema.money import MAX_AMOUNT, currencies, exponent

from ..schemas import SLUG_PATTERN
from .cells import decode_cell
from .csv_file import Row
from .format import Format, RowGroup, UngroupedRow
from .numbers import parse_decimal, to_minor_units
from .row_reader import JsonObject, RowReader

# The members of a product and of a variant by their columns. What stands in them is text, a list of tags, or JSON of this kind.
PRODUCT_COLUMNS: Mapping[str, type] = {
    "name": str, "slug": str, "external_reference": str, "status": str, "description": str, "categories": list, "tags": set, "attributes": dict,
    "source": dict, "media": list,
}  # fmt: skip
VARIANT_COLUMNS: Mapping[str, str] = {
    "sku": "sku", "variant_name": "name", "price": "price", "compare_at_price": "compare_at_price", "currency": "currency", "options": "options",
    "weight_grams": "weight_grams", "barcode": "barcode", "tax_class": "tax_class", "track_inventory": "track_inventory",
    "allow_backorder": "allow_backorder", "imported_quantity": "imported_quantity", "variant_attributes": "attributes",
    "variant_external_reference": "external_reference", "variant_source": "source", "position": "position",
}  # fmt: skip
COLUMNS = ("product", *PRODUCT_COLUMNS, *VARIANT_COLUMNS)
OBJECTS, TEXTS = (
    ("variant_attributes", "variant_source"),
    ("variant_name", "barcode", "tax_class", "variant_external_reference"),
)
SWITCHES, COUNTS = ("track_inventory", "allow_backorder"), ("imported_quantity", "position")
YES, NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
KINDS = {dict: "object", list: "array"}


def group_row(row: Row) -> RowGroup | UngroupedRow:
    """A row belongs to the product that it names."""
    return (
        RowGroup(key=row["product"])
        if row["product"]
        else UngroupedRow("product", "a row needs to say which product it is of.")
    )


def parse_product(rows: Sequence[Row], reading: RowReader) -> JsonObject | None:
    """A product and its variants. What the sheet has no column or no word for is left out, and has its default."""
    head = rows[0]
    for row in rows[1:]:
        for column in [c for c in PRODUCT_COLUMNS if row[c] not in ("", head[c])]:
            reading.reject(
                row, column, f"is not what line {head.line} says of the same product; say it in its first row only."
            )
    made = {
        member: found
        for member, kind in PRODUCT_COLUMNS.items()
        if head[member] and (found := _member(head, member, kind, reading)) is not None
    }
    variants = [_variant(row, reading) for row in rows if any(row[c] for c in VARIANT_COLUMNS if c != "currency")]
    return made | {"variants": variants}


def _member(row: Row, column: str, kind: type, reading: RowReader) -> Any:
    if kind is str:
        return decode_cell(row[column])
    return _tags(row, column, reading) if kind is set else _json(row, column, kind, reading)


def _tags(row: Row, column: str, reading: RowReader) -> list[str]:
    """Tags as they stand; words that are none become some."""
    words = [w.strip() for w in row[column].split(",")]
    return words if all(re.fullmatch(SLUG_PATTERN, w) for w in words) else reading.tags(row, column, words)


def _json(row: Row, column: str, kind: type, reading: RowReader) -> Any:
    """What a cell says in JSON."""
    try:
        found = msgspec.json.decode(row[column])
    except msgspec.DecodeError as fault:
        reading.reject(row, column, f"is no JSON: {fault}.")
        return None
    if not isinstance(found, kind):
        reading.reject(row, column, f"is no JSON {KINDS[kind]}.")
        return None
    return found


def _variant(row: Row, reading: RowReader) -> JsonObject:
    options: JsonObject = (_json(row, "options", dict, reading) or {}) if row["options"] else {}
    currency = row["currency"].upper() or reading.currency
    if currency not in currencies():
        reading.reject(row, "currency", "is not a currency of ISO 4217, such as EUR.")
    if not row["price"]:
        reading.reject(row, "price", "a variant needs a price; write 0 if it costs nothing.")
    reading.variant_lines.append(row.line)
    made: JsonObject = {
        "sku": _sku(row, options, reading),
        "options": options,
        "price": _money(row, "price", currency, reading) or {},
        "compare_at_price": _money(row, "compare_at_price", currency, reading),
        "weight_grams": reading.grams(row, "weight_grams"),
    }
    made |= {VARIANT_COLUMNS[c]: decode_cell(row[c]) for c in TEXTS if row[c]}
    made |= {
        VARIANT_COLUMNS[c]: found for c in OBJECTS if row[c] and (found := _json(row, c, dict, reading)) is not None
    }
    made |= {c: found for c in COUNTS if (found := reading.integer(row, c)) is not None}
    return made | {c: found for c in SWITCHES if (found := _switch(row, c, reading)) is not None}


def _sku(row: Row, options: JsonObject, reading: RowReader) -> str:
    """The SKU as it stands; a blank or taken one is made."""
    given = decode_cell(row["sku"])
    if given and reading.claims.claim_sku(given):
        return given
    return reading.sku(row, "sku", row["product"], {str(name): str(value) for name, value in options.items()})[0]


def _money(row: Row, column: str, currency: str, reading: RowReader) -> JsonObject | None:
    """A price in the currency that its row names."""
    if not row[column]:
        return None
    number, decimals = parse_decimal(row[column], reading.decimal_separator), exponent(currency)
    amount = None if number is None else to_minor_units(number, decimals)
    if amount is None or amount > MAX_AMOUNT:
        reading.reject(
            row,
            column,
            f"is no price in {currency}; write digits, with `{reading.decimal_separator}` before at most {decimals} decimals.",
        )
        return None
    return {"amount": amount, "currency": currency}


def _switch(row: Row, column: str, reading: RowReader) -> bool | None:
    said = row[column].casefold()
    if said not in YES and said not in NO and said:
        reading.reject(row, column, "is neither true nor false.")
    return None if not said else said in YES


MEMBERS = {
    **{member: (member,) for member in PRODUCT_COLUMNS}, "category_id": ("categories",), "category_ids": ("categories",),
    **{f"variants.{member}": (column,) for column, member in VARIANT_COLUMNS.items()},
}  # fmt: skip

NATIVE_CSV = Format(
    name="csv", title="our own CSV", example="product, name, ..., sku, price, currency, ...", required_columns=(("product",), ("name",), ("sku",), ("price",)),
    defaults_to_dot=True, is_price_column=lambda column: column in ("price", "compare_at_price"), group_row=group_row, parse_product=parse_product, member_columns=MEMBERS,
)  # fmt: skip
