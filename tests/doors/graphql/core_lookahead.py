"""Lookahead for graphql-core: a Selection of everything that it will resolve below a root field.

In the records, a field without a selection set has its own name as key. A field with one may be
selected several times with different selections; its key is `nested_key`, which the resolver can
compute from its field nodes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from graphql import GraphQLField, GraphQLResolveInfo, get_argument_values, print_ast
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields
from graphql.language import FieldNode

from tradepost.doors.graphql.plan.arguments import with_graphql_names
from tradepost.doors.graphql_names import camel
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.resource.list_arguments import parse_list_query
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.rendering import FieldMember, PageMember, PagePart, Rendering
from tradepost.kit.resource.resource import Relation, Resource, Result
from tradepost.kit.resource.selection import FieldSet, Selection, SelectionBuilder

PAGE_INFO_PARTS = tuple([PagePart(n, n) for n in ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")])


def nested_key(response_key: str | int, nodes: Sequence[FieldNode]) -> str:
    """Return the key of a field with a selection set: its response key and source positions."""
    return f"{response_key}@{','.join([str(n.loc.start) for n in nodes if n.loc is not None])}"


class UnboundListArguments(msgspec.Struct, frozen=True, eq=False):
    """The arguments of a list before they are coerced. Equal if their source text is equal."""

    target: Resource[Any]
    field: GraphQLField
    node: FieldNode
    paged: bool
    total: bool

    @property
    def source(self) -> tuple[Any, ...]:
        """The source text of the arguments, and whether `totalCount` is selected."""
        return self.total, *sorted([print_ast(a) for a in self.node.arguments or ()])

    def __hash__(self) -> int:
        return hash(self.source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnboundListArguments) and self.source == other.source


class Lookahead:
    """The lookahead of one root field."""

    def __init__(self, info: GraphQLResolveInfo) -> None:
        self.info, self.nodes = info, list(info.field_nodes)
        self.fragments = {n: FragmentDetails(d) for n, d in info.fragments.items()}

    def object_selection(self, result: Result[Any]) -> Selection[Any]:
        """Return what is selected from an object."""
        builder = SelectionBuilder(result)
        members = tuple(self._members(builder, self.nodes).values())
        return self._bind(builder, Rendering(members=members, decode_json=True))

    def page_selection(self, resource: Resource[Any]) -> tuple[Selection[Any], bool]:
        """Return what is selected from a connection, and whether `totalCount` is."""
        builder = SelectionBuilder(resource)
        parts, total = self._page_parts(builder, self.nodes)
        return self._bind(builder, Rendering(parts=parts, decode_json=True)), total

    def batch_selection(self, resource: Resource[Any]) -> Selection[Any]:
        """Return what all occurrences of `data` select from the rows of a batch."""
        builder, members = SelectionBuilder(resource), dict[str, FieldMember]()
        for payload_nodes in self._subfields(f"{resource.name}BatchPayload", self.nodes).values():
            if payload_nodes[0].name.value != "results":
                continue
            for nodes in self._subfields(f"{resource.name}BatchResult", payload_nodes).values():
                if nodes[0].name.value == "data":
                    members |= self._members(builder, nodes)
        return self._bind(builder, Rendering(members=tuple(members.values()), decode_json=True))

    def list_query(self, arguments: UnboundListArguments, values: Mapping[str, Any]) -> ListQuery:
        """Return the ListQuery of coerced arguments, or raise InvalidParameter."""
        permissions = self.info.context.caller.permissions
        target, names = arguments.target, {camel(n): n for n in arguments.target.filters}
        list_arguments = {n: values[n] for n in ("first", "last", "after", "before", "sort") if n in values}
        conditions = {names[n]: v for n, v in (values.get("filter") or {}).items()}
        list_arguments |= {"filter": conditions, "total": arguments.total or None}
        try:
            return parse_list_query(target, list_arguments, permissions, paged=arguments.paged)
        except InvalidParameter as problem:
            raise with_graphql_names(problem, target, permissions) from None

    def _subfields(self, type_name: str, nodes: Sequence[FieldNode]) -> Mapping[str, list[FieldNode]]:
        """Return the fields that some nodes select from a type, by response key."""
        info = self.info
        collected: Any = collect_subfields(
            info.schema,
            self.fragments,
            info.variable_values,
            info.operation,
            info.schema.type_map[type_name],  # type: ignore[arg-type]
            [FieldDetails(n, None) for n in nodes],
        )
        return {key: [d.node for d in fields] for key, fields in collected.grouped_field_set.items()}

    def _bind(self, builder: SelectionBuilder, rendering: Rendering) -> Selection[Any]:
        """Return the Selection. The arguments of its lists are coerced here."""
        fields, lists = builder.build()
        list_queries = [
            self.list_query(arguments, get_argument_values(arguments.field, arguments.node, self.info.variable_values))
            for arguments in lists
        ]
        return Selection(FieldSet(fields, rendering), tuple(list_queries))

    def _members(self, builder: SelectionBuilder, nodes: Sequence[FieldNode]) -> dict[str, FieldMember]:
        """Add the fields of an object to the builder and return its members."""
        target, members = builder.target, dict[str, FieldMember]()
        names = {camel(n): n for n in (*target.members, *target.relations)}
        for key, field_nodes in self._subfields(target.name, nodes).items():
            field_name = field_nodes[0].name.value
            if field_name == "__typename":
                continue
            name = names[field_name]
            relation = target.relations.get(name)
            if relation is not None and relation.is_to_many:
                member = self._to_many_member(builder, key, field_nodes, relation)
            else:
                index, nested = builder.add(name, None if relation is None else key)
                member = (
                    FieldMember(field_name, index)
                    if nested is None
                    else FieldMember(
                        nested_key(key, field_nodes), index, tuple(self._members(nested, field_nodes).values())
                    )
                )
            members[member.key] = member
        return members

    def _to_many_member(
        self, builder: SelectionBuilder, key: str, nodes: list[FieldNode], relation: Relation
    ) -> FieldMember:
        """Add a to-many relation to the builder and return its member."""
        target, connection = relation.target, f"{relation.target.name}Connection"
        total = relation.paged and any(
            [n[0].name.value == "totalCount" for n in self._subfields(connection, nodes).values()]
        )
        parent_type: Any = self.info.schema.type_map[builder.target.name]
        definition = parent_type.fields[nodes[0].name.value]
        index, nested = builder.add(
            relation.name, key, UnboundListArguments(target, definition, nodes[0], relation.paged, total)
        )
        assert nested is not None
        if relation.paged:
            return FieldMember(nested_key(key, nodes), index, parts=self._page_parts(nested, nodes)[0])
        return FieldMember(nested_key(key, nodes), index, tuple(self._members(nested, nodes).values()))

    def _page_parts(self, builder: SelectionBuilder, nodes: Sequence[FieldNode]) -> tuple[tuple[PageMember, ...], bool]:
        """Return all parts of a connection, and whether `totalCount` is among them.

        All parts are rendered, whether selected or not, except for the total, which is counted.
        """
        name, members, total = builder.target.name, dict[str, FieldMember](), False
        for field_nodes in self._subfields(f"{name}Connection", nodes).values():
            match field_nodes[0].name.value:
                case "nodes":
                    members |= self._members(builder, field_nodes)
                case "edges":
                    for edge_nodes in self._subfields(f"{name}Edge", field_nodes).values():
                        if edge_nodes[0].name.value == "node":
                            members |= self._members(builder, edge_nodes)
                case "totalCount":
                    total = True
                case _:
                    pass
        edge_parts = (PagePart("cursor", "cursor"), PagePart("node", "node", tuple(members.values())))
        total_parts = (PagePart("totalCount", "total"),) if total else ()
        parts = (PagePart("edges", "edges", edge_parts), PagePart("pageInfo", "page_info", PAGE_INFO_PARTS))
        return (*parts, *total_parts), total
