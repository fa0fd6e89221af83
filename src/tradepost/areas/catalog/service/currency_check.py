"""Finds prices that are not in the shop's currency."""

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from ..models import VariantRow


async def find_other_currency(engine: AsyncEngine, currency: str) -> tuple[str, str] | None:
    """Return currency and SKU of a variant with another currency; None if there is none."""
    column = VariantRow.price_currency
    # Two ranges, because an index does not help to find what differs.
    query = select(column, VariantRow.sku).where(or_(column < currency, column > currency)).limit(1)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else (row[0], row[1])
