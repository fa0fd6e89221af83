"""Rows of refunds: they reserve their amount of the payment, and give it back if they fail.

The order and the payment are locked.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update

from tradepost.areas.accounts.service import queue_email
from tradepost.areas.orders.service import OrderRow, TimelineEntry, add_entries, record_payment
from tradepost.kit.ids import new_id
from tradepost.kit.problems import Conflict
from tradepost.kit.writes import bulk
from tradepost.kit.writes.call_context import CallContext

from ..models import MAX_REFUNDS, PaymentRow, RefundLineRow, RefundRow
from ..resource import refund_transitions, transitions
from .events import emit
from .refund_amounts import tax_lines
from .refund_plans import RefundPlan

DISPUTE_LOST = "dispute_lost"
"""The reason of a refund that stands for a dispute which the shop has lost."""


async def insert_refund(
    context: CallContext, order: OrderRow, payment: PaymentRow, plan: RefundPlan, actor: str, **columns: Any
) -> RefundRow | None:
    """Reserve the amount of a plan, and insert its refund with the status `created`.

    Return None if that would be more than was captured.
    """
    if not await _reserve(context, order, payment, plan.amount):
        return None
    values: dict[str, Any] = {
        "id": new_id(RefundRow.__number__),
        "payment_id": payment.id,
        "order_id": order.id,
        "currency": payment.currency,
        "amount_amount": plan.amount,
        "shipping_amount": plan.shipping,
        "tax_lines": tax_lines(plan.amounts, payment.currency),
        "actor": actor,
        "status": "created",
    }
    refund = RefundRow(**values | columns)
    context.session.add(refund)
    await context.session.flush()
    await _insert_lines(context, refund, plan)
    emit_refund(context, refund, "created")
    await _add_entry(context, order, refund)
    return refund


async def check_count(context: CallContext, payment: PaymentRow) -> None:
    """Raise Conflict if the payment has the most refunds that one can have."""
    query = select(func.count()).where(RefundRow.payment_id == payment.id)
    if (await context.session.scalar(query) or 0) >= MAX_REFUNDS:
        raise Conflict(f"A payment has at most {MAX_REFUNDS} refunds.")


async def take_step(context: CallContext, order: OrderRow, payment: PaymentRow, refund: RefundRow, step: str) -> None:
    """Move a locked refund by a step of its table, and do what follows from its new status."""
    status = refund_transitions.move(refund, step)
    if status == "failed":
        await _give_back(context, order, payment, refund.amount_amount)
    await context.session.flush()
    if status in ("succeeded", "failed"):
        emit_refund(context, refund, status)
    else:
        emit_refund(context, refund, "updated", changed=["status"])
    if status == "succeeded":
        emit(context, payment, "refunded")
        if (refund.actor, refund.reason) != ("provider", DISPUTE_LOST):  # the bank has paid it back
            queue_email(context, "order_refunded", refund.id)
    await _add_entry(context, order, refund)


def emit_refund(context: CallContext, refund: RefundRow, name: str, **data: Any) -> None:
    """Emit an event of a refund, such as `refund.succeeded`."""
    ids = {"order_id": refund.order_id, "payment_id": refund.payment_id}
    context.emit(f"refund.{name}", refund.id, **ids, status=refund.status, **data)


async def _add_entry(context: CallContext, order: OrderRow, refund: RefundRow) -> None:
    """Add the status of a refund to the timeline of its order."""
    data = {"refund_id": refund.id, "payment_id": refund.payment_id}
    money = {"amount": refund.amount_amount, "currency": refund.currency}
    await add_entries(context, (order, TimelineEntry(f"refund_{refund.status}", **data, **money)))


async def _reserve(context: CallContext, order: OrderRow, payment: PaymentRow, amount: int) -> bool:
    """Add an amount to what is refunded of a payment, unless that is more than was captured.

    The condition stands in the statement, so it holds whoever else refunds the payment.
    """
    refunded = PaymentRow.refunded_amount + amount
    statement = update(PaymentRow).where(PaymentRow.id == payment.id, refunded <= PaymentRow.captured_amount)
    values = {"refunded_amount": refunded, "version": PaymentRow.version + 1, "updated_at": context.clock()}
    options = {"synchronize_session": False}
    result: Any = await context.session.execute(statement.values(values), execution_options=options)
    await context.session.refresh(payment)
    if result.rowcount != 1:
        return False
    await _record(context, order, payment, amount)
    return True


async def _give_back(context: CallContext, order: OrderRow, payment: PaymentRow, amount: int) -> None:
    """Subtract the amount of a refund that has failed from what is refunded."""
    payment.refunded_amount -= amount
    await _record(context, order, payment, -amount)


async def _record(context: CallContext, order: OrderRow, payment: PaymentRow, change: int) -> None:
    """Set the status of a payment whose refunded amount has changed, and record it on the order."""
    before, refunded = payment.status, payment.refunded_amount
    step = "payment_refund" if refunded == payment.captured_amount else "payment_refund_in_part"
    transitions.move(payment, step if refunded else "payment_restore")
    await context.session.flush()
    changed = ["refunded"] if payment.status == before else ["refunded", "status"]
    emit(context, payment, "updated", changed=changed)
    await record_payment(context, order, refunded=change)


async def _insert_lines(context: CallContext, refund: RefundRow, plan: RefundPlan) -> None:
    rows: Sequence[dict[str, Any]] = [
        {
            "id": new_id(RefundLineRow.__number__),
            "refund_id": refund.id,
            "order_line_id": line.id,
            "position": line.position,
            "quantity": units.quantity,
            "currency": refund.currency,
            "amount_amount": units.total,
            "tax_amount": units.tax,
        }
        for line, units in plan.units
    ]
    await bulk.insert_rows(context.session, RefundLineRow, rows, context.clock())
