"""Builds a Record from a plain Struct, with the renderer that table rows have."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any

import msgspec

from ..clock import to_rfc3339
from ..resource.resource import EmbeddedValue, Result
from ..resource.row_layout import Embedded, Leaf, Node, ValueList
from ..resource.selection import Field, FieldSet, Selection
from ..schema.struct_fields import Member
from .plan import Level, Plan
from .records import Record

type Getter = Callable[[Any], Any]


def value_record[S: msgspec.Struct](result: Result[S], value: S, selection: Selection[S]) -> Record[S]:
    """Return a record of the value's selected members."""
    field_set: FieldSet = selection.field_set
    builder: ValueRowBuilder | None = field_set.memo.get(result)
    if builder is None:
        builder = field_set.memoize(result, ValueRowBuilder(result, field_set.fields))
    return Record(builder.plan.record_builder(field_set)([get(value) for get in builder.getters], []))


class ValueRowBuilder:
    """Lays out the selected members of a Struct as a row.

    getters: one for each column of the row.
    plan: a plan without statements that holds the row's layout.
    """

    def __init__(self, result: Result[Any], fields: tuple[Field, ...]) -> None:
        self.getters: list[Getter] = []
        level = Level(0, result, None)
        level.nodes = tuple([self._node(result.members[f.name], f, f.name) for f in fields])
        self.plan = Plan([level], "", id_index=0)

    def _node(self, member: EmbeddedValue | Member, field: Field, path: str) -> Node:
        get = attrgetter(path)
        if not isinstance(member, EmbeddedValue):
            return Leaf(self._add(lambda value: _to_column(get(value))), member)
        if member.is_list:
            item_getters = [attrgetter(f.name) for f in field.subfields]

            def rows(value: Any) -> list[list[Any]] | None:
                items = get(value)
                return None if items is None else [[_to_column(g(item)) for g in item_getters] for item in items]

            leaves = [Leaf(i, member.members[f.name]) for i, f in enumerate(field.subfields)]
            return ValueList(self._add(rows), tuple(leaves))
        null_index = self._add(get) if member.null else None
        leaves = [Leaf(self._add(_nested_getter(path, f.name)), member.members[f.name]) for f in field.subfields]
        return Embedded(null_index, tuple(leaves))

    def _add(self, getter: Getter) -> int:
        """Add a column to the row and return its index."""
        self.getters.append(getter)
        return len(self.getters) - 1


def _nested_getter(path: str, name: str) -> Getter:
    """Return the getter of a member of an embedded value, which may be None."""
    outer, inner = attrgetter(path), attrgetter(name)
    return lambda value: None if (embedded := outer(value)) is None else _to_column(inner(embedded))


def _to_column(value: Any) -> Any:
    """Return a value as a column of a row has it; times as on the wire."""
    if isinstance(value, datetime):
        return to_rfc3339(value)
    return value.value if isinstance(value, Enum) else value
