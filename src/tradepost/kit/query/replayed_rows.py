"""Rows that are no more read but remembered: from what was kept of one to the row that a plan's writer takes.

Scalars are those of then. A to-one relation leads where it led then, to the row as it is now; to-many relations are read anew altogether.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ..resource.resource import ACTIONS, Relation, Resource
from ..resource.row_layout import Actions, Embedded, Leaf, Node, ToMany, ToOne, ValueList
from ..resource.selection import Field
from .plan import Plan
from .records import StoredRecord


def has_all_members(plan: Plan, kept: Sequence[StoredRecord]) -> bool:
    """Whether all asked members were kept: one may be new to this caller, or to the shop."""
    names = [n.member.name for n in plan.top.nodes if isinstance(n, Leaf)]
    return all(n in k.members for n in names for k in kept)


def rebuild_row(plan: Plan, fields: tuple[Field, ...], kept: StoredRecord, present: Sequence[Any] | None) -> list[Any]:
    """A row of the plan's top level: what was kept in its places, and for the rest what the row holds now, if there still is one."""
    row: list[Any] = [None] * len(plan.top.columns) if present is None else list(present)
    row[plan.id_index or 0] = kept.id
    for node, field in zip(plan.top.nodes, fields, strict=True):
        _fill(row, node, field.name, kept)
    return row


def _fill(row: list[Any], node: Node, name: str, kept: StoredRecord) -> None:
    """Puts one member into its places."""
    said: Any = kept.members.get(ACTIONS if isinstance(node, Actions) else name)
    match node:
        case Leaf() | Embedded() if name not in kept.members:
            pass
        case Leaf():
            row[node.index] = said
        case Embedded():
            if node.null_index is not None:
                row[node.null_index] = said and next(iter(said.values()))
            for inner in node.nodes:
                assert isinstance(inner, Leaf)
                row[inner.index] = said and said[inner.member.name]
        case Actions():
            row[node.id_index] = kept.id
            for action, at in node.names:
                if at is not None:
                    row[at] = action in said["open"]
            for relation, at in node.to_one_indexes:
                row[at] = said["ones"].get(relation)
        case ToMany():
            row[node.index] = kept.id
        case ValueList():
            row[node.index] = said and [[one[n.member.name] for n in node.nodes if isinstance(n, Leaf)] for one in said]
        case ToOne():
            row[node.null_index] = None


def target_id(kept: StoredRecord, relation: str) -> str | None:
    """The id of the row that a to-one relation led to."""
    return kept.members[ACTIONS]["ones"].get(relation)


def to_one_relations(
    of: Resource[Any], plan: Plan, fields: tuple[Field, ...]
) -> Iterator[tuple[Relation, ToOne, tuple[Field, ...]]]:
    """The asked to-one relations, with the fields that are asked of each without what is to-many below them: that is read with the other levels."""
    for node, field in zip(plan.top.nodes, fields, strict=True):
        if isinstance(node, ToOne):
            relation = of.relations[field.name]
            yield relation, node, _without_many(relation.target, field.subfields)


def _without_many(of: Resource[Any], fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple([Field(f.name, None, _without_many(of.relations[f.name].target, f.subfields) if f.name in of.relations else f.subfields)
                  for f in fields if not of.is_to_many(f.name)])  # fmt: skip


def place_joined_row(row: list[Any], node: ToOne, plan: Plan, found: Sequence[Any]) -> None:
    """Puts a row of the other table, read by a plan of its own, where it would stand had it been joined."""
    row[node.null_index] = found[plan.id_index or 0]
    for at, there in zip(_places(node.nodes), _places(plan.top.nodes), strict=True):
        row[at] = found[there]


def _places(nodes: Sequence[Node]) -> Iterator[int]:
    """All places of some nodes, in order; a to-many relation has none of its own."""
    for node in nodes:
        match node:
            case Leaf() | ValueList():
                yield node.index
            case Embedded() | ToOne():
                if node.null_index is not None:
                    yield node.null_index
                yield from _places(node.nodes)
            case Actions():
                yield from (
                    node.id_index,
                    *[at for _, at in node.names if at is not None],
                    *[at for _, at in node.to_one_indexes],
                )
            case ToMany():
                pass
