"""Execute GraphQL requests by plan.

A document is parsed, validated and compiled once. graphql-core executes introspection.
"""

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

MAX_DOCUMENTS, MAX_TOKENS, MAX_BYTES, MAX_MUTATIONS = 1000, 2000, 20_000, 4
VALIDATION_RULES = (*specified_rules, MaxIntrospectionDepthRule, IdempotentOnMutationsRule)
LOG = logging.getLogger("tradepost.graphql")

encoder = msgspec.json.Encoder()
encode = encoder.encode


class Executor:
    """Executes GraphQL requests against one schema.

    trusted_documents: the trusted documents; with `trusted_only` no others are executed.
    fallbacks: how many requests graphql-core executed, by reason.
    cache: the read cache for the values of public fields, or None.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        registry: Registry,
        roots: Iterable[RootField[..., Any]],
        *,
        introspection_enabled: bool = True,
        require_version: bool = False,
    ) -> None:
        """Prepare the schema for execution.

        introspection_enabled: whether callers without a credential may see the schema.
        require_version: whether updates and deletions require `expectedVersion`.
        """
        self.schema, self.introspection_enabled, self.require_version = schema, introspection_enabled, require_version
        self.fields = {root.name: root for root in roots}
        self.getters, self.documents = Getters(registry), LRUCache[str, Document](MAX_DOCUMENTS)
        self.trusted_documents, self.trusted_only = NO_DOCUMENTS, False
        self.fallbacks: dict[str, int] = dict.fromkeys(FALLBACK_REASONS, 0)
        self.cache: ReadCache | None = None
        attach_resolvers(schema, self.fields, self.getters, require_version=require_version)

    def skips_parsing(self, request: RequestParameters) -> bool:
        """Return whether no text is parsed for this request: its document is cached or rejected."""
        text = request.query or ""
        return text in self.documents or text in self.trusted_documents.by_text or self.trusted_only

    def find_document(self, text: str, request_id: str, with_suggestions: bool) -> Document:
        """Return the document of a text, parsed if necessary, or raise RequestError."""
        if (trusted := self.trusted_documents.by_text.get(text)) is not None:
            return trusted
        if self.trusted_only:
            raise RequestError.from_problem(DocumentNotTrusted(), request_id, keeps_status=True)
        return self.documents.get_or_create(text, lambda: self.parse_document(text, request_id, with_suggestions))

    def prepare(
        self, request: RequestParameters, context: CallContext, document: Document | None = None
    ) -> PreparedRequest:
        """Do everything up to execution, or raise RequestError.

        document: the request's document, if it is known already.
        """
        may_introspect = self.may_introspect(context)
        document = document or self.find_document(request.query or "", context.request_id, may_introspect)
        if document.introspects and not may_introspect:
            raise RequestError.from_problem(
                IntrospectionOff("Introspection requires a credential here."), context.request_id
            )
        try:
            operation = document.operation(request.operation_name)
        except UnknownOperation as problem:
            raise RequestError.from_problem(problem, context.request_id) from None
        if operation.is_subscription:
            raise RequestError.from_problem(InvalidDocument("Subscriptions are not supported."), context.request_id)
        variables = operation.coerce_variables(request.variables, context.request_id, may_introspect)
        try:
            roots = operation.roots(variables, self.compile)
        except Problem as problem:
            raise RequestError.from_problem(
                problem, context.request_id, keeps_status=True, oversized_document=document.ast
            ) from None
        prices = [price_or_minimum(root, context, variables) for root in roots]
        return PreparedRequest(request, operation, variables, roots, prices)

    def reprice(self, prepared: PreparedRequest, context: CallContext) -> PreparedRequest:
        """Return a prepared read-only request for another caller.

        Only the prices are recomputed, because they depend on the caller's permissions.
        """
        return PreparedRequest(
            prepared.request,
            prepared.operation,
            prepared.variables,
            prepared.roots,
            [price_or_minimum(root, context, prepared.variables) for root in prepared.roots],
        )

    def parse_document(self, text: str, request_id: str, with_suggestions: bool) -> Document:
        """Parse and validate a text, or raise RequestError.

        with_suggestions: whether errors may suggest names from the schema.
        """
        if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise RequestError.from_problem(
                DocumentTooLarge(f"The document has more than {MAX_BYTES} bytes."), request_id, keeps_status=True
            )
        try:
            ast = parse(text, max_tokens=MAX_TOKENS, allow_empty_selection_sets=False)
        except GraphQLError as error:
            # graphql-core has no other sign of this error than its message.
            if "token" in error.message and str(MAX_TOKENS) in error.message:
                raise RequestError.from_problem(
                    DocumentTooLarge(f"The document has more than {MAX_TOKENS} tokens."), request_id, keeps_status=True
                ) from None
            raise request_error(InvalidDocument, [error], request_id) from None
        try:
            check_limits(ast)
        except Problem as problem:
            raise RequestError.from_problem(problem, request_id, keeps_status=True, oversized_document=ast) from None
        except RecursionError:
            raise RequestError.from_problem(
                DocumentTooLarge("The document is nested too deeply."),
                request_id,
                keeps_status=True,
                oversized_document=ast,
            ) from None
        if errors := validate(
            self.schema, ast, VALIDATION_RULES, max_errors=MAX_ERRORS, hide_suggestions=not with_suggestions
        ):
            raise request_error(InvalidDocument, errors, request_id)
        return Document(ast, self.schema)

    def compile(self, operation: PreparedOperation, conditions: dict[str, Any]) -> Roots:
        """Return the plans of an operation's root fields, in order.

        conditions: the values of the variables in its @skip and @include directives.
        """
        compiler = SelectionCompiler(self.schema, operation.document.fragments, conditions)
        parent_type: Any = self.schema.mutation_type if operation.writes else self.schema.query_type
        fields = compiler.collect_fields([operation.node], parent_type.name)
        if operation.writes and len(fields) > MAX_MUTATIONS:
            raise TooManyMutations(
                f"A document may have at most {MAX_MUTATIONS} mutation fields; "
                f"this one has {len(fields)}, and none was executed."
            )
        return [self._compile_root(key, nodes, parent_type, compiler) for key, nodes in fields.items()]

    def _compile_root(
        self, response_key: str, nodes: Sequence[FieldNode], parent_type: Any, compiler: SelectionCompiler
    ) -> Root:
        name = nodes[0].name.value
        if name == "__typename":
            return TypenameRoot(response_key, nodes, parent_type.name)
        if name in INTROSPECTION_FIELDS:
            return SchemaRoot(response_key, nodes)
        definition = parent_type.fields[name]
        field = self.fields.get(name)
        if field is None:
            return NodesRoot(response_key, nodes, name == "nodes", definition, compiler, self.getters)
        if field.operation.kind == "batch":
            return BatchRoot(response_key, nodes, field, definition, compiler)
        if field.operation.kind == "list":
            return PageRoot(response_key, nodes, field, definition, compiler)
        return ObjectRoot(response_key, nodes, field, definition, compiler, require_version=self.require_version)

    async def execute(self, prepared: PreparedRequest, context: CallContext) -> bytearray:
        """Return the response without its last brace, so that the caller can add `extensions`."""
        roots, variables, prices = prepared.roots, prepared.variables, prepared.prices
        if prepared.operation.document.may_need_fallback and (reason := prepared.fallback_reason) is not None:
            self.fallbacks[reason] += 1
            context.meter.net = prepared.points
            return bytearray((await self.fallback(prepared, context))[:-1])
        if len(roots) == 1:
            result = await self._run(roots[0], variables, context, prices[0], roots[0].json_start)
            prepared.replayed_fields = [roots[0].response_key] if context.idempotency.is_replay else []
            if type(result) is bytearray:
                result += b"}"
                return result
            results: list[Any] = [result]
        elif prepared.operation.writes:
            contexts = [context.for_mutation() for _ in roots]
            results = [
                await self._run(r, variables, c, p, r.json_key) for r, c, p in zip(roots, contexts, prices, strict=True)
            ]
            prepared.replayed_fields = [
                r.response_key for r, c in zip(roots, contexts, strict=True) if c.idempotency.is_replay
            ]
            context.idempotency.is_replay = len(prepared.replayed_fields) == len(prepared.mutation_roots)
        else:
            results = list(
                await asyncio.gather(
                    *[self._run(r, variables, context, p, r.json_key) for r, p in zip(roots, prices, strict=True)]
                )
            )
        data = b",".join(
            [
                result if type(result) is bytearray else root.json_key + b"null"
                for root, result in zip(roots, results, strict=True)
            ]
        )
        failed = [(root, result) for root, result in zip(roots, results, strict=True) if type(result) is not bytearray]
        if not failed:
            return bytearray(b'{"data":{%b}' % data)
        if len(roots) == 1 and isinstance(results[0], Problem):
            prepared.retry_after = results[0].retry_after
        errors = encode([self._field_error(root, error, context) for root, error in failed])
        if all(root.nullable for root, _ in failed):
            return bytearray(b'{"errors":%b,"data":{%b}' % (errors, data))
        return bytearray(b'{"errors":%b,"data":null' % errors)

    async def _run(self, root: Root, variables: Variables, context: CallContext, price: Price, prefix: bytes) -> Any:
        """Run one root field. Return its bytes after `prefix`, or the exception that it raised.

        The prefix is added here because copying a long list takes 4 us. The net price is added to
        the meter. A field that fails or finds nothing costs at most 1 point; one that has checked
        a credential costs its full price.
        """
        attempts_before = context.meter.credential_attempts
        try:
            # Before the arguments are converted: callers without access get no errors about them.
            root.access.check(context.caller)
            if root.idempotent_directive.key_node is not None:
                context.idempotency.key = (
                    root.idempotent_directive.idempotency_key(variables) or context.idempotency.key
                )
            if (
                self.cache is not None
                and root.is_cacheable(variables)
                and (key := cache_key(root, variables, context)) is not None
            ):
                return bytearray(prefix + await self._cached(self.cache, key, root, variables, context, price))
            value, rows = await root.value(context, variables)
            encoder.encode_into(value, encoded := bytearray(prefix), -1)
            # Null and replayed outcomes cost the minimum.
            context.meter.net += (
                price.net(rows)
                if value is not None and (root.is_credential_attempt or not context.idempotency.is_replay)
                else min(price.points, 1)
            )
            return encoded
        except Exception as error:
            context.meter.net += (
                price.points
                if root.is_credential_attempt and context.meter.credential_attempts > attempts_before
                else min(price.points, 1)
            )
            return error

    async def _cached(
        self,
        cache: ReadCache,
        key: tuple[Any, ...],
        root: Root,
        variables: Variables,
        context: CallContext,
        price: Price,
    ) -> bytes:
        """Return the bytes of one root field from the read cache, which is filled if necessary."""
        entry = cache.get(key) or await cache.fill(
            key, lambda dependencies: cache_entry(root, variables, context, price, dependencies)
        )
        context.meter.net += entry.net
        return entry.value

    def _field_error(self, root: Root, error: Exception, context: CallContext) -> dict[str, Any]:
        """Return the entry in `errors` of a root field's exception."""
        problem = self.report_problem(error, context)
        argument_nodes = error.nodes if isinstance(error, GraphQLError) else None
        return format_error(
            problem,
            context.request_id,
            GraphQLError(problem.detail, argument_nodes or list(root.nodes), path=[root.response_key]),
        )

    def report_problem(self, error: BaseException, context: CallContext) -> Problem:
        """Return the problem to show for an exception. Log the exception if it is unexpected.

        Lists of known names are removed if the caller may not see the schema.
        """
        problem = to_problem(error)
        if problem.status >= 500 and not isinstance(error, Problem):
            LOG.error("unexpected error in a GraphQL field, request %s", context.request_id or "-", exc_info=error)
        if not self.may_introspect(context):
            problem.hide_schema()
        return problem

    def may_introspect(self, context: CallContext) -> bool:
        """Return whether the caller may see the schema and its names."""
        return self.introspection_enabled or context.caller.is_authenticated

    async def fallback(self, prepared: PreparedRequest, context: CallContext) -> bytes:
        """Return the response to a prepared request as graphql-core executes it."""
        return await self.execute_with_core(prepared.operation.document.ast, prepared.request, context)

    async def execute_with_core(self, ast: DocumentNode, request: RequestParameters, context: CallContext) -> bytes:
        """Return the response that graphql-core gives for a validated document.

        The plans share only the operations, the validation and the format of errors with it.
        """
        execution: Any = execute(
            self.schema,
            ast,
            None,
            context,
            request.variables,
            request.operation_name or None,
            executor_class=CoreExecutor,
            hide_suggestions=not self.may_introspect(context),
        )
        result = await execution if isawaitable(execution) else execution
        core_errors: list[GraphQLError] = result.errors or []
        if result.data is None and any([error.path is None for error in core_errors]):
            return encode({"errors": request_error(InvalidVariables, core_errors, context.request_id).errors})
        errors = [
            format_error(self.report_problem(error.original_error or error, context), context.request_id, error)
            for error in core_errors
        ]
        return encode(({"errors": errors} if errors else {}) | {"data": result.data})


def cache_key(root: Root, variables: Variables, context: CallContext) -> tuple[Any, ...] | None:
    """Return the key of a root field in the read cache, or None if its variables are not JSON.

    `cache_id` stands for the field, because the cache may outlive the plan.
    """
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


async def cache_entry(
    root: Root, variables: Variables, context: CallContext, price: Price, dependencies: ReadDependencies
) -> CacheEntry:
    """Run a root field and return its value as a cache entry.

    It runs in a context of its own, because other fields record what they read at the same time.
    """
    value, rows = await root.value(context.recording(dependencies), variables)
    encoded = encode(value)
    if value is None:
        return CacheEntry(encoded, 0, min(price.points, 1), uncacheable=True)
    # A missing object in `nodes` has no tag, so creating it would not invalidate the entry.
    has_missing_node = isinstance(value, list) and None in value
    return CacheEntry(encoded, len(encoded), price.net(rows), uncacheable=has_missing_node)


def price_or_minimum(root: Root, context: CallContext, variables: Variables) -> Price:
    """Return the price of a root field, or the minimum if its arguments are invalid.

    Running the field then raises the error.
    """
    try:
        return root.price(context, variables)
    except Exception:
        return MINIMUM_PRICE
