"""A guest's cart that a customer is made to claim and to order, and what its secret opens then."""

from dataclasses import dataclass
from typing import Any

from tests.reliability.shop import Shop
from tests.reliability.shoppers import Cart, Shopper, expect_row

type Json = dict[str, Any]

ROWS = """query($planted: ID!, $cart: ID!, $order: ID!, $line: ID!, $number: String!) {
  a: cart(id: $planted) { id } b: cart(id: $cart) { id } c: cartQuote(cartId: $planted) { taxEstimated }
  d: cartQuote(cartId: $cart) { taxEstimated } e: order(id: $order) { id } f: order(number: $number) { id }
  g: node(id: $planted) { id } h: node(id: $cart) { id } i: node(id: $order) { id } j: node(id: $line) { id }
}"""
LISTS = """query($number: String!, $email: String!) {
  a: carts { nodes { id } totalCount } b: orders { nodes { id } totalCount } c: payments { nodes { id } totalCount }
  d: orders(filter: {number: $number}) { nodes { id } totalCount }
  e: orders(filter: {email: $email}) { nodes { id } totalCount }
  f: orders(filter: {q: $number}) { nodes { id } totalCount }
}"""


@dataclass(frozen=True)
class PlantedCart:
    """The planted cart, the cart that its lines were moved to, and the order of that one."""

    planted: Cart
    cart: Json
    order: Json

    @classmethod
    async def order_by(cls, customer: Shopper, planted: Cart) -> "PlantedCart":
        """Claim the planted cart as a customer with an open cart, and order."""
        path = f"/v1/carts/{planted.id}/claim"
        cart = expect_row(await customer.rest("POST", path, token=planted.token))
        quote = expect_row(await customer.rest("GET", f"/v1/carts/{cart['id']}/quote"))
        placed = await customer.place(Cart(cart["id"], None, quote["grand_total"]))
        order = expect_row(await customer.rest("GET", f"/v1/orders/{expect_row(placed)['id']}"))
        return cls(planted, cart, order)

    async def check_secret_opens_nothing(self, shop: Shop) -> None:
        """Check that the old secret shows no cart and no order, and changes neither."""
        guest, order = shop.guests[0], f"/v1/orders/{self.order['id']}"
        carts = [f"/v1/carts/{id}{end}" for id in (self.planted.id, self.cart["id"]) for end in ("", "/quote")]
        parts = [f"{order}{end}" for end in ("", "/lines", "/events", "/payments")]
        for path in (*carts, *parts, f"/v1/orders/{self.order['number']}"):
            assert (await guest.rest("GET", path, token=self.planted.token)).code == "not_found", path
        number, email = self.order["number"], self.order["email"]
        for query in ("carts?", "payments?", "orders?", f"orders?number={number}&", f"orders?email={email}&"):
            page = expect_row(await guest.rest("GET", f"/v1/{query}include=total", token=self.planted.token))
            assert (page["data"], page["total"]) == ([], 0), query
        payment = {"provider": "manual", "method": "bank_transfer"}
        for path, body in ((f"{order}/cancellation", {}), (f"{order}/payments", payment)):
            outcome = await guest.rest("POST", path, body, self.planted.token, key="the-key-of-somebody-else")
            assert outcome.code == "not_found", path
        await self._check_graphql(guest)

    async def _check_graphql(self, guest: Shopper) -> None:
        variables = {"planted": self.planted.id, "cart": self.cart["id"], "order": self.order["id"]}
        variables |= {"line": self.order["lines"][0]["id"], "number": self.order["number"]}
        hidden = await guest.graphql_data(ROWS, variables, self.planted.token)
        assert hidden == dict.fromkeys("abcdefghij")
        variables = {"number": self.order["number"], "email": self.order["email"]}
        lists = await guest.graphql_data(LISTS, variables, self.planted.token)
        assert lists == {name: {"nodes": [], "totalCount": 0} for name in "abcdef"}
