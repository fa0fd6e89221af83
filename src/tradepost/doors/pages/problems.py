"""`/problems` and `/problems/{code}`: what a problem's `type` leads to, one page per class, written from the class itself (RFC 9457, 4)."""

from html import escape
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.problems import NotAcceptable, NotFound

from ..http.asgi import request_headers
from ..http.conditional import entity_tag
from ..http.negotiation import best_offer
from ..http.problem_reference import ProblemDescription, describe_problems
from ..http.response import JSON, Response
from .assets import GET_AND_HEAD
from .layout import HTML, TEXT_POLICY, docstring_html, render_page

OFFERED_TYPES = (HTML, JSON)


def problem_page(said: ProblemDescription, stylesheet: str) -> bytes:
    """One kind of problem for a browser."""
    example = escape(msgspec.json.format(msgspec.json.encode(said.example), indent=2).decode(), quote=False)
    body = (
        f'<main class="text"><p class="status">{status(said.status)} &middot; <code>{escape(said.code)}</code></p><h1>{escape(said.title)}</h1>'
        f"<h2>What happened</h2><p>{docstring_html(said.cause)}</p><h2>What to do</h2><p>{docstring_html(said.cure)}</p>"
        f'<h2>Example</h2><pre tabindex="0"><code>{example}</code></pre>'
        '<p class="quiet">GraphQL carries the same members in <code>errors[].extensions</code>.</p><p><a href="/problems">All problems</a></p></main>'
    )
    return render_page(f"{said.title} - Tradepost", body, here=said.type, stylesheet=stylesheet)


def problem_list(all_of_them: dict[str, ProblemDescription], stylesheet: str) -> bytes:
    """All kinds for a browser."""
    rows = "".join(
        f'<tr><td class="status">{s.status}</td><td><a href="{escape(s.type)}"><code>{escape(s.code)}</code></a></td><td>{docstring_html(s.cause)}</td></tr>'
        for s in all_of_them.values()
    )
    body = (
        '<main class="text"><h1>Problems</h1><p>Every answer that is not a success is one of these, in REST as '
        "<code>application/problem+json</code> (RFC 9457), in GraphQL in <code>errors[].extensions</code>. A <code>code</code> never changes its meaning.</p>"
        '<table><thead><tr><th scope="col">Status</th><th scope="col">Code</th><th scope="col">What happened</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></main>"
    )
    return render_page("Problems - Tradepost", body, here="/problems", stylesheet=stylesheet)


def status(number: int) -> str:
    """`404 Not Found`."""
    return f"{number} {HTTPStatus(number).phrase}" if number in HTTPStatus else str(number)


def negotiated(request: Request[Any, Any, Any]) -> bytes:
    """The media type to answer in; a page unless JSON is preferred."""
    if (media := best_offer(request_headers(request.scope).get(b"accept"), OFFERED_TYPES)) is None:
        raise NotAcceptable("Available here: text/html, application/json.")
    return media


def sent(body: bytes, media: bytes) -> Response:
    """The bytes, which are the same for everybody."""
    headers = [
        (b"cache-control", b"public, max-age=3600"),
        *([(b"content-security-policy", TEXT_POLICY)] if media == HTML else []),
    ]
    return Response(200, body, media, headers, entity_tag(body))


def problem_routes(stylesheet: str) -> list[HTTPRouteHandler]:
    """The list and the single pages; `stylesheet` is the address of ours."""

    @route("/problems", http_method=GET_AND_HEAD, include_in_schema=False)
    async def problems(request: Request[Any, Any, Any]) -> ASGIApp:
        if negotiated(request) == JSON:
            return sent(msgspec.json.encode({"data": list(describe_problems().values())}), JSON)
        return sent(problem_list(describe_problems(), stylesheet), HTML)

    @route("/problems/{code:str}", http_method=GET_AND_HEAD, include_in_schema=False)
    async def problem(request: Request[Any, Any, Any]) -> ASGIApp:
        if (said := describe_problems().get(request.path_params["code"])) is None:
            raise NotFound("No problem has this code; `/problems` lists them.")
        return (
            sent(msgspec.json.encode(said), JSON)
            if negotiated(request) == JSON
            else sent(problem_page(said, stylesheet), HTML)
        )

    return [problems, problem]
