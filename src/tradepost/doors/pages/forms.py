"""HTML forms that run operations, for the links in e-mails.

They work without JavaScript. A GET has no effect, because mail scanners follow links; only the
submitted form runs the operation, which is the same as in both APIs. A form needs no CSRF token:
no cookie identifies the caller, and the token from the e-mail authorises the operation.
"""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.pricing import price
from tradepost.kit.problems import MalformedBody, Problem
from tradepost.kit.resource.selection import Selection, default_selection
from tradepost.kit.schema.validation import validate
from tradepost.kit.text.templates import template_environment
from tradepost.kit.writes.call_context import CallContext

from ..http.asgi import Receive, Scope
from ..http.cache_policy import NO_STORE
from ..http.request_body import body_media_type, read_body
from ..http.response import Response
from .assets import stylesheet
from .layout import HTML

FORM_URLENCODED = b"application/x-www-form-urlencoded"
MAX_FORM_BYTES, MAX_FIELDS = 16 * 1024, 20
LAYOUTS = Path(__file__).parent / "templates"
"""The folder of `form_layout.html`, which the templates of pages extend."""
FORM_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
    b"frame-ancestors 'none'"
)
# The URL may hold a token: no cache may store it, and no other page may learn it.
HEADERS = [NO_STORE, (b"content-security-policy", FORM_POLICY), (b"referrer-policy", b"no-referrer")]

type Handler = Callable[[CallContext, Any, Selection[Any]], Awaitable[Any]]


class FormPage:
    """A page with a form: `@form_page("/verify-email", Registration.verify, folder=...)`.

    The decorated function calls the operation with the validated input. The template is called
    after the path: `verify-email.html`. It gets the query parameters and form fields as `values`,
    the details of invalid fields by name as `errors`, the problem of the request as `problem`, and
    whether the operation succeeded as `done`.
    """

    def __init__(self, path: str, operation: Operation[Any, ..., Any], folder: Path, handler: Handler) -> None:
        assert operation.input is not None, f"{operation.name} has no input, so it needs no form"
        self.path, self.operation, self.folder, self.handler = path, operation, folder, handler
        self.input: type[msgspec.Struct] = operation.input
        self.fields = [field.encode_name for field in msgspec.structs.fields(self.input)]

    async def show(self, scope: Scope) -> Response:
        """Return the form. The query fills in its fields."""
        try:
            query = parse_form(scope["query_string"])
        except MalformedBody as problem:
            return self.render_problem(problem, {})
        return self.render(200, values={name: query.get(name, "") for name in self.fields})

    async def submit(self, scope: Scope, receive: Receive) -> Response:
        """Run the operation with the fields of the form."""
        values: dict[str, str] = {}
        try:
            body_media_type(scope, (FORM_URLENCODED,))
            form = parse_form(await read_body(scope, receive, MAX_FORM_BYTES))
            values = {name: form.get(name, "") for name in self.fields}
            await self.run(scope["context"].at_door("pages"), values)
        except Problem as problem:
            return self.render_problem(problem, values)
        return self.render(200, values={}, done=True)

    async def run(self, context: CallContext, values: dict[str, str]) -> None:
        """Charge the price of the operation and run it, as a request to either API does."""
        selection = default_selection(self.operation.result, context.caller.permissions, with_relations=False)
        await context.meter.pay(price(self.operation, selection).points)
        await self.handler(context, validate(self.input, values), selection)

    def render_problem(self, problem: Problem, values: dict[str, str]) -> Response:
        """Return the form with the fault of each field beside it, and other problems above it."""
        faults = {(fault.pointer or "").removeprefix("/"): fault.detail for fault in problem.errors}
        errors = {name: detail for name, detail in faults.items() if name in self.fields}
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in problem.headers().items()]
        return self.render(problem.status, headers, values=values, errors=errors, problem=problem)

    def render(self, status: int, headers: Iterable[tuple[bytes, bytes]] = (), **values: Any) -> Response:
        """Return the page."""
        template = template_environment(self.folder, LAYOUTS).get_template(f"{self.path.strip('/')}.html")
        defaults = {"values": dict.fromkeys(self.fields, ""), "errors": {}, "problem": None, "done": False}
        html = template.render({**defaults, **values, "stylesheet": stylesheet()})
        return Response(status, html.encode(), HTML, [*HEADERS, *headers])


def form_page(path: str, operation: Operation[Any, ..., Any], *, folder: Path) -> Callable[[Handler], FormPage]:
    """Declare the page of an operation. `folder` holds its template."""
    return lambda handler: FormPage(path, operation, folder, handler)


def parse_form(text: bytes) -> dict[str, str]:
    """Return the fields of a form or query string. Of a repeated field, the last value counts."""
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise MalformedBody("The form is not percent-encoded UTF-8.") from None
    return dict(pairs)


def form_routes(pages: Iterable[FormPage]) -> list[HTTPRouteHandler]:
    """Return the routes of the pages, for `Litestar(route_handlers=[...])`."""
    return [_form_route(page) for page in pages]


def _form_route(page: FormPage) -> HTTPRouteHandler:
    methods = [HttpMethod.GET, HttpMethod.HEAD, HttpMethod.POST]

    @route(page.path, http_method=methods, include_in_schema=False, status_code=200)
    async def serve_form(request: Request[Any, Any, Any]) -> ASGIApp:
        if request.method == "POST":
            return await page.submit(request.scope, request.receive)
        return await page.show(request.scope)

    return serve_form
