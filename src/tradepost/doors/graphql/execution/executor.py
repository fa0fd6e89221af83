"""Execute GraphQL requests: prepare, price and run the plans of their root fields."""

import asyncio
import logging
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLSchema

from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.lru import LRUCache
from tradepost.kit.operations.pricing import MINIMUM_PRICE, Price
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import Internal, Problem, Unauthenticated, Unavailable
from tradepost.kit.writes.call_context import CallContext

from ..documents.document import Document
from ..documents.requests import PreparedRequest, RequestParameters
from ..documents.trusted import NO_DOCUMENTS
from ..plan.arguments import Variables
from ..plan.node_plan import Getters
from ..plan.root_plans import Root
from ..problems import (
    DocumentNotTrusted,
    IntrospectionOff,
    InvalidDocument,
    InvalidVariables,
    RequestError,
    UnknownOperation,
    format_error,
    request_error,
    to_problem,
)
from ..schema.root_fields import RootField
from .cached_fields import cache_key, cached_value
from .operation_compiler import OperationCompiler
from .parsing import parse_document
from .response import join_response

MAX_DOCUMENTS_BYTES = 4 * 1024 * 1024
LOG = logging.getLogger("tradepost.graphql")

encoder = msgspec.json.Encoder()


class Executor:
    """Executes GraphQL requests against one schema.

    trusted_documents: the trusted documents; with `trusted_only` no others are executed.
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
        """`roots`: the fields of Query and Mutation that call an operation.

        introspection_enabled: whether callers without a credential may see the schema.
        require_version: whether updates and deletions require `expectedVersion`.
        """
        self.schema, self.introspection_enabled = schema, introspection_enabled
        self.fields = {root.name: root for root in roots}
        self.compile = OperationCompiler(
            schema, self.fields, Getters(registry), require_version=require_version
        ).compile
        self.documents = LRUCache[str, Document]("graphql_documents", MAX_DOCUMENTS_BYTES, document_size)
        self.trusted_documents, self.trusted_only = NO_DOCUMENTS, False
        self.cache: ReadCache | None = None

    def skips_parsing(self, request: RequestParameters) -> bool:
        """Return whether no text is parsed for this request: its document is cached or rejected."""
        text = request.query or ""
        return text in self.documents or text in self.trusted_documents.by_text or self.trusted_only

    def known_document(self, text: str) -> Document | None:
        """Return the document of a text if it is trusted or cached. It does not count as a hit."""
        return self.trusted_documents.by_text.get(text) or self.documents.entries.get(text)

    def find_document(self, text: str, request_id: str, with_suggestions: bool) -> Document:
        """Return the document of a text, parsed if necessary, or raise RequestError."""
        if (trusted := self.trusted_documents.by_text.get(text)) is not None:
            return trusted
        if self.trusted_only:
            raise RequestError.from_problem(DocumentNotTrusted(), request_id, keeps_status=True)
        return self.documents.get_or_create(
            text, lambda: parse_document(text, self.schema, request_id, with_suggestions=with_suggestions)
        )

    def prepare(
        self, request: RequestParameters, context: CallContext, document: Document | None = None
    ) -> PreparedRequest:
        """Do everything up to execution, or raise RequestError.

        document: the request's document, if it is known already.
        """
        may_introspect = self.may_introspect(context)
        document = document or self.find_document(request.query or "", context.request_id, may_introspect)
        if document.parsed.introspects and not may_introspect:
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
        except GraphQLError as error:
            # A condition of a root field is null, so it is unknown which fields are selected.
            raise request_error(InvalidVariables, [error], context.request_id) from None
        except Problem as problem:
            raise RequestError.from_problem(
                problem, context.request_id, keeps_status=True, oversized_document=document.parsed.ast
            ) from None
        return PreparedRequest(request, operation, variables, roots, prices_of(roots, context, variables))

    def reprice(self, prepared: PreparedRequest, context: CallContext) -> PreparedRequest:
        """Return a prepared read-only request for another caller.

        Only the prices are recomputed, because they depend on the caller's permissions.
        """
        variables = prepared.variables
        roots = prepared.operation.roots(variables, self.compile)
        prices = prices_of(roots, context, variables)
        return PreparedRequest(prepared.request, prepared.operation, variables, roots, prices)

    async def execute(self, prepared: PreparedRequest, context: CallContext) -> bytearray:
        """Return the response without its last brace, so that the caller can add `extensions`."""
        roots, variables, prices = prepared.roots, prepared.variables, prepared.prices
        if len(roots) == 1:
            result = await self._run(roots[0], variables, context, prices[0], roots[0].json_start)
            prepared.replayed_fields = [roots[0].response_key] if context.idempotency.is_replay else []
            if type(result) is bytearray:
                result += b"}"
                return result
            if isinstance(result, Problem):
                prepared.retry_after = result.retry_after
            results = [result]
        elif prepared.operation.writes:
            results = await self._run_mutations(prepared, context)
        else:
            results = await asyncio.gather(
                *[self._run(r, variables, context, p, r.json_key) for r, p in zip(roots, prices, strict=True)]
            )
        if results and all([isinstance(result, Unavailable) for result in results]):
            # No field has an answer, so the whole request can be repeated.
            prepared.status, prepared.retry_after = 503, max([result.retry_after or 1 for result in results])
        errors = [
            self._field_error(root, result, context)
            for root, result in zip(roots, results, strict=True)
            if type(result) is not bytearray
        ]
        challenges = [r.headers()["WWW-Authenticate"] for r in results if isinstance(r, Unauthenticated)]
        prepared.challenge = challenges[0] if challenges else None
        prepared.problem_codes = [error["extensions"]["code"] for error in errors]
        return join_response(roots, results, errors)

    async def _run_mutations(self, prepared: PreparedRequest, context: CallContext) -> list[Any]:
        """Run several root fields of a mutation one after another, each in a context of its own."""
        roots, prices, results = prepared.roots, prepared.prices, list[Any]()
        contexts = [context.for_mutation() for _ in roots]
        for root, root_context, price in zip(roots, contexts, prices, strict=True):
            results.append(await self._run(root, prepared.variables, root_context, price, root.json_key))
        prepared.replayed_fields = [
            root.response_key for root, c in zip(roots, contexts, strict=True) if c.idempotency.is_replay
        ]
        context.idempotency.is_replay = len(prepared.replayed_fields) == len(prepared.mutation_roots)
        return results

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
                and self.cache.serves(context.caller)
                and root.is_cacheable(variables)
                and (key := cache_key(root, variables, context)) is not None
            ):
                return bytearray(prefix + await cached_value(self.cache, key, root, variables, context, price))
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

    def _field_error(self, root: Root, error: Exception, context: CallContext) -> dict[str, Any]:
        """Return the entry in `errors` of a root field's exception."""
        problem = self.report_problem(error, context)
        # Its frames lead back to it by `execute`, which has it as a result. Such a cycle would keep
        # the request's variables until the next garbage collection.
        error.__traceback__ = error.__context__ = None
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


def document_size(text: str, document: Document) -> int:
    """Return the approximate bytes of a document with its text."""
    return 2 * sys.getsizeof(text) + document.size


def prices_of(roots: Sequence[Root], context: CallContext, variables: Variables) -> list[Price]:
    """Return the prices of root fields, or raise RequestError with 500 if one is not known.

    Nothing is executed for less than its price.
    """
    try:
        return [price_or_minimum(root, context, variables) for root in roots]
    except Exception as error:
        LOG.error("the price of a GraphQL request is not known, request %s", context.request_id or "-", exc_info=error)
        raise RequestError.from_problem(Internal(), context.request_id, keeps_status=True) from None


def price_or_minimum(root: Root, context: CallContext, variables: Variables) -> Price:
    """Return the price of a root field, or the minimum if its arguments are invalid.

    Running the field then raises the error.
    """
    try:
        return root.price(context, variables)
    except (Problem, GraphQLError):
        return MINIMUM_PRICE
