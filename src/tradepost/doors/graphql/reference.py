"""graphql-core's way of running the same fields: the same function is called once per root field, its record is a tree of dicts by response key."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from graphql import GraphQLInterfaceType, GraphQLObjectType

from .access import check
from .relay import NodesRoot
from .roots import fresh
from .selection import Walk

if TYPE_CHECKING:
    from .execution import Executor

KIND = "__kind"


def connect(executor: "Executor") -> None:
    """Sets the resolvers of a schema."""
    schema = executor.schema
    for type in schema.type_map.values():
        if isinstance(type, GraphQLInterfaceType):
            type.resolve_type = lambda source, info, abstract: source[KIND]
        if not isinstance(type, GraphQLObjectType) or type.name.startswith("__"):
            continue
        type.is_type_of = None
        for name, field in type.fields.items():
            field.resolve = root_resolver(executor, name) if type in (schema.query_type, schema.mutation_type) else by_key


def by_key(source: Any, info: Any, **_: Any) -> Any:
    """The member under the field's response key."""
    return source[info.path.key]


def root_resolver(executor: "Executor", name: str) -> Callable[..., Any]:
    """The resolver of a root field."""
    field = executor.fields.get(name)

    async def resolve(_: Any, info: Any, **__: Any) -> Any:
        if field is not None:
            check(field.operation.access, info)
        walk = Walk(executor.schema, info.fragments, dict(info.variable_values.coerced), plain=True)
        root = executor.root(info.path.key, list(info.field_nodes), info.parent_type, walk)
        if isinstance(root, NodesRoot):
            root.shown = lambda body, of: msgspec.to_builtins(body) | {KIND: of.name}
        context = fresh(info.context) if field is not None and field.operation.writes else info.context
        context.key = root.once.of(info.variable_values) or context.key
        return msgspec.to_builtins((await root.value(context, info.variable_values))[0])

    return resolve
