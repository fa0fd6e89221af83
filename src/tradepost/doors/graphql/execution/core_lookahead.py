"""Looking ahead in stock execution: what graphql-core will ask for below a field, as a Selection whose records hold all of it.

A member without a selection set stands under its name. What has one stands under its `mark`, which its resolver can tell from the field nodes it is
given: one member may be asked for several times, each time with something else below it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from graphql import GraphQLField, GraphQLResolveInfo, get_argument_values, print_ast
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_subfields
from graphql.language import FieldNode

from tradepost.kit.problems import InvalidParameter
from tradepost.kit.resource import list_arguments as asking
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.rendering import FieldMember, PageMember, PagePart, Rendering
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.resource.selection import FieldSet, Selection, SelectionBuilder

from ...graphql_names import camel
from ..plan.arguments import with_graphql_names

FLAGS = tuple([PagePart(n, n) for n in ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")])


def nested_key(key: str | int, nodes: Sequence[FieldNode]) -> str:
    """What stands below one response key: the key, and where in the document its field is written."""
    return f"{key}@{','.join([str(n.loc.start) for n in nodes if n.loc is not None])}"


class UnboundListArguments(msgspec.Struct, frozen=True, eq=False):
    """A list's Window before its arguments are read; two are equal where they are written alike."""

    target: Resource[Any]
    field: GraphQLField
    node: FieldNode
    paged: bool
    total: bool

    @property
    def written(self) -> tuple[Any, ...]:
        """What tells one from another."""
        return self.total, *sorted([print_ast(a) for a in self.node.arguments or ()])

    def __hash__(self) -> int:
        return hash(self.written)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnboundListArguments) and self.written == other.written


class Lookahead:
    """The lookahead of one root field."""

    def __init__(self, info: GraphQLResolveInfo) -> None:
        self.info, self.nodes = info, list(info.field_nodes)
        self.fragments = {n: FragmentDetails(d) for n, d in info.fragments.items()}

    def below(self, type: str, nodes: Sequence[FieldNode]) -> Mapping[str, list[FieldNode]]:
        """The fields below some nodes of an object type, by response key."""
        info, of = self.info, self.info.schema.type_map[type]
        details = [FieldDetails(n, None) for n in nodes]
        found: Any = collect_subfields(info.schema, self.fragments, info.variable_values, info.operation, of, details)  # type: ignore[arg-type]
        return {key: [d.node for d in fields] for key, fields in found.grouped_field_set.items()}

    def object_selection(self, of: Result[Any]) -> Selection[Any]:
        """What is asked of one object."""
        draft = SelectionBuilder(of)
        return self.sealed(draft, Rendering(members=tuple(self.members(draft, self.nodes).values()), decode_json=True))

    def page_selection(self, of: Resource[Any]) -> tuple[Selection[Any], bool]:
        """What is asked of a page of a list, and whether that is its total as well."""
        draft = SelectionBuilder(of)
        parts, total = self.parts(draft, self.nodes)
        return self.sealed(draft, Rendering(parts=parts, decode_json=True)), total

    def batch_selection(self, of: Resource[Any]) -> Selection[Any]:
        """What is asked of the rows of a batch, in all places together."""
        draft, members = SelectionBuilder(of), dict[str, FieldMember]()
        for results in self.below(f"{of.name}BatchPayload", self.nodes).values():
            for found in (
                self.below(f"{of.name}BatchResult", results).values() if results[0].name.value == "results" else ()
            ):
                members |= self.members(draft, found) if found[0].name.value == "data" else {}
        return self.sealed(draft, Rendering(members=tuple(members.values()), decode_json=True))

    def sealed(self, draft: SelectionBuilder, rendering: Rendering) -> Selection[Any]:
        """The finished Selection; only now are the arguments of its lists read."""
        fields, stretches = draft.build()
        return Selection(FieldSet(fields, rendering), tuple([self.list_query(s, self.given(s)) for s in stretches]))

    def given(self, of: UnboundListArguments) -> dict[str, Any]:
        """The coerced arguments of a list below a row."""
        return get_argument_values(of.field, of.node, self.info.variable_values)

    def list_query(self, of: UnboundListArguments, given: Mapping[str, Any]) -> ListQuery:
        """The Window that some arguments mean."""
        permissions = self.info.context.caller.permissions
        names = {camel(n): n for n in of.target.filters}
        said = {n: given[n] for n in ("first", "last", "after", "before", "sort") if n in given}
        conditions = {names[n]: v for n, v in (given.get("filter") or {}).items()}
        try:
            return asking.parse_list_query(
                of.target, said | {"filter": conditions, "total": of.total or None}, permissions, paged=of.paged
            )
        except InvalidParameter as problem:
            raise with_graphql_names(problem, of.target, permissions) from None

    def members(self, draft: SelectionBuilder, nodes: Sequence[FieldNode]) -> dict[str, FieldMember]:
        """The members of an object; its fields go into the draft."""
        names, made = {camel(n): n for n in (*draft.target.members, *draft.target.relations)}, dict[str, FieldMember]()
        for key, found in self.below(draft.target.name, nodes).items():
            written = found[0].name.value
            if written == "__typename":
                continue
            name = names[written]
            relation = draft.target.relations.get(name)
            if relation is not None and relation.is_to_many:
                pick = self.many(draft, key, found, relation)
            else:
                index, inner = draft.add(name, None if relation is None else key)
                pick = (
                    FieldMember(written, index)
                    if inner is None
                    else FieldMember(nested_key(key, found), index, tuple(self.members(inner, found).values()))
                )
            made[pick.key] = pick
        return made

    def many(self, draft: SelectionBuilder, key: str, found: list[FieldNode], relation: Any) -> FieldMember:
        """A to-many relation."""
        target, type = relation.target, f"{relation.target.name}Connection"
        total = relation.paged and any([n[0].name.value == "totalCount" for n in self.below(type, found).values()])
        field: Any = self.info.schema.type_map[draft.target.name]
        index, inner = draft.add(
            relation.name,
            key,
            UnboundListArguments(target, field.fields[found[0].name.value], found[0], relation.paged, total),
        )
        assert inner is not None
        if relation.paged:
            return FieldMember(nested_key(key, found), index, parts=self.parts(inner, found)[0])
        return FieldMember(nested_key(key, found), index, tuple(self.members(inner, found).values()))

    def parts(self, draft: SelectionBuilder, nodes: Sequence[FieldNode]) -> tuple[tuple[PageMember, ...], bool]:
        """A page with all that it has, whatever is asked of it; counted only where that is."""
        name, members, total = draft.target.name, dict[str, FieldMember](), False
        for found in self.below(f"{name}Connection", nodes).values():
            match found[0].name.value:
                case "nodes":
                    members |= self.members(draft, found)
                case "edges":
                    for inner in self.below(f"{name}Edge", found).values():
                        members |= self.members(draft, inner) if inner[0].name.value == "node" else {}
                case "totalCount":
                    total = True
                case _:
                    pass
        edge = (PagePart("cursor", "cursor"), PagePart("node", "node", tuple(members.values())))
        counted = (PagePart("totalCount", "total"),) if total else ()
        return (PagePart("edges", "edges", edge), PagePart("pageInfo", "page_info", FLAGS), *counted), total
