"""A first purchase up to the quote: as a guest, then signed in, by either door or both in turn."""

from itertools import cycle
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.carts.shopper import ADDRESS, graphql, shipping_method, succeed, variant
from tests.factories import Json, read
from tests.users import PASSWORD, create_user, http_client

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

LINES = "lines { variantId quantity total { amount } }"


class Shop:
    """A caller whose steps go through the given doors in turn."""

    def __init__(self, app: "TradepostApp", doors: tuple[str, ...]) -> None:
        self.client, self.doors = http_client(app), cycle(doors)

    async def step(self, rest: tuple[str, str, Json | None], document: str, **variables: Any) -> Json:
        """Call an operation by the next door; return its answer as REST spells it."""
        if next(self.doors) == "rest":
            method, path, body = rest
            return succeed(await self.client.request(method, f"/v1{path}", json=body))
        [value] = (await graphql(self.client, document, **variables)).values()
        return snake(value)

    async def create(self, variant_id: str) -> Json:
        """Create a guest's cart with a line, and send its secret from now on."""
        cart = await self.step(
            ("POST", "/carts", {"lines": [{"variant_id": variant_id, "quantity": 1}]}),
            "mutation ($lines: [CartLineInput!]!) { cartCreate(input: {lines: $lines}) { id token } }",
            lines=[{"variantId": variant_id, "quantity": 1}],
        )
        self.client.headers["X-Cart-Token"] = cart["token"]
        return cart

    async def put(self, cart: str, variant_id: str, quantity: int) -> Json:
        """Set the quantity of a variant."""
        text = "mutation ($cart: ID!, $variant: ID!, $quantity: Int!) "
        text += f"{{ cartLineSet(cartId: $cart, variantId: $variant, input: {{quantity: $quantity}}) {{ {LINES} }} }}"
        path, body = f"/carts/{cart}/lines/{variant_id}", {"quantity": quantity}
        return await self.step(("PUT", path, body), text, cart=cart, variant=variant_id, quantity=quantity)

    async def log_in(self, email: str) -> None:
        """Log in and send the access token from now on."""
        tokens = await self.step(
            ("POST", "/auth/login", {"email": email, "password": PASSWORD}),
            "mutation ($email: String!, $password: String!) "
            "{ login(input: {email: $email, password: $password}) { accessToken } }",
            email=email,
            password=PASSWORD,
        )
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    async def claim(self, cart: str) -> Json:
        """Move the guest's lines into the user's cart."""
        text = f"mutation ($id: ID!) {{ cartClaim(id: $id) {{ id email {LINES} }} }}"
        claimed = await self.step(("POST", f"/carts/{cart}/claim", None), text, id=cart)
        del self.client.headers["X-Cart-Token"]
        return claimed

    async def deliver(self, cart: str, method: str) -> Json:
        """Choose the address and the method of delivery."""
        patch = {"shipping_address": ADDRESS, "shipping_method_id": method}
        text = "mutation ($id: ID!, $patch: CartPatch!) { cartUpdate(id: $id, patch: $patch) { version } }"
        variables = {"shippingAddress": ADDRESS, "shippingMethodId": method}
        return await self.step(("PATCH", f"/carts/{cart}", patch), text, id=cart, patch=variables)

    async def quote(self, cart: str) -> Json:
        """Quote the cart."""
        text = """query ($id: ID!) { cartQuote(cartId: $id) {
          subtotal { amount } shippingTotal { amount } taxTotal { amount } grandTotal { amount }
          problems { code } taxEstimated
        } }"""
        return await self.step(("GET", f"/carts/{cart}/quote", None), text, id=cart)


def snake(value: Any) -> Any:
    """Return a value of GraphQL with REST's names."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {"".join([f"_{c.lower()}" if c.isupper() else c for c in name]): snake(v) for name, v in value.items()}


@pytest.mark.parametrize("doors", [("rest",), ("graphql",), ("rest", "graphql"), ("graphql", "rest")])
async def test_a_guest_signs_in_and_gets_the_same_quote_by_any_door(
    app: "TradepostApp", staff: httpx.AsyncClient, doors: tuple[str, ...]
) -> None:
    chair, lamp = await variant(staff, 14_900), await variant(staff, 2_500)
    method, user = await shipping_method(staff, 490, countries=["DK"]), await create_user(app)
    shop = Shop(app, doors)
    guest_cart = (await shop.create(chair))["id"]
    await shop.put(guest_cart, lamp, 2)
    await shop.log_in(user.email)
    cart = await shop.claim(guest_cart)
    assert cart["email"] == user.email
    assert [(line["variant_id"], line["quantity"], line["total"]["amount"]) for line in cart["lines"]] == [
        (chair, 1, 14_900),
        (lamp, 2, 5_000),
    ]
    await shop.deliver(cart["id"], method)
    quote = await shop.quote(cart["id"])
    assert (quote["problems"], quote["tax_estimated"]) == ([], False)
    amounts = [quote[name]["amount"] for name in ("subtotal", "shipping_total", "grand_total")]
    assert amounts == [19_900, 490, 20_390]
    [rate] = (await read(staff, "/v1/tax-rates", country="DK", tax_class="standard"))["data"]
    assert rate["percentage"] == "25"
    assert quote["tax_total"]["amount"] == 2_980 + 1_000 + 98
