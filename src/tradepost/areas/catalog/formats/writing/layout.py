"""The protocol of a layout: how a product is written as rows of another shop's CSV."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ..format import Format
from ..row_reader import JsonObject

type Cells = dict[str, str]


class ProductRows(Struct):
    """The rows of a product as cells by column name.

    rows: all rows; the first is the product's.
    variants: those of `rows` that are its variants, in their order.
    """

    rows: list[Cells]
    variants: list[Cells]


class Layout(Protocol):
    """The CSV layout of a shop.

    note_columns: the columns of the notes, of a product and of a variant.
    formula_mark: prefix of a cell that could be taken for a spreadsheet formula.
    file_prefix: bytes before the header, such as a byte order mark.
    """

    format: Format
    note_columns: tuple[str, str]
    formula_mark: str
    file_prefix: bytes

    def scan(self, record: JsonObject) -> None:
        """Collect what the layout depends on. Called for all records before the first `lay_out`."""
        ...

    def columns(self) -> Sequence[str]:
        """Return the columns of the shop, without those of notes and `source`."""
        ...

    def lay_out(self, record: JsonObject) -> ProductRows:
        """Return the rows of a product."""
        ...

    def accepts_source(self, column: str, *, variant: bool, shared_row: bool) -> bool:
        """Whether a column (by key) may be filled from `source`, of a variant or of its product.

        `shared_row` means that one row is both the product and its only variant.
        """
        ...

    def close(self) -> None:
        """Release temporary files."""
        ...
