"""The setting PAYMENT_METHODS: what the shop offers, with optional countries and largest total.

The entries are separated by commas: `stripe,manual:bank_transfer;countries=DE+AT;max=50000`.
`stripe` and `fake` have no method of ours: the payer chooses a card or another one while paying.
"""

import re
from typing import Any

import msgspec

from tradepost.kit.schema.countries import is_country
from tradepost.kit.schema.money import MAX_AMOUNT

METHODS = {
    "stripe": "Card and other methods",
    "fake": "Test payment",
    "manual:bank_transfer": "Bank transfer",
    "manual:cash_on_delivery": "Cash on delivery",
}
"""What can be offered, as `provider` or `provider:method`, with the names for customers."""
ENTRY_EXAMPLE = "an entry is written like `manual:bank_transfer;countries=DE+AT;max=50000`"


class PaymentMethodRule(msgspec.Struct, frozen=True, kw_only=True):
    """A payment method that is offered.

    countries: the countries that it is offered in; empty: all.
    max_total: the largest amount in minor units; None: any.
    """

    provider: str
    method: str | None
    name: str
    countries: frozenset[str] = frozenset()
    max_total: int | None = None

    def offers(self, country: str | None, amount: int) -> bool:
        """Whether it is offered for an amount in a country, or in one that is not known yet."""
        is_in_country = not self.countries or country is None or country in self.countries
        return is_in_country and (self.max_total is None or amount <= self.max_total)


def parse_payment_methods(text: str) -> tuple[PaymentMethodRule, ...]:
    """Return the rules of the setting, or raise ValueError."""
    rules = [_parse_entry(entry.strip()) for entry in text.split(",") if entry.strip()]
    if len({(rule.provider, rule.method) for rule in rules}) < len(rules):
        raise ValueError("names a payment method twice")
    return tuple(rules)


def _parse_entry(entry: str) -> PaymentMethodRule:
    key, *options = [part.strip() for part in entry.split(";")]
    if key not in METHODS:
        raise ValueError(f"names the payment method `{key}`, which does not exist; choose from {', '.join(METHODS)}")
    provider, _, method = key.partition(":")
    limits: dict[str, Any] = {}
    for option in options:
        name, _, value = option.partition("=")
        if name == "countries" and name not in limits:
            limits[name] = _parse_countries(value)
        elif name == "max" and "max_total" not in limits and re.fullmatch("[0-9]{1,16}", value):
            limits["max_total"] = min(int(value), MAX_AMOUNT)
        else:
            raise ValueError(f"has an unknown, repeated or invalid option, `{option}`; {ENTRY_EXAMPLE}")
    return PaymentMethodRule(provider=provider, method=method or None, name=METHODS[key], **limits)


def _parse_countries(text: str) -> frozenset[str]:
    codes = [code.strip().upper() for code in text.split("+")]
    if not all(is_country(code) for code in codes):
        raise ValueError(f"names a country that is not an ISO 3166-1 code; {ENTRY_EXAMPLE}")
    return frozenset(codes)


BANK_TRANSFER = PaymentMethodRule(provider="manual", method="bank_transfer", name=METHODS["manual:bank_transfer"])
"""The method that a shop in production offers unless the setting says otherwise."""
TEST_PAYMENT = PaymentMethodRule(provider="fake", method=None, name=METHODS["fake"])
"""The method that needs no money, for the default profile only."""
