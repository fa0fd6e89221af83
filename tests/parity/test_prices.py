"""One price: a question costs the same at both doors, and never more than was quoted."""

from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_category, make_product
from tests.parity.cases import READS, REGISTRY
from tests.parity.fields import graphql_fields
from tests.parity.harness import UNKNOWN_ID, DualDoorApp, Json, hypothesis_settings
from tests.parity.query_rendering import GraphQLWriter, RestWriter
from tests.parity.query_strategies import AskedList, read_questions
from tests.parity.sample_rows import SampleRows
from tests.rate_limit_headers import request_cost
from tradepost.kit.operations.pricing import Price, price

SPELLINGS = st.integers(0, 2**32)
LISTED_READS = [
    (name, fields)
    for name, read in READS.items()
    for fields in read.statements
    if REGISTRY.operations[name].kind != "query"
]


def prices(harness: DualDoorApp, asker: str, asked: AskedList, spelling: int) -> tuple[Price, Price]:
    """Return the price of a question as a URL and as a document."""
    chance, permissions = Random(spelling), harness.callers[asker].permissions
    _, params = RestWriter(chance).request(harness, asked)
    text, variables = GraphQLWriter(harness, chance).document(asked)
    query = harness.rest_query(asked.operation, params, permissions)
    [graphql] = harness.prepare(text, variables, permissions).prices
    return price(harness.operation(asked.operation), query.selection, query.list_query), graphql


@pytest.mark.once  # a price depends on the selection only
@hypothesis_settings(85)
@given(asking=read_questions(), spelling=SPELLINGS)
async def test_a_selection_has_one_price_at_both_doors(
    harness: DualDoorApp, sample_rows: SampleRows, asking: tuple[str, AskedList], spelling: int
) -> None:
    """The next test says so of more selections, which it also reads."""
    rest, graphql = prices(harness, asking[0], asking[1].with_samples(sample_rows), spelling)
    assert rest == graphql
    assert rest.points >= 1


@pytest.mark.parametrize(("operation", "fields"), LISTED_READS)
def test_the_fields_of_a_case_have_one_price_at_both_doors(harness: DualDoorApp, operation: str, fields: str) -> None:
    declaration, permissions = harness.operation(operation), harness.staff.permissions
    query = harness.rest_query(operation, {"fields": fields}, permissions)
    selection = graphql_fields(declaration.result, fields)
    body = f"{{ nodes {{ {selection} }} }}" if declaration.kind == "list" else f"{{ {selection} }}"
    root = harness.root(operation)
    key = UNKNOWN_ID if declaration.path_parameters else ""
    arguments = [f'{name}: "{value}"' for name, value in harness.key_arguments(operation, key).items()]
    argument = f"({', '.join(arguments)})" if arguments else ""
    [graphql] = harness.prepare(f"{{ {root.name}{argument} {body} }}", {}, permissions).prices
    assert price(declaration, query.selection, query.list_query) == graphql


@pytest.mark.parametrize("part", range(4))
@hypothesis_settings(85)
@given(asking=read_questions(), spelling=SPELLINGS)
async def test_both_doors_charge_the_same_and_no_more_than_the_price(
    harness: DualDoorApp, sample_rows: SampleRows, part: int, asking: tuple[str, AskedList], spelling: int
) -> None:
    asked = asking[1].with_samples(sample_rows)
    upper, graphql_upper = prices(harness, asking[0], asked, spelling)
    assert upper == graphql_upper
    assert upper.points >= 1
    chance, caller = Random(spelling), harness.callers[asking[0]]
    path, params = RestWriter(chance).request(harness, asked)
    text, variables = GraphQLWriter(harness, chance).document(asked)
    document: Json = {"query": text, "variables": variables}
    # The first two requests may have paid for compiling as well.
    await caller.client.post("/graphql", json=document)
    await caller.rest("GET", path, params=params)
    graphql = await caller.client.post("/graphql", json=document)
    rest = await caller.rest("GET", path, params=params)
    cost = graphql.json()["extensions"]["cost"]
    assert request_cost(rest) == request_cost(graphql) == cost["charged"] <= upper.points == cost["requested"]


@hypothesis_settings(50)
@given(asking=read_questions(), spelling=SPELLINGS)
async def test_a_quote_of_a_url_or_document_at_either_door_is_the_price_of_the_request(
    harness: DualDoorApp, sample_rows: SampleRows, asking: tuple[str, AskedList], spelling: int
) -> None:
    """Four quotes and two requests agree, and neither request is charged more."""
    asked, chance, caller = asking[1].with_samples(sample_rows), Random(spelling), harness.callers[asking[0]]
    path, params = RestWriter(chance).request(harness, asked)
    text, variables = GraphQLWriter(harness, chance).document(asked)
    url = str(httpx.URL(f"http://here/v1{path}", params=params)).removeprefix("http://here")
    declared = "$document: String, $variables: JSON, $url: String"
    arguments = "document: $document, variables: $variables, url: $url"
    fields = "points operations { operation points rows }"
    quotes: list[Any] = []
    for quoted in ({"url": url}, {"document": text, "variables": variables}):
        answer = await caller.rest("POST", "/price", json=quoted, params={"fields": "points,operations"})
        assert answer.status_code == 200, answer.text
        data = await caller.data(f"query ({declared}) {{ price({arguments}) {{ {fields} }} }}", quoted)
        quotes += [answer.json(), data["price"]]
    assert quotes == [quotes[0]] * 4
    points = quotes[0]["points"]
    assert [(line["operation"], line["points"]) for line in quotes[0]["operations"]] == [(asked.operation, points)]
    document: Json = {"query": text, "variables": variables}
    cost = (await caller.client.post("/graphql", json=document)).json()["extensions"]["cost"]
    # The document has been compiled by now; its plan may not have been, which costs 10 once.
    assert cost["requested"] == points
    assert cost["charged"] <= points + 10
    assert request_cost(await caller.client.get(url)) <= points, "the plan is compiled by now"


@pytest.mark.parametrize(
    ("operation", "fields", "limit", "points"),
    [
        ("product_list", "id", 20, 3),
        ("product_list", "id,category{id}", 20, 5),
        ("product_list", "variants(first:20){id}", 100, 211),
        ("product_list", "variants{id}", 20, 23),
        ("category_list", "products{id}", 20, 43),
        ("product_get", "id", None, 1),
        ("product_get", "variants{id}", None, 2),
        ("product_list", "category{parent{id}}", 20, 7),
        ("product_create", "id", None, 10),
        ("product_create", "variants{id}", None, 11),
    ],
)
async def test_examples_of_the_formula(
    harness: DualDoorApp, operation: str, fields: str, limit: int | None, points: int
) -> None:
    params = {"fields": fields} | ({"limit": str(limit)} if limit else {})
    query = harness.rest_query(operation, params, harness.staff.permissions)
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
    query = harness.rest_query("product_list", {"fields": "id"} | params, frozenset())
    assert price(harness.operation("product_list"), query.selection, query.list_query).points == 3 + more


async def test_a_batch_costs_the_sum_of_its_items(harness: DualDoorApp) -> None:
    id = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e02"
    text = "mutation ($i: ProductBatchInput!) { productBatch(input: $i) { results { status } } }"
    document: Json = {"query": text, "variables": {"i": {"items": [{"op": "DELETE", "id": id}] * 7}}}
    costs: list[tuple[int, int]] = []
    for _ in range(2):
        rest = await harness.staff.rest("POST", "/products/batch", json={"items": [{"op": "delete", "id": id}] * 7})
        graphql = await harness.staff.client.post("/graphql", json=document)
        assert (rest.status_code, graphql.status_code) == (200, 200), graphql.text
        costs.append((request_cost(rest), request_cost(graphql)))
    assert costs[-1] == (70, 70)


async def test_rows_that_are_returned_twice_are_paid_twice(harness: DualDoorApp) -> None:
    """The category of several products: returned and charged with each, though it is read once."""
    category = (await make_category(harness.staff.client))["id"]
    for _ in range(5):
        await make_product(harness.staff.client, category_id=category)
    path = f"/categories/{category}/products?limit=100&fields=category{{products(first: 1){{id}}}}"
    below = "nodes { category { products(first: 1) { nodes { id } } } }"
    text = f'{{ categoryProducts(categoryId: "{category}", first: 100) {{ {below} }} }}'
    # 5 products, each with the category and a product below it: 15 rows at a tenth of a point.
    assert await costs_when_compiled(harness, path, text) == (1 + 2, 1 + 2)


async def costs_when_compiled(harness: DualDoorApp, path: str, text: str) -> tuple[int, int]:
    """Return the cost of a URL and of a document that have been compiled before."""
    costs = (0, 0)
    for _ in range(2):
        rest: httpx.Response = await harness.staff.rest("GET", path)
        graphql = await harness.staff.client.post("/graphql", json={"query": text})
        costs = request_cost(rest), request_cost(graphql)
    return costs
