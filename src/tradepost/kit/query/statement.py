"""Statement."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec


class Argument(msgspec.Struct, frozen=True):
    """Where one positional argument of a statement comes from: a name in the call's values, else a constant; `process` is the type's own."""

    name: str
    constant: Any
    process: Callable[[Any], Any] | None


class Statement(msgspec.Struct, frozen=True):
    """SQL text in the driver's own spelling, and its arguments in order. A bounded one reads few rows through an index.

    `sized` are the same with the number of rows written into the text, by that number.
    """

    sql: str
    arguments: tuple[Argument, ...]
    bounded: bool
    by_row_count: "Mapping[int, Statement]" = msgspec.field(default_factory=dict[int, "Statement"])

    def for_rows(self, rows: int) -> "Statement":
        """The statement for so many rows."""
        return self.by_row_count.get(rows, self)

    def bind(self, given: dict[str, Any]) -> list[Any]:
        """The arguments of one call."""
        out: list[Any] = []
        for a in self.arguments:
            value = given.get(a.name, a.constant)
            out.append(a.process(value) if a.process is not None and value is not None else value)
        return out
