"""Rebuilds a plan's rows from a stored idempotency outcome.

Scalars have the stored values. A to-one relation leads to the row it led to then, in its present
state; to-many relations are read again.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from ..resource.resource import ACTIONS, Relation, Resource
from ..resource.row_layout import Actions, Embedded, Leaf, Node, ToMany, ToOne, ValueList
from ..resource.selection import Field
from .plan import Plan
from .records import StoredRecord


def has_all_members(plan: Plan, stored: Sequence[StoredRecord]) -> bool:
    """Whether all selected members were stored: one may be new, or was not readable then."""
    names = [n.member.name for n in plan.top.nodes if isinstance(n, Leaf)]
    return all(n in s.members for n in names for s in stored)


def rebuild_row(
    plan: Plan, fields: tuple[Field, ...], stored: StoredRecord, present: Sequence[Any] | None
) -> list[Any]:
    """Return a top row of the plan: the stored values, else those of the present row, if any."""
    row: list[Any] = [None] * len(plan.top.columns) if present is None else list(present)
    row[plan.id_index or 0] = stored.id
    for node, field in zip(plan.top.nodes, fields, strict=True):
        _fill(row, node, field.name, stored)
    return row


def _fill(row: list[Any], node: Node, name: str, stored: StoredRecord) -> None:
    """Write one stored member into its columns."""
    value: Any = stored.members.get(ACTIONS if isinstance(node, Actions) else name)
    match node:
        case Leaf() | Embedded() if name not in stored.members:
            pass
        case Leaf():
            row[node.index] = value
        case Embedded():
            if node.null_index is not None:
                row[node.null_index] = value and next(iter(value.values()))
            for leaf in node.nodes:
                assert isinstance(leaf, Leaf)
                row[leaf.index] = value and value[leaf.member.name]
        case Actions():
            row[node.id_index] = stored.id
            for action, index in node.names:
                if index is not None:
                    row[index] = action in value["open"]
            for relation, index in node.to_one_indexes:
                row[index] = value["ones"].get(relation)
        case ToMany():
            row[node.index] = stored.id
        case ValueList():
            names = [n.member.name for n in node.nodes if isinstance(n, Leaf)]
            row[node.index] = value and [[item[n] for n in names] for item in value]
        case ToOne():
            row[node.null_index] = None


def target_id(stored: StoredRecord, relation: str) -> str | None:
    """Return the id of the row that a to-one relation led to."""
    return stored.members[ACTIONS]["ones"].get(relation)


def to_one_relations(
    resource: Resource[Any], plan: Plan, fields: tuple[Field, ...]
) -> Iterator[tuple[Relation, ToOne, tuple[Field, ...]]]:
    """Yield the selected to-one relations, with the fields of each.

    To-many relations below them are left out: they are read with the other levels.
    """
    for node, field in zip(plan.top.nodes, fields, strict=True):
        if isinstance(node, ToOne):
            relation = resource.relations[field.name]
            yield relation, node, _without_to_many(relation.target, field.subfields)


def _without_to_many(resource: Resource[Any], fields: tuple[Field, ...]) -> tuple[Field, ...]:
    kept: list[Field] = []
    for field in fields:
        relation = resource.relations.get(field.name)
        if relation is None:
            kept.append(Field(field.name, None, field.subfields))
        elif not relation.is_to_many:
            kept.append(Field(field.name, None, _without_to_many(relation.target, field.subfields)))
    return tuple(kept)


def place_joined_row(row: list[Any], node: ToOne, plan: Plan, target: Sequence[Any]) -> None:
    """Copy a row of the other table, read by a plan of its own, to the columns of the join."""
    row[node.null_index] = target[plan.id_index or 0]
    for index, target_index in zip(_indexes(node.nodes), _indexes(plan.top.nodes), strict=True):
        row[index] = target[target_index]


def _indexes(nodes: Sequence[Node]) -> Iterator[int]:
    """Yield the column indexes of some nodes, in order. A to-many relation has none of its own."""
    for node in nodes:
        match node:
            case Leaf() | ValueList():
                yield node.index
            case Embedded() | ToOne():
                if node.null_index is not None:
                    yield node.null_index
                yield from _indexes(node.nodes)
            case Actions():
                yield node.id_index
                yield from [index for _, index in node.names if index is not None]
                yield from [index for _, index in node.to_one_indexes]
            case ToMany():
                pass
