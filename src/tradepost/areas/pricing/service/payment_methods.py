"""The payment methods that are offered for a total, by the setting PAYMENT_METHODS."""

from collections.abc import Sequence
from typing import Protocol

from ..schemas import PaymentMethod


class PaymentMethodRule(Protocol):
    """A payment method, and where it is offered."""

    @property
    def provider(self) -> str:
        """The provider, such as `manual`."""
        ...

    @property
    def method(self) -> str:
        """The provider's method, such as `bank_transfer`."""
        ...

    @property
    def name(self) -> str:
        """The name that customers see."""
        ...

    def offers(self, country: str | None, amount: int) -> bool:
        """Whether it is offered for an amount of minor units in a country."""
        ...


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
