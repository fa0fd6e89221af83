"""`X-Cart-Token` adds a cart or an order to the caller; wrong tokens are counted by address."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.doors.http.pipeline_app import client, make_pipeline
from tests.guests import KnownCarts
from tradepost.doors.http.cart_identity import CartIdentity
from tradepost.kit.auth.cart_token import GuestTokens
from tradepost.kit.clock import now
from tradepost.kit.ids import new_id
from tradepost.kit.rate_limit.buckets import MemoryBuckets
from tradepost.kit.rate_limit.meter import RateLimits

TOKENS = GuestTokens("a secret key of the tests")
CART, OTHER_CART, ORDER = [str(new_id(number)) for number in (30, 30, 40)]
PER_HOUR = 20


class Shop:
    """A pipeline with two carts and a clock that only tests move."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.limits = RateLimits(
            {"anonymous": 600, "customer": 1200}, default_size=6000, local=MemoryBuckets(lambda: self.time)
        )
        self.carts = KnownCarts()
        self.token, self.other_token = [self.carts.open_cart(TOKENS, id) for id in (CART, OTHER_CART)]
        identity = CartIdentity(TOKENS, self.carts, self.limits, wrong_per_hour=PER_HOUR)
        self.pipeline = make_pipeline(limits=self.limits, cart_identity=identity)

    def client(self, address: str = "203.0.113.9", **headers: str) -> httpx.AsyncClient:
        """Return a client at an address."""
        shopper = client(self.pipeline, address=address)
        shopper.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return shopper

    async def where(self, token: str, path: str = "/where", **more: Any) -> httpx.Response:
        """Send a request with a token."""
        return await self.client(**more).get(path, headers={"x-cart-token": token})


@pytest.fixture
def shop() -> Shop:
    return Shop()


def identity_of(answer: httpx.Response) -> tuple[Any, ...]:
    assert answer.status_code == 200
    return tuple(answer.json()[name] for name in ("caller", "cart", "order"))


async def test_a_guest_is_the_cart_or_the_order_of_its_token(shop: Shop) -> None:
    assert identity_of(await shop.where(shop.token)) == (None, CART, None)
    assert identity_of(await shop.where(f"  {shop.other_token} ")) == (None, OTHER_CART, None)
    order_token = TOKENS.order_token(ORDER, now() + timedelta(days=1))
    assert identity_of(await shop.where(order_token)) == (None, None, ORDER)
    for token in (shop.token, order_token):
        assert (await shop.where(token)).json()["token_hash"] == TOKENS.token_hash(token)


async def test_a_token_serves_beside_the_credential_of_a_user(shop: Shop) -> None:
    assert identity_of(await shop.where(shop.token, x_api_key="ann")) == ("ann", CART, None)
    assert (await shop.where(shop.token, x_api_key="bad")).status_code == 401
    assert identity_of(await shop.where("tpc_unknown", x_api_key="ann")) == ("ann", None, None)


@pytest.mark.parametrize(
    "token",
    [
        TOKENS.new_cart_token(),
        GuestTokens("another secret key").order_token(ORDER, now() + timedelta(days=1)),
        TOKENS.order_token(ORDER, now() - timedelta(seconds=1)),
        "tpc_",
        "x",
        "\xe9",
        CART,
        "x" * 5000,
    ],
    ids=["unknown cart", "other shop", "expired", "no secret", "text", "not ASCII", "an id", "long"],
)
async def test_an_unknown_or_expired_token_counts_as_none(shop: Shop, token: str) -> None:
    header = token.encode("latin-1")
    answer = await shop.client().get("/where", headers={b"x-cart-token": header})
    assert identity_of(answer) == (None, None, None)
    assert answer.json()["token_hash"] is None


async def test_two_tokens_are_no_token(shop: Shop) -> None:
    headers = [("x-cart-token", shop.token), ("x-cart-token", shop.other_token)]
    assert identity_of(await shop.client().get("/where", headers=headers)) == (None, None, None)


@pytest.mark.parametrize("token", ["", "  "])
async def test_an_empty_token_is_not_counted(shop: Shop, token: str) -> None:
    for _ in range(PER_HOUR + 1):
        assert identity_of(await shop.where(token)) == (None, None, None)


async def test_twenty_wrong_tokens_an_hour_are_answered_to_an_address(shop: Shop) -> None:
    for n in range(PER_HOUR):
        assert identity_of(await shop.where(f"tpc_{n}")) == (None, None, None)
    for token in ("tpc_", TOKENS.new_cart_token(), TOKENS.order_token(ORDER, now() - timedelta(days=1))):
        refused = await shop.where(token)
        assert refused.status_code == 429
        problem = refused.json()
        assert (problem["code"], problem["violated-policies"]) == ("quota_exceeded", ["cart-token"])
        assert refused.headers["retry-after"] == str(problem["retry_after"]) == "180"
        assert token not in problem["detail"]
    # Neither the others at the address nor other addresses are locked out.
    assert identity_of(await shop.where(shop.token)) == (None, CART, None)
    assert (await shop.client().get("/where")).status_code == 200
    assert identity_of(await shop.where("tpc_", address="198.51.100.1")) == (None, None, None)
    shop.time += 180
    assert identity_of(await shop.where("tpc_")) == (None, None, None)
    assert (await shop.where("tpc_")).status_code == 429


async def test_concurrent_wrong_tokens_do_not_exceed_the_limit(shop: Shop) -> None:
    answers = await asyncio.gather(*[shop.where(f"tpc_{n}") for n in range(3 * PER_HOUR)])
    assert sorted(a.status_code for a in answers) == [200] * PER_HOUR + [429] * 2 * PER_HOUR


async def test_addresses_of_one_ipv6_network_are_counted_together(shop: Shop) -> None:
    for n in range(PER_HOUR):
        await shop.where("tpc_", address=f"2001:db8::{n + 1}")
    assert (await shop.where("tpc_", address="2001:db8::ffff")).status_code == 429
    assert (await shop.where("tpc_", address="2001:db8:0:1::1")).status_code == 200


async def test_points_are_charged_to_the_address_or_the_user_never_to_a_token(shop: Shop) -> None:
    def remaining(answer: httpx.Response) -> tuple[str, int]:
        return answer.headers["x-ratelimit-limit"], int(answer.headers["x-ratelimit-remaining"])

    before = remaining(await shop.client().get("/where"))
    tokens = (shop.token, shop.other_token, "tpc_", TOKENS.order_token(ORDER, now() + timedelta(days=1)))
    for spent, token in enumerate(tokens, 1):
        assert remaining(await shop.where(token)) == ("600", before[1] - spent)
    before = remaining(await shop.client(x_api_key="ann").get("/where"))
    assert remaining(await shop.where(shop.token, x_api_key="ann")) == ("1200", before[1] - 1)


@pytest.mark.parametrize("caller", [{}, {"x_api_key": "ann"}], ids=["guest", "user"])
async def test_no_cart_is_looked_up_for_a_caller_without_points(shop: Shop, caller: dict[str, str]) -> None:
    size = int((await shop.where(shop.token, **caller)).headers["x-ratelimit-limit"])
    for _ in range(size - 1):
        assert (await shop.client(**caller).get("/where")).status_code == 200
    shop.carts.lookups.clear()
    for token in (shop.token, TOKENS.new_cart_token()):
        refused = await shop.where(token, **caller)
        assert (refused.status_code, refused.json()["violated-policies"]) == (429, ["points"])
    assert shop.carts.lookups == []
    shop.time += 120 / size
    assert identity_of(await shop.where(shop.token, **caller))[1] == CART
    assert len(shop.carts.lookups) == 1
