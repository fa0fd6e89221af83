"""Refunds that staff make."""

from collections.abc import Mapping

from sqlalchemy import select

from tradepost.areas.orders.service import OrderRow, lock_with_order
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Conflict, Fault, InvalidTransition, Validation
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.validation import validation_problem

from .. import policy
from ..models import PaymentRow, RefundRow
from ..resource import payments, refunds
from ..schemas import Refund, RefundInput
from .refund_plans import RefundableOrder, RefundPlan, load_refundable, plan_amount, plan_units
from .refund_rows import check_count, insert_refund, take_step


class RefundCreation(Service):
    """Creates refunds."""

    @operation(
        "refund_create",
        "create",
        refunds,
        access=policy.manage,
        input=RefundInput,
        parent_relation=(payments, "refunds"),
        problems=(Conflict, InvalidTransition),
        requires_idempotency_key=True,
    )
    async def create(self, key: str, new: RefundInput, selection: Selection[Refund]) -> Record[Refund]:
        """Refund a payment: an amount, units of the order's lines, the costs of shipping, or all.

        With the provider `manual` the refund records what staff have paid back.
        """
        order, payment = await self._lock(key)
        await check_count(self.context, payment)
        plan = self._plan(await load_refundable(self.context, order), payment, new)
        refund = await self._insert(order, payment, plan, new)
        await take_step(self.context, order, payment, refund, "refund_succeed")
        return await self.read_back(refunds, selection, refund.id)

    async def _lock(self, key: str) -> tuple[OrderRow, PaymentRow]:
        """Lock the payment and its order. Raise InvalidTransition if it cannot be refunded."""
        try:
            return await lock_with_order(self, PaymentRow, payments, key)
        except InvalidTransition:
            query = select(PaymentRow.status, PaymentRow.dispute_amount).where(PaymentRow.id == payments.parse_id(key))
            status, disputed = (await self.session.execute(query)).one()
            if disputed is not None:
                raise InvalidTransition("The payment is disputed, so it cannot be refunded.") from None
            raise InvalidTransition(f"A payment with the status `{status}` cannot be refunded.") from None

    def _plan(self, order: RefundableOrder, payment: PaymentRow, new: RefundInput) -> RefundPlan:
        """Return the refund that is requested, or raise Validation."""
        left = payment.captured_amount - payment.refunded_amount
        if new.amount is not None and new.amount.currency != payment.currency:
            detail = f"The payment is in {payment.currency}, not in {new.amount.currency}."
            raise Validation.at_pointer("/amount/currency", detail)
        amount = None if new.amount is None else new.amount.amount
        if new.lines is None and not new.shipping:
            _check_amount(amount, left, "/amount/amount")
            return plan_amount(order, left if amount is None else amount)
        if new.shipping and order.shipping_left <= 0:
            raise Validation.at_pointer("/shipping", "No costs of shipping are left to refund.", "out_of_range")
        plan = plan_units(order, _requested_units(order, new), shipping=new.shipping, most=amount)
        _check_amount(amount, plan.amount, "/amount/amount")
        _check_amount(plan.amount, left, "/lines" if amount is None and new.lines else "/amount/amount")
        return plan

    async def _insert(self, order: OrderRow, payment: PaymentRow, plan: RefundPlan, new: RefundInput) -> RefundRow:
        refund = await insert_refund(self.context, order, payment, plan, "staff", reason=new.reason)
        if refund is None:
            raise Conflict("The payment was refunded meanwhile.")
        return refund


def _check_amount(amount: int | None, most: int, pointer: str) -> None:
    """Raise Validation if an amount is more than can be refunded, or nothing."""
    if amount is not None and not 1 <= amount <= most:
        detail = f"From 1 to {most} minor units can be refunded; {amount} were requested."
        raise Validation.at_pointer(pointer, detail, "out_of_range")


def _requested_units(order: RefundableOrder, new: RefundInput) -> Mapping[str, int]:
    """Return the units of an input by line, or raise Validation."""
    by_id, units, faults = {line.id: line for line in order.lines}, dict[str, int](), list[Fault]()
    for index, item in enumerate(new.lines or ()):
        id = str(item.order_line_id)
        if (line := by_id.get(id)) is None:
            detail = "The order has no such line."
            faults.append(Fault(code="not_found", detail=detail, pointer=f"/lines/{index}/order_line_id"))
            continue
        units[id] = units.get(id, 0) + item.quantity
        if units[id] > (most := order.units_left(line)):
            detail = f"At most {most} of this line can be refunded."
            faults.append(Fault(code="out_of_range", detail=detail, pointer=f"/lines/{index}/quantity"))
    if faults:
        raise validation_problem(faults)
    return units
