"""Shoppers who put variants into a cart as guests and place an order, through either API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

type Json = dict[str, Any]

ADDRESS = {"name": "Ada Berg", "lines": ["Hauptstr. 1"], "city": "Berlin", "postcode": "10115", "country": "DE"}
CREATE = "mutation($input: CartCreateInput!) { cartCreate(input: $input) { id token } }"
QUOTE = "query($id: ID!) { cartQuote(cartId: $id) { grandTotal { amount currency } problems { code } } }"
PLACE = (
    "mutation($input: OrderPlaceInput!, $key: String!) "
    "{ orderPlace(input: $input) @idempotent(key: $key) { id number status } }"
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a call: the row, or the code of the problem.

    status: the HTTP status, which GraphQL has only for some problems.
    """

    row: Json | None = None
    code: str | None = None
    status: int = 200

    @property
    def is_repeatable(self) -> bool:
        """Whether the same call may succeed under its idempotency key."""
        return self.code in ("unavailable", "conflict", "idempotency_in_progress")


@dataclass(frozen=True)
class Cart:
    """A guest's cart that can be ordered, its secret and its total."""

    id: str
    token: str
    total: Json


class Shopper:
    """A guest at one API, `rest` or `graphql`."""

    def __init__(self, client: httpx.AsyncClient, door: str) -> None:
        self.client, self.door = client, door

    async def fill_cart(self, shipping_method_id: str, *lines: tuple[str, int]) -> Cart:
        """Create a cart with lines of a variant and a quantity."""
        body = {
            "email": f"{uuid4().hex}@example.com",
            "shipping_address": ADDRESS,
            "shipping_method_id": shipping_method_id,
            "lines": [{"variant_id": id, "quantity": quantity} for id, quantity in lines],
        }
        if self.door == "rest":
            created = _expect_row(await self._rest("POST", "/v1/carts?fields=id,token", body))
            quote = _expect_row(await self._rest("GET", f"/v1/carts/{created['id']}/quote", token=created["token"]))
            return Cart(created["id"], created["token"], quote["grand_total"])
        created = _expect_row(await self._graphql(CREATE, {"input": camel(body)}))
        quote = _expect_row(await self._graphql(QUOTE, {"id": created["id"]}, created["token"]))
        return Cart(created["id"], created["token"], quote["grandTotal"])

    async def place(self, cart: Cart, key: str | None = None, *, repeats: int = 0) -> Outcome:
        """Place the order. A refusal for the time being is repeated under the same key."""
        key = key or str(uuid4())
        outcome = await self._place_once(cart, key)
        while outcome.is_repeatable and repeats:
            outcome, repeats = await self._place_once(cart, key), repeats - 1
        return outcome

    async def _place_once(self, cart: Cart, key: str) -> Outcome:
        body = {"cart_id": cart.id, "expected_total": cart.total}
        if self.door == "rest":
            return await self._rest("POST", "/v1/orders", body, cart.token, key)
        return await self._graphql(PLACE, {"input": camel(body), "key": key}, cart.token)

    async def _rest(
        self, method: str, path: str, body: Json | None = None, token: str | None = None, key: str | None = None
    ) -> Outcome:
        headers = {"X-Cart-Token": token, "Idempotency-Key": key}
        answer = await self.client.request(
            method, path, json=body, headers={name: value for name, value in headers.items() if value}
        )
        content = answer.json()
        if answer.status_code >= 400:
            return Outcome(code=content["code"], status=answer.status_code)
        return Outcome(content, status=answer.status_code)

    async def _graphql(self, text: str, variables: Json, token: str | None = None) -> Outcome:
        headers = {"X-Cart-Token": token} if token else {}
        answer = await self.client.post("/graphql", json={"query": text, "variables": variables}, headers=headers)
        content = answer.json()
        if "errors" in content:
            return Outcome(code=content["errors"][0]["extensions"]["code"], status=answer.status_code)
        if "data" not in content:
            return Outcome(code=content["code"], status=answer.status_code)
        [row] = content["data"].values()
        return Outcome(row, status=answer.status_code)


def camel(value: Any) -> Any:
    """Return the names of a REST body as GraphQL writes them."""
    if isinstance(value, Mapping):
        return {_camel_name(name): camel(member) for name, member in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join([word.title() for word in others])


def _expect_row(outcome: Outcome) -> Json:
    assert outcome.row is not None, outcome
    return outcome.row
