"""The form of OAuth2's token endpoint (RFC 6749): parameters in a form, clients by HTTP Basic, errors as 5.2 of it writes them.

Whoever calls is nobody here: an access token or API key in the headers says nothing, no cookie is read, and no parameter in the address is taken,
because addresses are logged. Where the endpoint cannot be served at all (429, 5xx) the answer is a problem as everywhere.
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
from ..http.request_body import DEFAULT_LIMIT, body_media_type, read_body
from ..http.response import Response
from .api import JSON, NO_STORE
from .route import OperationRoute

FORM_URLENCODED = b"application/x-www-form-urlencoded"
LONGEST, MOST_PARAMETERS = 16 * 1024, 50
HEADERS: Headers = [NO_STORE, (b"pragma", b"no-cache")]
SAID = {ord('"'): "'", ord("\\"): "/"}
"""What `error_description` may not hold, and what stands for it."""
SHORTLY = {
    "required": "missing",
    "too_long": "too long",
    "control_character": "not valid: it holds a control character",
}


class TokenRoute(OperationRoute):
    """A controller's function as a token endpoint: `@post_form("/token", OAuthTokens.grant)`. Its operation answers with the members of RFC 6749, 5.1."""

    def __init__(self, path: str, operation: Operation[Any, ..., Any]) -> None:
        super().__init__("POST", path, operation)
        # Basic names a client, not a caller: the porch leaves `Authorization` to this route.
        self.opt["apart"] = True

    def __call__(self, fn: Callable[..., Awaitable[Any]]) -> "TokenRoute":
        """Keeps the function."""
        super().__call__(fn)
        return self

    async def respond(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Response:
        """The answer to a token request; the parameters are what the function finds as its body."""
        try:
            return await self.issue_token(scope, receive)
        except Problem as problem:
            if problem.status == 429 or problem.status >= 500:
                raise
            return error_response(problem)

    async def issue_token(self, scope: Scope, receive: Receive) -> Response:
        """The token, where it is given."""
        if scope["query_string"]:
            raise InvalidRequest("No parameter is taken from the address; send all of them in the body.")
        ask = await self.door.prepare_request(self.operation, scope, receive, media=JSON)
        ask.decoded_body = with_client_credentials(await form_parameters(scope, receive), scope["headers"])
        told = self.door.render_response(self.operation, 200, ask, await self.call(self.owner, ask))
        said = {name: value for name, value in msgspec.json.decode(told.body).items() if value is not None}
        return Response(200, msgspec.json.encode(said), JSON, HEADERS)


def post_form(path: str, operation: Operation[Any, ..., Any]) -> TokenRoute:
    """Route POST requests with a form to the operation that issues tokens."""
    return TokenRoute(path, operation)


def error_response(problem: Problem) -> Response:
    """An error as RFC 6749, 5.2 has it. What is wrong with the request's own form is `invalid_request`."""
    kind = problem if isinstance(problem, OAUTH_ERRORS) else InvalidRequest(error_detail(problem))
    described = "".join([c for c in kind.detail.translate(SAID) if " " <= c <= "~"])
    said = {"error": kind.code, "error_description": described, "error_uri": f"/problems/{kind.code}"}
    headers = [(name.lower().encode(), value.encode()) for name, value in kind.headers().items()]
    return Response(kind.status, msgspec.json.encode(said), JSON, [*HEADERS, *headers])


def error_detail(problem: Problem) -> str:
    """What is wrong with the request. Of parameters only the names are told: a value that is refused may be a secret, and errors are logged."""
    if isinstance(problem, Validation):
        return " ".join(
            [
                f"`{(fault.pointer or '').removeprefix('/')}` is {SHORTLY.get(fault.code, 'not valid')}."
                for fault in problem.errors
            ]
        )
    return problem.detail


async def form_parameters(scope: Scope, receive: Receive) -> dict[str, str]:
    """The form in the body. A parameter that comes twice is refused, one without a value counts as left out (RFC 6749, 3.2)."""
    body_media_type(scope, (FORM_URLENCODED,))
    body = await read_body(scope, receive, min(LONGEST, scope.get("body_limit", DEFAULT_LIMIT)))
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise MalformedBody("The body is no form, percent-encoded in UTF-8.") from None
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRequest(f"`{name[:100]}` is given twice.")
    return {name: value for name, value in pairs if value}


def with_client_credentials(given: Mapping[str, str], headers: Headers) -> dict[str, str]:
    """The parameters with the client that HTTP Basic names (RFC 6749, 2.3.1), who may not name itself in the body in another way as well."""
    found = [value for name, value in headers if name == b"authorization"]
    if not found:
        return dict(given)
    if len(found) > 1:
        raise InvalidRequest("`Authorization` comes twice.")
    id, secret = basic_credentials(found[0])
    if "client_secret" in given or given.get("client_id", id) != id:
        raise InvalidRequest("The client is named twice, by `Authorization` and in the body; do one of both.")
    return {**given, **{name: value for name, value in (("client_id", id), ("client_secret", secret)) if value}}


def basic_credentials(header: bytes) -> tuple[str, str]:
    """The id and the secret in HTTP Basic (RFC 7617), each encoded like a parameter of a form; both are empty where a tool has none to send."""
    scheme, _, rest = header.strip().partition(b" ")
    try:
        if scheme.lower() != b"basic":
            raise ValueError
        id, colon, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        if not colon:
            raise ValueError
        return unquote_plus(id, errors="strict"), unquote_plus(secret, errors="strict")
    except (ValueError, binascii.Error):
        raise InvalidClient("`Authorization` takes `Basic` here, with the client's id and secret.") from None
