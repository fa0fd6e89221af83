"""`/graphql`: GraphQL over HTTP (working draft of the GraphQL Foundation)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import time
from typing import Any
from weakref import ReferenceType, ref

import msgspec
from graphql import DocumentNode, GraphQLSchema, print_directive
from litestar import Request as LitestarRequest
from litestar import route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.clock import to_rfc3339
from tradepost.kit.lru import LRUCache
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import (
    InvalidParameter,
    MalformedBody,
    MethodNotAllowed,
    NotAcceptable,
    QuotaExceeded,
    TooExpensive,
)
from tradepost.kit.rate_limit.meter import COMPILE_POINTS
from tradepost.kit.redis.document_store import DocumentStore
from tradepost.kit.writes.call_context import CallContext

from ...http.asgi import Receive, Scope, request_headers
from ...http.cache_policy import NO_STORE, cache_control
from ...http.conditional import entity_tag
from ...http.idempotency_header import REPLAYED_HEADER
from ...http.negotiation import best_offer
from ...http.response import Response
from ..documents.document import Document
from ..execution.executor import Executor, PreparedRequest, RequestParameters
from ..execution.trusted_loader import load_trusted_documents
from ..execution.unexecuted_attempts import count_unexecuted_attempts
from ..plan.idempotent_directive import IDEMPOTENT
from ..problems import (
    DocumentNotTrusted,
    PersistedQueryMismatch,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
    RequestError,
)
from ..schema.builder import SchemaBuilder
from ..schema.root_fields import RootField
from .persisted import PersistedQueries
from .request_parser import parse_body, parse_query_string, read_json_body

JSON, GRAPHQL, HTML = b"application/json", b"application/graphql-response+json", b"text/html"
CONTENT_TYPES = {JSON: b"application/json; charset=utf-8", GRAPHQL: b"application/graphql-response+json; charset=utf-8"}
OFFERED_TYPES, OFFERED_TYPES_WITH_HTML = (JSON, GRAPHQL), (JSON, GRAPHQL, HTML)

STATUS_PROBLEMS = (
    MalformedBody,
    InvalidParameter,
    QuotaExceeded,
    TooExpensive,
    DocumentNotTrusted,
    PersistedQueryMismatch,
)
"""Problems whose responses keep their status under `application/json` too."""
APQ_PROBLEMS = (PersistedQueryNotFound, PersistedQueryNotSupported)
"""Problems whose responses have 200 under `application/json`, as Apollo's protocol expects."""

MAX_PREPARED_BYTES, MAX_CACHED_REQUEST_BYTES = 1024 * 1024, 2000
"""The budget of requests that are cached as prepared, and the size up to which one is."""
PREPARED_BYTES = 1500
"""Bytes of a prepared request, besides its text."""

encode = msgspec.json.Encoder().encode


type PreparedKey = tuple[bool, bytes]


@lru_cache(4)
def build_schema(registry: Registry, roots: tuple[RootField[..., Any], ...]) -> tuple[GraphQLSchema, str]:
    """Return the schema and its text in SDL, sorted. Doors with the same fields share them."""
    strawberry_schema = SchemaBuilder(registry, roots).build()
    core_schema = strawberry_schema._schema
    # Strawberry prints the schema, because graphql-core does not print `@needs` on fields.
    # `@idempotent` is added here, because Strawberry would print it after `@needs`.
    text = f"{print_directive(IDEMPOTENT)}\n\n{strawberry_schema.as_str()}\n"
    core_schema.directives = (*core_schema.directives, IDEMPOTENT)
    return core_schema, text


class GraphQLDoor:
    """The schema, its executor and the endpoint `/graphql`.

    prepared_requests: the last read-only requests, by whether they are GETs and by their query
        string or body. Their documents hold them, so that none keeps an evicted document alive.
    """

    def __init__(
        self,
        registry: Registry,
        roots: Iterable[RootField[..., Any]],
        *,
        introspection_enabled: bool = True,
        explorer_page: Callable[[], Response] | None = None,
        require_version: bool = False,
        documents: Path | None = None,
        trusted_only: bool = False,
        apq: bool = False,
        document_store: DocumentStore | None = None,
    ) -> None:
        """Build the schema and load the trusted documents, or raise TrustedDocumentError.

        introspection_enabled: whether callers without a credential may see the schema.
        explorer_page: makes the response of GraphiQL for browsers.
        require_version: whether updates and deletions require `expectedVersion`.
        documents: the folder of the trusted documents.
        trusted_only: whether no other documents are executed.
        apq: whether automatic persisted queries are enabled; `document_store` shares them.
        """
        root_fields = list(roots)
        core_schema, self.schema_text = build_schema(registry, tuple(root_fields))
        self.executor = Executor(
            core_schema,
            registry,
            root_fields,
            introspection_enabled=introspection_enabled,
            require_version=require_version,
        )
        if documents is not None:
            self.executor.trusted_documents = load_trusted_documents(documents, self.executor)
        self.executor.trusted_only = trusted_only
        self.persisted = PersistedQueries(self.executor, apq=apq, document_store=document_store)
        self.prepared_requests = LRUCache[PreparedKey, ReferenceType[PreparedRequest]](
            "graphql_requests",
            MAX_PREPARED_BYTES,
            lambda key, prepared: PREPARED_BYTES + 10 * len(key[1]),
            self.forget_prepared,
        )
        self.explorer_page = explorer_page

    def sdl(self) -> str:
        """Return the schema in SDL, sorted."""
        return self.schema_text

    def route(self) -> HTTPRouteHandler:
        """Return the Litestar route, which is a fast route too."""

        @route(
            "/graphql", http_method=["GET", "POST"], status_code=200, include_in_schema=False, opt={"fast_route": self}
        )
        async def graphql(request: LitestarRequest[Any, Any, Any]) -> ASGIApp:
            return await self.respond(request.scope, request.receive, {})

        return graphql

    async def respond(self, scope: Scope, receive: Receive, path_params: dict[str, str], /) -> Response:
        """Return the response to a request. Also called by the fast path."""
        scope["context"] = context = scope["context"].at_door("graphql")
        is_get = scope["method"] == "GET"
        media_type = self._negotiate(scope, context, is_get)
        if media_type == HTML and self.explorer_page is not None:
            if self.executor.trusted_only:
                raise DocumentNotTrusted
            return self.explorer_page()
        try:
            prepared = await self._prepare(scope, receive, context, is_get)
        except RequestError as error:
            scope["graphql"] = error.without_traceback()
            return await error_response(error, media_type, None if is_get else context)
        scope["graphql"] = prepared
        if is_get:
            return await self.respond_to_get(prepared, media_type, scope, context)
        body = await self.executor.execute(prepared, context)
        replayed = [REPLAYED_HEADER] if context.idempotency.is_replay else []
        return Response(
            prepared.status,
            with_extensions(body, context, prepared.replayed_fields),
            CONTENT_TYPES[media_type],
            (NO_STORE, *replayed, *problem_headers(prepared)),
        )

    async def respond_to_get(
        self, prepared: PreparedRequest, media_type: bytes, scope: Scope, context: CallContext
    ) -> Response:
        """Execute a GET request and return its response, which has an ETag and no `extensions`."""
        body = bytes(await self.executor.execute(prepared, context)) + b"}"
        not_cacheable = body.startswith(b'{"errors"') or prepared.personal
        caching = cache_control(scope, public=prepared.public, personal=not_cacheable)
        return Response(
            prepared.status,
            body,
            CONTENT_TYPES[media_type],
            (caching, *problem_headers(prepared)),
            entity_tag(body) if prepared.status == 200 else None,
        )

    async def _prepare(self, scope: Scope, receive: Receive, context: CallContext, is_get: bool) -> PreparedRequest:
        """Parse, prepare and charge a request, or raise RequestError."""
        try:
            source = scope["query_string"] if is_get else await read_json_body(scope, receive)
            if (cached := self.find_prepared((is_get, source))) is not None:
                return await self.prepare_and_charge(cached.request, context, scope, cached=cached)
            request = parse_query_string(source) if is_get else parse_body(source)
            digest = None
            if request.query and not request.extensions and request.document_id is None:
                # The common case: a text that has been parsed before.
                document = self.executor.documents.get(request.query)
            else:
                digest, document = await self.persisted.resolve(request)
            if document is None and not self.executor.skips_parsing(request):
                await context.meter.pay_for_text()
            prepared = await self.prepare_and_charge(request, context, scope, document)
            operation = prepared.operation
            if digest is not None:
                self.persisted.store(digest, request, operation.document)
            elif (
                len(source) <= MAX_CACHED_REQUEST_BYTES and not operation.writes and not operation.document.introspects
            ):
                self.store_prepared((is_get, source), prepared)
        except STATUS_PROBLEMS as problem:
            raise RequestError.from_problem(problem, context.request_id, keeps_status=True) from None
        except APQ_PROBLEMS as problem:
            raise RequestError.from_problem(problem, context.request_id) from None
        return prepared

    def find_prepared(self, key: PreparedKey) -> PreparedRequest | None:
        """Return the request that was prepared before, as long as its document is cached."""
        reference = self.prepared_requests.get(key)
        prepared = reference() if reference is not None else None
        if prepared is not None:
            self.executor.documents.get(prepared.request.query or "")  # it was used just now
        return prepared

    def store_prepared(self, key: PreparedKey, prepared: PreparedRequest) -> None:
        """Cache a prepared request. Its plans and prices are looked up again for each caller."""
        if (document := self.executor.known_document(prepared.request.query or "")) is None:
            return
        reusable = PreparedRequest(prepared.request, prepared.operation, prepared.variables, [], [])
        self.prepared_requests.put(key, ref(reusable))
        if key in self.prepared_requests:
            document.prepared_requests[key] = reusable

    def forget_prepared(self, key: PreparedKey, reference: ReferenceType[PreparedRequest]) -> None:
        """Remove an evicted request from its document."""
        if (prepared := reference()) is not None:
            document = self.executor.known_document(prepared.request.query or "")
            if document is not None:
                document.prepared_requests.pop(key, None)

    async def prepare_and_charge(
        self,
        request: RequestParameters,
        context: CallContext,
        scope: Scope,
        document: Document | None = None,
        *,
        cached: PreparedRequest | None = None,
    ) -> PreparedRequest:
        """Prepare a request and pay its price.

        The price of a trusted document does not include compiling it. If the request exceeds a
        limit, the credential attempts in its document are counted all the same.
        cached: the prepared request of an identical request.
        """
        prepared_ast: DocumentNode | None = None
        try:
            prepared = (
                self.executor.prepare(request, context, document)
                if cached is None
                else self.executor.reprice(cached, context)
            )
            if prepared.operation.writes:
                if scope["method"] == "GET":
                    raise MethodNotAllowed("POST")
                context.idempotency.key = prepared.idempotency_key(scope)
            prepared_ast = prepared.operation.document.ast
            context.meter.prepaid = prepared.operation.document.trusted
            await context.meter.pay(prepared.points)
        except (RequestError, TooExpensive) as error:
            ast = error.oversized_document if isinstance(error, RequestError) else prepared_ast
            if ast is not None:
                await count_unexecuted_attempts(ast, self.executor.fields, request, context)
            raise
        return prepared

    def _negotiate(self, scope: Scope, context: CallContext, is_get: bool) -> bytes:
        """Return the media type of the response. GraphiQL requires access to the schema."""
        offers_html = is_get and self.explorer_page is not None and self.executor.may_introspect(context)
        media_type = best_offer(
            request_headers(scope).get(b"accept"), OFFERED_TYPES_WITH_HTML if offers_html else OFFERED_TYPES
        )
        if media_type is None:
            raise NotAcceptable("Available here: application/graphql-response+json, application/json.")
        return media_type


async def error_response(error: RequestError, media_type: bytes, charged: CallContext | None) -> Response:
    """Return the response to a request that is not executed.

    Under `application/json` most of them have the status 200, as older clients expect.
    charged: the context of the caller who pays 1 point and gets `extensions.cost`, or None.
    """
    body: bytes | bytearray = encode({"errors": error.errors})
    if charged is not None:
        if not charged.meter.touched:
            try:
                await charged.meter.drain(1)
            except QuotaExceeded as problem:
                error = RequestError.from_problem(problem, charged.request_id, keeps_status=True)
                body = encode({"errors": error.errors})
        charged.meter.settle(min(charged.meter.drained, 1))
        body = with_extensions(bytearray(body[:-1]), charged)
    status: int = error.errors[0]["extensions"]["status"] if media_type == GRAPHQL or error.keeps_status else 200
    headers = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    return Response(status, body, CONTENT_TYPES[media_type], (*headers, NO_STORE))


def problem_headers(prepared: PreparedRequest) -> list[tuple[bytes, bytes]]:
    """Return the headers of problems in fields that apply to the whole request.

    Retry-After if its only field has to be retried later, WWW-Authenticate if a field needs a
    credential.
    """
    headers: list[tuple[bytes, bytes]] = []
    if prepared.retry_after is not None:
        headers.append((b"retry-after", b"%d" % prepared.retry_after))
    if prepared.challenge is not None:
        headers.append((b"www-authenticate", prepared.challenge.encode()))
    return headers


def with_extensions(body: bytearray, context: CallContext, replayed_fields: Sequence[str] = ()) -> bytearray:
    """Complete a response, which lacks its last brace, with `extensions`.

    They have the cost, which settles the meter, and the fields whose stored outcome was returned.
    """
    meter = context.meter
    extensions: list[bytes] = []
    if meter.limits is not None:
        meter.settle(max(meter.net, min(meter.price, 1)))
        reset_at = timestamp(int(time()) + 1 + meter.seconds_until_full)
        requested = meter.price + COMPILE_POINTS * meter.new_texts
        extensions.append(
            b'"cost":{"requested":%d,"charged":%d,"remaining":%d,"resetAt":"%s"}'
            % (requested, meter.charged, max(int(meter.remaining), 0), reset_at)
        )
    if replayed_fields:
        extensions.append(b'"replayed":' + encode(replayed_fields))
    body += b',"extensions":{%b}}' % b",".join(extensions) if extensions else b"}"
    return body


@lru_cache(64)
def timestamp(second: int) -> bytes:
    """Return a Unix time in RFC 3339."""
    return to_rfc3339(datetime.fromtimestamp(second, UTC)).encode()
