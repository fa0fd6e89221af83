"""Rows that are no more read but remembered: from what was kept of one to the row that a plan's writer takes."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from .nodes import Actions, Embedded, Leaf, Many, Node, One
from .plans import Plan
from .records import Kept
from .resource import ACTIONS
from .selection import Field


def reads_rows(plan: Plan, kept: Sequence[Kept]) -> bool:
    """Whether what was kept is not enough: a to-one relation is joined to the row itself, and a member may be new to this caller or to the shop."""
    names = [n.member.name for n in plan.top.nodes if isinstance(n, Leaf)]
    return any(isinstance(n, One) for n in plan.top.nodes) or any(n not in k.members for n in names for k in kept)


def remembered(plan: Plan, fields: tuple[Field, ...], kept: Kept, present: Sequence[Any] | None) -> list[Any]:
    """A row of the plan's top level: what was kept in its places, and for the rest what the row holds now, if there still is one."""
    row: list[Any] = [None] * len(plan.top.columns) if present is None else list(present)
    identify: Callable[[str], Any] = str if plan.dialect == "sqlite" else UUID
    row[plan.id or 0] = identify(kept.id)
    for node, field in zip(plan.top.nodes, fields, strict=True):
        _fill(row, node, field.name, kept, identify)
    return row


def _fill(row: list[Any], node: Node, name: str, kept: Kept, identify: Callable[[str], Any]) -> None:
    """Puts one member into its places."""
    said: Any = kept.members.get(ACTIONS if isinstance(node, Actions) else name)
    match node:
        case Leaf() | Embedded() if name not in kept.members:
            pass
        case Leaf():
            row[node.at] = identify(said) if node.member.kind == "id" and said is not None else said
        case Embedded():
            if node.null is not None:
                row[node.null] = said and next(iter(said.values()))
            for inner in node.nodes:
                assert isinstance(inner, Leaf)
                row[inner.at] = said and said[inner.member.name]
        case Actions():
            row[node.id] = identify(kept.id)
            for action, at in node.names:
                if at is not None:
                    row[at] = action in said["open"]
            for relation, at in node.ones:
                row[at] = said["ones"].get(relation) and identify(said["ones"][relation])
        case Many():
            row[node.at] = identify(kept.id)
        case One():
            pass
