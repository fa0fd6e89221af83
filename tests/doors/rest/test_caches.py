"""What is dear to make is made once: per text of `fields`, never per page or per caller."""

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio


async def test_the_pages_of_a_walk_share_one_selection_one_plan_and_one_writer(
    app: "TradepostApp", client: httpx.AsyncClient
) -> None:
    selections, plans = app.state.rest.selections, app.state.database.reads.plans
    params = {"limit": "7", "fields": "id,walked: name,variants(first: 2){sku}"}
    page = (await client.get("/v1/products", params=params)).json()
    second = (await client.get("/v1/products", params=params | {"cursor": page["next_cursor"]})).json()
    made, compiled = selections.misses, plans.misses
    form = next(s.field_set for (_, text, *_), s in selections.entries.items() if text == params["fields"])
    writers = len(form.memo)
    cursor = second["next_cursor"]
    for _ in range(5):
        page = (await client.get("/v1/products", params=params | {"cursor": cursor})).json()
        cursor = page["next_cursor"]
    assert (selections.misses, plans.misses, len(form.memo)) == (made, compiled, writers)


async def test_callers_of_one_kind_share_a_plan(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    plans = app.state.database.reads.plans
    found = (await client.get("/v1/products", params={"limit": "3", "fields": "id"})).json()["data"]
    await client.get(f"/v1/products/{found[0]['id']}", params={"fields": "shared: slug"})
    compiled = plans.misses
    for product in found[1:]:
        assert (await client.get(f"/v1/products/{product['id']}", params={"fields": "shared: slug"})).status_code == 200
    assert plans.misses == compiled
