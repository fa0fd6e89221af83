"""Disputes: the customer's bank asks for the money back."""

from tradepost.areas.orders.service import OrderRow, TimelineEntry, add_entries
from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow
from ..providers.provider import ProviderDispute, ProviderRefund
from .events import emit
from .refund_application import apply_provider_refunds
from .refund_rows import DISPUTE_LOST


async def apply_dispute(
    context: CallContext, order: OrderRow, payment: PaymentRow, dispute: ProviderDispute | None
) -> None:
    """Record the dispute of a locked payment. A lost one counts as a refund."""
    if dispute is None:
        return
    if dispute.outcome == "open":
        await _open(context, order, payment, dispute)
    elif payment.dispute_reason is not None:
        payment.dispute_amount_amount = payment.dispute_reason = payment.dispute_due_by = None
        await context.session.flush()
        emit(context, payment, "updated", changed=["dispute"])
    left = payment.captured_amount - payment.refunded_amount
    if dispute.outcome == "lost" and left:
        lost = ProviderRefund(
            reference=f"dispute of {payment.reference}",
            refund_id=None,
            amount=min(dispute.amount, left),
            status="succeeded",
        )
        await apply_provider_refunds(context, order, payment, (lost,), DISPUTE_LOST)


async def _open(context: CallContext, order: OrderRow, payment: PaymentRow, dispute: ProviderDispute) -> None:
    values = (dispute.amount, dispute.reason, dispute.due_by)
    was_known = payment.dispute_reason is not None
    if values == (payment.dispute_amount_amount, payment.dispute_reason, payment.dispute_due_by):
        return
    payment.dispute_amount_amount, payment.dispute_reason, payment.dispute_due_by = values
    await context.session.flush()
    if was_known:
        emit(context, payment, "updated", changed=["dispute"])
        return
    emit(context, payment, "disputed")
    await add_entries(context, (order, TimelineEntry("payment_disputed", payment_id=payment.id)))
