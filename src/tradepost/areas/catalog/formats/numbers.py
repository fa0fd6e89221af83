"""Parses numbers as people write them: decimal separators, and exact amounts in minor units.

One rule for prices, counts and weights: a number such as `12.5` shows the decimal separator of the
file. `1.290` does not: it is about one, or more than a thousand. It is read by what the other
numbers show; if they show nothing, or contradict each other, the user decides.
"""

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import lru_cache
from typing import Literal

from msgspec import Struct

type DecimalSeparator = Literal[".", ","]

# Between digits: a space of any width, and the Swiss apostrophe.
GAPS = re.compile(r"[\s\u00a0\u202f'\u2019]+")
# A number by its decimal separator; the other separator may group its thousands.
NUMBER_PATTERNS: dict[DecimalSeparator, re.Pattern[str]] = {
    ".": re.compile(r"(?P<whole>[1-9]\d{0,2}(?:,\d{3})+|\d*)(?:\.(?P<fraction>\d*))?"),
    ",": re.compile(r"(?P<whole>[1-9]\d{0,2}(?:\.\d{3})+|\d*)(?:,(?P<fraction>\d*))?"),
}
MAX_NUMBER_LENGTH = 40
WITHOUT_SEPARATORS = str.maketrans("", "", ".,")
# The default context rounds numbers of more than 28 digits.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def without_gaps(text: str) -> str:
    """Return the text without the gaps between its digits."""
    return GAPS.sub("", text) if not text.isdigit() else text


class Witness(Struct, frozen=True):
    """A number that shows a decimal separator, and its line."""

    text: str
    line: int


class SeparatorEvidence:
    """Collects from the numbers of a file which decimal separator they use.

    witnesses: the first number that shows each separator.
    ambiguous: the first number with each separator that may group thousands as well.
    """

    def __init__(self) -> None:
        self.witnesses: dict[DecimalSeparator, Witness] = {}
        self.ambiguous: dict[DecimalSeparator, Witness] = {}

    def add(self, cell: str, line: int = 0) -> None:
        """Take one number into account. Other texts show nothing."""
        if cell.isdigit():
            return
        separators = possible_separators(cell)
        if len(separators) == 1:
            self.witnesses.setdefault(separators[0], Witness(cell, line))
        elif separators:
            self.ambiguous.setdefault("." if "." in cell else ",", Witness(cell, line))

    def separator(self) -> DecimalSeparator | None:
        """Return the separator that all numbers use; None if they leave it open."""
        return next(iter(self.witnesses)) if len(self.witnesses) == 1 else None

    @property
    def is_contradictory(self) -> bool:
        """Whether the numbers use both separators."""
        return len(self.witnesses) > 1

    @property
    def is_relevant(self) -> bool:
        """Whether the separator makes a difference to any number."""
        return bool(self.ambiguous or self.witnesses)


@lru_cache(maxsize=2000)
def possible_separators(text: str) -> tuple[DecimalSeparator, ...]:
    """Return the decimal separators with which a text is a number. Whole numbers have none."""
    plain = without_gaps(text).lstrip("+-")
    if len(text) > MAX_NUMBER_LENGTH or not ("." in plain or "," in plain):
        return ()
    return tuple([separator for separator in NUMBER_PATTERNS if parse_decimal(plain, separator) is not None])


def parse_decimal(text: str, separator: DecimalSeparator) -> Decimal | None:
    """Return the number, or None if the text is not one. Thousands may be grouped."""
    match = NUMBER_PATTERNS[separator].fullmatch(without_gaps(text))
    if match is None or not (match["whole"] or match["fraction"]):
        return None
    return Decimal(f"{match['whole'].translate(WITHOUT_SEPARATORS) or '0'}.{match['fraction'] or '0'}")


def to_minor_units(number: Decimal, exponent: int) -> int | None:
    """Return the amount in minor units of a currency with `exponent` decimals.

    None if the number has more decimals than that, unless they are zeros.
    """
    scaled = number.scaleb(exponent, EXACT)
    return int(scaled) if scaled == scaled.to_integral_value() else None
