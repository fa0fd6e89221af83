"""Execution by graphql-core, which resolves fields one by one from records of the same operations.

It is the oracle that the plans are tested against. So it shares with them only the operations, the
validation and the format of errors, and no code that reads documents or writes responses.

A root field looks ahead and requests everything below it from its operation. Null conditions,
access errors and invalid list arguments below a field are therefore errors of the root field, as
with the plans. The resolvers of the other fields take their values from the resulting dicts.
"""

from collections.abc import Callable, Mapping
from functools import cache
from inspect import isawaitable
from typing import Any

import msgspec
from graphql import (
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    execute,
    get_named_type,
)
from graphql.execution.collect_fields import collect_subfields
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental
from graphql.language import DocumentNode

from tests.doors.graphql.core_lookahead import Lookahead, UnboundListArguments, nested_key
from tradepost.app import instances_of, load_modules
from tradepost.doors.graphql import GraphQLDoor
from tradepost.doors.graphql.documents.requests import RequestParameters
from tradepost.doors.graphql.execution.executor import Executor
from tradepost.doors.graphql.plan.idempotent_directive import IdempotentDirective
from tradepost.doors.graphql.plan.node_plan import Getters, node_ids
from tradepost.doors.graphql.problems import InvalidVariables, format_error, request_error
from tradepost.doors.graphql.schema.root_fields import GraphQLRequest, RootField
from tradepost.doors.graphql_names import camel
from tradepost.kit.ids import parse_id, type_number
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import NotFound, Problem
from tradepost.kit.query.records import Batch, Item, Page, Record
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY
from tradepost.kit.resource.resource import ACTIONS
from tradepost.kit.writes.call_context import CallContext

type Resolver = Callable[..., Any]

encode = msgspec.json.Encoder().encode

ACCESS, TYPE_KEY = "access", "__type_name"
GENERATED_TYPES = ("Connection", "Edge", "PageInfo", "BatchPayload", "BatchResult", "Problem", "ProblemFault")
"""Endings of the names of types that are not resources. Their fields have the keys of the dicts."""
PROBLEM_FIELDS = ("type", "title", "status", "code", "detail", "errors")


async def execute_with_core(
    executor: Executor, ast: DocumentNode, request: RequestParameters, context: CallContext
) -> bytes:
    """Return the response that graphql-core gives for a validated document.

    executor: reports problems.
    """
    execution: Any = execute(
        core_schema(),
        ast,
        None,
        context,
        request.variables,
        request.operation_name or None,
        executor_class=CoreExecutor,
        hide_suggestions=not executor.may_introspect(context),
    )
    result = await execution if isawaitable(execution) else execution
    core_errors: list[GraphQLError] = result.errors or []
    if result.data is None and any([error.path is None for error in core_errors]):
        return encode({"errors": request_error(InvalidVariables, core_errors, context.request_id).errors})
    errors = [
        format_error(executor.report_problem(error.original_error or error, context), context.request_id, error)
        for error in core_errors
    ]
    return encode(({"errors": errors} if errors else {}) | {"data": result.data})


@cache
def core_schema() -> GraphQLSchema:
    """Return a schema of all areas with resolvers. The app's schema has none."""
    registry = Registry.collect(load_modules("resource", "service"))
    fields = instances_of(RootField, load_modules("graphql"))
    schema = GraphQLDoor(registry, fields).executor.schema
    attach_resolvers(schema, {field.name: field for field in fields}, Getters(registry))
    return schema


def attach_resolvers(schema: GraphQLSchema, fields: Mapping[str, RootField[..., Any]], getters: Getters) -> None:
    """Set the resolvers of a schema."""
    for type in schema.type_map.values():
        if isinstance(type, GraphQLInterfaceType):
            type.resolve_type = lambda source, info, abstract_type: source[TYPE_KEY]
        if not isinstance(type, GraphQLObjectType) or type.name.startswith("__"):
            continue
        type.is_type_of = None
        for name, field in type.fields.items():
            if type not in (schema.query_type, schema.mutation_type):
                field.resolve = member_resolver(type.name, name)
            elif (root := fields.get(name)) is None:
                field.resolve = node_resolver(getters, name == "nodes")
            else:
                field.extensions[ACCESS] = root.operation.access
                field.resolve = operation_resolver(root)


class CoreExecutor(ExecutorThrowingOnIncremental):
    """graphql-core's executor, with checks before the arguments of root fields are coerced.

    Callers without access get no errors about the arguments. A null condition at any depth is an
    error of the root field, before its operation is called.
    """

    def execute_field(
        self, parent_type: Any, source: Any, field_details_list: Any, path: Any, position_context: Any
    ) -> Any:
        """Execute one field."""
        if (
            path.prev is None
            and (field := self.schema.get_field(parent_type, field_details_list[0].node.name.value)) is not None
        ):
            try:
                if (access := field.extensions.get(ACCESS)) is not None:
                    access.check(self.context_value.caller)
                IdempotentDirective([d.node for d in field_details_list]).idempotency_key(self.variable_values)
                self.check_conditions(field.type, field_details_list)
            except (Problem, GraphQLError) as error:
                return self.handle_field_error(error, field.type, field_details_list, path)
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def check_conditions(self, type: Any, field_details_list: Any) -> None:
        """Raise GraphQLError if a condition below a field is null."""
        named_type: Any = get_named_type(type)
        is_interface = isinstance(named_type, GraphQLInterfaceType)
        for object_type in self.schema.get_possible_types(named_type) if is_interface else [named_type]:
            if not isinstance(object_type, GraphQLObjectType):
                continue
            collected = collect_subfields(
                self.schema, self.fragments, self.variable_values, self.operation, object_type, field_details_list
            )
            for nested in collected.grouped_field_set.values():
                field: Any = self.schema.get_field(object_type, nested[0].node.name.value)
                self.check_conditions(field.type, nested)


def member_resolver(type_name: str, name: str) -> Resolver:
    """Return the resolver of an object's field."""
    if type_name.endswith("Connection") and name == "nodes":
        return lambda source, info, **_: [edge["node"] for edge in source["edges"]]
    if type_name.endswith(GENERATED_TYPES):
        return lambda source, info, **_: source.get(name)
    if name == camel(ACTIONS):
        return lambda source, info, **_: [camel(action) for action in source[name]]
    return lambda source, info, **_: source[
        name if info.field_nodes[0].selection_set is None else nested_key(info.path.key, info.field_nodes)
    ]


def operation_resolver(field: RootField[..., Any]) -> Resolver:
    """Return the resolver of an operation's field."""
    kind, writes = field.operation.kind, field.operation.is_write

    async def resolve(_: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        context: CallContext = info.context.for_mutation() if writes else info.context
        context.idempotency.key = (
            IdempotentDirective(info.field_nodes).idempotency_key(info.variable_values) or context.idempotency.key
        )
        try:
            if kind == "list":
                return await resolve_page(field, info, context, arguments)
            converted, lookahead = field.convert_arguments(arguments), Lookahead(info)
            if kind == "batch":
                selection = lookahead.batch_selection(field.operation.resource)
                batch: Batch[Any] = await field.call(
                    GraphQLRequest(context, selection, DEFAULT_LIST_QUERY), **converted
                )
                return {"results": [batch_result(item) for item in batch.items]}
            selection = lookahead.object_selection(field.operation.result)
            record: Record[Any] = await field.call(GraphQLRequest(context, selection, DEFAULT_LIST_QUERY), **converted)
            return msgspec.to_builtins(record.body)
        except NotFound:
            # A missing object is null in nullable reads only.
            if writes or (kind == "list" and field.operation.parent_relation is None):
                raise
            return None

    return resolve


async def resolve_page(
    field: RootField[..., Any], info: GraphQLResolveInfo, context: CallContext, arguments: dict[str, Any]
) -> Any:
    """Return a page of a list as a dict."""
    resource, lookahead = field.operation.resource, Lookahead(info)
    selection, total = lookahead.page_selection(resource)
    list_arguments = UnboundListArguments(
        resource, info.parent_type.fields[info.field_name], info.field_nodes[0], True, total
    )
    list_query = lookahead.list_query(list_arguments, arguments)
    page: Page[Any] = await field.call(
        GraphQLRequest(context, selection, list_query), **field.convert_arguments(arguments)
    )
    return msgspec.to_builtins(page.body)


def batch_result(item: Item[Any]) -> dict[str, Any]:
    """Return the outcome of one item of a batch as a dict."""
    error = None
    if item.problem is not None:
        document = item.problem.to_dict()
        error = {
            "errors": [],
            **{n: v for n, v in document.items() if n in PROBLEM_FIELDS},
            "members": {n: v for n, v in document.items() if n not in PROBLEM_FIELDS} or None,
        }
    data = None if item.record is None else msgspec.to_builtins(item.record.body)
    return {"status": item.status, "changed": item.changed, "data": data, "error": error}


def node_resolver(getters: Getters, many: bool) -> Resolver:
    """Return the resolver of `node` or `nodes`."""

    async def resolve(_: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        ids = [parse_id(text) for text in (node_ids(arguments) if many else [arguments["id"]])]
        unique_ids = [id for id in dict.fromkeys(ids) if id is not None]
        objects = dict[str, Any]()
        for number in dict.fromkeys([type_number(id) for id in unique_ids]):
            objects |= await objects_by_id(
                getters, number, [id for id in unique_ids if type_number(id) == number], info
            )
        nodes = [None if id is None else objects.get(id) for id in ids]
        return nodes if many else nodes[0]

    return resolve


async def objects_by_id(getters: Getters, number: int, ids: list[str], info: GraphQLResolveInfo) -> dict[str, Any]:
    """Return the visible objects of one type by id, or none if the caller may not read the type."""
    context: CallContext = info.context
    getter = getters.by_number.get(number)
    if getter is None or not getter[1].access.allows(context.caller.permissions):
        return {}
    resource, _ = getter
    selection = Lookahead(info).object_selection(resource)
    records = await context.database.reads.by_ids(context.reader, resource, selection, ids, context)
    return {id: msgspec.to_builtins(record.body) | {TYPE_KEY: resource.name} for id, record in records.items()}
