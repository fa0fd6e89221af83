"""What a REST request asks: the one argument of every handler besides the path's."""

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
from ..http.request_body import BODY_TYPES, JSON_PATCH, PATCH_TYPES, UNTYPED, body_media_type, decode_body
from ..http.request_body import read_body as read_body
from .query_string import Query


class RestRequest:
    """One request: its context, the query's Selection and Window, its body and its preconditions. The body is read when it is asked for."""

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

    def __init__(self, scope: Scope, receive: Receive, query: Query, media: bytes, *, require_if_match: bool) -> None:
        """`media`: the type of the answer. `careful`: whether a change needs `If-Match`."""
        self.scope, self.receive, self.query, self.media_type, self.require_if_match = (
            scope,
            receive,
            query,
            media,
            require_if_match,
        )
        self.key: str | None = None
        # The fields to answer with, and the stretch of the list.
        self.selection: Selection[Any] = query.selection
        self.list_query: ListQuery = query.list_query
        self.price = query.price
        self.decoded_body: Any = UNSET
        self.context: CallContext = scope["context"]

    def flag(self, name: str) -> bool:
        """A switch in the query, off where it is left out."""
        return self.query.flags.get(name, False)

    async def body[T: msgspec.Struct](self, shape: type[T]) -> T:
        """The body, checked; 422 with all its faults."""
        return validate(shape, await self.decode_body() if self.decoded_body is UNSET else self.decoded_body)

    async def decode_body(self) -> Any:
        """The body as it came."""
        media = body_media_type(self.scope, BODY_TYPES)
        return decode_body(media, await read_body(self.scope, self.receive), UNTYPED)

    async def batch_size(self) -> int:
        """How many items the batch in the body has."""
        self.decoded_body = await self.decode_body()
        return batch_size_of(self.decoded_body)

    async def patch(self) -> Patch:
        """The patch in the body, by its media type."""
        media = body_media_type(self.scope, PATCH_TYPES)
        given = decode_body(media, await read_body(self.scope, self.receive), UNTYPED)
        if media == JSON_PATCH:
            return parse_json_patch(given)
        if not isinstance(given, dict):
            raise Validation.at_pointer("", "A merge patch of an item is an object.", "invalid_type")
        return MergePatch(cast(dict[str, Any], given))

    @property
    def expected_version(self) -> ExpectedVersion:
        """The versions in `If-Match`; None where any will do."""
        found = expected_versions(request_headers(self.scope).get(b"if-match"))
        if found is None and self.require_if_match:
            raise PreconditionRequired("Send the ETag of what you read in `If-Match`.")
        return None if found is ANY else found


def batch_size_of(body: Any) -> int:
    """How many items of a batch are paid for: a hundred at most, because more are refused, and one at least."""
    listed: Any = cast(dict[str, Any], body).get("items") if isinstance(body, dict) else None
    return max(min(len(cast(list[Any], listed)), MAX_PAGE_SIZE), 1) if isinstance(listed, list) else 1
