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
