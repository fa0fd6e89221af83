"""How a door wants a selection written: a tree of members over the positions of the selection's fields.

None of it is seen by `==` of Selections, and none of it decides SQL. It is settled when the writer is made, never per row.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from .row_layout import Actions

type PartKind = Literal[
    "nodes",
    "edges",
    "node",
    "cursor",
    "page_info",
    "total",
    "has_more",
    "next_cursor",
    "hasNextPage",
    "hasPreviousPage",
    "startCursor",
    "endCursor",
]


class Constant(msgspec.Struct, frozen=True):
    """A member with a fixed value (`__typename`)."""

    key: str
    value: str


class FieldMember(msgspec.Struct, frozen=True):
    """The selection's field at a position, under a key. `inner` renders an object, `parts` a page."""

    key: str
    index: int
    members: "tuple[ObjectMember, ...] | None" = None
    parts: "tuple[PageMember, ...] | None" = None


class PagePart(msgspec.Struct, frozen=True):
    """A member of a page. `inner` renders what stands in it: objects below `nodes` and `node`, members of an edge or of the page info."""

    key: str
    kind: PartKind
    members: tuple[Any, ...] | None = None


type ObjectMember = Constant | FieldMember
type PageMember = Constant | PagePart


class Rendering(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """`members` of the top object, or `parts` of the top page; without either, the fields by their own names and aliases.

    enum_names: enums by name (GraphQL) instead of by value.    plain: free JSON as builtins instead of ready text.
    actions: makes the function that turns a row into the value of `available_actions`; without it, a list of names.
    """

    members: tuple[ObjectMember, ...] | None = None
    parts: tuple[PageMember, ...] | None = None
    enum_names: bool = False
    decode_json: bool = False
    actions_key: str = "available_actions"
    actions: Callable[[Actions], Callable[[Any], Any]] | None = None
