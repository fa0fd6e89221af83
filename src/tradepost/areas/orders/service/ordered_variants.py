"""Keeps variants that are part of an order."""

from collections.abc import Sequence

from sqlalchemy import select

from tradepost.kit.problems import HasHistory
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import OrderLineRow


@on_event("variant.deleted")
async def refuse_to_delete_ordered_variants(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Refuse to delete variants that were ever ordered. They can be archived instead."""
    ids = sorted({event.subject for event in events})
    query = select(OrderLineRow.sku).where(context.database.in_values(OrderLineRow.variant_id, ids)).limit(1)
    sku = await context.session.scalar(query)
    if sku is not None:
        raise HasHistory(f"The variant `{sku}` is part of an order.")
