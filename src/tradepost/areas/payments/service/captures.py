"""Captures and voids payments, when staff ask for it."""

from collections.abc import Callable

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow, is_closed, lock_with_order, payable_total
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import InvalidTransition, NotFound, PaymentInProgress, Validation
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import PaymentRow
from ..resource import payments
from ..schemas import Payment, PaymentCaptureInput
from .application import receive, void
from .calls import Call, begin_call, carry_out, current_call

type Begin = Callable[[OrderRow, PaymentRow], "Call | None"]
PROBLEMS = (NotFound, InvalidTransition, PaymentInProgress)


class Captures(Service):
    """Captures and voids payments."""

    @operation(
        "payment_capture",
        "command",
        payments,
        access=policy.manage,
        input=PaymentCaptureInput,
        problems=PROBLEMS,
        requires_idempotency_key=True,
        transaction="manual",
    )
    async def capture(self, key: str, input: PaymentCaptureInput, selection: Selection[Payment]) -> Record[Payment]:
        """Capture an authorized payment, or record the money of a `manual` payment as received.

        A smaller amount is final: the rest of the authorization lapses, and what is missing can be
        paid by another payment. The order is confirmed as soon as its payments reach what is to be
        paid. Money of a `manual` payment whose order has expired or was cancelled is recorded too:
        the order is confirmed if it has expired and its stock is still free, else it is refunded.

        If the provider does not answer in time, the payment is `unknown` until it has.
        """
        call = await self.in_transaction(lambda: self._begin_capture(key, input))
        return await self._finish(key, call, selection)

    @operation(
        "payment_void",
        "command",
        payments,
        access=policy.manage,
        problems=PROBLEMS,
        requires_idempotency_key=True,
        transaction="manual",
    )
    async def void(self, key: str, selection: Selection[Payment]) -> Record[Payment]:
        """Void a payment that is not captured: it can never succeed any more.

        An authorization is given back. If the money was taken meanwhile, the payment is captured.
        """
        call = await self.in_transaction(lambda: self._begin_void(key))
        return await self._finish(key, call, selection)

    async def _begin_capture(self, key: str, input: PaymentCaptureInput) -> Call | None:
        if (resumed := await self._resumed()) is not None:
            return resumed[1]
        order, payment = await lock_with_order(self, PaymentRow, payments, key)
        amount = _captured_amount(payment, input, _most(order, payment))
        if payment.provider != policy.MANUAL:
            return begin_call(self.context, order, payment, "capture", amount)
        self._remember(payment)
        await receive(self.context, order, payment, amount)
        return None

    async def _begin_void(self, key: str) -> Call | None:
        if (resumed := await self._resumed()) is not None:
            return resumed[1]
        order, payment = await lock_with_order(self, PaymentRow, payments, key)
        if payment.provider != policy.MANUAL:
            return begin_call(self.context, order, payment, "void")
        self._remember(payment)
        await void(self.context, order, payment)
        return None

    async def _resumed(self) -> tuple[PaymentRow, Call | None] | None:
        """Return the payment that an earlier request with this key has changed, with its call."""
        claim_id = self.context.idempotency.claim_id
        if claim_id is None:
            return None
        query = select(PaymentRow).where(PaymentRow.operation_claim_id == claim_id)
        payment = await self.session.scalar(query)
        if payment is None:
            return None
        self.context.idempotency.keep_claim()
        order = await self.session.get_one(OrderRow, payment.order_id)
        return payment, current_call(order, payment) if payment.operation is not None else None

    def _remember(self, payment: PaymentRow) -> None:
        """Keep the key of a step that needs no provider: a repetition finds its effect."""
        payment.operation_claim_id = self.context.idempotency.claim_id
        self.context.idempotency.keep_claim()

    async def _finish(self, key: str, call: Call | None, selection: Selection[Payment]) -> Record[Payment]:
        if call is not None:
            await carry_out(self.context, self.in_transaction, call)
        return await self.in_last_transaction(lambda: self.read_back(payments, selection, key))


def _most(order: OrderRow, payment: PaymentRow) -> int:
    """Return the most that can be captured.

    What arrives for a closed order is recorded whole, and refunded if need be.
    """
    if is_closed(order):
        return payment.amount_amount
    available = payment.authorized_amount if payment.provider != policy.MANUAL else payment.amount_amount
    return min(available, max(0, payable_total(order) - order.captured_amount))


def _captured_amount(payment: PaymentRow, input: PaymentCaptureInput, most: int) -> int:
    """Return the amount to capture, by default the most that is possible, or raise a problem."""
    if most == 0:
        raise InvalidTransition("Nothing is left to be paid for this order.")
    if input.amount is None:
        return most
    if input.amount.currency != payment.currency:
        detail = f"The payment is in {payment.currency}, not in {input.amount.currency}."
        raise Validation.at_pointer("/amount/currency", detail)
    if not 1 <= input.amount.amount <= most:
        detail = f"From 1 to {most} minor units can be captured."
        raise Validation.at_pointer("/amount/amount", detail, "out_of_range")
    return input.amount.amount
