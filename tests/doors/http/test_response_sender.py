"""A response: its headers, its compression, and 304 if the caller has the body already."""

import gzip

import brotli
import pytest
import zstandard

from tests.doors.http.pipeline_app import BODY, send_raw
from tradepost.doors.http.conditional import entity_tag
from tradepost.doors.http.response import VARY_FIELDS, Response

TAG = entity_tag(BODY, 7)
DECOMPRESS = {"gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstandard.ZstdDecompressor().decompress}


async def test_a_response_has_type_length_etag_and_vary() -> None:
    status, headers, body = await send_raw(
        Response(200, b"{}", etag=b'"1.a"', headers=[(b"cache-control", b"no-store")])
    )
    assert (status, body) == (200, b"{}")
    assert headers == {
        b"cache-control": b"no-store",
        b"vary": VARY_FIELDS,
        b"etag": b'"1.a"',
        b"content-type": b"application/json",
        b"content-length": b"2",
    }


async def test_without_a_version_prefix_the_response_varies_by_the_version_header_too() -> None:
    _, headers, _ = await send_raw(Response(200, b"{}"), prefix="")
    assert headers[b"vary"] == VARY_FIELDS + b", X-API-Version"


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_every_coding_decodes_to_the_body_and_has_its_own_etag(coding: str) -> None:
    status, headers, body = await send_raw(Response(200, BODY, etag=TAG), accept_encoding=coding)
    assert (status, DECOMPRESS[coding](body)) == (200, BODY)
    assert headers[b"content-encoding"] == coding.encode()
    assert headers[b"etag"] == TAG[:-1] + b"-" + coding.encode() + b'"'
    assert int(headers[b"content-length"]) == len(body) < len(BODY)


@pytest.mark.parametrize(
    ("body", "media"),
    [(b"{}" * 400, b"application/json"), (BODY, b"image/webp"), (BODY, b"font/woff2"), (BODY, b"text/event-stream")],
)
async def test_small_bodies_and_compressed_media_types_are_not_compressed(body: bytes, media: bytes) -> None:
    _, headers, out = await send_raw(Response(200, body, media, etag=TAG), accept_encoding="zstd, br, gzip")
    assert out == body
    assert headers[b"etag"] == TAG
    assert b"content-encoding" not in headers


@pytest.mark.parametrize(
    "header", [TAG.decode(), f"W/{TAG.decode()}", "*", f'"x", {TAG.decode()}', TAG.decode()[:-1] + '-gzip"']
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_matching_if_none_match_is_304_without_a_body(method: str, header: str) -> None:
    status, headers, body = await send_raw(
        Response(200, BODY, etag=TAG, headers=[(b"cache-control", b"private, no-cache")]), method, if_none_match=header
    )
    assert (status, body) == (304, b"")
    assert headers == {b"cache-control": b"private, no-cache", b"vary": VARY_FIELDS, b"etag": TAG}


async def test_a_304_has_the_etag_of_the_200() -> None:
    status, headers, _ = await send_raw(Response(200, BODY, etag=TAG), if_none_match=TAG.decode(), accept_encoding="br")
    assert (status, headers[b"etag"]) == (304, TAG[:-1] + b'-br"')
    assert b"content-encoding" not in headers


@pytest.mark.parametrize(("status", "method"), [(201, "POST"), (200, "PATCH"), (404, "GET")])
async def test_if_none_match_applies_only_to_successful_reads(status: int, method: str) -> None:
    sent_status, _, body = await send_raw(Response(status, b"{}", etag=b'"1.a"'), method, if_none_match='"1.a"')
    assert (sent_status, body) == (status, b"{}")


async def test_a_response_without_an_etag_is_never_304() -> None:
    status, _, _ = await send_raw(Response(200, b"{}"), if_none_match="*")
    assert status == 200


async def test_head_has_the_headers_of_get_and_no_body() -> None:
    for coding in ("identity", "gzip"):
        _, of_get, _ = await send_raw(Response(200, BODY, etag=TAG), accept_encoding=coding)
        status, of_head, body = await send_raw(Response(200, BODY, etag=TAG), "HEAD", accept_encoding=coding)
        assert (status, of_head, body) == (200, of_get, b"")


async def test_204_has_neither_body_nor_type_nor_length() -> None:
    status, headers, body = await send_raw(Response(204), "DELETE", accept_encoding="gzip")
    assert (status, body, headers) == (204, b"", {b"vary": VARY_FIELDS})


async def test_a_response_that_keeps_encodings_compresses_once() -> None:
    response = Response(200, BODY, etag=TAG, keep_encodings=True)
    _, _, first = await send_raw(response, accept_encoding="gzip")
    _, _, second = await send_raw(response, accept_encoding="gzip")
    assert first is second
    assert gzip.decompress(first) == BODY


async def test_gzip_bytes_do_not_depend_on_the_time() -> None:
    bodies = {(await send_raw(Response(200, BODY), accept_encoding="gzip"))[2] for _ in range(2)}
    assert len(bodies) == 1
    assert bodies.pop()[4:8] == bytes(4)
