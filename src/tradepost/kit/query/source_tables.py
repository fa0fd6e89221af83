"""What a read looks at: the tables in its statements, found in the statements themselves, never in a list that somebody has to keep."""

from typing import Any, cast

from sqlalchemy import Alias, BindParameter, Select, Table, TextClause
from sqlalchemy.sql.functions import FunctionElement

from ..db.base import is_uncached
from .plan import Plan

type Tag = tuple[str, str | None]
"""What may be changed: a row of a table by its id, or with None any row of it."""

ANY_CHANGE: Tag = ("*", None)
"""A change that nobody can look into: it may be of any row."""

PURE_FUNCTIONS = frozenset({"coalesce", "concat", "count", "json_each", "matches", "max", "min", "sum", "unnest"})
"""Functions whose value depends on their arguments and on rows alone. A clock or a die is not among them, nor what nobody has looked at yet."""


def tables_read(query: Select[*tuple[Any, ...]], own: str = "") -> frozenset[str] | None:
    """The tables that a statement looks at, those in subqueries too, without the occurrence that is aliased as `own`.

    None where its answer may change though no row that is told of changes: it has the caller's id in it, a function that is not known as pure, a table
    whose writes are not told, or text that nobody can look into.
    """
    found, seen = set[str](), set[int]()
    waiting: list[Any] = [query]
    while waiting:
        element = waiting.pop()
        if element is None or id(element) in seen:
            continue
        seen.add(id(element))
        table = _table(element)
        if table is not None:
            if is_uncached(table):
                return None
            if table is element or element.name != own:
                found.add(str(table.name))  # a plain text: SQLAlchemy's own is one of a kind that no message takes
        elif _is_unsettled(element):
            return None
        else:
            waiting += element.get_children()
    return frozenset(found)


def _table(element: Any) -> Any:
    """The table that an element is, or is an alias of."""
    of = cast(Any, element).element if isinstance(element, Alias) else element
    return cast(Any, of) if isinstance(of, Table) else None


def _is_unsettled(element: Any) -> bool:
    if isinstance(element, BindParameter):
        return element.key == "caller_id"
    return isinstance(element, TextClause) or (
        isinstance(element, FunctionElement) and element.name not in PURE_FUNCTIONS
    )


class ReadDependencies:
    """What one call has read, told by the read engine. Unless it is `settled`, its answer depends on more than that."""

    __slots__ = ("cacheable", "tags")

    def __init__(self) -> None:
        self.cacheable, self.tags = True, set[Tag]()

    def add(self, plan: Plan, *ids: str) -> None:
        """A plan was run. Of a plan for single rows, `ids` are those that were found."""
        if plan.read_tags is None:
            self.cacheable = False
        else:
            self.tags.update(plan.read_tags)
            self.tags.update([(str(plan.top.resource.table.name), id) for id in ids])
