"""Build the Strawberry schema of a registry, in two passes.

The first pass creates the types with their scalar fields, the second adds the relations. So types
may refer to each other in cycles although areas only import earlier areas.
"""

from collections.abc import Iterable
from typing import Any

import strawberry
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.resource import Relation, Resource

from .connections import CONNECTION_ARGUMENTS, LIST_ARGUMENTS, ConnectionTypes
from .object_types import ObjectTypes
from .root_fields import RootField
from .scalars import SCALARS
from .strawberry_fields import argument, field, nullable, strawberry_definition

QUERY_DESCRIPTION = "The operations that read data."
MUTATION_DESCRIPTION = (
    "The operations that change data. The fields of a mutation run one after another, each in a transaction of its own."
)


class SchemaBuilder:
    """Builds one schema."""

    def __init__(self, registry: Registry, roots: Iterable[RootField[..., Any]]) -> None:
        self.registry, self.roots = registry, list(roots)
        self.object_types = ObjectTypes()
        self.connections, self.types = ConnectionTypes(self.object_types), self.object_types.types
        self.node_interface = strawberry.interface(
            type("Node", (), {"__annotations__": {"id": strawberry.ID}}), description="An object with an ID."
        )

    def build(self) -> strawberry.Schema:
        """Return the schema. It has no resolvers, because plans execute its fields."""
        for resource in self.registry.resources.values():
            self.resource_type(resource)
        for resource in self.registry.resources.values():
            for relation in resource.relations.values():
                strawberry_definition(self.types[resource.name]).fields.append(self.relation_field(relation))
        for result in self.registry.results.values():
            self.object_types.object_type(result.name, result.members, result.shape.__doc__, result.field_access)
        query = create_type(
            "Query", self.root_fields(mutations=False) + self.node_fields(), description=QUERY_DESCRIPTION
        )
        mutations = self.root_fields(mutations=True)
        mutation = create_type("Mutation", mutations, description=MUTATION_DESCRIPTION) if mutations else None
        types = [self.types[resource.name] for resource in self.registry.resources.values()]
        return strawberry.Schema(
            query, mutation, types=types, config=StrawberryConfig(scalar_map=SCALARS, sort_schema=True)
        )

    def resource_type(self, resource: Resource[Any]) -> Any:
        """Create the object type of a resource, without its relations."""
        object_type = self.object_types.object_type(
            resource.name, resource.members, resource.shape.__doc__, resource.field_access
        )
        if resource in self.registry.node_resources:
            strawberry_definition(object_type).interfaces = [strawberry_definition(self.node_interface)]
        return object_type

    def relation_field(self, relation: Relation) -> Any:
        """Return the field of a relation."""
        target_type = self.types[relation.target.name]
        if not relation.is_to_many:
            type, arguments = nullable(target_type), []
        elif relation.paged:
            type = self.connections.connection_type(relation.target)
            arguments = self.connections.list_arguments(relation.target, CONNECTION_ARGUMENTS)
        else:
            type = list[target_type]
            arguments = self.connections.list_arguments(relation.target, LIST_ARGUMENTS)
        relation_field = field(relation.name, type, relation.doc, access=relation.access)
        relation_field.arguments = arguments
        return relation_field

    def root_fields(self, *, mutations: bool) -> list[Any]:
        """Return the fields of Query or of Mutation."""
        return [self.root_field(root) for root in self.roots if root.operation.is_write == mutations]

    def root_field(self, root: RootField[..., Any]) -> Any:
        """Return the field of one operation."""
        operation = root.operation
        root_field = field(
            root.call.__name__,
            self.result_type(operation),
            operation.doc,
            access=operation.access,
            deprecated=root.deprecated,
        )
        root_field.arguments = [
            argument(p.name, self.object_types.argument_type(p.member), p.member.doc) for p in root.parameters.values()
        ]
        if operation.kind == "list":
            root_field.arguments += self.connections.list_arguments(operation.resource, CONNECTION_ARGUMENTS)
        return root_field

    def result_type(self, operation: Operation[Any, ..., Any]) -> Any:
        """Return the type of an operation's field.

        A list below a row is null if the row does not exist. Single objects and all mutations are
        nullable, so that one error does not null the other fields.
        """
        if operation.kind == "list":
            connection = self.connections.connection_type(operation.resource)
            return connection if operation.parent_relation is None else nullable(connection)
        if operation.kind == "batch":
            return nullable(self.batch_payload(operation.resource))
        return nullable(self.types[operation.result.name])

    def batch_payload(self, resource: Resource[Any]) -> Any:
        """Return a type such as `ProductBatchPayload`."""
        name = f"{resource.name}BatchPayload"
        if name not in self.types:
            result_fields = [
                field("status", int, "The HTTP status that the REST API returns for this item."),
                field("changed", bool, "False if the item already had these values."),
                field("data", nullable(self.types[resource.name])),
                field("error", nullable(self.problem_type())),
            ]
            result_type = create_type(
                f"{resource.name}BatchResult",
                result_fields,
                description="The outcome of one item of a batch: its data, or an error.",
            )
            self.types[name] = create_type(
                name,
                [field("results", list[result_type])],
                description="The outcomes of a batch, in the order of its items.",
            )
        return self.types[name]

    def problem_type(self) -> Any:
        """Return the type of a problem as data (RFC 9457)."""
        if "Problem" not in self.types:
            fault_type = create_type(
                "ProblemFault",
                [
                    field("code", str),
                    field("detail", str),
                    field("pointer", nullable(str)),
                    field("parameter", nullable(str)),
                ],
                description="One fault in the input, and where it is.",
            )
            standard = [field(n, int if n == "status" else str) for n in ("type", "title", "status", "code", "detail")]
            extensions = [
                field("errors", list[fault_type]),
                field("members", nullable(JSON), "Additional members of this type of problem."),
            ]
            self.types["Problem"] = create_type(
                "Problem",
                [*standard, *extensions],
                description="An error, with the members of `errors[].extensions` (RFC 9457).",
            )
        return self.types["Problem"]

    def node_fields(self) -> list[Any]:
        """Return Relay's `node` and `nodes`."""
        if not self.registry.node_resources:
            return []
        node = field(
            "node",
            nullable(self.node_interface),
            "Fetches an object given its ID. Null if it does not exist or you cannot access it.",
        )
        node.arguments = [argument("id", strawberry.ID)]
        nodes = field(
            "nodes",
            list[nullable(self.node_interface)],
            "Fetches up to 100 objects given their IDs, in the same order. "
            "Null for each object that does not exist or that you cannot access.",
        )
        nodes.arguments = [argument("ids", list[strawberry.ID])]
        return [node, nodes]
