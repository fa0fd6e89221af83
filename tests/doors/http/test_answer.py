"""An answer sends its bytes once, compressed where that is wanted, and not at all where the caller has them."""

import gzip

import brotli
import pytest
import zstandard

from tests.doors.http.porch import BODY, sent
from tradepost.doors.http.conditional import entity_tag
from tradepost.doors.http.response import VARY_FIELDS, Response

TAG = entity_tag(BODY, 7)
UNPACK = {"gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstandard.ZstdDecompressor().decompress}


async def test_a_plain_answer_carries_type_length_tag_and_vary() -> None:
    status, headers, body = await sent(Response(200, b"{}", etag=b'"1.a"', headers=[(b"cache-control", b"no-store")]))
    assert (status, body) == (200, b"{}")
    assert headers == {
        b"cache-control": b"no-store",
        b"vary": VARY_FIELDS,
        b"etag": b'"1.a"',
        b"content-type": b"application/json",
        b"content-length": b"2",
    }


async def test_without_a_prefix_the_answer_varies_by_the_version_header_too() -> None:
    _, headers, _ = await sent(Response(200, b"{}"), prefix="")
    assert headers[b"vary"] == VARY_FIELDS + b", X-API-Version"


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_each_coding_gives_the_same_bytes_back_and_a_tag_of_its_own(coding: str) -> None:
    status, headers, body = await sent(Response(200, BODY, etag=TAG), accept_encoding=coding)
    assert (status, UNPACK[coding](body)) == (200, BODY)
    assert headers[b"content-encoding"] == coding.encode()
    assert headers[b"etag"] == TAG[:-1] + b"-" + coding.encode() + b'"'
    assert int(headers[b"content-length"]) == len(body) < len(BODY)


@pytest.mark.parametrize(
    ("body", "media"),
    [(b"{}" * 400, b"application/json"), (BODY, b"image/webp"), (BODY, b"font/woff2"), (BODY, b"text/event-stream")],
)
async def test_small_bodies_and_packed_media_are_sent_as_they_are(body: bytes, media: bytes) -> None:
    _, headers, out = await sent(Response(200, body, media, etag=TAG), accept_encoding="zstd, br, gzip")
    assert out == body
    assert headers[b"etag"] == TAG
    assert b"content-encoding" not in headers


@pytest.mark.parametrize(
    "given", [TAG.decode(), f"W/{TAG.decode()}", "*", f'"x", {TAG.decode()}', TAG.decode()[:-1] + '-gzip"']
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_has_the_bytes_gets_304_without_them(method: str, given: str) -> None:
    status, headers, body = await sent(
        Response(200, BODY, etag=TAG, headers=[(b"cache-control", b"private, no-cache")]), method, if_none_match=given
    )
    assert (status, body) == (304, b"")
    assert headers == {b"cache-control": b"private, no-cache", b"vary": VARY_FIELDS, b"etag": TAG}


async def test_a_304_names_the_tag_that_the_200_would_have_had() -> None:
    status, headers, _ = await sent(Response(200, BODY, etag=TAG), if_none_match=TAG.decode(), accept_encoding="br")
    assert (status, headers[b"etag"]) == (304, TAG[:-1] + b'-br"')
    assert b"content-encoding" not in headers


@pytest.mark.parametrize(("status", "method"), [(201, "POST"), (200, "PATCH"), (404, "GET")])
async def test_if_none_match_is_about_successful_reads_only(status: int, method: str) -> None:
    got, _, body = await sent(Response(status, b"{}", etag=b'"1.a"'), method, if_none_match='"1.a"')
    assert (got, body) == (status, b"{}")


async def test_an_answer_without_a_tag_is_never_known() -> None:
    status, _, _ = await sent(Response(200, b"{}"), if_none_match="*")
    assert status == 200


async def test_head_has_the_headers_of_get_and_no_body() -> None:
    for coding in ("identity", "gzip"):
        _, of_get, _ = await sent(Response(200, BODY, etag=TAG), accept_encoding=coding)
        status, of_head, body = await sent(Response(200, BODY, etag=TAG), "HEAD", accept_encoding=coding)
        assert (status, of_head, body) == (200, of_get, b"")


async def test_204_has_neither_body_nor_type_nor_length() -> None:
    status, headers, body = await sent(Response(204), "DELETE", accept_encoding="gzip")
    assert (status, body, headers) == (204, b"", {b"vary": VARY_FIELDS})


async def test_an_answer_that_is_kept_packs_its_bytes_once() -> None:
    answer = Response(200, BODY, etag=TAG, keep_encodings=True)
    _, _, first = await sent(answer, accept_encoding="gzip")
    _, _, second = await sent(answer, accept_encoding="gzip")
    assert first is second
    assert gzip.decompress(first) == BODY


async def test_gzip_bytes_do_not_depend_on_the_time() -> None:
    bodies = {(await sent(Response(200, BODY), accept_encoding="gzip"))[2] for _ in range(2)}
    assert len(bodies) == 1
    assert bodies.pop()[4:8] == bytes(4)
