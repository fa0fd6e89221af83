"""The price of an operation in points, known before it runs.

It is a linear function of the Selection and the ListQuery. A read costs `ceil(1 + R/10)`, where R
is the most rows that the answer can hold, over all levels. A list counts its limit, a to-one
relation 1 per parent, a to-many relation its `first` per parent (by default 20 if paged, 10 if
bounded), so nesting multiplies. The row of a single read is free. A `total` and a `q` add 5 each. A
write costs 10 plus the relations that its answer selects, a batch 10 per item. The net price counts
the rows that were returned, and is never more.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ..resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from ..resource.resource import Result
from ..resource.selection import Field, Selection
from .operation import Operation

PAGED_ROWS, BOUNDED_ROWS = 20, 10
TOTAL_POINTS = SEARCH_POINTS = 5
ROWS_PER_POINT = 10


class PricedRelation(msgspec.Struct, frozen=True):
    """A selected relation: its default number of rows per parent, and the relations below it.

    A to-one relation has 0 rows here: it has no ListQuery, and counts as one row.
    """

    rows: int
    children: "tuple[PricedRelation, ...]"


class Price:
    """A price before the call: its fixed part, and the most rows. `points` is what is charged."""

    __slots__ = ("base", "points", "rows")

    def __init__(self, base: int, rows: int) -> None:
        self.base, self.rows, self.points = base, rows, base - -rows // ROWS_PER_POINT

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Price) and (self.base, self.rows) == (other.base, other.rows)

    def __hash__(self) -> int:
        return hash((self.base, self.rows))

    def __repr__(self) -> str:
        return f"Price(base={self.base}, rows={self.rows})"

    def net(self, rows: int) -> int:
        """Return the final price for the rows returned.

        A bounded relation may return more rows than it is priced for, at no extra cost.
        """
        return self.base - -min(rows, self.rows) // ROWS_PER_POINT


FREE, MINIMUM_PRICE = Price(0, 0), Price(1, 0)


def price(
    operation: Operation[Any, ..., Any],
    selection: Selection[Any],
    list_query: ListQuery = DEFAULT_LIST_QUERY,
    items: int = 1,
) -> Price:
    """Return the price of one call. `items` is the number of items of a batch."""
    nested_rows, list_surcharge = estimate_rows(operation.result, selection)
    if operation.kind == "list":
        base = operation.points + list_surcharge + surcharge(list_query)
        return Price(base, list_query.size() * (1 + nested_rows))
    return Price(operation.points * items + list_surcharge, nested_rows * items)


def estimate_rows(result: Result[Any], selection: Selection[Any]) -> tuple[int, int]:
    """Return the most rows below one row of a selection, and the surcharge of its lists.

    It is computed once per Selection.
    """
    if selection.row_estimate is None:
        field_set = selection.field_set
        if field_set.priced_relations is None:
            field_set.priced_relations = priced_relations(result, field_set.fields)
        relations, list_queries = field_set.priced_relations, selection.list_queries
        rows = _most_rows(relations, iter(list_queries)) if relations else 0
        selection.row_estimate = rows, sum([surcharge(q) for q in list_queries])
    return selection.row_estimate


def priced_relations(result: Result[Any], fields: tuple[Field, ...]) -> tuple[PricedRelation, ...]:
    """Return the relations among some fields, in the order of the list queries: depth first."""
    selected = [(r, field.subfields) for field in fields if (r := result.relations.get(field.name)) is not None]
    return tuple(
        [
            PricedRelation(
                (PAGED_ROWS if r.paged else BOUNDED_ROWS) if r.is_to_many else 0,
                priced_relations(r.target, subfields),
            )
            for r, subfields in selected
        ]
    )


def surcharge(list_query: ListQuery) -> int:
    """Return the points for a total (page numbers need one too) and for a search."""
    points = TOTAL_POINTS if list_query.total or list_query.page is not None else 0
    for name, _ in list_query.filter:
        if name == "q":
            points += SEARCH_POINTS
    return points


def _most_rows(relations: tuple[PricedRelation, ...], list_queries: Iterator[ListQuery]) -> int:
    rows = 0
    for relation in relations:
        size = next(list_queries).size(relation.rows) if relation.rows else 1
        rows += size * (1 + (_most_rows(relation.children, list_queries) if relation.children else 0))
    return rows
