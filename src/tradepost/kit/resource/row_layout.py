"""Where the asked fields stand in a statement's rows: what a compiled plan tells the writer of records."""

from typing import Any

import msgspec

from ..schema.struct_fields import Member
from .resource import Relation


class Leaf(msgspec.Struct, frozen=True):
    """A member's value at one place of the row."""

    index: int
    member: Member


class Actions(msgspec.Struct, frozen=True):
    """What is open on a row: operation names, each with the place that says so (none where it is always open).

    `id` is the place of the row's id, `ones` those of the ids of its to-one relations: doors make links of them.
    """

    resource: Any
    id_index: int
    names: tuple[tuple[str, int | None], ...]
    to_one_indexes: tuple[tuple[str, int], ...]


class Embedded(msgspec.Struct, frozen=True):
    """An embedded value; absent where the place `null` is null."""

    null_index: int | None
    nodes: "tuple[Node, ...]"


class ValueList(msgspec.Struct, frozen=True):
    """A list of embedded values: at one place of the row stands a list, of rows of their own."""

    index: int
    nodes: "tuple[Node, ...]"


class ToOne(msgspec.Struct, frozen=True):
    """A joined to-one relation; absent where its id is null, also because the row is not visible."""

    null_index: int
    nodes: "tuple[Node, ...]"


class ToMany:
    """A to-many relation: the rows of another level under this row's id. Its level is known once that statement is written."""

    __slots__ = ("index", "level_index", "relation")

    def __init__(self, relation: Relation, at: int) -> None:
        self.relation, self.index, self.level_index = relation, at, 0


type Node = Leaf | Actions | Embedded | ValueList | ToOne | ToMany
