"""What a request at `/graphql` says, read from its query string or its body; and the hash by which it names a document."""

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tradepost.kit.problems import InvalidParameter, MalformedBody

from ...http.asgi import Receive, Scope
from ...http.request_body import JSON, body_media_type, read_body
from ..documents.requests import RequestParameters

decoder = msgspec.json.Decoder(RequestParameters)
DIGEST = re.compile(r"[0-9a-fA-F]{64}")
PREFIX = "sha256:"
APQ, BY_ID = "extensions.persistedQuery", "documentId"


def parse_query_string(query: bytes) -> RequestParameters:
    """The parameters of a GET."""
    try:
        given = dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50))
    except ValueError:
        raise InvalidParameter("The query string cannot be read; percent-encode its values as UTF-8.") from None
    objects: dict[str, Any] = {}
    for name in ("variables", "extensions"):
        if text := given.get(name):
            try:
                objects[name] = msgspec.json.decode(text, type=dict[str, Any] | None)
            except (msgspec.DecodeError, RecursionError):
                raise InvalidParameter(f"`{name}` is not a JSON object.", parameter=name) from None
    return RequestParameters(
        given.get("query"),
        objects.get("variables"),
        given.get("operationName"),
        objects.get("extensions"),
        given.get(BY_ID),
    )


async def read_json_body(scope: Scope, receive: Receive) -> bytes:
    """The body of a POST; or the problem that it is no JSON."""
    body_media_type(scope, (JSON,))
    return await read_body(scope, receive)


def parse_body(body: bytes) -> RequestParameters:
    """The parameters of a POST."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as fault:
        raise MalformedBody(f"The body is not a GraphQL request: {fault}.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as fault:
        raise MalformedBody(f"The body is not well-formed JSON: {fault}." if body else "The body is empty.") from None


def requested_digest(request: RequestParameters) -> str | None:
    """The SHA-256 by which a request names its document, in lower case: `extensions.persistedQuery` as Apollo's clients write it, or `documentId`
    (GraphQL over HTTP, appendix A). None where it names none."""
    extensions, given = request.extensions, request.document_id
    if given is not None:
        if request.query:
            raise InvalidParameter("Give `query` or `documentId`, not both.", parameter=BY_ID)
        return digest(
            given.removeprefix(PREFIX) if given.startswith(PREFIX) else None,
            BY_ID,
            "`documentId` is not `sha256:` and 64 hexadecimal digits.",
        )
    said = extensions.get("persistedQuery") if extensions else None
    if said is None:
        return None
    if not isinstance(said, dict) or said.get("version") != 1 or isinstance(said["version"], bool):
        raise InvalidParameter(
            "`extensions.persistedQuery` is not an object with `version` 1 and `sha256Hash`.", parameter=APQ
        )
    return digest(said.get("sha256Hash"), APQ, "`extensions.persistedQuery.sha256Hash` is not 64 hexadecimal digits.")


def digest(given: Any, parameter: str, fault: str) -> str:
    """A hash as it is kept."""
    if not isinstance(given, str) or DIGEST.fullmatch(given) is None:
        raise InvalidParameter(fault, parameter=parameter)
    return given.lower()
