"""Shoppers: callers of both APIs with a cart's secret, and the goods that they buy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tests.factories import Json, create, make_product, make_variant, unique
from tests.users import http_client

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

ADDRESS: Json = {
    "name": "Kim Larsen",
    "lines": ["Vestergade 12"],
    "city": "Aarhus",
    "postcode": "8000",
    "country": "DK",
}


@dataclass(frozen=True)
class Shopper:
    """A caller with a cart. `client` sends the cart's secret, if it has one."""

    client: httpx.AsyncClient
    cart: Json

    @property
    def path(self) -> str:
        """The path of the cart."""
        return f"/v1/carts/{self.cart['id']}"

    async def read(self) -> Json:
        """Read the cart."""
        return succeed(await self.client.get(self.path))

    async def put(self, variant_id: str, quantity: int = 1) -> Json:
        """Set the quantity of a variant."""
        return succeed(await self.client.put(f"{self.path}/lines/{variant_id}", json={"quantity": quantity}))

    async def change(self, **members: Any) -> Json:
        """Change members of the cart."""
        return succeed(await self.client.patch(self.path, json=members))

    async def quote(self) -> Json:
        """Quote the cart."""
        return succeed(await self.client.get(f"{self.path}/quote"))


def succeed(answer: httpx.Response) -> Json:
    """Return the body of a successful response."""
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def new_guest(app: "TradepostApp", **members: Any) -> Shopper:
    """Create a guest's cart."""
    client = http_client(app)
    cart = await create(client, "/v1/carts", members)
    client.headers["X-Cart-Token"] = cart["token"]
    return Shopper(client, cart)


async def variant(staff: httpx.AsyncClient, price: int = 1000, **members: Any) -> str:
    """Create a variant of a new active product whose stock is not tracked; return its id."""
    product = await make_product(staff)
    return (await make_variant(staff, product["id"], price, **({"track_inventory": False} | members)))["id"]


async def shipping_method(staff: httpx.AsyncClient, price: int = 490, **members: Any) -> str:
    """Create a shipping method and return its id."""
    body = {"code": unique("method"), "name": "Parcel", "price": {"amount": price, "currency": "EUR"}, **members}
    return (await create(staff, "/v1/shipping-methods", body))["id"]


async def graphql(client: httpx.AsyncClient, text: str, **variables: Any) -> Json:
    """Return the data of a document that must succeed."""
    answer = (await client.post("/graphql", json={"query": text, "variables": variables})).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def graphql_errors(client: httpx.AsyncClient, text: str, **variables: Any) -> list[Json]:
    """Return the errors of a document that must fail."""
    return (await client.post("/graphql", json={"query": text, "variables": variables})).json()["errors"]
