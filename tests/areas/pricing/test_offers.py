"""The tax rates of a place, and the shipping methods that can deliver a parcel."""

from typing import Any

import httpx
import msgspec
import pytest

from tests.factories import Json, unique
from tradepost.app import TradepostApp
from tradepost.areas.pricing.service import (
    Parcel,
    ShippingOffer,
    ShippingProvider,
    TaxPlace,
    TaxProvider,
    TaxTable,
    shipping_offers,
    taxes,
)
from tradepost.kit.auth.caller import ANONYMOUS
from tradepost.kit.dependencies import Dependencies
from tradepost.kit.writes.call_context import CallContext


@pytest.fixture
def context(app: TradepostApp) -> CallContext:
    """The context of a call by the worker."""
    return CallContext(caller=ANONYMOUS, database=app.state.database)


async def rate(context: CallContext, place: TaxPlace, tax_class: str, shop_country: str = "DE") -> int:
    """Return the rate of a class in a place, in parts per million."""
    return (await taxes(context, place, shop_country)).rate(tax_class)


async def create(staff: httpx.AsyncClient, path: str, **body: Any) -> Json:
    """Create a row."""
    answer = await staff.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_an_open_write_finds_the_offers_of_a_country(context: CallContext, staff: httpx.AsyncClient) -> None:
    code = unique("parcel")
    price = {"amount": 490, "currency": "EUR"}
    await create(staff, "/v1/shipping-methods", code=code, name="Parcel", price=price, countries=["SE"])
    async with context.transaction():
        for country, is_offered in (("SE", True), ("NO", False)):
            offers = await shipping_offers(context, Parcel(country, 100, 1000))
            assert (code in [offer.code for offer in offers]) is is_offered


async def test_a_class_has_the_rate_of_its_country_else_the_standard_rate(context: CallContext) -> None:
    assert await rate(context, TaxPlace("FR"), "standard") == 200_000
    assert await rate(context, TaxPlace("FR"), "reduced") == 55_000
    assert await rate(context, TaxPlace("FR"), "jewellery") == 200_000


async def test_a_country_without_rates_is_taxed_like_the_shop_only_within_the_eu(context: CallContext) -> None:
    assert await rate(context, TaxPlace("IT"), "reduced") == 70_000
    assert await rate(context, TaxPlace("NO"), "standard") == 0
    assert await rate(context, TaxPlace("IT"), "standard", shop_country="CH") == 0


async def test_a_region_replaces_the_rates_that_it_names(context: CallContext, staff: httpx.AsyncClient) -> None:
    rates = [("standard", "5", None), ("standard", "8.875", "NY"), ("food", "1", None)]
    for tax_class, percentage, region in rates:
        await create(staff, "/v1/tax-rates", country="US", region=region, tax_class=tax_class, percentage=percentage)
    await create(staff, "/v1/tax-rates", country="US", region="NY", tax_class="art", percentage="9", active=False)
    assert await rate(context, TaxPlace("US", "NY"), "standard") == 88_750
    assert await rate(context, TaxPlace("US", "NY"), "food") == 10_000
    assert await rate(context, TaxPlace("US", "NY"), "art") == 88_750  # its own rate is not active
    assert await rate(context, TaxPlace("US", "CA"), "standard") == 50_000


async def test_methods_are_offered_by_country_and_weight(context: CallContext, staff: httpx.AsyncClient) -> None:
    price, code = {"amount": 700, "currency": "EUR"}, unique("parcel")
    limits = {"min_weight_grams": 1_000, "max_weight_grams": 2_000}
    await create(staff, "/v1/shipping-methods", code=code, name="Parcel", price=price, countries=["IS"], **limits)
    for parcel, is_offered in [
        (Parcel("IS", 1_000, 0), True),
        (Parcel("IS", 2_000, 0), True),
        (Parcel("IS", 999, 0), False),
        (Parcel("IS", 2_001, 0), False),
        (Parcel("NO", 1_500, 0), False),
        (Parcel(None, 1_500, 0), True),
    ]:
        assert (code in [offer.code for offer in await shipping_offers(context, parcel)]) is is_offered


async def test_delivery_is_free_from_an_amount(context: CallContext) -> None:
    for goods, price in [(4_999, 490), (5_000, 0), (5_001, 0)]:
        offers = {offer.code: offer.charge.price for offer in await shipping_offers(context, Parcel("FR", 0, goods))}
        assert offers["standard"] == price
        assert "pickup" not in offers


async def test_a_provider_of_the_process_replaces_the_stored_rates_and_methods(context: CallContext) -> None:
    class Elsewhere:
        async def table(self, context: CallContext, place: TaxPlace, shop_country: str) -> TaxTable:
            return TaxTable({}, 123)

        async def offers(self, context: CallContext, parcel: Parcel) -> list[ShippingOffer]:
            return []

    dependencies = Dependencies()
    dependencies.provide(TaxProvider, Elsewhere())
    dependencies.provide(ShippingProvider, Elsewhere())
    context = msgspec.structs.replace(context, dependencies=dependencies)
    assert await rate(context, TaxPlace("DE"), "standard") == 123
    assert await shipping_offers(context, Parcel("DE", 0, 0)) == []
