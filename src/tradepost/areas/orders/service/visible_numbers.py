"""The numbers of orders, as far as the caller may see them."""

from collections.abc import Sequence

from sqlalchemy import select

from tradepost.kit.operations.service import Service
from tradepost.kit.writes.call_context import CallContext

from ..models import OrderRow
from ..resource import orders


class VisibleOrderNumbers:
    """Finds the numbers of orders, for the problems of inventory."""

    async def numbers_of(self, context: CallContext, order_ids: Sequence[str]) -> list[str]:
        """Return the numbers of those orders that the caller may see, the oldest first."""
        service, is_named = Service(context), context.database.in_values(OrderRow.id, order_ids)
        query = select(OrderRow.number).where(is_named, orders.visible(service.viewer)).order_by(OrderRow.id)
        return list(await service.session.scalars(query, service.viewer_values))
