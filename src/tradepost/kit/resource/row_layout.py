"""Where the selected fields are in the rows of a statement.

The plan compiler writes the layout, the record compiler reads it. Every `index` is that of a
column in the row.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ..schema.struct_fields import Member
from .resource import Relation


class Leaf(msgspec.Struct, frozen=True):
    """The value of one member."""

    index: int
    member: Member


class Actions(msgspec.Struct, frozen=True):
    """The operations open on a row.

    names: the operations, each with the index of the column that tells whether it is open; None
        if it is always open.
    id_index, to_one_indexes: the row's id and the ids of its to-one relations, to make links.
    permissions: those of the caller, who gets no link to a relation that needs others.
    """

    resource: Any
    id_index: int
    names: tuple[tuple[str, int | None], ...]
    to_one_indexes: tuple[tuple[str, int], ...]
    permissions: frozenset[str] = frozenset()


class Embedded(msgspec.Struct, frozen=True):
    """An embedded value; null if the column at `null_index` is null."""

    null_index: int | None
    nodes: "tuple[Node, ...]"


class ValueList(msgspec.Struct, frozen=True):
    """A list of embedded values: the column holds a list of rows, and `nodes` are about those.

    rows: makes the list of rows from the column, if it holds JSON.
    """

    index: int
    nodes: "tuple[Node, ...]"
    rows: Callable[[Any], list[list[Any]]] | None = None


class ToOne(msgspec.Struct, frozen=True):
    """A joined to-one relation; null if its id is null, because it is unset or not visible."""

    null_index: int
    nodes: "tuple[Node, ...]"


class ToMany:
    """A to-many relation: the rows of another level whose parent is the id at `index`.

    `level_index` is set when the statement of that level is compiled.
    """

    __slots__ = ("index", "level_index", "relation")

    def __init__(self, relation: Relation, index: int) -> None:
        self.relation, self.index, self.level_index = relation, index, 0


type Node = Leaf | Actions | Embedded | ValueList | ToOne | ToMany
