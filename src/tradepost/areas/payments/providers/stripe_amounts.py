"""Amounts at Stripe, which has its own list of currencies: https://docs.stripe.com/currencies.

Our minor units follow CLDR's decimals of a currency, Stripe's its own: it counts ISK, UGX and nine
more currencies without decimals (such as RSD) in hundredths. An amount is converted by the
difference, whatever the two lists say of a currency.
"""

from tradepost.kit.schema.money import exponent

# fmt: off
ZERO_DECIMAL = frozenset({
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
})
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
TWO_DECIMAL = frozenset({
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BMD", "BND",
    "BOB", "BRL", "BSD", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CVE", "CZK", "DKK", "DOP",
    "DZD", "EGP", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF",
    "IDR", "ILS", "INR", "ISK", "JMD", "KES", "KGS", "KHR", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD",
    "MDL", "MKD", "MMK", "MNT", "MOP", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR",
    "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SEK", "SGD",
    "SHP", "SLE", "SOS", "SRD", "STD", "SZL", "THB", "TJS", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD",
    "UYU", "UZS", "WST", "XCD", "YER", "ZAR", "ZMW",
})
MINIMUM = {
    "AED": 200, "ARS": 50, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "COP": 50, "CZK": 1500, "DKK": 250,
    "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "IDR": 50, "ILS": 50, "INR": 50, "JPY": 50, "KRW": 50, "MXN": 1000,
    "MYR": 200, "NOK": 300, "NZD": 50, "PHP": 50, "PLN": 200, "RON": 200, "RUB": 50, "SEK": 300, "SGD": 50,
    "THB": 1000, "USD": 50, "ZAR": 50,
}
"""The smallest charge if the account is paid out in the same currency. Others are converted."""
MAX_DIGITS = {"COP": 10, "HUF": 10, "IDR": 12, "INR": 9, "JPY": 10, "LBP": 11}
# fmt: on
MAX_DIGITS_OF_OTHERS = 8


class UnknownCurrency(ValueError):
    """Stripe takes no payments in a currency."""


def to_stripe(amount: int, currency: str) -> int:
    """Return an amount as Stripe counts it.

    Raise ValueError if Stripe cannot represent it, or does not accept the currency.
    """
    factor = 10 ** (stripe_exponent(currency) - exponent(currency))
    if amount % price_step(currency):
        raise ValueError(f"{amount} {currency} is not a multiple of {price_step(currency)}")
    return int(amount * factor)


def from_stripe(amount: int, currency: str) -> int:
    """Return an amount of Stripe in our minor units, or raise ValueError."""
    shift = stripe_exponent(currency) - exponent(currency)
    if shift <= 0:
        return amount * 10**-shift
    whole, rest = divmod(amount, 10**shift)
    if rest:
        raise ValueError(f"Stripe's {amount} {currency} is not a multiple of {10**shift}")
    return whole


def price_step(currency: str) -> int:
    """Return the step of prices that Stripe can charge, in our minor units.

    Amounts of currencies with three decimals have to end in 0. Currencies that Stripe does not take
    have no step of their own.
    """
    if currency in THREE_DECIMAL:
        return 10
    if not takes_currency(currency):
        return 1
    return 10 ** max(exponent(currency) - stripe_exponent(currency), 0)


def takes_currency(currency: str) -> bool:
    """Whether Stripe takes payments in a currency."""
    return currency in TWO_DECIMAL or currency in ZERO_DECIMAL or currency in THREE_DECIMAL


def is_chargeable(amount: int, currency: str) -> bool:
    """Whether Stripe accepts a payment of an amount."""
    try:
        counted = to_stripe(amount, currency)
    except ValueError:
        return False
    digits = MAX_DIGITS.get(currency, MAX_DIGITS_OF_OTHERS)
    return MINIMUM.get(currency, 1) <= counted < 10**digits


def stripe_exponent(currency: str) -> int:
    """Return the number of decimals of a currency at Stripe, or raise UnknownCurrency."""
    if currency in TWO_DECIMAL:
        return 2
    if currency in ZERO_DECIMAL:
        return 0
    if currency in THREE_DECIMAL:
        return 3
    raise UnknownCurrency(f"Stripe takes no payments in {currency}")
