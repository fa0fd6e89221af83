"""Rows that are no more read but remembered: from what was kept of one to the row that a plan's writer takes.

Scalars are those of then. A to-one relation leads where it led then, to the row as it is now; to-many relations are read anew altogether.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ..resource.resource import ACTIONS, Relation, Resource
from ..resource.row_layout import Actions, Embedded, Leaf, Many, Node, One, Several
from ..resource.selection import Field
from .plan import Plan
from .records import Kept


def knows_all(plan: Plan, kept: Sequence[Kept]) -> bool:
    """Whether all asked members were kept: one may be new to this caller, or to the shop."""
    names = [n.member.name for n in plan.top.nodes if isinstance(n, Leaf)]
    return all(n in k.members for n in names for k in kept)


def remembered(plan: Plan, fields: tuple[Field, ...], kept: Kept, present: Sequence[Any] | None) -> list[Any]:
    """A row of the plan's top level: what was kept in its places, and for the rest what the row holds now, if there still is one."""
    row: list[Any] = [None] * len(plan.top.columns) if present is None else list(present)
    row[plan.id or 0] = kept.id
    for node, field in zip(plan.top.nodes, fields, strict=True):
        _fill(row, node, field.name, kept)
    return row


def _fill(row: list[Any], node: Node, name: str, kept: Kept) -> None:
    """Puts one member into its places."""
    said: Any = kept.members.get(ACTIONS if isinstance(node, Actions) else name)
    match node:
        case Leaf() | Embedded() if name not in kept.members:
            pass
        case Leaf():
            row[node.at] = said
        case Embedded():
            if node.null is not None:
                row[node.null] = said and next(iter(said.values()))
            for inner in node.nodes:
                assert isinstance(inner, Leaf)
                row[inner.at] = said and said[inner.member.name]
        case Actions():
            row[node.id] = kept.id
            for action, at in node.names:
                if at is not None:
                    row[at] = action in said["open"]
            for relation, at in node.ones:
                row[at] = said["ones"].get(relation)
        case Many():
            row[node.at] = kept.id
        case Several():
            row[node.at] = said and [[one[n.member.name] for n in node.nodes if isinstance(n, Leaf)] for one in said]
        case One():
            row[node.null] = None


def led_to(kept: Kept, relation: str) -> str | None:
    """The id of the row that a to-one relation led to."""
    return kept.members[ACTIONS]["ones"].get(relation)


def ones(of: Resource[Any], plan: Plan, fields: tuple[Field, ...]) -> Iterator[tuple[Relation, One, tuple[Field, ...]]]:
    """The asked to-one relations, with the fields that are asked of each without what is to-many below them: that is read with the other levels."""
    for node, field in zip(plan.top.nodes, fields, strict=True):
        if isinstance(node, One):
            relation = of.relations[field.name]
            yield relation, node, _without_many(relation.target, field.inner)


def _without_many(of: Resource[Any], fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple([Field(f.name, None, _without_many(of.relations[f.name].target, f.inner) if f.name in of.relations else f.inner)
                  for f in fields if not of.many(f.name)])  # fmt: skip


def put(row: list[Any], node: One, plan: Plan, found: Sequence[Any]) -> None:
    """Puts a row of the other table, read by a plan of its own, where it would stand had it been joined."""
    row[node.null] = found[plan.id or 0]
    for at, there in zip(_places(node.nodes), _places(plan.top.nodes), strict=True):
        row[at] = found[there]


def _places(nodes: Sequence[Node]) -> Iterator[int]:
    """All places of some nodes, in order; a to-many relation has none of its own."""
    for node in nodes:
        match node:
            case Leaf() | Several():
                yield node.at
            case Embedded() | One():
                if node.null is not None:
                    yield node.null
                yield from _places(node.nodes)
            case Actions():
                yield from (node.id, *[at for _, at in node.names if at is not None], *[at for _, at in node.ones])
            case Many():
                pass
