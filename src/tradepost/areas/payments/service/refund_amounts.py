"""The amounts of refunds: what units and shipping are worth, and the tax in an amount.

A part of an amount is its total with tax and the tax in it, at one rate. Units are refunded from
the end of their line, and cancelled from its start. So the refunds of a line add up to its total
exactly, in whatever steps its units are refunded.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tradepost.areas.orders.service import LineAmounts
from tradepost.kit.schema.money import refund_step
from tradepost.kit.schema.money_arithmetic import allocate, divide, share


class TaxedAmount(msgspec.Struct, frozen=True):
    """An amount with the tax in it."""

    total: int
    tax: int


class RefundedUnits(TaxedAmount, frozen=True):
    """Units of a line that are refunded, or the units to refund next."""

    quantity: int


type AmountsByRate = Mapping[str, TaxedAmount]
"""Amounts by rate of tax, which is written as in the order's `tax_lines`."""

NOTHING = RefundedUnits(0, 0, 0)


def next_units(line: LineAmounts, refunded: RefundedUnits, quantity: int) -> RefundedUnits:
    """Return what the next units of a line are worth.

    refunded: the units in the line's refunds that have not failed. What they already have is
        subtracted from the worth of all units, so that failures in between leave no gap.
    """
    units, step = refunded.quantity + quantity, refund_step(line.currency)
    total = share(line.total, units, line.quantity, line.quantity - units, step)
    tax = share(line.tax, units, line.quantity, line.quantity - units)
    value = max(0, total - refunded.total)
    return RefundedUnits(value, min(value, max(0, tax - refunded.tax)), quantity)


def cancelled_units(line: LineAmounts) -> TaxedAmount:
    """Return what the cancelled units of a line are worth."""
    total = share(line.total, line.cancelled, line.quantity, step=refund_step(line.currency))
    return TaxedAmount(total, share(line.tax, line.cancelled, line.quantity))


def refundable_units(line: LineAmounts, refunded: RefundedUnits) -> int:
    """Return how many units of a line can still be refunded."""
    return max(0, line.quantity - line.cancelled - refunded.quantity)


def sum_by_rate(units: Iterable[tuple[str, TaxedAmount]]) -> AmountsByRate:
    """Return the sums of amounts, each with its rate, by rate."""
    sums = dict[str, TaxedAmount]()
    for rate, amount in units:
        before = sums.get(rate, NOTHING)
        sums[rate] = TaxedAmount(before.total + amount.total, before.tax + amount.tax)
    return sums


def amounts_of_order(tax_lines: Iterable[Mapping[str, Any]]) -> AmountsByRate:
    """Return the amounts of an order by rate."""
    return {
        line["percentage"]: TaxedAmount(line["taxable"]["amount"] + line["tax"]["amount"], line["tax"]["amount"])
        for line in tax_lines
    }


def amounts_of_shipping(order: AmountsByRate, lines: Iterable[LineAmounts]) -> AmountsByRate:
    """Return what is left of the amounts of an order without its lines."""
    return subtract(order, sum_by_rate([(line.rate, TaxedAmount(line.total, line.tax)) for line in lines]))


def subtract(amounts: AmountsByRate, others: AmountsByRate) -> AmountsByRate:
    """Return the differences of amounts, none of them below 0."""
    return {
        rate: TaxedAmount(
            max(0, amount.total - others.get(rate, NOTHING).total), max(0, amount.tax - others.get(rate, NOTHING).tax)
        )
        for rate, amount in amounts.items()
    }


def reduce_to(amounts: AmountsByRate, total: int) -> AmountsByRate:
    """Return amounts in the same proportion with another total, each with its tax."""
    parts = allocate(total, [amount.total for amount in amounts.values()])
    return {
        rate: TaxedAmount(part, divide(amount.tax * part, amount.total) if amount.total else 0)
        for (rate, amount), part in zip(amounts.items(), parts, strict=True)
    }


def tax_lines(amounts: AmountsByRate, currency: str) -> list[dict[str, Any]]:
    """Return amounts as the tax lines of a refund. Rates without an amount are left out."""
    return [
        {
            "percentage": rate,
            "taxable": {"amount": amount.total - amount.tax, "currency": currency},
            "tax": {"amount": amount.tax, "currency": currency},
        }
        for rate, amount in amounts.items()
        if amount.total
    ]
