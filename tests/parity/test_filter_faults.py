"""Filters and sort keys do not reveal members or rows that the caller may not read.

A test is named after the CVE of another server.
"""

import pytest

from tests.parity.harness import SECRET_WORD, DualDoorApp, Json

INVALID_FILTERS = [
    {"source": SECRET_WORD},
    {"source[cost]": SECRET_WORD},
    {"source.cost": SECRET_WORD},
    {"source_contains": SECRET_WORD},
    {"source_gte": "a"},
    {"source": ""},
    {"imported_quantity": "1"},
    {"imported_quantity_gt": "0"},
    {"variants[imported_quantity]": "1"},
    {"filter": f'{{"source": "{SECRET_WORD}"}}'},
]


@pytest.mark.parametrize("params", INVALID_FILTERS, ids=str)
async def test_cve_2026_27886_and_cve_2023_22894_a_restricted_member_is_not_a_filter(
    harness: DualDoorApp, secret_products: Json, params: dict[str, str]
) -> None:
    """Strapi: rows could be filtered by a private member, which revealed its value bit by bit."""
    product = f"/products/{secret_products['active']['id']}"
    for path in ("/products", f"{product}/variants"):
        answer = await harness.anonymous.rest("GET", path, params=params)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    [name, *_] = params
    for fields in (
        f"variants(filter: {{{name}: 1}}){{id}}",
        f'category{{products(filter: {{{name}: "{SECRET_WORD}"}}){{id}}}}',
    ):
        assert (await harness.anonymous.rest("GET", product, params={"fields": fields})).status_code == 400


@pytest.mark.parametrize(
    "filter",
    [f'source: "{SECRET_WORD}"', f'source: {{cost: "{SECRET_WORD}"}}', "importedQuantity: 1", "importedQuantityGt: 0"],
)
async def test_cve_2026_27886_and_cve_2023_22894_a_restricted_member_is_not_a_filter_of_graphql(
    harness: DualDoorApp, filter: str
) -> None:
    document = {"query": f"{{ products(filter: {{{filter}}}) {{ totalCount }} }}"}
    answer = (await harness.anonymous.client.post("/graphql", json=document)).json()
    assert answer["errors"][0]["extensions"]["status"] == 400
    assert not answer.get("data")


async def test_a_filter_or_sort_key_has_the_access_rule_of_the_member_with_its_name(harness: DualDoorApp) -> None:
    """No restricted member has a filter or a sort key yet."""
    for resource in harness.registry.resources.values():
        for member, access in resource.field_access.items():
            names = {member, *[f"{member}_{suffix}" for suffix in ("gte", "gt", "lte", "lt")]}
            filters = [name for name, f in resource.filters.items() if name in names and f.access != access]
            sorts = [name for name, s in resource.sorts.items() if name == member and s.access != access]
            assert (filters, sorts) == ([], []), resource.name


@pytest.mark.parametrize("name", ["source", "imported_quantity", "source.cost", "variants.imported_quantity"])
async def test_cve_2026_57954_a_restricted_member_is_not_a_sort_key(
    harness: DualDoorApp, secret_products: Json, name: str
) -> None:
    """Payload: rows could be sorted by a member that the caller may not read."""
    product = f"/products/{secret_products['active']['id']}"
    for sort in (name, f"-{name}", f"created_at,{name}"):
        for path in ("/products", f"{product}/variants"):
            answer = await harness.anonymous.rest("GET", path, params={"sort": sort})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
        params = {"fields": f'variants(sort: "{sort}"){{id}}'}
        assert (await harness.anonymous.rest("GET", product, params=params)).status_code == 400
    key = name.replace(".", "_").upper()
    for sort in (f"{key}_ASC", f"CREATED_AT_ASC, {key}_DESC"):
        document = {"query": f"{{ products(sort: [{sort}]) {{ nodes {{ id }} }} }}"}
        answer = (await harness.anonymous.client.post("/graphql", json=document)).json()
        assert answer["errors"][0]["extensions"]["status"] == 400


async def test_a_page_without_visible_rows_does_not_reveal_a_hidden_one(
    harness: DualDoorApp, secret_products: Json
) -> None:
    created_at = secret_products["draft"]["created_at"]
    params = {"created_at_gte": created_at, "created_at_lte": created_at, "include": "total"}
    for more in ({}, {"sort": "price"}, {"sort": "-name"}, {"limit": "1"}):
        page = (await harness.anonymous.rest("GET", "/products", params=params | more)).json()
        assert (page["data"], page["total"], page["has_more"], page["next_cursor"]) == ([], 0, False, None)
