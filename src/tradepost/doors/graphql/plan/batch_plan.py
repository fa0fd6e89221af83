"""Root fields of batches: the outcomes of the items in their order, in the members that were asked for."""

from collections.abc import Sequence
from typing import Any

import msgspec
from graphql import GraphQLField
from graphql.language import FieldNode

from tradepost.kit.operations.pricing import Price, price
from tradepost.kit.problems import Problem
from tradepost.kit.query.records import Batch, Item
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, MAX_PAGE_SIZE
from tradepost.kit.writes.call_context import CallContext

from ..schema.root_fields import GraphQLRequest, RootField
from .arguments import Arguments, Variables
from .root_plans import Root, RootValue
from .selection_compiler import FieldsByKey, SelectionCompiler

SAID = frozenset({"type", "title", "status", "code", "detail", "errors"})


class BatchRoot(Root):
    """A batch. All occurrences of `data` are read by one Selection; where there are several, their members stand in one record under numbered keys."""

    public = False

    def __init__(
        self,
        key: str,
        nodes: Sequence[FieldNode],
        field: RootField[..., Any],
        definition: GraphQLField,
        walk: SelectionCompiler,
    ) -> None:
        super().__init__(key, nodes)
        self.field, self.arguments, self.walk = field, Arguments(definition, nodes[0]), walk
        self.name, self.access = field.operation.result.name, field.operation.access
        below = walk.collect_fields(nodes, f"{self.name}BatchPayload")
        self.results = {
            k: walk.collect_fields(f, f"{self.name}BatchResult")
            for k, f in below.items()
            if f[0].name.value == "results"
        }
        self.keys = [(k, f[0].name.value) for k, f in below.items()]
        asked = [(k, f) for fields in self.results.values() for k, f in fields.items() if f[0].name.value == "data"]
        self.selection = walk.merge_selections(field.operation.resource, self.name, [f for _, f in asked])
        self.places = {id(f): i for i, (_, f) in enumerate(asked)}

    def price(self, context: CallContext, variables: Variables) -> Price:
        """The price of the operation, for as many items as there are; more than a hundred are refused."""
        items = self.arguments.values(variables).get("input", {}).get("items", ())
        return price(
            self.field.operation,
            self.selection.bind(variables, context.caller.permissions),
            items=max(min(len(items), MAX_PAGE_SIZE), 1),
        )

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """The outcomes."""
        arguments = self.field.convert_arguments(self.arguments.values(variables))
        ask = GraphQLRequest(context, self.selection.bind(variables, context.caller.permissions), DEFAULT_LIST_QUERY)
        batch: Batch[Any] = await self.field.call(ask, **arguments)
        typename = f"{self.name}BatchPayload"
        said = {
            k: typename if name == "__typename" else [self.item(i, self.results[k]) for i in batch.items]
            for k, name in self.keys
        }
        return said, batch.row_count

    def item(self, item: Item[Any], fields: FieldsByKey) -> dict[str, Any]:
        """One outcome."""
        return {key: self.member(item, found) for key, found in fields.items()}

    def member(self, item: Item[Any], found: list[FieldNode]) -> Any:
        """A member of an outcome."""
        match found[0].name.value:
            case "status":
                return item.status
            case "changed":
                return item.changed
            case "data":
                return None if item.record is None else self.record(item.record.body, found)
            case "error":
                return None if item.problem is None else self.error(item.problem, found)
            case _:
                return f"{self.name}BatchResult"

    def record(self, body: Any, found: list[FieldNode]) -> Any:
        """What one occurrence of `data` asked for."""
        if len(self.places) == 1:
            return body
        prefix = f"{self.places[id(found)]}."
        members: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
        return {k.removeprefix(prefix): v for k, v in members.items() if k.startswith(prefix)}

    def error(self, problem: Problem, nodes: Sequence[FieldNode]) -> dict[str, Any]:
        """A problem as data."""
        document = problem.to_dict()
        shown: dict[str, Any] = {"errors": [], **{k: v for k, v in document.items() if k in SAID}}
        shown["members"] = {k: v for k, v in document.items() if k not in SAID} or None
        return self.picked(shown, "Problem", nodes)

    def picked(self, source: dict[str, Any], type: str, nodes: Sequence[FieldNode]) -> dict[str, Any]:
        """The asked members of plain data."""
        out: dict[str, Any] = {}
        for key, found in self.walk.collect_fields(nodes, type).items():
            match found[0].name.value:
                case "__typename":
                    out[key] = type
                case "errors":
                    out[key] = [self.picked(e, "ProblemFault", found) for e in source["errors"]]
                case name:
                    out[key] = source.get(name)
        return out
