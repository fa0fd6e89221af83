"""Compile GraphQL selection sets to Selections: the value that `?fields=` also compiles to.

The Selection's rendering produces the response as GraphQL wants it.
"""

from collections.abc import Sequence
from typing import Any

from graphql.language import FieldNode

from tradepost.kit.lru import Memo
from tradepost.kit.resource.rendering import Constant, FieldMember, ObjectMember, PageMember, PagePart, Rendering
from tradepost.kit.resource.resource import Relation, Resource, Result
from tradepost.kit.resource.row_layout import Actions
from tradepost.kit.resource.selection import FieldSet, Selection, SelectionBuilder

from ...graphql_names import camel
from .arguments import BOUND_ARGUMENTS, BOUND_BYTES, ListArguments, Variables
from .field_collector import FieldCollector, FieldsByKey


class UnboundSelection:
    """A field set, and the arguments of its lists, from which each request makes a Selection.

    is_constant: whether no list argument has a variable.
    """

    __slots__ = ("_bound", "field_set", "is_constant", "list_arguments")

    def __init__(self, field_set: FieldSet, list_arguments: Sequence[ListArguments]) -> None:
        self.field_set, self.list_arguments = field_set, tuple(list_arguments)
        self.is_constant = all(arguments.is_constant for arguments in list_arguments)
        self._bound = Memo[frozenset[str], Selection[Any]](BOUND_ARGUMENTS)

    def bind(self, variables: Variables, permissions: frozenset[str]) -> Selection[Any]:
        """Return the Selection of a request.

        Without variables it is the same object for all callers with these permissions.
        """
        if (bound := self._bound.get(permissions)) is not None:
            return bound
        selection: Selection[Any] = Selection(
            self.field_set, tuple([arguments.bind(variables, permissions) for arguments in self.list_arguments])
        )
        if self.is_constant:
            self._bound.put(permissions, selection, BOUND_BYTES)
        return selection


class SelectionCompiler:
    """Compiles one operation of a document, for one result of its @skip and @include directives."""

    def __init__(self, collector: FieldCollector) -> None:
        self.schema, self.collector = collector.schema, collector

    def collect_fields(self, nodes: Sequence[FieldNode], type_name: str) -> FieldsByKey:
        """Return the fields that some nodes select from a type, by response key."""
        return self.collector.collect_fields(nodes, type_name)

    def object_selection(self, result: Result[Any], type_name: str, nodes: Sequence[FieldNode]) -> UnboundSelection:
        """Return what some nodes select from an object."""
        builder = SelectionBuilder(result)
        return self._build(builder, members=self._members(builder, type_name, nodes))

    def merge_selections(
        self, resource: Resource[Any], type_name: str, occurrences: Sequence[Sequence[FieldNode]]
    ) -> UnboundSelection:
        """Return what several fields select from the same object.

        If there is more than one, the keys of each are numbered: `0.id`, `1.name`.
        """
        builder = SelectionBuilder(resource)
        members = [self._members(builder, type_name, nodes) for nodes in occurrences]
        if len(members) == 1:
            return self._build(builder, members=members[0])
        numbered = [_numbered(m, index) for index, occurrence in enumerate(members) for m in occurrence]
        return self._build(builder, members=tuple(numbered))

    def page_selection(self, resource: Resource[Any], nodes: Sequence[FieldNode]) -> tuple[UnboundSelection, bool]:
        """Return what some nodes select from a connection, and whether they select `totalCount`."""
        builder = SelectionBuilder(resource)
        parts, total = self._page_parts(builder, resource, nodes)
        return self._build(builder, parts=parts), total

    def _build(
        self,
        builder: SelectionBuilder,
        *,
        members: tuple[ObjectMember, ...] | None = None,
        parts: tuple[PageMember, ...] | None = None,
    ) -> UnboundSelection:
        fields, list_arguments = builder.build()
        rendering = Rendering(members=members, parts=parts, enum_names=True, actions=_available_actions)
        return UnboundSelection(FieldSet(fields, rendering), list_arguments)

    def _members(
        self, builder: SelectionBuilder, type_name: str, nodes: Sequence[FieldNode]
    ) -> tuple[ObjectMember, ...]:
        """Add the fields of an object to the builder and return its members."""
        names = {camel(n): n for n in (*builder.target.members, *builder.target.relations)}
        members: list[ObjectMember] = []
        for key, field_nodes in self.collect_fields(nodes, type_name).items():
            if (field_name := field_nodes[0].name.value) == "__typename":
                members.append(Constant(key, type_name))
                continue
            name, alias = names[field_name], None if key == field_name else key
            relation = builder.target.relations.get(name)
            if relation is not None and relation.is_to_many:
                members.append(self._to_many_member(builder, type_name, relation, key, alias, field_nodes))
                continue
            index, nested = builder.add(name, alias)
            nested_members = None if nested is None else self._members(nested, nested.target.name, field_nodes)
            members.append(FieldMember(key, index, nested_members))
        return tuple(members)

    def _to_many_member(
        self,
        builder: SelectionBuilder,
        type_name: str,
        relation: Relation,
        key: str,
        alias: str | None,
        nodes: list[FieldNode],
    ) -> FieldMember:
        """Add a to-many relation: a connection if it is paged, else a list."""
        target = relation.target
        definition = self.schema.type_map[type_name].fields[nodes[0].name.value]  # type: ignore[attr-defined]
        total = relation.paged and any(
            n[0].name.value == "totalCount" for n in self.collect_fields(nodes, f"{target.name}Connection").values()
        )
        index, nested = builder.add(
            relation.name, alias, ListArguments(definition, nodes[0], target, relation.paged, total)
        )
        assert nested is not None
        if not relation.paged:
            return FieldMember(key, index, self._members(nested, target.name, nodes))
        return FieldMember(key, index, parts=self._page_parts(nested, target, nodes)[0])

    def _page_parts(
        self, builder: SelectionBuilder, resource: Resource[Any], nodes: Sequence[FieldNode]
    ) -> tuple[tuple[PageMember, ...], bool]:
        """Return the parts of a connection, and whether `totalCount` is among them.

        `edges` and `nodes` select from the same rows.
        """
        type_name, parts, total = f"{resource.name}Connection", list[PageMember](), False
        for key, field_nodes in self.collect_fields(nodes, type_name).items():
            match field_nodes[0].name.value:
                case "nodes":
                    parts.append(PagePart(key, "nodes", self._members(builder, resource.name, field_nodes)))
                case "edges":
                    parts.append(PagePart(key, "edges", self._edge_parts(builder, resource, field_nodes)))
                case "pageInfo":
                    parts.append(PagePart(key, "page_info", self._page_info_parts(field_nodes)))
                case "totalCount":
                    parts.append(PagePart(key, "total"))
                    total = True
                case _:
                    parts.append(Constant(key, type_name))
        return tuple(parts), total

    def _edge_parts(
        self, builder: SelectionBuilder, resource: Resource[Any], nodes: Sequence[FieldNode]
    ) -> tuple[PageMember, ...]:
        type_name, parts = f"{resource.name}Edge", list[PageMember]()
        for key, field_nodes in self.collect_fields(nodes, type_name).items():
            match field_nodes[0].name.value:
                case "node":
                    parts.append(PagePart(key, "node", self._members(builder, resource.name, field_nodes)))
                case "cursor":
                    parts.append(PagePart(key, "cursor"))
                case _:
                    parts.append(Constant(key, type_name))
        return tuple(parts)

    def _page_info_parts(self, nodes: Sequence[FieldNode]) -> tuple[PageMember, ...]:
        parts = list[PageMember]()
        for key, field_nodes in self.collect_fields(nodes, "PageInfo").items():
            match field_nodes[0].name.value:
                case "hasNextPage" | "hasPreviousPage" | "startCursor" | "endCursor" as name:
                    parts.append(PagePart(key, name))
                case _:
                    parts.append(Constant(key, "PageInfo"))
        return tuple(parts)


def _numbered(member: ObjectMember, index: int) -> ObjectMember:
    """Return the member under a key that begins with the number of its occurrence."""
    key = f"{index}.{member.key}"
    if isinstance(member, Constant):
        return Constant(key, member.value)
    return FieldMember(key, member.index, member.members, member.parts)


def _available_actions(actions: Actions) -> Any:
    """Return the function that renders `availableActions`: the mutations open on a row."""
    names = [(camel(name), index) for name, index in actions.names]
    if all(index is None for _, index in names):
        always = [name for name, _ in names]
        return lambda row: always
    return lambda row: [name for name, index in names if index is None or row[index]]
