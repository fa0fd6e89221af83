"""Chance that can be repeated: ids, times, names and prices that follow from a number alone."""

import math
from datetime import UTC, datetime, timedelta
from random import Random

from tradepost.kit.clock import to_rfc3339

BEGIN, END = datetime(2024, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(chance: Random, moment: datetime, number: int) -> str:
    """A UUIDv7 of that moment, of the kind with that number (see `kit.identity`)."""
    milliseconds, bits = (moment - EPOCH) // timedelta(milliseconds=1), chance.getrandbits(66)
    text = f"{milliseconds << 80 | 0x7 << 76 | (bits >> 54) << 64 | 0b10 << 62 | (bits & (1 << 54) - 1) << 8 | number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def moment(chance: Random, after: datetime, before: datetime) -> datetime:
    """A time between the two; like the clock's, its microsecond is never 0."""
    found = after + (before - after) * chance.random()
    return found if found.microsecond else found.replace(microsecond=1)


def written(moment: datetime) -> str:
    """The time as text."""
    return to_rfc3339(moment)


def nth(slots: tuple[tuple[str, ...], ...], n: int) -> tuple[int, tuple[str, ...]]:
    """The n-th choice of one word from each slot. All choices come once before the first comes again; the round is told, from 1."""
    size = math.prod(len(words) for words in slots)
    turn, at = divmod(n, size)
    stride = next(step for step in range(int(size * 0.618) or 1, 2 * size + 2) if math.gcd(step, size) == 1)
    at = (at * stride + size // 3) % size
    found: list[str] = []
    for words in slots:
        at, i = divmod(at, len(words))
        found.append(words[i])
    return turn + 1, tuple(found)


def barcode(n: int) -> str:
    """The n-th EAN-13 of the range that shops may use among themselves (20 to 29), scattered."""
    digits = f"2{n * 7_368_787_201 % 10**11:011d}"
    total = sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def neat(price: float, ending: int) -> int:
    """A price in hundredths that ends as shop prices do: on .00, .90 or .95, a higher one also on 5 or 10."""
    whole = round(price) if price < 60 else round(price / 5) * 5
    return max(2, whole) * 100 - (100 - ending) % 100
