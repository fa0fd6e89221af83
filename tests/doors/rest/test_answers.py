"""REST responses: entity tags, conditional requests, media types, methods and cache headers."""

from typing import Any

import httpx
import msgspec
import pytest

from tests.factories import assert_problem, make_product, unique, variant_input
from tests.rate_limit_headers import VOLATILE_HEADERS


async def test_every_read_with_a_matching_etag_is_304(client: httpx.AsyncClient, read_paths: list[str]) -> None:
    for path in read_paths:
        answer = await client.get(path)
        tag = answer.headers["etag"]
        assert not tag.startswith("W/")
        for header in (tag, f"W/{tag}", "*", f'"x", {tag}'):
            again = await client.get(path, headers={"If-None-Match": header})
            assert (again.status_code, again.content) == (304, b""), (path, header)
            assert again.headers["etag"] == tag
            assert again.headers["cache-control"] == answer.headers["cache-control"]
            assert again.headers["vary"] == answer.headers["vary"]
        assert (await client.get(path, headers={"If-None-Match": '"x"'})).status_code == 200


async def test_an_etag_has_the_version_and_depends_on_the_bytes(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    path = f"/v1/products/{product['id']}"
    tags = {
        fields: (await client.get(path, params={"fields": fields})).headers["etag"]
        for fields in ("id", "name", "id,name")
    }
    assert len(set(tags.values())) == 3
    assert all(tag.startswith('"1.') for tag in tags.values())
    changed = await staff.patch(path, json={"name": "Other"}, params={"fields": "id"})
    assert changed.headers["etag"].startswith('"2.')
    assert changed.headers["etag"] == (await staff.get(path, params={"fields": "id"})).headers["etag"]


async def test_a_compressed_response_has_its_own_etag_and_the_same_content(
    client: httpx.AsyncClient, full_product: Any
) -> None:
    path = f"/v1/products/{full_product['id']}"
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    for coding in ("gzip", "br", "zstd"):
        compressed = await client.get(path, headers={"Accept-Encoding": coding})
        assert compressed.headers["content-encoding"] == coding
        assert compressed.headers["etag"] == plain.headers["etag"][:-1] + f'-{coding}"'
        assert compressed.json() == plain.json()
        assert (await client.get(path, headers={"If-None-Match": compressed.headers["etag"]})).status_code == 304


async def test_head_has_status_and_headers_of_get_without_a_body(
    client: httpx.AsyncClient, read_paths: list[str]
) -> None:
    for path in (*read_paths, "/v1/products/none", "/v1/products?limit=0"):
        got, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        changing = {"x-request-id", *VOLATILE_HEADERS} - (set() if got.status_code >= 400 else {"content-length"})
        assert {k: v for k, v in head.headers.items() if k not in changing} == {
            k: v for k, v in got.headers.items() if k not in changing
        }


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/products", "GET, HEAD, OPTIONS, POST"),
        ("/v1/products/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/v1/products/batch", "OPTIONS, POST"),
        ("/v1/products/x/variants", "GET, HEAD, OPTIONS, POST"),
        ("/v1/variants/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/v1/categories/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/v1/categories/x/children", "GET, HEAD, OPTIONS"),
        ("/v1/tags", "GET, HEAD, OPTIONS"),
        ("/v1/tags/x", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_path_lists_its_methods_and_refuses_the_others(staff: httpx.AsyncClient, path: str, allow: str) -> None:
    answer = await staff.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (204, allow)
    assert ("accept-patch" in answer.headers) == ("PATCH" in allow)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - set(allow.split(", ")):
        refused = await staff.request(method, path)
        assert_problem(refused, 405, "method_not_allowed")
        assert refused.headers["allow"] == allow


@pytest.mark.parametrize("media", ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"])
async def test_messagepack_has_the_same_content_as_json(
    client: httpx.AsyncClient, full_product: Any, read_paths: list[str], media: str
) -> None:
    for path in (
        *read_paths,
        f"/v1/products/{full_product['id']}?fields=name,attributes,variants{{options price}},links",
    ):
        compressed = await client.get(path, headers={"Accept": media})
        assert compressed.headers["content-type"] == media
        assert msgspec.msgpack.decode(compressed.content) == (await client.get(path)).json(), path


async def test_a_messagepack_body_is_stored_like_a_json_body(staff: httpx.AsyncClient) -> None:
    body = {
        "name": "Péché",
        "attributes": {"a": [1, 2.5, None, True, {"b": "c"}], "n": 2**53 + 1},
        "tags": ["x"],
        "variants": [variant_input()],
    }
    answer = await staff.post(
        "/v1/products",
        content=msgspec.msgpack.encode(body),
        headers={"Content-Type": "application/msgpack", "Accept": "application/msgpack"},
    )
    assert answer.status_code == 201
    product = msgspec.msgpack.decode(answer.content)
    assert (product["name"], product["attributes"], product["tags"]) == (body["name"], body["attributes"], body["tags"])
    patch = msgspec.msgpack.encode({"attributes": {"a": None}})
    changed = await staff.patch(
        f"/v1/products/{product['id']}", content=patch, headers={"Content-Type": "application/x-msgpack"}
    )
    assert changed.json()["attributes"] == {"n": 2**53 + 1}


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "text/csv, application/xml"])
async def test_a_request_with_no_acceptable_media_type_is_406_and_writes_nothing(
    staff: httpx.AsyncClient, read_paths: list[str], accept: str
) -> None:
    slug = unique("never")
    assert_problem(
        await staff.post("/v1/products", json={"name": "Never", "slug": slug}, headers={"Accept": accept}),
        406,
        "not_acceptable",
    )
    assert_problem(await staff.get(f"/v1/products/{slug}"), 404, "not_found")
    for path in read_paths:
        assert_problem(await staff.get(path, headers={"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "application/*",
        "application/msgpack;q=0.5, application/json",
    ],
)
async def test_json_is_the_default_media_type(client: httpx.AsyncClient, accept: str) -> None:
    assert (await client.get("/v1/products", headers={"Accept": accept})).headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_of_another_type_is_refused(
    staff: httpx.AsyncClient, full_product: Any, headers: dict[str, str]
) -> None:
    for method, path in (
        ("POST", "/v1/products"),
        ("PUT", f"/v1/products/{full_product['id']}"),
        ("PATCH", f"/v1/products/{full_product['id']}"),
    ):
        answer = await staff.request(method, path, content=b'{"name": "x"}', headers=headers)
        assert_problem(answer, 415, "unsupported_media_type")
        assert ("accept-patch" in answer.headers) == (method == "PATCH")


async def test_only_anonymous_reads_may_be_stored_by_shared_caches(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, read_paths: list[str]
) -> None:
    for path in read_paths:
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=300"
        assert answer.headers["vary"] == "Accept, Accept-Encoding, Authorization, X-API-Key, X-Cart-Token"
        assert (await staff.get(path)).headers["cache-control"] == "private, no-cache"
        assert (await client.get(path, headers={"X-Cart-Token": "x"})).headers["cache-control"] == "private, no-cache"
        assert "X-API-Version" in (await client.get(path.removeprefix("/v1"))).headers["vary"]
    assert (await staff.post("/v1/products", json={"name": "x"})).headers["cache-control"] == "no-store"
    assert (await client.get("/v1/products/none")).headers["cache-control"] == "no-store"


async def test_a_request_id_is_returned_in_the_header_and_in_the_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/products/none", headers={"X-Request-ID": "mine:1.a_B-c"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine:1.a_B-c"
    assert answer.json()["instance"] == "/v1/products/none"
    for wrong in ("", "a b", "x" * 129, "é"):
        answer = await client.get("/v1/products", headers={b"X-Request-ID": wrong.encode()})
        assert answer.headers["x-request-id"] not in ("", wrong)


@pytest.mark.parametrize(
    "key",
    ["no-such-key", "%00", "%ff", "a" * 5000, "01a1fd35-a00d-731c-b13c-3a7402625f02", "%F0%9F%98%80", "..%2f", "{key}"],
)
async def test_an_unknown_or_malformed_key_is_404(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, key: str
) -> None:
    for kind in ("products", "categories", "variants", "tags"):
        assert_problem(await client.get(f"/v1/{kind}/{key}"), 404, "not_found")
    for kind in ("products", "categories", "variants"):
        assert_problem(await staff.delete(f"/v1/{kind}/{key}"), 404, "not_found")
