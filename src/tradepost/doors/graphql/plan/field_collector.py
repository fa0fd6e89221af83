"""Collect the fields of selection sets, as @skip and @include decide (specification, 6.3.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLDirective,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    get_argument_values,
    get_named_type,
)
from graphql.execution.values import VariableValues
from graphql.language import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

type FieldsByKey = dict[str, list[FieldNode]]
"""The fields of a selection set by response key, in order. Fields with the same key merge."""


class FieldCollector:
    """Collects the fields of one operation, for one result of its @skip and @include directives.

    conditions: the values of the variables in these directives.
    """

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], conditions: dict[str, Any]
    ) -> None:
        self.schema, self.fragments = schema, fragments
        self.variables = VariableValues({}, conditions)
        self.may_have_null = None in conditions.values()

    def collect_fields(self, nodes: Sequence[FieldNode | OperationDefinitionNode], type_name: str) -> FieldsByKey:
        """Return the fields that some nodes select from a type.

        Raise GraphQLError if a condition is null: a variable with a default may be null (5.8.5),
        but a condition may not.
        """
        fields: FieldsByKey = {}
        visited_fragments: set[str] = set()
        for node in nodes:
            if node.selection_set is not None:
                self._collect(node.selection_set, type_name, fields, visited_fragments)
        return fields

    def check_conditions(self, nodes: Sequence[FieldNode], parent_type: Any) -> None:
        """Raise GraphQLError if a condition at any depth below a field is null.

        Plans may evaluate conditions after they have called their operation. A write with a null
        condition must not run, so its conditions are checked first.
        """
        if not self.may_have_null:
            return
        field = self.schema.get_field(parent_type, nodes[0].name.value)
        type = get_named_type(field.type) if field is not None else None
        for object_type in self.schema.get_possible_types(type) if isinstance(type, GraphQLInterfaceType) else (type,):
            if isinstance(object_type, GraphQLObjectType):
                for field_nodes in self.collect_fields(nodes, object_type.name).values():
                    self.check_conditions(field_nodes, object_type)

    def _collect(
        self, selection_set: SelectionSetNode, type_name: str, fields: FieldsByKey, visited_fragments: set[str]
    ) -> None:
        """Add the fields of a selection set.

        Each fragment is visited once, however often it is spread: otherwise a short document could
        select 2^60 fields.
        """
        for node in selection_set.selections:
            if node.directives and not self._is_included(node.directives):
                continue
            if isinstance(node, FieldNode):
                fields.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
                continue
            fragment: Any = node
            if not isinstance(node, InlineFragmentNode):
                name: str = node.name.value  # type: ignore[attr-defined]
                if name in visited_fragments:
                    continue
                visited_fragments.add(name)
                fragment = self.fragments[name]
            if fragment.type_condition is None or self._matches(fragment.type_condition.name.value, type_name):
                self._collect(fragment.selection_set, type_name, fields, visited_fragments)

    def _matches(self, type_condition: str, type_name: str) -> bool:
        """Return whether a fragment's type condition applies to an object type."""
        if type_condition == type_name:
            return True
        type = self.schema.type_map[type_name]
        return isinstance(type, GraphQLObjectType) and any(i.name == type_condition for i in type.interfaces)

    def _is_included(self, directives: Sequence[DirectiveNode]) -> bool:
        """Evaluate the directives of a selection. A true @skip wins, whatever @include has."""
        return not self._condition(GraphQLSkipDirective, directives, False) and self._condition(
            GraphQLIncludeDirective, directives, True
        )

    def _condition(self, definition: GraphQLDirective, directives: Sequence[DirectiveNode], default: bool) -> bool:
        """Return the argument `if` of a directive, or the default if the directive is absent."""
        for directive in directives:
            if directive.name.value == definition.name:
                return get_argument_values(definition, directive, self.variables)["if"]
        return default
