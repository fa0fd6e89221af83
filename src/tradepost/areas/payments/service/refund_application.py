"""Applies refunds as a provider has them to our rows. The order and the payment are locked."""

import logging
from collections.abc import Sequence

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow
from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow, RefundRow
from ..providers.provider import Failure, ProviderRefund
from ..resource import refund_transitions
from .refund_plans import load_refundable, plan_amount
from .refund_rows import insert_refund, take_step

LOG = logging.getLogger("tradepost.payments")
STEPS = {"pending": "refund_accept", "succeeded": "refund_succeed", "failed": "refund_fail"}
"""The step to the status that a provider says."""
UNEXPLAINED = Failure("failed", "The payment provider could not pay the money back.")


async def apply_refund(
    context: CallContext, order: OrderRow, payment: PaymentRow, refund: RefundRow, seen: ProviderRefund
) -> None:
    """Apply what a provider says of a refund.

    It may be older than our row: a refund never goes back from `succeeded` or `failed`, but one
    that has succeeded can fail later.
    """
    if refund.reference is None:
        refund.reference = seen.reference
        await context.session.flush()
    if seen.status == refund.status:
        return
    if refund.status in refund_transitions.internal[STEPS[seen.status]].sources:
        if seen.status == "failed":
            await fail_refund(context, order, payment, refund, seen.failure or UNEXPLAINED)
        else:
            await take_step(context, order, payment, refund, STEPS[seen.status])
    elif refund.status == "failed" and seen.status == "succeeded":
        LOG.error("the provider has paid the refund %s back, which counts as failed", refund.id)


async def fail_refund(
    context: CallContext, order: OrderRow, payment: PaymentRow, refund: RefundRow, failure: Failure
) -> None:
    """Record that a refund has failed, and give its amount back to the payment."""
    refund.failure_code, refund.failure_detail = failure.code, failure.detail
    await take_step(context, order, payment, refund, "refund_fail")


async def apply_provider_refunds(
    context: CallContext,
    order: OrderRow,
    payment: PaymentRow,
    seen: Sequence[ProviderRefund],
    reason: str | None = None,
) -> None:
    """Apply all refunds that a provider has of a payment.

    reason: the reason of those that we do not know. They were made at the provider's pages.
    """
    if not seen:
        return
    query = select(RefundRow).where(RefundRow.payment_id == payment.id).with_for_update()
    options = {"populate_existing": True}
    rows = (await context.session.scalars(query.order_by(RefundRow.id), execution_options=options)).all()
    by_key = {key: row for row in rows for key in (row.id, row.reference) if key is not None}
    for one in seen:
        refund = by_key.get(one.reference) or (by_key.get(one.refund_id) if one.refund_id else None)
        if refund is None:
            refund = await _insert(context, order, payment, one, reason)
        if refund is not None:
            await apply_refund(context, order, payment, refund, one)


async def _insert(
    context: CallContext, order: OrderRow, payment: PaymentRow, seen: ProviderRefund, reason: str | None
) -> RefundRow | None:
    """Insert a refund that was made at the provider's pages, unless it has failed there already."""
    if seen.status == "failed":
        return None
    plan = plan_amount(await load_refundable(context, order), seen.amount)
    refund = await insert_refund(context, order, payment, plan, "provider", reference=seen.reference, reason=reason)
    if refund is None:
        LOG.error("the provider has refunded more of the payment %s than it has captured", payment.id)
    return refund
