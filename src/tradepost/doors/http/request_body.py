"""Reading and decoding a request's body: its size limit, its media type, its value."""

import math
from collections.abc import Callable
from typing import Any

import msgspec

from tradepost.kit.problems import ContentTooLarge, MalformedBody, UnsupportedMediaType
from tradepost.kit.quoting import quote
from tradepost.kit.schema.validation import MAX_DEPTH

from .asgi import Receive, Scope, request_headers
from .negotiation import parse_content_type

JSON = b"application/json"
MSGPACK = b"application/msgpack"
MERGE_PATCH = b"application/merge-patch+json"
JSON_PATCH = b"application/json-patch+json"
ACCEPT_PATCH = "application/merge-patch+json, application/json-patch+json"

BODY_TYPES = (JSON, MSGPACK)
PATCH_TYPES = (JSON, MSGPACK, MERGE_PATCH, JSON_PATCH)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MEDIA_TYPE_ALIASES = {b"application/x-msgpack": MSGPACK, b"application/vnd.msgpack": MSGPACK}
CHARSETS = frozenset({b"", b"utf-8", b"utf8", b"us-ascii"})
DEFAULT_LIMIT = 1024 * 1024


class BodyDecoder[T]:
    """Decoders for one type, from JSON and from MessagePack. The type Any decodes to builtins."""

    __slots__ = ("json", "msgpack", "value_type")

    def __init__(self, value_type: type[T] | Any = Any) -> None:
        self.value_type = value_type
        self.json: Callable[[bytes], T] = msgspec.json.Decoder(value_type).decode
        self.msgpack: Callable[[bytes], T] = msgspec.msgpack.Decoder(value_type).decode


UNTYPED: BodyDecoder[Any] = BodyDecoder()


async def read_body(scope: Scope, receive: Receive, limit: int | None = None) -> bytes:
    """Return the whole body.

    limit: in bytes; None is the pipeline's limit. A larger body raises ContentTooLarge, before
        anything is read if `Content-Length` says so. One that ends early raises MalformedBody.
    """
    max_size = limit if limit is not None else scope.get("body_limit", DEFAULT_LIMIT)
    headers = request_headers(scope)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and (len(length) > 18 or int(length) > max_size):
        raise _too_large(max_size)
    message = await receive()
    body = message.get("body", b"")
    # Granian sets `more_body` on every chunk, and another `receive` takes a round trip through its
    # thread (14 us). With Transfer-Encoding, Content-Length does not count (RFC 9112, 6.3).
    if message.get("more_body") and (length != b"%d" % len(body) or b"transfer-encoding" in headers):
        return await _read_rest(body, receive, max_size)
    if message["type"] == "http.disconnect":
        raise _incomplete()
    if len(body) > max_size:
        raise _too_large(max_size)
    return body


async def _read_rest(first_chunk: bytes, receive: Receive, max_size: int) -> bytes:
    """Return a body that arrives in several chunks, checking its size after each."""
    chunks, size, more = [first_chunk], len(first_chunk), True
    while more:
        if size > max_size:
            raise _too_large(max_size)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _incomplete()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    if size > max_size:
        raise _too_large(max_size)
    return b"".join(chunks)


def _incomplete() -> MalformedBody:
    """Return the problem of a body that ends early.

    Granian sends `http.disconnect` for malformed chunks too, on a connection that is still open.
    """
    return MalformedBody("The body ends before its last byte, or its chunks are not well-formed.")


def _too_large(max_size: int) -> ContentTooLarge:
    return ContentTooLarge(f"The body may have at most {max_size} bytes.", limit=max_size)


def body_media_type(scope: Scope, accepted: tuple[bytes, ...] = BODY_TYPES) -> bytes:
    """Return the body's media type, one of `accepted`, or raise UnsupportedMediaType.

    Aliases of MessagePack's media type are normalised.
    """
    headers = request_headers(scope)
    accept_patch = ACCEPT_PATCH if scope["method"] == "PATCH" else ""
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"identity", b""):
        raise UnsupportedMediaType(
            f"Content-Encoding {quote(coding.decode('latin-1'))} is not supported; send the body uncompressed.",
            accept=_joined(accepted),
            accept_patch=accept_patch,
        )
    header = headers.get(b"content-type")
    media_type, charset = parse_content_type(header)
    media_type = MEDIA_TYPE_ALIASES.get(media_type, media_type)
    if media_type in accepted and charset in CHARSETS:
        return media_type
    fault = f"The body's media type is {quote(header.decode('latin-1'))}" if header else "`Content-Type` is missing"
    raise UnsupportedMediaType(
        f"{fault}; supported: {_joined(accepted)}, in UTF-8.",
        accept=_joined(accepted),
        accept_patch=accept_patch,
    )


def _joined(media_types: tuple[bytes, ...]) -> str:
    return b", ".join(media_types).decode()


def decode_body[T](media_type: bytes, body: bytes, decoder: BodyDecoder[T] = UNTYPED) -> T:
    """Return the body's value.

    A byte order mark before JSON is ignored (RFC 8259, 8.1). Raise MalformedBody if the bytes are
    not well-formed, and msgspec.ValidationError if the value does not fit the type.
    """
    is_msgpack, is_typed = media_type == MSGPACK, decoder.value_type is not Any
    body = body if is_msgpack else body.removeprefix(BYTE_ORDER_MARK)
    try:
        value = decoder.msgpack(body) if is_msgpack else decoder.json(body)
        if is_msgpack and not is_typed:
            _check_json_value(value)
        return value
    except (msgspec.DecodeError, ValueError, TypeError, OverflowError, RecursionError) as error:
        if is_typed and isinstance(error, msgspec.ValidationError):
            raise
        raise MalformedBody(_syntax_fault(body, error, "MessagePack" if is_msgpack else "JSON")) from None


def _syntax_fault(body: bytes, error: Exception, syntax: str) -> str:
    """Return what is wrong with a body that cannot be decoded, in the words of its format."""
    if not body:
        return "The body is empty."
    if isinstance(error, RecursionError):
        return f"The body is nested deeper than {MAX_DEPTH} levels."
    if isinstance(error, UnicodeDecodeError):
        place = f" (byte {_first_invalid_byte(body)})" if syntax == "JSON" else ""
        return f"The body is not well-formed {syntax}: a text in it is not UTF-8{place}."
    # The place in msgspec's message has no names (`$[...]`).
    return f"The body is not well-formed {syntax}: {str(error).partition(' - at `$')[0]}."


def _first_invalid_byte(body: bytes) -> int:
    """Return the position of the first byte that is not UTF-8, from 0."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(body)


async def read_value[T](
    scope: Scope, receive: Receive, decoder: BodyDecoder[T] = UNTYPED, accepted: tuple[bytes, ...] = BODY_TYPES
) -> T:
    """Return the body's value; media type, size and syntax are checked in this order."""
    media_type = body_media_type(scope, accepted)
    return decode_body(media_type, await read_body(scope, receive), decoder)


def _check_json_value(value: Any) -> None:
    """Raise ValueError for a MessagePack value that JSON cannot represent.

    So a value means the same in both.
    """
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise ValueError("a key is not a string")
            _check_json_value(member)
    elif isinstance(value, list):
        for item in value:
            _check_json_value(item)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is not finite")
    elif value is not None and not isinstance(value, str | int):
        raise ValueError(f"JSON has no {type(value).__name__} values")
