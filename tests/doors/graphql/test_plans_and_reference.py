"""Plans answer what graphql-core answers: the same document through both, equal data in equal order, equal errors."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.graphql.documents import Written, queries
from tests.doors.graphql.house import EDITOR, by_plan, by_reference, schema
from tests.factories import make_product
from tradepost.app import Shop
from tradepost.kit.caller import ANONYMOUS, Caller

DOCUMENTS = [
    "{ products(first: 3) { nodes { id name status createdAt priceFrom { amount currency } attributes tags availableActions } } }",
    "{ products(first: 2) { edges { cursor node { id ...on Product { name } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }",
    "{ a: products(first: 1, sort: [PRICE_DESC]) { n: nodes { k: id } } b: products(last: 2, sort: NAME_ASC) { nodes { name } } __typename }",
    "query ($n: Int = 2, $on: Boolean!) { products(first: $n) { nodes { id name @include(if: $on) slug @skip(if: $on) } } }",
    "query ($f: ProductFilter) { products(filter: $f, first: 2) { nodes { id variants(first: 2, sort: [PRICE_ASC]) { sku price { amount } } } totalCount } }",
    "query ($from: BigInt) { products(filter: {status: ACTIVE, priceGte: $from}, first: 2) { nodes { priceFrom { amount } } } tags { nodes { id } } }",
    "{ categories(filter: {root: true}) { nodes { name children(first: 2) { nodes { name parent { name } } totalCount pageInfo { endCursor } } } } }",
    "{ tags(first: 2) { nodes { slug productCount products(first: 2) { edges { cursor node { name category { name } } } } } } }",
    "{ products(first: 1) { nodes { source } } }",
    "{ products(first: 0) { nodes { id } } tags(first: 1) { nodes { id } } }",
    "{ product(slug: \"there-is-none\") { id } productVariants(productId: \"x\") { nodes { id } } }",
    "{ product { id } }",
    "{ product(id: \"x\", slug: \"y\") { id } }",
    "{ ...F } fragment F on Query { products(first: 1) { ...G ...G } } fragment G on ProductConnection { nodes { ...N } __typename } "
    "fragment N on Node { id __typename ... on Product { category { __typename id } } ... on Category { slug } }",
    "{ products(first: 1) { __typename nodes { __typename priceFrom { __typename } category { __typename } variants { __typename } } } }",
    "{ products(first: 1, sort: [RELEVANCE_ASC]) { nodes { id } } }",
    "{ products(after: \"nonsense\") { nodes { id } } }",
]  # fmt: skip


def equal(plan: Any, reference: Any) -> None:
    """Equal data in equal order; where a fault wiped all of it, graphql-core stops at the first."""
    assert json.dumps(plan["data"]) == json.dumps(reference["data"])
    mine, theirs = ([(e["path"], e["message"], e["extensions"]["code"], e["locations"]) for e in a.get("errors", [])] for a in (plan, reference))
    assert not [m for m in mine if m[2] == "internal"], mine
    if plan["data"] is None:
        assert theirs
        assert all(e in mine for e in theirs)
    else:
        assert sorted(mine, key=str) == sorted(theirs, key=str)


@pytest.mark.parametrize("caller", [ANONYMOUS, EDITOR], ids=["anonymous", "editor"])
@pytest.mark.parametrize("text", DOCUMENTS)
async def test_a_document_is_answered_alike(app: Shop, text: str, caller: Caller) -> None:
    for variables in ({"on": True, "f": {"priceGte": 1000, "status": "ACTIVE"}, "from": 3_000_000_000}, {"on": False, "f": None, "n": 1}):
        equal(await by_plan(app, text, variables, caller), await by_reference(app, text, variables, caller))


@pytest.fixture(scope="module")
async def known(app: Shop) -> dict[str, list[str]]:
    """Ids and slugs of some rows, hidden ones among them."""
    text = "{ products(first: 3, filter: {priceGte: 1}) { nodes { id slug categoryId variants { id sku } } } tags(first: 2) { nodes { id slug } } "
    text += "drafts: products(first: 1, filter: {status: DRAFT}) { nodes { id slug } } }"
    data = (await by_plan(app, text, None, EDITOR))["data"]
    rows = [*data["products"]["nodes"], *data["drafts"]["nodes"], *data["tags"]["nodes"], *[v for p in data["products"]["nodes"] for v in p["variants"][:1]]]
    ids = [r["id"] for r in rows] + [p["categoryId"] for p in data["products"]["nodes"] if p["categoryId"]]
    return {"id": ids, "slug": [r["slug"] for r in rows if "slug" in r], "q": ["wool", "a"], "sku": [r["sku"] for r in rows if "sku" in r]}


BATCH = """
mutation ($id: ID!, $gone: ID!) {
  productBatch(input: {items: [{op: UPDATE, id: $id, patch: {name: "Same"}}, {op: DELETE, id: $gone}, {op: CREATE, input: {name: ""}}]}) {
    __typename
    results { status changed data { id ...P } again: data { n: name status } error { __typename code errors { pointer code } members } }
  }
  gone: productDelete(id: $gone) { id }
}
fragment P on Product { name status attributes category { id } variants { sku } }
"""


async def test_mutations_are_answered_alike(app: Shop, staff: httpx.AsyncClient) -> None:
    made = await make_product(staff, name="Same")
    variables = {"id": made["id"], "gone": str(uuid4())}
    plan = await by_plan(app, BATCH, variables, EDITOR)
    assert plan["data"]["productBatch"]["results"][0]["changed"] is False
    equal(plan, await by_reference(app, BATCH, variables, EDITOR))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(drawn=queries(schema()), caller=st.sampled_from([ANONYMOUS, EDITOR]))
async def test_documents_drawn_over_the_whole_schema_are_answered_alike(app: Shop, known: dict[str, list[str]], drawn: Written, caller: Caller) -> None:
    document = drawn.about(known)
    assert not validate(schema(), parse(document.text)), document.text
    equal(await by_plan(app, document.text, document.variables, caller), await by_reference(app, document.text, document.variables, caller))
