"""Calls to providers: begun in one transaction, made while none is open, recorded in another.

A call is kept on its payment while its result is not known. Whoever finds it there can make it
again: the request with the same idempotency key, the worker or the reconciler. The provider's
idempotency key, `<id of the call>:<operation>`, is the same each time, so it takes effect once.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from tradepost.areas.orders.service import OrderRow
from tradepost.kit.ids import new_id
from tradepost.kit.problems import PaymentInProgress
from tradepost.kit.writes.call_context import CallContext

from ..models import PaymentRow
from ..providers.provider import (
    Failure,
    PaymentProvider,
    PaymentProviders,
    PaymentRequest,
    ProviderPayment,
    ProviderRefused,
    ProviderUnavailable,
)
from .application import apply, fail, lose
from .locks import lock_payment

LAST_REPEAT = timedelta(hours=12)
"""How long after its first attempt a call may be repeated: providers forget keys after a day."""
ABSENT_AFTER = timedelta(minutes=15)
"""How long after a call a payment that the provider does not know counts as never made."""

type Runner = Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
"""Runs a step in a transaction."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call to a provider that has begun.

    id: a part of the provider's idempotency key. reference: None until the payment is created.
    started_at: when it was made first.
    request: what a new payment is created from.
    """

    id: str
    payment_id: str
    provider: str
    operation: str
    reference: str | None
    amount: int
    currency: str
    started_at: datetime
    request: PaymentRequest

    @property
    def key(self) -> str:
        """The provider's idempotency key."""
        return f"{self.id}:{self.operation}"


type Answer = ProviderPayment | Failure | None
"""What a provider has answered: the payment as it is now, why it will never be made, or nothing."""


def begin_call(
    context: CallContext, order: OrderRow, payment: PaymentRow, operation: str, amount: int | None = None
) -> Call:
    """Begin a call about a locked payment. Raise PaymentInProgress if another one has begun."""
    if payment.operation is not None:
        raise in_progress(payment)
    payment.operation = operation
    payment.operation_id = payment.id if operation == "create" else new_id(PaymentRow.__number__)
    payment.operation_amount, payment.operation_at = amount, context.clock()
    payment.operation_claim_id = context.idempotency.claim_id
    context.idempotency.keep_claim()
    return current_call(order, payment)


def current_call(order: OrderRow, payment: PaymentRow) -> Call:
    """Return the call about a payment that has begun."""
    assert payment.operation is not None
    assert payment.operation_id is not None
    assert payment.operation_at is not None
    return Call(
        id=payment.operation_id,
        payment_id=payment.id,
        provider=payment.provider,
        operation=payment.operation,
        reference=payment.reference,
        amount=payment.operation_amount or payment.amount_amount,
        currency=payment.currency,
        started_at=payment.operation_at,
        request=payment_request(order, payment),
    )


def payment_request(order: OrderRow, payment: PaymentRow) -> PaymentRequest:
    """Return what a provider creates a payment from."""
    return PaymentRequest(
        payment_id=payment.id,
        order_id=order.id,
        method=payment.method,
        amount=payment.amount_amount,
        currency=payment.currency,
        captures_at_once=payment.captures_at_once,
        return_url=payment.return_url,
        order_number=order.number,
    )


def in_progress(payment: PaymentRow) -> PaymentInProgress:
    """Return the problem of a payment whose result is not known yet."""
    return PaymentInProgress("The result of a payment of this order is not known yet.", payment_id=payment.id)


async def make_call(context: CallContext, call: Call) -> Answer:
    """Make a call, or repeat it. No transaction is open meanwhile.

    A call that creates a payment is repeated for 15 minutes only: then the payment is looked up,
    and has failed if the provider does not know it. The customer, who never got the answer, would
    not expect it any more. Other calls are repeated for 12 hours; then the payment is read.
    """
    provider = context.dependencies.require(PaymentProviders).get(call.provider)
    if provider is None:  # the shop has switched it off
        return None
    age = context.clock() - call.started_at
    try:
        if call.operation == "create":
            return await (_find(provider, call) if age > ABSENT_AFTER else provider.create(call.request, call.key))
        return await _change(provider, call, is_old=age > LAST_REPEAT)
    except ProviderRefused as refused:
        # Any other call is about a payment that exists, whatever is said of it now.
        return Failure(refused.code, refused.detail) if call.operation == "create" else None
    except ProviderUnavailable:
        return None


async def _change(provider: PaymentProvider, call: Call, *, is_old: bool) -> Answer:
    """Capture or void a payment. If the provider refuses, return it as it is now."""
    assert call.reference is not None
    try:
        if is_old:
            return await provider.read(call.reference)
        if call.operation == "void":
            return await provider.void(call.reference, call.key)
        return await provider.capture(call.reference, call.amount, call.currency, call.key)
    except ProviderRefused as refused:
        seen = await provider.read(call.reference)
        return msgspec.structs.replace(seen, failure=Failure(refused.code, refused.detail))


async def _find(provider: PaymentProvider, call: Call) -> Answer:
    """Look a payment up by our id. Absent, it was never made."""
    absent = Failure("not_created", "The payment provider never received this payment.")
    return await provider.find(call.payment_id) or absent


async def record_answer(context: CallContext, order: OrderRow, payment: PaymentRow, call: Call, answer: Answer) -> None:
    """Record the answer to a call on the locked payment, unless somebody else has done so."""
    if payment.operation_id != call.id or payment.operation is None:
        return
    if answer is None:
        await lose(context, order, payment)
        return
    payment.operation = payment.operation_id = payment.operation_amount = payment.operation_at = None
    if isinstance(answer, Failure):
        await fail(context, order, payment, answer)
    else:
        await apply(context, order, payment, answer)


async def carry_out(context: CallContext, run: Runner, call: Call) -> Answer:
    """Make a call and record its answer in a transaction. Return the answer."""
    answer = await make_call(context, call)

    async def record() -> None:
        order, payment = await lock_payment(context, call.payment_id)
        await record_answer(context, order, payment, call, answer)

    await run(record)
    return answer
