"""With `stripe`, prices of currencies with three decimals end in 0, and so does what is charged."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.areas.orders.shop_app import staff_client
from tests.factories import Json, assert_problem, faults, make_product, unique
from tradepost.areas.payments.providers.stripe_amounts import is_chargeable
from tradepost.areas.pricing.payment_method_setting import parse_payment_methods
from tradepost.areas.pricing.service import GoodsLine, PaymentMethods, ShippingCharge, TaxRules, compute_totals

if TYPE_CHECKING:
    from tradepost.settings import Settings

CREATE = "mutation ($id: ID!, $input: VariantInput!) { variantCreate(productId: $id, input: $input) { id } }"
PRICES = st.integers(0, 400_000_000).map(lambda steps: steps * 10)
LINES = st.lists(
    st.builds(GoodsLine, PRICES, st.integers(1, 999), st.sampled_from(["standard", "reduced"])), min_size=1, max_size=9
)
RATES = {"standard": 190_000, "reduced": 88_750}


def dinars(amount: int) -> Json:
    """Return an amount of fils."""
    return {"amount": amount, "currency": "KWD"}


def in_kuwait(settings: "Settings", methods: str) -> "Settings":
    """Return the settings of a shop that sells in dinars, without Stripe's keys."""
    return msgspec.structs.replace(settings, shop_currency="KWD", payment_methods=parse_payment_methods(methods))


@pytest.fixture(scope="module")
async def staff(module_settings: "Settings") -> AsyncIterator[httpx.AsyncClient]:
    """A client of staff of a shop in Kuwait that takes cards."""
    from tradepost.app import create_app

    app = create_app(in_kuwait(module_settings, "stripe,manual:bank_transfer"))
    async with app.lifespan(), staff_client(app) as client:
        yield client


@pytest.mark.anyio
@pytest.mark.parametrize("member", ["price", "compare_at_price"])
async def test_a_price_that_does_not_end_in_0_is_refused_by_name_at_both_doors(
    staff: httpx.AsyncClient, member: str
) -> None:
    product = await make_product(staff)
    body = {"sku": unique("S"), "options": {"size": unique()}, "price": dinars(5120)}
    answer = await staff.post(f"/v1/products/{product['id']}/variants", json=body | {member: dinars(5124)})
    problem = assert_problem(answer, 422, "validation")
    assert faults(answer) == {(f"/{member}/amount", "not_a_multiple")}
    detail = "`5124` is not a multiple of 10, the smallest step of card payments in KWD."
    assert problem["errors"][0]["detail"] == detail
    name = "compareAtPrice" if member == "compare_at_price" else member
    variables = {"id": product["id"], "input": body | {name: dinars(5124)}}
    [error] = (await staff.post("/graphql", json={"query": CREATE, "variables": variables})).json()["errors"]
    assert error["extensions"]["errors"] == problem["errors"]
    assert (await staff.post(f"/v1/products/{product['id']}/variants", json=body)).status_code == 201


@pytest.mark.anyio
async def test_shipping_has_the_same_step(staff: httpx.AsyncClient) -> None:
    body = {"code": unique("method"), "name": "Parcel", "price": dinars(501)}
    answer = await staff.post("/v1/shipping-methods", json=body)
    assert_problem(answer, 422, "validation")
    assert faults(answer) == {("/price/amount", "not_a_multiple")}
    assert (await staff.post("/v1/shipping-methods", json=body | {"price": dinars(500)})).status_code == 201


@pytest.mark.anyio
async def test_without_stripe_all_prices_are_possible(module_settings: "Settings") -> None:
    from tradepost.app import create_app

    app = create_app(in_kuwait(module_settings, "manual:bank_transfer"))
    async with app.lifespan(), staff_client(app) as staff:
        body = {"code": unique("method"), "name": "Parcel", "price": dinars(501)}
        assert (await staff.post("/v1/shipping-methods", json=body)).status_code == 201


@pytest.mark.anyio
async def test_a_shop_in_a_currency_that_stripe_does_not_take_starts(module_settings: "Settings") -> None:
    from tradepost.app import create_app

    methods = parse_payment_methods("fake,manual:bank_transfer")
    app = create_app(msgspec.structs.replace(module_settings, shop_currency="CUP", payment_methods=methods))
    offered = app.state.dependencies.require(PaymentMethods).offered(None, 10_000)
    assert [method.provider for method in offered] == ["manual"]


@given(LINES, st.none() | st.builds(ShippingCharge, PRICES), st.booleans())
def test_what_is_charged_is_a_multiple_of_the_step(
    lines: list[GoodsLine], shipping: ShippingCharge | None, includes_tax: bool
) -> None:
    rules = TaxRules(includes_tax, step=10)
    totals = compute_totals(lines, shipping, lambda name: RATES[name], rules)
    assert totals.grand_total % 10 == 0
    assert all(line.total % 10 == 0 for line in totals.lines)


def test_tax_within_a_price_is_not_rounded_to_the_step() -> None:
    assert TaxRules(True, step=10).tax(1190, 190_000) == 190
    assert TaxRules(True, step=10).tax(1000, 190_000) == 160
    assert TaxRules(True, step=10).tax(990, 190_000) == 158
    assert [TaxRules(False, step=10).tax(amount, 190_000) for amount in (130, 290)] == [20, 60]


def test_a_method_is_offered_only_for_amounts_that_it_can_charge() -> None:
    rules = parse_payment_methods("stripe;max=90000000,manual:bank_transfer")
    methods = PaymentMethods(rules, {"stripe": lambda amount: is_chargeable(amount, "EUR")})

    def offered(amount: int) -> list[str]:
        return [method.provider for method in methods.offered("DE", amount)]

    assert [offered(amount) for amount in (0, 49, 50, 90_000_000, 90_000_001)] == [
        ["manual"],
        ["manual"],
        ["stripe", "manual"],
        ["stripe", "manual"],
        ["manual"],
    ]
    assert [(m.provider, m.method, m.name) for m in methods.offered("DE", 50)] == [
        ("stripe", None, "Card and other methods"),
        ("manual", "bank_transfer", "Bank transfer"),
    ]


def test_a_currency_that_stripe_does_not_take_leaves_the_other_methods() -> None:
    methods = PaymentMethods(
        parse_payment_methods("fake,manual:bank_transfer"), {"fake": lambda amount: is_chargeable(amount, "CUP")}
    )
    assert [method.provider for method in methods.offered(None, 5000)] == ["manual"]
