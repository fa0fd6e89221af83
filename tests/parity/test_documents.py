"""The document that REST returns for `Accept: application/graphql` is the same question."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.parity.answers import graphql_page, normalize_graphql, normalize_rest, rest_page
from tests.parity.harness import DualDoorApp, assert_same, hypothesis_settings
from tests.parity.query_rendering import RestWriter
from tests.parity.query_strategies import AskedList, read_questions
from tests.parity.sample_rows import SampleRows

DOCUMENT = {"Accept": "application/graphql"}


@hypothesis_settings(40)
@given(asking=read_questions(), spelling=st.integers(0, 2**32))
async def test_the_document_of_a_request_has_the_same_selection_and_answer(
    harness: DualDoorApp, sample_rows: SampleRows, asking: tuple[str, AskedList], spelling: int
) -> None:
    visitor, asked = harness.callers[asking[0]], asking[1].with_samples(sample_rows)
    path, params = RestWriter(Random(spelling)).request(harness, asked)
    plain, document = (
        await visitor.rest("GET", path, params=params),
        await visitor.rest("GET", path, params=params, headers=DOCUMENT),
    )
    assert document.status_code == plain.status_code
    if plain.status_code == 404:
        return
    assert document.headers["content-type"].startswith("application/graphql")
    query = harness.rest_query(asked.operation, params, visitor.permissions)
    assert_same((query.selection, query.list_query), harness.graphql_query(document.text, {}, visitor.permissions))
    [root] = (await visitor.data(document.text)).values()
    if asked.is_list:
        assert_same(
            rest_page(asked.fields, plain.json(), bool(asked.args.get("total"))),
            graphql_page(asked.fields, root | {"pageInfo": {"startCursor": None} | root["pageInfo"]}),
        )
    else:
        assert_same(normalize_rest(asked.fields, plain.json()), normalize_graphql(asked.fields, root))


@hypothesis_settings(20)
@given(text=st.text(min_size=1, max_size=30))
async def test_any_search_text_is_the_same_in_the_document(
    harness: DualDoorApp, sample_rows: SampleRows, text: str
) -> None:
    params = {"q": text, "fields": "id", "limit": "3"}
    answer = await harness.anonymous.rest("GET", "/products", params=params, headers=DOCUMENT)
    if answer.status_code == 400:
        return
    query = harness.rest_query("product_list", params, frozenset())
    assert_same((query.selection, query.list_query), harness.graphql_query(answer.text, {}, frozenset()))


async def test_a_list_below_a_slug_has_a_document(harness: DualDoorApp, sample_rows: SampleRows) -> None:
    for path in (
        "/categories/{}/products",
        "/categories/{}/children",
        "/tags/{}/products",
        "/products/{}/variants",
        "/products/{}/media",
    ):
        keys = {
            "categories": sample_rows.values["Category", "slug"],
            "tags": ["shared-by-all"],
            "products": sample_rows.values["Product", "slug"],
        }[path.split("/")[1]]
        for key in keys:
            plain = await harness.staff.rest("GET", path.format(key), params={"fields": "id", "limit": "3"})
            document = await harness.staff.rest(
                "GET", path.format(key), params={"fields": "id", "limit": "3"}, headers=DOCUMENT
            )
            [root] = (await harness.staff.data(document.text)).values()
            assert root["nodes"] == plain.json()["data"]


async def test_a_list_by_page_numbers_has_no_document(harness: DualDoorApp) -> None:
    answer = await harness.anonymous.rest("GET", "/products", params={"page": "2", "page_size": "3"}, headers=DOCUMENT)
    assert answer.status_code == 406
    assert "cursor" in answer.json()["detail"]


async def test_a_page_number_is_refused_in_a_list_below_a_row(harness: DualDoorApp, sample_rows: SampleRows) -> None:
    answer = await harness.anonymous.rest("GET", "/categories", params={"fields": "products(page: 2){id}"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert "`page` is not an argument" in answer.json()["detail"]
