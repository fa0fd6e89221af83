"""An evicted document is freed at once, with its plans and requests, without a garbage collection.

Full collections are rare: what waits for one adds up to many times the budgets of the caches.
"""

import gc
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from graphql import parse
from graphql.language import Token

from tests.doors.graphql.graphql_app import executor_of
from tests.garbage import without_collections
from tradepost.doors.graphql.documents.document import Document, ParsedDocument, PreparedOperation, unlink_tokens
from tradepost.doors.graphql.documents.requests import PreparedRequest
from tradepost.doors.graphql.plan.arguments import Arguments
from tradepost.doors.graphql.plan.root_plans import Root

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

PARTS = (Document, ParsedDocument, PreparedOperation, PreparedRequest, Arguments, Root)
TEXT = "query($n: Int) { products(first: $n) { nodes { id variants(first: $n) { sku } } } }"


def parts() -> list[Any]:
    """Return all parts of documents that were created in the block and are in memory."""
    return [part for part in gc.get_objects() if isinstance(part, PARTS)]


@pytest.mark.parametrize("variables", [{"n": 3}, {"n": 4}], ids=["first", "second"])
async def test_an_evicted_document_is_freed_with_its_plans_and_requests(
    app: "TradepostApp", client: httpx.AsyncClient, variables: dict[str, int]
) -> None:
    documents = executor_of(app).documents
    documents.clear()
    with without_collections():
        for _ in range(2):
            response = await client.post("/graphql", json={"query": TEXT, "variables": variables})
            assert response.json()["data"]["products"]["nodes"]
        assert {type(part) for part in parts()} >= {Document, PreparedRequest}
        documents.clear()
        assert parts() == []


def token_count() -> int:
    """Return how many tokens were created in the block and are in memory."""
    return len([token for token in gc.get_objects() if isinstance(token, Token)])


def test_the_tokens_of_a_document_do_not_keep_each_other_in_memory() -> None:
    with without_collections():
        document = parse("{ products { nodes { id } } }")
        assert unlink_tokens(document) == 11
        del document
        assert token_count() == 0
