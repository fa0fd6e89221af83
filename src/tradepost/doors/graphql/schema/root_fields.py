"""Root fields: an area's functions, each the GraphQL side of one operation.

    @query(Products.get)
    async def product(
        request: GraphQLRequest, id: UUID | None = None, slug: str | None = None
    ) -> Record[Product]:
        return await Products(request.context).get(
            request.exactly_one(id=id, slug=slug), request.selection
        )

The field has the function's name, and its arguments are the function's parameters. The function of
a list reads `request.list_query` and does not declare the list's arguments.

An argument that is called an id (`id`, `productId`) takes ids only, also where a REST path takes an
id or a slug. A row with a slug is read by `slug`, and the lists below it are fields of the row.

The first argument is the key of the operation's path and may have any name (`id`, `cart_id`). The
further ids of a path have the names of the operation's `path_ids` (`variant_id`).
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
    """One root field of a request: its context, Selection and ListQuery."""

    __slots__ = ("context", "list_query", "selection")

    def __init__(self, context: CallContext, selection: Selection[Any], list_query: ListQuery) -> None:
        self.context, self.selection, self.list_query = context, selection, list_query

    @staticmethod
    def exactly_one(**arguments: Any) -> str:
        """Return the one argument that is not null, or raise InvalidParameter."""
        return str(_exactly_one(arguments))

    @staticmethod
    def body[T: msgspec.Struct](struct: type[T], **arguments: Any) -> T:
        """Return the field's arguments as the request body that REST takes, or raise Validation."""
        values = {n: v.value if isinstance(v, Enum) else v for n, v in arguments.items() if v is not None}
        return validate(struct, values)

    @staticmethod
    def patch(patch: Any, json_patch: Any) -> Patch:
        """Return the one patch that is not null, or raise InvalidParameter."""
        one_patch = _exactly_one({"patch": patch, "json_patch": json_patch})
        assert isinstance(one_patch, JsonPatch | MergePatch)
        return one_patch


def _exactly_one(arguments: dict[str, Any]) -> Any:
    values = [v for v in arguments.values() if v is not None]
    if len(values) != 1:
        names = [camel(n) for n in arguments]
        raise InvalidParameter(f"Give exactly one of {', '.join([f'`{n}`' for n in names])}.", parameter=names[0])
    return values[0]


ALTERNATIVES = (("id", "slug"), ("id", "number"), ("patch", "json_patch"))
"""Optional arguments of which a field takes exactly one."""

type Call[**P, R] = Callable[Concatenate[GraphQLRequest, P], Awaitable[R]]


class RootField[**P, R]:
    """A field of Query or Mutation: its name, operation, function and parameters."""

    def __init__(self, operation: Operation[Any, ..., Any], call: Call[P, R], deprecated: str | None) -> None:
        self.operation, self.call, self.deprecated = operation, call, deprecated
        self.name = camel(call.__name__)
        hints = get_type_hints(call, include_extras=True)
        declared = list(inspect.signature(call).parameters.values())[1:]
        self.parameters: dict[str, Parameter] = {
            camel(p.name): build_parameter(p, hints[p.name], operation) for p in declared
        }
        optional = {p.name for p in declared if p.default is None}
        self.alternatives = next((names for names in ALTERNATIVES if optional.issuperset(names)), ())

    def __repr__(self) -> str:
        return f"<GraphQL field {self.name} of {self.operation.name}>"

    def convert_arguments(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the function's arguments as typed values. Null counts as left out.

        They are converted in the order of the function's parameters, so that the error does not
        depend on the order in the document. If they exclude each other, no other error of them is
        reported.
        """
        if self.alternatives:
            _exactly_one({name: arguments.get(camel(name)) for name in self.alternatives})
        converted: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            if (value := arguments.get(name)) is not None:
                converted[parameter.name] = value if parameter.convert is None else parameter.convert(value)
        return converted


def query[**P, R](
    operation: Operation[Any, ..., Any], *, deprecated: str | None = None
) -> Callable[[Call[P, R]], RootField[P, R]]:
    """Declare a function as the Query field of an operation that reads."""
    if operation.is_write:
        raise ValueError(f"{operation.name} writes: declare it with @mutation")
    return lambda call: RootField(operation, call, deprecated)


def mutation[**P, R](
    operation: Operation[Any, ..., Any], *, deprecated: str | None = None
) -> Callable[[Call[P, R]], RootField[P, R]]:
    """Declare a function as the Mutation field of an operation that writes."""
    if not operation.is_write:
        raise ValueError(f"{operation.name} only reads: declare it with @query")
    return lambda call: RootField(operation, call, deprecated)
