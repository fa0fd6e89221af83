"""Amounts at Stripe: its own decimals, steps and range for each currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.areas.payments.providers import stripe_amounts
from tradepost.areas.payments.providers.stripe_amounts import (
    THREE_DECIMAL,
    TWO_DECIMAL,
    ZERO_DECIMAL,
    UnknownCurrency,
    from_stripe,
    is_chargeable,
    price_step,
    to_stripe,
)
from tradepost.kit.schema.money import currencies, exponent
from tradepost.payment_simulator.amounts import check_amount
from tradepost.payment_simulator.errors import ApiError

CURRENCIES = sorted(TWO_DECIMAL | ZERO_DECIMAL | THREE_DECIMAL)


@given(st.sampled_from(CURRENCIES), st.integers(0, 4_000_000_000))
def test_an_amount_comes_back_as_it_was(currency: str, steps: int) -> None:
    amount = steps * price_step(currency)
    assert from_stripe(to_stripe(amount, currency), currency) == amount


@given(st.sampled_from(CURRENCIES), st.integers(1, 4_000_000_000))
def test_a_chargeable_amount_is_one_that_stripe_can_represent(currency: str, amount: int) -> None:
    if is_chargeable(amount, currency):
        assert 0 < to_stripe(amount, currency) < 10**12
    if amount % price_step(currency):
        assert not is_chargeable(amount, currency)


@given(st.sampled_from(CURRENCIES), st.integers(1, 10**13))
def test_the_simulator_takes_the_same_amounts(currency: str, counted: int) -> None:
    try:
        amount = from_stripe(counted, currency)
    except ValueError:
        return
    try:
        check_amount(counted, currency.lower())
        is_accepted = True
    except ApiError:
        is_accepted = False
    assert is_chargeable(amount, currency) is is_accepted


@pytest.mark.parametrize(
    ("currency", "amount", "counted"),
    [
        ("EUR", 1250, 1250),
        ("JPY", 500, 500),
        ("ISK", 5, 500),
        ("UGX", 5, 500),
        ("RSD", 7, 700),
        ("KWD", 5120, 5120),
        ("MGA", 900, 900),
        ("HUF", 1045, 1045),
    ],
)
def test_amounts_follow_the_decimals_of_stripe(currency: str, amount: int, counted: int) -> None:
    assert to_stripe(amount, currency) == counted
    assert from_stripe(counted, currency) == amount


def test_every_currency_of_ours_stands_for_the_same_money_at_stripe() -> None:
    """One unit of a currency (1 EUR, 1 ISK) is 10^decimals on both sides."""
    for currency in CURRENCIES:
        decimals = 2 if currency in TWO_DECIMAL else 0 if currency in ZERO_DECIMAL else 3
        assert to_stripe(10 ** exponent(currency), currency) == 10**decimals, currency


def test_a_currency_with_iso_decimals_that_stripe_has_not_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """ISO 4217 gives MGA two decimals, CLDR none, which is what we use."""
    monkeypatch.setattr(stripe_amounts, "exponent", lambda currency: 2)
    assert (to_stripe(900, "MGA"), from_stripe(9, "MGA"), price_step("MGA")) == (9, 900, 100)
    with pytest.raises(ValueError, match="not a multiple of 100"):
        to_stripe(950, "MGA")


@pytest.mark.parametrize("currency", sorted(THREE_DECIMAL))
def test_three_decimals_have_to_end_in_0(currency: str) -> None:
    assert price_step(currency) == 10
    assert not is_chargeable(5124, currency)
    assert is_chargeable(5120, currency)
    with pytest.raises(ValueError, match="not a multiple of 10"):
        to_stripe(5124, currency)


def test_an_amount_with_a_fraction_of_a_krona_is_refused() -> None:
    with pytest.raises(ValueError, match="not a multiple of 100"):
        from_stripe(550, "ISK")


@pytest.mark.parametrize(
    ("currency", "smallest", "largest"),
    [
        ("EUR", 50, 99_999_999),
        ("GBP", 30, 99_999_999),
        ("HUF", 17_500, 9_999_999_999),
        ("JPY", 50, 9_999_999_999),
        ("IDR", 50, 999_999_999_999),
        ("KRW", 50, 99_999_999),
        ("ISK", 1, 999_999),
        ("KWD", 10, 99_999_990),
    ],
)
def test_the_range_of_amounts(currency: str, smallest: int, largest: int) -> None:
    step = price_step(currency)
    chargeable = [is_chargeable(a, currency) for a in (smallest - step, smallest, largest, largest + step)]
    assert chargeable == [False, True, True, False]


def test_a_currency_that_stripe_does_not_take_cannot_be_charged() -> None:
    assert "CUP" in currencies()
    assert not is_chargeable(10_000, "CUP")
    assert price_step("CUP") == 1
    with pytest.raises(UnknownCurrency):
        to_stripe(10_000, "CUP")


def test_no_currency_is_listed_twice_and_all_are_known() -> None:
    assert len(CURRENCIES) == len(TWO_DECIMAL) + len(ZERO_DECIMAL) + len(THREE_DECIMAL)
    assert set(CURRENCIES) <= currencies()
