"""What an operation costs in points, known before it is run: one linear function of its Selection and Window.

A read costs `ceil(1 + R/10)`, where R is the most rows that the answer can hold, summed over all levels: a list counts its limit, a to-one
relation 1 per parent, a to-many relation its `first` per parent (without one 20 where it is paged, 10 where it is bounded), so nesting
multiplies. The root of a single read is not counted. A `total` and a `q` add 5 each. A write costs 10 and the relations that its answer
selects, a batch 10 an item. The net price is the same with the rows that really came, and never more.
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
    """One relation of a selection: the rows per parent where none are named (0: a to-one relation, which has no Window), and those below it."""

    rows: int
    children: "tuple[PricedRelation, ...]"


class Price:
    """A price before it is paid: what is owed in any case, and the most rows. `points` is what is drained."""

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
        """What stays drained where so many rows came. A bounded relation may hold more rows than it is priced for; it costs no more for that."""
        return self.base - -min(rows, self.rows) // ROWS_PER_POINT


FREE, MINIMUM_PRICE = Price(0, 0), Price(1, 0)


def price(
    operation: Operation[Any, ..., Any], want: Selection[Any], window: ListQuery = DEFAULT_LIST_QUERY, items: int = 1
) -> Price:
    """The price of one call. `items` are those of a batch."""
    below, more = estimate_rows(operation.result, want)
    if operation.kind == "list":
        return Price(operation.points + more + surcharge(window), window.size() * (1 + below))
    return Price(operation.points * items + more, below * items)


def estimate_rows(of: Result[Any], want: Selection[Any]) -> tuple[int, int]:
    """The most rows below one row of a selection, and what its lists add for counting and searching. Worked out once per Selection."""
    if want.row_estimate is None:
        form = want.field_set
        if form.priced_relations is None:
            form.priced_relations = priced_relations(of, form.fields)
        rows = _rows(form.priced_relations, iter(want.list_queries)) if form.priced_relations else 0
        want.row_estimate = rows, sum([surcharge(w) for w in want.list_queries])
    return want.row_estimate


def priced_relations(of: Result[Any], fields: tuple[Field, ...]) -> tuple[PricedRelation, ...]:
    """The relations among some fields, in their order: that of the Windows, depth first."""
    found = [(relation, field.subfields) for field in fields if (relation := of.relations.get(field.name)) is not None]
    return tuple(
        [
            PricedRelation(
                (PAGED_ROWS if r.paged else BOUNDED_ROWS) if r.is_to_many else 0, priced_relations(r.target, inner)
            )
            for r, inner in found
        ]
    )


def surcharge(window: ListQuery) -> int:
    """What a list costs besides its rows: a total, which page numbers have as well, and a search."""
    added = TOTAL_POINTS if window.total or window.page is not None else 0
    for name, _ in window.filter:
        if name == "q":
            added += SEARCH_POINTS
    return added


def _rows(below: tuple[PricedRelation, ...], windows: Iterator[ListQuery]) -> int:
    rows = 0
    for branch in below:
        size = next(windows).size(branch.rows) if branch.rows else 1
        rows += size * (1 + (_rows(branch.children, windows) if branch.children else 0))
    return rows
