"""The OAuth2 token endpoint (RFC 6749): form parameters, HTTP Basic and error responses (5.2).

Only the parameters of the form and HTTP Basic identify the caller: access tokens, API keys and
cookies are ignored. Query parameters are refused, because URLs are logged. 429 and 5xx are problems
as in the rest of the API.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from tradepost.kit.auth.oauth_errors import OAUTH_ERRORS, InvalidClient, InvalidRequest
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import MalformedBody, Problem, Validation

from ..http.asgi import Headers, Receive, Scope
from ..http.cache_policy import NO_STORE
from ..http.request_body import DEFAULT_LIMIT, body_media_type, read_body
from ..http.response import Response
from .api import JSON
from .response import render_response
from .route import OperationRoute

FORM_URLENCODED = b"application/x-www-form-urlencoded"
MAX_FORM_BYTES, MAX_PARAMETERS = 16 * 1024, 50
HEADERS: Headers = [NO_STORE, (b"pragma", b"no-cache")]
REPLACEMENTS = {ord('"'): "'", ord("\\"): "/"}
"""Replacements for the characters that `error_description` may not contain."""
FAULT_TEXTS = {
    "required": "missing",
    "too_long": "too long",
    "control_character": "not valid: it contains a control character",
}
"""Texts of parameter faults by code, for `error_description`."""


class TokenRoute(OperationRoute):
    """The route of a token endpoint: `@post_form("/token", OAuthTokens.grant)`.

    The operation's result has the members of RFC 6749, 5.1.
    """

    def __init__(self, path: str, operation: Operation[Any, ..., Any]) -> None:
        super().__init__("POST", path, operation)
        # HTTP Basic names an OAuth client, not a caller, so the pipeline leaves `Authorization` to
        # this route.
        self.opt["self_authenticating"] = True

    def __call__(self, fn: Callable[..., Awaitable[Any]]) -> "TokenRoute":
        """Store the handler function."""
        super().__call__(fn)
        return self

    async def respond(self, scope: Scope, receive: Receive, path_params: dict[str, str], /) -> Response:
        """Return the response to a token request."""
        try:
            return await self.issue_token(scope, receive)
        except Problem as problem:
            if problem.status == 429 or problem.status >= 500:
                raise
            return error_response(problem)

    async def issue_token(self, scope: Scope, receive: Receive) -> Response:
        """Run the operation on the parameters of the form, which its handler reads as the body."""
        if scope["query_string"]:
            raise InvalidRequest("Query parameters are not allowed; send all parameters in the body.")
        request = await self.door.prepare_request(self.operation, scope, receive, media_type=JSON)
        request.decoded_body = with_client_credentials(await form_parameters(scope, receive), scope["headers"])
        result = await self.call(self.owner, request)
        response = render_response(self.door, self.operation, 200, request, result)
        members = {name: value for name, value in msgspec.json.decode(response.body).items() if value is not None}
        return Response(200, msgspec.json.encode(members), JSON, HEADERS)


def post_form(path: str, operation: Operation[Any, ..., Any]) -> TokenRoute:
    """Route POST requests with a form to the operation that issues tokens."""
    return TokenRoute(path, operation)


def error_response(problem: Problem) -> Response:
    """Return an error response (RFC 6749, 5.2). Other kinds of problem become `invalid_request`."""
    error = problem if isinstance(problem, OAUTH_ERRORS) else InvalidRequest(error_detail(problem))
    description = "".join([c for c in error.detail.translate(REPLACEMENTS) if " " <= c <= "~"])
    body = {"error": error.code, "error_description": description, "error_uri": f"/problems/{error.code}"}
    headers = [(name.lower().encode(), value.encode()) for name, value in error.headers().items()]
    return Response(error.status, msgspec.json.encode(body), JSON, [*HEADERS, *headers])


def error_detail(problem: Problem) -> str:
    """Describe what is wrong with a request.

    Invalid parameters are named without their values: these may be secrets, and errors are logged.
    """
    if isinstance(problem, Validation):
        return " ".join(
            [
                f"`{(fault.pointer or '').removeprefix('/')}` is {FAULT_TEXTS.get(fault.code, 'not valid')}."
                for fault in problem.errors
            ]
        )
    return problem.detail


async def form_parameters(scope: Scope, receive: Receive) -> dict[str, str]:
    """Return the parameters of the form in the body.

    Repeated parameters are refused; those without a value count as omitted (RFC 6749, 3.2).
    """
    body_media_type(scope, (FORM_URLENCODED,))
    body = await read_body(scope, receive, min(MAX_FORM_BYTES, scope.get("body_limit", DEFAULT_LIMIT)))
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise MalformedBody("The body is not a form in percent-encoded UTF-8.") from None
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRequest(f"`{name[:100]}` is given twice.")
    return {name: value for name, value in pairs if value}


def with_client_credentials(parameters: Mapping[str, str], headers: Headers) -> dict[str, str]:
    """Return the parameters with the client's credentials from HTTP Basic (RFC 6749, 2.3.1).

    A client must not send its credentials in the form as well.
    """
    authorizations = [value for name, value in headers if name == b"authorization"]
    if not authorizations:
        return dict(parameters)
    if len(authorizations) > 1:
        raise InvalidRequest("`Authorization` is given twice.")
    id, secret = basic_credentials(authorizations[0])
    if "client_secret" in parameters or parameters.get("client_id", id) != id:
        raise InvalidRequest("Send the client's credentials in `Authorization` or in the body, not in both.")
    credentials = {"client_id": id, "client_secret": secret}
    return {**parameters, **{name: value for name, value in credentials.items() if value}}


def basic_credentials(header: bytes) -> tuple[str, str]:
    """Return the client's id and secret from HTTP Basic (RFC 7617), or raise InvalidClient.

    Each is form-encoded. Both are empty if a tool has no credentials but sends the header.
    """
    scheme, _, encoded = header.strip().partition(b" ")
    try:
        if scheme.lower() != b"basic":
            raise ValueError
        id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        if not colon:
            raise ValueError
        return unquote_plus(id, errors="strict"), unquote_plus(secret, errors="strict")
    except (ValueError, binascii.Error):
        raise InvalidClient("`Authorization` must be `Basic` with the client's id and secret.") from None
