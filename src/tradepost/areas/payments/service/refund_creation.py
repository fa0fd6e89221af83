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
from .refund_calls import RefundCall, begin_refund, call_provider, lock_refund, record_answer
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
        transaction="manual",
    )
    async def create(self, key: str, new: RefundInput, selection: Selection[Refund]) -> Record[Refund]:
        """Refund a payment: an amount, units of the order's lines, the costs of shipping, or all.

        With the provider `manual` the refund records what staff have paid back. If another provider
        does not answer in time, the status is `unknown` until it does.
        """
        id, call = await self.in_transaction(lambda: self._intent(key, new))
        answer = None if call is None else await call_provider(self.context, call)

        async def record() -> Record[Refund]:
            if call is not None:
                await record_answer(self.context, id, answer)
            return await self.read_back(refunds, selection, id)

        return await self.in_last_transaction(record)

    async def _intent(self, key: str, new: RefundInput) -> tuple[str, RefundCall | None]:
        """Insert the refund, or find the one that was made with this key, and begin its call."""
        payment, refund = await self._find() or await self._create(key, new)
        self.context.idempotency.keep_claim()
        call = begin_refund(self.context, payment, refund)
        await self.session.flush()
        return refund.id, call

    async def _find(self) -> tuple[PaymentRow, RefundRow] | None:
        """Return the refund that an earlier request with this key has left, locked."""
        claim_id = self.context.idempotency.claim_id
        if claim_id is None:
            return None
        id = await self.session.scalar(select(RefundRow.id).where(RefundRow.claim_id == claim_id))
        if id is None:
            return None
        _, payment, refund = await lock_refund(self.context, id)
        return payment, refund

    async def _create(self, key: str, new: RefundInput) -> tuple[PaymentRow, RefundRow]:
        """Insert the refund. That of a payment with the provider `manual` succeeds at once."""
        order, payment = await self._lock(key)
        await check_count(self.context, payment)
        plan = self._plan(await load_refundable(self.context, order), payment, new)
        columns = {"reason": new.reason, "claim_id": self.context.idempotency.claim_id}
        refund = await insert_refund(self.context, order, payment, plan, "staff", **columns)
        if refund is None:
            raise Conflict("The payment was refunded meanwhile.")
        if payment.provider == policy.MANUAL:
            await take_step(self.context, order, payment, refund, "refund_succeed")
        return payment, refund

    async def _lock(self, key: str) -> tuple[OrderRow, PaymentRow]:
        """Lock the payment and its order. Raise InvalidTransition if it cannot be refunded."""
        try:
            return await lock_with_order(self, PaymentRow, payments, key)
        except InvalidTransition:
            query = select(PaymentRow.status, PaymentRow.dispute_amount_amount).where(
                PaymentRow.id == payments.parse_id(key)
            )
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
