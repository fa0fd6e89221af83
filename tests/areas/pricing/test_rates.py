"""Tax rates and shipping methods: what their cases do not say."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.factories import assert_problem, create, faults, read, unique
from tradepost.settings import Settings, SettingsError

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

TAX_RATES, METHODS = "/v1/tax-rates", "/v1/shipping-methods"


@pytest.mark.parametrize(
    ("sent", "returned", "stored"),
    [("19", "19", 190_000), ("8.8750", "8.875", 88_750), ("0.0001", "0.0001", 1), ("100.0", "100", 10**6)],
)
async def test_a_percentage_is_a_decimal_string_and_parts_per_million_in_the_database(
    app: "TradepostApp", staff: httpx.AsyncClient, sent: str, returned: str, stored: int
) -> None:
    from sqlalchemy import select

    from tradepost.areas.pricing.models import TaxRateRow

    new = await create(staff, TAX_RATES, {"country": "DE", "percentage": sent, "tax_class": unique("class")})
    assert new["percentage"] == returned
    answer = await staff.post("/graphql", json={"query": f'{{ taxRate(id: "{new["id"]}") {{ percentage }} }}'})
    assert answer.json()["data"] == {"taxRate": {"percentage": returned}}
    async with app.state.database.engine.connect() as connection:
        query = select(TaxRateRow.percentage).where(TaxRateRow.id == new["id"])
        assert await connection.scalar(query) == stored


async def test_a_place_has_one_rate_of_each_class(staff: httpx.AsyncClient) -> None:
    rate = {"country": "DE", "percentage": "7", "tax_class": unique("class")}
    first = await create(staff, TAX_RATES, rate)
    refused = await staff.post(TAX_RATES, json=rate | {"percentage": "8"})
    assert_problem(refused, 409, "already_exists")
    assert f"`{first['id']}`" in refused.json()["detail"]
    regional = await create(staff, TAX_RATES, rate | {"region": "BE"})
    moved = await staff.patch(f"{TAX_RATES}/{regional['id']}", json={"region": None})
    assert_problem(moved, 409, "already_exists")
    unchanged = await staff.patch(f"{TAX_RATES}/{first['id']}", json={"percentage": "7"})
    assert unchanged.json()["version"] == 1


async def test_the_database_refuses_a_second_rate_that_two_writers_create_at_once(app: "TradepostApp") -> None:
    from sqlalchemy import insert
    from sqlalchemy.exc import IntegrityError

    from tradepost.areas.pricing.models import TaxRateRow
    from tradepost.kit.clock import now
    from tradepost.kit.db.errors import translate_error
    from tradepost.kit.ids import new_id
    from tradepost.kit.problems import AlreadyExists

    rate = {"country": "DE", "percentage": 1, "tax_class": unique("class"), "active": True, "version": 1}
    rows = [rate | {"id": new_id(TaxRateRow.__number__), "created_at": now(), "updated_at": now()} for _ in range(2)]
    async with app.state.database.engine.connect() as connection:
        with pytest.raises(IntegrityError) as error:
            await connection.execute(insert(TaxRateRow), rows)
        await connection.rollback()
    assert isinstance(translate_error(error.value), AlreadyExists)


async def test_all_faults_of_a_shipping_method_are_reported_at_once(staff: httpx.AsyncClient) -> None:
    body = {
        "code": unique("code"),
        "name": "Express",
        "price": {"amount": 4_000_000_001, "currency": "EUR"},
        "countries": ["DE", "XX", "YY"],
        "min_weight_grams": 10,
        "max_weight_grams": 9,
    }
    refused = await staff.post(METHODS, json=body)
    assert_problem(refused, 422, "validation")
    assert faults(refused) == {
        ("/price/amount", "out_of_range"),
        ("/countries/1", "not_allowed"),
        ("/countries/2", "not_allowed"),
        ("/max_weight_grams", "out_of_range"),
    }


async def test_the_code_of_a_shipping_method_is_unique(staff: httpx.AsyncClient) -> None:
    method = {"code": unique("code"), "name": "Express", "price": {"amount": 990, "currency": "EUR"}}
    await create(staff, METHODS, method)
    refused = await staff.post(METHODS, json=method)
    assert_problem(refused, 409, "already_exists")
    assert refused.json()["field"] == "code"


async def test_an_inactive_method_is_seen_by_staff_only(staff: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    method = {"code": unique("code"), "name": "Express", "price": {"amount": 990, "currency": "EUR"}}
    new = await create(staff, METHODS, method)
    assert (await read(client, METHODS, code=method["code"]))["data"] != []
    assert (await staff.patch(f"{METHODS}/{new['id']}", json={"active": False})).status_code == 200
    assert (await read(client, METHODS, code=method["code"]))["data"] == []
    assert_problem(await client.get(f"{METHODS}/{new['id']}"), 404, "not_found")
    assert (await read(staff, METHODS, code=method["code"]))["data"] != []


async def test_the_demo_shop_has_shipping_methods_and_the_rates_of_germany_and_its_neighbours(
    client: httpx.AsyncClient, staff: httpx.AsyncClient
) -> None:
    for code in ("standard", "express", "pickup"):
        [method] = (await read(client, METHODS, code=code))["data"]
        assert method["active"]
    for tax_class, percentage in (("standard", "19"), ("reduced", "7")):
        [rate] = (await read(staff, TAX_RATES, country="DE", tax_class=tax_class))["data"]
        assert rate["percentage"] == percentage
    for country in ("DK", "PL", "CZ", "AT", "CH", "FR", "LU", "BE", "NL"):
        assert (await read(staff, TAX_RATES, country=country, tax_class="standard"))["data"]


async def test_a_shipping_price_in_another_currency_than_the_setting_is_reported_at_the_start(
    fresh_settings: Callable[[], Settings],
) -> None:
    from sqlalchemy import insert, update

    from tradepost.areas.pricing.models import ShippingMethodRow
    from tradepost.bootstrap import check_currency
    from tradepost.kit.clock import now
    from tradepost.kit.db.engine import create_engine
    from tradepost.kit.ids import new_id

    settings, code = fresh_settings(), unique("code")
    row = {"id": new_id(ShippingMethodRow.__number__), "created_at": now(), "updated_at": now(), "version": 1}
    row |= {"code": code, "name": "Express", "description": "", "countries": []}
    row |= {"price_amount": 490, "price_currency": settings.shop_currency}
    engine = create_engine(settings.database_url, 1)
    try:
        async with engine.begin() as connection:
            await connection.execute(insert(ShippingMethodRow).values(row))
        await check_currency(settings, engine)
        async with engine.begin() as connection:
            await connection.execute(
                update(ShippingMethodRow).where(ShippingMethodRow.code == code).values(price_currency="USD")
            )
        with pytest.raises(SettingsError, match=f"the shipping method `{code}` has a price in USD"):
            await check_currency(settings, engine)
    finally:
        await engine.dispose()
