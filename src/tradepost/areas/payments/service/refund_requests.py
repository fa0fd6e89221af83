"""The plans of refunds that staff request, or the problems of their input."""

from collections.abc import Mapping

from tradepost.kit.problems import Fault, Validation
from tradepost.kit.schema.validation import validation_problem

from ..models import PaymentRow
from ..schemas import RefundInput
from .refund_plans import RefundableOrder, RefundPlan, plan_amount, plan_units


def requested_plan(
    order: RefundableOrder, payment: PaymentRow, new: RefundInput, returned: Mapping[str, int] | None
) -> RefundPlan:
    """Return the plan of a refund that is requested, or raise Validation.

    returned: the units of the return that is given.
    """
    left = payment.captured_amount - payment.refunded_amount
    amount = _amount(payment, new)
    if new.lines is None and not new.shipping and (amount is not None or returned is None):
        _check_amount(amount, left, "/amount/amount")
        return plan_amount(order, left if amount is None else amount)
    if new.shipping and order.shipping_left <= 0:
        raise Validation.at_pointer("/shipping", "No costs of shipping are left to refund.", "out_of_range")
    if returned is not None and new.lines is None and not new.shipping:
        units = order.limit(returned)
    else:
        units = _requested_units(order, new)
    plan = plan_units(order, units, shipping=new.shipping, most=amount)
    _check_amount(amount, plan.amount, "/amount/amount")
    _check_amount(plan.amount, left, _pointer(new))
    return plan


def _amount(payment: PaymentRow, new: RefundInput) -> int | None:
    """Return the amount of an input, or raise Validation if it is in another currency."""
    if new.amount is None:
        return None
    if new.amount.currency != payment.currency:
        detail = f"The payment is in {payment.currency}, not in {new.amount.currency}."
        raise Validation.at_pointer("/amount/currency", detail)
    return new.amount.amount


def _check_amount(amount: int | None, most: int, pointer: str) -> None:
    """Raise Validation if an amount is more than can be refunded, or nothing."""
    if amount is not None and not 1 <= amount <= most:
        detail = f"From 1 to {most} minor units can be refunded; {amount} were requested."
        raise Validation.at_pointer(pointer, detail, "out_of_range")


def _pointer(new: RefundInput) -> str:
    """Return the member that decides the amount."""
    if new.amount is not None:
        return "/amount/amount"
    return "/lines" if new.lines else "/shipping" if new.shipping else "/return_id"


def _requested_units(order: RefundableOrder, new: RefundInput) -> dict[str, int]:
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
