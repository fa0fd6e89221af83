"""Keeps the tax rates and shipping methods that orders have used: those are not deleted."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import update

from tradepost.kit.db.errors import LostRace
from tradepost.kit.problems import HasHistory
from tradepost.kit.writes.call_context import CallContext

from ..models import ShippingMethodRow, TaxRateRow


async def mark_pricing_used(
    context: CallContext, shipping_method_ids: Collection[str], tax_rate_ids: Collection[str]
) -> None:
    """Record that an order uses rows, or raise LostRace if one was deleted meanwhile.

    Callers pass only rows that no order has used before, so most orders write nothing here.
    """
    await _mark(context, ShippingMethodRow, shipping_method_ids)
    await _mark(context, TaxRateRow, tax_rate_ids)


async def _mark(context: CallContext, model: type[Any], ids: Collection[str]) -> None:
    if not ids:
        return
    marked = update(model).where(context.database.in_values(model.id, sorted(ids))).values(used=True)
    result: Any = await context.session.execute(marked, execution_options={"synchronize_session": False})
    if result.rowcount != len(ids):
        raise LostRace


def refuse_used(row: TaxRateRow | ShippingMethodRow, name: str) -> None:
    """Raise HasHistory if an order has used a locked row."""
    if row.used:
        raise HasHistory(f"An order has used {name}. Set `active` to false instead.")
