"""Reads of payments, and captures of money that was received."""

from collections.abc import Awaitable

from tradepost.areas.orders.resource import orders
from tradepost.areas.orders.service import TimelineEntry, add_entries, lock_with_order, payable_total, record_payment
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import InvalidTransition, NotFound, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import PaymentRow
from ..resource import payments, transitions
from ..schemas import Payment, PaymentCaptureInput
from .events import emit


class Payments(Service):
    """The payments of orders."""

    @operation("payment_list", "list", payments, access=policy.anyone)
    async def list(self, list_query: ListQuery, selection: Selection[Payment]) -> Page[Payment]:
        """List the payments of your orders, the newest first; with `orders:read`, all payments."""
        return await self.page(payments, selection, list_query)

    @operation("payment_get", "get", payments, access=policy.anyone)
    async def get(self, key: str, selection: Selection[Payment]) -> Record[Payment]:
        """Get a payment by its id."""
        return await self.one(payments, selection, key)

    @operation("order_payment_list", "list", payments, access=policy.anyone, parent_relation=(orders, "payments"))
    def of_order(self, key: str, list_query: ListQuery, selection: Selection[Payment]) -> Awaitable[Page[Payment]]:
        """List the payments of an order, the newest first."""
        return self.related(orders, key, "payments", list_query, selection)

    @operation(
        "payment_capture",
        "command",
        payments,
        access=policy.manage,
        input=PaymentCaptureInput,
        problems=(NotFound, InvalidTransition),
        requires_idempotency_key=True,
    )
    async def capture(self, key: str, input: PaymentCaptureInput, selection: Selection[Payment]) -> Record[Payment]:
        """Record the money of a payment as received.

        A smaller amount is final; what is missing can be paid by another payment. The order is
        confirmed as soon as its payments reach what is to be paid.
        """
        order, payment = await lock_with_order(self, PaymentRow, payments, key)
        still_to_pay = max(0, payable_total(order) - order.captured_amount)
        amount = _captured_amount(payment, input, min(payment.amount_amount, still_to_pay))
        authorized = payment.amount_amount if payment.status == "authorized" else 0
        transitions.move(payment, "payment_capture")
        payment.captured_amount, payment.next_action_type, payment.next_action_text = amount, None, None
        entry = TimelineEntry("payment_captured", payment_id=payment.id, amount=amount, currency=payment.currency)
        await add_entries(self.context, (order, entry))
        emit(self.context, payment, "captured")
        await record_payment(self.context, order, authorized=-authorized, captured=amount)
        return await self.read_back(payments, selection, payment.id)


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
