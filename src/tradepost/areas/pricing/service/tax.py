"""The taxes of a place (SELLING.md, 2)."""

from collections.abc import Awaitable, Mapping, Sequence
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
RATES = select(
    TaxRateRow.country,
    TaxRateRow.region,
    TaxRateRow.tax_class,
    TaxRateRow.percentage,
    TaxRateRow.id,
    TaxRateRow.used,
).where(
    TaxRateRow.active.is_(True),
    or_(TaxRateRow.country == bindparam("country", None), TaxRateRow.country == bindparam("shop_country", None)),
)


class TaxPlace(Struct, frozen=True):
    """The place of taxation.

    is_estimated: there is no address yet, so it is the shop's country.
    region: the second part of an ISO 3166-2 code (`CA` of `US-CA`).
    """

    country: str
    region: str | None = None
    is_estimated: bool = False


class TaxTable(Struct, frozen=True):
    """The rates of one place. Rates are in parts per million.

    new_rows: by class, the ids of stored rates that no order has used.
    """

    rates: Mapping[str, int]
    default: int = 0
    new_rows: Mapping[str, str] = {}

    def rate(self, tax_class: str) -> int:
        """Return the rate of a class: its own, else that of the standard class, else 0."""
        return self.rates.get(tax_class, self.default)

    def new_row(self, tax_class: str) -> str | None:
        """Return the id of the stored rate of a class if no order has used it, else None."""
        return self.new_rows.get(tax_class if tax_class in self.rates else STANDARD)


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
        stored = [_StoredRate(*row) for row in rows]
        rates = _rates_by_class(stored, place.country, place.region)
        if not rates and {place.country, shop_country} <= EU:
            rates = _rates_by_class(stored, shop_country, None)
        percentages = {tax_class: rate.percentage for tax_class, rate in rates.items()}
        new_rows = {tax_class: str(rate.id) for tax_class, rate in rates.items() if not rate.used}
        return TaxTable(percentages, percentages.get(STANDARD, 0), new_rows)


class _StoredRate(Struct, frozen=True):
    country: str
    region: str | None
    tax_class: str
    percentage: int
    id: str
    used: bool


def _rates_by_class(stored: Sequence[_StoredRate], country: str, region: str | None) -> dict[str, _StoredRate]:
    """Return the rates by class: those of the country, replaced by those of its region."""
    rates = {rate.tax_class: rate for rate in stored if rate.country == country and rate.region is None}
    if region is not None:
        rates |= {rate.tax_class: rate for rate in stored if (rate.country, rate.region) == (country, region)}
    return rates


def taxes(context: CallContext, place: TaxPlace, shop_country: str) -> Awaitable[TaxTable]:
    """Return the rates of a place, from the provider of this process."""
    return (context.dependencies.get(TaxProvider) or STORED_TAX_RATES).table(context, place, shop_country)


STORED_TAX_RATES = StoredTaxRates()
