"""Documents: parsed and validated once per text, compiled once per operation and outcome of @skip and @include, kept in bounded caches."""

from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

from graphql import GraphQLSchema, Undefined, get_variable_values, value_from_ast_untyped
from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

from ..plan.arguments import NO_VARIABLES, PlainVariables, Variables, has_variable
from ..plan.root_plans import Root
from ..problems import InvalidVariables, UnknownOperation, request_error
from .limits import INTROSPECTION_FIELDS

MOST_PLANS = 64
PLAIN: dict[str, type] = {"String": str, "ID": str, "Boolean": bool, "Int": int, "Float": float}

type Roots = list[Root]
"""The compiled root fields."""


class ScalarVariable:
    """A variable of a scalar type: whether a value may stay as it is can be told at a glance."""

    __slots__ = ("default", "kind", "name", "needed")

    def __init__(self, name: str, kind: type, needed: bool, default: Any) -> None:
        self.name, self.kind, self.needed, self.default = name, kind, needed, default

    def fits(self, value: Any) -> bool:
        """Whether it needs no coercion. What does not fit goes to graphql-core, which converts or refuses it."""
        if value is None:
            return not self.needed
        if type(value) is not self.kind:
            return False
        return -(2**31) <= value < 2**31 if self.kind is int else isfinite(value) if self.kind is float else True


class PreparedOperation:
    """One operation of a validated document, and its plans."""

    def __init__(self, document: "Document", node: OperationDefinitionNode) -> None:
        self.document, self.node = document, node
        self.writes = node.operation is OperationType.MUTATION
        self.is_subscription = node.operation is OperationType.SUBSCRIPTION
        self.plain = plain_variables(node) if not document.has_nested_variables else None
        self.plans: dict[tuple[Any, ...], Roots] = {}

    def coerce_variables(self, given: dict[str, Any] | None, request_id: str, suggests: bool) -> Variables:
        """The coerced variables."""
        if not self.node.variable_definitions:
            return NO_VARIABLES
        quick = self.quick(given or {}) if self.plain is not None else None
        if quick is not None:
            return quick
        coerced = get_variable_values(
            self.document.schema,
            self.node.variable_definitions,
            given or {},
            max_errors=50,
            hide_suggestions=not suggests,
        )
        if isinstance(coerced, list):
            raise request_error(InvalidVariables, coerced, request_id)
        return coerced

    def quick(self, given: dict[str, Any]) -> PlainVariables | None:
        """The variables where none of them has to be converted."""
        out: dict[str, Any] = {}
        for plain in self.plain or ():
            value = given.get(plain.name, Undefined)
            if value is not Undefined:
                if not plain.fits(value):
                    return None
                out[plain.name] = value
            elif plain.default is not Undefined:
                out[plain.name] = plain.default
            elif plain.needed:
                return None
        return PlainVariables(out)

    def roots(self, variables: Variables, compile: Callable[["PreparedOperation", dict[str, Any]], Roots]) -> Roots:
        """The compiled root fields for these variables."""
        flags, coerced = self.document.condition_variables, variables.coerced
        key = tuple([coerced.get(f) for f in flags])
        if key not in self.plans:
            self.plans[key] = compile(self, dict(zip(flags, key, strict=True)))
            if len(self.plans) > MOST_PLANS:
                del self.plans[next(iter(self.plans))]
        return self.plans[key]


class Document:
    """A validated document. A `trusted` one was registered when the shop started."""

    trusted = False

    def __init__(self, ast: DocumentNode, schema: GraphQLSchema) -> None:
        self.ast, self.schema = ast, schema
        self.fragments = {d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)}
        sets = [
            d.selection_set for d in ast.definitions if isinstance(d, OperationDefinitionNode | FragmentDefinitionNode)
        ]
        fields = [f for chosen in sets for f in selections(chosen)]
        self.condition_variables = tuple(sorted({v for f in fields for v in switches(f)}))
        self.introspects = any(isinstance(f, FieldNode) and f.name.value in INTROSPECTION_FIELDS for f in fields)
        # Whether graphql-core may have to run it, for what its variables are or for what it asks.
        self.may_need_fallback = self.introspects or bool(self.condition_variables)
        self.has_nested_variables = any(isinstance(f, FieldNode) and has_deep_variable(f) for f in fields)
        operations = [d for d in ast.definitions if isinstance(d, OperationDefinitionNode)]
        self.operations = {d.name.value if d.name else None: PreparedOperation(self, d) for d in operations}
        self.single_operation = next(iter(self.operations.values())) if len(self.operations) == 1 else None

    def operation(self, name: str | None) -> PreparedOperation:
        """The operation to run."""
        if not name and self.single_operation is not None:
            return self.single_operation
        found = self.operations.get(name) if name else None
        if found is None:
            named = ", ".join([f"`{n}`" for n in self.operations if n])
            if not name:
                raise UnknownOperation(f"The document has several operations: {named}. Name one in `operationName`.")
            raise UnknownOperation(f"There is no operation `{name[:100]}`; known: {named}.")
        return found


def selections(chosen: SelectionSetNode) -> Iterator[Any]:
    """All fields, spreads and inline fragments below a selection set, without recursion."""
    waiting = [chosen]
    while waiting:
        for node in waiting.pop().selections:
            yield node
            if (below := getattr(node, "selection_set", None)) is not None:
                waiting.append(below)


def has_deep_variable(field: FieldNode) -> bool:
    """Whether a variable stands inside a list or an input object: graphql-core has to put it there."""
    return any(not isinstance(a.value, VariableNode) and has_variable(a.value) for a in field.arguments or ())


def switches(node: Any) -> Iterator[str]:
    """The variables that decide a selection's @skip and @include."""
    for directive in node.directives or ():
        if directive.name.value in ("skip", "include"):
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value


def plain_variables(node: OperationDefinitionNode) -> list[ScalarVariable] | None:
    """The operation's variables where all are of scalar types."""
    found: list[ScalarVariable] = []
    for definition in node.variable_definitions or ():
        needed = isinstance(definition.type, NonNullTypeNode)
        inner = definition.type.type if isinstance(definition.type, NonNullTypeNode) else definition.type
        kind = PLAIN.get(inner.name.value) if isinstance(inner, NamedTypeNode) else None
        default = Undefined if definition.default_value is None else value_from_ast_untyped(definition.default_value)
        if kind is None or (default is not Undefined and default is not None and type(default) is not kind):
            return None
        found.append(ScalarVariable(definition.variable.name.value, kind, needed, default))
    return found
