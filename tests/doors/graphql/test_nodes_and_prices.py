"""`nodes` is as strict as `node`; a price that is not known is an internal error, not 1 point."""

import logging
from typing import Any

import httpx
import pytest

from tests.factories import make_product, unique
from tradepost.areas.catalog.service import Products
from tradepost.doors.graphql.plan import root_plans
from tradepost.kit.problems import NotFound

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Product { name } } }"
NODE = "query($id: ID!) { node(id: $id) { id ... on Product { name } } }"


async def test_nodes_calls_the_operation_that_node_calls(
    staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule of `product_get` that hides one product hides it in both, and each id is one call."""
    hidden, shown = await make_product(staff), await make_product(staff)
    get, calls = vars(Products)["get"], list[str]()
    method = get.method

    async def strict(service: Any, key: str, selection: Any) -> Any:
        calls.append(key)
        if key == hidden["id"]:
            raise NotFound("hidden by a rule of the service")
        return await method(service, key, selection)

    monkeypatch.setattr(get, "method", strict)
    variables = {"ids": [hidden["id"], shown["id"], hidden["id"]]}
    data = (await staff.post("/graphql", json={"query": NODES, "variables": variables})).json()["data"]
    assert data["nodes"] == [None, {"id": shown["id"], "name": shown["name"]}, None]
    assert sorted(calls) == sorted([hidden["id"], shown["id"]])
    one = (await staff.post("/graphql", json={"query": NODE, "variables": {"id": hidden["id"]}})).json()["data"]
    assert one == {"node": None}


async def test_a_problem_of_the_operation_is_that_of_the_field(
    staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = await make_product(staff)

    async def broken(service: Any, key: str, selection: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(vars(Products)["get"], "method", broken)
    answer = await staff.post("/graphql", json={"query": NODES, "variables": {"ids": [product["id"]]}})
    assert answer.json()["errors"][0]["extensions"]["code"] == "internal"


@pytest.mark.parametrize(
    "query",
    ['{ product(slug: "none") { id } }', 'mutation { productCreate(input: {name: "NAME"}) { id } }'],
    ids=["query", "mutation"],
)
async def test_a_price_that_is_not_known_is_500_and_nothing_is_executed(
    staff: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a bug in pricing")

    name = unique("Unpriced")
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(root_plans, "price", broken)
        answer = await staff.post(
            "/graphql", json={"query": query.replace("NAME", name)}, headers={"X-Request-ID": "unpriced"}
        )
    [error] = answer.json()["errors"]
    assert answer.status_code == 500
    assert (error["extensions"]["code"], error["extensions"]["request_id"]) == ("internal", "unpriced")
    assert "a bug" not in answer.text
    assert "the price of a GraphQL request is not known, request unpriced" in caplog.text
    assert (await staff.get("/v1/products", params={"q": name})).json()["data"] == []


async def test_invalid_arguments_still_have_the_minimum_price(staff: httpx.AsyncClient) -> None:
    answer = await staff.post("/graphql", json={"query": "{ products(first: 1000) { nodes { id } } }"})
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "invalid_parameter"


@pytest.mark.parametrize("name", ["query", "variables", "operationName", "extensions", "documentId"])
async def test_a_parameter_that_is_given_twice_is_400(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/graphql?{name}=%7B%7D&{name}=%7B%7D")
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "invalid_parameter")
    assert error["message"] == f"`{name}` is given twice."
