"""With INTROSPECTION=off the schema is hidden from callers without a credential."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from tests.conftest import HERE
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio
WRONG = [
    {"fields": "nope"},
    {"sort": "nope"},
    {"nope": "1"},
    {"status": "nope"},
    {"fields": "variants(first: 1){nope}"},
]


@pytest.fixture
async def closed(app: "TradepostApp", settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a credential, of an app with introspection off."""
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(settings, introspection=False))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        yield client


@pytest.mark.parametrize("params", WRONG, ids=str)
async def test_the_allowed_names_are_listed_only_to_callers_who_may_introspect(
    closed: httpx.AsyncClient, client: httpx.AsyncClient, staff_key: str, params: dict[str, str]
) -> None:
    listed = (await client.get("/v1/products", params=params)).json()["detail"]
    assert "Allowed: " in listed
    by_staff = (await closed.get("/v1/products", params=params, headers={"X-API-Key": staff_key})).json()["detail"]
    assert by_staff.split(" Allowed")[0] == listed.split(" Allowed")[0]
    assert "Allowed: " in by_staff
    hidden = await closed.get("/v1/products", params=params)
    assert (hidden.status_code, hidden.json()["code"]) == (400, "invalid_parameter")
    assert "Allowed" not in hidden.text
    assert "external_reference" not in hidden.text


@pytest.mark.parametrize(
    "path",
    ["/openapi.json", "/v2/openapi.json", "/schema.graphql", "/events.json", "/docs", "/docs/graphql", "/docs/events"],
)
async def test_the_documents_are_404_without_a_credential(closed: httpx.AsyncClient, staff_key: str, path: str) -> None:
    assert (await closed.get(path)).status_code == 404
    assert (await closed.get(path, headers={"X-API-Key": staff_key})).status_code == 200
