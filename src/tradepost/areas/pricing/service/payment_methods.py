"""The payment methods that are offered for a total, by the setting PAYMENT_METHODS."""

from collections.abc import Sequence

from ..payment_method_setting import PaymentMethodRule
from ..schemas import PaymentMethod


class PaymentMethods:
    """The payment methods of this shop. `bootstrap.py` makes it from the settings."""

    def __init__(self, rules: Sequence[PaymentMethodRule]) -> None:
        self.rules = tuple(rules)

    def has(self, provider: str, method: str | None) -> bool:
        """Whether the shop has a method, for some orders at least."""
        return any((rule.provider, rule.method) == (provider, method) for rule in self.rules)

    def offered(self, country: str | None, amount: int) -> list[PaymentMethod]:
        """Return the methods for an amount of minor units, in the order of the setting.

        country: of taxation; None if it is not known yet.
        """
        return [PaymentMethod(r.provider, r.method, r.name) for r in self.rules if r.offers(country, amount)]
