"""Writes the sheet of another shop, so that it and we can read it.

What a sheet says is found out by our own reader: each product is read back as it was laid out, and what the columns do not tell goes into a note
(`notes.py`). Words that an earlier import kept in `source` stand in their columns again, as long as they still mean what the model says.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ..csv_file import Row, column_key
from ..native_csv import NATIVE_CSV
from ..round_trip import build_note, product_with_defaults, read_columns, variant_with_defaults
from ..row_reader import JsonObject, RowReader
from ..shopify import SHOPIFY
from ..woocommerce import WOOCOMMERCE
from .layout import Cells, Layout, ProductRows
from .writer import Writer, encode_csv

# More names than this are no columns of a shop.
MOST_COLUMNS, LONGEST_COLUMN = 500, 100
# Columns by which some format is known: one too many would make the file another one.
KNOWING = frozenset([c for f in (SHOPIFY, WOOCOMMERCE, NATIVE_CSV) for names in f.required_columns for c in names])
PLAIN_PRICE = re.compile(r"\d+(\.\d{1,2})?")
# A record without these says nothing of them.
OPEN = frozenset({"slug", "categories", "media"})


class ColumnContents(msgspec.Struct):
    """What the columns say: of the product, and of its variants by their line."""

    product: JsonObject
    variants: dict[int, JsonObject]

    def same(self, other: "ColumnContents") -> bool:
        """Whether both are the same catalogue, whatever their `source`."""
        return _model(self.product) == _model(other.product) and {n: _model(v) for n, v in self.variants.items()} == {
            n: _model(v) for n, v in other.variants.items()
        }


def _model(plain: JsonObject) -> bytes:
    return msgspec.json.encode({member: value for member, value in plain.items() if member != "source"})


class ProductClaims:
    """Claims within one product: across products the catalogue itself has each SKU once."""

    def __init__(self) -> None:
        self.taken = set[str]()

    def claim_sku(self, sku: str) -> bool:
        """Takes a SKU."""
        return not (sku in self.taken or self.taken.add(sku))

    def claim_reference(self, reference: str) -> bool:
        """There is one product."""
        return bool(reference)


class ShopCsvWriter(Writer):
    """A sheet in a layout. `currency` is that of its prices, for which it has no column; `moment` is now, for sales with dates."""

    def __init__(self, layout: Layout, *, currency: str, moment: datetime) -> None:
        self.layout, self.currency, self.now = layout, currency, moment
        self.extra: dict[str, str] = {}
        self.columns: list[str] = []
        self.names: dict[str, str] = {}

    def scan(self, record: JsonObject) -> None:
        """Gathers the columns that `source` names."""
        self.layout.scan(record)
        for plain in (record, *record.get("variants", ())):
            source: JsonObject = plain.get("source") or {}
            for name, value in source.items():
                if len(self.extra) < MOST_COLUMNS and _is_column(name, value):
                    self.extra.setdefault(column_key(name), name)

    def header(self) -> bytes:
        """The header. Now all columns are known, and what they say can be read."""
        fixed = [*self.layout.columns(), *self.layout.note_columns]
        self.names = {column_key(name): name for name in fixed}
        self.names |= {
            column: name for column, name in self.extra.items() if column not in self.names and column not in KNOWING
        }
        self.columns = [*self.names.values()]
        self.places = {column: at for at, column in enumerate(self.names)}
        self.folded = {name: column for column, name in self.names.items()}
        self.reader = RowReader(self.names, currency=self.currency, sign=".", moment=self.now, spool=ProductClaims())
        return self.layout.file_prefix + encode_csv([self.columns])

    def encode_product(self, record: JsonObject) -> bytes:
        """The rows of a product."""
        laid_out = self.layout.lay_out(record)
        said = self._restore(record, laid_out, self._say(laid_out))
        of_product, of_variant = self.layout.note_columns
        meant = {m: value for m, value in product_with_defaults(record).items() if m in record or m not in OPEN}
        if note := build_note(said.product, meant):
            laid_out.rows[0][of_product] = msgspec.json.encode(note).decode()
        lines = [next(n for n, row in enumerate(laid_out.rows) if row is v) for v in laid_out.variants]
        for at, (line, row) in enumerate(zip(lines, laid_out.variants, strict=True)):
            if note := build_note(said.variants[line], variant_with_defaults(record["variants"][at], at)):
                row[of_variant] = msgspec.json.encode(note).decode()
        return encode_csv([[self._cell(row.get(c, "")) for c in self.columns] for row in laid_out.rows])

    def close(self) -> None:
        """Gives back what the layout holds."""
        self.layout.close()

    def _cell(self, text: str) -> str:
        return f"{self.layout.formula_mark}{text}" if text[:1] in ("=", "+", "-", "@") else text

    def _say(self, laid_out: ProductRows) -> ColumnContents:
        """What our reader finds in the columns."""
        rows = [
            Row(
                n,
                {self.folded[name]: text for name, cell in row.items() if (text := self._cell(cell).strip())},
                self.places,
            )
            for n, row in enumerate(laid_out.rows)
        ]
        self.reader.claims = ProductClaims()
        product = read_columns(self.layout.format, rows, self.reader) or {}
        variants = zip(self.reader.finish_product().variant_lines, product.get("variants", ()), strict=False)
        return ColumnContents(
            product_with_defaults(product),
            {line: variant_with_defaults(v, at) for at, (line, v) in enumerate(variants)},
        )

    def _restore(self, record: JsonObject, laid_out: ProductRows, said: ColumnContents) -> ColumnContents:
        """Puts the words of `source` back into their columns, where they change nothing else; what the columns say then."""
        words = [w for w in self._words(record, laid_out) if w[0].get(w[1]) != w[2]]
        for some in [words, *([w] for w in words)] if len(words) > 1 else [words] if words else []:
            before = [(row, name, row.get(name, "")) for row, name, _ in some]
            _put(some)
            if (found := self._say(laid_out)).same(said):
                said = found
                if some is words:
                    break
            else:
                _put(before)
        return said

    def _words(self, record: JsonObject, laid_out: ProductRows) -> Iterator[tuple[Cells, str, str]]:
        """Row, column and word of what `source` tells and a column could."""
        head, variants = laid_out.rows[0], laid_out.variants
        of_both = [*map(id, variants)] == [id(head)]
        for plain, row, variant in [
            (record, head, False),
            *[(v, row, True) for v, row in zip(record.get("variants", ()), variants, strict=True)],
        ]:
            source: JsonObject = plain.get("source") or {}
            for name, value in source.items():
                column = column_key(name)
                if (
                    self.names.get(column) != name
                    or name in self.layout.note_columns
                    or not isinstance(value, str)
                    or not self.layout.accepts_source(column, variant=variant, of_both=of_both)
                ):
                    continue
                # A price in another notation would speak for the decimal sign of the whole file.
                if not self.layout.format.is_price_column(column) or PLAIN_PRICE.fullmatch(value):
                    yield row, name, value


def _put(words: Sequence[tuple[Cells, str, str]]) -> None:
    for row, name, value in words:
        row[name] = value


def _is_column(name: str, value: Any) -> bool:
    """Whether a member of `source` can be a column: a plain name, and text."""
    plain = name.isprintable() and name == " ".join(name.split()) and len(name) <= LONGEST_COLUMN and ";" not in name
    return plain and name[:1] not in ("", "=", "+", "-", "@", "'") and isinstance(value, str) and bool(value.strip())
