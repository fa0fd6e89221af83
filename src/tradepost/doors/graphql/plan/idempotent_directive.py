"""`@idempotent(key:)`: the key of one mutation field. The header `Idempotency-Key` counts where a document has one such field."""

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
            description="A name of your own for this one change: 1 to 255 visible ASCII characters.",
        )
    },
    description="On a mutation field: of all calls with this key, through either door, one has its effect, and the others get its outcome for 24 hours.",
)


class IdempotentDirective:
    """The directive of a root field; without it there is no key in the document."""

    def __init__(self, nodes: Sequence[FieldNode]) -> None:
        given = [
            d.arguments[0].value
            for n in nodes
            for d in n.directives or ()
            if d.name.value == IDEMPOTENT.name and d.arguments
        ]
        if len({print_ast(v) for v in given}) > 1:
            raise InvalidParameter("A field that is written several times has one key.", parameter="key")
        self.key_node = given[0] if given else None

    def idempotency_key(self, variables: Variables) -> str | None:
        """The key for these variables; 400 where it can be none."""
        match self.key_node:
            case None:
                return None
            case StringValueNode(value=text):
                return parse_key(text, "key")
            case VariableNode(name=name):
                return parse_key(variables.coerced.get(name.value) or "", "key")
            case _:
                raise InvalidParameter("`key` is a text.", parameter="key")


class IdempotentOnMutationsRule(ValidationRule):
    """A directive anywhere else would promise what it does not keep."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Looks at one field."""
        parent: Any = self.context.get_parent_type()
        if parent is not self.context.schema.mutation_type and any(
            d.name.value == IDEMPOTENT.name for d in node.directives or ()
        ):
            self.report_error(GraphQLError("Directive '@idempotent' stands on mutation fields alone.", node))
