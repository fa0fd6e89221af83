"""Plans of refunds: an amount, the units and the shipping in it, and the tax."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import func, select

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
    next_units,
    reduce_to,
    refundable_units,
    sum_by_rate,
)


class RefundableOrder(msgspec.Struct, frozen=True):
    """The lines of an order, and what its refunds have already, but for those that failed.

    amounts: the amounts of the order by rate.
    shipping_left: the costs of shipping that were not refunded.
    """

    lines: Sequence[LineAmounts]
    refunded: Mapping[str, RefundedUnits]
    amounts: AmountsByRate
    shipping_left: int

    def units_left(self, line: LineAmounts) -> int:
        """Return how many units of a line can still be refunded."""
        return refundable_units(line, self.refunded.get(line.id, NOTHING))


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
    line, is_active = RefundLineRow, (RefundRow.order_id == order.id, RefundRow.status != "failed")
    sums = func.sum(line.amount_amount), func.sum(line.tax_amount), func.sum(line.quantity)
    query = select(line.order_line_id, *sums).join(RefundRow, RefundRow.id == line.refund_id).where(*is_active)
    rows = await context.session.execute(query.group_by(line.order_line_id))
    shipping = await context.session.scalar(select(func.sum(RefundRow.shipping_amount)).where(*is_active))
    return RefundableOrder(
        await load_line_amounts(context, order.id),
        # PostgreSQL returns sums of integers as Decimal.
        {id: RefundedUnits(int(total), int(tax), int(quantity)) for id, total, tax, quantity in rows},
        amounts_of_order(order.tax_lines),
        (order.delivery_total_amount or 0) - int(shipping or 0),
    )


def plan_amount(order: RefundableOrder, amount: int) -> RefundPlan:
    """Return the plan of a bare amount. Its tax is in proportion to that of the order."""
    return RefundPlan(amount, 0, (), reduce_to(order.amounts, amount))


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
