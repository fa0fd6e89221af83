"""Links: every href resolves, has the caller's API version, and is open to the caller."""

from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.factories import read
from tradepost.kit.auth.access import permission
from tradepost.kit.resource.row_layout import Actions

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


def hrefs(value: Any) -> list[tuple[str, str]]:
    """Return method and href of every link in a document."""
    match value:
        case {"href": str(href)}:
            return [(value.get("method", "GET"), href)]
        case dict():
            return [link for inner in value.values() for link in hrefs(inner)]
        case list():
            return [link for inner in value for link in hrefs(inner)]
        case _:
            return []


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_every_href_resolves_and_has_the_callers_version(
    client: httpx.AsyncClient, staff: httpx.AsyncClient, read_paths: list[str], version: str
) -> None:
    for caller in (client, staff):
        for path in read_paths:
            document = await read(caller, path.replace("/v1", f"/{version}"))
            links = hrefs(document) + [("GET", href) for href in document["links"].values() if isinstance(href, str)]
            assert links
            for method, href in links[:12]:
                assert href.startswith(f"/{version}/"), href
                if method == "GET":
                    assert (await caller.get(href)).status_code == 200, href
                else:
                    assert method in (await caller.options(href)).headers["allow"].split(", "), href


async def test_links_contain_only_operations_that_the_caller_may_run(
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
    by_staff = (await read(staff, path, fields="links"))["links"]
    assert {name: link["method"] for name, link in by_staff.items() if "method" in link} == {
        "replace": "PUT",
        "update": "PATCH",
        "delete": "DELETE",
    }


def test_no_link_leads_to_a_relation_that_the_caller_may_not_follow(
    app: "TradepostApp", monkeypatch: pytest.MonkeyPatch
) -> None:
    products = app.state.registry.resources["Product"]
    guarded = msgspec.structs.replace(products.relations["brand"], access=permission("catalog:write"))
    monkeypatch.setitem(products.relations, "brand", guarded)

    def link_names(*permissions: str) -> list[str]:
        actions = Actions(products, 0, (), (("category", 1), ("brand", 2)), frozenset(permissions))
        return list(msgspec.json.decode(app.state.rest.links[1].row_renderer(actions)(["p", "c", "b"])))

    assert link_names() == ["self", "media", "variants", "category"]
    assert link_names("catalog:write") == ["self", "media", "variants", "category", "brand"]


def test_no_link_leads_to_a_row_that_the_caller_may_not_read(app: "TradepostApp") -> None:
    fulfilments = app.state.registry.resources["Fulfilment"]

    def link_names(*permissions: str) -> set[str]:
        actions = Actions(fulfilments, 0, (), (("location", 1),), frozenset(permissions))
        return set(msgspec.json.decode(app.state.rest.links[1].row_renderer(actions)(["f", "l"])))

    assert link_names() == {"self"}
    assert link_names("stock:read") == {"self", "location"}


async def test_without_a_version_prefix_links_have_the_version_of_the_header(
    client: httpx.AsyncClient, full_product: Any
) -> None:
    for version in ("1", "2"):
        product = (await client.get(f"/products/{full_product['id']}", headers={"X-API-Version": version})).json()
        assert product["links"]["self"]["href"] == f"/v{version}/products/{full_product['id']}"


async def test_a_location_is_the_path_of_the_new_row(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    for version in ("v1", "v2"):
        answer = await staff.post(
            f"/{version}/products", json={"name": "Located", "status": "active"}, params={"fields": "name"}
        )
        assert answer.headers["location"].startswith(f"/{version}/products/")
        assert (await client.get(answer.headers["location"])).json()["name"] == "Located"


async def test_the_entry_point_lists_the_collections(client: httpx.AsyncClient) -> None:
    links = (await client.get("/v1")).json()["links"]
    for name in ("products", "categories", "tags"):
        assert links[name] == {"href": f"/v1/{name}"}


async def test_the_entry_point_lists_only_collections_that_the_caller_may_read(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    public, by_staff = await client.get("/v1"), await staff.get("/v1")
    assert "audit" not in public.json()["links"]
    assert by_staff.json()["links"]["audit"] == {"href": "/v1/audit"}
    assert public.headers["cache-control"] == "public, max-age=60"
    assert by_staff.headers["cache-control"] == "private, no-cache"
