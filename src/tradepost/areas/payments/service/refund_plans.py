"""Plans of refunds: an amount, the units and the shipping in it, and the tax."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, select

from tradepost.areas.orders.service import LineAmounts, OrderRow, load_line_amounts
from tradepost.kit.writes.call_context import CallContext

from ..models import RefundLineRow, RefundRow
from .refund_amounts import (
    NOTHING,
    AmountsByRate,
    RefundedUnits,
    TaxedAmount,
    amounts_of_order,
    amounts_of_shipping,
    cancelled_units,
    next_units,
    reduce_to,
    refundable_units,
    subtract,
    sum_by_rate,
)

SYSTEM, UNITS_CANCELLED = "system", "units_cancelled"


class RefundableOrder(msgspec.Struct, frozen=True):
    """The lines of an order, and what its refunds have already, but for those that failed.

    amounts: the amounts of the order by rate.
    amounts_left: what is left of them.
    cancelled_left: what is left of the amounts of cancelled units.
    shipping_left: the costs of shipping that were not refunded.
    """

    lines: Sequence[LineAmounts]
    refunded: Mapping[str, RefundedUnits]
    amounts: AmountsByRate
    amounts_left: AmountsByRate
    cancelled_left: AmountsByRate
    shipping_left: int

    def units_left(self, line: LineAmounts) -> int:
        """Return how many units of a line can still be refunded."""
        return refundable_units(line, self.refunded.get(line.id, NOTHING))

    def limit(self, units: Mapping[str, int]) -> dict[str, int]:
        """Return units by line, no more than can still be refunded."""
        return {line.id: min(units.get(line.id, 0), self.units_left(line)) for line in self.lines}


class RefundPlan(msgspec.Struct, frozen=True):
    """A refund to be made.

    shipping: the part of the amount for shipping.
    units: the units in it and what they are worth.
    amounts: the amount by rate of tax.
    """

    amount: int
    shipping: int
    units: Sequence[tuple[LineAmounts, RefundedUnits]]
    amounts: AmountsByRate


async def load_refundable(context: CallContext, order: OrderRow) -> RefundableOrder:
    """Return what can be refunded of a locked order."""
    query = select(RefundRow.shipping_amount, RefundRow.tax_lines, RefundRow.reason, RefundRow.actor)
    rows = (await context.session.execute(query.where(*_active(order)))).all()
    lines, amounts = await load_line_amounts(context, order.id), amounts_of_order(order.tax_lines)
    taxes = [(tax_lines, actor == SYSTEM and reason == UNITS_CANCELLED) for _, tax_lines, reason, actor in rows]
    cancelled = sum_by_rate([(line.rate, cancelled_units(line)) for line in lines])
    return RefundableOrder(
        lines,
        await _refunded_units(context, order),
        amounts,
        subtract(amounts, _sum_tax_lines([tax_lines for tax_lines, _ in taxes])),
        subtract(cancelled, _sum_tax_lines([tax_lines for tax_lines, is_cancelled in taxes if is_cancelled])),
        (order.delivery_total_amount or 0) - sum([shipping for shipping, *_ in rows]),
    )


async def _refunded_units(context: CallContext, order: OrderRow) -> dict[str, RefundedUnits]:
    """Return the units in the refunds of an order, by line."""
    line = RefundLineRow
    sums = func.sum(line.amount_amount), func.sum(line.tax_amount), func.sum(line.quantity)
    query = select(line.order_line_id, *sums).join(RefundRow, RefundRow.id == line.refund_id).where(*_active(order))
    rows = await context.session.execute(query.group_by(line.order_line_id))
    # PostgreSQL returns sums of integers as Decimal.
    return {id: RefundedUnits(int(total), int(tax), int(quantity)) for id, total, tax, quantity in rows}


def _active(order: OrderRow) -> tuple[ColumnElement[bool], ...]:
    """The refunds of an order that have not failed."""
    return RefundRow.order_id == order.id, RefundRow.status != "failed"


def _sum_tax_lines(tax_lines: Sequence[Sequence[Mapping[str, Any]]]) -> AmountsByRate:
    return sum_by_rate([pair for lines in tax_lines for pair in amounts_of_order(lines).items()])


def plan_amount(order: RefundableOrder, amount: int) -> RefundPlan:
    """Return the plan of a bare amount.

    Its tax is in proportion to that of the order. If nothing is left then, it is what is left.
    """
    is_rest = amount == sum([part.total for part in order.amounts_left.values()])
    return RefundPlan(amount, 0, (), order.amounts_left if is_rest else reduce_to(order.amounts, amount))


def plan_cancelled(order: RefundableOrder, amount: int) -> RefundPlan:
    """Return the plan of an amount that was captured for units which are cancelled now."""
    has_left = any(part.total for part in order.cancelled_left.values())
    return RefundPlan(amount, 0, (), reduce_to(order.cancelled_left if has_left else order.amounts, amount))


def plan_units(
    order: RefundableOrder, quantities: Mapping[str, int], *, shipping: bool, most: int | None = None
) -> RefundPlan:
    """Return the plan of units, by line, and of shipping.

    most: a smaller amount. It covers the costs of shipping first.
    """
    units = [
        (line, next_units(line, order.refunded.get(line.id, NOTHING), quantities[line.id]))
        for line in order.lines
        if quantities.get(line.id)
    ]
    worth = sum([value.total for _, value in units])
    shipping_left = order.shipping_left if shipping else 0
    amount = worth + shipping_left if most is None else min(most, worth + shipping_left)
    shipping_amount = min(shipping_left, amount)
    by_rate = reduce_to(sum_by_rate([(line.rate, value) for line, value in units]), amount - shipping_amount)
    of_shipping = reduce_to(amounts_of_shipping(order.amounts, order.lines), shipping_amount)
    amounts: list[tuple[str, TaxedAmount]] = [*by_rate.items(), *of_shipping.items()]
    return RefundPlan(amount, shipping_amount, units, sum_by_rate(amounts))
