"""How many rows an answer holds below its top ones: the net price of a read is by these."""

from collections.abc import Sequence
from typing import Any

from .plan import Plan
from .records import EMPTY_SLICE, RowsByParent


def count_related_rows(plan: Plan, rows: Sequence[Any], groups: Sequence[Any]) -> int:
    """The rows of all relations, each as often as it stands in the answer: a category that twenty products share is twenty rows.

    `rows` are those of the top level, `groups` those of the levels by parent (the first of them is not looked at).
    """
    levels = plan.levels
    found = _joined(levels[0].to_one_indexes, rows)
    if len(levels) == 1:
        return found
    shown: list[Sequence[Any]] = [rows]
    for level, group in zip(levels[1:], groups[1:], strict=True):
        below = _under(group, shown[level.parent_level], level.parent_index)
        shown.append(below)
        found += len(below) + _joined(level.to_one_indexes, below)
    return found


def _joined(places: Sequence[int], rows: Sequence[Any]) -> int:
    """The to-one rows that came with these. Those that did not are counted, because they are fewer."""
    return len(rows) * len(places) - sum([1 for at in places for row in rows if row[at] is None]) if places else 0


def _under(group: RowsByParent, parents: Sequence[Any], at: int) -> Sequence[Any]:
    pages = group.pages
    return [row for parent in parents for row in pages.get(parent[at], EMPTY_SLICE).rows]
