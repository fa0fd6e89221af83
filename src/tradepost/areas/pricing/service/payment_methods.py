"""The payment methods that are offered for a total, by the setting PAYMENT_METHODS."""

from collections.abc import Callable, Mapping, Sequence

from ..payment_method_setting import PaymentMethodRule
from ..schemas import PaymentMethod

type CanCharge = Callable[[int], bool]
"""Whether a provider accepts a payment of an amount in the currency of the shop."""


class PaymentMethods:
    """The payment methods of this shop. `bootstrap.py` makes it from the settings.

    can_charge: of providers that do not take every amount.
    """

    def __init__(self, rules: Sequence[PaymentMethodRule], can_charge: Mapping[str, CanCharge] = {}) -> None:
        self.rules, self.can_charge = tuple(rules), can_charge

    def has(self, provider: str, method: str | None) -> bool:
        """Whether the shop has a method, for some orders at least."""
        return any((rule.provider, rule.method) == (provider, method) for rule in self.rules)

    def offered(self, country: str | None, amount: int) -> list[PaymentMethod]:
        """Return the methods for an amount of minor units, in the order of the setting.

        country: of taxation; None if it is not known yet.
        """
        return [
            PaymentMethod(r.provider, r.method, r.name)
            for r in self.rules
            if r.offers(country, amount) and self._can_charge(r.provider, amount)
        ]

    def _can_charge(self, provider: str, amount: int) -> bool:
        check = self.can_charge.get(provider)
        return check is None or check(amount)
