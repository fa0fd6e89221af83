"""The limits on declined payments, so that nobody tries stolen cards here."""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, select

from tradepost.areas.orders.service import OrderRow, client_hash
from tradepost.kit.problems import QuotaExceeded
from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow

MAX_PER_ORDER, MAX_PER_CLIENT = 10, 30
"""Declined attempts to pay an order, and to pay from a client address within an hour."""
HOUR = timedelta(hours=1)


async def check_declines(context: CallContext, order: OrderRow) -> None:
    """Raise QuotaExceeded if too many attempts to pay were declined.

    The order's, and those from the client's address within an hour.
    """
    client, since = client_hash(context), context.clock() - HOUR
    if await _count(context, PaymentRow.order_id == order.id) >= MAX_PER_ORDER:
        raise _too_many(f"{MAX_PER_ORDER} attempts to pay this order were declined. Contact the shop.")
    if client is None:
        return
    recent = and_(PaymentRow.client_hash == client, PaymentRow.created_at > since)
    if await _count(context, recent) >= MAX_PER_CLIENT:
        raise _too_many(f"{MAX_PER_CLIENT} attempts to pay were declined within an hour.")


async def _count(context: CallContext, condition: ColumnElement[bool]) -> int:
    """Return the declines of some payments."""
    query = select(func.coalesce(func.sum(PaymentRow.declines), 0)).where(PaymentRow.declines > 0, condition)
    return int(await context.session.scalar(query) or 0)


def _too_many(detail: str) -> QuotaExceeded:
    return QuotaExceeded(int(HOUR.total_seconds()), policies=("declines",), detail=detail)
