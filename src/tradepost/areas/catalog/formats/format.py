"""What a format is: how its header is known, what its rows belong to, and what product they make. One file per format fills this in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from .csv_file import Row
from .issues import Issue
from .row_reader import RowReader

type Product = dict[str, Any]


class RowGroup(Struct, frozen=True):
    """What a row belongs to: the product `key`, which other rows know by `names`; or the product that has the name `parent`."""

    key: str | None = None
    aliases: tuple[str, ...] = ()
    parent: str | None = None


class UngroupedRow(Struct, frozen=True):
    """A row that belongs to nothing: why, and in which column."""

    column: str
    message: str


class Format(Struct, frozen=True, kw_only=True):
    """A format of sheets.

    needs: folded columns that all its headers have, each with its other spellings.    dot: an open decimal sign is a dot.
    prices: whether a folded column holds prices.    place: what a row belongs to.
    product: the rows of one product as a `ProductRecord` in plain JSON; what it refuses it tells the reading.
    notes: folded columns of our own for what the others cannot tell, of a product and of a variant (`notes.py`).
    members: which column tells a member of the record (`name`, `variants.sku`), for what the shop's own rules find.
    """

    name: str
    title: str
    required_columns: Sequence[Sequence[str]]
    example: str
    defaults_to_dot: bool = False
    is_price_column: Callable[[str], bool]
    group_row: Callable[[Row], RowGroup | UngroupedRow]
    parse_product: Callable[[Sequence[Row], RowReader], Product | None]
    member_columns: Mapping[str, Sequence[str]]
    note_columns: tuple[str, str] | None = None
    orphan_message: str = "it belongs to a product that is not in this file."

    def missing_columns(self, columns: Mapping[str, int]) -> list[str]:
        """The needed columns that a header lacks."""
        return [names[0] for names in self.required_columns if not any(n in columns for n in names)]


class ParsedProduct(Struct, kw_only=True):
    """One product as it was read. `product` is None where it is refused; `others` counts other products among its rows that are;
    `lines` and `columns` tell where a member of it stood.
    """

    line: int
    product: Product | None
    issues: list[Issue]
    other_rejected: int = 0
    variant_lines: list[int] = []
    member_columns: Mapping[str, str] = {}

    def locate(self, pointer: str) -> tuple[int, str]:
        """Line and column of a member by its JSON pointer (`/variants/2/sku`)."""
        parts = pointer.strip("/").split("/")
        if parts[0] == "variants" and len(parts) > 1 and parts[1].isdigit():
            at, member = int(parts[1]), ".".join(["variants", *parts[2:3]])
            return (self.variant_lines[at] if at < len(self.variant_lines) else self.line), self.member_columns.get(
                member, ".".join(parts[2:])
            )
        return self.line, self.member_columns.get(parts[0], parts[0])
