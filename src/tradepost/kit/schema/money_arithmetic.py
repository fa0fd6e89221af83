"""Arithmetic with amounts in minor units: integers in, integers out, rounded once.

A rate is an integer of parts per million: 19 % is 190,000.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from .money import Money

type Rounding = Literal["half_up", "half_even"]

MILLION = 1_000_000


def divide(numerator: int, denominator: int, rounding: Rounding = "half_up") -> int:
    """Return the quotient of two non-negative integers, rounded to a whole number."""
    quotient, remainder = divmod(numerator, denominator)
    is_tie = 2 * remainder == denominator
    rounds_up = quotient % 2 == 1 if is_tie and rounding == "half_even" else 2 * remainder >= denominator
    return quotient + rounds_up


def apply_rate(amount: int, rate: int, rounding: Rounding = "half_up", step: int = 1) -> int:
    """Return a rate of an amount: the tax on a price without tax, or a percentage of a discount.

    It is rounded to a multiple of `step` units.
    """
    return divide(amount * rate, MILLION * step, rounding) * step


def included_part(amount: int, rate: int, rounding: Rounding = "half_up") -> int:
    """Return the part of an amount that a rate has added to it: the tax in a price with tax."""
    return divide(amount * rate, MILLION + rate, rounding)


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights, so that the parts add up to it exactly.

    By largest remainder (the method of Hamilton); of equal remainders the earlier part gets the
    unit. If all weights are 0, all parts are 0.
    """
    weight = sum(weights)
    if weight == 0:
        return [0] * len(weights)
    parts = [total * w // weight for w in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % weight), i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def share(total: int, units: int, quantity: int, start: int = 0, step: int = 1) -> int:
    """Return what `units` units of a line are worth, after the first `start` units.

    The first k of q units are worth `total * k / q`, rounded half up. So all units of a line are
    worth its total, in whatever steps they are cancelled, returned or refunded. If the total is a
    multiple of `step`, so are all parts.
    """
    steps, rest = divmod(total, step)
    if rest:
        return share(total, units, quantity, start)
    return (divide(steps * (start + units), quantity) - divide(steps * start, quantity)) * step


def add(amounts: Iterable[Money], currency: str) -> Money:
    """Return the sum of amounts. Raise ValueError if one is in another currency."""
    total = 0
    for money in amounts:
        if money.currency != currency:
            raise ValueError(f"cannot add {money.currency} to {currency}")
        total += money.amount
    return Money(total, currency)
