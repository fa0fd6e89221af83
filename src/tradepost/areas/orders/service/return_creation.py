"""Creates returns: of units that have shipped, and withdrawals from the contract."""

from sqlalchemy import case, select

from tradepost.kit.auth.access import RowPolicy
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import (
    Conflict,
    Forbidden,
    InvalidTransition,
    NotFound,
    PaymentInProgress,
    Unauthenticated,
    Validation,
)
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import OrderRow, ReturnRow
from ..resource import orders, returns
from ..schemas import Return, ReturnCreateInput, ReturnKind
from .line_units import NOTHING_PACKED, load_lines, unit_list
from .open_payments import after_voiding
from .return_receipt import check_permissions, check_refund, receive_return, requested_items
from .return_rows import add_entry, emit_return, insert_return, load_requested, returnable_units
from .settlement import check_permission, lock_order_for
from .withdrawal import withdraw

RULES: dict[ReturnKind, tuple[RowPolicy, RowPolicy]] = {
    ReturnKind.RETURN: (policy.returnable_orders, policy.writable_orders),
    ReturnKind.WITHDRAWAL: (policy.withdrawable_orders, policy.orders_to_withdraw),
}
"""By kind: the orders that it is possible on, and those that the caller may do it with."""


class ReturnCreation(Service):
    """Creates returns."""

    @operation(
        "order_return",
        "create",
        returns,
        access=policy.anyone,
        input=ReturnCreateInput,
        parent_relation=(orders, "returns"),
        problems=(Unauthenticated, Forbidden, NotFound, Conflict, InvalidTransition, PaymentInProgress),
        requires_idempotency_key=True,
        transaction="manual",
    )
    async def create(self, key: str, new: ReturnCreateInput, selection: Selection[Return]) -> Record[Return]:
        """Request the return of units of an order, or withdraw from the contract.

        Units can be returned from their shipment until some days after the delivery. A withdrawal
        is possible from the placement of the order until 14 days after the delivery: units that
        have not shipped are cancelled at once, and the others come back; an open payment at a
        provider is voided first. Staff can create a return that is received already.
        """
        return await after_voiding(self, lambda: self._create(key, new, selection))

    async def _create(self, key: str, new: ReturnCreateInput, selection: Selection[Return]) -> Record[Return]:
        check_permissions(self.context, new)
        check_refund(refund=new.refund, shipping=new.shipping, is_received=new.received)
        order = await self._lock(key, new.kind)
        row = await (withdraw(self.context, order, new) if new.kind is ReturnKind.WITHDRAWAL else self._add(order, new))
        return await self.read_back(returns, selection, row.id)

    async def _lock(self, key: str, kind: ReturnKind) -> OrderRow:
        """Lock the order, on which a return of this kind must be possible."""
        possible, writable = RULES[kind]
        order = await lock_order_for(self, key, policy.manage, writable)
        query = select(case((possible(self.viewer), 1), else_=0)).where(OrderRow.id == order.id)
        if not await self.session.scalar(query, self.viewer_values):
            await check_permission(self, order.id, policy.manage, writable)
            raise InvalidTransition(
                "Units of this order cannot be returned: none have shipped, all are back, or the time for it is over."
            )
        return order

    async def _add(self, order: OrderRow, new: ReturnCreateInput) -> ReturnRow:
        """Add a return of units that have shipped, and receive it if they are back."""
        if new.lines is None:
            raise Validation.at_pointer("/lines", "A return needs the `lines` that come back.", "required")
        lines = await load_lines(self.context, order.id, NOTHING_PACKED)
        limits = returnable_units(lines, await load_requested(self.context, order.id))
        items = await requested_items(self.context, new.lines, limits)
        kind, reason = new.kind.value, new.reason
        row = await insert_return(self.context, order, lines, items, kind=kind, reason=reason, refunds_shipping=False)
        if new.received:
            await receive_return(self.context, order, row, lines, items, refund=new.refund, shipping=new.shipping)
            return row
        emit_return(self.context, row, "requested")
        units = unit_list({item.order_line_id: item.quantity for item in items})
        await add_entry(self.context, order, "return_requested", row, kind=kind, reason=reason, lines=units)
        return row
