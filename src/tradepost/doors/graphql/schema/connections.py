"""Relay connections, and the arguments, filters and sort keys of lists."""

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

ARGUMENT_DESCRIPTIONS = {
    "first": "The number of items to return from the start: 1 to 100, 20 by default.",
    "last": "The number of items to return from the end: 1 to 100.",
    "after": "Return the items that come after this cursor.",
    "before": "Return the items that come before this cursor.",
    "filter": "Return only the items that meet all of these conditions.",
    "sort": "The order of the items. Ties are ordered by id.",
}
UNPAGED_DESCRIPTIONS = ARGUMENT_DESCRIPTIONS | {
    "first": "The number of items to return from the start: 1 to 100, all items by default."
}
UNCOUNTABLE = frozenset({"media"})
ACRONYMS = {"api": "API"}


class ConnectionTypes:
    """The connection, filter and sort types of resources, created over their object types."""

    def __init__(self, object_types: ObjectTypes) -> None:
        self.object_types, self.types = object_types, object_types.types

    def connection_type(self, resource: Resource[Any]) -> Any:
        """Return a Relay connection such as `ProductConnection`, with `nodes` beside `edges`."""
        name = f"{resource.name}Connection"
        if name not in self.types:
            node_type = self.types[resource.name]
            edge_type = create_type(
                f"{resource.name}Edge",
                [field("node", node_type), field("cursor", str)],
                description="An edge in a connection.",
            )
            fields = [
                field("edges", list[edge_type]),
                field("nodes", list[node_type]),
                field("page_info", self.page_info_type()),
                field(
                    "total_count",
                    int,
                    "The total number of items in the connection. "
                    "Select it only if you need it, because the items are counted.",
                ),
            ]
            self.types[name] = create_type(name, fields, description=f"A page of {plural(resource.label)}.")
        return self.types[name]

    def page_info_type(self) -> Any:
        """Return Relay's `PageInfo`."""
        if "PageInfo" not in self.types:
            fields = [
                field("has_next_page", bool),
                field("has_previous_page", bool),
                field("start_cursor", nullable(str)),
                field("end_cursor", nullable(str)),
            ]
            self.types["PageInfo"] = create_type(
                "PageInfo", fields, description="Information about pagination in a connection."
            )
        return self.types["PageInfo"]

    def list_arguments(self, resource: Resource[Any], names: tuple[str, ...]) -> list[StrawberryArgument]:
        """Return the arguments of a list."""
        types: dict[str, Any] = {"first": int, "last": int, "after": str, "before": str}
        if resource.filters:
            types["filter"] = self.filter_type(resource)
        if resource.sorts:
            types["sort"] = list[self.sort_type(resource)]
        descriptions = ARGUMENT_DESCRIPTIONS if "after" in names else UNPAGED_DESCRIPTIONS
        return [argument(n, nullable(types[n]), descriptions[n]) for n in names if n in types]

    def filter_type(self, resource: Resource[Any]) -> Any:
        """Return an input type such as `ProductFilter`."""
        name = f"{resource.name}Filter"
        if name not in self.types:
            fields = [
                field(n, nullable(self.object_types.scalar_type(member(n, type_info(f.type)))), f.doc, optional=True)
                for n, f in resource.filters.items()
            ]
            self.types[name] = create_type(
                name, fields, is_input=True, description=f"Filtering options for {plural(resource.label)}."
            )
        return self.types[name]

    def sort_type(self, resource: Resource[Any]) -> Any:
        """Return an enum such as `ProductSort`: each sort key in both directions.

        The Python values are the keys as `parse_list_query` expects them.
        """
        name = f"{resource.name}Sort"
        if name not in self.types:
            values = {
                sort_enum_value(key, descending): f"-{key}" if descending else key
                for key in resource.sorts
                for descending in (False, True)
            }
            enum: Any = Enum(name, values)
            self.types[name] = strawberry.enum(enum, description=f"Sorting options for {plural(resource.label)}.")
        return self.types[name]


def plural(label: str) -> str:
    """Return the plural of a resource's label: `addresses` for `address`."""
    label = " ".join([ACRONYMS.get(word, word) for word in label.split()])
    if label in UNCOUNTABLE:
        return label
    if label.endswith("y") and label[-2] not in "aeiou":
        return f"{label[:-1]}ies"
    return f"{label}es" if label.endswith(("s", "x", "z", "ch", "sh")) else f"{label}s"
