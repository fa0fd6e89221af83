"""Notes: members that another shop's CSV has no column for, so that an export loses nothing.

A note is JSON in a column of ours that the other shop keeps and we read again. It holds the members
that differ from what the columns say:
`{"tax_class": ["9c1d0b2a", "reduced"], "attributes+": {"wood": "oak"}}`.
The first item is a digest of what the columns said at the time of the export. If they say something
else now, the product was edited in the other shop and the columns win. A name with `+` adds members
to an object.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
import xxhash

from .csv_file import Row
from .format import Format
from .row_reader import JsonObject, RowReader

PRODUCT_DEFAULTS: JsonObject = {
    "name": "", "slug": None, "external_reference": None, "description": "", "status": "draft", "attributes": {},
    "tags": [], "brand": None, "categories": [], "media": [], "source": None,
}  # fmt: skip
VARIANT_DEFAULTS: JsonObject = {
    "sku": "", "name": "", "price": None, "options": {}, "compare_at_price": None, "weight_grams": None,
    "barcode": None, "attributes": {}, "tax_class": "standard", "track_inventory": True, "allow_backorder": False,
    "low_stock_threshold": None, "requires_shipping": True, "withdrawal_excluded": False,
    "position": 0, "external_reference": None, "source": None, "imported_quantity": None,
}  # fmt: skip
# Members to which a note can add.
OBJECT_MEMBERS = ("attributes", "source")


def product_with_defaults(product: JsonObject) -> JsonObject:
    """Return all members of a product except its variants, with their defaults."""
    members = {member: product.get(member, default) for member, default in PRODUCT_DEFAULTS.items()}
    return members | {"media": [{"alt": "", **image} for image in members["media"]]}


def variant_with_defaults(variant: JsonObject, index: int) -> JsonObject:
    """Return all members of a variant with their defaults; name and position as generated."""
    generated = {"name": " / ".join(variant.get("options", {}).values()), "position": index}
    return {member: variant.get(member, generated.get(member, default)) for member, default in VARIANT_DEFAULTS.items()}


def _canonical(member: str, value: Any) -> bytes:
    """Encode a value for comparison. Among objects, only the order of options matters."""
    return msgspec.json.encode(value, order=None if member == "options" else "sorted")


def build_note(in_columns: JsonObject, intended: JsonObject) -> JsonObject:
    """Return the note for members whose intended value differs from the one in the columns."""
    note: JsonObject = {}
    for member, value in intended.items():
        column_value = in_columns[member]
        if _canonical(member, value) == _canonical(member, column_value):
            continue
        added = _added_members(column_value, value) if member in OBJECT_MEMBERS else None
        if added is None:
            note[member] = [_digest(member, column_value), value]
        else:
            note[f"{member}+"] = added
    return note


def _added_members(before: JsonObject | None, after: JsonObject | None) -> JsonObject | None:
    """Return the members to add to or change in an object; None if others must be removed."""
    before, after = before or {}, after or {}
    changed = {
        name: value
        for name, value in after.items()
        if name not in before or _canonical(name, before[name]) != _canonical(name, value)
    }
    return changed if changed and not before.keys() - after.keys() else None


def _digest(member: str, value: Any) -> str:
    return xxhash.xxh3_64_hexdigest(_canonical(member, value))[:8]


def read_columns(format: Format, rows: Sequence[Row], reader: RowReader) -> JsonObject | None:
    """Return the product as its columns say, or None if it is rejected.

    Cells preserved by the reader are put into `source`, of the variant for a variant's column.
    """
    product = format.parse_product(rows, reader)
    if product is None:
        return None
    row_numbers = {row.line: number for number, row in enumerate(rows, 1)}
    for line, column, cell in reader.preserved:
        name = reader.column_names[column]
        variant: JsonObject | None = None
        if line in reader.variant_lines:
            variant = product["variants"][reader.variant_lines.index(line)]
        variant_source: JsonObject = (variant or {}).get("source") or {}
        if variant_source.get(name) == cell:
            continue
        is_variant_column = any(
            column in columns for member, columns in format.member_columns.items() if member.startswith("variants.")
        )
        owner = product if variant is None or not is_variant_column else variant
        source: JsonObject = owner.get("source") or {}
        owner["source"] = source
        is_free = name not in source or source[name] == cell
        source.setdefault(name if is_free else f"{name} (row {row_numbers[line]})", cell)
    return product


def read_with_notes(format: Format, rows: Sequence[Row], reader: RowReader) -> JsonObject | None:
    """Return the product of some rows, completed by their notes; None if it is rejected."""
    notes = format.note_columns
    if notes is None or not any(column in row.cells for row in rows for column in notes):
        return read_columns(format, rows, reader)
    product = read_columns(format, [_without_columns(row, notes) for row in rows], reader)
    if product is None:
        return None
    product_note, variant_note = notes
    rows_by_line = {row.line: row for row in rows}
    variants = [
        _complete_variant(variant, index, rows_by_line[line], variant_note, reader)
        for index, (variant, line) in enumerate(zip(product["variants"], reader.variant_lines, strict=False))
    ]
    head = next((row for row in rows if product_note in row.cells), rows[0])
    members = _note_members(head, product_note, product_with_defaults(product), reader)
    reader.noted.update(members)
    return product | members | {"variants": variants}


def _complete_variant(variant: JsonObject, index: int, row: Row, column: str, reader: RowReader) -> JsonObject:
    """Return a variant completed by its note.

    Options from the note do not change the name: it is in the columns or in the note as well.
    """
    in_columns = variant_with_defaults(variant, index)
    members = _note_members(row, column, in_columns, reader)
    return variant | ({"name": in_columns["name"]} if "options" in members else {}) | members


def _without_columns(row: Row, columns: Sequence[str]) -> Row:
    return Row(row.line, {c: cell for c, cell in row.cells.items() if c not in columns}, row.columns)


def _note_members(row: Row, column: str, in_columns: JsonObject, reader: RowReader) -> JsonObject:
    """Return the members that the note in a row sets."""
    if not row[column]:
        return {}
    try:
        note = msgspec.json.decode(row[column], type=dict[str, Any])
    except msgspec.DecodeError:
        note = {"": None}
    members: JsonObject = {}
    for key, entry in note.items():
        member = key.removesuffix("+")
        if key in in_columns and isinstance(entry, list) and len(cast(list[Any], entry)) == 2:
            if entry[0] == _digest(key, in_columns[key]):
                members[key] = entry[1]
        elif key != member and member in OBJECT_MEMBERS and member in in_columns and isinstance(entry, dict):
            before = cast(Mapping[str, Any], in_columns[member] or {})
            members[member] = {**before, **cast(Mapping[str, Any], entry)}
        else:
            reader.repair(row, column, "Not written by Tradepost; ignored.", key)
    return members
