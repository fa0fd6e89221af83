"""What a REST request asks: the one argument of every handler besides the path's."""

from typing import Any, cast

import msgspec
from msgspec import UNSET

from tradepost.kit.operations.service import Expected
from tradepost.kit.problems import PreconditionRequired, Validation
from tradepost.kit.resource.list_query import MOST_ROWS, Window
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import MergePatch, Patch, json_patch
from tradepost.kit.schema.validation import read
from tradepost.kit.writes.call_context import CallContext

from ..http.asgi import Receive, Scope, fields
from ..http.conditional import ANY, version_of
from ..http.request_body import BODIES, BUILTINS, JSON_PATCH, PATCHES, decode, media_of
from ..http.request_body import read as read_body
from .query_string import Query


class Ask:
    """One request: its context, the query's Selection and Window, its body and its preconditions. The body is read when it is asked for."""

    __slots__ = ("careful", "context", "given", "key", "media", "price", "query", "receive", "scope", "want", "window")

    def __init__(self, scope: Scope, receive: Receive, query: Query, media: bytes, *, careful: bool) -> None:
        """`media`: the type of the answer. `careful`: whether a change needs `If-Match`."""
        self.scope, self.receive, self.query, self.media, self.careful = scope, receive, query, media, careful
        self.key: str | None = None
        # The fields to answer with, and the stretch of the list.
        self.want: Selection[Any] = query.want
        self.window: Window = query.window
        self.price = query.price
        self.given: Any = UNSET
        self.context: CallContext = scope["context"]

    def switch(self, name: str) -> bool:
        """A switch in the query, off where it is left out."""
        return self.query.switches.get(name, False)

    async def body[T: msgspec.Struct](self, shape: type[T]) -> T:
        """The body, checked; 422 with all its faults."""
        return read(shape, await self.plain() if self.given is UNSET else self.given)

    async def plain(self) -> Any:
        """The body as it came."""
        media = media_of(self.scope, BODIES)
        return decode(media, await read_body(self.scope, self.receive), BUILTINS)

    async def items(self) -> int:
        """How many items the batch in the body has."""
        self.given = await self.plain()
        return items_of(self.given)

    async def patch(self) -> Patch:
        """The patch in the body, by its media type."""
        media = media_of(self.scope, PATCHES)
        given = decode(media, await read_body(self.scope, self.receive), BUILTINS)
        if media == JSON_PATCH:
            return json_patch(given)
        if not isinstance(given, dict):
            raise Validation.at("", "A merge patch of an item is an object.", "invalid_type")
        return MergePatch(cast(dict[str, Any], given))

    @property
    def expected(self) -> Expected:
        """The versions in `If-Match`; None where any will do."""
        found = version_of(fields(self.scope).get(b"if-match"))
        if found is None and self.careful:
            raise PreconditionRequired("Send the ETag of what you read in `If-Match`.")
        return None if found is ANY else found


def items_of(body: Any) -> int:
    """How many items of a batch are paid for: a hundred at most, because more are refused, and one at least."""
    listed: Any = cast(dict[str, Any], body).get("items") if isinstance(body, dict) else None
    return max(min(len(cast(list[Any], listed)), MOST_ROWS), 1) if isinstance(listed, list) else 1
