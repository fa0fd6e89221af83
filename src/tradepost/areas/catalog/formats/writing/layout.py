"""How a product is laid out in the sheet of another shop. One file per shop fills this in."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ..format import Format
from ..row_reader import Plain

type Cells = dict[str, str]


class LaidOut(Struct):
    """A product in cells by column: its rows, the first its own, and which of them are its variants, in their order."""

    rows: list[Cells]
    variants: list[Cells]


class Layout(Protocol):
    """How a shop lays out a product. `notes` are the columns of the notes; `mark` stands before a cell that begins like a formula."""

    format: Format
    notes: tuple[str, str]
    mark: str
    head: bytes

    def see(self, record: Plain) -> None:
        """Looks at a record before any is laid out."""
        ...

    def columns(self) -> Sequence[str]:
        """The columns of its own."""
        ...

    def lay_out(self, record: Plain) -> LaidOut:
        """A product in cells."""
        ...

    def takes(self, column: str, *, variant: bool, of_both: bool) -> bool:
        """Whether a folded column may be filled from `source`, of a product or a variant, in a row that is of both."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...
