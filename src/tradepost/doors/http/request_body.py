"""Reading a request's body: within its limit, in a media type that we read, into builtins or a given type."""

import math
from collections.abc import Callable
from typing import Any

import msgspec

from tradepost.kit.problems import ContentTooLarge, MalformedBody, UnsupportedMediaType

from .asgi import Receive, Scope, request_headers
from .negotiation import parse_content_type

JSON = b"application/json"
MSGPACK = b"application/msgpack"
MERGE_PATCH = b"application/merge-patch+json"
JSON_PATCH = b"application/json-patch+json"
ACCEPT_PATCH = "application/merge-patch+json, application/json-patch+json"

BODY_TYPES = (JSON, MSGPACK)
PATCH_TYPES = (JSON, MSGPACK, MERGE_PATCH, JSON_PATCH)
SAME = {b"application/x-msgpack": MSGPACK, b"application/vnd.msgpack": MSGPACK}
CHARSETS = frozenset({b"", b"utf-8", b"utf8", b"us-ascii"})
DEFAULT_LIMIT = 1024 * 1024


class ClientDisconnected(Exception):
    """The client went away before its body was complete; there is nobody to answer."""


class BodyDecoder[T]:
    """How bodies become values of one type, from JSON and from MessagePack; without a type they become builtins."""

    __slots__ = ("json", "msgpack", "value_type")

    def __init__(self, value_type: type[T] | Any = Any) -> None:
        self.value_type = value_type
        self.json: Callable[[bytes], T] = msgspec.json.Decoder(value_type).decode
        self.msgpack: Callable[[bytes], T] = msgspec.msgpack.Decoder(value_type).decode


UNTYPED: BodyDecoder[Any] = BodyDecoder()


async def read_body(scope: Scope, receive: Receive, limit: int | None = None) -> bytes:
    """The whole body. Over the limit (bytes; None is the porch's own) it is ContentTooLarge, by `Content-Length` before a byte is read."""
    most = limit if limit is not None else scope.get("body_limit", DEFAULT_LIMIT)
    given = request_headers(scope)
    said = given.get(b"content-length", b"")
    if said.isdigit() and (len(said) > 18 or int(said) > most):
        raise too_large(most)
    message = await receive()
    body = message.get("body", b"")
    # Granian says of each piece that more may come, and asking it again for nothing costs a way through its thread (14 us). Of a chunked body the length
    # says nothing (RFC 9112, 6.3).
    if message.get("more_body") and (said != b"%d" % len(body) or b"transfer-encoding" in given):
        return await _rest(body, receive, most)
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    if len(body) > most:
        raise too_large(most)
    return body


async def _rest(body: bytes, receive: Receive, most: int) -> bytes:
    """A body that comes in several pieces, counted as they come."""
    pieces, size, more = [body], len(body), True
    while more:
        if size > most:
            raise too_large(most)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
    if size > most:
        raise too_large(most)
    return b"".join(pieces)


def too_large(most: int) -> ContentTooLarge:
    """The problem of a body over its limit."""
    return ContentTooLarge(f"The body may have at most {most} bytes.", limit=most)


def body_media_type(scope: Scope, accepted: tuple[bytes, ...] = BODY_TYPES) -> bytes:
    """The body's media type, one of those that are read here (spellings of MessagePack become one); else UnsupportedMediaType."""
    asked = request_headers(scope)
    accept_patch = ACCEPT_PATCH if scope["method"] == "PATCH" else ""
    coding = asked.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"identity", b""):
        given = coding.decode("latin-1")
        raise UnsupportedMediaType(
            f"Content-Encoding `{given}` is not read here; send the body unencoded.",
            accept=_listed(accepted),
            accept_patch=accept_patch,
        )
    header = asked.get(b"content-type")
    media, charset = parse_content_type(header)
    media = SAME.get(media, media)
    if media in accepted and charset in CHARSETS:
        return media
    given = f"`{header.decode('latin-1')}`" if header else "no Content-Type"
    raise UnsupportedMediaType(
        f"The body came with {given}; read here: {_listed(accepted)}, in UTF-8.",
        accept=_listed(accepted),
        accept_patch=accept_patch,
    )


def _listed(media: tuple[bytes, ...]) -> str:
    return b", ".join(media).decode()


def decode_body[T](media: bytes, body: bytes, decoding: BodyDecoder[T] = UNTYPED) -> T:
    """The body's value. Bytes that are not well-formed are MalformedBody; a value that does not fit the type is msgspec.ValidationError."""
    packed, shaped = media == MSGPACK, decoding.value_type is not Any
    try:
        value = decoding.msgpack(body) if packed else decoding.json(body)
        if packed and not shaped:
            only_json(value)
        return value
    except RecursionError:
        raise MalformedBody("The body is nested too deeply.") from None
    except (msgspec.DecodeError, ValueError, TypeError, OverflowError) as fault:
        if shaped and isinstance(fault, msgspec.ValidationError):
            raise
        kind = "MessagePack" if packed else "JSON"
        raise MalformedBody(f"The body is not well-formed {kind}: {fault}." if body else "The body is empty.") from None


async def read_value[T](
    scope: Scope, receive: Receive, decoding: BodyDecoder[T] = UNTYPED, accepted: tuple[bytes, ...] = BODY_TYPES
) -> T:
    """The request's body as a value: type, limit and form are checked in this order."""
    media = body_media_type(scope, accepted)
    return decode_body(media, await read_body(scope, receive), decoding)


def only_json(value: Any) -> None:
    """Refuses what MessagePack can say and JSON cannot, so that a value means the same in both."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError("a key is not a string")
            only_json(inner)
    elif isinstance(value, list):
        for inner in value:
            only_json(inner)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is not finite")
    elif value is not None and not isinstance(value, str | int):
        raise ValueError(f"a value of type {type(value).__name__} has no form in JSON")
