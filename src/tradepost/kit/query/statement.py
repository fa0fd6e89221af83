"""SQL statements compiled to text once, and bound to values on each call."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import msgspec
from sqlalchemy import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler


class Argument(msgspec.Struct, frozen=True):
    """A positional argument: the name of the call's value, and the bind processor of its type."""

    name: str
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
            value = values.get(a.name)
            arguments.append(a.process(value) if a.process is not None and value is not None else value)
        return arguments


def compile_statement(
    query: ClauseElement, dialect: Dialect, bounded: bool, constant_limits: Sequence[int] = ()
) -> Statement:
    """Compile a query to text in the driver's parameter style.

    constant_limits: the values of its bind `limit` that are also compiled as constants.
    """
    compiler = _literal_compiler(dialect.statement_compiler)
    compiled: Any = compiler(dialect, query, compile_kwargs={"render_postcompile": True})
    by_row_count = _with_limits(query, dialect, bounded, constant_limits) if constant_limits else {}
    return Statement(compiled.string, _arguments(compiled, compiled.positiontup), bounded, by_row_count)


def _with_limits(query: ClauseElement, dialect: Dialect, bounded: bool, limits: Sequence[int]) -> dict[int, Statement]:
    """Compile a query once, and return it with each of these values as a constant LIMIT."""
    compiled: Any = _literal_compiler(dialect.statement_compiler, "limit")(dialect, query)
    states = [compiled.construct_expanded_state({"limit": n}) for n in limits]
    arguments = _arguments(compiled, states[0].positiontup)
    return {n: Statement(s.statement, arguments, bounded) for n, s in zip(limits, states, strict=True)}


def _arguments(compiled: Any, names: Sequence[str]) -> tuple[Argument, ...]:
    assert all(compiled.binds[n].value is None for n in names), "a bind has a default value, which would be lost"
    processors = compiled._bind_processors
    return tuple([Argument(n.partition("~")[0], processors.get(n)) for n in names])


class LiteralCompiler(SQLCompiler):
    """Writes the constants of policies and columns into the text.

    The planner can then use partial indexes, and no argument is encoded for them.

    literal_names: the binds whose values are also written into the text.
    """

    literal_names: ClassVar[frozenset[str]] = frozenset()

    def visit_bindparam(self, bindparam: Any, *args: Any, **options: Any) -> str:
        if bindparam.unique or bindparam.key in self.literal_names:
            options["literal_execute"] = True
        compiler: Any = super()
        return compiler.visit_bindparam(bindparam, *args, **options)


@cache
def _literal_compiler(base: type[SQLCompiler], *literal_names: str) -> type[SQLCompiler]:
    """Return a dialect's compiler that also writes literals."""
    return type(base.__name__, (LiteralCompiler, base), {"literal_names": frozenset(literal_names)})
