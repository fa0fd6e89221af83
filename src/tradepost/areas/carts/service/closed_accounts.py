"""The carts of closed accounts."""

from collections.abc import Sequence

from sqlalchemy import delete

from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from ..models import CartRow


@on_event("user.closed")
async def delete_carts(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Delete the carts of closed accounts, with the addresses in them."""
    ids = [event.subject for event in events]
    await context.session.execute(delete(CartRow).where(CartRow.customer_id.in_(ids)))
