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
CANCEL = (
    "mutation($id: ID!, $input: OrderCancelInput!, $key: String!) "
    "{ orderCancel(id: $id, input: $input) @idempotent(key: $key) { id status } }"
)
CAPTURE = (
    "mutation($id: ID!, $key: String!) { paymentCapture(id: $id, input: {}) @idempotent(key: $key) { id status } }"
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a call: the row, or the code and the detail of the problem.

    status: the HTTP status, which GraphQL has only for some problems.
    """

    row: Json | None = None
    code: str | None = None
    status: int = 200
    detail: str | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether the same call may succeed under its idempotency key."""
        return self.code in ("unavailable", "conflict", "idempotency_in_progress")


@dataclass(frozen=True)
class Cart:
    """A cart that can be ordered, its secret if it is a guest's, and its total."""

    id: str
    token: str | None
    total: Json


class Shopper:
    """A caller at one API, `rest` or `graphql`: a guest, unless `headers` have a credential."""

    def __init__(self, client: httpx.AsyncClient, door: str, headers: Mapping[str, str] = {}) -> None:
        self.client, self.door, self.headers = client, door, headers

    async def fill_cart(self, shipping_method_id: str, *lines: tuple[str, int], email: str | None = None) -> Cart:
        """Create a cart with lines of a variant and a quantity."""
        body = {
            "email": email or f"{uuid4().hex}@example.com",
            "shipping_address": ADDRESS,
            "shipping_method_id": shipping_method_id,
            "lines": [{"variant_id": id, "quantity": quantity} for id, quantity in lines],
        }
        if self.door == "rest":
            created = expect_row(await self.rest("POST", "/v1/carts?fields=id,token", body))
            quote = expect_row(await self.rest("GET", f"/v1/carts/{created['id']}/quote", token=created["token"]))
            return Cart(created["id"], created["token"], quote["grand_total"])
        created = expect_row(await self.graphql(CREATE, {"input": camel(body)}))
        quote = expect_row(await self.graphql(QUOTE, {"id": created["id"]}, created["token"]))
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
            return await self.rest("POST", "/v1/orders", body, cart.token, key)
        return await self.graphql(PLACE, {"input": camel(body), "key": key}, cart.token)

    async def cancel(self, order_id: str, body: Json) -> Outcome:
        """Cancel an order, or units of it."""
        if self.door == "rest":
            return await self.rest("POST", f"/v1/orders/{order_id}/cancellation", body, key=str(uuid4()))
        return await self.graphql(CANCEL, {"id": order_id, "input": camel(body), "key": str(uuid4())})

    async def capture(self, payment_id: str) -> Outcome:
        """Record a payment as received, as staff."""
        if self.door == "rest":
            return await self.rest("POST", f"/v1/payments/{payment_id}/capture", {}, key=str(uuid4()))
        return await self.graphql(CAPTURE, {"id": payment_id, "key": str(uuid4())})

    async def rest(
        self, method: str, path: str, body: Json | None = None, token: str | None = None, key: str | None = None
    ) -> Outcome:
        """Send a REST request."""
        headers = {"X-Cart-Token": token, "Idempotency-Key": key, **self.headers}
        answer = await self.client.request(
            method, path, json=body, headers={name: value for name, value in headers.items() if value}
        )
        content = answer.json()
        if answer.status_code >= 400:
            return _refusal(content, answer)
        return Outcome(content, status=answer.status_code)

    async def graphql(self, text: str, variables: Json, token: str | None = None) -> Outcome:
        """Send a GraphQL document with one root field."""
        answer = await self._post_document(text, variables, token)
        content = answer.json()
        if "errors" in content:
            return _refusal(content["errors"][0]["extensions"], answer)
        if "data" not in content:
            return _refusal(content, answer)
        [row] = content["data"].values()
        return Outcome(row, status=answer.status_code)

    async def graphql_data(self, text: str, variables: Json, token: str | None = None) -> Json:
        """Return the data of a GraphQL document that must succeed."""
        content = (await self._post_document(text, variables, token)).json()
        assert "errors" not in content, content
        return content["data"]

    async def _post_document(self, text: str, variables: Json, token: str | None) -> httpx.Response:
        headers = {"X-Cart-Token": token, **self.headers} if token else self.headers
        return await self.client.post("/graphql", json={"query": text, "variables": variables}, headers=headers)


def _refusal(problem: Json, answer: httpx.Response) -> Outcome:
    return Outcome(code=problem["code"], status=answer.status_code, detail=problem.get("detail"))


def camel(value: Any) -> Any:
    """Return the names of a REST body as GraphQL writes them."""
    if isinstance(value, Mapping):
        return {_camel_name(name): camel(member) for name, member in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join([word.title() for word in others])


def expect_row(outcome: Outcome) -> Json:
    """Return the row of a call that must succeed."""
    assert outcome.row is not None, outcome
    return outcome.row
