"""Images: equal through both doors, and hidden with their product on every path."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tests.factories import assert_problem, make_media, make_product, read
from tradepost.areas.catalog.models import MediaRow

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

STORED: dict[str, Any] = {
    "status": "stored",
    "mime": "image/jpeg",
    "sha256": "ab" * 32,
    "bytes": 2**33,
    "width": 640,
    "height": 480,
}
HIDDEN = ["draft", "archived"]


async def query_data(client: httpx.AsyncClient, text: str) -> Any:
    """Run a document that must succeed and return its data."""
    body = (await client.post("/graphql", json={"query": text})).json()
    assert "errors" not in body, body
    return body["data"]


async def test_a_remote_image_has_an_address_and_no_file_properties(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    created = await make_media(app, product["id"], alt="From the side", position=3)
    seen = await read(client, f"/v1/media/{created['id']}")
    assert {n: v for n, v in seen.items() if n not in ("created_at", "updated_at", "links")} == {
        **created,
        "product_id": product["id"],
        "status": "remote",
        "mime": None,
        "sha256": None,
        "bytes": None,
        "width": None,
        "height": None,
        "alt": "From the side",
        "position": 3,
        "version": 1,
    }
    assert {n: link["href"] for n, link in seen["links"].items()} == {
        "self": f"/v1/media/{created['id']}",
        "product": f"/v1/products/{product['id']}",
    }


async def test_both_doors_return_the_same_images_in_the_same_order(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff)
    id, url = product["id"], "https://images.example/twice.jpg"
    last = await make_media(app, id, position=2, **STORED)
    # A product may list the same image twice.
    twice = [await make_media(app, id, position=1, source_url=url) for _ in range(2)]
    ids = [m["id"] for m in [*twice, last]]
    listed = (await read(client, f"/v1/products/{id}/media", fields="id,status,bytes,source_url,product{id}"))["data"]
    nested = (
        await read(client, f"/v1/products/{product['slug']}", fields="media{id,status,bytes,source_url,product{id}}")
    )["media"]
    inner = "id status bytes source_url: sourceUrl product { id }"
    media = f'productMedia(productId: "{id}") {{ nodes {{ {inner} }} totalCount }}'
    data = await query_data(client, f'{{ product(id: "{id}") {{ media {{ {inner} }} }} {media} }}')
    assert [m["id"] for m in listed] == ids
    assert (listed[2]["status"], listed[2]["bytes"], listed[2]["product"]) == ("stored", 2**33, {"id": id})
    assert nested == listed
    in_graphql = [m | {"status": m["status"].upper()} for m in listed]
    assert data == {"product": {"media": in_graphql}, "productMedia": {"nodes": in_graphql, "totalCount": 3}}


async def test_an_image_can_be_read_by_id_and_as_a_node(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    id = (await make_media(app, (await make_product(staff))["id"]))["id"]
    data = await query_data(
        client, f'{{ media(id: "{id}") {{ id }} node(id: "{id}") {{ __typename id ... on Media {{ alt }} }} }}'
    )
    assert data == {"media": {"id": id}, "node": {"__typename": "Media", "id": id, "alt": ""}}


async def test_a_list_of_images_can_be_filtered_sorted_and_paged(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    id = (await make_product(staff))["id"]
    created = [(await make_media(app, id, position=i, **(STORED if i == 1 else {})))["id"] for i in range(3)]
    path = f"/v1/products/{id}/media"
    assert [m["id"] for m in (await read(client, path, status="stored"))["data"]] == [created[1]]
    assert [m["id"] for m in (await read(client, path, sort="-position"))["data"]] == created[::-1]
    page = await read(client, path, limit=2, include="total")
    assert (page["total"], page["has_more"]) == (3, True)
    assert [m["id"] for m in (await read(client, path, limit=2, cursor=page["next_cursor"]))["data"]] == created[2:]
    assert_problem(await client.get(path, params={"status": "lost"}), 400, "invalid_parameter")


@pytest.mark.parametrize("status", HIDDEN)
async def test_an_image_is_hidden_with_its_product(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient, status: str
) -> None:
    product = await make_product(staff, status=status)
    media = await make_media(app, product["id"])
    for path in (
        f"/v1/media/{media['id']}",
        f"/v1/products/{product['id']}/media",
        f"/v1/products/{product['slug']}/media",
    ):
        assert_problem(await client.get(path), 404, "not_found")
        assert (await staff.get(path)).status_code == 200
    text = f"""{{
      media(id: "{media["id"]}") {{ id }}
      node(id: "{media["id"]}") {{ id }}
      productMedia(productId: "{product["id"]}") {{ nodes {{ id }} }}
      product(id: "{product["id"]}") {{ media {{ id }} }}
    }}"""
    one = {"id": media["id"]}
    assert await query_data(client, text) == dict.fromkeys(("media", "node", "productMedia", "product"))
    assert await query_data(staff, text) == {
        "media": one,
        "node": one,
        "productMedia": {"nodes": [one]},
        "product": {"media": [one]},
    }
    nodes = f'{{ nodes(ids: ["{media["id"]}"]) {{ id }} }}'
    assert (await query_data(client, nodes), await query_data(staff, nodes)) == ({"nodes": [None]}, {"nodes": [one]})


async def test_an_image_is_visible_exactly_while_its_product_is_active(
    app: "TradepostApp", client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, status="draft")
    path = f"/v1/media/{(await make_media(app, product['id']))['id']}"
    for status, seen in (("active", 200), ("archived", 404), ("active", 200), ("draft", 404)):
        await staff.patch(f"/v1/products/{product['id']}", json={"status": status})
        assert (await client.get(path)).status_code == seen


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_images_are_read_only(app: "TradepostApp", staff: httpx.AsyncClient, method: str) -> None:
    product = await make_product(staff)
    media = await make_media(app, product["id"])
    for path in (f"/v1/products/{product['id']}/media", f"/v1/media/{media['id']}"):
        assert_problem(await staff.request(method, path, json={}), 405, "method_not_allowed")


async def test_images_are_deleted_with_their_product(app: "TradepostApp", staff: httpx.AsyncClient) -> None:
    product = await make_product(staff)
    media = await make_media(app, product["id"])
    assert (await staff.delete(f"/v1/products/{product['id']}")).status_code == 204
    assert_problem(await staff.get(f"/v1/media/{media['id']}"), 404, "not_found")
    async with app.state.database.session_factory() as session:
        assert (await session.scalars(select(MediaRow.id).where(MediaRow.product_id == product["id"]))).all() == []


@pytest.mark.parametrize(
    "columns", [{"status": "lost"}, {"mime": "image/png"}, {"sha256": "ab"}, {"bytes": 1}, {"width": 1}, {"height": 1}]
)
async def test_the_database_refuses_inconsistent_image_columns(
    app: "TradepostApp", staff: httpx.AsyncClient, columns: dict[str, Any]
) -> None:
    product = await make_product(staff)
    with pytest.raises(IntegrityError):
        await make_media(app, product["id"], **columns)
