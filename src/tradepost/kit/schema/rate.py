"""Rates: decimal strings of percent on the wire, parts per million in the database.

`"8.875"` is 8.875 %, which is 88,750 parts per million. One ten-thousandth of a percent is one
part per million, so no value is rounded.
"""

from typing import Annotated

from msgspec import Meta

from .fault_texts import described_pattern
from .validation import END_OF_TEXT

DECIMALS = 4
PARTS_PER_PERCENT = 10**DECIMALS

Rate = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            rf"^(100(\.0{{1,{DECIMALS}}})?|[0-9]{{1,2}}(\.[0-9]{{1,{DECIMALS}}})?)" + END_OF_TEXT,
            "a percentage from 0 to 100 with at most 4 decimals, such as `8.875`",
        ),
        description="A percentage from 0 to 100 as text, with at most 4 decimals.",
        examples=["19"],
        extra={"rate": True},
    ),
]


def parts_per_million(text: str) -> int:
    """Return a rate of the wire as parts per million."""
    whole, _, decimals = text.partition(".")
    return int(whole) * PARTS_PER_PERCENT + int(decimals.ljust(DECIMALS, "0"))


def rate_text(parts: int) -> str:
    """Return parts per million as a rate of the wire, without trailing zeros."""
    whole, decimals = divmod(parts, PARTS_PER_PERCENT)
    return f"{whole}.{decimals:0{DECIMALS}}".rstrip("0").rstrip(".")
