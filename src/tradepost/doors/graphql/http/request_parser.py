"""Parse the parameters of a request at `/graphql`, and the hash that names its document."""

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tradepost.kit.problems import InvalidParameter, MalformedBody

from ...http.asgi import Receive, Scope
from ...http.request_body import BYTE_ORDER_MARK, JSON, body_media_type, read_body
from ..documents.requests import RequestParameters

decoder = msgspec.json.Decoder(RequestParameters)
DIGEST = re.compile(r"[0-9a-fA-F]{64}")
DOCUMENT_ID_PREFIX = "sha256:"
PERSISTED_QUERY, DOCUMENT_ID = "extensions.persistedQuery", "documentId"


def parse_query_string(query_string: bytes) -> RequestParameters:
    """Return the parameters of a GET request."""
    try:
        text = query_string.decode("ascii")
        parameters = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=50))
    except ValueError:
        raise InvalidParameter("The query string is not percent-encoded UTF-8.") from None
    objects: dict[str, Any] = {}
    for name in ("variables", "extensions"):
        if value := parameters.get(name):
            try:
                objects[name] = msgspec.json.decode(value, type=dict[str, Any] | None)
            except (msgspec.DecodeError, RecursionError):
                raise InvalidParameter(f"`{name}` is not a JSON object.", parameter=name) from None
    return RequestParameters(
        parameters.get("query"),
        objects.get("variables"),
        parameters.get("operationName"),
        objects.get("extensions"),
        parameters.get(DOCUMENT_ID),
    )


async def read_json_body(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a POST request, without a byte order mark.

    Raise a Problem if its media type is not JSON.
    """
    body_media_type(scope, (JSON,))
    return (await read_body(scope, receive)).removeprefix(BYTE_ORDER_MARK)


def parse_body(body: bytes) -> RequestParameters:
    """Return the parameters of a POST request."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise MalformedBody(f"The body is not a GraphQL request: {error}.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedBody(f"The body is not well-formed JSON: {error}." if body else "The body is empty.") from None


def requested_digest(request: RequestParameters) -> str | None:
    """Return the SHA-256 that names the document, in lower case, or None.

    It is in `extensions.persistedQuery` (Apollo clients) or in `documentId` (GraphQL over HTTP,
    appendix A).
    """
    extensions, document_id = request.extensions, request.document_id
    if document_id is not None:
        if request.query:
            raise InvalidParameter("Give either `query` or `documentId`, not both.", parameter=DOCUMENT_ID)
        return _digest(
            document_id.removeprefix(DOCUMENT_ID_PREFIX) if document_id.startswith(DOCUMENT_ID_PREFIX) else None,
            DOCUMENT_ID,
            "`documentId` must be `sha256:` followed by 64 hexadecimal digits.",
        )
    persisted_query = extensions.get("persistedQuery") if extensions else None
    if persisted_query is None:
        return None
    if (
        not isinstance(persisted_query, dict)
        or persisted_query.get("version") != 1
        or isinstance(persisted_query["version"], bool)
    ):
        raise InvalidParameter(
            "`extensions.persistedQuery` must be an object with `version` 1 and `sha256Hash`.",
            parameter=PERSISTED_QUERY,
        )
    return _digest(
        persisted_query.get("sha256Hash"),
        PERSISTED_QUERY,
        "`extensions.persistedQuery.sha256Hash` must be 64 hexadecimal digits.",
    )


def _digest(value: Any, parameter: str, fault: str) -> str:
    """Return a hash in lower case, or raise InvalidParameter."""
    if not isinstance(value, str) or DIGEST.fullmatch(value) is None:
        raise InvalidParameter(fault, parameter=parameter)
    return value.lower()
