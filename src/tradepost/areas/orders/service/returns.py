"""Reads of returns, and their steps."""

from collections.abc import Awaitable

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Forbidden, InvalidTransition, NotFound, Unauthenticated
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import OrderRow, ReturnRow
from ..resource import orders, return_transitions, returns
from ..schemas import Return, ReturnReceiveInput, ReturnRejectInput
from .line_units import NOTHING_PACKED, load_lines
from .return_receipt import check_permissions, check_refund, receive_return, requested_items
from .return_rows import add_entry, emit_return, load_items, load_requested, returnable_units
from .settlement import check_permission, lock_with_order


class Returns(Service):
    """The returns of orders."""

    @operation("return_list", "list", returns, access=policy.anyone)
    async def list(self, list_query: ListQuery, selection: Selection[Return]) -> Page[Return]:
        """List the returns of your orders, the newest first; with `orders:read`, of all."""
        return await self.page(returns, selection, list_query)

    @operation("return_get", "get", returns, access=policy.anyone)
    async def get(self, key: str, selection: Selection[Return]) -> Record[Return]:
        """Get a return by its id."""
        return await self.one(returns, selection, key)

    @operation("order_return_list", "list", returns, access=policy.anyone, parent_relation=(orders, "returns"))
    def list_by_order(self, key: str, list_query: ListQuery, selection: Selection[Return]) -> Awaitable[Page[Return]]:
        """List the returns of an order, the newest first."""
        return self.related(orders, key, "returns", list_query, selection)

    @operation(
        "return_receive",
        "command",
        returns,
        access=policy.manage,
        input=ReturnReceiveInput,
        problems=(NotFound, Forbidden, InvalidTransition),
    )
    async def receive(self, key: str, input: ReturnReceiveInput, selection: Selection[Return]) -> Record[Return]:
        """Record that the units of a return came back.

        By default these are the units that were requested, and they go back into the stock. With
        `refund` they are refunded.
        """
        check_permissions(self.context, input)
        check_refund(refund=input.refund, shipping=input.shipping, is_received=True)
        order, row = await lock_with_order(self, ReturnRow, returns, key)
        lines = await load_lines(self.context, order.id, NOTHING_PACKED)
        if input.lines is None:
            items = await load_items(self.context, row)
        else:
            limits = returnable_units(lines, await load_requested(self.context, order.id, row.id))
            items = await requested_items(self.context, input.lines, limits)
        await receive_return(self.context, order, row, lines, items, refund=input.refund, shipping=input.shipping)
        return await self.read_back(returns, selection, row.id)

    @operation(
        "return_reject",
        "command",
        returns,
        access=policy.manage,
        input=ReturnRejectInput,
        problems=(NotFound, InvalidTransition),
    )
    async def reject(self, key: str, input: ReturnRejectInput, selection: Selection[Return]) -> Record[Return]:
        """Reject a return that was requested. The reason is for the customer."""
        order, row = await lock_with_order(self, ReturnRow, returns, key)
        row.rejection_reason = input.reason
        await self._end(order, row, "rejected", reason=input.reason)
        return await self.read_back(returns, selection, row.id)

    @operation(
        "return_cancel",
        "command",
        returns,
        access=policy.anyone,
        problems=(Unauthenticated, Forbidden, NotFound, InvalidTransition),
    )
    async def cancel(self, key: str, selection: Selection[Return]) -> Record[Return]:
        """Cancel a return that was requested: its units do not come back."""
        try:
            order, row = await lock_with_order(self, ReturnRow, returns, key)
        except InvalidTransition:
            record = await self.find(returns, key)
            await check_permission(self, str(record.order_id), policy.manage)
            raise
        await self._end(order, row, "cancelled")
        return await self.read_back(returns, selection, row.id)

    async def _end(self, order: OrderRow, row: ReturnRow, name: str, reason: str | None = None) -> None:
        """End a requested return whose units do not come back, by the current operation."""
        return_transitions.move(row, self.context.work.current_operation)
        await self.session.flush()
        emit_return(self.context, row, name)
        await add_entry(self.context, order, f"return_{name}", row, reason=reason)
