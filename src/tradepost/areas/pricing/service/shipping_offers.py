"""The shipping methods that can deliver a parcel, with their prices (SELLING.md, 2)."""

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from msgspec import Struct
from sqlalchemy import select

from tradepost.kit.db.column_types import decode_json
from tradepost.kit.writes.call_context import CallContext

from ..models import ShippingMethodRow
from .totals import ShippingCharge

METHODS = (
    select(
        ShippingMethodRow.id,
        ShippingMethodRow.code,
        ShippingMethodRow.name,
        ShippingMethodRow.price_amount,
        ShippingMethodRow.free_from_amount,
        ShippingMethodRow.min_weight_grams,
        ShippingMethodRow.max_weight_grams,
        ShippingMethodRow.countries,
        ShippingMethodRow.tax_class,
        ShippingMethodRow.used,
    )
    .where(ShippingMethodRow.active.is_(True))
    .order_by(ShippingMethodRow.position, ShippingMethodRow.id)
)


class Parcel(Struct, frozen=True):
    """The goods to deliver. `goods`: the price of all goods after discounts, in minor units.

    country: of delivery; None if it is not known yet, so that all countries' methods are offered.
    """

    country: str | None
    weight_grams: int
    goods: int


class ShippingOffer(Struct, frozen=True):
    """A shipping method that can deliver a parcel, and its charge.

    is_new: whether it is a stored method that no order has used.
    """

    id: str
    code: str
    name: str
    charge: ShippingCharge
    is_new: bool = False


class ShippingProvider(Protocol):
    """Finds the offers for a parcel. An external service is one more class with this method."""

    async def offers(self, context: CallContext, parcel: Parcel) -> Sequence[ShippingOffer]:
        """Return the offers, in the order in which they are shown."""
        ...


class StoredShippingMethods:
    """The shipping methods that staff keep in the shop."""

    async def offers(self, context: CallContext, parcel: Parcel) -> Sequence[ShippingOffer]:
        """Return the active methods for the country and the weight, sorted by position."""
        methods = [_Method(*row) for row in await context.fetch_all(METHODS, {})]
        return [
            ShippingOffer(m.id, m.code, m.name, ShippingCharge(m.price_for(parcel), m.tax_class), not m.used)
            for m in methods
            if m.delivers(parcel)
        ]


class _Method(Struct, frozen=True):
    id: str
    code: str
    name: str
    price: int
    free_from: int | None
    min_weight: int
    max_weight: int | None
    countries: Any
    tax_class: str | None
    used: bool

    def delivers(self, parcel: Parcel) -> bool:
        countries: list[str] = decode_json(self.countries)
        fits = self.min_weight <= parcel.weight_grams and (
            self.max_weight is None or parcel.weight_grams <= self.max_weight
        )
        return fits and (not countries or parcel.country is None or parcel.country in countries)

    def price_for(self, parcel: Parcel) -> int:
        return 0 if self.free_from is not None and parcel.goods >= self.free_from else self.price


def shipping_offers(context: CallContext, parcel: Parcel) -> Awaitable[Sequence[ShippingOffer]]:
    """Return the offers for a parcel, from the provider of this process."""
    return (context.dependencies.get(ShippingProvider) or STORED_METHODS).offers(context, parcel)


STORED_METHODS = StoredShippingMethods()
