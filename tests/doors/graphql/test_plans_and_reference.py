"""Both executors return the same response to documents that are difficult.

`test_both_executors` does the same with drawn documents.
"""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.doors.graphql.graphql_app import EDITOR, execute_by_core, execute_by_plan
from tests.factories import make_product
from tradepost.app import TradepostApp
from tradepost.kit.auth.caller import ANONYMOUS, Caller

DOCUMENTS = [
    "{ products(first: 3) { nodes { id name status createdAt priceFrom { amount currency } "
    "attributes tags availableActions } } }",
    "{ products(first: 2) { edges { cursor node { id ...on Product { name } } } pageInfo { "
    "hasNextPage hasPreviousPage startCursor endCursor } totalCount } }",
    "{ a: products(first: 1, sort: [PRICE_DESC]) { n: nodes { k: id } } b: products(last: 2, sort: "
    "NAME_ASC) { nodes { name } } __typename }",
    "query ($n: Int = 2, $on: Boolean!) { products(first: $n) { nodes { id name @include(if: $on) "
    "slug @skip(if: $on) } } }",
    "query ($f: ProductFilter) { products(filter: $f, first: 2) { nodes { id variants(first: 2, "
    "sort: [PRICE_ASC]) { sku price { amount } } } totalCount } }",
    "query ($from: BigInt) { products(filter: {status: ACTIVE, priceGte: $from}, first: 2) { nodes { "
    "priceFrom { amount } } } tags { nodes { id } } }",
    "{ categories(filter: {root: true}) { nodes { name children(first: 2) { nodes { name parent { "
    "name } } totalCount pageInfo { endCursor } } } } }",
    "{ tags(first: 2) { nodes { slug productCount products(first: 2) { edges { cursor node { name "
    "category { name } } } } } } }",
    "{ products(first: 1) { nodes { source } } }",
    "{ products(first: 0) { nodes { id } } tags(first: 1) { nodes { id } } }",
    '{ product(slug: "there-is-none") { id } productVariants(productId: "x") { nodes { id } } }',
    "{ product { id } }",
    '{ product(id: "x", slug: "y") { id } }',
    "{ ...F } fragment F on Query { products(first: 1) { ...G ...G } } fragment G on "
    "ProductConnection { nodes { ...N } __typename } "
    "fragment N on Node { id __typename ... on Product { category { __typename id } } ... on Category { slug } }",
    "{ products(first: 1) { __typename nodes { __typename priceFrom { __typename } category { "
    "__typename } variants { __typename } } } }",
    "{ products(first: 1, sort: [RELEVANCE_ASC]) { nodes { id } } }",
    '{ products(after: "nonsense") { nodes { id } } }',
    "{ categories(first: 2) { nodes { children(first: 1) { __typename @skip(if: true) } "
    "products(first: 1) { nodes { id @skip(if: true) } } } } }",
    'query ($id: ID = "x") { productMedia(productId: $id, sort: [POSITION_ASC], first: 1) { nodes { '
    "id } } node(id: $id) { id } }",
    'query ($s: ID = "x") { product(id: $s) { id } variant(id: $s) { id } }',
]


def assert_equal(plan: Any, core: Any) -> None:
    """Fail unless data and errors are equal.

    The order of the data counts. If an error makes `data` null, graphql-core stops at the first.
    """
    assert json.dumps(plan["data"]) == json.dumps(core["data"])
    ours, theirs = (
        [(e["path"], e["message"], e["extensions"]["code"], e["locations"]) for e in a.get("errors", [])]
        for a in (plan, core)
    )
    assert not [error for error in ours if error[2] == "internal"], ours
    if plan["data"] is None:
        assert theirs
        assert all(error in ours for error in theirs)
    else:
        assert sorted(ours, key=str) == sorted(theirs, key=str)


@pytest.mark.parametrize("caller", [ANONYMOUS, EDITOR], ids=["anonymous", "editor"])
@pytest.mark.parametrize("text", DOCUMENTS)
async def test_both_executors_return_the_same_response_to_a_query(app: TradepostApp, text: str, caller: Caller) -> None:
    for variables in (
        {"on": True, "f": {"priceGte": 1000, "status": "ACTIVE"}, "from": 3_000_000_000},
        {"on": False, "f": None, "n": 1, "s": None},
    ):
        assert_equal(
            await execute_by_plan(app, text, variables, caller), await execute_by_core(app, text, variables, caller)
        )


BATCH = """
mutation ($id: ID!, $gone: ID!) {
  productBatch(
    input: {items: [
      {op: UPDATE, id: $id, patch: {name: "Same"}}
      {op: DELETE, id: $gone}
      {op: CREATE, input: {name: ""}}
    ]}
  ) {
    __typename
    results {
      status
      changed
      data { id ...P }
      again: data { n: name status }
      error { __typename code errors { pointer code } members }
    }
  }
  gone: productDelete(id: $gone) { id }
}
fragment P on Product { name status attributes category { id } variants { sku } }
"""


async def test_both_executors_return_the_same_response_to_mutations(
    app: TradepostApp, staff: httpx.AsyncClient
) -> None:
    product = await make_product(staff, name="Same")
    variables = {"id": product["id"], "gone": str(uuid4())}
    plan = await execute_by_plan(app, BATCH, variables, EDITOR)
    assert plan["data"]["productBatch"]["results"][0]["changed"] is False
    assert_equal(plan, await execute_by_core(app, BATCH, variables, EDITOR))
