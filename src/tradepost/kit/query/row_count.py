"""Counts the related rows of an answer: the net price of a read depends on them."""

from collections.abc import Sequence
from typing import Any

from .plan import Plan
from .records import EMPTY_SLICE, RowsByParent


def count_related_rows(plan: Plan, rows: Sequence[Any], groups: Sequence[Any]) -> int:
    """Count the rows of all relations. A category that 20 products share counts 20 times.

    rows: those of the top level.
    groups: a RowsByParent for each further level, from index 1.
    """
    levels = plan.levels
    count = _count_joined(levels[0].to_one_indexes, rows)
    if len(levels) == 1:
        return count
    rows_by_level: list[Sequence[Any]] = [rows]
    for level, group in zip(levels[1:], groups[1:], strict=True):
        children = _children(group, rows_by_level[level.parent_level], level.parent_id_index)
        rows_by_level.append(children)
        count += len(children) + _count_joined(level.to_one_indexes, children)
    return count


def _count_joined(indexes: Sequence[int], rows: Sequence[Any]) -> int:
    """Count the joined rows: subtracts the NULLs, since there are usually fewer of them."""
    return len(rows) * len(indexes) - sum([1 for i in indexes for row in rows if row[i] is None]) if indexes else 0


def _children(group: RowsByParent, parents: Sequence[Any], id_index: int) -> Sequence[Any]:
    pages = group.pages
    return [row for parent in parents for row in pages.get(parent[id_index], EMPTY_SLICE).rows]
