"""Relay's `node` and `nodes`: an id names its kind, so one table is asked, through the operation that reads one row of it."""

from asyncio import gather
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLField
from graphql.language import FieldNode

from tradepost.kit.context import Context
from tradepost.kit.identity import kind_of, parse_id
from tradepost.kit.operation import Operation
from tradepost.kit.problems import InvalidParameter, NotFound
from tradepost.kit.registry import Registry
from tradepost.kit.resource import Resource

from .roots import Root
from .selection import Walk, Want
from .windows import Arguments, Variables

MOST_IDS = 100


class Getters:
    """The operations that read one row, by the number in its id."""

    def __init__(self, registry: Registry) -> None:
        found = [(of, registry.getter(of)) for of in registry.nodes]
        self.by_number: dict[int, tuple[Resource[Any], Operation[Any, ..., Any]]] = {of.number: (of, o) for of, o in found if o is not None}
        self.public = all(o.public for _, o in self.by_number.values())


class NodesRoot(Root):
    """`node(id:)` and `nodes(ids:)`: what is asked of each kind of row, one of which an id chooses when it comes."""

    def __init__(self, key: str, nodes: Sequence[FieldNode], many: bool, definition: GraphQLField, walk: Walk, getters: Getters) -> None:
        super().__init__(key, nodes)
        self.many, self.nullable, self.public, self.getters = many, not many, getters.public, getters
        self.arguments = Arguments(definition, nodes[0])
        self.wants: dict[int, Want] = {number: walk.want(of, of.name, nodes) for number, (of, _) in getters.by_number.items()}

    async def value(self, context: Context, variables: Variables) -> Any:
        """The objects, in the order of their ids."""
        given = self.arguments.values(variables)
        if not self.many:
            return await self.one(str(given["id"]), context, variables)
        ids: list[str] = given["ids"]
        if len(ids) > MOST_IDS:
            raise InvalidParameter(f"`ids` has {len(ids)} ids; at most {MOST_IDS} are allowed.", parameter="ids")
        known = list(dict.fromkeys(ids))
        found = dict(zip(known, await gather(*[self.one(id, context, variables) for id in known]), strict=True))
        return [found[id] for id in ids]

    async def one(self, text: str, context: Context, variables: Variables) -> Any:
        """One object; null where there is none, or none of a kind that this caller may read."""
        id = parse_id(text)
        known = self.getters.by_number.get(kind_of(id)) if id is not None else None
        if known is None or not known[1].access.allows(context.caller.permissions):
            return None
        of, operation = known
        try:
            record = await operation.read(operation.service(context), id, self.wants[of.number].bind(variables, context.caller.permissions))
        except NotFound:
            return None
        return self.shown(record.body, of)

    def shown(self, body: Any, of: Resource[Any]) -> Any:
        """What stands for an object in the answer."""
        return body
