"""Request bodies: the size limit, the media types, and problems for every invalid body."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.doors.http.request_body import (
    ACCEPT_PATCH,
    JSON,
    MSGPACK,
    PATCH_TYPES,
    BodyDecoder,
    body_media_type,
    decode_body,
    read_body,
    read_value,
)
from tradepost.kit.problems import ContentTooLarge, MalformedBody, UnsupportedMediaType


class Product(msgspec.Struct, forbid_unknown_fields=True):
    """A small input."""

    name: str


def scope(method: str = "POST", **headers: str) -> dict[str, Any]:
    """Return a scope with these headers."""
    return {
        "type": "http",
        "method": method,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


def pieces(*parts: bytes, more: bool = False) -> Any:
    """Return a `receive` that sends the body in parts and then disconnects.

    more: whether the last part says that another one follows
    """
    messages = [
        {"type": "http.request", "body": part, "more_body": more or index < len(parts) - 1}
        for index, part in enumerate(parts)
    ]
    remaining = iter([*messages, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(remaining)

    return receive


async def test_a_body_in_pieces_is_joined() -> None:
    assert await read_body(scope(), pieces(b"ab", b"", b"cd"), 4) == b"abcd"


async def test_a_content_length_over_the_limit_is_refused_before_the_body_is_read() -> None:
    async def never() -> Any:
        raise AssertionError("the body was read")

    for length in ("5", "9" * 30):
        with pytest.raises(ContentTooLarge) as refused:
            await read_body(scope(content_length=length), never, 4)
        assert refused.value.members == {"limit": 4}


@pytest.mark.parametrize("parts", [(b"abcde",), (b"abc", b"de"), (b"abc", b"de", b"f")])
async def test_a_body_over_the_limit_without_a_length_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(ContentTooLarge):
        await read_body(scope(), pieces(*parts), 4)


async def test_the_default_limit_is_in_the_scope() -> None:
    with pytest.raises(ContentTooLarge):
        await read_body(scope() | {"body_limit": 3}, pieces(b"abcd"))


@pytest.mark.parametrize("parts", [(), (b"ab",)])
async def test_a_body_that_ends_early_is_malformed(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedBody, match="The body ends before its last byte"):
        await read_body(scope(), pieces(*parts, more=True), 4)


async def test_a_complete_body_is_returned_even_if_more_body_is_true() -> None:
    """Granian sets `more_body` on the first piece."""
    assert await read_body(scope(content_length="4"), pieces(b"abcd", more=True), 4) == b"abcd"
    assert await read_body(scope(content_length="4"), pieces(b"ab", b"cd"), 4) == b"abcd"


async def test_the_content_length_of_a_chunked_body_is_ignored() -> None:
    assert await read_body(scope(content_length="2", transfer_encoding="chunked"), pieces(b"ab", b"cd"), 4) == b"abcd"


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("application/json", JSON),
        ("Application/JSON; charset=UTF-8", JSON),
        ("application/msgpack", MSGPACK),
        ("application/x-msgpack", MSGPACK),
        ("application/vnd.msgpack", MSGPACK),
    ],
)
def test_aliases_of_a_media_type_are_equal(header: str, media: bytes) -> None:
    assert body_media_type(scope(content_type=header)) == media


@pytest.mark.parametrize(
    "header",
    [
        "text/plain",
        "application/json; charset=latin-1",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "",
    ],
)
def test_an_unsupported_type_is_refused_with_the_supported_ones(header: str) -> None:
    with pytest.raises(UnsupportedMediaType) as refused:
        body_media_type(scope(content_type=header))
    assert refused.value.headers() == {"Accept": "application/json, application/msgpack"}


def test_a_body_without_a_type_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        body_media_type(scope())


def test_an_unsupported_patch_type_is_refused_with_the_patch_formats() -> None:
    assert (
        body_media_type(scope("PATCH", content_type="application/json-patch+json"), PATCH_TYPES)
        == b"application/json-patch+json"
    )
    with pytest.raises(UnsupportedMediaType) as refused:
        body_media_type(scope("PATCH", content_type="text/plain"), PATCH_TYPES)
    assert refused.value.headers()["Accept-Patch"] == ACCEPT_PATCH


def test_a_compressed_body_is_refused() -> None:
    assert body_media_type(scope(content_type="application/json", content_encoding="identity")) == JSON
    for coding in ("gzip", "identity, gzip", "br"):
        with pytest.raises(UnsupportedMediaType):
            body_media_type(scope(content_type="application/json", content_encoding=coding))


async def test_json_and_messagepack_decode_to_the_same_value() -> None:
    value = {"name": "Chair", "tags": ["oak", None, True, 1, 1.5]}
    for media, body in ((JSON, msgspec.json.encode(value)), (MSGPACK, msgspec.msgpack.encode(value))):
        assert await read_value(scope(content_type=media.decode()), pieces(body)) == value


def test_an_invalid_value_and_malformed_bytes_raise_different_errors() -> None:
    decoder = BodyDecoder(Product)
    assert decode_body(JSON, b'{"name":"Chair"}', decoder) == Product("Chair")
    assert decode_body(MSGPACK, msgspec.msgpack.encode({"name": "Chair"}), decoder) == Product("Chair")
    with pytest.raises(msgspec.ValidationError):
        decode_body(JSON, b'{"name":1}', decoder)
    with pytest.raises(MalformedBody):
        decode_body(JSON, b'{"name":', decoder)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'"\\ud800"', b"NaN", b"1e999", b"[" * 100_000, b"9" * 5000, b"{'a': 1}"]
)
def test_malformed_json_raises_malformed_body(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_body(JSON, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x91" * 100_000,
        msgspec.msgpack.encode({1: 2}),
        msgspec.msgpack.encode(b"bytes"),
        msgspec.msgpack.encode([float("nan")]),
        msgspec.msgpack.encode({"a": msgspec.msgpack.Ext(5, b"x")}),
        b"\x81\x90\x01",
    ],
)
def test_messagepack_that_json_cannot_express_raises_malformed_body(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_body(MSGPACK, body)


@given(st.sampled_from([JSON, MSGPACK]), st.binary(max_size=60))
def test_any_bytes_decode_or_raise_malformed_body(media: bytes, body: bytes) -> None:
    try:
        value = decode_body(media, body)
    except MalformedBody:
        return
    assert msgspec.json.decode(msgspec.json.encode(value)) == value
