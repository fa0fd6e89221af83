"""Reads of payments."""

from collections.abc import Awaitable

from tradepost.areas.orders.resource import orders
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..resource import payments
from ..schemas import Payment


class Payments(Service):
    """The payments of orders."""

    @operation("payment_list", "list", payments, access=policy.anyone)
    async def list(self, list_query: ListQuery, selection: Selection[Payment]) -> Page[Payment]:
        """List the payments of your orders, the newest first; with `orders:read`, all payments."""
        return await self.page(payments, selection, list_query)

    @operation("payment_get", "get", payments, access=policy.anyone)
    async def get(self, key: str, selection: Selection[Payment]) -> Record[Payment]:
        """Get a payment by its id."""
        return await self.one(payments, selection, key)

    @operation("order_payment_list", "list", payments, access=policy.anyone, parent_relation=(orders, "payments"))
    def of_order(self, key: str, list_query: ListQuery, selection: Selection[Payment]) -> Awaitable[Page[Payment]]:
        """List the payments of an order, the newest first."""
        return self.related(orders, key, "payments", list_query, selection)
