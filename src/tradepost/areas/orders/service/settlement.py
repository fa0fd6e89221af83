"""Locks orders, records payments on them and derives their statuses."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import case, select

from tradepost.kit.auth.access import Access, RowPolicy
from tradepost.kit.db.base import Table
from tradepost.kit.ids import parse_id
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import InvalidTransition
from tradepost.kit.resource.resource import Resource
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import OrderRow
from ..resource import orders, transitions
from .fulfilment_rows import are_all_delivered
from .immediate_delivery import deliver_without_shipping
from .settings import OrderSettings
from .statuses import derive_payment_status, is_closed, open_amount
from .timeline import TimelineEntry, add_entries, emit

WAS_PAID = ("paid", "partially_refunded", "refunded")
"""An order with one of these payment statuses is not announced as paid again."""


async def lock_order_for(
    service: Service, key: str, required: Access, writable: RowPolicy = policy.writable_orders
) -> OrderRow:
    """Lock the visible order with an id or number. The operation must be open on it.

    `required` is the permission to call the operation on orders of others. A caller without it, who
    sees the order but may not change it, gets Forbidden or Unauthenticated.
    """
    try:
        return await service.lock_for_update(OrderRow, orders, key)
    except InvalidTransition:
        await check_permission(service, key, required, writable)
        raise


async def check_permission(
    service: Service, key: str, required: Access, writable: RowPolicy = policy.writable_orders
) -> None:
    """Raise Forbidden or Unauthenticated if the caller may not change an order that it sees."""
    caller, (column, value) = service.context.caller, orders.parse_key(key)
    is_writable = case((writable(service.viewer), 1), else_=0)
    query = select(OrderRow.customer_id, is_writable).where(getattr(OrderRow, column) == value)
    customer_id, may_write = (await service.session.execute(query, service.viewer_values)).one()
    if not may_write and not required.allows(caller.permissions):
        is_own = customer_id is not None and customer_id == caller.id
        raise (policy.write_own_account if is_own else required).problem(caller.is_authenticated)


async def lock_order(context: CallContext, id: str) -> OrderRow:
    """Lock an order's row and return it as it is now."""
    query = select(OrderRow).where(OrderRow.id == id).with_for_update()
    result = await context.session.execute(query, execution_options={"populate_existing": True})
    return result.scalar_one()


async def lock_with_order[T: Table](
    service: Service, model: type[T], resource: Resource[Any], key: str
) -> tuple[OrderRow, T]:
    """Lock a visible row of an order, such as a payment, for the current operation.

    The lock of the order comes first, and covers the row.
    """
    id, columns = parse_id(key), cast(Any, model)
    query = select(columns.order_id).where(columns.id == id)
    order_id = await service.session.scalar(query) if id is not None else None
    if order_id is None:
        raise resource.not_found(key)
    order = await lock_order(service.context, order_id)
    return order, await service.lock_for_update(model, resource, key)


async def record_payment(
    context: CallContext, order: OrderRow, *, authorized: int = 0, captured: int = 0, refunded: int = 0
) -> None:
    """Add to what is authorized, captured and refunded, and derive the statuses.

    An order is confirmed as soon as the first two together reach what is to be paid.
    """
    order.authorized_amount += authorized
    order.captured_amount += captured
    order.refunded_amount += refunded
    await _settle_and_announce(context, order, *(["refunded"] if refunded else []))


async def record_progress(context: CallContext, order: OrderRow, progress: str | None) -> None:
    """Record how far the payment at a provider is that can still succeed; None if there is none."""
    if order.payment_progress != progress:
        order.payment_progress = progress
        await _settle_and_announce(context, order)


async def _settle_and_announce(context: CallContext, order: OrderRow, *members: str) -> None:
    """Settle an order, and emit `order.updated` if that changes what no other event tells.

    members: those that have changed already.
    """
    status, expires_at = order.payment_status, order.expires_at
    names = await settle(context, order)
    changed = [*_changed(order, status, expires_at), *members]
    if changed and (members or not names):
        emit(context, order, "updated", changed=changed)


async def settle(context: CallContext, order: OrderRow, *entries: TimelineEntry) -> list[str]:
    """Derive the payment status, confirm or complete the order if that is due, and record it.

    Return what has happened by the payments: `confirmed`, `paid`.
    """
    names = derive(order)
    _wait_again(context, order)
    for name in names:
        emit(context, order, name)
    recorded = [*entries, *[TimelineEntry(name) for name in names]]
    if "confirmed" in names:
        recorded += await deliver_without_shipping(context, order)
    await _complete(context, order, recorded)
    return names


def _wait_again(context: CallContext, order: OrderRow) -> None:
    """Give a pending order time for another payment if one has failed that it waited for."""
    if order.status == "pending" and order.expires_at is None and not _is_paid_for(order):
        order.expires_at = context.clock() + context.dependencies.require(OrderSettings).payment_period


def _is_paid_for(order: OrderRow) -> bool:
    """Return whether an order has money, or is about to."""
    return order.authorized_amount + order.captured_amount > 0 or order.payment_progress == "processing"


def _changed(order: OrderRow, payment_status: str, expires_at: datetime | None) -> list[str]:
    """Return the derived members that differ from former values."""
    differs = {
        "payment_status": order.payment_status != payment_status,
        "expires_at": order.status == "pending" and order.expires_at != expires_at,
    }
    return [name for name, is_changed in differs.items() if is_changed]


async def settle_free_order(context: CallContext, id: str) -> None:
    """Do what follows from the confirmation of a new order that costs nothing."""
    order = await lock_order(context, id)
    await _complete(context, order, await deliver_without_shipping(context, order))


async def _complete(context: CallContext, order: OrderRow, entries: list[TimelineEntry]) -> None:
    """Complete an order if every unit was delivered or cancelled and nothing is left to pay.

    Then add entries to its timeline.
    """
    has_shipped = order.fulfilment_status in ("fulfilled", "partially_returned", "returned")
    is_due = order.status == "confirmed" and has_shipped and open_amount(order) == 0
    if is_due and await are_all_delivered(context, order.id):
        transitions.move(order, "order_complete")
        emit(context, order, "completed")
        entries = [*entries, TimelineEntry("completed")]
    if entries:
        await add_entries(context, *[(order, entry) for entry in entries])


def derive(order: OrderRow) -> list[str]:
    """Derive the payment status, and confirm a pending order that is covered.

    Return what has happened by that: `confirmed`, `paid`.
    """
    was_paid, names = order.payment_status in WAS_PAID, list[str]()
    order.payment_status = derive_payment_status(order)
    if _is_paid_for(order):
        order.expires_at = None
    if order.status == "pending" and open_amount(order) == 0:
        transitions.move(order, "order_confirm")
        order.expires_at = None
        names.append("confirmed")
    if order.payment_status == "paid" and not was_paid and not is_closed(order):
        names.append("paid")
    return names


def await_bank_transfer(context: CallContext, order: OrderRow) -> None:
    """Give a pending order the time that a bank transfer takes."""
    time = order.placed_at + context.dependencies.require(OrderSettings).bank_transfer_period
    if order.status == "pending" and order.expires_at != time:
        order.expires_at = time
        emit(context, order, "updated", changed=["expires_at"])
