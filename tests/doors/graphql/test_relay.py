"""Relay: `node` and `nodes` by id, connections forward and backward."""

from uuid import uuid4

import httpx

from tests.doors.graphql.house import Json, ask, errors_of

LIST = "query ($first: Int, $after: String, $last: Int, $before: String) { products(first: $first, after: $after, last: $last, before: $before, sort: [NAME_ASC]) "
LIST += "{ edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"


async def some(client: httpx.AsyncClient) -> tuple[str, str, str]:
    """The ids of a product, a category and a variant."""
    found = await ask(
        client, "{ products(first: 5, sort: [CREATED_AT_ASC]) { nodes { id categoryId variants(first: 1) { id } } } }"
    )
    product = next(p for p in found["products"]["nodes"] if p["categoryId"] and p["variants"])
    return product["id"], product["categoryId"], product["variants"][0]["id"]


async def test_node_finds_any_kind_by_its_id(client: httpx.AsyncClient) -> None:
    for id, kind in zip(await some(client), ("Product", "Category", "Variant"), strict=True):
        assert await ask(client, "query ($id: ID!) { node(id: $id) { __typename id } }", id=id) == {
            "node": {"__typename": kind, "id": id}
        }


async def test_node_is_refetchable_through_fragments(client: httpx.AsyncClient) -> None:
    product, _, _ = await some(client)
    query = "query ($id: ID!) { node(id: $id) { ...P ... on Category { slug } ... on Node { same: id } } } fragment P on Product { id name category { name } }"
    found = (await ask(client, query, id=product))["node"]
    assert list(found) == ["id", "name", "category", "same"]
    assert found["same"] == product


async def test_what_is_missing_hidden_or_of_no_kind_is_null(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    draft = (await ask(staff, 'mutation { productCreate(input: {name: "Nobody sees me"}) { id } }'))["productCreate"][
        "id"
    ]
    product, _, _ = await some(client)
    missing = product[:10] + uuid4().hex[:3] + product[13:]
    for id in ("x", "", str(uuid4())[:-2] + "ee", missing, draft):
        assert await ask(client, "query ($id: ID!) { node(id: $id) { id } }", id=id) == {"node": None}
    assert (await ask(staff, "query ($id: ID!) { node(id: $id) { id } }", id=draft))["node"] == {"id": draft}


async def test_nodes_keep_the_order_of_their_ids(client: httpx.AsyncClient) -> None:
    product, category, variant = await some(client)
    ids = [category, "x", product, variant, category]
    found = (await ask(client, "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", ids=ids))["nodes"]
    assert [n and n["id"] for n in found] == [category, None, product, variant, category]
    assert [n and n["__typename"] for n in found] == ["Category", None, "Product", "Variant", "Category"]
    assert (await errors_of(client, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101))[0][
        "extensions"
    ]["code"] == "invalid_parameter"


async def page(client: httpx.AsyncClient, **window: object) -> Json:
    """A page of the products by name."""
    return (await ask(client, LIST, **window))["products"]


async def test_a_list_is_walked_forward_and_backward_without_gaps(client: httpx.AsyncClient) -> None:
    everything = [n["id"] for n in (await page(client, first=30))["nodes"]]
    walked: list[str] = []
    after = None
    while len(walked) < 30:
        found = await page(client, first=7, after=after)
        assert found["pageInfo"]["hasPreviousPage"] is (after is not None)
        walked += [e["node"]["id"] for e in found["edges"]]
        after = found["pageInfo"]["endCursor"]
        assert after == found["edges"][-1]["cursor"]
    assert walked[:30] == everything
    last = await page(client, last=7, before=after)
    assert [n["id"] for n in last["nodes"]] == walked[-8:-1]
    assert last["pageInfo"]["hasNextPage"] is True
    assert last["pageInfo"]["startCursor"] == last["edges"][0]["cursor"]


async def test_the_end_of_a_list_is_known(client: httpx.AsyncClient) -> None:
    last = await page(client, last=3)
    assert last["pageInfo"]["hasNextPage"] is False
    assert last["pageInfo"]["hasPreviousPage"] is True
    beyond = await page(client, first=3, after=last["pageInfo"]["endCursor"])
    assert beyond["nodes"] == []
    assert beyond["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None}


async def test_cursors_belong_to_their_list(client: httpx.AsyncClient) -> None:
    cursor = (await page(client, first=1))["pageInfo"]["endCursor"]
    query = "query ($c: String) { products(after: $c, sort: [PRICE_ASC]) { nodes { id } } }"
    assert (await errors_of(client, query, c=cursor))[0]["extensions"]["errors"][0]["parameter"] == "after"
