"""The taxes of a place (SELLING.md, 2)."""

from collections.abc import Awaitable, Mapping
from typing import Protocol

from msgspec import Struct
from sqlalchemy import bindparam, or_, select

from tradepost.kit.writes.call_context import CallContext

from ..models import TaxRateRow

# fmt: off
EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})
# fmt: on
"""The members of the European Union, which tax deliveries to consumers at their own rates."""
STANDARD = "standard"
"""The tax class that stands in for classes without a rate."""
RATES = select(TaxRateRow.country, TaxRateRow.region, TaxRateRow.tax_class, TaxRateRow.percentage).where(
    TaxRateRow.active.is_(True),
    or_(TaxRateRow.country == bindparam("country", None), TaxRateRow.country == bindparam("shop_country", None)),
)


class TaxPlace(Struct, frozen=True):
    """Where something is taxed.

    is_estimated: there is no address yet, so it is the shop's country.
    region: the second part of an ISO 3166-2 code (`CA` of `US-CA`).
    """

    country: str
    region: str | None = None
    is_estimated: bool = False


class TaxTable(Struct, frozen=True):
    """The rates of one place. Rates are in parts per million."""

    rates: Mapping[str, int]
    default: int = 0

    def rate(self, tax_class: str) -> int:
        """Return the rate of a class: its own, else that of the standard class, else 0."""
        return self.rates.get(tax_class, self.default)


class TaxProvider(Protocol):
    """Finds the rates of a place. An external service is one more class with this method."""

    async def table(self, context: CallContext, place: TaxPlace, shop_country: str) -> TaxTable:
        """Return the rates of a place."""
        ...


class StoredTaxRates:
    """The tax rates that staff keep in the shop."""

    async def table(self, context: CallContext, place: TaxPlace, shop_country: str) -> TaxTable:
        """Return the rates of a region, and those of its country for all other classes.

        A country without any rate is taxed like the shop's if both are in the EU, else not at all.
        """
        rows = await context.fetch_all(RATES, {"country": place.country, "shop_country": shop_country})
        stored = {(country, region, tax_class): rate for country, region, tax_class, rate in rows}
        rates = _rates_of(stored, place.country, place.region)
        if not rates and {place.country, shop_country} <= EU:
            rates = _rates_of(stored, shop_country, None)
        return TaxTable(rates, rates.get(STANDARD, 0))


def _rates_of(stored: Mapping[tuple[str, str | None, str], int], country: str, region: str | None) -> dict[str, int]:
    """Return the rates by class: those of the country, replaced by those of its region."""
    rates = {c: rate for (place, part, c), rate in stored.items() if place == country and part is None}
    if region is not None:
        part_of_code = region.upper().removeprefix(f"{country}-")
        rates |= {c: rate for (place, part, c), rate in stored.items() if (place, part) == (country, part_of_code)}
    return rates


def taxes(context: CallContext, place: TaxPlace, shop_country: str) -> Awaitable[TaxTable]:
    """Return the rates of a place, from the provider of this process."""
    return (context.dependencies.get(TaxProvider) or STORED_TAX_RATES).table(context, place, shop_country)


STORED_TAX_RATES = StoredTaxRates()
