"""Ways to upsert products: through the door, and as an import does; and a count of the SQL that it takes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import event, select

from tests.factories import Json
from tradepost.areas.catalog.models import MediaRow, VariantRow
from tradepost.areas.catalog.schemas import BatchVerb, Product, ProductBatch, ProductBatchItem
from tradepost.areas.catalog.service.imports import ProductImports
from tradepost.kit.auth.caller import Caller
from tradepost.kit.query.records import Item
from tradepost.kit.resource.selection import Field, FieldSet, Selection
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

IMPORTER = Caller(role="staff", permissions=frozenset({"catalog:write", "stock:read"}))


async def upsert(staff: httpx.AsyncClient, inputs: list[Json], **parameters: Any) -> list[Json]:
    """The outcomes of upserts through REST."""
    answer = await staff.post(
        "/v1/products/batch", json={"items": [{"op": "upsert", "input": i} for i in inputs]}, params=parameters or None
    )
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()["results"]


async def imported(app: "TradepostApp", inputs: list[Json]) -> list[Item[Product]]:
    """The outcomes of upserts as the importer makes them."""
    want: Selection[Product] = Selection(FieldSet((Field("id"),)))
    batch = ProductBatch([ProductBatchItem(op=BatchVerb.UPSERT, input=i) for i in inputs])
    return (
        await ProductImports(CallContext(IMPORTER, app.state.database, "an-import")).batch(batch, False, want)
    ).items


async def variants_of(app: "TradepostApp", product_id: str) -> dict[str, VariantRow]:
    """The variants of a product by their SKUs."""
    async with app.state.database.sessions() as session:
        return {v.sku: v for v in await session.scalars(select(VariantRow).where(VariantRow.product_id == product_id))}


async def media_of(app: "TradepostApp", product_id: str) -> list[tuple[str | None, str, str, int]]:
    """The pictures of a product: address, text, status and version, by position."""
    async with app.state.database.sessions() as session:
        found = await session.scalars(
            select(MediaRow).where(MediaRow.product_id == product_id).order_by(MediaRow.position, MediaRow.id)
        )
        return [(m.source_url, m.alt, m.status, m.version) for m in found]


@asynccontextmanager
async def counted(app: "TradepostApp") -> AsyncIterator[list[str]]:
    """The statements that the block's writes take."""
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(" ".join(statement.split()))

    engine = app.state.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", hear)
