"""One price: the same question costs the same through both doors, and never more than was said before."""

from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.harness import DualDoorApp, hypothesis_settings
from tests.parity.query_rendering import GraphQLWriter, RestWriter
from tests.parity.query_strategies import AskedList, read_questions
from tests.parity.sample_rows import SampleRows
from tests.rate_limit_headers import request_cost
from tradepost.doors.graphql.execution.executor import RequestParameters
from tradepost.kit.auth.caller import Caller
from tradepost.kit.operations.pricing import Price, price
from tradepost.kit.writes.call_context import CallContext

SPELLINGS = st.integers(0, 2**32)


def priced(harness: DualDoorApp, name: str, asked: AskedList, spelling: int) -> tuple[Price, Price]:
    """The price of a question as a URL and as a document."""
    chance, visitor = Random(spelling), harness.visitors[name]
    _, params = RestWriter(chance).request(harness, asked)
    text, variables = GraphQLWriter(harness, chance).document(asked)
    query = harness.rest_reads(asked.operation, params, visitor.permissions)
    caller = Caller(id="a-test" if visitor.permissions else None, permissions=visitor.permissions)
    ready = harness.executor.prepare(RequestParameters(text, variables), CallContext(caller, harness.app.state.database))
    [there] = ready.prices
    return price(harness.operation(asked.operation), query.selection, query.list_query), there


@pytest.mark.parametrize("part", range(4))
@hypothesis_settings(250)
@given(asking=read_questions(), spelling=SPELLINGS)
async def test_a_selection_has_one_price_at_both_doors(
    harness: DualDoorApp, known: SampleRows, part: int, asking: tuple[str, AskedList], spelling: int
) -> None:
    here, there = priced(harness, asking[0], asking[1].about(known), spelling)
    assert here == there
    assert here.points >= 1


@pytest.mark.parametrize("part", range(4))
@hypothesis_settings(250)
@given(asking=read_questions(), spelling=SPELLINGS)
async def test_what_is_paid_is_equal_at_both_doors_and_no_more_than_was_said(
    harness: DualDoorApp, known: SampleRows, part: int, asking: tuple[str, AskedList], spelling: int
) -> None:
    name, asked = asking[0], asking[1].about(known)
    said, _ = priced(harness, name, asked, spelling)
    chance, visitor = Random(spelling), harness.visitors[name]
    path, params = RestWriter(chance).request(harness, asked)
    text, variables = GraphQLWriter(harness, chance).document(asked)
    paid: list[int] = []
    for _ in range(2):
        # Twice: the first may have paid for compiling as well.
        there = await visitor.client.post("/graphql", json={"query": text, "variables": variables})
        here = await visitor.rest("GET", path, params=params)
        paid = [request_cost(here), request_cost(there)]
    cost = there.json()["extensions"]["cost"]
    assert paid[0] == paid[1] == cost["charged"] <= said.points == cost["requested"]


@hypothesis_settings(150)
@given(asking=read_questions(), spelling=SPELLINGS)
async def test_a_quote_of_either_kind_at_either_door_is_the_price_of_the_request(
    harness: DualDoorApp, known: SampleRows, asking: tuple[str, AskedList], spelling: int
) -> None:
    """Four quotes and two requests agree, and nobody is charged more."""
    asked, chance, visitor = asking[1].about(known), Random(spelling), harness.visitors[asking[0]]
    path, params = RestWriter(chance).request(harness, asked)
    text, variables = GraphQLWriter(harness, chance).document(asked)
    url = str(httpx.URL(f"http://here/v1{path}", params=params)).removeprefix("http://here")
    declared, arguments = (
        "$document: String, $variables: JSON, $url: String",
        "document: $document, variables: $variables, url: $url",
    )
    quotes: list[Any] = []
    for quoted in ({"url": url}, {"document": text, "variables": variables}):
        answer = await visitor.rest("POST", "/price", json=quoted, params={"fields": "points,operations"})
        assert answer.status_code == 200, answer.text
        there = await visitor.data(
            f"query ({declared}) {{ price({arguments}) {{ points operations {{ operation points rows }} }} }}", quoted
        )
        quotes += [answer.json(), there["price"]]
    assert quotes == [quotes[0]] * 4
    points = quotes[0]["points"]
    assert [(line["operation"], line["points"]) for line in quotes[0]["operations"]] == [(asked.operation, points)]
    cost = (await visitor.client.post("/graphql", json={"query": text, "variables": variables})).json()["extensions"][
        "cost"
    ]
    # The document is no longer new; its plan may be, which costs 10 once.
    assert cost["requested"] == points
    assert cost["charged"] <= points + 10
    assert request_cost(await visitor.client.get(url)) <= points, "by now the plan is known too"


async def asked_for(harness: DualDoorApp, path: str, text: str) -> tuple[int, int]:
    """What a URL and a document cost, compiled before."""
    found = (0, 0)
    for _ in range(2):
        here: httpx.Response = await harness.staff.rest("GET", path)
        there = await harness.staff.client.post("/graphql", json={"query": text})
        found = request_cost(here), request_cost(there)
    return found


@pytest.mark.parametrize(
    ("operation", "fields", "limit", "points"),
    [
        ("product_list", "id", 20, 3), ("product_list", "id,category{id}", 20, 5), ("product_list", "variants(first:20){id}", 100, 211),
        ("product_list", "variants{id}", 20, 23), ("category_list", "products{id}", 20, 43), ("product_get", "id", None, 1),
        ("product_get", "variants{id}", None, 2), ("product_list", "category{parent{id}}", 20, 7), ("product_create", "id", None, 10),
        ("product_create", "variants{id}", None, 11),
    ],
)  # fmt: skip
async def test_the_formula_to_the_letter(
    harness: DualDoorApp, operation: str, fields: str, limit: int | None, points: int
) -> None:
    params = {"fields": fields} | ({"limit": str(limit)} if limit else {})
    query = harness.rest_reads(operation, params, harness.staff.permissions)
    assert price(harness.operation(operation), query.selection, query.list_query).points == points


@pytest.mark.parametrize(
    ("params", "more"),
    [
        ({"include": "total"}, 5),
        ({"q": "chair"}, 5),
        ({"q": "chair", "include": "total"}, 10),
        ({"page": "2"}, 5),
        ({"fields": "variants(first: 1){id}"}, 2),
    ],
)
async def test_totals_and_searches_cost_more(harness: DualDoorApp, params: dict[str, str], more: int) -> None:
    query = harness.rest_reads("product_list", {"fields": "id"} | params, frozenset())
    assert price(harness.operation("product_list"), query.selection, query.list_query).points == 3 + more


async def test_a_batch_costs_by_its_items(harness: DualDoorApp) -> None:
    items = [{"op": "delete", "id": "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02"}] * 7
    for _ in range(2):
        here = await harness.staff.rest("POST", "/products/batch", json={"items": items})
        text = "mutation ($i: ProductBatchInput!) { productBatch(input: $i) { results { status } } }"
        there = await harness.staff.client.post(
            "/graphql",
            json={"query": text, "variables": {"i": {"items": [{"op": "DELETE", "id": items[0]["id"]}] * 7}}},
        )
        assert (here.status_code, there.status_code) == (200, 200), there.text
    assert request_cost(here) == request_cost(there) == 70


async def test_rows_that_come_twice_are_paid_twice(harness: DualDoorApp, known: SampleRows) -> None:
    """Products of one category: each shows it, and is paid for it, though it is read once."""
    found = (await harness.staff.rest("GET", "/products", params={"fields": "category{id}", "limit": "100"})).json()[
        "data"
    ]
    category = next(p["category"]["id"] for p in found if p["category"])
    path = f"/categories/{category}/products?limit=100&fields=category{{products(first: 1){{id}}}}"
    text = f'{{ categoryProducts(categoryId: "{category}", first: 100) {{ nodes {{ category {{ products(first: 1) {{ nodes {{ id }} }} }} }} }} }}'
    rows = len((await harness.staff.rest("GET", path)).json()["data"])
    here, there = await asked_for(harness, path, text)
    assert here == there == 1 + -(-3 * rows // 10)
