"""`/docs/events`: the event types, generated from their declarations."""

from collections.abc import Callable
from functools import cache
from html import escape
from typing import Any

from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope

from tradepost.kit.problems import NotFound
from tradepost.kit.writes.event_types import EventType, EventTypes, data_schema

from ..http.cache_policy import PRIVATE
from ..http.conditional import entity_tag
from ..http.response import Response
from .assets import GET_AND_HEAD
from .layout import HTML, TEXT_POLICY, render_page

PATH = "/docs/events"


def _page(types: EventTypes, stylesheet: str) -> bytes:
    """Return the HTML page of all event types."""
    rows = "".join([_row(type) for type in types.documented])
    body = (
        '<main class="text"><h1>Events</h1><p>A change of the shop writes an event in its transaction. Events are '
        "shown in the audit log, to callers with the permission <code>audit:read</code>. "
        'The <a href="/docs/guides/events">guide</a> explains how they are made; <a href="/events.json">'
        "<code>/events.json</code></a> has the JSON Schema of their data.</p>"
        '<table><thead><tr><th scope="col">Type</th><th scope="col">When</th><th scope="col">Subject</th>'
        '<th scope="col">Data</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></main>"
    )
    return render_page("Events - Tradepost", body, path=PATH, stylesheet=stylesheet)


def _row(type: EventType) -> str:
    """Return the table row of one type."""
    properties: dict[str, Any] = data_schema(type.data).get("properties", {})
    members = ", ".join([f"<code>{escape(name)}</code>" for name in properties])
    subject = f"<code>{escape(type.subject.name)}</code>" if type.subject is not None else ""
    return (
        f"<tr><td><code>{escape(type.name)}</code></td><td>{escape(type.doc)}</td><td>{subject}</td>"
        f"<td>{members}</td></tr>"
    )


def event_type_routes(
    types: EventTypes, stylesheet: str, may_introspect: Callable[[Scope], bool]
) -> list[HTTPRouteHandler]:
    """Return the route of the page; it returns 404 to requests that may not introspect."""
    page = cache(lambda: _page(types, stylesheet))

    @route(PATH, http_method=GET_AND_HEAD, include_in_schema=False)
    async def list_event_types(request: Request[Any, Any, Any]) -> ASGIApp:
        if not may_introspect(request.scope):
            raise NotFound
        html = page()
        return Response(200, html, HTML, [(b"content-security-policy", TEXT_POLICY), PRIVATE], entity_tag(html))

    return [list_event_types]
