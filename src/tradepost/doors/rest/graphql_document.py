"""GraphQL documents equivalent to REST reads, returned for `Accept: application/graphql`."""

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
    """The root field of an operation: its name, and the arguments that find a row.

    The first argument is the id; the last may be another key, such as a slug.
    """

    name: str
    key_arguments: tuple[str, ...]


def equivalent_document(
    root: GraphQLRoot,
    operation: Operation[Any, ..., Any],
    selection: Selection[Any],
    list_query: ListQuery,
    key: str | None,
) -> str:
    """Return a query that compiles to this Selection and ListQuery. `key` names the row, if any."""
    arguments = [] if key is None else [f"{_key_argument(root, operation, key)}: {_literal(key)}"]
    body = _fields(operation.result, selection.field_set.fields, iter(selection.list_queries))
    if operation.kind == "list":
        arguments += _list_arguments(operation.resource, list_query)
        body = _connection(body, list_query)
    return f"{{ {root.name}{_in_parentheses(arguments)} {{ {body} }} }}\n"


def _key_argument(root: GraphQLRoot, operation: Operation[Any, ..., Any], key: str) -> str:
    return root.key_arguments[0] if operation.path_resource.parse_key(key)[0] == "id" else root.key_arguments[-1]


def _in_parentheses(arguments: list[str]) -> str:
    return f"({', '.join(arguments)})" if arguments else ""


def _fields(target: Result[Any] | EmbeddedValue, fields: tuple[Field, ...], list_queries: Iterator[ListQuery]) -> str:
    """Return the inside of a selection set. `list_queries` are consumed in the fields' order."""
    texts: list[str] = []
    for field in fields:
        alias = f"{field.alias}: " if field.alias else ""
        nested = target.nested(field.name)
        if nested is None:
            texts.append(f"{alias}{camel(field.name)}")
            continue
        relation = target.relations.get(field.name)
        list_query = next(list_queries) if relation is not None and relation.is_to_many else None
        arguments: list[str] = []
        body = _fields(nested, field.subfields, list_queries)
        if list_query is not None and isinstance(nested, Resource):
            arguments = _list_arguments(nested, list_query)
        if list_query is not None and relation is not None and relation.paged:
            body = _connection(body, list_query)
        texts.append(f"{alias}{camel(field.name)}{_in_parentheses(arguments)} {{ {body} }}")
    return " ".join(texts)


def _connection(body: str, list_query: ListQuery) -> str:
    return f"nodes {{ {body} }} {PAGE_INFO}{' totalCount' if list_query.total else ''}"


def _list_arguments(resource: Resource[Any], list_query: ListQuery) -> list[str]:
    values = [(name, getattr(list_query, name)) for name in ("first", "after", "last", "before")]
    arguments = [f"{name}: {_literal(value)}" for name, value in values if value is not None]
    if list_query.filter:
        filters = [f"{camel(name)}: {_filter_value(resource, name, value)}" for name, value in list_query.filter]
        arguments.append(f"filter: {{{', '.join(filters)}}}")
    if list_query.sort:
        keys = [sort_enum_value(key.removeprefix("-"), key.startswith("-")) for key in list_query.sort]
        arguments.append(f"sort: [{', '.join(keys)}]")
    return arguments


def _filter_value(resource: Resource[Any], name: str, value: Any) -> str:
    filter_type = resource.filters[name].type
    if isinstance(filter_type, type) and issubclass(filter_type, Enum):
        return filter_type(value).name
    return _literal(" ".join(value) if isinstance(value, tuple) else value)


def _literal(value: Any) -> str:
    """Return a GraphQL literal. Strings, numbers and booleans are written as in JSON."""
    return msgspec.json.encode(to_rfc3339(value) if isinstance(value, datetime) else value).decode()
