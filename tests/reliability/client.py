"""Calls with an idempotency key at both doors, and the records of their outcomes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import select, update

from tradepost.areas.catalog.models import ProductRow
from tradepost.kit.operations.idempotency.records import RECORDS

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

type Json = dict[str, Any]

CREATE = (
    "mutation($key: String!, $input: ProductCreateInput!) "
    "{ productCreate(input: $input) @idempotent(key: $key) { id slug name version createdAt } }"
)


@dataclass
class DualDoorClient:
    """One caller at both doors."""

    app: "TradepostApp"
    client: httpx.AsyncClient

    async def rest(
        self, method: str, path: str, key: str | None, body: Any = None, /, *, query: Json | None = None, **headers: str
    ) -> httpx.Response:
        """Send a REST request."""
        key_header = {"Idempotency-Key": key} if key is not None else {}
        others = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"/v1{path}", json=body, params=query, headers=key_header | others)

    async def graphql(self, text: str, /, header: str | None = None, **variables: Any) -> httpx.Response:
        """Send a GraphQL document; its key is in a variable, or in the header."""
        headers = {"Idempotency-Key": header} if header is not None else {}
        return await self.client.post("/graphql", json={"query": text, "variables": variables}, headers=headers)

    async def create(self, door: str, key: str, body: Json) -> httpx.Response:
        """Create a product at a door."""
        if door == "rest":
            return await self.rest("POST", "/products", key, body)
        return await self.graphql(CREATE, key=key, input=body)


def problem_in(answer: httpx.Response) -> Json | None:
    """Return the problem of a response of either door, or None."""
    body = answer.json() if answer.content else {}
    if "errors" in body and "code" not in body:
        return body["errors"][0]["extensions"]
    return body if answer.status_code >= 400 else None


def is_replay(answer: httpx.Response) -> bool:
    """Whether the response is a replay: by the header, and for GraphQL also by the body."""
    replayed = answer.headers.get("idempotent-replayed") == "true"
    if answer.content and "productCreate" in (answer.json().get("data") or {}):
        assert (replayed_fields(answer) == ["productCreate"]) is replayed
    return replayed


def replayed_fields(answer: httpx.Response) -> list[str]:
    """Return the replayed root fields of a GraphQL response."""
    return answer.json()["extensions"].get("replayed", [])


async def records(app: "TradepostApp", key: str | None = None) -> list[Any]:
    """Return the idempotency records, of a key or all."""
    query = select(RECORDS) if key is None else select(RECORDS).where(RECORDS.c.key == key)
    async with app.state.database.engine.connect() as connection:
        return list((await connection.execute(query)).all())


async def update_record(app: "TradepostApp", key: str, **values: Any) -> None:
    """Change the record of a key, as time or another process would."""
    async with app.state.database.transaction() as session:
        await session.execute(update(RECORDS).where(RECORDS.c.key == key).values(**values))


async def products_named(app: "TradepostApp", name: str) -> list[str]:
    """Return the ids of the products with a name."""
    async with app.state.database.session_factory() as session:
        return list(await session.scalars(select(ProductRow.id).where(ProductRow.name == name)))
