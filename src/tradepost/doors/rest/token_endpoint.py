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

from tradepost.kit.auth.oauth_errors import REFUSALS, InvalidClient, InvalidRequest
from tradepost.kit.operations.operation import Operation
from tradepost.kit.problems import MalformedBody, Problem, Validation

from ..http.asgi import Headers, Receive, Scope
from ..http.request_body import DEFAULT_LIMIT, media_of, read
from ..http.response import Answer
from .api import JSON, NOT_KEPT
from .route import route

FORM = b"application/x-www-form-urlencoded"
LONGEST, MOST_PARAMETERS = 16 * 1024, 50
HEADERS: Headers = [NOT_KEPT, (b"pragma", b"no-cache")]
SAID = {ord('"'): "'", ord("\\"): "/"}
"""What `error_description` may not hold, and what stands for it."""
SHORTLY = {
    "required": "missing",
    "too_long": "too long",
    "control_character": "not valid: it holds a control character",
}


class token_route(route):
    """A controller's function as a token endpoint: `@token_route("/token", Grants.grant)`. Its operation answers with the members of RFC 6749, 5.1."""

    def __init__(self, path: str, operation: Operation[Any, ..., Any]) -> None:
        super().__init__(path, operation)
        # Basic names a client, not a caller: the porch leaves `Authorization` to this route.
        self.opt["apart"] = True

    def __call__(self, fn: Callable[..., Awaitable[Any]]) -> "token_route":
        """Keeps the function."""
        super().__call__(fn)
        return self

    async def answer(self, scope: Scope, receive: Receive, given: dict[str, str], /) -> Answer:
        """The answer to a token request; the parameters are what the function finds as its body."""
        try:
            return await self.granted(scope, receive)
        except Problem as problem:
            if problem.status == 429 or problem.status >= 500:
                raise
            return refusal(problem)

    async def granted(self, scope: Scope, receive: Receive) -> Answer:
        """The token, where it is given."""
        if scope["query_string"]:
            raise InvalidRequest("No parameter is taken from the address; send all of them in the body.")
        ask = await self.door.ask(self.operation, scope, receive, media=JSON)
        ask.given = with_client(await parameters(scope, receive), scope["headers"])
        told = self.door.respond(self.operation, 200, ask, await self.call(self.owner, ask))
        said = {name: value for name, value in msgspec.json.decode(told.body).items() if value is not None}
        return Answer(200, msgspec.json.encode(said), JSON, HEADERS)


def refusal(problem: Problem) -> Answer:
    """An error as RFC 6749, 5.2 has it. What is wrong with the request's own form is `invalid_request`."""
    kind = problem if isinstance(problem, REFUSALS) else InvalidRequest(wrong(problem))
    described = "".join([c for c in kind.detail.translate(SAID) if " " <= c <= "~"])
    said = {"error": kind.code, "error_description": described, "error_uri": f"/problems/{kind.code}"}
    headers = [(name.lower().encode(), value.encode()) for name, value in kind.headers().items()]
    return Answer(kind.status, msgspec.json.encode(said), JSON, [*HEADERS, *headers])


def wrong(problem: Problem) -> str:
    """What is wrong with the request. Of parameters only the names are told: a value that is refused may be a secret, and errors are logged."""
    if isinstance(problem, Validation):
        return " ".join(
            [
                f"`{(fault.pointer or '').removeprefix('/')}` is {SHORTLY.get(fault.code, 'not valid')}."
                for fault in problem.errors
            ]
        )
    return problem.detail


async def parameters(scope: Scope, receive: Receive) -> dict[str, str]:
    """The form in the body. A parameter that comes twice is refused, one without a value counts as left out (RFC 6749, 3.2)."""
    media_of(scope, (FORM,))
    body = await read(scope, receive, min(LONGEST, scope.get("body_limit", DEFAULT_LIMIT)))
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise MalformedBody("The body is no form, percent-encoded in UTF-8.") from None
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise InvalidRequest(f"`{name[:100]}` is given twice.")
    return {name: value for name, value in pairs if value}


def with_client(given: Mapping[str, str], headers: Headers) -> dict[str, str]:
    """The parameters with the client that HTTP Basic names (RFC 6749, 2.3.1), who may not name itself in the body in another way as well."""
    found = [value for name, value in headers if name == b"authorization"]
    if not found:
        return dict(given)
    if len(found) > 1:
        raise InvalidRequest("`Authorization` comes twice.")
    id, secret = basic(found[0])
    if "client_secret" in given or given.get("client_id", id) != id:
        raise InvalidRequest("The client is named twice, by `Authorization` and in the body; do one of both.")
    return {**given, **{name: value for name, value in (("client_id", id), ("client_secret", secret)) if value}}


def basic(header: bytes) -> tuple[str, str]:
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
