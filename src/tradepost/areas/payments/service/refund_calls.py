"""Calls to providers that pay money back: between two transactions, with the refund as the intent.

The provider's idempotency key is `<id of the refund>:refund`, so a repetition has no second effect.
"""

from datetime import datetime

import msgspec
from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow, lock_order
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import PaymentRow, RefundRow
from ..providers.provider import (
    Failure,
    PaymentProvider,
    PaymentProviders,
    ProviderRefund,
    ProviderRefused,
    ProviderUnavailable,
)
from .calls import LAST_REPEAT
from .execution import run_in_transaction
from .refund_application import apply_provider_refunds, apply_refund, fail_refund
from .refund_rows import take_step

UNSETTLED = ("created", "unknown")


class Refusal(msgspec.Struct, frozen=True):
    """Why a provider made no refund, and all refunds of the payment that it has.

    While ours held the rest of the payment, one that was made at the provider's own pages had no
    place beside it.
    """

    failure: Failure
    refunds: tuple[ProviderRefund, ...] = ()


type Answer = ProviderRefund | Refusal | None
"""What a provider has answered: the refund as it is now, why there is none, or nothing."""


class RefundCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call to a provider that has begun. `started_at` is when it was made first."""

    refund_id: str
    provider: str
    reference: str
    amount: int
    currency: str
    reason: str | None
    started_at: datetime

    @property
    def key(self) -> str:
        """The provider's idempotency key."""
        return f"{self.refund_id}:refund"


def begin_refund(context: CallContext, payment: PaymentRow, refund: RefundRow) -> RefundCall | None:
    """Begin the call about a locked refund, if it has no answer and its provider is remote."""
    if payment.provider == policy.MANUAL or refund.status not in UNSETTLED:
        return None
    assert payment.reference is not None, "the provider has captured the payment"
    refund.called_at = started_at = refund.called_at or context.clock()
    return RefundCall(
        refund_id=refund.id,
        provider=payment.provider,
        reference=payment.reference,
        amount=refund.amount_amount,
        currency=refund.currency,
        reason=refund.reason,
        started_at=started_at,
    )


async def call_provider(context: CallContext, call: RefundCall) -> Answer:
    """Make a call, or repeat it. No transaction is open meanwhile.

    A call that is older than 12 hours is not repeated: the refund is looked up.
    """
    provider = context.dependencies.require(PaymentProviders).get(call.provider)
    if provider is None:  # the shop has switched it off
        return None
    try:
        if context.clock() - call.started_at > LAST_REPEAT:
            return await _find(provider, call)
        return await provider.refund(call.reference, call.refund_id, call.amount, call.currency, call.reason, call.key)
    except ProviderRefused as refused:
        return Refusal(Failure(refused.code, refused.detail), await _refunds(provider, call) or ())
    except ProviderUnavailable:
        return None


async def _find(provider: PaymentProvider, call: RefundCall) -> Answer:
    """Look a refund up by our id."""
    refunds = (await provider.read(call.reference)).refunds
    if refunds is None:
        return None
    absent = Failure("not_created", "The payment provider never received this refund.")
    return next((refund for refund in refunds if refund.refund_id == call.refund_id), Refusal(absent, refunds))


async def _refunds(provider: PaymentProvider, call: RefundCall) -> tuple[ProviderRefund, ...] | None:
    """Return the refunds of a payment, or None if they are not to be had now."""
    try:
        return (await provider.read(call.reference)).refunds
    except (ProviderRefused, ProviderUnavailable):
        return None


async def record_answer(context: CallContext, refund_id: str, answer: Answer) -> None:
    """Record the answer to a call in the open transaction, unless that was done meanwhile."""
    order, payment, refund = await lock_refund(context, refund_id)
    if refund.status not in UNSETTLED:
        return
    if answer is None:
        if refund.status == "created":
            await take_step(context, order, payment, refund, "refund_time_out")
    elif isinstance(answer, Refusal):
        await fail_refund(context, order, payment, refund, answer.failure)
        await apply_provider_refunds(context, order, payment, answer.refunds)
    else:
        await apply_refund(context, order, payment, refund, answer)


async def lock_refund(context: CallContext, id: str) -> tuple[OrderRow, PaymentRow, RefundRow]:
    """Lock a refund, its payment and its order, and return all as they are now."""
    session, options = context.session, {"populate_existing": True}
    query = select(RefundRow.order_id, RefundRow.payment_id).where(RefundRow.id == id)
    order_id, payment_id = (await session.execute(query)).one()
    order = await lock_order(context, order_id)
    payment = await session.get_one(PaymentRow, payment_id, with_for_update=True, populate_existing=True)
    locked = select(RefundRow).where(RefundRow.id == id).with_for_update()
    return order, payment, (await session.execute(locked, execution_options=options)).scalar_one()


@deliver_event("refund.created")
async def carry_out_created(context: CallContext, event: Event) -> None:
    """Carry out a refund that the shop has made itself. `refund_create` makes its own call."""
    await _carry_out(context, event.subject, only_new=True)


async def carry_out_refund(context: CallContext, refund_id: str) -> None:
    """Carry out a refund that is still `created` or `unknown`, or ask what became of it."""
    await _carry_out(context, refund_id, only_new=False)


async def _carry_out(context: CallContext, refund_id: str, *, only_new: bool) -> None:
    async def begin() -> RefundCall | None:
        _, payment, refund = await lock_refund(context, refund_id)
        is_called = refund.called_at is not None
        return None if only_new and is_called else begin_refund(context, payment, refund)

    call = await run_in_transaction(context, begin)
    if call is not None:
        answer = await call_provider(context, call)
        await run_in_transaction(context, lambda: record_answer(context, refund_id, answer))
