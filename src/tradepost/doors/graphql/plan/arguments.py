"""Arguments in a document: worked out once where no variable is in them, else per request; and the Windows that the arguments of lists mean."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLField, Undefined, coerce_input_literal, get_argument_values, is_non_null_type, print_ast
from graphql.execution.values import VariableValues
from graphql.language import ArgumentNode, FieldNode, ListValueNode, ObjectValueNode, VariableNode

from tradepost.kit.problems import InvalidParameter
from tradepost.kit.resource import list_arguments as asking
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, ListQuery
from tradepost.kit.resource.resource import Resource

from ...graphql_names import camel, sort_enum_value
from ..schema.connections import CONNECTION_ARGUMENTS

MOST_BOUND = 500

type Variables = Any
"""graphql-core's VariableValues, or a `Coerced`: both have the values in `coerced`."""


class PlainVariables:
    """Variables as they came, because nothing had to be done to them."""

    __slots__ = ("coerced",)

    def __init__(self, coerced: dict[str, Any]) -> None:
        self.coerced = coerced


NO_VARIABLES = PlainVariables({})


class Arguments:
    """A field's arguments. Two that are written alike are equal, so fields that merge are one."""

    def __init__(self, definition: GraphQLField, node: FieldNode) -> None:
        self.definition, self.node = definition, node
        given = node.arguments or ()
        self.written: tuple[Any, ...] = (node.name.value, *sorted([print_ast(a) for a in given]))
        self.argument_variables = {a.name.value: a.value.name.value for a in given if isinstance(a.value, VariableNode)}
        self.has_nested_variables = any(
            isinstance(a.value, ListValueNode | ObjectValueNode) and has_variable(a.value) for a in given
        )
        self.is_constant = not self.argument_variables and not self.has_nested_variables
        self.constants: dict[str, Any] = (
            {} if self.has_nested_variables else {n: v for n, v in map(self._constant, given) if v is not Undefined}
        )
        self.needed = frozenset([n for n, a in definition.args.items() if is_non_null_type(a.type)])

    def __hash__(self) -> int:
        return hash(self.written)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arguments) and self.written == other.written

    def _constant(self, argument: ArgumentNode) -> tuple[str, Any]:
        name = argument.name.value
        if isinstance(argument.value, VariableNode):
            return name, Undefined
        return name, coerce_input_literal(argument.value, self.definition.args[name].type)

    def values(self, variables: Variables) -> dict[str, Any]:
        """The coerced arguments. None of ours has a default in the schema, so what is absent stays so."""
        if self.has_nested_variables:
            return get_argument_values(self.definition, self.node, variables)
        values = dict(self.constants)
        for name, variable in self.argument_variables.items():
            value = variables.coerced.get(variable, Undefined)
            if value is not Undefined:
                values[name] = value
            if name in self.needed and (value is None or value is Undefined):
                # graphql-core finds the words, and which argument it is.
                get_argument_values(self.definition, self.node, VariableValues({}, variables.coerced))
        return values


class ListArguments(Arguments):
    """The arguments of a list, as a Window."""

    def __init__(
        self, definition: GraphQLField, node: FieldNode, target: Resource[Any], paged: bool, total: bool
    ) -> None:
        super().__init__(definition, node)
        self.target, self.paged, self.total = target, paged, total
        self.written = (*self.written, total)
        self.filters = {camel(n): n for n in target.filters}
        self.bind = memoize_by_variables(
            None if self.has_nested_variables else tuple(self.argument_variables.values()), self.bound
        )

    def bound(self, variables: Variables, permissions: frozenset[str]) -> ListQuery:
        """The Window of this request."""
        return self.list_query(self.values(variables), permissions)

    def list_query(self, given: Mapping[str, Any], permissions: frozenset[str]) -> ListQuery:
        """The Window that some coerced arguments mean."""
        args: dict[str, Any] = {n: v for n, v in given.items() if n in CONNECTION_ARGUMENTS}
        if args.get("filter"):
            args["filter"] = {self.filters[n]: plain(v) for n, v in args["filter"].items()}
        if args.get("sort"):
            args["sort"] = [plain(s) for s in args["sort"]]
        if self.total:
            args["total"] = True
        if not args:
            return DEFAULT_LIST_QUERY
        try:
            return asking.parse_list_query(self.target, args, permissions, paged=self.paged)
        except InvalidParameter as problem:
            raise with_graphql_names(problem, self.target, permissions) from None


def memoize_by_variables[T](
    names: Sequence[str] | None, make: Callable[[Variables, frozenset[str]], T]
) -> Callable[[Variables, frozenset[str]], T]:
    """What is made of variables for one kind of caller (names may be open to some only), kept for the values of those that it depends on; without such
    names it is made each time."""
    if names is None:
        return make
    kept: dict[Any, T] = {}

    def find(variables: Variables, permissions: frozenset[str]) -> T:
        coerced = variables.coerced
        key = (permissions, *[coerced.get(n) for n in names])
        try:
            found = kept.get(key)
        except TypeError:
            return make(variables, permissions)  # a list is among them
        if found is None:
            found = kept[key] = make(variables, permissions)
            if len(kept) > MOST_BOUND:
                del kept[next(iter(kept))]
        return found

    return find


def plain(value: Any) -> Any:
    """An enum's value."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    return getattr(value, "value", value)


def with_graphql_names(problem: InvalidParameter, of: Resource[Any], permissions: frozenset[str]) -> InvalidParameter:
    """The problem with names in GraphQL's spelling."""
    name, said, listed = problem.parameter or "", problem.short_detail, problem.short_detail != problem.detail
    if name == "sort":
        # What REST says of its `-` means nothing here.
        said = f"{said.partition(';')[0].rstrip('.')}."
        for key in of.sorts:
            said = said.replace(f"`-{key}`", f"`{sort_enum_value(key, True)}`").replace(
                f"`{key}`", f"`{sort_enum_value(key, False)}`"
            )
        allowed = [
            sort_enum_value(n, down)
            for n, s in of.sorts.items()
            if s.access.allows(permissions)
            for down in (False, True)
        ]
    else:
        said = said.replace(f"`{name}`", f"`{camel(name)}`")
        allowed = [camel(n) for n, f in of.filters.items() if f.access.allows(permissions)]
    return InvalidParameter(said, parameter=camel(name), allowed=allowed if listed else ())


def has_variable(node: Any) -> bool:
    """Whether a variable stands anywhere in a value."""
    if isinstance(node, VariableNode):
        return True
    if isinstance(node, ListValueNode):
        return any(has_variable(v) for v in node.values)
    return isinstance(node, ObjectValueNode) and any(has_variable(f.value) for f in node.fields)
