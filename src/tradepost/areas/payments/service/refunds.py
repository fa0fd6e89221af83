"""Reads of refunds, and their completion."""

from collections.abc import Awaitable

from tradepost.areas.orders.service import lock_with_order
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import InvalidTransition, NotFound
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import PaymentRow, RefundRow
from ..resource import payments, refunds
from ..schemas import Refund
from .refund_rows import take_step


class Refunds(Service):
    """The refunds of payments."""

    @operation("refund_list", "list", refunds, access=policy.anyone)
    async def list(self, list_query: ListQuery, selection: Selection[Refund]) -> Page[Refund]:
        """List the refunds of your orders, the newest first; with `orders:read`, all refunds."""
        return await self.page(refunds, selection, list_query)

    @operation("refund_get", "get", refunds, access=policy.anyone)
    async def get(self, key: str, selection: Selection[Refund]) -> Record[Refund]:
        """Get a refund by its id."""
        return await self.one(refunds, selection, key)

    @operation("refund_complete", "command", refunds, access=policy.manage, problems=(NotFound, InvalidTransition))
    async def complete(self, key: str, selection: Selection[Refund]) -> Record[Refund]:
        """Record that a refund was paid back. Only with the provider `manual`.

        Refunds that the shop makes itself, for a cancelled order, say, are `pending` until then.
        """
        order, refund = await lock_with_order(self, RefundRow, refunds, key)
        payment = await self.session.get_one(PaymentRow, refund.payment_id, with_for_update=True)
        await take_step(self.context, order, payment, refund, "refund_complete")
        return await self.read_back(refunds, selection, refund.id)

    @operation("payment_refund_list", "list", refunds, access=policy.anyone, parent_relation=(payments, "refunds"))
    def list_by_payment(self, key: str, list_query: ListQuery, selection: Selection[Refund]) -> Awaitable[Page[Refund]]:
        """List the refunds of a payment, the newest first."""
        return self.related(payments, key, "refunds", list_query, selection)
