"""`@idempotent(key:)`: the idempotency key of one mutation field.

The header `Idempotency-Key` applies to documents with one mutation field.
"""

from collections.abc import Sequence
from typing import Any

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLError,
    GraphQLNonNull,
    GraphQLString,
    ValidationRule,
    print_ast,
)
from graphql.language import FieldNode, StringValueNode, VariableNode

from tradepost.kit.operations.idempotency.key import parse_key
from tradepost.kit.problems import InvalidParameter

from .arguments import Variables

IDEMPOTENT = GraphQLDirective(
    "idempotent",
    [DirectiveLocation.FIELD],
    {
        "key": GraphQLArgument(
            GraphQLNonNull(GraphQLString),
            description="A unique value that you choose for this change: 1 to 255 visible ASCII characters.",
        )
    },
    description=(
        "Makes a mutation field idempotent. For 24 hours, repeated calls with the same key, through GraphQL or REST, "
        "return the outcome of the first call and change nothing."
    ),
)


class IdempotentDirective:
    """The `@idempotent` directive of a root field. `key_node` is None without the directive."""

    def __init__(self, nodes: Sequence[FieldNode]) -> None:
        key_nodes = [
            directive.arguments[0].value
            for node in nodes
            for directive in node.directives or ()
            if directive.name.value == IDEMPOTENT.name and directive.arguments
        ]
        if len({print_ast(node) for node in key_nodes}) > 1:
            raise InvalidParameter("Use the same key at each occurrence of a field.", parameter="key")
        self.key_node = key_nodes[0] if key_nodes else None

    def idempotency_key(self, variables: Variables) -> str | None:
        """Return the key, or raise InvalidParameter."""
        match self.key_node:
            case None:
                return None
            case StringValueNode(value=text):
                return parse_key(text, "key")
            case VariableNode(name=name):
                return parse_key(variables.coerced.get(name.value) or "", "key")
            case _:
                raise InvalidParameter("`key` must be a string.", parameter="key")


class IdempotentOnMutationsRule(ValidationRule):
    """Allow `@idempotent` on mutation fields only, because it has no effect elsewhere."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Check one field."""
        parent: Any = self.context.get_parent_type()
        if parent is not self.context.schema.mutation_type and any(
            d.name.value == IDEMPOTENT.name for d in node.directives or ()
        ):
            self.report_error(GraphQLError("Directive '@idempotent' may only be used on mutation fields.", node))
