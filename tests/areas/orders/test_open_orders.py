"""Limits on orders that are pending without payment, so that no caller reserves all stock."""

import asyncio
from collections import Counter
from collections.abc import Callable
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from tests.app_client import AppClient
from tests.areas.carts.shopper import Shopper
from tests.areas.orders.checkout import Checkout, expire, new_key, post, ready_cart, stock_of, stocked_variant
from tests.factories import assert_problem, unique
from tests.reliability.shoppers import PLACE, camel
from tests.users import create_user
from tradepost.areas.orders.service import OrderSettings
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

pytestmark = pytest.mark.anyio

type Limit = Callable[..., None]


@pytest.fixture
def limit(app: "TradepostApp", monkeypatch: pytest.MonkeyPatch) -> Limit:
    """Return a function that sets the limits; a limit that is not given is off."""
    instances = app.state.dependencies.instances

    def set_limits(open_orders: int = 0, per_client: int = 0) -> None:
        changes = {"open_orders": open_orders, "open_orders_per_client": per_client}
        monkeypatch.setitem(instances, OrderSettings, msgspec.structs.replace(instances[OrderSettings], **changes))

    return set_limits


@pytest.fixture
async def variant(app: "TradepostApp", staff: httpx.AsyncClient) -> str:
    """A variant with units for all orders of a test."""
    return await stocked_variant(app, staff, 100)


def new_network() -> str:
    """Return the first half of an IPv6 address, which no other test uses."""
    return f"2001:db8:{token_hex(2)}:{token_hex(2)}"


async def cart_from(app: "TradepostApp", staff: httpx.AsyncClient, variant: str, address: str) -> Checkout:
    """Create a guest's cart, and return it with a client at an address."""
    checkout = await ready_cart(app, staff, (variant, 1))
    client = AppClient(app, headers=checkout.shopper.client.headers, address=(address, 4711))
    return Checkout(Shopper(client, checkout.shopper.cart), checkout.total)


async def place(checkout: Checkout, door: str) -> str:
    """Place an order at a door; return the code of the problem, or `placed`."""
    if door == "rest":
        answer = await checkout.try_place()
        return "placed" if answer.status_code == 201 else answer.json()["code"]
    body = {"cart_id": checkout.shopper.cart["id"], "expected_total": checkout.total}
    variables = {"input": camel(body), "key": new_key()["Idempotency-Key"]}
    answer = (await checkout.shopper.client.post("/graphql", json={"query": PLACE, "variables": variables})).json()
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else "placed"


async def place_all(checkouts: list[Checkout]) -> dict[str, int]:
    """Place all orders at once, at the doors in turn; return how often with which result."""
    calls = [place(checkout, ("rest", "graphql")[n % 2]) for n, checkout in enumerate(checkouts)]
    return dict(Counter(await asyncio.gather(*calls)))


def test_the_defaults() -> None:
    environ = {"DATABASE_URL": "sqlite:///shop.db", "SECRET_KEY": "a secret of many characters for this test"}
    defaults = Settings.read(environ, env_file=None)
    assert (defaults.open_orders, defaults.open_orders_per_client) == (3, 20)


async def test_the_settings_are_those_of_the_environment(app: "TradepostApp") -> None:
    configured: Any = app.state.dependencies.require(OrderSettings)
    assert (configured.open_orders, configured.open_orders_per_client) == (0, 0)


async def test_an_email_address_has_three_open_orders(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str, limit: Limit
) -> None:
    limit(open_orders=3)
    email = f"{unique('kim')}@shop.example"
    checkouts = [await ready_cart(app, staff, (variant, 1), email=text) for text in (email, email.upper()) * 3]
    orders = [await checkout.place() for checkout in checkouts[:3]]
    problem = assert_problem(await checkouts[3].try_place(), 409, "too_many_open_orders")
    assert problem["limit"] == 3
    assert await place(checkouts[3], "graphql") == "too_many_open_orders"
    assert await stock_of(app, variant) == (100, 3)
    # An order that is cancelled, or paid in part, is no longer one of them.
    client, path = checkouts[0].shopper.client, "/v1/orders"
    assert (await post(client, f"{path}/{orders[0]['id']}/cancellation")).status_code == 200
    assert await place(checkouts[3], "graphql") == "placed"
    choice = {"provider": "manual", "method": "bank_transfer"}
    payment = (await post(staff, f"{path}/{orders[1]['id']}/payments", choice)).json()
    assert await place(checkouts[4], "rest") == "too_many_open_orders"
    part = {"amount": {"amount": 1, "currency": "EUR"}}
    assert (await post(staff, f"/v1/payments/{payment['id']}/capture", part)).status_code == 200
    assert await place(checkouts[4], "rest") == "placed"
    assert await place(checkouts[5], "rest") == "too_many_open_orders"
    await expire(app, 2)
    assert await place(checkouts[5], "rest") == "placed"


async def test_a_user_has_three_open_orders_whatever_their_email_addresses(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str, limit: Limit
) -> None:
    limit(open_orders=3)
    user, other = await create_user(app), await create_user(app)
    for _ in range(3):
        await (await ready_cart(app, staff, (variant, 1), user=user)).place()
    last = await ready_cart(app, staff, (variant, 1), user=user)
    assert_problem(await last.try_place(), 409, "too_many_open_orders")
    # The orders had other addresses than the account, so they do not count for its address.
    assert await place(await ready_cart(app, staff, (variant, 1), email=user.email), "rest") == "placed"
    assert await place(await ready_cart(app, staff, (variant, 1), user=other), "rest") == "placed"


async def test_a_client_address_has_twenty_open_orders(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str, limit: Limit
) -> None:
    limit(per_client=20)
    network = new_network()
    for n in range(20):
        await (await cart_from(app, staff, variant, f"{network}::{n + 1}")).place()
    last = await cart_from(app, staff, variant, f"{network}:1:2:3:4")
    problem = assert_problem(await last.try_place(), 409, "too_many_open_orders")
    assert problem["limit"] == 20
    elsewhere = await cart_from(app, staff, variant, f"{new_network()}::1")
    assert await place(elsewhere, "graphql") == "placed"


async def test_callers_with_orders_write_are_not_limited(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str, limit: Limit
) -> None:
    limit(open_orders=1, per_client=1)
    email, address = f"{unique('kim')}@shop.example", f"{new_network()}::1"
    office = AppClient(app, headers=staff.headers, address=(address, 4711))
    for _ in range(3):
        checkout = await ready_cart(app, staff, (variant, 1), email=email)
        assert await place(Checkout(Shopper(office, checkout.shopper.cart), checkout.total), "rest") == "placed"
    # Their orders count for the customer, and not for the address of their office.
    refused = await ready_cart(app, staff, (variant, 1), email=email)
    assert_problem(await refused.try_place(), 409, "too_many_open_orders")
    assert await place(await cart_from(app, staff, variant, address), "rest") == "placed"
    reader = (await create_user(app, role="moderator")).client()
    checkout = await cart_from(app, staff, variant, address)
    shopper = AppClient(app, headers={**checkout.shopper.client.headers, **reader.headers}, address=(address, 4711))
    limited = Checkout(Shopper(shopper, checkout.shopper.cart), checkout.total)
    assert_problem(await limited.try_place(), 409, "too_many_open_orders")


@pytest.mark.parametrize("kind", ["email", "client"])
async def test_orders_placed_at_once_do_not_pass_the_limit(
    app: "TradepostApp", staff: httpx.AsyncClient, variant: str, limit: Limit, kind: str
) -> None:
    email, address = f"{unique('kim')}@shop.example", f"{new_network()}::1"
    if kind == "client":
        limit(per_client=3)
        checkouts = [await cart_from(app, staff, variant, address) for _ in range(10)]
    else:
        limit(open_orders=3)
        checkouts = [await ready_cart(app, staff, (variant, 1), email=email) for _ in range(10)]
    assert await place_all(checkouts) == {"placed": 3, "too_many_open_orders": 7}
    assert await stock_of(app, variant) == (100, 3)
