"""Relay's `node` and `nodes`: an id names its kind, so one table is asked for all ids of a kind; who may call the kind's reading operation may ask."""

from asyncio import gather
from collections import Counter
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLField
from graphql.language import FieldNode

from tradepost.kit.ids import parse_id, type_number
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.pricing import MINIMUM_PRICE, Price, estimate_rows, price
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import InvalidParameter, NotFound
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.selection import has_personal_data
from tradepost.kit.writes.call_context import CallContext

from .arguments import Arguments, Variables
from .root_plans import NULL_VALUE, Root, RootValue
from .selection_compiler import SelectionCompiler, UnboundSelection

MOST_IDS = 100


class Getters:
    """The operations that read one row, by the number in its id."""

    def __init__(self, registry: Registry) -> None:
        found = [(of, registry.getter(of)) for of in registry.node_resources]
        self.by_number: dict[int, tuple[Resource[Any], Operation[Any, ..., Any]]] = {
            of.type_number: (of, o) for of, o in found if o is not None
        }
        # What needs a permission is null for every caller without a credential, so that is no secret either.
        self.public = all(o.public or o.access.permission for _, o in self.by_number.values())


class NodesRoot(Root):
    """`node(id:)` and `nodes(ids:)`: what is asked of each kind of row, one of which an id chooses when it comes."""

    def __init__(
        self,
        key: str,
        nodes: Sequence[FieldNode],
        many: bool,
        definition: GraphQLField,
        walk: SelectionCompiler,
        getters: Getters,
    ) -> None:
        super().__init__(key, nodes)
        self.many, self.nullable, self.public, self.getters = many, not many, getters.public, getters
        self.arguments = Arguments(definition, nodes[0])
        self.wants: dict[int, UnboundSelection] = {
            number: walk.object_selection(of, of.name, nodes) for number, (of, _) in getters.by_number.items()
        }
        self.kinds_kept_off = {
            n for n, (of, _) in getters.by_number.items() if has_personal_data(of, self.wants[n].field_set.fields)
        }
        self.kinds_kept = {
            n for n, (_, operation) in getters.by_number.items() if operation.public
        } - self.kinds_kept_off

    def kinds(self, variables: Variables) -> list[int]:
        """The kinds of the ids; what is no id has none."""
        given = self.arguments.values(variables)
        return [
            type_number(id)
            for text in (node_ids(given) if self.many else [given["id"]])
            if (id := parse_id(str(text))) is not None
        ]

    def is_uncacheable(self, variables: Variables) -> bool:
        """Whether any id is of a kind that is personal."""
        return not self.kinds_kept_off.isdisjoint(self.kinds(variables))

    def is_cacheable(self, variables: Variables) -> bool:
        """Whether all ids are of kinds that anyone may read."""
        return self.kinds_kept.issuperset(self.kinds(variables))

    def price(self, context: CallContext, variables: Variables) -> Price:
        """`node` costs what the kind's reading operation does, `nodes` what a list of these would."""
        given, permissions = self.arguments.values(variables), context.caller.permissions
        if not self.many:
            id = parse_id(str(given["id"]))
            known = self.known(type_number(id), context) if id is not None else None
            return (
                price(known[1], self.wants[known[0].type_number].bind(variables, permissions))
                if known is not None
                else MINIMUM_PRICE
            )
        rows = more = 0
        for kind, count in Counter(
            [type_number(id) for id in map(parse_id, node_ids(given)) if id is not None]
        ).items():
            if (known := self.known(kind, context)) is not None:
                below, added = estimate_rows(known[0], self.wants[kind].bind(variables, permissions))
                rows, more = rows + count * (1 + below), more + added
        return Price(MINIMUM_PRICE.base + more, rows)

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """The objects, in the order of their ids."""
        given = self.arguments.values(variables)
        if not self.many:
            return await self.one(str(given["id"]), context, variables)
        ids = [parse_id(text) for text in node_ids(given)]
        by_kind: dict[int, list[str]] = {}
        for id in dict.fromkeys(ids):
            if id is not None:
                by_kind.setdefault(type_number(id), []).append(id)
        found: dict[str | None, RootValue] = {}
        for some in await gather(
            *[self.several(kind, of_kind, context, variables) for kind, of_kind in by_kind.items()]
        ):
            found |= some
        values = [found.get(id, NULL_VALUE) for id in ids]
        return [body for body, _ in values], sum([rows for _, rows in values])

    def known(self, kind: int, context: CallContext) -> tuple[Resource[Any], Operation[Any, ..., Any]] | None:
        """The kind's resource and the operation that reads it, where this caller may call that."""
        found = self.getters.by_number.get(kind)
        return found if found is not None and found[1].access.allows(context.caller.permissions) else None

    async def one(self, text: str, context: CallContext, variables: Variables) -> RootValue:
        """One object; null where there is none, or none of a kind that this caller may read."""
        id = parse_id(text)
        known = self.known(type_number(id), context) if id is not None else None
        if known is None:
            return NULL_VALUE
        of, operation = known
        try:
            record = await operation.run_read(
                operation.service(context), id, self.wants[of.type_number].bind(variables, context.caller.permissions)
            )
        except NotFound:
            return NULL_VALUE
        return record.body, record.rows

    async def several(
        self, kind: int, ids: Sequence[str], context: CallContext, variables: Variables
    ) -> dict[str, RootValue]:
        """The visible objects of a kind by id, each with its rows: as many statements as for one."""
        known = self.known(kind, context)
        if known is None:
            return {}
        of = known[0]
        want = self.wants[kind].bind(variables, context.caller.permissions)
        found = await context.database.reads.by_ids(context.reader, of, want, ids, context)
        return {id: (record.body, 1 + record.row_count) for id, record in found.items()}


def node_ids(given: dict[str, Any]) -> list[str]:
    """The ids that were given; there may not be more of them than rows in a page."""
    texts: list[str] = given["ids"]
    if len(texts) > MOST_IDS:
        raise InvalidParameter(f"`ids` has {len(texts)} ids; at most {MOST_IDS} are allowed.", parameter="ids")
    return texts
