"""Relay: `node` and `nodes` by id, and connections forward and backward."""

from uuid import uuid4

import httpx

from tests.doors.graphql.graphql_app import Json, query_data, query_errors

LIST = (
    "query ($first: Int, $after: String, $last: Int, $before: String) "
    "{ products(first: $first, after: $after, last: $last, before: $before, sort: [NAME_ASC]) "
    "{ edges { cursor node { id } } nodes { id } "
    "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
)


async def sample_ids(client: httpx.AsyncClient) -> tuple[str, str, str]:
    """Return the ids of a product, a category and a variant."""
    data = await query_data(
        client, "{ products(first: 5, sort: [CREATED_AT_ASC]) { nodes { id categoryId variants(first: 1) { id } } } }"
    )
    product = next(p for p in data["products"]["nodes"] if p["categoryId"] and p["variants"])
    return product["id"], product["categoryId"], product["variants"][0]["id"]


async def test_node_returns_an_object_of_any_type(client: httpx.AsyncClient) -> None:
    for id, kind in zip(await sample_ids(client), ("Product", "Category", "Variant"), strict=True):
        assert await query_data(client, "query ($id: ID!) { node(id: $id) { __typename id } }", id=id) == {
            "node": {"__typename": kind, "id": id}
        }


async def test_node_accepts_fragments_on_its_type_and_its_interface(client: httpx.AsyncClient) -> None:
    product, _, _ = await sample_ids(client)
    query = (
        "query ($id: ID!) { node(id: $id) { ...P ... on Category { slug } ... on Node { same: id } } } "
        "fragment P on Product { id name category { name } }"
    )
    node = (await query_data(client, query, id=product))["node"]
    assert list(node) == ["id", "name", "category", "same"]
    assert node["same"] == product


async def test_node_is_null_for_an_id_that_is_missing_hidden_or_invalid(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    data = await query_data(staff, 'mutation { productCreate(input: {name: "A hidden draft"}) { id } }')
    draft = data["productCreate"]["id"]
    product, _, _ = await sample_ids(client)
    missing = product[:10] + uuid4().hex[:3] + product[13:]
    for id in ("x", "", str(uuid4())[:-2] + "ee", missing, draft):
        assert await query_data(client, "query ($id: ID!) { node(id: $id) { id } }", id=id) == {"node": None}
    assert (await query_data(staff, "query ($id: ID!) { node(id: $id) { id } }", id=draft))["node"] == {"id": draft}


async def test_nodes_returns_the_order_of_the_ids(client: httpx.AsyncClient) -> None:
    product, category, variant = await sample_ids(client)
    ids = [category, "x", product, variant, category]
    nodes = (await query_data(client, "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", ids=ids))["nodes"]
    assert [n and n["id"] for n in nodes] == [category, None, product, variant, category]
    assert [n and n["__typename"] for n in nodes] == ["Category", None, "Product", "Variant", "Category"]
    errors = await query_errors(client, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101)
    assert errors[0]["extensions"]["code"] == "invalid_parameter"


async def page(client: httpx.AsyncClient, **arguments: object) -> Json:
    """Return a page of the products by name."""
    return (await query_data(client, LIST, **arguments))["products"]


async def test_pages_forward_and_backward_have_no_gaps(client: httpx.AsyncClient) -> None:
    expected = [n["id"] for n in (await page(client, first=30))["nodes"]]
    ids: list[str] = []
    after = None
    while len(ids) < 30:
        products = await page(client, first=7, after=after)
        assert products["pageInfo"]["hasPreviousPage"] is (after is not None)
        ids += [e["node"]["id"] for e in products["edges"]]
        after = products["pageInfo"]["endCursor"]
        assert after == products["edges"][-1]["cursor"]
    assert ids[:30] == expected
    last = await page(client, last=7, before=after)
    assert [n["id"] for n in last["nodes"]] == ids[-8:-1]
    assert last["pageInfo"]["hasNextPage"] is True
    assert last["pageInfo"]["startCursor"] == last["edges"][0]["cursor"]


async def test_the_last_page_has_no_next_page(client: httpx.AsyncClient) -> None:
    last = await page(client, last=3)
    assert last["pageInfo"]["hasNextPage"] is False
    assert last["pageInfo"]["hasPreviousPage"] is True
    beyond = await page(client, first=3, after=last["pageInfo"]["endCursor"])
    assert beyond["nodes"] == []
    assert beyond["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None}


async def test_a_cursor_of_another_sort_order_is_refused(client: httpx.AsyncClient) -> None:
    cursor = (await page(client, first=1))["pageInfo"]["endCursor"]
    query = "query ($c: String) { products(after: $c, sort: [PRICE_ASC]) { nodes { id } } }"
    assert (await query_errors(client, query, c=cursor))[0]["extensions"]["errors"][0]["parameter"] == "after"
