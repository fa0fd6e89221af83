"""Plans of batch operations: the outcomes of the items, in order, with the selected fields."""

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

from ...graphql_names import camel
from ..schema.root_fields import GraphQLRequest, RootField
from .arguments import Arguments, Variables
from .root_plans import Root, RootValue
from .selection_compiler import FieldsByKey, SelectionCompiler

PROBLEM_FIELDS = frozenset({"type", "title", "status", "code", "detail", "errors"})
"""The fields of the type Problem; all other members of a problem are in its field `members`."""


class BatchRoot(Root):
    """A batch.

    One Selection reads all occurrences of `data` (`data`, `alias: data`, ...). If there are
    several, their members are in one record under numbered keys: `0.id`, `1.id`.
    """

    public = False

    def __init__(
        self,
        response_key: str,
        nodes: Sequence[FieldNode],
        field: RootField[..., Any],
        definition: GraphQLField,
        compiler: SelectionCompiler,
    ) -> None:
        super().__init__(response_key, nodes)
        self.field, self.arguments, self.compiler = field, Arguments(definition, nodes[0]), compiler
        self.name, self.access = field.operation.result.name, field.operation.access
        payload_fields = compiler.collect_fields(nodes, f"{self.name}BatchPayload")
        self.result_fields = {
            key: compiler.collect_fields(field_nodes, f"{self.name}BatchResult")
            for key, field_nodes in payload_fields.items()
            if field_nodes[0].name.value == "results"
        }
        self.payload_keys = [(key, field_nodes[0].name.value) for key, field_nodes in payload_fields.items()]
        data_nodes = [
            field_nodes
            for fields in self.result_fields.values()
            for field_nodes in fields.values()
            if field_nodes[0].name.value == "data"
        ]
        self.selection = compiler.merge_selections(field.operation.resource, self.name, data_nodes)
        self.field_count = self.selection.field_set.field_count
        self.data_indexes = {id(field_nodes): index for index, field_nodes in enumerate(data_nodes)}

    def price(self, context: CallContext, variables: Variables) -> Price:
        """Return the price for the items. A batch of more than 100 is rejected when it runs."""
        operation = self.field.operation
        items = self.arguments.values(variables).get("input", {}).get(camel(operation.list_member), ())
        return price(
            operation,
            self.selection.bind(variables, context.caller.permissions),
            items=max(min(len(items), MAX_PAGE_SIZE), 1),
        )

    async def value(self, context: CallContext, variables: Variables) -> RootValue:
        """Run the batch and return its payload."""
        arguments = self.field.convert_arguments(self.arguments.values(variables))
        request = GraphQLRequest(
            context, self.selection.bind(variables, context.caller.permissions), DEFAULT_LIST_QUERY
        )
        batch: Batch[Any] = await self.field.call(request, **arguments)
        typename = f"{self.name}BatchPayload"
        payload = {
            key: typename
            if name == "__typename"
            else [self._result(item, self.result_fields[key]) for item in batch.items]
            for key, name in self.payload_keys
        }
        return payload, batch.row_count

    def _result(self, item: Item[Any], fields: FieldsByKey) -> dict[str, Any]:
        """Return the selected fields of one item's outcome."""
        return {key: self._result_field(item, nodes) for key, nodes in fields.items()}

    def _result_field(self, item: Item[Any], nodes: list[FieldNode]) -> Any:
        match nodes[0].name.value:
            case "status":
                return item.status
            case "changed":
                return item.changed
            case "data":
                return None if item.record is None else self._data(item.record.body, nodes)
            case "error":
                return None if item.problem is None else self._error(item.problem, nodes)
            case _:
                return f"{self.name}BatchResult"

    def _data(self, body: Any, nodes: list[FieldNode]) -> Any:
        """Return what one occurrence of `data` selects from the record."""
        if len(self.data_indexes) == 1:
            return body
        prefix = f"{self.data_indexes[id(nodes)]}."
        members: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
        return {key.removeprefix(prefix): value for key, value in members.items() if key.startswith(prefix)}

    def _error(self, problem: Problem, nodes: Sequence[FieldNode]) -> dict[str, Any]:
        """Return the selected fields of a problem."""
        document = problem.to_dict()
        fields: dict[str, Any] = {"errors": [], **{k: v for k, v in document.items() if k in PROBLEM_FIELDS}}
        fields["members"] = {k: v for k, v in document.items() if k not in PROBLEM_FIELDS} or None
        return self._select(fields, "Problem", nodes)

    def _select(self, source: dict[str, Any], type_name: str, nodes: Sequence[FieldNode]) -> dict[str, Any]:
        """Return the selected fields of a dict."""
        selected: dict[str, Any] = {}
        for key, field_nodes in self.compiler.collect_fields(nodes, type_name).items():
            match field_nodes[0].name.value:
                case "__typename":
                    selected[key] = type_name
                case "errors":
                    selected[key] = [self._select(fault, "ProblemFault", field_nodes) for fault in source["errors"]]
                case name:
                    selected[key] = source.get(name)
        return selected
