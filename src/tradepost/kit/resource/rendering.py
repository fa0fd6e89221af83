"""How a door renders a selection: a tree of members that refer to its fields by index.

A rendering takes no part in comparing Selections and does not affect SQL. It is compiled into
the record builder once, so it costs nothing per row.
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
    """The selected field at an index, under a key. `members` render an object, `parts` a page."""

    key: str
    index: int
    members: "tuple[ObjectMember, ...] | None" = None
    parts: "tuple[PageMember, ...] | None" = None


class PagePart(msgspec.Struct, frozen=True):
    """A member of a page.

    members: for `nodes` and `node` those of the object, for `edges` those of an edge, for
        `page_info` those of the page info.
    """

    key: str
    kind: PartKind
    members: tuple[Any, ...] | None = None


type ObjectMember = Constant | FieldMember
type PageMember = Constant | PagePart


class Rendering(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The `members` of the top object or the `parts` of the top page.

    Without either, each field is rendered under its alias or name.

    enum_names: render enums by name (GraphQL) instead of by value.
    decode_json: render free JSON as Python objects instead of encoded text.
    actions: makes the function that renders `available_actions` from a row; without it the
        member is a list of names.
    """

    members: tuple[ObjectMember, ...] | None = None
    parts: tuple[PageMember, ...] | None = None
    enum_names: bool = False
    decode_json: bool = False
    actions_key: str = "available_actions"
    actions: Callable[[Actions], Callable[[Any], Any]] | None = None
