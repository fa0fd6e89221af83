"""The tables that a read depends on, found in its statements; no list has to be maintained."""

from typing import Any, cast

from sqlalchemy import Alias, BindParameter, Select, Table, TextClause, select
from sqlalchemy.sql.functions import FunctionElement

from ..auth.access import IDENTITY_BINDS, Viewer
from ..db.base import is_uncached
from ..resource.filters import binder
from ..resource.resource import Resource
from .plan import Plan

type Tag = tuple[str, str | None]
"""A possible change: of one row of a table by its id, or of any row of it (None)."""

ANY_CHANGE: Tag = ("*", None)
"""The tag of a write whose rows are unknown: it may have changed any row."""

PURE_FUNCTIONS = frozenset({"coalesce", "concat", "count", "json_each", "matches", "max", "min", "sum", "unnest"})
"""Functions of their arguments and of rows alone; clocks and random numbers are not."""


def tables_read(query: Select[*tuple[Any, ...]], row_alias: str = "") -> frozenset[str] | None:
    """Return the tables that a statement and its subqueries read, without the alias `row_alias`.

    Return None if its result can change without a tracked write: it contains an id of the caller, a
    function that is not known to be pure, an uncached table, or literal SQL text.
    """
    tables, seen = set[str](), set[int]()
    pending: list[Any] = [query]
    while pending:
        element = pending.pop()
        if element is None or id(element) in seen:
            continue
        seen.add(id(element))
        table = _table(element)
        if table is not None:
            if is_uncached(table):
                return None
            if table is element or element.name != row_alias:
                tables.add(str(table.name))  # a plain str: messages cannot encode SQLAlchemy's subclass
        elif _is_unpredictable(element):
            return None
        else:
            pending += element.get_children()
    return frozenset(tables)


def resource_tables(resource: Resource[Any]) -> frozenset[str]:
    """Return the tables that the visibility, members, filters and sort keys of a resource read.

    Clauses that can change without a tracked write are left out: reads of them are not cached.
    """
    viewer = Viewer(frozenset(), is_authenticated=False)
    clauses: list[Any] = [resource.visible(viewer)]
    clauses += [e(viewer) if callable(e) else e for e in resource.expressions.values()]
    clauses += [filter.where(binder(name)) for name, filter in resource.filters.items()]
    for sort in resource.sorts.values():
        expression: Any = sort.expression
        clauses.append(expression(binder(sort.required_filter)) if sort.required_filter else expression)
    tables = [tables_read(select(clause)) for clause in clauses]
    return frozenset[str]().union(*[names for names in tables if names is not None])


def _table(element: Any) -> Any:
    """Return the table that an element is, or is an alias of; else None."""
    table = cast(Any, element).element if isinstance(element, Alias) else element
    return cast(Any, table) if isinstance(table, Table) else None


def _is_unpredictable(element: Any) -> bool:
    if isinstance(element, BindParameter):
        return element.key in IDENTITY_BINDS
    return isinstance(element, TextClause) or (
        isinstance(element, FunctionElement) and element.name not in PURE_FUNCTIONS
    )


class ReadDependencies:
    """The tables and rows that one call has read.

    cacheable: False if the answer also depends on something else.
    """

    __slots__ = ("cacheable", "tags")

    def __init__(self) -> None:
        self.cacheable, self.tags = True, set[Tag]()

    def add(self, plan: Plan, *ids: str) -> None:
        """Record that a plan was run. If it reads by key, `ids` are those of the rows found."""
        if plan.read_tags is None:
            self.cacheable = False
        else:
            self.tags.update(plan.read_tags)
            self.tags.update([(str(plan.top.resource.table.name), id) for id in ids])
