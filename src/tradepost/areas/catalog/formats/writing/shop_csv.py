"""Writes the CSV of another shop, so that both that shop and we can read it.

Each product is read back with our own reader, and whatever the columns do not represent goes into
a note (see `round_trip.py`). Cells that an earlier import kept in `source` are written to their
columns again, unless that would change how the product is read.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ..csv_file import Row, column_key
from ..product_file import CURRENCY_COLUMNS
from ..registry import CSV_FORMATS
from ..round_trip import build_note, product_with_defaults, read_columns, variant_with_defaults
from ..row_reader import JsonObject, RowReader
from .layout import Cells, Layout, ProductRows
from .writer import Writer, encode_csv

# Limits for columns from `source`. No shop's export has more columns or longer names.
MAX_SOURCE_COLUMNS, MAX_COLUMN_NAME_LENGTH = 500, 100
FORMULA_STARTS = ("=", "+", "-", "@")
# Columns by which a format is detected. Adding one could make the file look like another format.
# A currency would be checked as that of the prices.
DETECTION_COLUMNS = frozenset(
    [*CURRENCY_COLUMNS]
    + [column for format in CSV_FORMATS for spellings in format.required_columns for column in spellings]
)
PLAIN_NUMBER = re.compile(r"\d+(\.\d{1,2})?")
# Members that need no note if the record does not have them.
OPTIONAL_MEMBERS = frozenset({"slug", "categories", "media"})

type SourceCell = tuple[Cells, str, str]
"""Row, column and text of a cell from `source`."""


class ColumnContents(msgspec.Struct):
    """A product as its columns are read, and its variants by the index of their row."""

    product: JsonObject
    variants: dict[int, JsonObject]

    def matches(self, other: "ColumnContents") -> bool:
        """Whether both are the same except for `source`."""
        return _without_source(self.product) == _without_source(other.product) and {
            index: _without_source(variant) for index, variant in self.variants.items()
        } == {index: _without_source(variant) for index, variant in other.variants.items()}


def _without_source(members: JsonObject) -> bytes:
    return msgspec.json.encode({name: value for name, value in members.items() if name != "source"})


class ProductClaims:
    """Claims within one product. In the database SKUs are already unique across products."""

    def __init__(self) -> None:
        self.skus = set[str]()

    def claim_sku(self, sku: str) -> bool:
        """Claim a SKU. Return False if another variant of the product has it."""
        return not (sku in self.skus or self.skus.add(sku))

    def claim_reference(self, reference: str) -> bool:
        """Claim a reference: there is only one product."""
        return bool(reference)


class ShopCsvWriter(Writer):
    """Writes products in the layout of another shop.

    `currency` is that of the prices, which have no column for it. `now` decides which dated sale
    prices apply.
    """

    def __init__(self, layout: Layout, *, currency: str, now: datetime) -> None:
        self.layout, self.currency, self.now = layout, currency, now
        self.source_columns: dict[str, str] = {}
        self.column_names: dict[str, str] = {}

    def scan(self, record: JsonObject) -> None:
        """Collect the columns that `source` names."""
        self.layout.scan(record)
        for members in (record, *record.get("variants", ())):
            source: JsonObject = members.get("source") or {}
            for name, value in source.items():
                if len(self.source_columns) < MAX_SOURCE_COLUMNS and _is_column(name, value):
                    self.source_columns.setdefault(column_key(name), name)

    def header(self) -> bytes:
        """Return the header, and prepare the reader: all columns are known now."""
        layout_columns = [*self.layout.columns(), *self.layout.note_columns]
        self.column_names = {column_key(name): name for name in layout_columns}
        self.column_names |= {
            column: name
            for column, name in self.source_columns.items()
            if column not in self.column_names and column not in DETECTION_COLUMNS
        }
        self.column_indexes = {column: index for index, column in enumerate(self.column_names)}
        self.column_keys = {name: column for column, name in self.column_names.items()}
        self.reader = RowReader(
            self.column_names,
            currency=self.currency,
            decimal_separator=".",
            number_separator=".",
            now=self.now,
            claims=ProductClaims(),
        )
        return self.layout.file_prefix + encode_csv([[*self.column_names.values()]])

    def encode_product(self, record: JsonObject) -> bytes:
        """Return the rows of a product."""
        product_rows = self.layout.lay_out(record)
        contents = self._restore_source(record, product_rows, self._read_back(product_rows))
        product_note, variant_note = self.layout.note_columns
        intended = {
            member: value
            for member, value in product_with_defaults(record).items()
            if member in record or member not in OPTIONAL_MEMBERS
        }
        if note := build_note(contents.product, intended):
            product_rows.rows[0][product_note] = msgspec.json.encode(note).decode()
        row_indexes = {id(row): index for index, row in enumerate(product_rows.rows)}
        for index, row in enumerate(product_rows.variants):
            intended = variant_with_defaults(record["variants"][index], index)
            if note := build_note(contents.variants[row_indexes[id(row)]], intended):
                row[variant_note] = msgspec.json.encode(note).decode()
        names = [*self.column_names.values()]
        return encode_csv([[self._cell(row.get(name, "")) for name in names] for row in product_rows.rows])

    def close(self) -> None:
        """Release the temporary files of the layout."""
        self.layout.close()

    def _cell(self, text: str) -> str:
        return f"{self.layout.formula_mark}{text}" if text.startswith(FORMULA_STARTS) else text

    def _read_back(self, product_rows: ProductRows) -> ColumnContents:
        """Return what our reader finds in the columns."""
        rows = [
            Row(
                index,
                {self.column_keys[name]: text for name, cell in row.items() if (text := self._cell(cell).strip())},
                self.column_indexes,
            )
            for index, row in enumerate(product_rows.rows)
        ]
        self.reader.claims = ProductClaims()
        product = read_columns(self.layout.format, rows, self.reader) or {}
        row_indexes = self.reader.finish_product().variant_lines
        variants = zip(row_indexes, product.get("variants", ()), strict=False)
        return ColumnContents(
            product_with_defaults(product),
            {row_index: variant_with_defaults(variant, index) for index, (row_index, variant) in enumerate(variants)},
        )

    def _restore_source(
        self, record: JsonObject, product_rows: ProductRows, contents: ColumnContents
    ) -> ColumnContents:
        """Write cells of `source` back to their columns if that changes nothing else.

        All are tried at once, then one by one. Return what the columns contain in the end.
        """
        cells = [cell for cell in self._source_cells(record, product_rows) if cell[0].get(cell[1]) != cell[2]]
        attempts = [cells, *([cell] for cell in cells)] if len(cells) > 1 else [cells] if cells else []
        for attempt in attempts:
            before = [(row, name, row.get(name, "")) for row, name, _ in attempt]
            _write_cells(attempt)
            if (changed := self._read_back(product_rows)).matches(contents):
                contents = changed
                if attempt is cells:
                    break
            else:
                _write_cells(before)
        return contents

    def _source_cells(self, record: JsonObject, product_rows: ProductRows) -> Iterator[SourceCell]:
        """Yield the members of `source` that have a column."""
        head, variants = product_rows.rows[0], product_rows.variants
        shared_row = len(variants) == 1 and variants[0] is head
        for members, row, is_variant in [
            (record, head, False),
            *[(variant, row, True) for variant, row in zip(record.get("variants", ()), variants, strict=True)],
        ]:
            source: JsonObject = members.get("source") or {}
            for name, value in source.items():
                column = column_key(name)
                if (
                    self.column_names.get(column) != name
                    or name in self.layout.note_columns
                    or not isinstance(value, str)
                    or not self.layout.accepts_source(column, variant=is_variant, shared_row=shared_row)
                ):
                    continue
                # A number in another notation could change the decimal separator of the whole file.
                format = self.layout.format
                is_number = format.is_price_column(column) or format.is_number_column(column)
                if not is_number or PLAIN_NUMBER.fullmatch(value):
                    yield row, name, value


def _write_cells(cells: Sequence[SourceCell]) -> None:
    for row, name, value in cells:
        row[name] = value


def _is_column(name: str, value: Any) -> bool:
    """Whether a member of `source` can be a column: a plain name with a nonblank text."""
    is_plain_name = (
        name.isprintable()
        and name == " ".join(name.split())
        and len(name) <= MAX_COLUMN_NAME_LENGTH
        and ";" not in name
    )
    return (
        is_plain_name and name[:1] not in ("", "'", *FORMULA_STARTS) and isinstance(value, str) and bool(value.strip())
    )
