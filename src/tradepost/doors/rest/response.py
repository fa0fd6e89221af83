"""Renders the results of operations as Responses."""

from typing import Any

import msgspec

from tradepost.kit.operations.operation import Operation
from tradepost.kit.query.records import Batch, Page, Record

from ..http.asgi import Headers
from ..http.cache_policy import cache_control
from ..http.conditional import entity_tag
from ..http.idempotency_header import REPLAYED_HEADER
from ..http.response import Response
from .api import GRAPHQL_DOCUMENT, JSON, RestDoor
from .deprecations import PAGE_NUMBERS
from .graphql_document import equivalent_document
from .request import RestRequest

encode = msgspec.json.Encoder().encode


def render_response(
    door: RestDoor,
    operation: Operation[Any, ..., Any],
    status: int,
    request: RestRequest,
    result: Record[Any] | Page[Any] | Batch[Any],
) -> Response:
    """Render the result of an operation, and set the net price of the request."""
    scope, context, media_type = request.scope, request.context, request.media_type
    is_replay = context.idempotency.is_replay
    # A replay costs 1 point. An attempt at a credential always pays in full.
    costs_one_point = is_replay and not operation.is_credential_attempt
    context.meter.net = 1 if costs_one_point else request.price.net(result.row_count)
    must_not_store = operation.kind not in ("get", "list") or request.query.personal
    headers = [cache_control(scope, public=operation.public, personal=must_not_store)]
    if is_replay:
        headers.append(REPLAYED_HEADER)
    if status == 204:
        return Response(204, headers=headers)
    if context.work.returns_existing:
        status = 200
    if media_type == GRAPHQL_DOCUMENT:
        return _document_response(door, operation, request, result, headers)
    version = None
    if isinstance(result, Page):
        body: Any = _page_body(request, result, headers)
    elif isinstance(result, Batch):
        body = _batch_body(result)
    else:
        body, version = result.body, result.version
        if status == 201:
            path = door.links[scope["version"]].location(operation.result, result.id)
            if path is not None:
                headers.append((b"location", path.encode()))
    content = encode(body) if media_type == JSON else msgspec.msgpack.encode(msgspec.json.decode(encode(body)))
    etag = entity_tag(content, version) if not isinstance(result, Batch) else None
    return Response(status, content, media_type, headers, etag)


def _document_response(
    door: RestDoor,
    operation: Operation[Any, ..., Any],
    request: RestRequest,
    result: Record[Any] | Page[Any] | Batch[Any],
    headers: Headers,
) -> Response:
    """Return the GraphQL document that is equivalent to the request."""
    key = request.key
    if isinstance(result, Page) and operation.parent_relation:
        # GraphQL finds the parent of a list by its id only; the REST path may hold its slug.
        key = str(result.rows_by_parent.parent)
    root = door.graphql_roots[operation.name]
    document = equivalent_document(root, operation, request.selection, request.list_query, key).encode()
    return Response(200, document, b"application/graphql; charset=utf-8", headers, entity_tag(document))


def _page_body(request: RestRequest, page: Page[Any], headers: Headers) -> Any:
    """Return the envelope of a page, and add the headers that belong to it."""
    scope, pager = request.scope, request.query.pager
    assert pager is not None
    envelope = pager.envelope(page, f"/v{scope['version']}{scope['path']}", scope["query_string"].decode())
    link = envelope.links.header()
    if pager.is_numbered:
        headers += PAGE_NUMBERS.headers()
        link += b", " + PAGE_NUMBERS.link()
    headers.append((b"link", link))
    return envelope


def _batch_body(batch: Batch[Any]) -> Any:
    """Return the outcomes of a batch, in the order of its items."""
    results: list[dict[str, Any]] = []
    for item in batch.items:
        outcome: dict[str, Any] = {"status": item.status}
        if item.problem is not None:
            outcome["error"] = item.problem.to_dict()
        if item.record is not None:
            outcome["data"] = item.record.body
        if not item.changed:
            outcome["changed"] = False
        results.append(outcome)
    return {"results": results}
