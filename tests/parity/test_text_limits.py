"""A cursor or a filter of more than 1,000 characters is refused alike at both doors."""

from typing import Any

import pytest

from tests.parity.harness import DualDoorApp, Json

LONG, LONGEST = "a" * 1001, "a" * 1000
DETAIL = "`{}` has 1001 characters; at most 1000 are allowed."


def fault(problem: Json) -> tuple[Any, ...]:
    """Return the code, the status, the parameter and the message of a problem."""
    return problem["code"], problem["status"], problem["errors"][0]["parameter"], problem["detail"]


async def rest_fault(harness: DualDoorApp, **params: str) -> tuple[Any, ...]:
    """Return the fault of a REST request for products."""
    answer = await harness.anonymous.rest("GET", "/products", params=params)
    assert answer.status_code == 400
    return fault(answer.json())


async def graphql_fault(harness: DualDoorApp, arguments: str, variables: Json | None = None) -> tuple[Any, ...]:
    """Return the fault of a GraphQL request for products."""
    declared = "query($text: String!) " if variables else ""
    document = {"query": f"{declared}{{ products({arguments}) {{ nodes {{ id }} }} }}", "variables": variables}
    [error] = (await harness.anonymous.client.post("/graphql", json=document)).json()["errors"]
    return fault(error["extensions"] | {"detail": error["message"]})


@pytest.mark.parametrize(("rest", "graphql"), [("cursor", "after"), ("before", "before")])
async def test_a_long_cursor_is_refused_with_the_name_of_the_parameter(
    harness: DualDoorApp, rest: str, graphql: str
) -> None:
    expected = ("invalid_parameter", 400)
    assert await rest_fault(harness, **{rest: LONG}) == (*expected, rest, DETAIL.format(rest))
    by_graphql = (*expected, graphql, DETAIL.format(graphql))
    assert await graphql_fault(harness, f'{graphql}: "{LONG}"') == by_graphql
    assert await graphql_fault(harness, f"{graphql}: $text", {"text": LONG}) == by_graphql


async def test_a_cursor_of_1000_characters_is_read(harness: DualDoorApp) -> None:
    message = "The cursor belongs to another list, filter or order; start again without one."
    assert (await rest_fault(harness, cursor=LONGEST))[-1] == message
    assert (await graphql_fault(harness, "after: $text", {"text": LONGEST}))[-1] == message


@pytest.mark.parametrize("name", ["q", "brand", "category", "tag"])
async def test_a_long_filter_is_refused(harness: DualDoorApp, name: str) -> None:
    expected = ("invalid_parameter", 400, name, DETAIL.format(name))
    assert await rest_fault(harness, **{name: LONG}) == expected
    assert await graphql_fault(harness, f'filter: {{{name}: "{LONG}"}}') == expected
    assert await graphql_fault(harness, f"filter: {{{name}: $text}}", {"text": LONG}) == expected


async def test_a_filter_of_1000_characters_is_applied(harness: DualDoorApp) -> None:
    assert (await harness.anonymous.rest("GET", "/products", params={"brand": LONGEST})).json()["data"] == []


async def test_a_long_sort_key_is_refused(harness: DualDoorApp) -> None:
    assert await rest_fault(harness, sort=LONG) == ("invalid_parameter", 400, "sort", DETAIL.format("sort"))


@pytest.mark.parametrize("arguments", [f'after: "{LONG}"', f'filter: {{sku: "{LONG}"}}'])
async def test_the_limit_applies_to_lists_in_fields(harness: DualDoorApp, arguments: str) -> None:
    code, status, parameter, detail = await rest_fault(harness, fields=f"id,category{{products({arguments}){{id}}}}")
    assert (code, status, parameter) == ("invalid_parameter", 400, "fields")
    assert "`after` has 1001 characters" in detail or "`sku`" in detail


async def test_refused_and_long_texts_are_not_cached(harness: DualDoorApp) -> None:
    state = harness.app.state
    caches = state.rest.queries, state.graphql.prepared_requests
    before = [set(cache.entries) for cache in caches]
    await rest_fault(harness, cursor=LONG)
    await graphql_fault(harness, "after: $text", {"text": LONG * 2})
    fields = "id" + " " * 4000
    assert (await harness.anonymous.rest("GET", "/products", params={"fields": fields})).status_code == 200
    # Entries may have been evicted meanwhile, but none was added.
    assert [set(cache.entries) - kept for cache, kept in zip(caches, before, strict=True)] == [set(), set()]
