"""The answers themselves: links, tags, conditions, media types, methods and the headers that decide who keeps them."""

from typing import Any

import httpx
import msgspec
import pytest

from tests.factories import assert_problem, make_category, make_product, read, unique, variant_input


@pytest.fixture(scope="module")
async def product(staff: httpx.AsyncClient, anyio_backend: str) -> dict[str, Any]:
    """A product with everything that a product can have."""
    category = await make_category(staff)
    return await make_product(
        staff, name="Crème", category_id=category["id"], tags=[unique("full")], attributes={"größe": [1, 2.5, None, {"a": True}], "big": 2**53 + 1},
        description="long " * 300, variants=[variant_input(options={"size": "M", "colour": "red"}), variant_input()],
    )  # fmt: skip


def paths_of(product: dict[str, Any]) -> list[str]:
    """One path of each kind of read."""
    category, tag = product["category_id"], product["tags"][0]
    return [
        "/v1/products", f"/v1/products/{product['id']}", f"/v1/products/{product['id']}/variants", "/v1/categories", f"/v1/categories/{category}",
        f"/v1/categories/{category}/children", f"/v1/categories/{category}/products", "/v1/tags", f"/v1/tags/{tag}", f"/v1/tags/{tag}/products",
    ]  # fmt: skip


def hrefs(value: Any) -> list[tuple[str, str]]:
    """All methods and hrefs in a document."""
    match value:
        case {"href": str(href)}:
            return [(value.get("method", "GET"), href)]
        case dict():
            return [found for inner in value.values() for found in hrefs(inner)]
        case list():
            return [found for inner in value for found in hrefs(inner)]
        case _:
            return []


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_every_href_resolves_and_carries_the_callers_version(client: httpx.AsyncClient, staff: httpx.AsyncClient, product: Any, version: str) -> None:
    for caller in (client, staff):
        for path in paths_of(product):
            document = await read(caller, path.replace("/v1", f"/{version}"))
            found = hrefs(document) + [("GET", href) for href in document["links"].values() if isinstance(href, str)]
            assert found
            for method, href in found[:12]:
                assert href.startswith(f"/{version}/"), href
                if method == "GET":
                    assert (await caller.get(href)).status_code == 200, href
                else:
                    assert method in (await caller.options(href)).headers["allow"].split(", "), href


async def test_links_tell_only_what_is_open_to_this_caller(client: httpx.AsyncClient, staff: httpx.AsyncClient, product: Any) -> None:
    path = f"/v1/products/{product['id']}"
    public = (await read(client, path, fields="links"))["links"]
    assert {name: link["href"] for name, link in public.items()} == {
        "self": path,
        "variants": f"{path}/variants",
        "category": f"/v1/categories/{product['category_id']}",
    }
    own = (await read(staff, path, fields="links"))["links"]
    assert {name: link["method"] for name, link in own.items() if "method" in link} == {"replace": "PUT", "update": "PATCH", "delete": "DELETE"}


async def test_without_a_prefix_links_carry_the_version_of_the_header(client: httpx.AsyncClient, product: Any) -> None:
    for version in ("1", "2"):
        found = (await client.get(f"/products/{product['id']}", headers={"X-API-Version": version})).json()
        assert found["links"]["self"]["href"] == f"/v{version}/products/{product['id']}"


async def test_a_location_is_the_new_rows_own_path(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    for version in ("v1", "v2"):
        answer = await staff.post(f"/{version}/products", json={"name": "Located", "status": "active"}, params={"fields": "name"})
        assert answer.headers["location"].startswith(f"/{version}/products/")
        assert (await client.get(answer.headers["location"])).json()["name"] == "Located"


async def test_the_entry_point_lists_the_collections(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1")).json()
    for name in ("products", "categories", "tags"):
        assert f"/v1/{name}" in str(found)


async def test_every_read_is_answered_with_304_to_who_has_it(client: httpx.AsyncClient, product: Any) -> None:
    for path in paths_of(product):
        answer = await client.get(path)
        tag = answer.headers["etag"]
        assert not tag.startswith("W/")
        for given in (tag, f"W/{tag}", "*", f'"x", {tag}'):
            again = await client.get(path, headers={"If-None-Match": given})
            assert (again.status_code, again.content) == (304, b""), (path, given)
            assert again.headers["etag"] == tag
            assert again.headers["cache-control"] == answer.headers["cache-control"]
            assert again.headers["vary"] == answer.headers["vary"]
        assert (await client.get(path, headers={"If-None-Match": '"x"'})).status_code == 200


async def test_a_tag_names_the_version_and_the_bytes(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    made = await make_product(staff)
    path = f"/v1/products/{made['id']}"
    tags = {fields: (await client.get(path, params={"fields": fields})).headers["etag"] for fields in ("id", "name", "id,name")}
    assert len(set(tags.values())) == 3
    assert all(tag.startswith('"1.') for tag in tags.values())
    changed = await staff.patch(path, json={"name": "Other"}, params={"fields": "id"})
    assert changed.headers["etag"].startswith('"2.')
    assert changed.headers["etag"] == (await staff.get(path, params={"fields": "id"})).headers["etag"]


async def test_a_compressed_answer_has_its_own_tag_and_the_same_bytes(client: httpx.AsyncClient, product: Any) -> None:
    path = f"/v1/products/{product['id']}"
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    for coding in ("gzip", "br", "zstd"):
        packed = await client.get(path, headers={"Accept-Encoding": coding})
        assert packed.headers["content-encoding"] == coding
        assert packed.headers["etag"] == plain.headers["etag"][:-1] + f'-{coding}"'
        assert packed.json() == plain.json()
        assert (await client.get(path, headers={"If-None-Match": packed.headers["etag"]})).status_code == 304


async def test_head_says_what_get_says_without_a_body(client: httpx.AsyncClient, product: Any) -> None:
    for path in (*paths_of(product), "/v1/products/none", "/v1/products?limit=0"):
        got, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        changing = {"x-request-id", "content-length"} if got.status_code >= 400 else {"x-request-id"}
        assert {k: v for k, v in head.headers.items() if k not in changing} == {k: v for k, v in got.headers.items() if k not in changing}


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/products", "GET, HEAD, OPTIONS, POST"), ("/v1/products/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/v1/products/batch", "OPTIONS, POST"), ("/v1/products/x/variants", "GET, HEAD, OPTIONS, POST"),
        ("/v1/variants/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"), ("/v1/categories/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/v1/categories/x/children", "GET, HEAD, OPTIONS"), ("/v1/tags", "GET, HEAD, OPTIONS"), ("/v1/tags/x", "GET, HEAD, OPTIONS"),
    ],
)  # fmt: skip
async def test_a_path_tells_its_methods_and_refuses_the_others(staff: httpx.AsyncClient, path: str, allow: str) -> None:
    answer = await staff.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (204, allow)
    assert ("accept-patch" in answer.headers) == ("PATCH" in allow)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - set(allow.split(", ")):
        refused = await staff.request(method, path)
        assert_problem(refused, 405, "method_not_allowed")
        assert refused.headers["allow"] == allow


@pytest.mark.parametrize("media", ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"])
async def test_messagepack_says_the_same_as_json(client: httpx.AsyncClient, product: Any, media: str) -> None:
    for path in (*paths_of(product), f"/v1/products/{product['id']}?fields=name,attributes,variants{{options price}},links"):
        packed = await client.get(path, headers={"Accept": media})
        assert packed.headers["content-type"] == media
        assert msgspec.msgpack.decode(packed.content) == (await client.get(path)).json(), path


async def test_a_body_in_messagepack_makes_the_same_as_one_in_json(staff: httpx.AsyncClient) -> None:
    body = {"name": "Péché", "attributes": {"a": [1, 2.5, None, True, {"b": "c"}], "n": 2**53 + 1}, "tags": ["x"], "variants": [variant_input()]}
    answer = await staff.post(
        "/v1/products", content=msgspec.msgpack.encode(body), headers={"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
    )
    assert answer.status_code == 201
    made = msgspec.msgpack.decode(answer.content)
    assert (made["name"], made["attributes"], made["tags"]) == (body["name"], body["attributes"], body["tags"])
    patch = msgspec.msgpack.encode({"attributes": {"a": None}})
    changed = await staff.patch(f"/v1/products/{made['id']}", content=patch, headers={"Content-Type": "application/x-msgpack"})
    assert changed.json()["attributes"] == {"n": 2**53 + 1}


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "text/csv, application/xml"])
async def test_nothing_is_written_for_whom_no_answer_can_be_written(staff: httpx.AsyncClient, product: Any, accept: str) -> None:
    slug = unique("never")
    assert_problem(await staff.post("/v1/products", json={"name": "Never", "slug": slug}, headers={"Accept": accept}), 406, "not_acceptable")
    assert_problem(await staff.get(f"/v1/products/{slug}"), 404, "not_found")
    for path in paths_of(product):
        assert_problem(await staff.get(path, headers={"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "application/*", "application/msgpack;q=0.5, application/json"])
async def test_who_takes_anything_gets_json(client: httpx.AsyncClient, accept: str) -> None:
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
async def test_a_body_of_another_type_is_refused(staff: httpx.AsyncClient, product: Any, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/v1/products"), ("PUT", f"/v1/products/{product['id']}"), ("PATCH", f"/v1/products/{product['id']}")):
        answer = await staff.request(method, path, content=b'{"name": "x"}', headers=headers)
        assert_problem(answer, 415, "unsupported_media_type")
        assert ("accept-patch" in answer.headers) == (method == "PATCH")


async def test_shared_caches_keep_only_what_strangers_read(client: httpx.AsyncClient, staff: httpx.AsyncClient, product: Any) -> None:
    for path in paths_of(product):
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "public, max-age=60, stale-while-revalidate=300"
        assert answer.headers["vary"] == "Accept, Accept-Encoding, Authorization, X-API-Key, X-Cart-Token"
        assert (await staff.get(path)).headers["cache-control"] == "private, no-cache"
        assert (await client.get(path, headers={"X-Cart-Token": "x"})).headers["cache-control"] == "private, no-cache"
        assert "X-API-Version" in (await client.get(path.removeprefix("/v1"))).headers["vary"]
    assert (await staff.post("/v1/products", json={"name": "x"})).headers["cache-control"] == "no-store"
    assert (await client.get("/v1/products/none")).headers["cache-control"] == "no-store"


async def test_a_request_id_is_echoed_also_in_the_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/products/none", headers={"X-Request-ID": "mine:1.a_B-c"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine:1.a_B-c"
    assert answer.json()["instance"] == "/v1/products/none"
    for wrong in ("", "a b", "x" * 129, "é"):
        assert (await client.get("/v1/products", headers={"X-Request-ID": wrong.encode()})).headers["x-request-id"] not in ("", wrong)


@pytest.mark.parametrize("key", ["x", "%00", "%ff", "a" * 5000, "01a1fd35-a00d-731c-b13c-3a7402625f02", "%F0%9F%98%80", "..%2f", "{key}"])
async def test_a_key_that_names_nothing_is_not_found(client: httpx.AsyncClient, staff: httpx.AsyncClient, key: str) -> None:
    for kind in ("products", "categories", "variants", "tags"):
        assert_problem(await client.get(f"/v1/{kind}/{key}"), 404, "not_found")
    for kind in ("products", "categories", "variants"):
        assert_problem(await staff.delete(f"/v1/{kind}/{key}"), 404, "not_found")
