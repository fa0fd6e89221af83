"""Money: an integer of minor units and a currency, never a float."""

from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import Annotated

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision, list_currencies
from msgspec import Meta, Struct

from .fault_texts import described_pattern
from .validation import END_OF_TEXT

MAX_AMOUNT = 2**53 - 1

Currency = Annotated[
    str,
    Meta(
        pattern=described_pattern("^[A-Z]{3}" + END_OF_TEXT, "three capital letters, such as `EUR`"),
        description="An ISO 4217 currency code.",
        examples=["EUR"],
    ),
]
Amount = Annotated[
    int,
    Meta(
        ge=0,
        le=MAX_AMOUNT,
        description="Minor units of the currency, below 2^53.",
        examples=[1250],
        extra_json_schema={"format": "int64"},
    ),
]


class Money(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units: `{"amount": 1250, "currency": "EUR"}` is 12.50 euros."""

    amount: Amount
    currency: Currency


@cache
def currencies() -> frozenset[str]:
    """Return the known ISO 4217 codes."""
    return frozenset(list_currencies())


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency: JPY 0, EUR 2, KWD 3."""
    return get_currency_precision(currency)


def refund_step(currency: str) -> int:
    """Return the step in which prices are refunded in parts.

    Cards take amounts with three decimals only if they end in 0.
    """
    return 10 if exponent(currency) == 3 else 1


def format_money(amount: int, currency: str, language: str = "en") -> str:
    """Return an amount of minor units as text: `€12.50`, in German `12,50 €`.

    language: a BCP 47 tag.
    """
    return format_currency(Decimal(amount).scaleb(-exponent(currency)), currency, locale=_locale(language))


def _locale(language: str) -> Locale:
    """Return the CLDR locale of a BCP 47 tag, else that of its language, else English."""
    for name in (language, language.partition("-")[0]):
        with suppress(ValueError, UnknownLocaleError):
            return Locale.parse(name, sep="-")
    return Locale("en")
