"""Keyset pagination: the order of a list, and the conditions of its cursors.

The conditions have the form that uses the index. If all keys have one direction it is a row-value
comparison; mixed directions also bound the first key (PERFORMANCE: 0.06 ms, 27.9 ms without).
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, tuple_

from ..resource.list_query import ListQueryShape
from ..resource.resource import Resource

type Keys = list[tuple[Any, bool]]


def sort_order(resource: Resource[Any], shape: ListQueryShape, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the sort keys: those requested, their tie breakers, and the id.

    The id has the direction of the last key. The default of a search is its relevance.
    """
    requested = shape.sort or next(
        (
            (n,)
            for n, s in resource.sorts.items()
            if s.required_filter is not None and s.required_filter in shape.filters
        ),
        default,
    )
    names: list[str] = []
    for name in requested:
        names.append(name)
        sort = resource.sorts.get(name.removeprefix("-"))
        names += sort.tie_breakers if sort is not None else ()
    first = {n.removeprefix("-"): n for n in reversed(names)}
    ordered = [n for n in dict.fromkeys(names) if first[n.removeprefix("-")] == n]
    return (*ordered, "-id" if ordered[-1].startswith("-") else "id")


def cursor_conditions(keys: Keys, shape: ListQueryShape) -> list[ColumnElement[bool]]:
    """Return the conditions of a shape's cursors.

    keys: the sort expressions, each with whether it descends in the order the rows are read. A
        backward shape is read from the end.
    """
    conditions: list[ColumnElement[bool]] = []
    cursors = (("after", shape.after, shape.backward), ("before", shape.before, not shape.backward))
    for name, present, reverse in cursors:
        if present:
            bound = [
                (key, descending != reverse, bindparam(f"{name}.{i}", None, type_=key.type))
                for i, (key, descending) in enumerate(keys)
            ]
            conditions.append(_after(bound))
    return conditions


def _after(keys: list[tuple[Any, bool, Any]]) -> ColumnElement[bool]:
    """Return the condition that a row is after the cursor, from (key, descending, bind)."""
    if len({descending for _, descending, _ in keys}) == 1:
        left, right = tuple_(*[k for k, _, _ in keys]), tuple_(*[b for _, _, b in keys])
        return left < right if keys[0][1] else left > right
    (key, descending, bind), rest = keys[0], keys[1:]
    strictly_after, bound = (key < bind, key <= bind) if descending else (key > bind, key >= bind)
    return and_(bound, or_(strictly_after, _after(rest)))
