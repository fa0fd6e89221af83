"""What changes of variants mean for their stock: backorders, and deletions."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from tradepost.kit.problems import HasHistory, StockReserved
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import StockLevelRow, StockReservationRow
from .checks import reserving_orders
from .levels import LEVEL, VARIANT


@on_event("variant.updated")
async def copy_allow_backorder(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Copy `allow_backorder` to the levels; refuse to switch it off while units are backordered."""
    ids = sorted({e.subject for e in events if "allow_backorder" in e.data["changed"]})
    if not ids:
        return
    query = (
        select(LEVEL.id, LEVEL.on_hand, LEVEL.reserved, VARIANT.id, VARIANT.sku, VARIANT.allow_backorder)
        .join(VARIANT.id.table, VARIANT.id == LEVEL.variant_id)
        .where(context.database.in_values(LEVEL.variant_id, ids))
        .order_by(LEVEL.variant_id, LEVEL.location_id)
        .with_for_update(of=LEVEL)
    )
    levels = {True: list[str](), False: list[str]()}
    for id, on_hand, reserved, variant_id, sku, allowed in await context.session.execute(query):
        if not allowed and reserved > on_hand:
            raise StockReserved(
                f"{reserved - on_hand} units of `{sku}` are backordered, so `allow_backorder` must stay on.",
                order_numbers=await reserving_orders(context, [variant_id]),
            )
        levels[allowed].append(id)
    for allowed, level_ids in levels.items():
        if level_ids:
            await _set_backorder(context, level_ids, allowed)


async def _set_backorder(context: CallContext, ids: Sequence[str], allowed: bool) -> None:
    table: Any = StockLevelRow.__table__
    values = {"backorder": allowed, "version": table.c.version + 1, "updated_at": context.clock()}
    is_other = table.c.backorder.is_not(allowed)
    statement = update(table).where(context.database.in_values(table.c.id, ids), is_other).values(values)
    await context.session.execute(statement)


@on_event("variant.deleted")
async def refuse_to_delete_reserved_variants(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Refuse to delete variants that were ever reserved. The stock of others goes with them."""
    query = (
        select(VARIANT.sku)
        .join(StockReservationRow, StockReservationRow.variant_id == VARIANT.id)
        .where(context.database.in_values(VARIANT.id, sorted({e.subject for e in events})))
        .limit(1)
    )
    sku = await context.session.scalar(query)
    if sku is not None:
        raise HasHistory(f"Units of the variant `{sku}` were reserved for orders.")
