"""The parsed request that handlers of REST routes receive."""

from typing import Any, cast

import msgspec
from msgspec import UNSET

from tradepost.kit.operations.service import ExpectedVersion
from tradepost.kit.problems import PreconditionRequired, Validation
from tradepost.kit.resource.list_query import MAX_PAGE_SIZE, ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import MergePatch, Patch, parse_json_patch
from tradepost.kit.schema.validation import validate
from tradepost.kit.writes.call_context import CallContext

from ..http.asgi import Receive, Scope, request_headers
from ..http.conditional import ANY, expected_versions
from ..http.request_body import (
    BODY_TYPES,
    DEFAULT_LIMIT,
    JSON_PATCH,
    PATCH_TYPES,
    UNTYPED,
    body_media_type,
    decode_body,
    read_body,
)
from .query_string import Query


class RestRequest:
    """A request to a REST route: its context, query, body and preconditions.

    selection: the fields to return.    list_query: filters, order and page of a list.
    key: the path parameter that names a row.    media_type: that of the response.
    The body is read when a handler asks for it.
    """

    __slots__ = (
        "context",
        "decoded_body",
        "key",
        "list_query",
        "media_type",
        "price",
        "query",
        "receive",
        "require_if_match",
        "scope",
        "selection",
    )

    def __init__(
        self, scope: Scope, receive: Receive, query: Query, media_type: bytes, *, require_if_match: bool
    ) -> None:
        self.scope, self.receive, self.query, self.media_type = scope, receive, query, media_type
        self.require_if_match = require_if_match
        self.key: str | None = None
        self.selection: Selection[Any] = query.selection
        self.list_query: ListQuery = query.list_query
        self.price = query.price
        self.decoded_body: Any = UNSET
        self.context: CallContext = scope["context"]

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter; False if it is omitted."""
        return self.query.flags.get(name, False)

    @property
    def header_texts(self) -> dict[str, str]:
        """The request's headers as text, by their names in lower case."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in request_headers(self.scope).items()}

    async def raw_body(self, limit: int) -> bytes:
        """Read the body of any media type, at most so many bytes, and return it as it was sent."""
        return await read_body(self.scope, self.receive, min(limit, self.scope.get("body_limit", DEFAULT_LIMIT)))

    async def body[T: msgspec.Struct](self, shape: type[T]) -> T:
        """Return the validated body, or raise Validation with all its faults."""
        return validate(shape, await self.decode_body() if self.decoded_body is UNSET else self.decoded_body)

    async def decode_body(self) -> Any:
        """Read the body and return it as builtins."""
        media_type = body_media_type(self.scope, BODY_TYPES)
        return decode_body(media_type, await read_body(self.scope, self.receive), UNTYPED)

    async def batch_size(self, list_member: str) -> int:
        """Read the body of a batch and return the number of items to charge for."""
        self.decoded_body = await self.decode_body()
        return batch_size_of(self.decoded_body, list_member)

    async def patch(self) -> Patch:
        """Return the patch in the body: a JSON Patch or a merge patch, by its media type."""
        media_type = body_media_type(self.scope, PATCH_TYPES)
        document = decode_body(media_type, await read_body(self.scope, self.receive), UNTYPED)
        if media_type == JSON_PATCH:
            return parse_json_patch(document)
        if not isinstance(document, dict):
            raise Validation.at_pointer("", "A merge patch must be a JSON object.", "invalid_type")
        return MergePatch(cast(dict[str, Any], document))

    @property
    def expected_version(self) -> ExpectedVersion:
        """The versions in `If-Match`, one of which must be current; None if any version will do."""
        versions = expected_versions(request_headers(self.scope).get(b"if-match"))
        if versions is None and self.require_if_match:
            raise PreconditionRequired("Send the resource's ETag in `If-Match`.")
        return None if versions is ANY else versions


def batch_size_of(body: Any, list_member: str) -> int:
    """Return the number of batch items to charge for: at least 1, at most 100.

    Larger batches are refused later, when the body is validated.
    """
    items: Any = cast(dict[str, Any], body).get(list_member) if isinstance(body, dict) else None
    return max(min(len(cast(list[Any], items)), MAX_PAGE_SIZE), 1) if isinstance(items, list) else 1
