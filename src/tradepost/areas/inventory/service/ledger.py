"""The ledger: every change of a stock level is one conditional update and one movement."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, or_

from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from ..models import StockLevelRow, StockMovementRow
from ..schemas import Availability, StockMovementKind
from .levels import Level, LockedStock

SOLD_OUT = (Availability.OUT_OF_STOCK, Availability.BACKORDER)


class Change(msgspec.Struct, frozen=True):
    """A change of a locked level. `reference` is the id of the step that makes it."""

    level: Level
    kind: StockMovementKind
    reference: str
    on_hand: int = 0
    reserved: int = 0


async def post(
    context: CallContext,
    stock: LockedStock,
    changes: Sequence[Change],
    reason: str | None = None,
    *,
    emits: bool = True,
) -> list[str]:
    """Apply changes to locked levels, and return the ids of the movements.

    Each step changes a level at most once. It takes two statements. Emits `stock.moved`, and
    `stock.low` or `stock.available` for variants whose availability changed so. Imports emit none,
    because the events of products name their variants.
    """
    session, now = context.session, context.clock()
    before = {id: variant.availability for id, variant in stock.variants.items()}
    additions = _sums_by_level(changes)
    if await bulk.add_to_rows(session, StockLevelRow, additions, now, stays_valid) != len(additions):
        raise LostRace
    for change in changes:
        change.level.on_hand += change.on_hand
        change.level.reserved += change.reserved
    movements = [_movement(context, change, reason) for change in changes]
    await bulk.insert_rows(session, StockMovementRow, movements, now)
    if emits:
        _emit(context, stock, changes, movements, before)
    return [movement["id"] for movement in movements]


def stays_valid(table: Any, rows: Any) -> ColumnElement[bool]:
    """Return the condition of a change: the CHECK of the table, on the sums."""
    on_hand, reserved = table.c.on_hand + rows.c.on_hand, table.c.reserved + rows.c.reserved
    return and_(on_hand >= 0, reserved >= 0, or_(table.c.backorder, reserved <= on_hand))


def _sums_by_level(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return what is added to each level: a statement changes a row only once."""
    sums = dict[str, dict[str, Any]]()
    for change in changes:
        row = sums.setdefault(change.level.id, {"id": change.level.id, "on_hand": 0, "reserved": 0})
        row["on_hand"] += change.on_hand
        row["reserved"] += change.reserved
    return [*sums.values()]


def _movement(context: CallContext, change: Change, reason: str | None) -> dict[str, Any]:
    return {
        "id": new_id(StockMovementRow.__number__),
        "variant_id": change.level.variant_id,
        "location_id": change.level.location_id,
        "kind": change.kind.value,
        "on_hand_delta": change.on_hand,
        "reserved_delta": change.reserved,
        "reason": reason,
        "actor_id": context.caller.id,
        "reference": change.reference,
    }


def _emit(
    context: CallContext,
    stock: LockedStock,
    changes: Sequence[Change],
    movements: Sequence[dict[str, Any]],
    before: dict[str, Availability],
) -> None:
    """Emit the events. What is only reserved or released has not moved."""
    for movement, change in zip(movements, changes, strict=True):
        if change.on_hand:
            data = {name: movement[name] for name in ("variant_id", "location_id", "kind")}
            context.emit("stock.moved", movement["id"], level_id=change.level.id, **data)
    for variant in stock.variants.values():
        was, now = before[variant.id], variant.availability
        if was is Availability.IN_STOCK and now is not Availability.IN_STOCK:
            context.emit("stock.low", variant.id, product_id=variant.product_id)
        elif was in SOLD_OUT and now not in SOLD_OUT:
            context.emit("stock.available", variant.id, product_id=variant.product_id)
