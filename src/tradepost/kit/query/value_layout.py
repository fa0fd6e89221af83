"""Lays out the selected members of a value as the columns of a row.

A value is a Struct, or an object of JSON with the value's members as they are on the wire.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from ..clock import to_rfc3339
from ..db.column_types import decode_json
from ..resource.resource import EmbeddedValue
from ..resource.row_layout import Embedded, Leaf, Node, ValueList
from ..resource.selection import Field
from ..schema.struct_fields import Member

type Getter = Callable[[Any], Any]


class ValueSource(NamedTuple):
    """How the members of a value are read.

    getter: returns the function that reads the member with a name.
    to_column: converts the value of a leaf to what a column of a row holds.
    """

    getter: Callable[[str], Getter]
    to_column: Callable[[Any, Member], Any]


class ValueLayout:
    """The selected members of a value.

    getters: one for each column of the row.
    nodes: where each member is in the row.
    """

    def __init__(
        self, members: Mapping[str, EmbeddedValue | Member], fields: tuple[Field, ...], source: ValueSource
    ) -> None:
        self.getters: list[Getter] = []
        self.source = source
        self.nodes = tuple([self._node(members[f.name], f, source.getter(f.name)) for f in fields])

    def row(self, value: Any) -> list[Any]:
        """Return the row of a value."""
        return [get(value) for get in self.getters]

    def rows(self, values: Any) -> list[list[Any]]:
        """Return the rows of several values."""
        return [self.row(value) for value in values]

    def rows_of_json(self, column: Any) -> list[list[Any]]:
        """Return the rows of the values in a JSON column, whether or not it is decoded already."""
        return self.rows(decode_json(column))

    def _node(self, member: EmbeddedValue | Member, field: Field, get: Getter) -> Node:
        if not isinstance(member, EmbeddedValue):
            return Leaf(self._add(self._leaf_getter(member, get)), member)
        if member.is_list:
            items = ValueLayout(member.members, field.subfields, self.source)
            return ValueList(self._add(_unless_null(get, items.rows)), items.nodes)
        null_index = self._add(get) if member.null else None
        nodes = [
            self._node(member.members[f.name], f, _unless_null(get, self.source.getter(f.name)))
            for f in field.subfields
        ]
        return Embedded(null_index, tuple(nodes))

    def _leaf_getter(self, member: Member, get: Getter) -> Getter:
        to_column = self.source.to_column
        return lambda value: to_column(get(value), member)

    def _add(self, getter: Getter) -> int:
        """Add a column to the row and return its index."""
        self.getters.append(getter)
        return len(self.getters) - 1


def _unless_null(outer: Getter, inner: Getter) -> Getter:
    """Return the getter of something inside a value, which is None if the value is None."""
    return lambda value: None if (embedded := outer(value)) is None else inner(embedded)


def _member_of_object(name: str) -> Getter:
    """Return the getter of a member of a JSON object. A member that was added later is null."""
    return lambda value: value.get(name)


def _struct_to_column(value: Any, member: Member) -> Any:
    """Return the value of a leaf; times as on the wire."""
    if isinstance(value, datetime):
        return to_rfc3339(value)
    return value.value if isinstance(value, Enum) else _json_to_column(value, member)


def _json_to_column(value: Any, member: Member) -> Any:
    """Return the value of a leaf; a text as JSON if the leaf is free JSON, as columns of it are."""
    return msgspec.Raw(msgspec.json.encode(value)) if member.kind == "json" and isinstance(value, str) else value


STRUCT = ValueSource(attrgetter, _struct_to_column)
JSON = ValueSource(_member_of_object, _json_to_column)
