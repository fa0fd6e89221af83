"""Validated documents.

A document is parsed and validated once per text. Its operations are compiled once for each result
of their @skip and @include directives. Both results are kept in bounded caches.
"""

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

from tradepost.kit.lru import Memo, MemoPool
from tradepost.kit.quoting import did_you_mean, quote, shorten

from ...http.access_log import MAX_NAME
from ..plan.arguments import NO_VARIABLES, PlainVariables, Variables, has_variable
from ..plan.root_plans import Root
from ..problems import MAX_ERRORS, InvalidVariables, UnknownOperation, request_error
from .limits import INTROSPECTION_FIELDS

TOKEN_BYTES, FIELD_BYTES, DOCUMENT_BYTES = 400, 1500, 3000
"""Bytes of a token of a document with its nodes, of a field in a plan, and of what all have."""
PLANS = MemoPool("graphql_plans", 4 * 1024 * 1024)
SCALAR_TYPES: dict[str, type] = {"String": str, "ID": str, "Boolean": bool, "Int": int, "Float": float}

type Roots = list[Root]
"""The plans of an operation's root fields."""


class ScalarVariable:
    """A declared variable of a built-in scalar type."""

    __slots__ = ("default", "name", "python_type", "required")

    def __init__(self, name: str, python_type: type, required: bool, default: Any) -> None:
        self.name, self.python_type, self.required, self.default = name, python_type, required, default

    def accepts(self, value: Any) -> bool:
        """Return whether a value is valid without coercion."""
        if value is None:
            return not self.required
        if type(value) is not self.python_type:
            return False
        if self.python_type is int:
            return -(2**31) <= value < 2**31
        return isfinite(value) if self.python_type is float else True


class PreparedOperation:
    """One operation of a validated document, and its plans.

    log_name: its name in the access log.
    scalar_variables: its variables if all of them have built-in scalar types, else None.
    plans: the root fields by the values of the document's condition variables.
    """

    def __init__(self, document: "ParsedDocument", node: OperationDefinitionNode) -> None:
        self.document, self.node = document, node
        self.log_name = shorten(node.name.value, MAX_NAME) if node.name else None
        self.writes = node.operation is OperationType.MUTATION
        self.is_subscription = node.operation is OperationType.SUBSCRIPTION
        self.scalar_variables = scalar_variables(node) if not document.has_nested_variables else None
        self.plans = Memo[tuple[Any, ...], Roots](PLANS)

    def coerce_variables(self, values: dict[str, Any] | None, request_id: str, with_suggestions: bool) -> Variables:
        """Return the coerced variables, or raise RequestError."""
        if not self.node.variable_definitions:
            return NO_VARIABLES
        plain = self._plain_variables(values or {}) if self.scalar_variables is not None else None
        if plain is not None:
            return plain
        coerced = get_variable_values(
            self.document.schema,
            self.node.variable_definitions,
            values or {},
            max_errors=MAX_ERRORS,
            hide_suggestions=not with_suggestions,
        )
        if isinstance(coerced, list):
            raise request_error(InvalidVariables, coerced, request_id)
        return coerced

    def _plain_variables(self, values: dict[str, Any]) -> PlainVariables | None:
        """Return the variables if none of them needs coercion.

        Otherwise graphql-core coerces or rejects them.
        """
        variables: dict[str, Any] = {}
        for declared in self.scalar_variables or ():
            value = values.get(declared.name, Undefined)
            if value is not Undefined:
                if not declared.accepts(value):
                    return None
                variables[declared.name] = value
            elif declared.default is not Undefined:
                variables[declared.name] = declared.default
            elif declared.required:
                return None
        return PlainVariables(variables)

    def roots(self, variables: Variables, compile: Callable[["PreparedOperation", dict[str, Any]], Roots]) -> Roots:
        """Return the plans of the root fields for these variables, compiled if necessary."""
        names, coerced = self.document.condition_variables, variables.coerced
        key = tuple([coerced.get(name) for name in names])
        roots = self.plans.get(key)
        if roots is None:
            roots = compile(self, dict(zip(names, key, strict=True)))
            self.plans.put(key, roots, FIELD_BYTES * sum([root.field_count for root in roots]))
        return roots


class ParsedDocument:
    """What the operations of a document share: its syntax tree, and facts about it.

    trusted: whether it is a trusted document, registered at startup.
    condition_variables: the variables in its @skip and @include directives.
    introspects: whether it selects `__schema` or `__type`.
    has_nested_variables: whether a list or an input object in it contains a variable.
    """

    trusted = False

    def __init__(self, ast: DocumentNode, schema: GraphQLSchema) -> None:
        self.ast, self.schema = ast, schema
        self.fragments = {d.name.value: d for d in ast.definitions if isinstance(d, FragmentDefinitionNode)}
        selection_sets = [
            d.selection_set for d in ast.definitions if isinstance(d, OperationDefinitionNode | FragmentDefinitionNode)
        ]
        nodes = [node for selection_set in selection_sets for node in all_selections(selection_set)]
        self.condition_variables = tuple(sorted({name for node in nodes for name in condition_variables(node)}))
        self.introspects = any(isinstance(n, FieldNode) and n.name.value in INTROSPECTION_FIELDS for n in nodes)
        self.has_nested_variables = any(isinstance(n, FieldNode) and has_nested_variable(n) for n in nodes)


class Document:
    """A validated document, as it is cached.

    No operation or request refers to it. Such a cycle would keep an evicted document in memory
    until a full garbage collection.

    single_operation: its operation if it has only one.
    prepared_requests: the cached requests for it, by the key of that cache.
    size: its approximate bytes, without its text and plans.
    """

    def __init__(self, ast: DocumentNode, schema: GraphQLSchema, token_count: int) -> None:
        self.parsed = ParsedDocument(ast, schema)
        operations = [d for d in ast.definitions if isinstance(d, OperationDefinitionNode)]
        self.operations = {d.name.value if d.name else None: PreparedOperation(self.parsed, d) for d in operations}
        self.single_operation = next(iter(self.operations.values())) if len(self.operations) == 1 else None
        self.prepared_requests: dict[Any, Any] = {}
        self.size = DOCUMENT_BYTES + TOKEN_BYTES * token_count

    def operation(self, name: str | None) -> PreparedOperation:
        """Return the operation to run, or raise UnknownOperation."""
        if not name and self.single_operation is not None:
            return self.single_operation
        operation = self.operations.get(name) if name else None
        if operation is None:
            names = ", ".join([f"`{n}`" for n in self.operations if n])
            if not name:
                raise UnknownOperation(
                    f"The document has several operations: {names}. Name one of them in `operationName`."
                )
            suggestion = did_you_mean(name, [n for n in self.operations if n])
            detail = f"The document has no operation {quote(name)}; its operations are: {names}.{suggestion}"
            raise UnknownOperation(detail)
        return operation


def unlink_tokens(ast: DocumentNode) -> int:
    """Cut the links between a parsed document's tokens, and return their number.

    Each token refers to the next and to the previous one. Such a chain stays in memory until a
    garbage collection, together with what only it refers to.
    """
    count, token = 0, ast.loc.start_token if ast.loc is not None else None
    while token is not None:
        following, token.prev, token.next = token.next, None, None
        count, token = count + 1, following
    return count


def all_selections(selection_set: SelectionSetNode) -> Iterator[Any]:
    """Yield all fields, spreads and inline fragments in a selection set, without recursion."""
    stack = [selection_set]
    while stack:
        for node in stack.pop().selections:
            yield node
            if (nested := getattr(node, "selection_set", None)) is not None:
                stack.append(nested)


def has_nested_variable(field: FieldNode) -> bool:
    """Return whether a list or an input object in the field's arguments contains a variable."""
    return any(not isinstance(a.value, VariableNode) and has_variable(a.value) for a in field.arguments or ())


def condition_variables(node: Any) -> Iterator[str]:
    """Yield the variables in a selection's @skip and @include directives."""
    for directive in node.directives or ():
        if directive.name.value in ("skip", "include"):
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value


def scalar_variables(node: OperationDefinitionNode) -> list[ScalarVariable] | None:
    """Return the operation's variables, or None if one of them has another type than a scalar."""
    variables: list[ScalarVariable] = []
    for definition in node.variable_definitions or ():
        required = isinstance(definition.type, NonNullTypeNode)
        nullable_type = definition.type.type if isinstance(definition.type, NonNullTypeNode) else definition.type
        python_type = SCALAR_TYPES.get(nullable_type.name.value) if isinstance(nullable_type, NamedTypeNode) else None
        default = Undefined if definition.default_value is None else value_from_ast_untyped(definition.default_value)
        if python_type is None or (
            default is not Undefined and default is not None and type(default) is not python_type
        ):
            return None
        variables.append(ScalarVariable(definition.variable.name.value, python_type, required, default))
    return variables
