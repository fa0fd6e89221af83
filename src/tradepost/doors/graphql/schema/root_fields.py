"""Root fields: functions of a room, each the GraphQL side of one operation.

    @query(Products.get)
    async def product(ask: Ask, id: UUID | None = None, slug: str | None = None) -> Record[Product]:
        return await Products(ask.context).get(ask.either(id=id, slug=slug), ask.want)

The function's name is the field's, its parameters are the arguments. A list gets its window in `ask.window` and need not name the arguments
of it. The plan executor and graphql-core call the same function.
"""

import inspect
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Concatenate, get_type_hints

import msgspec

from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import JsonPatch, MergePatch, Patch
from tradepost.kit.schema.validation import validate
from tradepost.kit.writes.call_context import CallContext

from ...graphql_names import camel
from .arguments import Parameter, build_parameter


class GraphQLRequest:
    """One root field of one request: its context, Selection and Window."""

    __slots__ = ("context", "list_query", "selection")

    def __init__(self, context: CallContext, selection: Selection[Any], list_query: ListQuery) -> None:
        self.context, self.selection, self.list_query = context, selection, list_query

    @staticmethod
    def exactly_one(**given: Any) -> str:
        """The one key that was given; or 400 naming the choice."""
        return str(one_of(given))

    @staticmethod
    def body[T: msgspec.Struct](shape: type[T], **given: Any) -> T:
        """The arguments of a field as the body that REST takes in their place; 422 with all its faults."""
        return validate(shape, {n: v.value if isinstance(v, Enum) else v for n, v in given.items() if v is not None})

    @staticmethod
    def patch(patch: Any, json_patch: Any) -> Patch:
        """The one patch that was given; or 400."""
        given = one_of({"patch": patch, "json_patch": json_patch})
        assert isinstance(given, JsonPatch | MergePatch)
        return given


def one_of(given: dict[str, Any]) -> Any:
    """The one argument that is not null; or 400 naming the choice."""
    found = [v for v in given.values() if v is not None]
    if len(found) != 1:
        names = [camel(n) for n in given]
        raise InvalidParameter(f"Give exactly one of {', '.join([f'`{n}`' for n in names])}.", parameter=names[0])
    return found[0]


type Call[**P, R] = Callable[Concatenate[GraphQLRequest, P], Awaitable[R]]


class RootField[**P, R]:
    """A field of Query or Mutation: its name, operation, function and arguments."""

    def __init__(self, operation: Operation[Any, ..., Any], call: Call[P, R], deprecated: str | None) -> None:
        self.operation, self.call, self.deprecated = operation, call, deprecated
        self.name = camel(call.__name__)
        hints = get_type_hints(call, include_extras=True)
        given = list(inspect.signature(call).parameters.values())[1:]
        self.parameters: dict[str, Parameter] = {
            camel(p.name): build_parameter(p, hints[p.name], operation) for p in given
        }

    def __repr__(self) -> str:
        return f"<GraphQL field {self.name} of {self.operation.name}>"

    def convert_arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """The function's arguments from GraphQL's, as typed values. Null is as if nothing had been given. They are read in the function's order, so that
        of several faults the same is told however a document is written."""
        out: dict[str, Any] = {}
        for name, known in self.parameters.items():
            if (value := given.get(name)) is not None:
                out[known.name] = value if known.convert is None else known.convert(value)
        return out


def query[**P, R](
    operation: Operation[Any, ..., Any], *, deprecated: str | None = None
) -> Callable[[Call[P, R]], RootField[P, R]]:
    """Declares a function as the Query field of an operation that reads."""
    if operation.is_write:
        raise ValueError(f"{operation.name} writes: it is a mutation")
    return lambda call: RootField(operation, call, deprecated)


def mutation[**P, R](
    operation: Operation[Any, ..., Any], *, deprecated: str | None = None
) -> Callable[[Call[P, R]], RootField[P, R]]:
    """Declares a function as the Mutation field of an operation that writes."""
    if not operation.is_write:
        raise ValueError(f"{operation.name} only reads: it is a query")
    return lambda call: RootField(operation, call, deprecated)
