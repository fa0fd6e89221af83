"""The simulator and the provider `stripe` have lists of currencies of their own, which agree."""

import pytest

from tradepost.areas.payments.providers import stripe_amounts
from tradepost.payment_simulator.amounts import CURRENCIES, MINIMA, check_amount, decimals
from tradepost.payment_simulator.errors import ApiError

OURS = stripe_amounts.TWO_DECIMAL | stripe_amounts.ZERO_DECIMAL | stripe_amounts.THREE_DECIMAL


def test_both_know_the_same_currencies() -> None:
    assert {code.lower() for code in OURS} == CURRENCIES
    assert {code.lower(): minimum for code, minimum in stripe_amounts.MINIMUM.items()} == MINIMA


@pytest.mark.parametrize("currency", sorted(OURS))
def test_the_simulator_accepts_what_the_provider_offers(currency: str) -> None:
    """In our minor units: around the limits, and amounts that are not multiples of a step."""
    assert decimals(currency.lower()) == stripe_amounts.stripe_exponent(currency)
    for power in range(1, 14):
        for amount in (10**power - 1, 10**power, 10**power + 1, 5 * 10 ** (power - 1), 3 * 10 ** (power - 1)):
            try:
                counted = stripe_amounts.to_stripe(amount, currency)
            except ValueError:
                assert not stripe_amounts.is_chargeable(amount, currency)
                continue
            assert stripe_amounts.is_chargeable(amount, currency) is accepts(counted, currency)
            assert stripe_amounts.from_stripe(counted, currency) == amount


def accepts(amount: int, currency: str) -> bool:
    """Whether the simulator accepts an amount."""
    try:
        check_amount(amount, currency.lower())
    except ApiError:
        return False
    return True
