"""Invalid reads are refused alike by both doors, each of which names the parameter its own way."""

from typing import Any

import pytest

from tests.parity.fields import camel
from tests.parity.harness import ApiClient, DualDoorApp
from tests.parity.sample_rows import SampleRows

type Params = dict[str, str]

# The list, the parameters of REST, the arguments of GraphQL, and the name that each door reports.
REFUSED: list[tuple[str, Params, str, str, str]] = [
    ("products", {"limit": "0"}, "first: 0", "limit", "first"),
    ("products", {"limit": "101"}, "first: 101", "limit", "first"),
    ("products", {"limit": "-1"}, "first: -1", "limit", "first"),
    ("products", {"cursor": "nonsense"}, 'after: "nonsense"', "cursor", "after"),
    ("products", {"cursor": ""}, 'after: ""', "cursor", "after"),
    ("products", {"cursor": "\u00e9"}, 'after: "\u00e9"', "cursor", "after"),
    ("products", {"before": "nonsense"}, 'before: "nonsense"', "before", "before"),
    ("products", {"sort": "name,-name"}, "sort: [NAME_ASC, NAME_DESC]", "sort", "sort"),
    ("products", {"sort": "relevance"}, "sort: [RELEVANCE_ASC]", "sort", "sort"),
    ("products", {"q": "!?"}, 'filter: {q: "!?"}', "q", "q"),
    (
        "products",
        {"q": " ".join([f"w{i}" for i in range(21)])},
        'filter: {q: "' + " ".join([f"w{i}" for i in range(21)]) + '"}',
        "q",
        "q",
    ),
    (
        "products",
        {"created_at_gte": "yesterday"},
        'filter: {createdAtGte: "yesterday"}',
        "created_at_gte",
        "createdAtGte",
    ),
    (
        "products",
        {"updated_at_lt": "2026-01-01T00:00:00"},
        'filter: {updatedAtLt: "2026-01-01T00:00:00"}',
        "updated_at_lt",
        "updatedAtLt",
    ),
    ("products", {"slug": "a\0b"}, 'filter: {slug: "a\\u0000b"}', "slug", "slug"),
    ("categories", {"parent_id": "no-id"}, 'filter: {parentId: "no-id"}', "parent_id", "parentId"),
    ("categories", {"cursor": "AAAA"}, 'after: "AAAA"', "cursor", "after"),
]


@pytest.mark.parametrize(("path", "params", "arguments", "rest_name", "graphql_name"), REFUSED)
async def test_a_bad_parameter_is_refused_alike(
    harness: DualDoorApp,
    caller: ApiClient,
    path: str,
    params: Params,
    arguments: str,
    rest_name: str,
    graphql_name: str,
) -> None:
    rest = (await caller.rest("GET", f"/{path}", params=params)).json()
    [error] = (await caller.post(f"{{ {path}({arguments}) {{ nodes {{ id }} }} }}"))["errors"]
    graphql = error["extensions"]
    assert (rest["code"], rest["status"]) == (graphql["code"], graphql["status"]) == ("invalid_parameter", 400)
    assert [e["parameter"] for e in rest["errors"]] == [rest_name]
    assert [e["parameter"] for e in graphql["errors"]] == [graphql_name]
    assert [e["code"] for e in rest["errors"]] == [e["code"] for e in graphql["errors"]]


async def test_a_cursor_of_another_list_filter_or_order_is_refused_alike(
    harness: DualDoorApp, sample_rows: SampleRows, caller: ApiClient
) -> None:
    cursor = (await caller.rest("GET", "/products", params={"limit": "1", "sort": "name"})).json()["next_cursor"]
    assert cursor
    for path, params, arguments in (
        ("products", {}, ""),
        ("products", {"sort": "-name"}, "sort: [NAME_DESC]"),
        ("products", {"sort": "name", "status": "active"}, "sort: [NAME_ASC], filter: {status: ACTIVE}"),
        ("categories", {"sort": "name"}, "sort: [NAME_ASC]"),
    ):
        rest = (await caller.rest("GET", f"/{path}", params={**params, "cursor": cursor})).json()
        [error] = (await caller.post(f'{{ {path}(after: "{cursor}" {arguments}) {{ nodes {{ id }} }} }}'))["errors"]
        assert rest["code"] == error["extensions"]["code"] == "invalid_parameter"
        assert rest["detail"] == error["extensions"]["detail"]


async def test_a_cursor_is_refused_with_another_value_of_its_filter(
    harness: DualDoorApp, sample_rows: SampleRows, caller: ApiClient
) -> None:
    """Both values are read by one plan, in turn."""
    first, other = "2000-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
    page = await caller.rest("GET", "/products", params={"limit": "1", "created_at_gte": first})
    cursor = page.json()["next_cursor"]
    assert cursor
    for since in (first, other, first):
        rest = await caller.rest("GET", "/products", params={"limit": "1", "created_at_gte": since, "cursor": cursor})
        query = f'{{ products(first: 1, after: "{cursor}", filter: {{createdAtGte: "{since}"}}) {{ nodes {{ id }} }} }}'
        graphql = await caller.post(query)
        if since == first:
            ids = [product["id"] for product in rest.json()["data"]]
            assert ids == [node["id"] for node in graphql["data"]["products"]["nodes"]] != []
        else:
            assert (rest.json()["code"], rest.json()["errors"][0]["parameter"]) == ("invalid_parameter", "cursor")
            assert graphql["errors"][0]["extensions"]["code"] == "invalid_parameter"


async def test_a_cursor_below_several_rows_is_refused_alike(harness: DualDoorApp, caller: ApiClient) -> None:
    # A tag that this caller sees: other tests create tags that only a draft has.
    tag = (await caller.rest("GET", "/tags")).json()["data"][0]["id"]
    page: Any = (await caller.rest("GET", f"/tags/{tag}", params={"fields": "products(first: 1){id}"})).json()[
        "products"
    ]
    cursor = page["next_cursor"] or "AAAA"
    rest = (await caller.rest("GET", "/tags", params={"fields": f'products(first: 1, after: "{cursor}"){{id}}'})).json()
    [error] = (
        await caller.post(f'{{ tags {{ nodes {{ products(first: 1, after: "{cursor}") {{ nodes {{ id }} }} }} }} }}')
    )["errors"]
    assert rest["code"] == error["extensions"]["code"] == "invalid_parameter"
    assert [e["code"] for e in rest["errors"]] == [e["code"] for e in error["extensions"]["errors"]]


@pytest.mark.parametrize("relations", [10, 11])
async def test_both_doors_follow_relations_ten_levels_deep_and_refuse_eleven(
    harness: DualDoorApp, sample_rows: SampleRows, caller: ApiClient, relations: int
) -> None:
    fields = "parent{" * relations + "id" + "}" * relations
    rest = await caller.rest("GET", "/categories", params={"fields": fields, "limit": "1"})
    document = {"query": f"{{ categories(first: 1) {{ nodes {{ {fields} }} }} }}"}
    graphql = await caller.client.post("/graphql", json=document)
    # The problem of a limit has its own status at GraphQL too.
    assert graphql.status_code == rest.status_code
    if relations == 10:
        assert rest.status_code == 200
        assert "errors" not in graphql.json()
    else:
        [error] = graphql.json()["errors"]
        assert (rest.json()["code"], rest.status_code) == ("too_deep", 400)
        assert (error["extensions"]["code"], error["extensions"]["status"]) == ("too_deep", 400)


async def test_unknown_names_are_refused_by_both_doors(harness: DualDoorApp, caller: ApiClient) -> None:
    for name in ("nope", "version_id", "path", "options_key", "secret_hash", "price_from_amount"):
        for path in ("products", "categories", "tags"):
            assert (await caller.rest("GET", f"/{path}", params={"fields": name})).status_code == 400
            assert (await caller.rest("GET", f"/{path}", params={name: "1"})).status_code == 400
            assert (await caller.rest("GET", f"/{path}", params={"sort": name})).status_code == 400
            for text in (
                f"{{ nodes {{ {camel(name)} }} }}",
                f"(filter: {{{camel(name)}: 1}}) {{ nodes {{ id }} }}",
                f"(sort: [{name.upper()}_ASC]) {{ nodes {{ id }} }}",
            ):
                [error, *_] = (await caller.post(f"{{ {path}{text} }}"))["errors"]
                assert error["extensions"]["status"] == 400
