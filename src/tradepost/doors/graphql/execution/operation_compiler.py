"""Compile the operations of documents to the plans of their root fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError, GraphQLField, GraphQLObjectType, GraphQLSchema, is_non_null_type
from graphql.language import FieldNode

from tradepost.kit.auth.access import ANYONE

from ..documents.document import PreparedOperation, Roots
from ..documents.limits import INTROSPECTION_FIELDS
from ..plan.batch_plan import BatchRoot
from ..plan.field_collector import FieldCollector
from ..plan.node_plan import Getters, NodesRoot
from ..plan.root_plans import NullConditionRoot, ObjectRoot, PageRoot, Root, TypenameRoot
from ..plan.schema_plan import SchemaRoot
from ..plan.selection_compiler import SelectionCompiler
from ..problems import TooManyMutations
from ..schema.root_fields import RootField

MAX_MUTATIONS = 4


class OperationCompiler:
    """Compiles operations for one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fields: Mapping[str, RootField[..., Any]],
        getters: Getters,
        *,
        require_version: bool,
    ) -> None:
        """`require_version`: whether updates and deletions require `expectedVersion`."""
        self.schema, self.fields, self.getters, self.require_version = schema, fields, getters, require_version

    def compile(self, operation: PreparedOperation, conditions: dict[str, Any]) -> Roots:
        """Return the plans of an operation's root fields, in order.

        Raise GraphQLError if a condition in its own selection set is null, or TooManyMutations.
        conditions: the values of the variables in its @skip and @include directives.
        """
        compiler = SelectionCompiler(FieldCollector(self.schema, operation.document.fragments, conditions))
        parent_type: Any = self.schema.mutation_type if operation.writes else self.schema.query_type
        fields = compiler.collector.collect_fields([operation.node], parent_type.name)
        if operation.writes and len(fields) > MAX_MUTATIONS:
            raise TooManyMutations(
                f"A document may have at most {MAX_MUTATIONS} mutation fields; "
                f"this one has {len(fields)}, and none was executed."
            )
        return [self._compile_root(key, nodes, parent_type, operation, compiler) for key, nodes in fields.items()]

    def _compile_root(
        self,
        response_key: str,
        nodes: Sequence[FieldNode],
        parent_type: GraphQLObjectType,
        operation: PreparedOperation,
        compiler: SelectionCompiler,
    ) -> Root:
        name = nodes[0].name.value
        if name == "__typename":
            return TypenameRoot(response_key, nodes, parent_type.name)
        definition = self.schema.get_field(parent_type, name)
        assert definition is not None, "validation rejects unknown fields"
        field = self.fields.get(name)
        try:
            compiler.collector.check_conditions(nodes, parent_type)
        except GraphQLError as error:
            access = ANYONE if field is None else field.operation.access
            nullable = not is_non_null_type(definition.type)
            return NullConditionRoot(response_key, nodes, access, nullable=nullable, error=error)
        if field is not None:
            return self._compile_operation_field(response_key, nodes, field, definition, compiler)
        if name in INTROSPECTION_FIELDS:
            return SchemaRoot(response_key, nodes, self.schema, operation.node, operation.document.fragments)
        return NodesRoot(response_key, nodes, name == "nodes", definition, compiler, self.getters)

    def _compile_operation_field(
        self,
        response_key: str,
        nodes: Sequence[FieldNode],
        field: RootField[..., Any],
        definition: GraphQLField,
        compiler: SelectionCompiler,
    ) -> Root:
        if field.operation.kind == "batch":
            return BatchRoot(response_key, nodes, field, definition, compiler)
        if field.operation.kind == "list":
            return PageRoot(response_key, nodes, field, definition, compiler)
        return ObjectRoot(response_key, nodes, field, definition, compiler, require_version=self.require_version)
