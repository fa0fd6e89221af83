"""Ids, times, names and prices from a seeded random generator, so that they can be reproduced."""

import math
from datetime import UTC, datetime, timedelta
from random import Random

from tradepost.kit.clock import to_rfc3339

BEGIN, END = datetime(2024, 10, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(rng: Random, time: datetime, type_number: int) -> str:
    """Return a UUIDv7 of a time, with a type number in its last byte (see `kit.ids`)."""
    milliseconds, bits = (time - EPOCH) // timedelta(milliseconds=1), rng.getrandbits(66)
    high, low = bits >> 54, bits & (1 << 54) - 1
    text = f"{milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 8 | type_number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def random_time(rng: Random, after: datetime, before: datetime) -> datetime:
    """Return a time between the two. As with the clock of the kit, its microsecond is never 0."""
    time = after + (before - after) * rng.random()
    return time if time.microsecond else time.replace(microsecond=1)


def timestamp(time: datetime) -> str:
    """Return the time as text, as the database stores it."""
    return to_rfc3339(time)


def nth_combination(slots: tuple[tuple[str, ...], ...], n: int) -> tuple[int, tuple[str, ...]]:
    """Return the n-th combination of one word per slot, and its round, from 1.

    All combinations come once, scattered, before they repeat in the next round.
    """
    size = math.prod(len(words) for words in slots)
    completed_rounds, index = divmod(n, size)
    stride = next(step for step in range(int(size * 0.618) or 1, 2 * size + 2) if math.gcd(step, size) == 1)
    index = (index * stride + size // 3) % size
    combination: list[str] = []
    for words in slots:
        index, i = divmod(index, len(words))
        combination.append(words[i])
    return completed_rounds + 1, tuple(combination)


def barcode(n: int) -> str:
    """Return the n-th EAN-13, scattered over the range for use within a company (prefix 2)."""
    digits = f"2{n * 7_368_787_201 % 10**11:011d}"
    total = sum(int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def shop_price(price: float, ending: int) -> int:
    """Round a price as shops do and return it in hundredths.

    Prices from 60 on are rounded to a multiple of 5, others to a whole number; then they get the
    ending .00, .90 or .95 just below.
    """
    whole = round(price) if price < 60 else round(price / 5) * 5
    return max(2, whole) * 100 - (100 - ending) % 100
