"""The arguments of a field in a document, and the ListQueries that list arguments stand for.

Arguments without variables are coerced once per document, others once per request.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLField, Undefined, coerce_input_literal, get_argument_values, is_non_null_type, print_ast
from graphql.execution.values import VariableValues
from graphql.language import ArgumentNode, FieldNode, ListValueNode, ObjectValueNode, VariableNode

from tradepost.kit.lru import Memo, MemoPool
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.resource.list_arguments import parse_list_query
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.resource import Resource

from ...graphql_names import camel, sort_enum_value
from ..schema.connections import CONNECTION_ARGUMENTS

MAX_KEY_LENGTH = 4000
"""Characters in the variables of a memo's key; results for longer ones are not memoized."""
BOUND_BYTES = 2000
"""Bytes of a result that was memoized by variables or permissions, besides its texts."""
BOUND_ARGUMENTS = MemoPool("graphql_arguments", 1024 * 1024)

type Variables = Any
"""graphql-core's VariableValues, or PlainVariables: both have the values in `coerced`."""


class PlainVariables:
    """Variables that need no coercion."""

    __slots__ = ("coerced",)

    def __init__(self, coerced: dict[str, Any]) -> None:
        self.coerced = coerced


NO_VARIABLES = PlainVariables({})


class Arguments:
    """The arguments of one field. Equal if their source text is equal, so that such fields merge.

    argument_variables: the variable of each argument whose value is a variable.
    has_nested_variables: whether a list or an input object contains a variable; graphql-core then
        coerces all arguments of the field.
    constants: the coerced values of the other arguments.
    """

    def __init__(self, definition: GraphQLField, node: FieldNode) -> None:
        self.definition, self.node = definition, node
        arguments = node.arguments or ()
        self.source: tuple[Any, ...] = (node.name.value, *sorted([print_ast(a) for a in arguments]))
        self.argument_variables = {
            a.name.value: a.value.name.value for a in arguments if isinstance(a.value, VariableNode)
        }
        self.has_nested_variables = any(
            isinstance(a.value, ListValueNode | ObjectValueNode) and has_variable(a.value) for a in arguments
        )
        self.is_constant = not self.argument_variables and not self.has_nested_variables
        self.constants: dict[str, Any] = (
            {}
            if self.has_nested_variables
            else {n: v for n, v in map(self._coerce_literal, arguments) if v is not Undefined}
        )
        self.required = frozenset([n for n, a in definition.args.items() if is_non_null_type(a.type)])

    def __hash__(self) -> int:
        return hash(self.source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arguments) and self.source == other.source

    def _coerce_literal(self, argument: ArgumentNode) -> tuple[str, Any]:
        name = argument.name.value
        if isinstance(argument.value, VariableNode):
            return name, Undefined
        return name, coerce_input_literal(argument.value, self.definition.args[name].type)

    def values(self, variables: Variables) -> dict[str, Any]:
        """Return the coerced arguments. Our arguments have no default values."""
        if self.has_nested_variables:
            return get_argument_values(self.definition, self.node, variables)
        values = dict(self.constants)
        for name, variable in self.argument_variables.items():
            value = variables.coerced.get(variable, Undefined)
            if value is not Undefined:
                values[name] = value
            if name in self.required and (value is None or value is Undefined):
                # Raises graphql-core's error, which names the argument.
                get_argument_values(self.definition, self.node, VariableValues({}, variables.coerced))
        return values


class ListArguments(Arguments):
    """The arguments of a list, converted to a ListQuery.

    paged: whether the list is a connection.
    total: whether its `totalCount` is selected.
    """

    def __init__(
        self, definition: GraphQLField, node: FieldNode, target: Resource[Any], paged: bool, total: bool
    ) -> None:
        super().__init__(definition, node)
        self.target, self.paged, self.total = target, paged, total
        self.source = (*self.source, total)
        self.filters = {camel(n): n for n in target.filters}
        self._bound = VariableMemo[ListQuery](
            None if self.has_nested_variables else tuple(self.argument_variables.values())
        )

    def bind(self, variables: Variables, permissions: frozenset[str]) -> ListQuery:
        """Return the ListQuery for some variables and permissions."""
        return self._bound.get(variables, permissions, self._bind)

    def _bind(self, variables: Variables, permissions: frozenset[str]) -> ListQuery:
        return self.list_query(self.values(variables), permissions)

    def list_query(self, values: Mapping[str, Any], permissions: frozenset[str]) -> ListQuery:
        """Return the ListQuery of coerced arguments, or raise InvalidParameter."""
        arguments: dict[str, Any] = {n: v for n, v in values.items() if n in CONNECTION_ARGUMENTS}
        if arguments.get("filter"):
            arguments["filter"] = {self.filters[n]: _enum_value(v) for n, v in arguments["filter"].items()}
        if arguments.get("sort"):
            arguments["sort"] = [_enum_value(key) for key in arguments["sort"]]
        if self.total:
            arguments["total"] = True
        if not arguments:
            return DEFAULT_LIST_QUERY
        try:
            return parse_list_query(self.target, arguments, permissions, paged=self.paged)
        except InvalidParameter as problem:
            raise with_graphql_names(problem, self.target, permissions) from None


class VariableMemo[T]:
    """Values that depend on some variables and on the caller's permissions.

    names: those variables; None disables the memo. The permissions are part of the key, because
        filters and sort keys may require some.
    """

    __slots__ = ("memo", "names")

    def __init__(self, names: Sequence[str] | None) -> None:
        self.names, self.memo = names, Memo[Any, T](BOUND_ARGUMENTS)

    def get(
        self,
        variables: Variables,
        permissions: frozenset[str],
        compute: Callable[[Variables, frozenset[str]], T],
    ) -> T:
        """Return the value for a request, computed if necessary.

        The function is not kept: a method would keep its object, and that this memo.
        """
        if self.names is None:
            return compute(variables, permissions)
        coerced = variables.coerced
        values = [coerced.get(n) for n in self.names]
        key = (permissions, *values)
        try:
            result = self.memo.get(key)
        except TypeError:
            return compute(variables, permissions)  # a list is not hashable
        if result is None:
            result = compute(variables, permissions)
            length = sum([len(v) for v in values if isinstance(v, str)])
            if length <= MAX_KEY_LENGTH:
                self.memo.put(key, result, BOUND_BYTES + 8 * length)
        return result


def _enum_value(value: Any) -> Any:
    """Return the value of an enum, or of each enum in a list."""
    if isinstance(value, list):
        return [_enum_value(item) for item in value]
    return getattr(value, "value", value)


def with_graphql_names(
    problem: InvalidParameter, resource: Resource[Any], permissions: frozenset[str]
) -> InvalidParameter:
    """Return the problem of a list argument with GraphQL's names in it."""
    name, detail = problem.parameter or "", problem.short_detail
    lists_allowed = problem.short_detail != problem.detail
    if name == "sort":
        # The part after the semicolon is about REST's `-`.
        detail = f"{detail.partition(';')[0].rstrip('.')}."
        for key in resource.sorts:
            detail = detail.replace(f"`-{key}`", f"`{sort_enum_value(key, True)}`")
            detail = detail.replace(f"`{key}`", f"`{sort_enum_value(key, False)}`")
        allowed = [
            sort_enum_value(key, descending)
            for key, sort in resource.sorts.items()
            if sort.access.allows(permissions)
            for descending in (False, True)
        ]
    else:
        detail = detail.replace(f"`{name}`", f"`{camel(name)}`")
        allowed = [camel(n) for n, f in resource.filters.items() if f.access.allows(permissions)]
    return InvalidParameter(detail, parameter=camel(name), allowed=allowed if lists_allowed else ())


def has_variable(node: Any) -> bool:
    """Return whether a value contains a variable at any depth."""
    if isinstance(node, VariableNode):
        return True
    if isinstance(node, ListValueNode):
        return any(has_variable(v) for v in node.values)
    return isinstance(node, ObjectValueNode) and any(has_variable(f.value) for f in node.fields)
