"""Finds prices of shipping in another currency than the shop's."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from ..models import ShippingMethodRow


async def find_other_shipping_currency(engine: AsyncEngine, currency: str) -> tuple[str, str] | None:
    """Return currency and code of a shipping method with another currency; None if none has."""
    column = ShippingMethodRow.price_currency
    query = select(column, ShippingMethodRow.code).where(column != currency).limit(1)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else (row[0], row[1])
