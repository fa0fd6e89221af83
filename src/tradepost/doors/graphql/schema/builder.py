"""Strawberry types from the registry, in two passes: scalars first, then the relations, so types may form circles while rooms do not."""

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

MUTATION_DOC = "What can be changed. Fields run one after another, each in a transaction of its own."


class SchemaBuilder:
    """The types of one schema."""

    def __init__(self, registry: Registry, roots: Iterable[RootField[..., Any]]) -> None:
        self.registry, self.roots = registry, list(roots)
        self.shapes = ObjectTypes()
        self.lists, self.made = ConnectionTypes(self.shapes), self.shapes.types
        self.node = strawberry.interface(
            type("Node", (), {"__annotations__": {"id": strawberry.ID}}), description="Whatever has an id of its own."
        )

    def build(self) -> strawberry.Schema:
        """Both passes, then the roots. Resolvers are set on the finished schema (`reference`)."""
        for of in self.registry.resources.values():
            self.resource(of)
        for of in self.registry.resources.values():
            for relation in of.relations.values():
                strawberry_definition(self.made[of.name]).fields.append(self.relation(relation))
        for of in self.registry.results.values():
            self.shapes.object_type(of.name, of.members, of.shape.__doc__, of.field_access)
        query = create_type("Query", self.fields(False) + self.node_fields(), description="What can be read.")
        writes = self.fields(True)
        mutation = create_type("Mutation", writes, description=MUTATION_DOC) if writes else None
        types = [self.made[of.name] for of in self.registry.resources.values()]
        return strawberry.Schema(
            query, mutation, types=types, config=StrawberryConfig(scalar_map=SCALARS, sort_schema=True)
        )

    def resource(self, of: Resource[Any]) -> Any:
        """The first pass of a resource."""
        made = self.shapes.object_type(of.name, of.members, of.shape.__doc__, of.field_access)
        if of in self.registry.node_resources:
            strawberry_definition(made).interfaces = [strawberry_definition(self.node)]
        return made

    def relation(self, of: Relation) -> Any:
        """The field that follows a relation."""
        target = self.made[of.target.name]
        kind = (
            self.lists.connection_type(of.target) if of.paged else list[target] if of.is_to_many else nullable(target)
        )
        made = field(of.name, kind, of.doc, access=of.access)
        made.arguments = (
            self.lists.list_arguments(of.target, CONNECTION_ARGUMENTS if of.paged else LIST_ARGUMENTS)
            if of.is_to_many
            else []
        )
        return made

    def fields(self, writes: bool) -> list[Any]:
        """The fields of Query or Mutation."""
        made: list[Any] = []
        for root in self.roots:
            if root.operation.is_write == writes:
                known = field(
                    root.call.__name__,
                    self.answer(root.operation),
                    root.operation.doc,
                    access=root.operation.access,
                    deprecated=root.deprecated,
                )
                known.arguments = [
                    argument(p.name, self.shapes.argument_type(p.member), p.member.doc)
                    for p in root.parameters.values()
                ]
                if root.operation.kind == "list":
                    known.arguments += self.lists.list_arguments(root.operation.resource, CONNECTION_ARGUMENTS)
                made.append(known)
        return made

    def answer(self, operation: Operation[Any, ..., Any]) -> Any:
        """What an operation's field gives: a list below a row is null where there is no such row, single things and all writes may be null."""
        if operation.kind == "list":
            made = self.lists.connection_type(operation.resource)
            return made if operation.parent_relation is None else nullable(made)
        return nullable(
            self.batch(operation.resource) if operation.kind == "batch" else self.made[operation.result.name]
        )

    def batch(self, of: Resource[Any]) -> Any:
        """`ProductBatchPayload`: the outcomes in the order of the items."""
        name = f"{of.name}BatchPayload"
        if name not in self.made:
            kinds = [
                field("status", int, "As REST's status of the item."),
                field("changed", bool, "False where nothing differed."),
            ]
            found = [field("data", nullable(self.made[of.name])), field("error", nullable(self.problem()))]
            item = create_type(
                f"{of.name}BatchResult",
                [*kinds, *found],
                description="The outcome of one item: what it made, or what was wrong.",
            )
            self.made[name] = create_type(
                name, [field("results", list[item])], description="The outcomes of a batch, in the order of its items."
            )
        return self.made[name]

    def problem(self) -> Any:
        """A problem as data (RFC 9457)."""
        if "Problem" not in self.made:
            where = [field("pointer", nullable(str)), field("parameter", nullable(str))]
            fault = create_type(
                "ProblemFault",
                [field("code", str), field("detail", str), *where],
                description="One thing that is wrong, and where.",
            )
            said = [field(n, int if n == "status" else str) for n in ("type", "title", "status", "code", "detail")]
            more = [
                field("errors", list[fault]),
                field("members", nullable(JSON), "What else this kind of problem says."),
            ]
            self.made["Problem"] = create_type(
                "Problem", [*said, *more], description="What went wrong, as in `errors[].extensions` (RFC 9457)."
            )
        return self.made["Problem"]

    def node_fields(self) -> list[Any]:
        """Relay's `node` and `nodes`."""
        if not self.registry.node_resources:
            return []
        one = field(
            "node", nullable(self.node), "Whatever has this id; null where there is no such thing, or none for you."
        )
        one.arguments = [argument("id", strawberry.ID)]
        many = field(
            "nodes",
            list[nullable(self.node)],
            "Things by their ids, in the same order; null for each that is missing. At most 100.",
        )
        many.arguments = [argument("ids", list[strawberry.ID])]
        return [one, many]
