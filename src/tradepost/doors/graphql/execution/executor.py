"""Runs GraphQL operations by plan. A document is parsed, validated and compiled once; introspection goes to graphql-core."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from inspect import isawaitable
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLSchema, MaxIntrospectionDepthRule, execute, parse, specified_rules, validate
from graphql.language import DocumentNode, FieldNode

from tradepost.kit.cache.read_cache import CacheEntry, ReadCache
from tradepost.kit.lru import LRUCache
from tradepost.kit.operations.pricing import MINIMUM_PRICE, Price
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import Problem
from tradepost.kit.query.source_tables import ReadDependencies
from tradepost.kit.writes.call_context import CallContext

from ..documents.document import Document, PreparedOperation, Roots
from ..documents.limits import INTROSPECTION_FIELDS, check_limits
from ..documents.requests import FALLBACK_REASONS, PreparedRequest, RequestParameters
from ..documents.trusted import NO_DOCUMENTS
from ..plan.arguments import Variables
from ..plan.batch_plan import BatchRoot
from ..plan.idempotent_directive import IdempotentOnMutationsRule
from ..plan.node_plan import Getters, NodesRoot
from ..plan.root_plans import ObjectRoot, PageRoot, Root, SchemaRoot, TypenameRoot
from ..plan.selection_compiler import SelectionCompiler
from ..problems import (
    MAX_ERRORS,
    DocumentNotTrusted,
    DocumentTooLarge,
    IntrospectionOff,
    InvalidDocument,
    InvalidVariables,
    RequestError,
    TooManyMutations,
    UnknownOperation,
    format_error,
    request_error,
    to_problem,
)
from ..schema.root_fields import RootField
from .core_fallback import CoreExecutor, attach_resolvers

MOST_DOCUMENTS, MOST_TOKENS, MOST_BYTES, MOST_MUTATIONS = 1000, 2000, 20_000, 4
VALIDATION_RULES = (*specified_rules, MaxIntrospectionDepthRule, IdempotentOnMutationsRule)
LOG = logging.getLogger("tradepost.graphql")

encoder = msgspec.json.Encoder()
encode = encoder.encode


class Executor:
    """Answers GraphQL requests over one schema."""

    def __init__(
        self,
        schema: GraphQLSchema,
        registry: Registry,
        roots: Iterable[RootField[..., Any]],
        *,
        introspection_enabled: bool = True,
        require_version: bool = False,
    ) -> None:
        """`introspects`: whether callers without a credential may see the schema. `careful`: whether changes need `expectedVersion`."""
        self.schema, self.introspection_enabled, self.require_version = schema, introspection_enabled, require_version
        self.fields = {r.name: r for r in roots}
        self.getters, self.documents = Getters(registry), LRUCache[str, Document](MOST_DOCUMENTS)
        # Registered documents, and whether only these are run.
        self.trusted_documents, self.trusted_only = NO_DOCUMENTS, False
        # How many operations graphql-core had to run, by reason.
        self.fallbacks: dict[str, int] = dict.fromkeys(FALLBACK_REASONS, 0)
        # Where what public fields give is kept, if anywhere.
        self.cache: ReadCache | None = None
        attach_resolvers(schema, self.fields, self.getters, require_version=require_version)

    def skips_parsing(self, request: RequestParameters) -> bool:
        """Whether a request's document has been read before, or will not be read at all."""
        text = request.query or ""
        return text in self.documents or text in self.trusted_documents.by_text or self.trusted_only

    def find_document(self, text: str, request_id: str, suggests: bool) -> Document:
        """The document of a text."""
        if (found := self.trusted_documents.by_text.get(text)) is not None:
            return found
        if self.trusted_only:
            raise RequestError.from_problem(DocumentNotTrusted(), request_id, keeps_status=True)
        return self.documents.get_or_create(text, lambda: self.parse_document(text, request_id, suggests))

    def prepare(
        self, request: RequestParameters, context: CallContext, document: Document | None = None
    ) -> PreparedRequest:
        """Everything up to the execution; or Refused. The document is that of the request's text, unless it was found otherwise."""
        open = self.may_introspect(context)
        document = document or self.find_document(request.query or "", context.request_id, open)
        if document.introspects and not open:
            raise RequestError.from_problem(
                IntrospectionOff("The schema is shown only to callers with a credential."), context.request_id
            )
        try:
            operation = document.operation(request.operation_name)
        except UnknownOperation as problem:
            raise RequestError.from_problem(problem, context.request_id) from None
        if operation.is_subscription:
            raise RequestError.from_problem(InvalidDocument("There are no subscriptions here."), context.request_id)
        variables = operation.coerce_variables(request.variables, context.request_id, open)
        try:
            roots = operation.roots(variables, self.compile)
        except Problem as ceiling:
            raise RequestError.from_problem(
                ceiling, context.request_id, keeps_status=True, oversized_document=document.ast
            ) from None
        return PreparedRequest(request, operation, variables, roots, [priced(r, context, variables) for r in roots])

    def reprice(self, known: PreparedRequest, context: CallContext) -> PreparedRequest:
        """What was asked in the same words before, without a write or a look at the schema: only its price may be another, for another kind of caller."""
        return PreparedRequest(
            known.request,
            known.operation,
            known.variables,
            known.roots,
            [priced(r, context, known.variables) for r in known.roots],
        )

    def parse_document(self, text: str, request_id: str, with_suggestions: bool) -> Document:
        """A new document, parsed and validated."""
        if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise RequestError.from_problem(
                DocumentTooLarge(f"The document has more than {MOST_BYTES} bytes."), request_id, keeps_status=True
            )
        try:
            ast = parse(text, max_tokens=MOST_TOKENS, allow_empty_selection_sets=False)
        except GraphQLError as fault:
            if "token" in fault.message and str(MOST_TOKENS) in fault.message:
                raise RequestError.from_problem(
                    DocumentTooLarge(f"The document has more than {MOST_TOKENS} tokens."), request_id, keeps_status=True
                ) from None
            raise request_error(InvalidDocument, [fault], request_id) from None
        try:
            check_limits(ast)
        except Problem as ceiling:
            raise RequestError.from_problem(ceiling, request_id, keeps_status=True, oversized_document=ast) from None
        except RecursionError:
            raise RequestError.from_problem(
                DocumentTooLarge("The document is nested too deeply."),
                request_id,
                keeps_status=True,
                oversized_document=ast,
            ) from None
        if found := validate(
            self.schema, ast, VALIDATION_RULES, max_errors=MAX_ERRORS, hide_suggestions=not with_suggestions
        ):
            raise request_error(InvalidDocument, found, request_id)
        return Document(ast, self.schema)

    def compile(self, operation: PreparedOperation, flags: dict[str, Any]) -> Roots:
        """The root fields of an operation, in order."""
        walk = SelectionCompiler(self.schema, operation.document.fragments, flags)
        parent: Any = self.schema.mutation_type if operation.writes else self.schema.query_type
        out = walk.collect_fields([operation.node], parent.name)
        if operation.writes and len(out) > MOST_MUTATIONS:
            raise TooManyMutations(
                f"A document may have at most {MOST_MUTATIONS} mutation fields; this one has {len(out)}, and none was run."
            )
        return [self.root(key, nodes, parent, walk) for key, nodes in out.items()]

    def root(self, key: str, nodes: Sequence[FieldNode], parent: Any, walk: SelectionCompiler) -> Root:
        """One root field, compiled."""
        name = nodes[0].name.value
        if name == "__typename":
            return TypenameRoot(key, nodes, parent.name)
        if name in INTROSPECTION_FIELDS:
            return SchemaRoot(key, nodes)
        definition = parent.fields[name]
        field = self.fields.get(name)
        if field is None:
            return NodesRoot(key, nodes, name == "nodes", definition, walk, self.getters)
        if field.operation.kind == "batch":
            return BatchRoot(key, nodes, field, definition, walk)
        if field.operation.kind == "list":
            return PageRoot(key, nodes, field, definition, walk)
        return ObjectRoot(key, nodes, field, definition, walk, require_version=self.require_version)

    async def execute(self, ready: PreparedRequest, context: CallContext) -> bytearray:
        """The answer but for its last brace: whoever sends it has more to say in it."""
        roots, variables, prices = ready.roots, ready.variables, ready.prices
        if ready.operation.document.may_need_fallback and (why := ready.fallback_reason) is not None:
            self.fallbacks[why] += 1
            context.meter.net = ready.points
            return bytearray((await self.fallback(ready, context))[:-1])
        if len(roots) == 1:
            only = await self.run(roots[0], variables, context, prices[0], roots[0].json_start)
            ready.replayed_fields = [roots[0].response_key] if context.idempotency.is_replay else []
            if type(only) is bytearray:
                only += b"}"
                return only
            done: list[Any] = [only]
        elif ready.operation.writes:
            contexts = [context.for_mutation() for _ in roots]
            done = [
                await self.run(r, variables, c, p, r.json_key) for r, c, p in zip(roots, contexts, prices, strict=True)
            ]
            ready.replayed_fields = [
                r.response_key for r, c in zip(roots, contexts, strict=True) if c.idempotency.is_replay
            ]
            context.idempotency.is_replay = len(ready.replayed_fields) == len(ready.mutation_roots)
        else:
            done = list(
                await asyncio.gather(
                    *[self.run(r, variables, context, p, r.json_key) for r, p in zip(roots, prices, strict=True)]
                )
            )
        body = b",".join(
            [d if type(d) is bytearray else r.json_key + b"null" for r, d in zip(roots, done, strict=True)]
        )
        failed = [(r, d) for r, d in zip(roots, done, strict=True) if type(d) is not bytearray]
        if not failed:
            return bytearray(b'{"data":{%b}' % body)
        if len(roots) == 1 and isinstance(done[0], Problem):
            ready.retry_after = done[0].retry_after
        errors = encode([self.error(r, d, context) for r, d in failed])
        if all(r.nullable for r, _ in failed):
            return bytearray(b'{"errors":%b,"data":{%b}' % (errors, body))
        return bytearray(b'{"errors":%b,"data":null' % errors)

    async def run(self, root: Root, variables: Variables, context: CallContext, price: Price, before: bytes) -> Any:
        """The bytes of one root field behind those `before` it (put together here, because copying a long list takes 4 us), or what it raised. What it
        costs in the end goes onto the meter: a field that is refused or missing 1, if it costs anything, and one that has tried a credential its whole
        price."""
        begun = context.meter.credential_attempts
        try:
            # Before the arguments are read: who may not, is not told what is wrong with them.
            root.access.check(context.caller)
            if root.idempotent_directive.key_node is not None:
                context.idempotency.key = (
                    root.idempotent_directive.idempotency_key(variables) or context.idempotency.key
                )
            if (
                self.cache is not None
                and root.is_cacheable(variables)
                and (key := kept_under(root, variables, context)) is not None
            ):
                return bytearray(before + await self.kept(self.cache, key, root, variables, context, price))
            value, rows = await root.value(context, variables)
            encoder.encode_into(value, said := bytearray(before), -1)
            # A missing thing and a kept outcome cost the least.
            context.meter.net += (
                price.net(rows)
                if value is not None and (root.is_credential_attempt or not context.idempotency.is_replay)
                else min(price.points, 1)
            )
            return said
        except Exception as fault:
            context.meter.net += (
                price.points
                if root.is_credential_attempt and context.meter.credential_attempts > begun
                else min(price.points, 1)
            )
            return fault

    async def kept(
        self,
        cache: ReadCache,
        key: tuple[Any, ...],
        root: Root,
        variables: Variables,
        context: CallContext,
        price: Price,
    ) -> bytes:
        """The bytes of one root field from the read cache."""
        found = cache.get(key) or await cache.fill(key, lambda seen: entry(root, variables, context, price, seen))
        context.meter.net += found.net
        return found.value

    def error(self, root: Root, fault: Exception, context: CallContext) -> dict[str, Any]:
        """What went wrong in a root field, as GraphQL writes it. What nobody expected is logged and not shown."""
        problem = self.report_problem(fault, context)
        nodes = fault.nodes if isinstance(fault, GraphQLError) else None  # those of an argument that cannot be used
        return format_error(
            problem,
            context.request_id,
            GraphQLError(problem.detail, nodes or list(root.nodes), path=[root.response_key]),
        )

    def report_problem(self, fault: BaseException, context: CallContext) -> Problem:
        """The problem that a fault is; an unexpected one is logged. Lists of known names are left out where the schema is hidden."""
        problem = to_problem(fault)
        if problem.status >= 500 and not isinstance(fault, Problem):
            LOG.error("unexpected fault in GraphQL, request %s", context.request_id or "-", exc_info=fault)
        if not self.may_introspect(context):
            problem.hide_schema()
        return problem

    def may_introspect(self, context: CallContext) -> bool:
        """Whether this caller may see the schema, and the names in it."""
        return self.introspection_enabled or context.caller.is_authenticated

    async def fallback(self, ready: PreparedRequest, context: CallContext) -> bytes:
        """The same by graphql-core."""
        return await self.execute_with_core(ready.operation.document.ast, ready.request, context)

    async def execute_with_core(self, ast: DocumentNode, request: RequestParameters, context: CallContext) -> bytes:
        """What graphql-core makes of a validated document; of it the plans share the operations, the validation and how a problem is shown."""
        open = self.may_introspect(context)
        made: Any = execute(
            self.schema, ast, None, context, request.variables, request.operation_name or None, executor_class=CoreExecutor, hide_suggestions=not open
        )  # fmt: skip
        result = await made if isawaitable(made) else made
        found: list[GraphQLError] = result.errors or []
        if result.data is None and any([fault.path is None for fault in found]):
            return encode({"errors": request_error(InvalidVariables, found, context.request_id).errors})
        errors = [
            format_error(self.report_problem(fault.original_error or fault, context), context.request_id, fault)
            for fault in found
        ]
        return encode(({"errors": errors} if errors else {}) | {"data": result.data})


def kept_under(root: Root, variables: Variables, context: CallContext) -> tuple[Any, ...] | None:
    """The key of a root field in the read cache: all that its bytes depend on. The number stands for the field, because the cache may outlive it."""
    caller = context.caller
    try:
        return (
            root.cache_id,
            encode(variables.coerced) if variables.coerced else b"",
            caller.permissions,
            caller.is_authenticated,
        )
    except (TypeError, ValueError, OverflowError):
        return None


async def entry(
    root: Root, variables: Variables, context: CallContext, price: Price, seen: ReadDependencies
) -> CacheEntry:
    """What a root field gives, as it may be kept. What it reads is noted in a context of its own: other fields read at the same time."""
    value, rows = await root.value(context.recording(seen), variables)
    said = encode(value)
    if value is None:
        return CacheEntry(said, 0, min(price.points, 1), uncacheable=True)
    # Of several things by their ids one that is missing has no tag: nobody would hear that it is there now.
    return CacheEntry(said, len(said), price.net(rows), uncacheable=isinstance(value, list) and None in value)


def priced(root: Root, context: CallContext, variables: Variables) -> Price:
    """The price of a root field. Where its arguments cannot be read it is the least: running it will tell what is wrong with them."""
    try:
        return root.price(context, variables)
    except Exception:
        return MINIMUM_PRICE
