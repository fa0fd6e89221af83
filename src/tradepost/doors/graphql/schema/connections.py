"""What lists need: connections by Relay's rules, and the arguments that say which stretch of them."""

from enum import Enum
from typing import Any

import strawberry
from msgspec.inspect import type_info
from strawberry.tools import create_type
from strawberry.types.arguments import StrawberryArgument

from tradepost.kit.resource.resource import Resource
from tradepost.kit.schema.struct_fields import member

from ...graphql_names import sort_enum_value
from .object_types import ObjectTypes
from .strawberry_fields import argument, field, nullable

CONNECTION_ARGUMENTS = ("first", "after", "last", "before", "filter", "sort")
LIST_ARGUMENTS = ("first", "filter", "sort")

DOCS = {
    "first": "How many from the start: 1 to 100, by default 20.",
    "last": "How many from the end: 1 to 100.",
    "after": "The cursor behind which the page begins.",
    "before": "The cursor before which the page ends.",
    "filter": "Which rows: all given conditions hold.",
    "sort": "In which order; the id is always the last key.",
}


class ConnectionTypes:
    """Connections, filters and sort keys over some shapes."""

    def __init__(self, shapes: ObjectTypes) -> None:
        self.shapes, self.made = shapes, shapes.types

    def connection_type(self, of: Resource[Any]) -> Any:
        """`ProductConnection` (Relay's connections), with `nodes` besides `edges`."""
        name = f"{of.name}Connection"
        if name not in self.made:
            node = self.made[of.name]
            edge = create_type(
                f"{of.name}Edge",
                [field("node", node), field("cursor", str)],
                description=f"A {of.label} in a list, and its cursor.",
            )
            parts = [field("edges", list[edge]), field("nodes", list[node]), field("page_info", self.page_info())]
            total = field(
                "total_count", int, "How many there are in all pages. Ask for it only where you show it: it is counted."
            )
            self.made[name] = create_type(name, [*parts, total], description=f"A page of a list of this: {of.label}.")
        return self.made[name]

    def page_info(self) -> Any:
        """Relay's page info."""
        if "PageInfo" not in self.made:
            flags = [field("has_next_page", bool), field("has_previous_page", bool)]
            cursors = [field("start_cursor", nullable(str)), field("end_cursor", nullable(str))]
            self.made["PageInfo"] = create_type(
                "PageInfo", [*flags, *cursors], description="Where a page stands in its list."
            )
        return self.made["PageInfo"]

    def list_arguments(self, of: Resource[Any], names: tuple[str, ...]) -> list[StrawberryArgument]:
        """The arguments of a list."""
        kinds: dict[str, Any] = {"first": int, "last": int, "after": str, "before": str}
        if of.filters:
            kinds["filter"] = self.filter(of)
        if of.sorts:
            kinds["sort"] = list[self.sort(of)]
        docs = DOCS if "after" in names else DOCS | {"first": "How many from the start: 1 to 100, by default all."}
        return [argument(n, nullable(kinds[n]), docs[n]) for n in names if n in kinds]

    def filter(self, of: Resource[Any]) -> Any:
        """`ProductFilter`."""
        name = f"{of.name}Filter"
        if name not in self.made:
            fields = [
                field(n, nullable(self.shapes.scalar_type(member(n, type_info(f.type)))), f.doc, optional=True)
                for n, f in of.filters.items()
            ]
            self.made[name] = create_type(
                name, fields, is_input=True, description=f"Conditions on a list of this: {of.label}."
            )
        return self.made[name]

    def sort(self, of: Resource[Any]) -> Any:
        """`ProductSort`: every sort key in both directions; the values are the keys as the window spells them."""
        name = f"{of.name}Sort"
        if name not in self.made:
            keys = {sort_enum_value(n, down): f"-{n}" if down else n for n in of.sorts for down in (False, True)}
            kind: Any = Enum(name, keys)
            self.made[name] = strawberry.enum(kind, description=f"Sort keys of a list of this: {of.label}.")
        return self.made[name]
