"""The equal document: what a REST read asks, written as GraphQL (`Accept: application/graphql`)."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from tradepost.kit.clock import to_rfc3339
from tradepost.kit.operations.operation import Operation
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.resource import EmbeddedValue, Resource, Result
from tradepost.kit.resource.selection import Field, Selection

from ..graphql_names import camel, sort_enum_value

PAGE_INFO = "pageInfo { hasNextPage endCursor }"


class GraphQLRoot(msgspec.Struct, frozen=True):
    """The root field of an operation: its name, and the arguments that find the row (by id, by another name)."""

    name: str
    key_arguments: tuple[str, ...]


def equivalent_document(
    root: GraphQLRoot, operation: Operation[Any, ..., Any], want: Selection[Any], window: ListQuery, key: str | None
) -> str:
    """The query whose Selection and Window are these."""
    args = [] if key is None else [f"{_key_argument(root, operation, key)}: {_value(key)}"]
    body = _fields(operation.result, want.field_set.fields, iter(want.list_queries))
    if operation.kind == "list":
        args += _arguments(operation.resource, window)
        body = _page(body, window)
    said = f"({', '.join(args)})" if args else ""
    return f"{{ {root.name}{said} {{ {body} }} }}\n"


def _key_argument(root: GraphQLRoot, operation: Operation[Any, ..., Any], key: str) -> str:
    return root.key_arguments[0] if operation.path_resource.parse_key(key)[0] == "id" else root.key_arguments[-1]


def _fields(names: Result[Any] | EmbeddedValue, fields: tuple[Field, ...], windows: Iterator[ListQuery]) -> str:
    said: list[str] = []
    for field in fields:
        alias = f"{field.alias}: " if field.alias else ""
        inner = names.nested(field.name)
        if inner is None:
            said.append(f"{alias}{camel(field.name)}")
            continue
        relation = names.relations.get(field.name)
        window = next(windows) if relation is not None and relation.is_to_many else None
        body = _fields(inner, field.subfields, windows)
        args = _arguments(inner, window) if window is not None and isinstance(inner, Resource) else []
        body = _page(body, window) if window is not None and relation is not None and relation.paged else body
        said.append(f"{alias}{camel(field.name)}{f'({", ".join(args)})' if args else ''} {{ {body} }}")
    return " ".join(said)


def _page(body: str, window: ListQuery) -> str:
    return f"nodes {{ {body} }} {PAGE_INFO}{' totalCount' if window.total else ''}"


def _arguments(of: Resource[Any], window: ListQuery) -> list[str]:
    given = [(n, getattr(window, n)) for n in ("first", "after", "last", "before")]
    args = [f"{name}: {_value(value)}" for name, value in given if value is not None]
    if window.filter:
        args.append(f"filter: {{{', '.join([f'{camel(n)}: {_filter(of, n, v)}' for n, v in window.filter])}}}")
    if window.sort:
        keys = [sort_enum_value(k.removeprefix("-"), k.startswith("-")) for k in window.sort]
        args.append(f"sort: [{', '.join(keys)}]")
    return args


def _filter(of: Resource[Any], name: str, value: Any) -> str:
    kind = of.filters[name].type
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value).name
    return _value(" ".join(value) if isinstance(value, tuple) else value)


def _value(value: Any) -> str:
    """A literal: JSON's texts, numbers and Booleans are GraphQL's."""
    return msgspec.json.encode(to_rfc3339(value) if isinstance(value, datetime) else value).decode()
