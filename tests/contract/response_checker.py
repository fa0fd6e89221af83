"""Compare responses with an OpenAPI document."""

from functools import cache
from typing import Any

import httpx
import msgspec

from .openapi_document import Json, closed, resolve_reference, validator

PROBLEM = "application/problem+json"
# Response headers that the document must declare. The others are in every response: content-length,
# and the security headers.
DECLARED_HEADERS = {
    "accept",
    "accept-patch",
    "allow",
    "cache-control",
    "deprecation",
    "etag",
    "link",
    "location",
    "retry-after",
    "sunset",
    "vary",
    "www-authenticate",
    "x-request-id",
}


class ResponseChecker:
    """Checks responses against a document."""

    def __init__(self, document: Json) -> None:
        self.document = document
        closed_document = closed(document)
        self.validator_of = cache(lambda text: validator(closed_document, msgspec.json.decode(text)))

    def check(self, operation: Json, answer: httpx.Response) -> None:
        """Fail unless the response is one that the document declares for the operation."""

        def where() -> str:
            return f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}"

        assert str(answer.status_code) in operation["responses"], where()
        response = resolve_reference(self.document, operation["responses"][str(answer.status_code)])
        declared = {name.lower() for name in response.get("headers", {})}
        assert {name for name in answer.headers if name in DECLARED_HEADERS} <= declared, where()
        for name, header in response.get("headers", {}).items():
            if name.lower() in answer.headers:
                schema = resolve_reference(self.document, header)["schema"]
                assert self.errors(schema, answer.headers[name]) == [], where()
        if "content" not in response:
            assert answer.content == b"", where()
            return
        media = answer.headers["content-type"].partition(";")[0]
        assert media in response["content"], where()
        body = _read(media, answer.content)
        assert self.errors(response["content"][media]["schema"], body) == [], where()
        if media == PROBLEM:
            examples = response["content"][media]["examples"].values()
            codes = [resolve_reference(self.document, example)["value"]["code"] for example in examples]
            assert body["code"] in codes, where()

    def errors(self, schema: Json, value: Any) -> list[Any]:
        """Return the validation errors of a value."""
        return list(self.validator_of(msgspec.json.encode(schema)).iter_errors(value))


def _read(media: str, content: bytes) -> Any:
    match media:
        case "application/msgpack":
            return msgspec.msgpack.decode(content)
        case "application/graphql":
            return content.decode()
        case _:
            return msgspec.json.decode(content)
