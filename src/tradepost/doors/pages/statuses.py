"""`/docs/statuses`: the state machines of the resources, generated from their tables."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Scope

from tradepost.kit.problems import NotFound
from tradepost.kit.resource.transitions import Step, Transitions

from ..http.cache_policy import PRIVATE
from ..http.conditional import entity_tag
from ..http.response import Response
from .assets import GET_AND_HEAD
from .layout import HTML, TEXT_POLICY, render_page

PATH = "/docs/statuses"
INTRODUCTION = (
    "<p>A status changes only by the steps listed here. A step is one operation, with the same name at both APIs; "
    "automatic steps follow from something else, such as a payment or the time. From any other status the "
    'answer is 409 <a href="/problems/invalid_transition"><code>invalid_transition</code></a>, which names the '
    "operations that are open. <code>links</code> (GraphQL: <code>availableActions</code>) of a row has those that you "
    "may call now.</p>"
)


def status_routes(
    stylesheet: str, machines: Mapping[str, Transitions], may_introspect: Callable[[Scope], bool]
) -> list[HTTPRouteHandler]:
    """Return the route of the page; it returns 404 to requests that may not introspect.

    machines: the state machines by the name of their resource.
    """
    page = _page(stylesheet, machines)
    headers = [(b"content-security-policy", TEXT_POLICY), PRIVATE]

    @route(PATH, http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_statuses(request: Request[Any, Any, Any]) -> ASGIApp:
        if not may_introspect(request.scope):
            raise NotFound
        return Response(200, page, HTML, headers, entity_tag(page))

    return [serve_statuses]


def _page(stylesheet: str, machines: Mapping[str, Transitions]) -> bytes:
    tables = "".join([f"<h2>{escape(name)}</h2>{_table(machine)}" for name, machine in machines.items()])
    body = f'<main class="text"><h1>Statuses</h1>{INTRODUCTION}{tables}</main>'
    return render_page("Statuses - Tradepost", body, path=PATH, stylesheet=stylesheet)


def _table(machine: Transitions) -> str:
    rows = [_row(f"<code>{escape(operation)}</code>", step) for operation, step in machine.steps.items()]
    rows += [_row(f"<code>{escape(name)}</code> (automatic)", step) for name, step in machine.internal.items()]
    return (
        '<table><thead><tr><th scope="col">From</th><th scope="col">To</th><th scope="col">By</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _row(cause: str, step: Step) -> str:
    sources = ", ".join([f"<code>{escape(source)}</code>" for source in sorted(step.sources)])
    return f"<tr><td>{sources}</td><td><code>{escape(step.target)}</code></td><td>{cause}</td></tr>"
