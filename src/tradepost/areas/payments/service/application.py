"""Applies what a provider says of a payment to our row and its order.

The provider is read before the transaction, so what it says may be older than our row: a payment
never goes back from authorized, captured, failed or voided, and captured amounts only grow.
"""

from typing import Any

import msgspec
from sqlalchemy import select, text

from tradepost.areas.orders.service import (
    OrderRow,
    TimelineEntry,
    add_entries,
    is_closed,
    payable_total,
    record_payment,
    record_progress,
)
from tradepost.kit.writes.call_context import CallContext

from ..models import SETTLED, UNSETTLED, PaymentRow
from ..policy import MANUAL
from ..providers.provider import Failure, ProviderPayment
from ..resource import transitions
from .automatic_refunds import refund_surplus
from .disputes import apply_dispute
from .events import emit
from .late_payments import receive_late
from .refund_application import apply_provider_refunds

FINAL, SURPLUS = ("failed", "voided"), "surplus"
STEPS = {
    "requires_action": "payment_require_action",
    "processing": "payment_process",
    "authorized": "payment_authorize",
    "failed": "payment_fail",
    "voided": "payment_lapse",
}
"""The step to the status that a provider says, if it has not captured anything."""
PROGRESS = {"created": "open", "requires_action": "open", "processing": "processing", "unknown": "processing"}
"""What an order keeps of its payment at a provider, by the payment's status."""


async def apply(context: CallContext, order: OrderRow, payment: PaymentRow, seen: ProviderPayment) -> None:
    """Apply what a provider says. The payment and its order are locked."""
    before = _State.of(payment)
    payment.reference = payment.reference or seen.reference
    if seen.captured > payment.captured_amount:
        _receive(payment, seen.captured)
    elif payment.status not in (*FINAL, *SETTLED):
        _move(payment, seen)
    _finish_call(payment)
    await _record(context, order, payment, before)
    await apply_dispute(context, order, payment, seen.dispute)
    if seen.refunds is not None:
        await apply_provider_refunds(context, order, payment, seen.refunds)


async def fail(context: CallContext, order: OrderRow, payment: PaymentRow, failure: Failure) -> None:
    """Record that a payment was never made."""
    before = _State.of(payment)
    transitions.move(payment, "payment_fail")
    payment.authorized_amount = 0
    payment.failure_code, payment.failure_detail = failure.code, failure.detail
    payment.next_action_type = payment.next_action_text = None
    await _record(context, order, payment, before)


async def lose(context: CallContext, order: OrderRow, payment: PaymentRow) -> None:
    """Record that nobody knows what became of a call, until the provider is asked again.

    What is authorized still counts: it is there, or captured.
    """
    before = _State.of(payment)
    if payment.status in transitions.internal["payment_lose"].sources and not await _has_open(context, payment):
        transitions.move(payment, "payment_lose")
    await _record(context, order, payment, before)


async def _has_open(context: CallContext, payment: PaymentRow) -> bool:
    """Return whether the order has another open payment: it can have one only."""
    others = select(PaymentRow.id).where(PaymentRow.order_id == payment.order_id, PaymentRow.id != payment.id)
    return await context.session.scalar(others.where(text(UNSETTLED)).limit(1)) is not None


async def receive(context: CallContext, order: OrderRow, payment: PaymentRow, amount: int) -> None:
    """Record money of a payment with the provider `manual` as received."""
    before = _State.of(payment)
    _receive(payment, amount)
    await _record(context, order, payment, before)


async def void(context: CallContext, order: OrderRow, payment: PaymentRow) -> None:
    """Void a payment with the provider `manual`: its money is no longer expected."""
    before = _State.of(payment)
    transitions.move(payment, "payment_void")
    payment.authorized_amount = 0
    payment.next_action_type = payment.next_action_text = None
    await _record(context, order, payment, before)


def _receive(payment: PaymentRow, captured: int) -> None:
    """Record the captured amount. A smaller capture is final, so nothing stays authorized."""
    transitions.move(payment, "payment_receive")
    payment.captured_amount, payment.authorized_amount = captured, 0
    payment.next_action_type = payment.next_action_text = payment.capture_before = None
    payment.failure_code = payment.failure_detail = None


def _move(payment: PaymentRow, seen: ProviderPayment) -> None:
    """Move an unfinished or authorized payment to the status that the provider says."""
    step = STEPS.get(seen.status)
    status = payment.status
    if step is not None and status != seen.status and status in transitions.internal[step].sources:
        transitions.move(payment, step)
    payment.authorized_amount = seen.authorized if payment.status == "authorized" else 0
    payment.capture_before = seen.capture_before if payment.status == "authorized" else None
    action = seen.next_action if payment.status in ("created", "requires_action") else None
    payment.next_action_type, payment.next_action_text = (action.type, action.text) if action else (None, None)
    failure = seen.failure
    payment.failure_code, payment.failure_detail = (failure.code, failure.detail) if failure else (None, None)


def _finish_call(payment: PaymentRow) -> None:
    """End a call whose effect is seen: the reader came before the answer."""
    is_done = {
        "create": payment.reference is not None,
        "capture": payment.status in (*FINAL, *SETTLED),
        "void": payment.status in (*FINAL, *SETTLED),
    }
    if payment.operation is not None and is_done[payment.operation]:
        payment.operation = payment.operation_id = payment.operation_amount = payment.operation_at = None


class _State(msgspec.Struct, frozen=True):
    """What a payment was before a change, for its events and its order."""

    status: str
    authorized: int
    captured: int
    next_action: tuple[str | None, str | None]
    failure: tuple[str | None, str | None]

    @classmethod
    def of(cls, payment: PaymentRow) -> "_State":
        """Return the state of a payment as it is now."""
        return cls(
            payment.status,
            payment.authorized_amount,
            payment.captured_amount,
            (payment.next_action_type, payment.next_action_text),
            (payment.failure_code, payment.failure_detail),
        )

    def changed(self, now: "_State") -> list[str]:
        """Return the members of the payment that differ in a later state."""
        return [name for name in ("status", "next_action", "failure") if getattr(self, name) != getattr(now, name)]


async def _record(context: CallContext, order: OrderRow, payment: PaymentRow, before: _State) -> None:
    """Write a change: the payment, its event and timeline entry, and what follows for the order."""
    await context.session.flush()
    now, session = _State.of(payment), context.session
    if changed := before.changed(now):
        await _announce(context, order, payment, before, changed)
    authorized, captured = now.authorized - before.authorized, now.captured - before.captured
    if is_closed(order) and captured:
        await receive_late(context, order, payment, captured)
    elif is_closed(order):
        payment.authorized_amount = 0  # the worker voids it
    elif authorized or captured:
        await record_payment(context, order, authorized=authorized, captured=captured)
        if order.captured_amount > payable_total(order):
            await refund_surplus(context, order, SURPLUS)
    if payment.provider != MANUAL and (before.status in PROGRESS or payment.status in PROGRESS):
        progress = PROGRESS.get(payment.status) if payment.authorized_amount == 0 else None
        await record_progress(context, order, progress)
    await session.flush()


async def _announce(
    context: CallContext, order: OrderRow, payment: PaymentRow, before: _State, changed: list[str]
) -> None:
    """Emit the event of a change, and add it to the order's timeline."""
    names = {"processing", "authorized", "captured", "failed", "voided"}
    if payment.status == before.status or payment.status not in names:
        emit(context, payment, "updated", changed=changed)
        return
    emit(context, payment, payment.status)
    data: dict[str, Any] = {"payment_id": payment.id}
    if payment.status == "captured":
        data |= {"amount": payment.captured_amount - before.captured, "currency": payment.currency}
    await add_entries(context, (order, TimelineEntry(f"payment_{payment.status}", **data)))
