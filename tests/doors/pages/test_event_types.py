"""The page of the event types."""

import httpx

from tradepost.app import event_types


async def test_the_page_lists_every_type_with_its_data(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for name in [type.name for type in event_types().documented]:
        assert f"<td><code>{name}</code></td>" in answer.text
    assert "<td><code>product_id</code>, <code>changed</code></td></tr>" in answer.text
    assert "script" not in answer.text


async def test_the_file_has_every_type(client: httpx.AsyncClient) -> None:
    types = [entry["type"] for entry in (await client.get("/events.json")).json()["data"]]
    assert types == [type.name for type in event_types().documented]
