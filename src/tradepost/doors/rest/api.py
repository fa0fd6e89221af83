"""RestDoor: the state shared by all REST routes, and the preparation of their requests."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from tradepost.kit.auth.credential_headers import CART_TOKEN_NAME
from tradepost.kit.cache.read_cache import ReadCache
from tradepost.kit.lru import LRUCache
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.pricing import price
from tradepost.kit.operations.registry import Registry
from tradepost.kit.problems import NotAcceptable
from tradepost.kit.rate_limit.meter import COMPILE_POINTS
from tradepost.kit.resource.rendering import Rendering
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.selection import FIELD_BYTES, Selection
from tradepost.kit.writes.call_context import CallContext

from ..http.asgi import Receive, Scope, request_headers
from ..http.idempotency_header import idempotency_key
from ..http.negotiation import best_offer
from .fields_parameter import compile_fields
from .graphql_document import GraphQLRoot
from .links import Endpoint, Links
from .query_string import Query, fields_text, parse_query_string
from .request import RestRequest

JSON, MSGPACK = b"application/json", b"application/msgpack"
GRAPHQL_DOCUMENT = b"application/graphql"
MEDIA_TYPES = (JSON, MSGPACK, b"application/x-msgpack", b"application/vnd.msgpack")
MAX_QUERIES_BYTES, MAX_SELECTIONS_BYTES = 2 * 1024 * 1024, 2 * 1024 * 1024
QUERY_BYTES = 1500
"""Bytes of a parsed query string, besides the texts in it."""
MAX_CACHED_QUERY_LENGTH = 4000
"""Longer query strings are parsed on every request, and responses to them are not cached."""

type QueryKey = tuple[str, bytes, frozenset[str], int]
type SelectionKey = tuple[str, str | None, frozenset[str], int]


class RestDoor:
    """State shared by all REST routes: the links of each version, and caches of parsed queries.

    queries: the parsed query strings, each with the key of its Selection. A query leaves with its
        Selection, which it would keep in memory, and a query that is used keeps it from leaving.
    selections: the Selections of `fields` texts. Successive pages of a list have different queries
        but the same `fields`, and so share the Selection and the functions generated for it.
    """

    def __init__(self, registry: Registry, *, require_if_match: bool = False, cache: ReadCache | None = None) -> None:
        self.registry, self.require_if_match, self.cache = registry, require_if_match, cache
        self.links: dict[int, Links] = {}
        self.renderings: dict[int, Rendering] = {}
        self.graphql_roots: Mapping[str, GraphQLRoot] = {}
        self.queries = LRUCache[QueryKey, tuple[Query, SelectionKey]]("rest_queries", MAX_QUERIES_BYTES, query_size)
        self.selections = LRUCache[SelectionKey, Selection[Any]](
            "rest_selections", MAX_SELECTIONS_BYTES, selection_size, self.forget_queries
        )

    def register_routes(self, endpoints: Iterable[Endpoint], graphql_roots: Mapping[str, GraphQLRoot]) -> None:
        """Set the endpoints, which links lead to, and the GraphQL root field of each operation."""
        self.graphql_roots = graphql_roots
        endpoints = list(endpoints)
        for version in (1, 2):
            self.links[version] = links = Links(self.registry, endpoints, f"/v{version}")
            self.renderings[version] = Rendering(actions_key="links", actions=links.row_renderer)

    async def prepare_request(
        self, operation: Operation[Any, ..., Any], scope: Scope, receive: Receive, *, media_type: bytes | None = None
    ) -> RestRequest:
        """Check the access, negotiate the media type, parse the query string and charge the price.

        A query string is parsed once per text, version and set of permissions. An endpoint with a
        single representation passes its `media_type`, and `Accept` is ignored.
        """
        scope["context"] = context = scope["context"].at_door("rest")
        caller = context.caller
        # Before the body is read: 401, 403 and 406 do not depend on it, and nothing may be written
        # if no acceptable response exists.
        operation.access.check(caller)
        if operation.accepts_idempotency_key:
            context.idempotency.key = idempotency_key(scope)
        if media_type is None:
            accept = request_headers(scope).get(b"accept")
            media_type = (
                JSON
                if accept is None or operation.status == 204
                else negotiate_media_type(accept, self.has_graphql_document(operation))
            )
        text, version, reserve = scope["query_string"], scope["version"], 0
        query = self.find_query((operation.name, text, caller.permissions, version))
        if query is None:
            query, reserve = await self.parse_query(operation, text, version, context)
        if media_type == GRAPHQL_DOCUMENT and query.list_query.page is not None:
            raise NotAcceptable("A numbered page has no equivalent GraphQL document; use `limit` and `cursor`.")
        request = RestRequest(scope, receive, query, media_type, require_if_match=self.require_if_match)
        if operation.kind == "batch":
            request.price = price(operation, query.selection, items=await request.batch_size(operation.list_member))
        await context.meter.pay(request.price.points, reserve)
        return request

    def cache_key(self, request: RestRequest) -> tuple[Any, ...]:
        """Return the read cache key: everything that the response's bytes and headers depend on."""
        scope, caller = request.scope, request.context.caller
        return (
            scope["path"],
            scope["query_string"],
            scope["version"],
            request.media_type,
            caller.permissions,
            caller.is_authenticated,
            CART_TOKEN_NAME in request_headers(scope),
        )

    async def parse_query(
        self, operation: Operation[Any, ..., Any], text: bytes, version: int, context: CallContext
    ) -> tuple[Query, int]:
        """Parse a query string. Return it with the points to reserve for compiling its plan.

        A `fields` text that has not been seen before is charged before it is parsed.
        """
        permissions = context.caller.permissions
        fields, has_rows = fields_text(text), isinstance(operation.result, Resource)
        selection_key = (operation.result.name, fields, permissions, version)
        # The default fields of a result without rows cost nothing: no plan is compiled for them.
        if (has_rows or fields is not None) and selection_key not in self.selections:
            await context.meter.pay_for_text()
        # Whether the plan is new is not known yet. The reserve is refunded if it is not.
        query = self.cached_query(operation, (operation.name, text, permissions, version), selection_key)
        return query, COMPILE_POINTS if has_rows else 0

    def has_graphql_document(self, operation: Operation[Any, ..., Any]) -> bool:
        """Return whether requests to an operation have an equivalent GraphQL document.

        Only those without a body do.
        """
        return operation.kind in ("get", "list") and operation.name in self.graphql_roots

    def cached_query(self, operation: Operation[Any, ..., Any], key: QueryKey, selection_key: SelectionKey) -> Query:
        """Return the parsed query string, from the cache if it has been parsed before."""
        if (cached := self.find_query(key)) is not None:
            return cached
        _, text, permissions, version = key

        def compile_selection(fields: str | None) -> Selection[Any]:
            return self.selections.get_or_create(
                selection_key, lambda: compile_fields(operation.result, fields, permissions, self.renderings[version])
            )

        query = parse_query_string(operation, text, permissions, version, compile_selection)
        if len(text) <= MAX_CACHED_QUERY_LENGTH and selection_key in self.selections:
            self.queries.put(key, (query, selection_key))
        return query

    def find_query(self, key: QueryKey) -> Query | None:
        """Return the parsed query string from the cache, or None."""
        if (cached := self.queries.get(key)) is None:
            return None
        query, selection_key = cached
        self.selections.touch(selection_key)
        return query

    def forget_queries(self, key: SelectionKey, selection: Selection[Any]) -> None:
        """Remove the queries of an evicted Selection."""
        self.queries.remove_where(lambda cached: cached[0].selection is selection)


def query_size(key: QueryKey, cached: tuple[Query, SelectionKey]) -> int:
    """Return the approximate bytes of a parsed query string with its key.

    Its text is also in the filters and, twice, in the links; its Selection is in another cache.
    """
    return QUERY_BYTES + 5 * len(key[1])


def selection_size(key: SelectionKey, selection: Selection[Any]) -> int:
    """Return the approximate bytes of a Selection with its key."""
    lists = len(selection.list_queries)
    return FIELD_BYTES * (2 + selection.field_set.field_count + lists) + 4 * sys.getsizeof(key[1])


def negotiate_media_type(accept: bytes, has_document: bool) -> bytes:
    """Return the media type of the response by `Accept`, or raise NotAcceptable."""
    media_type = best_offer(accept, (*MEDIA_TYPES, GRAPHQL_DOCUMENT) if has_document else MEDIA_TYPES)
    if media_type is None:
        raise NotAcceptable(
            f"Available here: application/json, application/msgpack{', application/graphql' if has_document else ''}."
        )
    return media_type
