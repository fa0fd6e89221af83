"""A GraphQL document to Selections: the same value that `?fields=` makes, with the rendering that GraphQL wants it written in."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema
from graphql.language import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from tradepost.kit.resource.rendering import Constant, FieldMember, ObjectMember, PageMember, PagePart, Rendering
from tradepost.kit.resource.resource import Relation, Resource, Result
from tradepost.kit.resource.row_layout import Actions
from tradepost.kit.resource.selection import FieldSet, Selection, SelectionBuilder

from ...graphql_names import camel
from .arguments import ListArguments, Variables

type FieldsByKey = dict[str, list[FieldNode]]
"""The fields of a selection set by response key, in order; several nodes of one key are merged."""

MOST_KINDS = 100


class UnboundSelection:
    """What is asked of one resource: the form, and the windows that have to be bound per request."""

    __slots__ = ("field_set", "is_constant", "list_arguments", "ready")

    def __init__(self, form: FieldSet, windows: Sequence[ListArguments]) -> None:
        self.field_set, self.list_arguments = form, tuple(windows)
        self.is_constant = all(w.is_constant for w in windows)
        self.ready: dict[frozenset[str], Selection[Any]] = {}

    def bind(self, variables: Variables, permissions: frozenset[str]) -> Selection[Any]:
        """The Selection of this request; one and the same for callers of one kind where no variable is in it."""
        if (found := self.ready.get(permissions)) is not None:
            return found
        made: Selection[Any] = Selection(
            self.field_set, tuple([w.bind(variables, permissions) for w in self.list_arguments])
        )
        if self.is_constant and len(self.ready) < MOST_KINDS:
            self.ready[permissions] = made
        return made


class SelectionCompiler:
    """Reads one operation of a document, for one outcome of its @skip and @include."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], flags: Mapping[str, Any]
    ) -> None:
        self.schema, self.fragments, self.flags = schema, fragments, flags

    def object_selection(self, of: Result[Any], type: str, nodes: Sequence[FieldNode]) -> UnboundSelection:
        """What some nodes ask of an object."""
        draft = SelectionBuilder(of)
        return self._sealed(draft, members=self.members(draft, type, nodes))

    def merge_selections(
        self, of: Resource[Any], type: str, occurrences: Sequence[Sequence[FieldNode]]
    ) -> UnboundSelection:
        """What several occurrences ask of one object. Where there is more than one, the keys of each are numbered: `0.id`, `1.name`."""
        draft = SelectionBuilder(of)
        found = [self.members(draft, type, nodes) for nodes in occurrences]
        if len(found) == 1:
            return self._sealed(draft, members=found[0])
        return self._sealed(
            draft, members=tuple([numbered(m, at) for at, members in enumerate(found) for m in members])
        )

    def page_selection(self, of: Resource[Any], nodes: Sequence[FieldNode]) -> tuple[UnboundSelection, bool]:
        """What some nodes ask of a connection, and whether they ask for its total."""
        draft = SelectionBuilder(of)
        parts, total = self.page(draft, of, nodes)
        return self._sealed(draft, parts=parts), total

    def _sealed(
        self,
        draft: SelectionBuilder,
        *,
        members: tuple[ObjectMember, ...] | None = None,
        parts: tuple[PageMember, ...] | None = None,
    ) -> UnboundSelection:
        fields, windows = draft.build()
        return UnboundSelection(
            FieldSet(fields, Rendering(members=members, parts=parts, enum_names=True, actions=open_mutations)), windows
        )

    def collect_fields(self, nodes: Sequence[FieldNode | OperationDefinitionNode], type: str) -> FieldsByKey:
        """The fields below some nodes of an object type, fragments merged (GraphQL, 6.3.2)."""
        out: FieldsByKey = {}
        seen: set[str] = set()
        for node in nodes:
            if node.selection_set is not None:
                self.gather(node.selection_set, type, out, seen)
        return out

    def gather(self, chosen: SelectionSetNode, type: str, out: FieldsByKey, seen: set[str]) -> None:
        """Adds the fields of a selection set. A fragment counts once, however often it is spread: else a short document could ask for 2^60 fields."""
        for node in chosen.selections:
            if not self.included(node):
                continue
            if isinstance(node, FieldNode):
                out.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
                continue
            fragment: Any = node
            if not isinstance(node, InlineFragmentNode):
                name: str = node.name.value  # type: ignore[attr-defined]
                if name in seen:
                    continue
                seen.add(name)
                fragment = self.fragments[name]
            if fragment.type_condition is None or self.covers(fragment.type_condition.name.value, type):
                self.gather(fragment.selection_set, type, out, seen)

    def covers(self, condition: str, type: str) -> bool:
        """Whether a fragment on a type or interface is about an object type."""
        if condition == type:
            return True
        found = self.schema.type_map[type]
        return isinstance(found, GraphQLObjectType) and any(i.name == condition for i in found.interfaces)

    def included(self, node: Any) -> bool:
        """What @skip and @include say."""
        for directive in node.directives or ():
            if (name := directive.name.value) in ("skip", "include"):
                said = directive.arguments[0].value
                value = (
                    self.flags.get(said.name.value)
                    if isinstance(said, VariableNode)
                    else isinstance(said, BooleanValueNode) and said.value
                )
                if bool(value) is (name == "skip"):
                    return False
        return True

    def members(self, draft: SelectionBuilder, type: str, nodes: Sequence[FieldNode]) -> tuple[ObjectMember, ...]:
        """The members of an object; its fields go into the draft."""
        own = {camel(n): n for n in (*draft.target.members, *draft.target.relations)}
        made: list[ObjectMember] = []
        for key, found in self.collect_fields(nodes, type).items():
            if (written := found[0].name.value) == "__typename":
                made.append(Constant(key, type))
                continue
            name, alias = own[written], None if key == written else key
            relation = draft.target.relations.get(name)
            if relation is not None and relation.is_to_many:
                made.append(self.many(draft, type, relation, key, alias, found))
                continue
            index, inner = draft.add(name, alias)
            made.append(
                FieldMember(key, index, None if inner is None else self.members(inner, inner.target.name, found))
            )
        return tuple(made)

    def many(
        self,
        draft: SelectionBuilder,
        type: str,
        relation: Relation,
        key: str,
        alias: str | None,
        found: list[FieldNode],
    ) -> FieldMember:
        """A to-many relation: a list, or a connection where it is paged."""
        target = relation.target
        definition = self.schema.type_map[type].fields[found[0].name.value]  # type: ignore[attr-defined]
        total = relation.paged and any(
            n[0].name.value == "totalCount" for n in self.collect_fields(found, f"{target.name}Connection").values()
        )
        index, inner = draft.add(
            relation.name, alias, ListArguments(definition, found[0], target, relation.paged, total)
        )
        assert inner is not None
        if not relation.paged:
            return FieldMember(key, index, self.members(inner, target.name, found))
        return FieldMember(key, index, parts=self.page(inner, target, found)[0])

    def page(
        self, draft: SelectionBuilder, of: Resource[Any], nodes: Sequence[FieldNode]
    ) -> tuple[tuple[PageMember, ...], bool]:
        """The members of a connection; edges and nodes ask for the same rows."""
        type, parts, total = f"{of.name}Connection", list[PageMember](), False
        for key, found in self.collect_fields(nodes, type).items():
            match found[0].name.value:
                case "nodes":
                    parts.append(PagePart(key, "nodes", self.members(draft, of.name, found)))
                case "edges":
                    parts.append(
                        PagePart(
                            key,
                            "edges",
                            tuple(
                                [
                                    self.edge(draft, of, k, f)
                                    for k, f in self.collect_fields(found, f"{of.name}Edge").items()
                                ]
                            ),
                        )
                    )
                case "pageInfo":
                    parts.append(
                        PagePart(
                            key,
                            "page_info",
                            tuple(
                                [
                                    page_info(k, f[0].name.value)
                                    for k, f in self.collect_fields(found, "PageInfo").items()
                                ]
                            ),
                        )
                    )
                case "totalCount":
                    parts.append(PagePart(key, "total"))
                    total = True
                case _:
                    parts.append(Constant(key, type))
        return tuple(parts), total

    def edge(self, draft: SelectionBuilder, of: Resource[Any], key: str, found: list[FieldNode]) -> PageMember:
        """A member of an edge."""
        match found[0].name.value:
            case "node":
                return PagePart(key, "node", self.members(draft, of.name, found))
            case "cursor":
                return PagePart(key, "cursor")
            case _:
                return Constant(key, f"{of.name}Edge")


def numbered(member: ObjectMember, at: int) -> ObjectMember:
    """A member under a key that tells its occurrence."""
    key = f"{at}.{member.key}"
    return (
        Constant(key, member.value)
        if isinstance(member, Constant)
        else FieldMember(key, member.index, member.members, member.parts)
    )


def page_info(key: str, name: str) -> PageMember:
    """A member of the page info."""
    match name:
        case "hasNextPage" | "hasPreviousPage" | "startCursor" | "endCursor":
            return PagePart(key, name)
        case _:
            return Constant(key, "PageInfo")


def open_mutations(node: Actions) -> Any:
    """What turns a row into `availableActions`: the mutations that are open on it, by their fields' names."""
    names = [(camel(n), at) for n, at in node.names]
    if all(at is None for _, at in names):
        always = [n for n, _ in names]
        return lambda row: always
    return lambda row: [n for n, at in names if at is None or row[at]]
