"""Our own sheet: one row a variant, the product's columns in its first row, what is nested as JSON. It says all that a product record can say."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tradepost.kit.schema.money import MOST, currencies, exponent

from ..schemas import SLUG
from .cells import text_of
from .csv_file import Row
from .format import Format, Misplaced, Place
from .numbers import decimal, minor
from .row_reader import Plain, Reading

# The members of a product and of a variant by their columns. What stands in them is text, a list of tags, or JSON of this kind.
PRODUCT: Mapping[str, type] = {
    "name": str, "slug": str, "external_reference": str, "status": str, "description": str, "categories": list, "tags": set, "attributes": dict,
    "source": dict, "media": list,
}  # fmt: skip
VARIANT_MEMBERS: Mapping[str, str] = {
    "sku": "sku", "variant_name": "name", "price": "price", "compare_at_price": "compare_at_price", "currency": "currency", "options": "options",
    "weight_grams": "weight_grams", "barcode": "barcode", "tax_class": "tax_class", "track_inventory": "track_inventory",
    "allow_backorder": "allow_backorder", "imported_quantity": "imported_quantity", "variant_attributes": "attributes",
    "variant_external_reference": "external_reference", "variant_source": "source", "position": "position",
}  # fmt: skip
COLUMNS = ("product", *PRODUCT, *VARIANT_MEMBERS)
OBJECTS, TEXTS = (
    ("variant_attributes", "variant_source"),
    ("variant_name", "barcode", "tax_class", "variant_external_reference"),
)
SWITCHES, COUNTS = ("track_inventory", "allow_backorder"), ("imported_quantity", "position")
YES, NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
KINDS = {dict: "object", list: "array"}


def place(row: Row) -> Place | Misplaced:
    """A row belongs to the product that it names."""
    return (
        Place(key=row["product"])
        if row["product"]
        else Misplaced("product", "a row needs to say which product it is of.")
    )


def product(rows: Sequence[Row], reading: Reading) -> Plain | None:
    """A product and its variants. What the sheet has no column or no word for is left out, and has its default."""
    head = rows[0]
    for row in rows[1:]:
        for column in [c for c in PRODUCT if row[c] not in ("", head[c])]:
            reading.refuse(
                row, column, f"is not what line {head.line} says of the same product; say it in its first row only."
            )
    made = {
        member: found
        for member, kind in PRODUCT.items()
        if head[member] and (found := _member(head, member, kind, reading)) is not None
    }
    variants = [_variant(row, reading) for row in rows if any(row[c] for c in VARIANT_MEMBERS if c != "currency")]
    return made | {"variants": variants}


def _member(row: Row, column: str, kind: type, reading: Reading) -> Any:
    if kind is str:
        return text_of(row[column])
    return _tags(row, column, reading) if kind is set else _json(row, column, kind, reading)


def _tags(row: Row, column: str, reading: Reading) -> list[str]:
    """Tags as they stand; words that are none become some."""
    words = [w.strip() for w in row[column].split(",")]
    return words if all(re.fullmatch(SLUG, w) for w in words) else reading.slugs(row, column, words)


def _json(row: Row, column: str, kind: type, reading: Reading) -> Any:
    """What a cell says in JSON."""
    try:
        found = msgspec.json.decode(row[column])
    except msgspec.DecodeError as fault:
        reading.refuse(row, column, f"is no JSON: {fault}.")
        return None
    if not isinstance(found, kind):
        reading.refuse(row, column, f"is no JSON {KINDS[kind]}.")
        return None
    return found


def _variant(row: Row, reading: Reading) -> Plain:
    options: Plain = (_json(row, "options", dict, reading) or {}) if row["options"] else {}
    currency = row["currency"].upper() or reading.currency
    if currency not in currencies():
        reading.refuse(row, "currency", "is not a currency of ISO 4217, such as EUR.")
    if not row["price"]:
        reading.refuse(row, "price", "a variant needs a price; write 0 if it costs nothing.")
    reading.lines.append(row.line)
    made: Plain = {
        "sku": _sku(row, options, reading),
        "options": options,
        "price": _money(row, "price", currency, reading) or {},
        "compare_at_price": _money(row, "compare_at_price", currency, reading),
        "weight_grams": reading.grams(row, "weight_grams"),
    }
    made |= {VARIANT_MEMBERS[c]: text_of(row[c]) for c in TEXTS if row[c]}
    made |= {
        VARIANT_MEMBERS[c]: found for c in OBJECTS if row[c] and (found := _json(row, c, dict, reading)) is not None
    }
    made |= {c: found for c in COUNTS if (found := reading.whole(row, c)) is not None}
    return made | {c: found for c in SWITCHES if (found := _switch(row, c, reading)) is not None}


def _sku(row: Row, options: Plain, reading: Reading) -> str:
    """The SKU as it stands; a blank or taken one is made."""
    given = text_of(row["sku"])
    if given and reading.spool.claim(given):
        return given
    return reading.sku(row, "sku", row["product"], {str(name): str(value) for name, value in options.items()})[0]


def _money(row: Row, column: str, currency: str, reading: Reading) -> Plain | None:
    """A price in the currency that its row names."""
    if not row[column]:
        return None
    number, decimals = decimal(row[column], reading.sign), exponent(currency)
    amount = None if number is None else minor(number, decimals)
    if amount is None or amount > MOST:
        reading.refuse(
            row,
            column,
            f"is no price in {currency}; write digits, with `{reading.sign}` before at most {decimals} decimals.",
        )
        return None
    return {"amount": amount, "currency": currency}


def _switch(row: Row, column: str, reading: Reading) -> bool | None:
    said = row[column].casefold()
    if said not in YES and said not in NO and said:
        reading.refuse(row, column, "is neither true nor false.")
    return None if not said else said in YES


MEMBERS = {
    **{member: (member,) for member in PRODUCT}, "category_id": ("categories",), "category_ids": ("categories",),
    **{f"variants.{member}": (column,) for column, member in VARIANT_MEMBERS.items()},
}  # fmt: skip

OWN = Format(
    name="csv", title="our own CSV", example="product, name, ..., sku, price, currency, ...", needs=(("product",), ("name",), ("sku",), ("price",)),
    dot=True, prices=lambda column: column in ("price", "compare_at_price"), place=place, product=product, members=MEMBERS,
)  # fmt: skip
