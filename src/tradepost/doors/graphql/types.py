"""Strawberry types from the registry, in two passes: scalars first, then the relations, so types may form circles while rooms do not."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any, Optional

import msgspec
import strawberry
from msgspec.inspect import type_info
from strawberry.annotation import StrawberryAnnotation
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import create_type
from strawberry.types.arguments import StrawberryArgument

from tradepost.kit.operation import Operation
from tradepost.kit.registry import Registry
from tradepost.kit.resource import ACTIONS, Relation, Resource, Value
from tradepost.kit.shapes import Member, member, members

from ..names import camel, constant, input_name
from .access import permission_of
from .fields import RootField
from .scalars import SCALARS, BigInt
from .windows import ARGUMENTS, BOUNDED_ARGUMENTS

DOCS = {
    "first": "How many from the start: 1 to 100, by default 20.",
    "last": "How many from the end: 1 to 100.",
    "after": "The cursor behind which the page begins.",
    "before": "The cursor before which the page ends.",
    "filter": "Which rows: all given conditions hold.",
    "sort": "In which order; the id is always the last key.",
}
SCALAR_TYPES: dict[str, Any] = {"id": strawberry.ID, "text": str, "int": int, "float": float, "bool": bool, "moment": datetime, "json": JSON}


class Types:
    """The types of one schema."""

    def __init__(self, registry: Registry, roots: Iterable[RootField[..., Any]]) -> None:
        self.registry, self.roots = registry, list(roots)
        self.made: dict[Any, Any] = {}
        self.node = strawberry.interface(type("Node", (), {"__annotations__": {"id": strawberry.ID}}), description="Whatever has an id of its own.")

    def schema(self) -> strawberry.Schema:
        """Both passes, then the roots. Resolvers are set on the finished schema (`reference`)."""
        for of in self.registry.resources.values():
            self.resource(of)
        for of in self.registry.resources.values():
            for relation in of.relations.values():
                _definition(self.made[of.name]).fields.append(self.relation(relation))
        query = create_type("Query", self.fields(False) + self.node_fields(), description="What can be read.")
        writes = self.fields(True)
        mutation = (
            create_type("Mutation", writes, description="What can be changed. Fields run one after another, each in a transaction of its own.")
            if writes
            else None
        )
        types = [self.made[of.name] for of in self.registry.resources.values()]
        return strawberry.Schema(query, mutation, types=types, config=StrawberryConfig(scalar_map=SCALARS, sort_schema=True))

    def resource(self, of: Resource[Any]) -> Any:
        """The first pass of a resource."""
        made = self.output(of.name, of.own, of.shape.__doc__)
        if of in self.registry.nodes:
            _definition(made).interfaces = [_definition(self.node)]
        return made

    def output(self, name: str, own: Any, doc: str | None) -> Any:
        """An object type of members and embedded values."""
        if name not in self.made:
            fields = [field(n, self.value(m), ACTIONS_DOC if n == ACTIONS else _member(m).doc) for n, m in own.items()]
            self.made[name] = create_type(name, fields, description=doc)
        return self.made[name]

    def value(self, of: Value | Member) -> Any:
        """The type of what an object holds."""
        if isinstance(of, Value):
            made = self.output(of.name, of.own, of.shape.__doc__)
            return maybe(made) if of.null else made
        made = self.scalar(of)
        return maybe(made) if of.null else made

    def scalar(self, of: Member) -> Any:
        """A scalar, an enum or a list of them."""
        if of.enum is not None:
            return self.enum(of.enum)
        if of.item is not None:
            return list[self.value(of.item)]
        return BigInt if of.wide else SCALAR_TYPES[of.kind]

    def enum(self, kind: type[Enum]) -> Any:
        """An enum with its own description."""
        if kind not in self.made:
            self.made[kind] = strawberry.enum(kind, description=kind.__doc__)
        return self.made[kind]

    def relation(self, of: Relation) -> Any:
        """The field that follows a relation."""
        target = self.made[of.target.name]
        kind = self.connection(of.target) if of.paged else list[target] if of.many else maybe(target)
        made = field(of.name, kind, of.doc)
        made.arguments = self.window(of.target, ARGUMENTS if of.paged else BOUNDED_ARGUMENTS) if of.many else []
        return made

    def connection(self, of: Resource[Any]) -> Any:
        """`ProductConnection` (Relay's connections), with `nodes` besides `edges`."""
        name = f"{of.name}Connection"
        if name not in self.made:
            node = self.made[of.name]
            edge = create_type(f"{of.name}Edge", [field("node", node), field("cursor", str)], description=f"A {of.label} in a list, and its cursor.")
            parts = [field("edges", list[edge]), field("nodes", list[node]), field("page_info", self.page_info())]
            total = field("total_count", int, "How many there are in all pages. Ask for it only where you show it: it is counted.")
            self.made[name] = create_type(name, [*parts, total], description=f"A page of a list of this: {of.label}.")
        return self.made[name]

    def page_info(self) -> Any:
        """Relay's page info."""
        if "PageInfo" not in self.made:
            flags = [field("has_next_page", bool), field("has_previous_page", bool)]
            cursors = [field("start_cursor", maybe(str)), field("end_cursor", maybe(str))]
            self.made["PageInfo"] = create_type("PageInfo", [*flags, *cursors], description="Where a page stands in its list.")
        return self.made["PageInfo"]

    def window(self, of: Resource[Any], names: tuple[str, ...]) -> list[StrawberryArgument]:
        """The arguments of a list."""
        kinds: dict[str, Any] = {"first": int, "last": int, "after": str, "before": str}
        if of.filters:
            kinds["filter"] = self.filter(of)
        if of.sorts:
            kinds["sort"] = list[self.sort(of)]
        docs = DOCS if "after" in names else DOCS | {"first": "How many from the start: 1 to 100, by default all."}
        return [argument(n, maybe(kinds[n]), docs[n]) for n in names if n in kinds]

    def filter(self, of: Resource[Any]) -> Any:
        """`ProductFilter`."""
        name = f"{of.name}Filter"
        if name not in self.made:
            fields = [field(n, maybe(self.scalar(member(n, type_info(f.type)))), f.doc, optional=True) for n, f in of.filters.items()]
            self.made[name] = create_type(name, fields, is_input=True, description=f"Conditions on a list of this: {of.label}.")
        return self.made[name]

    def sort(self, of: Resource[Any]) -> Any:
        """`ProductSort`: every sort key in both directions; the values are the keys as the window spells them."""
        name = f"{of.name}Sort"
        if name not in self.made:
            keys = {constant(n, down): f"-{n}" if down else n for n in of.sorts for down in (False, True)}
            kind: Any = Enum(name, keys)
            self.made[name] = strawberry.enum(kind, description=f"Sort keys of a list of this: {of.label}.")
        return self.made[name]

    def fields(self, writes: bool) -> list[Any]:
        """The fields of Query or Mutation."""
        made: list[Any] = []
        for root in self.roots:
            if root.operation.writes == writes:
                known = field(root.call.__name__, self.answer(root.operation), root.operation.doc, access=root.operation, deprecated=root.deprecated)
                known.arguments = [argument(p.name, self.argument_type(p.member), p.member.doc) for p in root.parameters.values()]
                if root.operation.kind == "page":
                    known.arguments += self.window(root.operation.of, ARGUMENTS)
                made.append(known)
        return made

    def answer(self, operation: Operation[Any, ..., Any]) -> Any:
        """What an operation's field gives: a list below a row is null where there is no such row, single things and all writes may be null."""
        if operation.kind == "page":
            made = self.connection(operation.of)
            return made if operation.under is None else maybe(made)
        return maybe(self.batch(operation.of) if operation.kind == "batch" else self.made[operation.of.name])

    def batch(self, of: Resource[Any]) -> Any:
        """`ProductBatchPayload`: the outcomes in the order of the items."""
        name = f"{of.name}BatchPayload"
        if name not in self.made:
            kinds = [field("status", int, "As REST's status of the item."), field("changed", bool, "False where nothing differed.")]
            found = [field("data", maybe(self.made[of.name])), field("error", maybe(self.problem()))]
            item = create_type(f"{of.name}BatchResult", [*kinds, *found], description="The outcome of one item: what it made, or what was wrong.")
            self.made[name] = create_type(name, [field("results", list[item])], description="The outcomes of a batch, in the order of its items.")
        return self.made[name]

    def problem(self) -> Any:
        """A problem as data (RFC 9457)."""
        if "Problem" not in self.made:
            where = [field("pointer", maybe(str)), field("parameter", maybe(str))]
            fault = create_type("ProblemFault", [field("code", str), field("detail", str), *where], description="One thing that is wrong, and where.")
            said = [field(n, int if n == "status" else str) for n in ("type", "title", "status", "code", "detail")]
            more = [field("errors", list[fault]), field("members", maybe(JSON), "What else this kind of problem says.")]
            self.made["Problem"] = create_type("Problem", [*said, *more], description="What went wrong, as in `errors[].extensions` (RFC 9457).")
        return self.made["Problem"]

    def node_fields(self) -> list[Any]:
        """Relay's `node` and `nodes`."""
        if not self.registry.nodes:
            return []
        one = field("node", maybe(self.node), "Whatever has this id; null where there is no such thing, or none for you.")
        one.arguments = [argument("id", strawberry.ID)]
        many = field("nodes", list[maybe(self.node)], "Things by their ids, in the same order; null for each that is missing. At most 100.")
        many.arguments = [argument("ids", list[strawberry.ID])]
        return [one, many]

    def argument_type(self, of: Member) -> Any:
        """The type of an argument or of an input's member."""
        made: Any = list[self.argument_type(of.item)] if of.item is not None else self.input(of.shape) if of.shape is not None else self.scalar(of)
        return maybe(made) if of.null or not of.required else made

    def input(self, shape: type[msgspec.Struct]) -> Any:
        """An input type from a shape."""
        name = input_name(shape.__name__)
        if name not in self.made:
            fields = [field(n, self.argument_type(m), m.doc, optional=not m.required) for n, m in members(shape).items()]
            self.made[name] = create_type(name, fields, is_input=True, description=shape.__doc__)
        return self.made[name]


MUTATION_DOC = "What can be changed. Fields run one after another, each in a transaction of its own."
ACTIONS_DOC = "The mutations that are open to you on this now."


def field(name: str, type: Any, doc: str | None = None, *, optional: bool = False, access: Any = None, deprecated: str | None = None) -> Any:
    """A field with an explicit name and type."""
    more: dict[str, Any] = {"default": strawberry.UNSET} if optional else {}
    if access is not None:
        more["permission_classes"] = [permission_of(access.access)]
    made = strawberry.field(name=camel(name), description=doc or None, graphql_type=type, deprecation_reason=deprecated, **more)
    made.python_name = name
    return made


def maybe(type: Any) -> Any:
    """The type, or null."""
    return Optional[type]  # noqa: UP045  (Strawberry's classes do not know `|`)


def argument(name: str, type: Any, doc: str | None = None) -> StrawberryArgument:
    """An argument without a default."""
    return StrawberryArgument(name, camel(name), StrawberryAnnotation(type), description=doc, default=strawberry.UNSET)


def _definition(type: Any) -> Any:
    return type.__strawberry_definition__


def _member(of: Value | Member) -> Member:
    return of.member if isinstance(of, Value) else of
