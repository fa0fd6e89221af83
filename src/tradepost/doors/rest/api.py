"""The hinge itself: from a request to an Ask, and from what the operation returned to an Answer."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.lru import LRUCache
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.pricing import price
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import NotAcceptable
from tradepost.kit.query.records import Batch, Page, Record
from tradepost.kit.rate_limit.meter import COMPILE_POINTS
from tradepost.kit.resource.rendering import Rendering
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from ..http.asgi import Receive, Scope, request_headers
from ..http.conditional import entity_tag
from ..http.idempotency_header import REPLAYED_HEADER, idempotency_key
from ..http.negotiation import best_offer
from ..http.response import Response
from .deprecations import PAGE_NUMBERS
from .fields_parameter import compile_fields
from .graphql_document import GraphQLRoot, equivalent_document
from .links import Endpoint, Links
from .query_string import Query, fields_text, parse_query_string
from .request import RestRequest

JSON, MSGPACK = b"application/json", b"application/msgpack"
DOCUMENT = b"application/graphql"
CART = b"x-cart-token"
OFFERS = (JSON, MSGPACK, b"application/x-msgpack", b"application/vnd.msgpack")
PUBLIC = (b"cache-control", b"public, max-age=60, stale-while-revalidate=300")
PRIVATE = (b"cache-control", b"private, no-cache")
NO_STORE = (b"cache-control", b"no-store")
MAX_CACHED_QUERIES, MAX_CACHED_SELECTIONS = 8192, 2000

encode = msgspec.json.Encoder().encode


class RestDoor:
    """What all REST routes share: the links of each version, and the queries read so far."""

    def __init__(self, registry: Registry, *, require_if_match: bool = False, cache: ReadCache | None = None) -> None:
        self.registry, self.require_if_match, self.cache = registry, require_if_match, cache
        self.links: dict[int, Links] = {}
        self.renderings: dict[int, Rendering] = {}
        self.graphql_roots: Mapping[str, GraphQLRoot] = {}
        self.queries = LRUCache[Any, Query](MAX_CACHED_QUERIES)
        # Apart from the queries: the pages of one walk share their `fields`, and with it the Structs that are generated for them.
        self.selections = LRUCache[Any, Selection[Any]](MAX_CACHED_SELECTIONS)

    def register_routes(self, routes: Iterable[Endpoint], roots: Mapping[str, GraphQLRoot]) -> None:
        """Tells the door where its operations are, for links, and what they are called in GraphQL, for documents."""
        self.graphql_roots = roots
        known = list(routes)
        for version in (1, 2):
            self.links[version] = links = Links(self.registry, known, f"/v{version}")
            self.renderings[version] = Rendering(actions_key="links", actions=links.row_renderer)

    async def prepare_request(
        self, operation: Operation[Any, ..., Any], scope: Scope, receive: Receive, *, media: bytes | None = None
    ) -> RestRequest:
        """What a request asks, where its caller may, an answer can be written and its price is paid. A query is read once per text, version and
        kind of caller. `media` is the type of an answer that leaves no choice."""
        scope["context"] = context = scope["context"].at_door("rest")
        caller = context.caller
        # Before the body: who may not is told so whatever was sent, and nothing is written for whom no answer can be.
        operation.access.check(caller)
        if operation.accepts_idempotency_key:
            context.idempotency.key = idempotency_key(scope)
        if media is None:
            header = request_headers(scope).get(b"accept")
            media = (
                JSON
                if header is None or operation.status == 204
                else media_for(header, self.has_graphql_document(operation))
            )
        text, version, reserve = scope["query_string"], scope["version"], 0
        found = self.queries.get((operation.name, text, caller.permissions, version))
        if found is None:
            found, reserve = await self.parse_query(operation, text, version, context)
        if media == DOCUMENT and found.list_query.page is not None:
            raise NotAcceptable("A page by number has no equal GraphQL document; ask for it with `limit` and `cursor`.")
        ask = RestRequest(scope, receive, found, media, require_if_match=self.require_if_match)
        if operation.kind == "batch":
            ask.price = price(operation, found.selection, items=await ask.batch_size())
        await context.meter.pay(ask.price.points, reserve)
        return ask

    def cache_key(self, ask: RestRequest) -> tuple[Any, ...]:
        """The key of an answer in the read cache: all that its bytes and headers depend on."""
        scope, caller = ask.scope, ask.context.caller
        return (
            scope["path"],
            scope["query_string"],
            scope["version"],
            ask.media_type,
            caller.permissions,
            caller.is_authenticated,
            CART in request_headers(scope),
        )

    async def parse_query(
        self, operation: Operation[Any, ..., Any], text: bytes, version: int, context: CallContext
    ) -> tuple[Query, int]:
        """What a new query string asks of an operation, and what is held back because its plan may be new; a text not seen before is paid first."""
        permissions = context.caller.permissions
        fields, rows = fields_text(text), isinstance(operation.result, Resource)
        # Where no row stands behind the answer nothing is compiled but the caller's own text.
        if (rows or fields is not None) and (
            operation.result.name,
            fields,
            permissions,
            version,
        ) not in self.selections:
            await context.meter.pay_for_text()
        # Of a new query it is not known yet whether its plan is; what is held back for compiling one comes back where it is.
        return self.cached_query(operation, text, permissions, version), COMPILE_POINTS if rows else 0

    def has_graphql_document(self, operation: Operation[Any, ..., Any]) -> bool:
        """Whether what an operation is asked can also be written as a GraphQL document: what is asked in a body cannot."""
        return operation.kind in ("get", "list") and operation.name in self.graphql_roots

    def cached_query(
        self, operation: Operation[Any, ..., Any], text: bytes, permissions: frozenset[str], version: int
    ) -> Query:
        """What a query string asks of an operation."""

        def select(fields: str | None) -> Selection[Any]:
            key = (operation.result.name, fields, permissions, version)
            return self.selections.get_or_create(
                key, lambda: compile_fields(operation.result, fields, permissions, self.renderings[version])
            )

        return self.queries.get_or_create(
            (operation.name, text, permissions, version),
            lambda: parse_query_string(operation, text, permissions, version, select),
        )

    def render_response(
        self,
        operation: Operation[Any, ..., Any],
        status: int,
        ask: RestRequest,
        made: Record[Any] | Page[Any] | Batch[Any],
    ) -> Response:
        """The answer that carries what an operation returned."""
        scope = ask.scope
        ask.context.meter.net = (
            1
            if ask.context.idempotency.is_replay and operation.attempted_account is None
            else ask.price.net(made.row_count)
        )
        headers = [self.cache_control(operation, ask)]
        if ask.context.idempotency.is_replay:
            headers.append(REPLAYED_HEADER)
        if status == 204:
            return Response(204, headers=headers)
        media = ask.media_type
        if media == DOCUMENT:
            # GraphQL's lists below a row take its id only; the path may have named it otherwise.
            key = str(made.rows_by_parent.parent) if isinstance(made, Page) and operation.parent_relation else ask.key
            said = equivalent_document(
                self.graphql_roots[operation.name], operation, ask.selection, ask.list_query, key
            ).encode()
            return Response(200, said, b"application/graphql; charset=utf-8", headers, entity_tag(said))
        version = None
        if isinstance(made, Page):
            body: Any = self.page_body(ask, made, headers)
        elif isinstance(made, Batch):
            body = outcomes(made)
        else:
            body, version = made.body, made.version
            if status == 201:
                headers.append(
                    (b"location", (self.links[scope["version"]].location(operation.result, made.id) or "").encode())
                )
        content = encode(body) if media == JSON else msgspec.msgpack.encode(msgspec.json.decode(encode(body)))
        etag = entity_tag(content, version) if not isinstance(made, Batch) else None
        return Response(status, content, media, headers, etag)

    def page_body(self, ask: RestRequest, made: Page[Any], headers: list[tuple[bytes, bytes]]) -> Any:
        """A page in its envelope; its neighbours also in `Link`, and for page numbers the note that they will go."""
        scope, pager = ask.scope, ask.query.pager
        assert pager is not None
        envelope = pager.envelope(made, f"/v{scope['version']}{scope['path']}", scope["query_string"].decode())
        link = envelope.links.header()
        if pager.is_numbered:
            headers += PAGE_NUMBERS.headers()
            link += b", " + PAGE_NUMBERS.link()
        headers.append((b"link", link))
        return envelope

    def cache_control(self, operation: Operation[Any, ..., Any], ask: RestRequest) -> tuple[bytes, bytes]:
        """Who may keep the answer: nobody what is personal, shared caches only what callers without any credential read of the catalogue."""
        if operation.kind not in ("get", "list") or ask.query.personal:
            return NO_STORE
        if not operation.public or ask.context.caller.is_authenticated or CART in request_headers(ask.scope):
            return PRIVATE
        return PUBLIC


def media_for(header: bytes, has_document: bool) -> bytes:
    """The media type of the answer by `Accept`; a read can also be had as the GraphQL document that asks the same."""
    found = best_offer(header, (*OFFERS, DOCUMENT) if has_document else OFFERS)
    if found is None:
        raise NotAcceptable(
            f"Available here: application/json, application/msgpack{', application/graphql' if has_document else ''}."
        )
    return found


def outcomes(batch: Batch[Any]) -> Any:
    """The outcomes of a batch, in its items' order."""
    results: list[dict[str, Any]] = []
    for item in batch.items:
        said: dict[str, Any] = {"status": item.status}
        if item.problem is not None:
            said["error"] = item.problem.to_dict()
        if item.record is not None:
            said["data"] = item.record.body
        if not item.changed:
            said["changed"] = False
        results.append(said)
    return {"results": results}
