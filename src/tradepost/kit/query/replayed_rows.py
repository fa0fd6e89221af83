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


def has_all_members(plan: Plan, fields: tuple[Field, ...], stored: Sequence[StoredRecord]) -> bool:
    """Whether all selected members were stored: one may be new, or was not readable then."""
    is_stored = (Leaf, Embedded, ValueList)
    names = [f.name for n, f in zip(plan.top.nodes, fields, strict=True) if isinstance(n, is_stored)]
    return all(n in s.members for n in names for s in stored)


def rebuild_row(
    plan: Plan, fields: tuple[Field, ...], stored: StoredRecord, present: Sequence[Any] | None
) -> list[Any]:
    """Return a top row of the plan: the stored values, else those of the present row, if any."""
    row: list[Any] = [None] * len(plan.top.columns) if present is None else list(present)
    row[plan.id_index or 0] = stored.id
    for node, field in zip(plan.top.nodes, fields, strict=True):
        _fill(row, node, field, stored)
    return row


def _fill(row: list[Any], node: Node, field: Field, stored: StoredRecord) -> None:
    """Write one stored member into its columns."""
    match node:
        case Leaf() | Embedded() | ValueList():
            if field.name in stored.members:
                _fill_value(row, node, field, stored.members[field.name])
        case Actions():
            actions: Any = stored.members.get(ACTIONS)
            row[node.id_index] = stored.id
            for action, index in node.names:
                if index is not None:
                    row[index] = action in actions["open"]
            for relation, index in node.to_one_indexes:
                row[index] = actions["ones"].get(relation)
        case ToMany():
            row[node.index] = stored.id
        case ToOne():
            row[node.null_index] = None


def _fill_value(row: list[Any], node: Node, field: Field, value: Any) -> None:
    """Write a member, or a value's member. The columns below a value that is null stay."""
    if not isinstance(node, Embedded):
        assert isinstance(node, Leaf | ValueList)
        row[node.index] = value
        return
    if node.null_index is not None:
        # Any value but null; if the column is selected too, its leaf overwrites it.
        row[node.null_index] = None if value is None else True
    if value is not None:
        for inner, subfield in zip(node.nodes, field.subfields, strict=True):
            _fill_value(row, inner, subfield, value.get(subfield.name))


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
