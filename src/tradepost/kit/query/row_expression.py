"""The generated expressions about one row, which name its columns only when they are written."""

from collections.abc import Iterable
from enum import Enum


class Row(Enum):
    """A reference to the whole row."""

    WHOLE = "r"


type Part = str | int | range | Row
"""Source text, the index of a column, consecutive columns as arguments, or the whole row."""


class RowExpression:
    """A Python expression about a row, in parts: source text, and references to the row."""

    __slots__ = ("parts",)

    def __init__(self, *parts: "Part | RowExpression") -> None:
        self.parts: list[Part] = []
        for part in parts:
            if isinstance(part, RowExpression):
                self.parts += part.parts
            else:
                self.parts.append(part)

    @property
    def column(self) -> int | None:
        """The index of the column if the expression is nothing but a column."""
        first = self.parts[0]
        return first if isinstance(first, int) and len(self.parts) == 1 else None

    def source(self) -> str:
        """Return the source about a row named `r`."""
        return "".join([_of_row(p) for p in self.parts])

    def loop_source(self, width: int) -> tuple[str, str]:
        """Return the source of the expression, and of the target of the loop over rows.

        If the expression uses at least three quarters of the columns, mostly one by one, the loop
        unpacks each row into names: indexing an asyncpg record costs 25 ns, a name next to nothing.
        """
        single = len([p for p in self.parts if isinstance(p, int)])
        used = single + sum([len(p) for p in self.parts if isinstance(p, range)])
        if single < 3 or used * 4 < width * 3 or Row.WHOLE in self.parts:
            return self.source(), "r"
        return "".join([_of_names(p) for p in self.parts]), _names(range(width)) + ","


def call(function: str, arguments: Iterable[RowExpression]) -> RowExpression:
    """Return the call of a function. Consecutive columns are passed as one range."""
    values = list(arguments)
    columns = [v.column for v in values]
    if len(values) > 1 and (first := columns[0]) is not None:
        consecutive = range(first, first + len(values))
        if columns == list(consecutive):
            return RowExpression(f"{function}(", consecutive, ")")
    return RowExpression(f"{function}(", *separated(values), ")")


def separated(expressions: Iterable[RowExpression]) -> list[Part]:
    """Return the parts of several expressions, with commas between these."""
    parts: list[Part] = []
    for expression in expressions:
        parts += [", ", *expression.parts] if parts else expression.parts
    return parts


def _of_row(part: Part) -> str:
    """Write a reference as one to the row `r`."""
    if isinstance(part, int):
        return f"r[{part}]"
    if isinstance(part, range):
        return f"*r[{part.start}:{part.stop}]"
    return part if isinstance(part, str) else part.value


def _of_names(part: Part) -> str:
    """Write a reference as one to the names that the row is unpacked into."""
    if isinstance(part, int):
        return f"c{part}"
    if isinstance(part, range):
        return _names(part)
    return part if isinstance(part, str) else part.value


def _names(columns: range) -> str:
    return ", ".join([f"c{i}" for i in columns])
