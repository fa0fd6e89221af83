"""Holds answers against what a document says of the operation."""

from functools import cache
from typing import Any

import httpx
import msgspec

from .reading import Json, resolved, validator

PROBLEM = "application/problem+json"
# What of an answer's headers the document must name; the others are everywhere (content-length) or set at the door (security).
TOLD = {
    "accept",
    "accept-patch",
    "allow",
    "deprecation",
    "etag",
    "link",
    "location",
    "retry-after",
    "sunset",
    "www-authenticate",
}
TOLD |= {"cache-control", "vary", "x-request-id"}


class Promise:
    """What a document says, to hold answers against."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self.checks = cache(lambda text: validator(document, msgspec.json.decode(text), closed=True))

    def check(self, operation: Json, answer: httpx.Response) -> None:
        """Fails where the answer is not what the document says of the operation."""
        where = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}"
        assert str(answer.status_code) in operation["responses"], where
        response = resolved(self.document, operation["responses"][str(answer.status_code)])
        declared = {name.lower() for name in response.get("headers", {})}
        assert {name for name in answer.headers if name in TOLD} <= declared, where
        for name, header in response.get("headers", {}).items():
            if name.lower() in answer.headers:
                faults = list(
                    self.checks(self.encoded(resolved(self.document, header)["schema"])).iter_errors(
                        answer.headers[name]
                    )
                )
                assert faults == [], where
        if "content" not in response:
            assert answer.content == b"", where
            return
        media = answer.headers["content-type"].partition(";")[0]
        assert media in response["content"], where
        body = _read(media, answer.content)
        faults = list(self.checks(self.encoded(response["content"][media]["schema"])).iter_errors(body))
        assert faults == [], where
        if media == PROBLEM:
            shown = [
                resolved(self.document, e)["value"]["code"] for e in response["content"][media]["examples"].values()
            ]
            assert body["code"] in shown, where

    def encoded(self, schema: Json) -> bytes:
        return msgspec.json.encode(schema)


def _read(media: str, content: bytes) -> Any:
    match media:
        case "application/msgpack":
            return msgspec.msgpack.decode(content)
        case "application/graphql":
            return content.decode()
        case _:
            return msgspec.json.decode(content)
