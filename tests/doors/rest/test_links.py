"""Links: every href leads somewhere, in the caller's version, and tells only what is open to this caller."""

from typing import Any

import httpx
import pytest

from tests.factories import read


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
async def test_every_href_resolves_and_carries_the_callers_version(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, read_paths: list[str], version: str
) -> None:
    for caller in (client, staff):
        for path in read_paths:
            document = await read(caller, path.replace("/v1", f"/{version}"))
            found = hrefs(document) + [("GET", href) for href in document["links"].values() if isinstance(href, str)]
            assert found
            for method, href in found[:12]:
                assert href.startswith(f"/{version}/"), href
                if method == "GET":
                    assert (await caller.get(href)).status_code == 200, href
                else:
                    assert method in (await caller.options(href)).headers["allow"].split(", "), href


async def test_links_tell_only_what_is_open_to_this_caller(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, full_product: Any
) -> None:
    path = f"/v1/products/{full_product['id']}"
    public = (await read(client, path, fields="links"))["links"]
    assert {name: link["href"] for name, link in public.items()} == {
        "self": path,
        "variants": f"{path}/variants",
        "media": f"{path}/media",
        "category": f"/v1/categories/{full_product['category_id']}",
    }
    own = (await read(staff, path, fields="links"))["links"]
    assert {name: link["method"] for name, link in own.items() if "method" in link} == {
        "replace": "PUT",
        "update": "PATCH",
        "delete": "DELETE",
    }


async def test_without_a_prefix_links_carry_the_version_of_the_header(
    client: httpx.AsyncClient, full_product: Any
) -> None:
    for version in ("1", "2"):
        found = (await client.get(f"/products/{full_product['id']}", headers={"X-API-Version": version})).json()
        assert found["links"]["self"]["href"] == f"/v{version}/products/{full_product['id']}"


async def test_a_location_is_the_new_rows_own_path(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    for version in ("v1", "v2"):
        answer = await staff.post(
            f"/{version}/products", json={"name": "Located", "status": "active"}, params={"fields": "name"}
        )
        assert answer.headers["location"].startswith(f"/{version}/products/")
        assert (await client.get(answer.headers["location"])).json()["name"] == "Located"


async def test_the_entry_point_lists_the_collections(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1")).json()
    for name in ("products", "categories", "tags"):
        assert f"/v1/{name}" in str(found)


async def test_the_entry_point_leads_nobody_to_a_list_that_would_refuse_him(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    public, own = await client.get("/v1"), await staff.get("/v1")
    assert "audit" not in public.json()["links"]
    assert own.json()["links"]["audit"] == {"href": "/v1/audit"}
    assert (public.headers["cache-control"], own.headers["cache-control"]) == (
        "public, max-age=60",
        "private, no-cache",
    )
