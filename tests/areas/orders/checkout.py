"""Carts that are ready to be ordered, the orders placed from them, and their expiry."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from tests.areas.carts.shopper import ADDRESS, Shopper, new_guest, shipping_method
from tests.areas.inventory.stock import levels_of, main_location, put
from tests.factories import Json, create, make_product, make_variant, unique
from tests.users import ShopUser
from tradepost.areas.accounts.service import SYSTEM
from tradepost.areas.orders.service import expire_orders
from tradepost.kit.clock import now
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


def new_key() -> dict[str, str]:
    """Return a header with a new idempotency key."""
    return {"Idempotency-Key": uuid4().hex}


async def post(client: httpx.AsyncClient, path: str, body: Json | None = None) -> httpx.Response:
    """Send a write with a new idempotency key."""
    return await client.post(path, json=body or {}, headers=new_key())


async def stocked_variant(
    app: "TradepostApp", staff: httpx.AsyncClient, units: int = 10, price: int = 1000, **members: Any
) -> str:
    """Create a variant with units on hand, and return its id."""
    product = await make_product(staff)
    variant = await make_variant(staff, product["id"], price, **members)
    if units:
        await put(app, variant["id"], await main_location(app), units)
    return variant["id"]


async def stock_of(app: "TradepostApp", variant_id: str) -> tuple[int, int]:
    """Return how many units of a variant are on hand and reserved."""
    [level] = (await levels_of(app, variant_id)).values()
    return level


@dataclass(frozen=True)
class Checkout:
    """A shopper whose cart can be ordered."""

    shopper: Shopper
    total: Json

    async def try_place(self, **members: Any) -> httpx.Response:
        """Place the order, and return the response."""
        body = {"cart_id": self.shopper.cart["id"], "expected_total": self.total, **members}
        return await post(self.shopper.client, "/v1/orders", body)

    async def place(self) -> Json:
        """Place the order, and return it."""
        answer = await self.try_place()
        assert answer.status_code == 201, answer.text
        return answer.json()


async def ready_cart(
    app: "TradepostApp",
    staff: httpx.AsyncClient,
    *variants: tuple[str, int],
    user: ShopUser | None = None,
    **members: Any,
) -> Checkout:
    """Create a cart of some units of variants, of a user or a guest, that can be ordered."""
    values = {
        "email": f"{unique('kim')}@shop.example",
        "shipping_address": ADDRESS,
        "shipping_method_id": await shipping_method(staff),
        "lines": [{"variant_id": id, "quantity": quantity} for id, quantity in variants],
        **members,
    }
    if user is None:
        shopper = await new_guest(app, **values)
    else:
        client = user.client()
        shopper = Shopper(client, await create(client, "/v1/carts", values))
    return Checkout(shopper, (await shopper.quote())["grand_total"])


async def placed_order(
    app: "TradepostApp", staff: httpx.AsyncClient, *variants: tuple[str, int], **members: Any
) -> tuple[httpx.AsyncClient, Json]:
    """Place an order of some units of variants, or of 2 units of one. Return its client too."""
    lines = variants or ((await stocked_variant(app, staff), 2),)
    checkout = await ready_cart(app, staff, *lines, **members)
    return checkout.shopper.client, await checkout.place()


async def expire(app: "TradepostApp", hours: float) -> None:
    """Run the periodic task as it runs some hours from now."""
    database, dependencies = app.state.database, app.state.dependencies
    clock = lambda: now() + timedelta(hours=hours)  # noqa: E731
    await expire_orders(CallContext(SYSTEM, database, door="worker", dependencies=dependencies, clock=clock))
