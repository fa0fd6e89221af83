"""The settings of carts."""

import msgspec

from tradepost.areas.pricing.service import TaxRules


class CartSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that carts depend on.

    currency: the ISO 4217 code of all prices.
    country: the country whose tax applies if there is no address.
    days: days after its last change that a cart expires.
    max_quantity: the largest quantity of a line.
    """

    currency: str = "EUR"
    country: str = "DE"
    tax_rules: TaxRules = TaxRules()
    days: int = 30
    max_quantity: int = 99
