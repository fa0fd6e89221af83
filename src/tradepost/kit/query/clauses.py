"""The SQL clauses of a resource (visible rows, filters, sort keys) on one alias of its table."""

from typing import Any

from sqlalchemy import BigInteger, BindParameter, ColumnElement, Integer, Select, bindparam
from sqlalchemy.sql.util import ClauseAdapter

from ..auth.access import Viewer
from ..resource.filters import binder
from ..resource.list_query import ListQueryShape
from ..resource.resource import Resource

type SortKeys = list[tuple[Any, bool]]
"""Sort expressions, each with whether it descends in the order the rows are read."""

LIMIT: BindParameter[int] = bindparam("limit", None, type_=Integer)
OFFSET: BindParameter[int] = bindparam("offset", None, type_=BigInteger)


class Clauses:
    """Writes the clauses for one kind of viewer."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer

    def adapt(self, table: Any, clause: Any) -> Any:
        """Rewrite a clause about the resource's table to refer to an alias of it."""
        clause = clause.__clause_element__() if hasattr(clause, "__clause_element__") else clause
        return ClauseAdapter(table).traverse(clause)

    def visible(self, resource: Resource[Any], table: Any) -> ColumnElement[bool]:
        """Return the condition that the viewer may see a row."""
        return self.adapt(table, resource.visible(self.viewer))

    def matching(self, resource: Resource[Any], table: Any, shape: ListQueryShape) -> list[ColumnElement[bool]]:
        """Return the conditions of visibility and of the filters, whose values are binds."""
        return [
            self.visible(resource, table),
            *[self.adapt(table, resource.filters[n].where(binder(n))) for n in shape.filters],
        ]

    def sort_keys(self, resource: Resource[Any], table: Any, order: tuple[str, ...], shape: ListQueryShape) -> SortKeys:
        """Return the sort keys of `("-created_at", "id")`, say; reversed for a backward page."""
        keys: SortKeys = []
        for key in order:
            name, descending = key.removeprefix("-"), key.startswith("-")
            expression = self.adapt(table, _sort_expression(resource, name, descending))
            keys.append((expression, descending != shape.backward))
        return keys


def _sort_expression(resource: Resource[Any], name: str, descending: bool) -> Any:
    """Return the expression of a sort key. Every list can be sorted by id."""
    sort = resource.sorts.get(name)
    if sort is None:
        return resource.table.c.id
    use_descending = descending and sort.descending_expression is not None
    expression: Any = sort.descending_expression if use_descending else sort.expression
    return expression(binder(sort.required_filter)) if sort.required_filter else expression


def order_by(keys: SortKeys) -> list[Any]:
    """Return the ORDER BY expressions of sort keys."""
    return [expression.desc() if descending else expression.asc() for expression, descending in keys]


def limit(query: Select[*tuple[Any, ...]], shape: ListQueryShape) -> Select[*tuple[Any, ...]]:
    """Limit a query to one page. LIMIT is bound to one row more, to see if there is a next page."""
    return query.limit(LIMIT).offset(OFFSET) if shape.has_page_number else query.limit(LIMIT)
