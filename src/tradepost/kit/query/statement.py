"""SQL statements compiled to text once, and bound to values on each call."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
from sqlalchemy import BindParameter, Dialect
from sqlalchemy.sql import ClauseElement, visitors


class Argument(msgspec.Struct, frozen=True):
    """The source of a positional argument: the call's value of this name, else the constant.

    `process` is the bind processor of the SQLAlchemy type.
    """

    name: str
    constant: Any
    process: Callable[[Any], Any] | None


class Statement(msgspec.Struct, frozen=True):
    """SQL text in the driver's parameter style, and its arguments in order.

    bounded: it reads few rows through an index.
    by_row_count: the same statement with its LIMIT as a constant, by that number.
    """

    sql: str
    arguments: tuple[Argument, ...]
    bounded: bool
    by_row_count: "Mapping[int, Statement]" = msgspec.field(default_factory=dict[int, "Statement"])

    def for_rows(self, rows: int) -> "Statement":
        """Return the statement to use with this LIMIT."""
        return self.by_row_count.get(rows, self)

    def bind(self, values: dict[str, Any]) -> list[Any]:
        """Return the positional arguments of one call."""
        arguments: list[Any] = []
        for a in self.arguments:
            value = values.get(a.name, a.constant)
            arguments.append(a.process(value) if a.process is not None and value is not None else value)
        return arguments


def compile_statement(query: ClauseElement, dialect: Dialect, bounded: bool) -> Statement:
    """Compile a query to text in the driver's parameter style."""
    inlined: Any = visitors.replacement_traverse(query, {}, _inline_constant)
    compiled = inlined.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    # The keys of `params` may be escaped for the driver; ours are those of `positiontup`.
    constants = compiled.construct_params(escape_names=False, _check=False)
    processors = compiled._bind_processors
    arguments = [Argument(n.partition("~")[0], constants[n], processors.get(n)) for n in compiled.positiontup]
    return Statement(compiled.string, tuple(arguments), bounded)


def _inline_constant(element: Any, **_: Any) -> BindParameter[Any] | None:
    """Write a constant of a policy or column into the text.

    The planner can then use partial indexes, and no argument is encoded for it.
    """
    if not isinstance(element, BindParameter) or not element.unique or element.literal_execute:
        return None
    return cast(BindParameter[Any], element).render_literal_execute()
