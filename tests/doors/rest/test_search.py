"""The `q` parameter: every word is the prefix of a word of the product; no text is query syntax."""

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import assert_problem, make_product, read, unique, variant_input


def word() -> str:
    """Return a word that no other product has."""
    return unique("w").replace("-", "")


async def search(client: httpx.AsyncClient, q: str, **parameters: Any) -> list[str]:
    """Return the ids of a search result, in order."""
    page = await read(client, "/v1/products", q=q, fields="id", limit=100, **parameters)
    return [row["id"] for row in page["data"]]


async def test_a_word_is_found_in_name_sku_tags_and_description(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    name, sku, tag, text = word(), word(), word(), word()
    product = await make_product(
        staff,
        name=f"The {name}",
        tags=[f"so-{tag}"],
        description=f"<b>{text}</b>",
        variants=[variant_input(sku=f"X-{sku.upper()}")],
    )
    for one in (name, sku, tag, text, f"{name} {sku} {tag} {text}"):
        assert await search(client, one) == [product["id"]], one


async def test_words_are_prefixes_and_all_of_them_must_match(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    one = word()
    product = await make_product(staff, name=f"{one}chair oak")
    for q in (one, f"{one}ch", f"oa {one}", f"{one.upper()}CHAIR, (oak)!"):
        assert await search(client, q) == [product["id"]], q
    for q in (f"{one}chairs", f"chair{one}", f"{one} elm", one[1:]):
        assert await search(client, q) == [], q


async def test_accents_and_case_are_ignored(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    one = word()
    product = await make_product(staff, name=f"Crème{one} Brûlée ﬁne")
    for q in (f"creme{one}", f"CRÈME{one}", f"cre\u0300me{one}", f"brulee creme{one}", f"fine creme{one}"):
        assert await search(client, q) == [product["id"]], q


async def test_results_are_sorted_by_matches_in_the_name_then_by_age(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    one, other = word(), word()
    created = {}
    for name, members in {
        "elsewhere, old": {"description": f"{one} {other}"},
        "in the name, old": {"name": f"{one} {other}"},
        "half in the name": {"name": one, "description": other},
        "in the name, new": {"name": f"{other} and {one}s"},
    }.items():
        created[name] = (await make_product(staff, **members))["id"]
    expected = [created[n] for n in ("in the name, new", "in the name, old", "half in the name", "elsewhere, old")]
    assert await search(client, f"{one} {other}") == expected
    assert await search(client, f"{one} {other}", sort="relevance") == expected
    assert await search(client, f"{one} {other}", sort="-relevance,-created_at") == [expected[i] for i in (2, 3, 0, 1)]
    assert await search(client, f"{one} {other}", sort="created_at") == [*created.values()]


async def test_pages_by_relevance_are_complete_in_both_directions(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    one = word()
    for number in range(9):
        await make_product(staff, **({"name": f"{one} {number}"} if number % 2 else {"description": one}))
    expected = await search(client, one)
    forward, page = [], await read(client, "/v1/products", q=one, limit=2, fields="id")
    while True:
        forward += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        page = await read(client, page["links"]["next"])
    assert forward == expected
    backward = [row["id"] for row in page["data"]]
    while "prev" in page["links"]:
        page = await read(client, page["links"]["prev"])
        backward = [row["id"] for row in page["data"]] + backward
    assert backward == expected


async def test_a_search_reflects_every_write(client: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    old, new, sku = word(), word(), word()
    product = await make_product(staff, name=old)
    path = f"/v1/products/{product['id']}"
    await staff.patch(path, json={"name": new})
    assert (await search(client, old), await search(client, new)) == ([], [product["id"]])
    variant = (await staff.post(f"{path}/variants", json=variant_input(sku=sku))).json()
    assert await search(client, sku) == [product["id"]]
    await staff.patch(f"/v1/variants/{variant['id']}", json={"sku": f"{sku[::-1]}"})
    assert (await search(client, sku), await search(client, sku[::-1])) == ([], [product["id"]])
    await staff.delete(f"/v1/variants/{variant['id']}")
    assert await search(client, sku[::-1]) == []
    await staff.delete(path)
    assert await search(client, new) == []


async def test_a_failed_write_does_not_change_the_search_index(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    taken, one, other = await make_product(staff), word(), word()
    product = await make_product(staff, name=one)
    answer = await staff.patch(f"/v1/products/{product['id']}", json={"name": other, "slug": taken["slug"]})
    assert answer.status_code == 409
    assert (await search(client, one), await search(client, other)) == ([product["id"]], [])


@pytest.mark.parametrize("q", ["", " ", "-", "*", '"', "&|!", "\u0301", "😀"])
async def test_a_search_without_a_word_is_refused(client: httpx.AsyncClient, q: str) -> None:
    assert_problem(await client.get("/v1/products", params={"q": q}), 400, "invalid_parameter")


SYNTAX = [
    "a",
    "oak",
    "*",
    '"',
    "'",
    "(",
    ")",
    ":",
    "&",
    "|",
    "!",
    "<->",
    "AND",
    "OR",
    "NOT",
    "NEAR",
    "^",
    "{",
    "}",
    "\\",
    "-",
    "+",
    " ",
    "name:",
    ":*",
    "%",
    "_",
    ";",
    "--",
    "é",
    "日",
]


@settings(max_examples=60)
@given(q=st.lists(st.sampled_from(SYNTAX), max_size=10).map("".join) | st.text(max_size=20))
async def test_no_text_is_query_syntax(client: httpx.AsyncClient, q: str) -> None:
    answer = await client.get("/v1/products", params={"q": q, "limit": "1", "include": "total"})
    assert answer.status_code == (200 if "\0" not in q and any(c.isalnum() for c in q) else 400), (q, answer.text)
