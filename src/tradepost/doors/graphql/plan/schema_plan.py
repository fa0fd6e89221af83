"""Plan of `__schema` and `__type`, which graphql-core executes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphql import GraphQLSchema, execute_sync, separate_operations
from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)

from tradepost.kit.operations.pricing import Price
from tradepost.kit.writes.call_context import CallContext

from .arguments import Variables
from .root_plans import Root, RootValue

INTROSPECTION_PRICE = Price(5, 0)


class SchemaRoot(Root):
    """`__schema` or `__type`.

    graphql-core executes a document of this field only: it has the resolvers of the schema's own
    types. The fields next to it have plans. As with them, an error below the field is an error of
    the field.

    document: that document.
    variable_names: the variables that it uses. They are scalars, so their coerced values can be
        coerced again.
    """

    def __init__(
        self,
        response_key: str,
        nodes: Sequence[FieldNode],
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        """`operation` and `fragments`: those of the request's document."""
        super().__init__(response_key, nodes)
        self.schema, self.nullable = schema, nodes[0].name.value == "__type"
        self.document, self.variable_names = field_document(nodes, operation, fragments)

    def price(self, context: CallContext, variables: Variables) -> Price:
        """Return the fixed price of an introspection field."""
        return INTROSPECTION_PRICE

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Return the selected part of the schema, or raise GraphQLError."""
        coerced: Mapping[str, Any] = variables.coerced
        result = execute_sync(
            self.schema,
            self.document,
            variable_values={name: coerced[name] for name in self.variable_names if name in coerced},
        )
        if result.errors:
            raise result.errors[0]
        assert result.data is not None
        return result.data[self.response_key], 0


class VariableNames(Visitor):
    """Collects the names of the variables that a document uses."""

    def __init__(self) -> None:
        super().__init__()
        self.names = set[str]()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        """Add one variable."""
        self.names.add(node.name.value)


def field_document(
    nodes: Sequence[FieldNode], operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> tuple[DocumentNode, frozenset[str]]:
    """Return a document of one field, with the fragments that it spreads, and its variables."""
    query = OperationDefinitionNode(
        operation=OperationType.QUERY, selection_set=SelectionSetNode(selections=tuple(nodes))
    )
    document, used = separate_operations(DocumentNode(definitions=(query, *fragments.values())))[""], VariableNames()
    visit(document, used)
    definitions = [d for d in operation.variable_definitions or () if d.variable.name.value in used.names]
    query = replace(query, variable_definitions=tuple(definitions))
    return DocumentNode(definitions=(query, *document.definitions[1:])), frozenset(used.names)
