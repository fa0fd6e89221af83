"""Parse the parameters of a request at `/graphql`, and the hash that names its document."""

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from tradepost.kit.problems import InvalidParameter, MalformedBody
from tradepost.kit.quoting import quote

from ...http.asgi import Receive, Scope
from ...http.request_body import BYTE_ORDER_MARK, JSON, BodyDecoder, body_media_type, decode_body, read_body
from ..documents.requests import RequestParameters

decoder = BodyDecoder[RequestParameters](RequestParameters)
MEMBER_TYPES: Mapping[str, tuple[type, str]] = {
    "query": (str, "a string"),
    "variables": (dict, "an object"),
    "operationName": (str, "a string"),
    "extensions": (dict, "an object"),
    "documentId": (str, "a string"),
}
DIGEST = re.compile(r"[0-9a-fA-F]{64}")
DOCUMENT_ID_PREFIX = "sha256:"
PERSISTED_QUERY, DOCUMENT_ID = "extensions.persistedQuery", "documentId"


def parse_query_string(query_string: bytes) -> RequestParameters:
    """Return the parameters of a GET request."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise InvalidParameter("The query string is not percent-encoded UTF-8.") from None
    parameters = dict[str, str]()
    for name, value in pairs:
        if name in parameters:
            raise InvalidParameter(f"{quote(name)} is given twice.", parameter=name)
        parameters[name] = value
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
        return decode_body(JSON, body, decoder)
    except msgspec.ValidationError:
        fault = _member_fault(decode_body(JSON, body))
        raise MalformedBody(f"The body is not a GraphQL request: {fault}.") from None


def _member_fault(value: Any) -> str:
    """Return what is wrong with the value of a body that is no GraphQL request."""
    if isinstance(value, dict):
        for name, (member_type, expected) in MEMBER_TYPES.items():
            member = cast(dict[str, Any], value).get(name)
            if member is not None and not isinstance(member, member_type):
                return f"`{name}` must be {expected}"
    return 'it must be an object such as `{"query": "{ __typename }"}`'


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
