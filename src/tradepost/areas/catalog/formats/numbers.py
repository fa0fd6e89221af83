"""Parses numbers as people write them: decimal separators, and exact amounts in minor units."""

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Literal

type DecimalSeparator = Literal[".", ","]

# Between digits: a space of any width, and the Swiss apostrophe.
GAPS = re.compile(r"[\s\u00a0\u202f'\u2019]+")
# Has decimals or a thousands separator: `1.299`.
AMBIGUOUS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
# A number by its decimal separator; the other separator may group its thousands.
NUMBER_PATTERNS: dict[str, re.Pattern[str]] = {
    ".": re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d*)(?:\.(?P<fraction>\d*))?"),
    ",": re.compile(r"(?P<whole>\d{1,3}(?:\.\d{3})+|\d*)(?:,(?P<fraction>\d*))?"),
}
WITHOUT_SEPARATORS = str.maketrans("", "", ".,")
# The default context rounds numbers of more than 28 digits.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def without_gaps(text: str) -> str:
    """Return the text without the gaps between its digits."""
    return GAPS.sub("", text) if not text.isdigit() else text


class SeparatorEvidence:
    """Collects from all prices of a file which decimal separator they use.

    `1.299` alone does not decide: it may be about one euro or more than a thousand.
    """

    def __init__(self) -> None:
        self.votes: dict[str, int] = {".": 0, ",": 0}
        self.ambiguous: str | None = None

    def add(self, cell: str) -> None:
        """Count one price."""
        text = without_gaps(cell)
        if text.isdigit() or not text:
            return
        dots, commas = text.count("."), text.count(",")
        if AMBIGUOUS.fullmatch(text):
            self.ambiguous = self.ambiguous or text
        elif dots and commas:
            self.votes["." if text.rfind(".") > text.rfind(",") else ","] += 1
        elif dots > 1 or commas > 1:
            self.votes["," if dots else "."] += 1
        elif dots or commas:
            self.votes["." if dots else ","] += 1

    def separator(self) -> DecimalSeparator | None:
        """Return the separator that most prices use; None on a tie."""
        dots, commas = self.votes["."], self.votes[","]
        return None if dots == commas else "." if dots > commas else ","

    @property
    def is_relevant(self) -> bool:
        """Whether the separator makes a difference to any price."""
        return self.ambiguous is not None or any(self.votes.values())


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


def parse_measure(text: str) -> Decimal | None:
    """Return a measure such as a weight, or None if the text is not one.

    Thousands are never grouped, so both a dot and a comma are decimal separators.
    """
    plain = without_gaps(text).replace(",", ".")
    if not re.fullmatch(r"\d+\.?\d*|\.\d+", plain):
        return None
    return Decimal(f"0{plain}" if plain.startswith(".") else plain)
