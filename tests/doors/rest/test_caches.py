"""Selections, plans and record builders are compiled once per `fields` text, not per page."""

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def test_the_pages_of_a_list_share_a_selection_a_plan_and_a_record_builder(
    app: "TradepostApp", client: httpx.AsyncClient
) -> None:
    selections, plans = app.state.rest.selections, app.state.database.reads.plans
    params = {"limit": "7", "fields": "id,paged: name,variants(first: 2){sku}"}
    page = (await client.get("/v1/products", params=params)).json()
    second = (await client.get("/v1/products", params=params | {"cursor": page["next_cursor"]})).json()
    field_set = next(s.field_set for (_, text, *_), s in selections.entries.items() if text == params["fields"])
    before = (selections.misses, plans.misses, len(field_set.memo.values))
    cursor = second["next_cursor"]
    for _ in range(5):
        page = (await client.get("/v1/products", params=params | {"cursor": cursor})).json()
        cursor = page["next_cursor"]
    assert (selections.misses, plans.misses, len(field_set.memo.values)) == before


async def test_reads_of_one_kind_share_a_plan(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    plans = app.state.database.reads.plans
    products = (await client.get("/v1/products", params={"limit": "3", "fields": "id"})).json()["data"]
    await client.get(f"/v1/products/{products[0]['id']}", params={"fields": "shared: slug"})
    compiled = plans.misses
    for product in products[1:]:
        assert (await client.get(f"/v1/products/{product['id']}", params={"fields": "shared: slug"})).status_code == 200
    assert plans.misses == compiled


async def test_a_parsed_query_leaves_with_its_selection_and_keeps_it_while_it_is_used(
    app: "TradepostApp", client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = app.state.rest
    monkeypatch.setattr(rest, "cache", None)

    async def read(name: str) -> None:
        params = {"fields": f"id,leaving_{name}:name", "limit": "2"}
        assert (await client.get("/v1/products", params=params)).status_code == 200

    def cached() -> tuple[set[str], set[str]]:
        """Return the names whose queries, and those whose Selections are cached."""
        queries = {text.decode() for _, text, *_ in rest.queries.entries}
        fields = {text for _, text, *_ in rest.selections.entries if text}
        return (
            {name for name in ("a", "b", "c") if any(f"leaving_{name}%3A" in text for text in queries)},
            {name for name in ("a", "b", "c") if any(f"leaving_{name}:" in text for text in fields)},
        )

    await read("a")
    await read("b")
    assert cached() == ({"a", "b"}, {"a", "b"})
    await read("a")
    size = rest.selections.sizes[list(rest.selections.entries)[-1]]
    monkeypatch.setattr(rest.selections, "max_bytes", 2 * size)
    await read("c")
    assert cached() == ({"a", "c"}, {"a", "c"})
