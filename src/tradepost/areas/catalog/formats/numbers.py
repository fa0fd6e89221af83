"""Numbers as people write them: which sign stands before the decimals, and amounts in minor units, exactly."""

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Literal

type DecimalSeparator = Literal[".", ","]

# Between digits: a space of any width, and the apostrophe of Switzerland.
GAPS = re.compile(r"[\s\u00a0\u202f'\u2019]+")
OPEN = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
WRITTEN: dict[str, re.Pattern[str]] = {
    ".": re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d*)(?:\.(?P<part>\d*))?"),
    ",": re.compile(r"(?P<whole>\d{1,3}(?:\.\d{3})+|\d*)(?:,(?P<part>\d*))?"),
}


def without_gaps(text: str) -> str:
    """The text without the gaps between its digits."""
    return GAPS.sub("", text) if not text.isdigit() else text


class SeparatorEvidence:
    """What all prices of a file together say about its decimal sign. `1.299` alone says nothing: it may be one euro or a thousand."""

    def __init__(self) -> None:
        self.votes: dict[str, int] = {".": 0, ",": 0}
        self.ambiguous: str | None = None

    def add(self, cell: str) -> None:
        """Hears one price."""
        text = without_gaps(cell)
        if text.isdigit() or not text:
            return
        dots, commas = text.count("."), text.count(",")
        if OPEN.fullmatch(text):
            self.ambiguous = self.ambiguous or text
        elif dots and commas:
            self.votes["." if text.rfind(".") > text.rfind(",") else ","] += 1
        elif dots > 1 or commas > 1:
            self.votes["," if dots else "."] += 1
        elif dots or commas:
            self.votes["." if dots else ","] += 1

    def separator(self) -> DecimalSeparator | None:
        """The sign that most prices show; None where none shows one."""
        dot, comma = self.votes["."], self.votes[","]
        return None if dot == comma else "." if dot > comma else ","

    @property
    def is_relevant(self) -> bool:
        """Whether the sign makes a difference to any price."""
        return self.ambiguous is not None or any(self.votes.values())


def parse_decimal(text: str, sign: DecimalSeparator) -> Decimal | None:
    """The number, its thousands set off by the other sign or not at all; None where it is none."""
    found = WRITTEN[sign].fullmatch(without_gaps(text))
    if found is None or not (found["whole"] or found["part"]):
        return None
    return Decimal(f"{found['whole'].translate(DROPPED) or '0'}.{found['part'] or '0'}")


DROPPED = str.maketrans("", "", ".,")
# The usual context would round what has more than 28 digits.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def to_minor_units(number: Decimal, exponent: int) -> int | None:
    """The number in minor units of a currency with so many decimals; None where it has more decimals that are not zero."""
    scaled = number.scaleb(exponent, EXACT)
    return int(scaled) if scaled == scaled.to_integral_value() else None


def parse_measure(text: str) -> Decimal | None:
    """A measure such as a weight: it has no thousands, so either sign stands before its decimals."""
    plain = without_gaps(text).replace(",", ".")
    return (
        Decimal(plain if not plain.startswith(".") else f"0{plain}")
        if re.fullmatch(r"\d+\.?\d*|\.\d+", plain)
        else None
    )
