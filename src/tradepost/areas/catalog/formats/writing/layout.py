"""How a product is laid out in the sheet of another shop. One file per shop fills this in."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ..format import Format
from ..row_reader import JsonObject

type Cells = dict[str, str]


class ProductRows(Struct):
    """A product in cells by column: its rows, the first its own, and which of them are its variants, in their order."""

    rows: list[Cells]
    variants: list[Cells]


class Layout(Protocol):
    """How a shop lays out a product. `notes` are the columns of the notes; `mark` stands before a cell that begins like a formula."""

    format: Format
    note_columns: tuple[str, str]
    formula_mark: str
    file_prefix: bytes

    def scan(self, record: JsonObject) -> None:
        """Looks at a record before any is laid out."""
        ...

    def columns(self) -> Sequence[str]:
        """The columns of its own."""
        ...

    def lay_out(self, record: JsonObject) -> ProductRows:
        """A product in cells."""
        ...

    def accepts_source(self, column: str, *, variant: bool, of_both: bool) -> bool:
        """Whether a folded column may be filled from `source`, of a product or a variant, in a row that is of both."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...
