"""`/problems` and `/problems/{code}`: the pages that a problem's `type` links to (RFC 9457, 4).

They are generated from the problem classes.
"""

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


def _problem_page(problem: ProblemDescription, stylesheet: str) -> bytes:
    """Return the HTML page of one problem."""
    example = escape(msgspec.json.format(msgspec.json.encode(problem.example), indent=2).decode(), quote=False)
    body = (
        f'<main class="text"><p class="status">{_status_text(problem.status)} &middot; '
        f"<code>{escape(problem.code)}</code></p><h1>{escape(problem.title)}</h1>"
        f"<h2>What happened</h2><p>{docstring_html(problem.cause)}</p>"
        f"<h2>What to do</h2><p>{docstring_html(problem.cure)}</p>"
        f'<h2>Example</h2><pre tabindex="0"><code>{example}</code></pre>'
        '<p class="quiet">GraphQL returns the same members in <code>errors[].extensions</code>.</p>'
        '<p><a href="/problems">All problems</a></p></main>'
    )
    return render_page(f"{problem.title} - Tradepost", body, path=problem.type, stylesheet=stylesheet)


def _problem_list(problems: dict[str, ProblemDescription], stylesheet: str) -> bytes:
    """Return the HTML page of all problems."""
    rows = "".join(
        f'<tr><td class="status">{problem.status}</td>'
        f'<td><a href="{escape(problem.type)}"><code>{escape(problem.code)}</code></a></td>'
        f"<td>{docstring_html(problem.cause)}</td></tr>"
        for problem in problems.values()
    )
    body = (
        '<main class="text"><h1>Problems</h1><p>Every error response is one of these problems. REST returns it as '
        "<code>application/problem+json</code> (RFC 9457), GraphQL in <code>errors[].extensions</code>. "
        "The meaning of a <code>code</code> never changes.</p>"
        '<table><thead><tr><th scope="col">Status</th><th scope="col">Code</th><th scope="col">What happened</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></main>"
    )
    return render_page("Problems - Tradepost", body, path="/problems", stylesheet=stylesheet)


def _status_text(status: int) -> str:
    """Return the status with its reason phrase: `404 Not Found`."""
    return f"{status} {HTTPStatus(status).phrase}" if status in HTTPStatus else str(status)


def _media_type(request: Request[Any, Any, Any]) -> bytes:
    """Return the media type to respond in: HTML unless JSON is preferred."""
    if (media_type := best_offer(request_headers(request.scope).get(b"accept"), OFFERED_TYPES)) is None:
        raise NotAcceptable("Available here: text/html, application/json.")
    return media_type


def _response(body: bytes, media_type: bytes) -> Response:
    """Return the response, which is the same for all callers."""
    headers = [
        (b"cache-control", b"public, max-age=3600"),
        *([(b"content-security-policy", TEXT_POLICY)] if media_type == HTML else []),
    ]
    return Response(200, body, media_type, headers, entity_tag(body))


def problem_routes(stylesheet: str) -> list[HTTPRouteHandler]:
    """Return the routes of the list and of the single problems; `stylesheet` is its URL."""

    @route("/problems", http_method=GET_AND_HEAD, include_in_schema=False)
    async def list_problems(request: Request[Any, Any, Any]) -> ASGIApp:
        if _media_type(request) == JSON:
            return _response(msgspec.json.encode({"data": list(describe_problems().values())}), JSON)
        return _response(_problem_list(describe_problems(), stylesheet), HTML)

    @route("/problems/{code:str}", http_method=GET_AND_HEAD, include_in_schema=False)
    async def show_problem(request: Request[Any, Any, Any]) -> ASGIApp:
        if (problem := describe_problems().get(request.path_params["code"])) is None:
            raise NotFound("No problem has this code; `/problems` lists all.")
        return (
            _response(msgspec.json.encode(problem), JSON)
            if _media_type(request) == JSON
            else _response(_problem_page(problem, stylesheet), HTML)
        )

    return [list_problems, show_problem]
