"""Refunds that the shop makes itself: of cancelled orders and units, returns and surplus money."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from tradepost.areas.orders.service import OrderRow, load_return_units, payable_total
from tradepost.kit.writes.call_context import CallContext
from tradepost.kit.writes.domain_events import DomainEvent, on_event

from .. import policy
from ..models import PaymentRow, RefundRow
from .refund_amounts import reduce_to, subtract
from .refund_plans import (
    SYSTEM,
    UNITS_CANCELLED,
    RefundPlan,
    load_refundable,
    plan_amount,
    plan_cancelled,
    plan_units,
)
from .refund_rows import insert_refund, take_step

ORDER_CANCELLED, RETURNED = "order_cancelled", "returned"


async def create_refunds(
    context: CallContext,
    order: OrderRow,
    *,
    reason: str,
    amount: int | None = None,
    units: Mapping[str, int] | None = None,
    shipping: bool = False,
    return_id: str | None = None,
) -> list[RefundRow]:
    """Refund an amount, or units and shipping, of the payments of a locked order.

    Payments are refunded in the order in which they were created, disputed ones are left out, and
    no more is refunded than they have captured. The worker carries the refunds out; those of the
    provider `manual` are `pending` until staff complete them.
    """
    refundable = await load_refundable(context, order)
    if amount is not None:
        plan = plan_amount(refundable, amount)
    else:
        plan = plan_units(refundable, refundable.limit(units or {}), shipping=shipping)
    return await _refund(context, order, plan, reason=reason, return_id=return_id)


async def _refund(
    context: CallContext, order: OrderRow, plan: RefundPlan, *, reason: str, return_id: str | None = None
) -> list[RefundRow]:
    """Make the refunds of a plan, spread over the payments of the order."""
    created = list[RefundRow]()
    for payment in await _lock_payments(context, order):
        if plan.amount <= 0:
            break
        part, plan = _split(plan, payment.captured_amount - payment.refunded_amount)
        refund = await insert_refund(context, order, payment, part, SYSTEM, reason=reason, return_id=return_id)
        assert refund is not None, "the payment is locked"
        if payment.provider == policy.MANUAL:
            await take_step(context, order, payment, refund, "refund_accept")
        created.append(refund)
    return created


async def _lock_payments(context: CallContext, order: OrderRow) -> Sequence[PaymentRow]:
    """Lock the payments of an order of which money is left, and which are not disputed."""
    query = select(PaymentRow).where(
        PaymentRow.order_id == order.id,
        PaymentRow.captured_amount > PaymentRow.refunded_amount,
        PaymentRow.dispute_amount_amount.is_(None),
    )
    options = {"populate_existing": True}
    locked = query.order_by(PaymentRow.id).with_for_update()
    return (await context.session.scalars(locked, execution_options=options)).all()


def _split(plan: RefundPlan, most: int) -> tuple[RefundPlan, RefundPlan]:
    """Return the part of a plan that a payment can refund, and the rest.

    The units and the shipping are in the first part.
    """
    amount = min(plan.amount, most)
    amounts = reduce_to(plan.amounts, amount)
    rest = subtract(plan.amounts, amounts)
    shipping = min(plan.shipping, amount)
    return (
        RefundPlan(amount, shipping, plan.units, amounts),
        RefundPlan(plan.amount - amount, plan.shipping - shipping, (), rest),
    )


@on_event("order.cancelled")
async def refund_cancelled_orders(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Refund all that was captured for orders that were cancelled. The orders are locked."""
    for id in sorted({event.subject for event in events}):
        order = await context.session.get_one(OrderRow, id)
        if (amount := order.captured_amount - order.refunded_amount) > 0:
            await create_refunds(context, order, amount=amount, reason=ORDER_CANCELLED)


@on_event("order.updated")
async def refund_cancelled_units(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Refund what was captured of orders beyond what they cost since units were cancelled."""
    for id in sorted({event.subject for event in events if "cancelled_total" in event.data["changed"]}):
        await refund_surplus(context, await context.session.get_one(OrderRow, id), UNITS_CANCELLED)


async def refund_surplus(context: CallContext, order: OrderRow, reason: str) -> None:
    """Refund what was captured of a locked order beyond what is to be paid.

    Refunds of returns do not count: the returned units are part of what the order costs.
    """
    query = select(func.sum(RefundRow.amount_amount)).where(
        RefundRow.order_id == order.id, RefundRow.status != "failed", RefundRow.return_id.is_(None)
    )
    refunded = int(await context.session.scalar(query) or 0)
    if (amount := order.captured_amount - payable_total(order) - refunded) > 0:
        refundable = await load_refundable(context, order)
        of_units = reason == UNITS_CANCELLED
        plan = plan_cancelled(refundable, amount) if of_units else plan_amount(refundable, amount)
        await _refund(context, order, plan, reason=reason)


@on_event("return.received")
async def refund_returns(context: CallContext, events: Sequence[DomainEvent]) -> None:
    """Refund the units of returns that were received with a refund. The orders are locked."""
    for event in events:
        if event.data["refund"]:
            order = await context.session.get_one(OrderRow, event.data["order_id"])
            units = await load_return_units(context, event.subject)
            shipping = event.data["shipping"]
            await create_refunds(
                context, order, units=units, shipping=shipping, reason=RETURNED, return_id=event.subject
            )
