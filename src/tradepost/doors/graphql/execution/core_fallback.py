"""Stock execution: graphql-core resolves field by field over records of the same operations. It runs what asks for the schema, and it is what the plans
are measured by, so it shares neither their reading of documents nor their writing of answers.

A root field looks ahead and asks its operation for all that is wanted below it; so a member that is refused, or a list whose arguments are wrong, is the
fault of the root field here as there. What comes back is a tree of dicts, from which every field takes its own.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental

from tradepost.kit.ids import parse_id, type_number
from tradepost.kit.problems import NotFound, PreconditionRequired, Problem
from tradepost.kit.query.records import Item
from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY
from tradepost.kit.resource.resource import ACTIONS

from ...graphql_names import camel
from ..plan.idempotent_directive import IdempotentDirective
from ..plan.node_plan import Getters, node_ids
from ..schema.root_fields import GraphQLRequest, RootField
from .core_lookahead import Lookahead, UnboundListArguments, nested_key

type Resolver = Callable[..., Any]

ACCESS, KIND = "access", "__kind"
# Types of the door's own, whose members stand under their names.
PLAIN = ("Connection", "Edge", "PageInfo", "BatchPayload", "BatchResult", "Problem", "ProblemFault")
SAID = ("type", "title", "status", "code", "detail", "errors")


def attach_resolvers(
    schema: GraphQLSchema, fields: Mapping[str, RootField[..., Any]], getters: Getters, *, require_version: bool
) -> None:
    """Set the resolvers of a schema. `require_version`: whether changes need `expectedVersion`."""
    for type in schema.type_map.values():
        if isinstance(type, GraphQLInterfaceType):
            type.resolve_type = lambda source, info, abstract: source[KIND]
        if not isinstance(type, GraphQLObjectType) or type.name.startswith("__"):
            continue
        type.is_type_of = None
        for name, field in type.fields.items():
            if type not in (schema.query_type, schema.mutation_type):
                field.resolve = member(type.name, name)
            elif (root := fields.get(name)) is None:
                field.resolve = finder(getters, name == "nodes")
            else:
                field.extensions[ACCESS] = root.operation.access
                field.resolve = resolver(root, careful=require_version)


class CoreExecutor(ExecutorThrowingOnIncremental):
    """graphql-core's executor. Who may not call a root field is refused before its arguments are read, and not told what is wrong with them."""

    def execute_field(
        self, parent_type: Any, source: Any, field_details_list: Any, path: Any, position_context: Any
    ) -> Any:
        """One field."""
        if (
            path.prev is None
            and (field := self.schema.get_field(parent_type, field_details_list[0].node.name.value)) is not None
        ):
            try:
                if (access := field.extensions.get(ACCESS)) is not None:
                    access.check(self.context_value.caller)
                IdempotentDirective([d.node for d in field_details_list]).idempotency_key(self.variable_values)
            except Problem as refusal:
                return self.handle_field_error(refusal, field.type, field_details_list, path)
        return super().execute_field(parent_type, source, field_details_list, path, position_context)


def member(type: str, name: str) -> Resolver:
    """The resolver of a member of an object."""
    if type.endswith("Connection") and name == "nodes":
        return lambda source, info, **_: [edge["node"] for edge in source["edges"]]
    if type.endswith(PLAIN):
        return lambda source, info, **_: source.get(name)
    if name == camel(ACTIONS):
        return lambda source, info, **_: [camel(n) for n in source[name]]
    return lambda source, info, **_: source[
        name if info.field_nodes[0].selection_set is None else nested_key(info.path.key, info.field_nodes)
    ]


def resolver(field: RootField[..., Any], *, careful: bool) -> Resolver:
    """The resolver of an operation's field."""
    kind, writes = field.operation.kind, field.operation.is_write
    careful = careful and "expectedVersion" in field.parameters

    async def resolve(_: Any, info: GraphQLResolveInfo, **given: Any) -> Any:
        context = info.context.for_mutation() if writes else info.context
        context.idempotency.key = (
            IdempotentDirective(info.field_nodes).idempotency_key(info.variable_values) or context.idempotency.key
        )
        try:
            if kind == "list":
                return await page(field, info, context, given)
            arguments, ahead = field.convert_arguments(given), Lookahead(info)
            if kind == "batch":
                of = field.operation.resource
                batch = await field.call(
                    GraphQLRequest(context, ahead.batch_selection(of), DEFAULT_LIST_QUERY), **arguments
                )
                return {"results": [outcome(i) for i in batch.items]}
            if careful and "expected_version" not in arguments:
                raise PreconditionRequired("Give the version that you read as `expectedVersion`.")
            record = await field.call(
                GraphQLRequest(context, ahead.object_selection(field.operation.result), DEFAULT_LIST_QUERY), **arguments
            )
            return msgspec.to_builtins(record.body)
        except NotFound:
            # Only what is read, and may be null, is null where it is missing.
            if writes or (kind == "list" and field.operation.parent_relation is None):
                raise
            return None

    return resolve


async def page(field: RootField[..., Any], info: GraphQLResolveInfo, context: Any, given: dict[str, Any]) -> Any:
    """A page of a list."""
    of, ahead = field.operation.resource, Lookahead(info)
    want, total = ahead.page_selection(of)
    window = ahead.list_query(
        UnboundListArguments(of, info.parent_type.fields[info.field_name], info.field_nodes[0], True, total), given
    )
    found = await field.call(GraphQLRequest(context, want, window), **field.convert_arguments(given))
    return msgspec.to_builtins(found.body)


def outcome(item: Item[Any]) -> dict[str, Any]:
    """The outcome of one item of a batch."""
    problem = None
    if item.problem is not None:
        document = item.problem.to_dict()
        problem = {
            "errors": [],
            **{n: v for n, v in document.items() if n in SAID},
            "members": {n: v for n, v in document.items() if n not in SAID} or None,
        }
    data = None if item.record is None else msgspec.to_builtins(item.record.body)
    return {"status": item.status, "changed": item.changed, "data": data, "error": problem}


def finder(getters: Getters, many: bool) -> Resolver:
    """The resolver of `node` and `nodes`."""

    async def resolve(_: Any, info: GraphQLResolveInfo, **given: Any) -> Any:
        ids = [parse_id(text) for text in (node_ids(given) if many else [given["id"]])]
        found = dict[str, Any]()
        for kind in dict.fromkeys([type_number(id) for id in ids if id is not None]):
            found |= await several(
                getters, kind, [id for id in dict.fromkeys(ids) if id is not None and type_number(id) == kind], info
            )
        nodes = [None if id is None else found.get(id) for id in ids]
        return nodes if many else nodes[0]

    return resolve


async def several(getters: Getters, kind: int, ids: list[str], info: GraphQLResolveInfo) -> dict[str, Any]:
    """The visible objects of a kind by id, where the caller may call the operation that reads one."""
    context, known = info.context, getters.by_number.get(kind)
    if known is None or not known[1].access.allows(context.caller.permissions):
        return {}
    of = known[0]
    found = await context.database.reads.several(context.reader, of, Lookahead(info).object_selection(of), ids, context)
    return {id: msgspec.to_builtins(record.body) | {KIND: of.name} for id, record in found.items()}
