"""The description of a CSV format: its header, how rows are grouped, and how a group is parsed.

Each supported format fills in one `Format` in a file of its own.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from .csv_file import Row
from .issues import Issue
from .row_reader import JsonObject, RowReader
from .update_scope import UpdateScope


class RowGroup(Struct, frozen=True):
    """The product that a row belongs to.

    Either the product with this `key`, which rows can also refer to by its `aliases`, or the
    product that has `parent` among its aliases.
    """

    key: str | None = None
    aliases: tuple[str, ...] = ()
    parent: str | None = None


class UngroupedRow(Struct, frozen=True):
    """A row that belongs to no product: the column at fault, and the reason."""

    column: str
    message: str


class Format(Struct, frozen=True, kw_only=True):
    """A CSV format. Columns are given as column keys (see `column_key`).

    required_columns: columns that every header has, each with its alternative spellings.
    has_all_decimals: whether prices always have a dot and all decimals of their currency.
    is_price_column: whether a column holds prices.
    is_number_column: whether a column holds counts or weights.
    has_local_prices: whether only prices have the decimal separator of the shop's language, and
        all other numbers a dot. Otherwise all numbers show which separator the file uses.
    group_row: return the product that a row belongs to.
    parse_product: return the product of a group of rows as a `ProductRecord` in builtins; issues
        are reported to the reader.
    member_columns: the columns of each member of the record (`name`, `variants.sku`). A member
        without any of them in the file stays as it is in a product that exists. The first one in
        the file locates errors found later by the batch operation.
    new_members: the members that only a new product takes, because they identify it in the file.
    has_main_category_only: whether `categories` is the main category alone.
    note_columns: our columns for the members that have no other column, of a product and of a
        variant (see `round_trip.py`).
    """

    name: str
    title: str
    required_columns: Sequence[Sequence[str]]
    example: str
    has_all_decimals: bool = False
    has_local_prices: bool = False
    is_price_column: Callable[[str], bool]
    is_number_column: Callable[[str], bool]
    group_row: Callable[[Row], RowGroup | UngroupedRow]
    parse_product: Callable[[Sequence[Row], RowReader], JsonObject | None]
    member_columns: Mapping[str, Sequence[str]]
    new_members: frozenset[str] = frozenset()
    has_main_category_only: bool = False
    note_columns: tuple[str, str] | None = None
    orphan_message: str = "The row belongs to a product that is not in this file."

    def missing_columns(self, columns: Mapping[str, int]) -> list[str]:
        """Return the required columns that a header lacks."""
        return [
            spellings[0] for spellings in self.required_columns if not any(column in columns for column in spellings)
        ]


class ParsedProduct(Struct, kw_only=True):
    """A product read from a file.

    product: the `ProductRecord` in builtins, or None if it was rejected.
    other_rejected: number of other products among the same rows that were rejected.
    scope: what it changes in a product that exists; None for all members that it has.
    variant_lines, member_columns: the lines and columns that its members were read from.
    """

    line: int
    product: JsonObject | None
    issues: list[Issue]
    other_rejected: int = 0
    scope: UpdateScope | None = None
    variant_lines: list[int] = []
    member_columns: Mapping[str, str] = {}

    def locate(self, pointer: str) -> tuple[int, str]:
        """Return line and column of a member by its JSON pointer (`/variants/2/sku`)."""
        parts = pointer.strip("/").split("/")
        if parts[0] == "variants" and len(parts) > 1 and parts[1].isdigit():
            index, member = int(parts[1]), ".".join(["variants", *parts[2:3]])
            line = self.variant_lines[index] if index < len(self.variant_lines) else self.line
            return line, self.member_columns.get(member, ".".join(parts[2:]))
        return self.line, self.member_columns.get(parts[0], parts[0])
