"""Notes: what a shop's sheet has no column for, as JSON in a column of our own that the other shop keeps and we read again.

A note names members that the columns do not say: `{"tax_class": ["9c1d0b2a", "reduced"], "attributes+": {"wood": "oak"}}`. With a member stands a
digest of what the columns said when it was written: once they say something else, because somebody changed them in the other shop, they win.
`+` adds members to an object.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
import xxhash

from .csv_file import Row
from .format import Format
from .row_reader import JsonObject, RowReader

PRODUCT: JsonObject = {
    "name": "", "slug": None, "external_reference": None, "description": "", "status": "draft", "attributes": {}, "tags": [], "categories": [], "media": [],
    "source": None,
}  # fmt: skip
VARIANT: JsonObject = {
    "sku": "", "name": "", "price": None, "options": {}, "compare_at_price": None, "weight_grams": None, "barcode": None, "attributes": {},
    "tax_class": "standard", "track_inventory": True, "allow_backorder": False, "position": 0, "external_reference": None, "source": None,
    "imported_quantity": None,
}  # fmt: skip
OBJECTS = ("attributes", "source")


def product_with_defaults(product: JsonObject) -> JsonObject:
    """All members of a product but its variants, with their defaults."""
    return {member: product.get(member, default) for member, default in PRODUCT.items()}


def variant_with_defaults(variant: JsonObject, at: int) -> JsonObject:
    """All members of a variant, with their defaults; its name and position as the shop makes them."""
    made = {"name": " / ".join(variant.get("options", {}).values()), "position": at}
    return {member: variant.get(member, made.get(member, default)) for member, default in VARIANT.items()}


def canonical(member: str, value: Any) -> bytes:
    """A value in the one form that is compared. In options the order counts: it is that of the choices."""
    return msgspec.json.encode(value, order=None if member == "options" else "sorted")


def build_note(said: JsonObject, meant: JsonObject) -> JsonObject:
    """What a note has to tell where columns said one thing and another is meant."""
    note: JsonObject = {}
    for member, value in meant.items():
        if canonical(member, value) == canonical(member, said[member]):
            continue
        more = _more(said[member], value) if member in OBJECTS else None
        note |= {member: [_digest(member, said[member]), value]} if more is None else {f"{member}+": more}
    return note


def _more(said: JsonObject | None, meant: JsonObject | None) -> JsonObject | None:
    """What has to be added to an object; None where that is not enough."""
    said, meant = said or {}, meant or {}
    changed = {
        name: value
        for name, value in meant.items()
        if name not in said or canonical(name, said[name]) != canonical(name, value)
    }
    return changed if changed and not said.keys() - meant.keys() else None


def _digest(member: str, value: Any) -> str:
    return xxhash.xxh3_64_hexdigest(canonical(member, value))[:8]


def read_columns(format: Format, rows: Sequence[Row], reading: RowReader) -> JsonObject | None:
    """The product that the columns tell. What no member holds stands in `source`, of a variant where it is in a variant's column."""
    product = format.parse_product(rows, reading)
    if product is None:
        return None
    numbers = {row.line: n for n, row in enumerate(rows, 1)}
    for line, column, cell in reading.preserved:
        name = reading.column_names[column]
        variant: JsonObject | None = (
            product["variants"][reading.variant_lines.index(line)] if line in reading.variant_lines else None
        )
        told: JsonObject = (variant or {}).get("source") or {}
        if told.get(name) == cell:
            continue
        of_variant = any(column in columns for m, columns in format.member_columns.items() if m.startswith("variants."))
        owner = product if variant is None or not of_variant else variant
        kept: JsonObject = owner.get("source") or {}
        owner["source"] = kept
        kept.setdefault(name if name not in kept or kept[name] == cell else f"{name} (row {numbers[line]})", cell)
    return product


def read_with_notes(format: Format, rows: Sequence[Row], reading: RowReader) -> JsonObject | None:
    """The product of some rows, with what their notes say of it."""
    if format.note_columns is None or not any(n in row.cells for row in rows for n in format.note_columns):
        return read_columns(format, rows, reading)
    product = read_columns(format, [_bare(row, format.note_columns) for row in rows], reading)
    if product is None:
        return None
    of_product, of_variant = format.note_columns
    lines = {row.line: row for row in rows}
    variants = zip(product["variants"], reading.variant_lines, strict=False)
    made = [
        _noted(v, variant_with_defaults(v, at), lines[line], of_variant, reading)
        for at, (v, line) in enumerate(variants)
    ]
    head = next((row for row in rows if of_product in row.cells), rows[0])
    return product | _told(head, of_product, product_with_defaults(product), reading) | {"variants": made}


def _noted(variant: JsonObject, said: JsonObject, row: Row, column: str, reading: RowReader) -> JsonObject:
    """A variant with what its note tells. Options that only the note tells do not change its name: that is as the columns say, or noted too."""
    told = _told(row, column, said, reading)
    return variant | ({"name": said["name"]} if "options" in told else {}) | told


def _bare(row: Row, notes: Sequence[str]) -> Row:
    return Row(row.line, {c: cell for c, cell in row.cells.items() if c not in notes}, row.columns)


def _told(row: Row, column: str, said: JsonObject, reading: RowReader) -> JsonObject:
    """The members that the note in a row tells."""
    if not row[column]:
        return {}
    try:
        note = msgspec.json.decode(row[column], type=dict[str, Any])
    except msgspec.DecodeError:
        note = {"": None}
    found: JsonObject = {}
    for key, told in note.items():
        member = key.removesuffix("+")
        if key in said and isinstance(told, list) and len(cast(list[Any], told)) == 2:
            found |= {key: told[1]} if told[0] == _digest(key, said[key]) else {}
        elif key != member and member in OBJECTS and member in said and isinstance(told, dict):
            found[member] = {**cast(Mapping[str, Any], said[member] or {}), **cast(Mapping[str, Any], told)}
        else:
            reading.repair(row, column, "is no note that we wrote; this part of it is not used.", key)
    return found
