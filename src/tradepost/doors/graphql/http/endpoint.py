"""GraphQL over HTTP (the working draft of the GraphQL Foundation): parameters, media types and statuses."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from time import time
from typing import Any

import msgspec
from graphql import DocumentNode, print_directive
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
MEDIA = {JSON: b"application/json; charset=utf-8", GRAPHQL: b"application/graphql-response+json; charset=utf-8"}
OFFERED_TYPES, BROWSABLE = (JSON, GRAPHQL), (JSON, GRAPHQL, HTML)
PUBLIC = (b"cache-control", b"public, max-age=60, stale-while-revalidate=300")
PRIVATE = (b"cache-control", b"private, no-cache")
NOT_KEPT = (b"cache-control", b"no-store")

FIRM = (MalformedBody, InvalidParameter, QuotaExceeded, TooExpensive, DocumentNotTrusted, PersistedQueryMismatch)
"""Faults of the request that keep their status under `application/json` too; the protocol of Apollo's clients has a 200 for what they ask by hash."""
BY_HASH = (PersistedQueryNotFound, PersistedQueryNotSupported)

MOST_KNOWN, MOST_WORDS = 1000, 2000
"""How many requests' words are kept, and of how many bytes at most."""

encode = msgspec.json.Encoder().encode


class GraphQLDoor:
    """`/graphql`: the schema, its executor, and what HTTP asks of them."""

    def __init__(
        self, registry: Registry, roots: Iterable[RootField[..., Any]], *,
        introspection_enabled: bool = True, explorer_page: Callable[[], Response] | None = None, require_version: bool = False,
        documents: Path | None = None, trusted_only: bool = False, apq: bool = False, document_store: DocumentStore | None = None,
    ) -> None:  # fmt: skip
        """`introspects`: whether callers without a credential may see the schema. `page` makes the explorer's answer for browsers.
        `require_version`: whether changes need `expectedVersion`. `documents` is the folder of the registered ones (FaultyDocument where one of them
        cannot be used), `only` whether no others are run; `learns`: whether others are persisted by their hash, in `shared` too."""
        declared = list(roots)
        self.strawberry = SchemaBuilder(registry, declared).build()
        # By Strawberry, because graphql-core prints no `@needs` on a field; but it would print a directive of documents behind those of the schema.
        self.text = f"{print_directive(IDEMPOTENT)}\n\n{self.strawberry.as_str()}\n"
        self.strawberry._schema.directives = (*self.strawberry._schema.directives, IDEMPOTENT)
        self.executor = Executor(
            self.strawberry._schema,
            registry,
            declared,
            introspection_enabled=introspection_enabled,
            require_version=require_version,
        )
        if documents is not None:
            self.executor.trusted_documents = load_trusted_documents(documents, self.executor)
        self.executor.trusted_only = trusted_only
        self.persisted = PersistedQueries(self.executor, apq=apq, document_store=document_store)
        # What was asked in the words of the last requests that only read, by whether they were a GET's.
        self.prepared_requests = LRUCache[tuple[bool, bytes], PreparedRequest](MOST_KNOWN)
        self.page = explorer_page

    def sdl(self) -> str:
        """The schema document, sorted."""
        return self.text

    def route(self) -> HTTPRouteHandler:
        """`/graphql` as an ordinary route of Litestar; also a lane of the porch."""

        @route("/graphql", http_method=["GET", "POST"], status_code=200, include_in_schema=False, opt={"lane": self})
        async def graphql(request: LitestarRequest[Any, Any, Any]) -> ASGIApp:
            return await self.respond(request.scope, request.receive, {})

        return graphql

    async def respond(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Response:
        """The answer to a request; also the porch's fast lane comes in here."""
        scope["context"] = context = scope["context"].at_door("graphql")
        gets = scope["method"] == "GET"
        media = self.media(scope, context, gets)
        if media == HTML and self.page is not None:
            if self.executor.trusted_only:
                raise DocumentNotTrusted
            return self.page()
        try:
            ready = await self.ready(scope, receive, context, gets)
        except RequestError as refused:
            return await refuse(refused, media, None if gets else context)
        if gets:
            return await self.respond_to_get(ready, media, scope, context)
        said = await self.executor.execute(ready, context)
        again = [REPLAYED_HEADER] if context.idempotency.is_replay else []
        return Response(
            200, extended(said, context, ready.replayed_fields), MEDIA[media], (NOT_KEPT, *again, *later(ready))
        )

    async def respond_to_get(
        self, ready: PreparedRequest, media: bytes, scope: Scope, context: CallContext
    ) -> Response:
        """The answer to a GET."""
        body = bytes(await self.executor.execute(ready, context)) + b"}"
        return Response(
            200, body, MEDIA[media], (keeping(body, ready, scope, context), *later(ready)), entity_tag(body)
        )

    async def ready(self, scope: Scope, receive: Receive, context: CallContext, gets: bool) -> PreparedRequest:
        """What is asked, compiled and paid; or Refused."""
        try:
            words = scope["query_string"] if gets else await read_json_body(scope, receive)
            if (known := self.prepared_requests.get((gets, words))) is not None:
                return await self.prepare_and_charge(known.request, context, scope, known=known)
            request = parse_query_string(words) if gets else parse_body(words)
            digest = None
            if request.query and not request.extensions and request.document_id is None:
                # Most requests are just a text that was read before.
                document = self.executor.documents.get(request.query)
            else:
                digest, document = await self.persisted.resolve(request)
            if document is None and not self.executor.skips_parsing(request):
                await context.meter.pay_for_text()
            ready = await self.prepare_and_charge(request, context, scope, document)
            if digest is not None:
                self.persisted.store(digest, request, ready.operation.document)
            elif len(words) <= MOST_WORDS and not ready.operation.writes and not ready.operation.document.introspects:
                self.prepared_requests.get_or_create((gets, words), lambda: ready)
        except FIRM as problem:
            raise RequestError.from_problem(problem, context.request_id, keeps_status=True) from None
        except BY_HASH as problem:
            raise RequestError.from_problem(problem, context.request_id) from None
        return ready

    async def prepare_and_charge(
        self,
        request: RequestParameters,
        context: CallContext,
        scope: Scope,
        document: Document | None = None,
        *,
        known: PreparedRequest | None = None,
    ) -> PreparedRequest:
        """What is asked, compiled and paid; that of compiling is not in a registered document's price. Where the document is over a ceiling, or over what
        any request may cost, what it tries is counted. What is `known` was compiled for the same words before."""
        tried: DocumentNode | None = None
        try:
            ready = (
                self.executor.prepare(request, context, document)
                if known is None
                else self.executor.reprice(known, context)
            )
            if ready.operation.writes:
                if scope["method"] == "GET":
                    raise MethodNotAllowed("POST")
                context.idempotency.key = ready.idempotency_key(scope)
            tried = ready.operation.document.ast
            context.meter.prepaid = ready.operation.document.trusted
            await context.meter.pay(ready.points)
        except (RequestError, TooExpensive) as fault:
            over = fault.oversized_document if isinstance(fault, RequestError) else tried
            if over is not None:
                await count_unexecuted_attempts(over, self.executor.fields, request, context)
            raise
        return ready

    def media(self, scope: Scope, context: CallContext, gets: bool) -> bytes:
        """The media type of the answer; the explorer is there only for those who may see the schema."""
        browsable = gets and self.page is not None and self.executor.may_introspect(context)
        found = best_offer(request_headers(scope).get(b"accept"), BROWSABLE if browsable else OFFERED_TYPES)
        if found is None:
            raise NotAcceptable("Available here: application/graphql-response+json, application/json.")
        return found


async def refuse(refused: RequestError, media: bytes, paying: CallContext | None) -> Response:
    """A request that is not executed; what it costs is told to whom `paying` names. `application/json` says 200 of faults in the document, because
    its old readers expect that."""
    body: bytes | bytearray = encode({"errors": refused.errors})
    if paying is not None:
        if not paying.meter.touched:
            try:
                await paying.meter.drain(1)
            except QuotaExceeded as problem:
                refused = RequestError.from_problem(problem, paying.request_id, keeps_status=True)
                body = encode({"errors": refused.errors})
        paying.meter.settle(min(paying.meter.drained, 1))
        body = extended(bytearray(body[:-1]), paying)
    status: int = refused.errors[0]["extensions"]["status"] if media == GRAPHQL or refused.keeps_status else 200
    own = [(name.lower().encode(), value.encode()) for name, value in refused.headers.items()]
    return Response(status, body, MEDIA[media], (*own, NOT_KEPT))


def later(ready: PreparedRequest) -> list[tuple[bytes, bytes]]:
    """When to come back, where the only field says so."""
    return [] if ready.retry_after is None else [(b"retry-after", b"%d" % ready.retry_after)]


def extended(said: bytearray, context: CallContext, replayed: Sequence[str] = ()) -> bytearray:
    """The answer, which lacks its last brace, with what it has cost, which ends the request's account, and with the fields whose outcomes were kept."""
    meter = context.meter
    more: list[bytes] = []
    if meter.limits is not None:
        meter.settle(max(meter.net, min(meter.price, 1)))
        ends = moment(int(time()) + 1 + meter.seconds_until_full)
        more.append(b'"cost":{"requested":%d,"charged":%d,"remaining":%d,"resetAt":"%s"}' % (
            meter.price + COMPILE_POINTS * meter.new_texts, meter.charged, max(int(meter.remaining), 0), ends,
        ))  # fmt: skip
    if replayed:
        more.append(b'"replayed":' + encode(replayed))
    said += b',"extensions":{%b}}' % b",".join(more) if more else b"}"
    return said


@lru_cache(64)
def moment(second: int) -> bytes:
    """A whole second as the wire shows times."""
    return to_rfc3339(datetime.fromtimestamp(second, UTC)).encode()


def keeping(body: bytes, ready: PreparedRequest, scope: Scope, context: CallContext) -> tuple[bytes, bytes]:
    """Who may keep the answer to a GET: nobody faults and what is personal, shared caches only what callers without any credential read of the
    catalogue."""
    if body.startswith(b'{"errors"') or ready.personal:
        return NOT_KEPT
    anonymous = not context.caller.is_authenticated and b"x-cart-token" not in request_headers(scope)
    return PUBLIC if ready.public and anonymous else PRIVATE
