"""Cart tokens are random and stored as keyed hashes; order tokens are signed and expire."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepost.kit.auth.cart_token import CART_TOKEN_PATTERN, ORDER_TOKEN_PATTERN, GuestTokens
from tradepost.kit.clock import now

TOKENS = GuestTokens("a secret key of the tests")
NOW = now()
ORDER = "0199d2a4-6c1e-7b53-9f0e-3a5d8c7b2e28"


def test_a_cart_token_has_256_random_bits_behind_its_prefix() -> None:
    tokens = {TOKENS.new_cart_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(CART_TOKEN_PATTERN.fullmatch(token) for token in tokens)


def test_a_token_is_hashed_with_the_key_of_the_shop() -> None:
    token = TOKENS.new_cart_token()
    digest = TOKENS.token_hash(token)
    assert len(bytes.fromhex(digest)) == 32
    assert digest == GuestTokens("a secret key of the tests").token_hash(token)
    assert digest != GuestTokens("another secret key of the tests").token_hash(token)
    assert digest != TOKENS.token_hash(token + "x")
    assert TOKENS.token_hash("\udcff"), "any header can be hashed"


def test_an_order_token_opens_its_order_until_it_expires() -> None:
    token = TOKENS.order_token(ORDER, NOW + timedelta(hours=24))
    assert ORDER_TOKEN_PATTERN.fullmatch(token)
    assert TOKENS.find_order(token, NOW) == ORDER
    assert TOKENS.find_order(token, NOW + timedelta(hours=23, minutes=59)) == ORDER
    assert TOKENS.find_order(token, NOW + timedelta(hours=24, seconds=1)) is None
    assert TOKENS.find_order(TOKENS.order_token(ORDER, NOW), NOW + timedelta(seconds=1)) is None


def test_an_order_token_of_another_shop_is_invalid() -> None:
    token = GuestTokens("another secret key of the tests").order_token(ORDER, NOW + timedelta(days=90))
    assert TOKENS.find_order(token, NOW) is None


@given(st.integers(4, 75), st.sampled_from("0aA_-"))
def test_an_order_token_cannot_be_changed(index: int, character: str) -> None:
    token = TOKENS.order_token(ORDER, NOW + timedelta(days=90))
    changed = token[:index] + character + token[index + 1 :]
    assert TOKENS.find_order(changed, NOW) == (ORDER if changed == token else None)


@pytest.mark.parametrize(
    "token",
    ["", "tpo_", "tpo_" + "A" * 71, "tpo_" + "A" * 72, "tpo_" + "A" * 73, "tpo_" + "é" * 72, ORDER, "tpo_" + ORDER],
)
def test_other_texts_are_no_order_tokens(token: str) -> None:
    assert TOKENS.find_order(token, NOW) is None
    assert TOKENS.find_order(TOKENS.new_cart_token(), NOW) is None
