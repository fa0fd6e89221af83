"""The stock quantities of imported files: received once, or set like counts."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exists, select

from tradepost.kit.ids import new_id
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import StockMovementRow
from ..schemas import StockMovementKind
from .checks import check_on_hand
from .ledger import Change, post
from .levels import VARIANT, first_location_id, lock_stock

REFERENCE, REASON = "import", "Import"


@on_event("variant.quantity_imported")
async def take_imported_quantities(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Receive the quantities at the first location, or set the stock there.

    Variants that ever had a movement receive nothing: their stock is kept here, not in the file.
    Variants whose inventory is not tracked have no stock.
    """
    counted = {e.subject: e.data["quantity"] for e in events if e.data["replaces_stock"]}
    received = {e.subject: e.data["quantity"] for e in events if e.subject not in counted and e.data["quantity"] > 0}
    location = await first_location_id(context)
    if location is None:
        return
    if received:
        await _receive(context, received, location)
    if counted:
        await _count(context, counted, location)


async def _receive(context: CallContext, quantities: Mapping[str, int], location: str) -> None:
    never_moved = ~exists().where(StockMovementRow.variant_id == VARIANT.id)
    ids = await _tracked(context, quantities, never_moved)
    if not ids:
        return
    stock = await lock_stock(context, ids, [(id, location) for id in ids])
    changes: list[Change] = []
    for id in ids:
        level = stock.variants[id].level_at(location)
        assert level is not None, "the level was created"
        await check_on_hand(context, stock.variants[id], level, level.on_hand + quantities[id], "/imported_quantity")
        changes.append(Change(level, StockMovementKind.RECEIVE, REFERENCE, on_hand=quantities[id]))
    await post(context, stock, changes, emits=False)


async def _count(context: CallContext, quantities: Mapping[str, int], location: str) -> None:
    ids = await _tracked(context, quantities)
    if not ids:
        return
    stock = await lock_stock(context, ids, [(id, location) for id in ids])
    changes, reference = list[Change](), new_id(StockMovementRow.__number__)
    for id in ids:
        level, quantity = stock.variants[id].level_at(location), max(quantities[id], 0)
        assert level is not None, "the level was created"
        await check_on_hand(context, stock.variants[id], level, quantity, "/imported_quantity")
        if quantity != level.on_hand:
            changes.append(Change(level, StockMovementKind.ADJUST, reference, on_hand=quantity - level.on_hand))
    if changes:
        await post(context, stock, changes, REASON)


async def _tracked(context: CallContext, ids: Mapping[str, int], *conditions: Any) -> list[str]:
    """Return the ids of variants whose inventory is tracked, in order."""
    query = select(VARIANT.id).where(
        context.database.in_values(VARIANT.id, sorted(ids)), VARIANT.track_inventory.is_(True), *conditions
    )
    return sorted(await context.session.scalars(query))
