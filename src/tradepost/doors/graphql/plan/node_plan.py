"""Plans of Relay's `node` and `nodes`.

An id contains the number of its type, so all ids of one type are read with one query. Callers can
read the types whose `get` operation they may call.
"""

from asyncio import gather
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from graphql import GraphQLField
from graphql.language import FieldNode

from tradepost.kit.ids import parse_id, type_number
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.pricing import MINIMUM_PRICE, Price, estimate_rows, price
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import InvalidParameter, NotFound
from tradepost.kit.query.records import Record
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.selection import has_personal_data
from tradepost.kit.writes.call_context import CallContext, PreloadedRows

from .arguments import Arguments, Variables
from .root_plans import NULL_VALUE, Root, RootValue
from .selection_compiler import SelectionCompiler, UnboundSelection

MAX_IDS = 100

type Getter = tuple[Resource[Any], Operation[Any, ..., Any]]
"""A resource and the operation that reads one of its rows."""


class Getters:
    """The Getter of each node type, by type number.

    public: whether callers without a credential share the values. Types that need a permission
        count as public, because they are null for all of those callers, and so do types with
        personal data, because a response to an id of theirs is never stored.
    """

    def __init__(self, registry: Registry) -> None:
        getters = [(resource, registry.getter(resource)) for resource in registry.node_resources]
        self.by_number: dict[int, Getter] = {
            resource.type_number: (resource, operation) for resource, operation in getters if operation is not None
        }
        self.public = all(
            operation.public or operation.access.permission or resource.personal
            for resource, operation in self.by_number.values()
        )


class NodesRoot(Root):
    """`node(id:)` and `nodes(ids:)`, with one Selection for each type that an id may have."""

    def __init__(
        self,
        response_key: str,
        nodes: Sequence[FieldNode],
        many: bool,
        definition: GraphQLField,
        compiler: SelectionCompiler,
        getters: Getters,
    ) -> None:
        super().__init__(response_key, nodes)
        self.many, self.nullable, self.public, self.getters = many, not many, getters.public, getters
        self.arguments = Arguments(definition, nodes[0])
        self.selections: dict[int, UnboundSelection] = {
            number: compiler.object_selection(resource, resource.name, nodes)
            for number, (resource, _) in getters.by_number.items()
        }
        self.field_count = sum([selection.field_set.field_count for selection in self.selections.values()])
        self.personal_types = {
            number
            for number, (resource, _) in getters.by_number.items()
            if has_personal_data(resource, self.selections[number].field_set.fields)
        }
        self.cacheable_types = {
            number for number, (_, operation) in getters.by_number.items() if operation.public
        } - self.personal_types

    def _types(self, variables: Variables) -> list[int]:
        """Return the type numbers of the valid ids."""
        arguments = self.arguments.values(variables)
        return [
            type_number(id)
            for text in (node_ids(arguments) if self.many else [arguments["id"]])
            if (id := parse_id(str(text))) is not None
        ]

    def is_uncacheable(self, variables: Variables) -> bool:
        """Return whether any id has a type with personal data."""
        return not self.personal_types.isdisjoint(self._types(variables))

    def is_cacheable(self, variables: Variables) -> bool:
        """Return whether all ids have public types without personal data."""
        return self.cacheable_types.issuperset(self._types(variables))

    def price(self, context: CallContext, variables: Variables) -> Price:
        """Return the price: for `node` that of the `get` operation, for `nodes` that of a list."""
        arguments, permissions = self.arguments.values(variables), context.caller.permissions
        if not self.many:
            id = parse_id(str(arguments["id"]))
            getter = self._getter(type_number(id), context) if id is not None else None
            if getter is None:
                return MINIMUM_PRICE
            resource, operation = getter
            return price(operation, self.selections[resource.type_number].bind(variables, permissions))
        rows = surcharge = 0
        types = [type_number(id) for id in map(parse_id, node_ids(arguments)) if id is not None]
        for number, count in Counter(types).items():
            if (getter := self._getter(number, context)) is not None:
                nested_rows, list_surcharge = estimate_rows(
                    getter[0], self.selections[number].bind(variables, permissions)
                )
                rows, surcharge = rows + count * (1 + nested_rows), surcharge + list_surcharge
        return Price(MINIMUM_PRICE.base + surcharge, rows)

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Return the objects in the order of their ids."""
        arguments = self.arguments.values(variables)
        if not self.many:
            return await self._one(str(arguments["id"]), context, variables)
        ids = [parse_id(text) for text in node_ids(arguments)]
        ids_by_type: dict[int, list[str]] = {}
        for id in dict.fromkeys(ids):
            if id is not None:
                ids_by_type.setdefault(type_number(id), []).append(id)
        values_by_id: dict[str | None, RootValue] = {}
        for values_of_type in await gather(
            *[self._by_ids(number, type_ids, context, variables) for number, type_ids in ids_by_type.items()]
        ):
            values_by_id |= values_of_type
        values = [values_by_id.get(id, NULL_VALUE) for id in ids]
        return [body for body, _ in values], sum([rows for _, rows in values])

    def _getter(self, number: int, context: CallContext) -> Getter | None:
        """Return the Getter of a type, or None if the caller may not call its operation."""
        getter = self.getters.by_number.get(number)
        return getter if getter is not None and getter[1].access.allows(context.caller.permissions) else None

    async def _one(self, text: str, context: CallContext, variables: Variables) -> RootValue:
        """Return one object; null if it does not exist or the caller may not read its type."""
        id = parse_id(text)
        getter = self._getter(type_number(id), context) if id is not None else None
        if getter is None:
            return NULL_VALUE
        resource, operation = getter
        selection = self.selections[resource.type_number].bind(variables, context.caller.permissions)
        try:
            record: Record[Any] = await operation.run_read(operation.service(context), id, selection)
        except NotFound:
            return NULL_VALUE
        return record.body, record.row_count

    async def _by_ids(
        self, number: int, ids: Sequence[str], context: CallContext, variables: Variables
    ) -> dict[str, RootValue]:
        """Return the visible objects of one type by id.

        The rows are read with as many SQL statements as for one; then the operation that `node`
        calls is called for each.
        """
        getter = self._getter(number, context)
        if getter is None:
            return {}
        resource, operation = getter
        selection = self.selections[number].bind(variables, context.caller.permissions)
        records = await context.database.reads.by_ids(context.reader, resource, selection, ids, context)
        service = operation.service(context.with_rows(PreloadedRows(resource, selection, records)))
        values: dict[str, RootValue] = {}
        for id in records:
            with suppress(NotFound):
                record: Record[Any] = await operation.run_read(service, id, selection)
                values[id] = record.body, 1 + record.row_count
        return values


def node_ids(arguments: dict[str, Any]) -> list[str]:
    """Return the argument `ids`, or raise InvalidParameter if it has too many."""
    texts: list[str] = arguments["ids"]
    if len(texts) > MAX_IDS:
        raise InvalidParameter(f"`ids` has {len(texts)} ids; at most {MAX_IDS} are allowed.", parameter="ids")
    return texts
