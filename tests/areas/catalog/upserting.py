"""Upserts products through REST or as an import, and records the SQL statements of writes."""

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

IMPORTER = Caller(role="staff", permissions=frozenset({"catalog:write", "stock:read", "orders:read"}))


async def upsert(staff: httpx.AsyncClient, inputs: list[Json], **parameters: Any) -> list[Json]:
    """Upsert products through REST and return the results."""
    answer = await staff.post(
        "/v1/products/batch", json={"items": [{"op": "upsert", "input": i} for i in inputs]}, params=parameters or None
    )
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()["results"]


async def import_products(app: "TradepostApp", inputs: list[Json]) -> list[Item[Product]]:
    """Upsert products as the importer does and return the results."""
    selection: Selection[Product] = Selection(FieldSet((Field("id"),)))
    batch = ProductBatch([ProductBatchItem(op=BatchVerb.UPSERT, input=i) for i in inputs])
    imports = ProductImports(
        CallContext(IMPORTER, app.state.database, "an-import", dependencies=app.state.dependencies)
    )
    return (await imports.batch(batch, False, selection)).items


async def variants_of(app: "TradepostApp", product_id: str) -> dict[str, VariantRow]:
    """Return the variants of a product by SKU."""
    async with app.state.database.session_factory() as session:
        return {v.sku: v for v in await session.scalars(select(VariantRow).where(VariantRow.product_id == product_id))}


async def media_of(app: "TradepostApp", product_id: str) -> list[tuple[str | None, str, str, int]]:
    """Return address, alternative text, status and version of a product's images, by position."""
    async with app.state.database.session_factory() as session:
        media = await session.scalars(
            select(MediaRow).where(MediaRow.product_id == product_id).order_by(MediaRow.position, MediaRow.id)
        )
        return [(m.source_url, m.alt, m.status, m.version) for m in media]


@asynccontextmanager
async def record_statements(app: "TradepostApp") -> AsyncIterator[list[str]]:
    """Record the statements that the writes of the block send to the database.

    BEGIN is left out, and so is the periodic write of when API keys were used.
    """
    statements: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN") and "api_key" not in statement:
            statements.append(" ".join(statement.split()))

    engine = app.state.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", record)
