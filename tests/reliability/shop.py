"""A shop behind a server: its staff, its guests at both APIs, and its ledger of stock."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from tests.factories import unique
from tests.reliability.shoppers import Cart, Outcome, Shopper

type Json = dict[str, Any]


class Shop:
    """The shop as its staff and its guests use it."""

    def __init__(self, staff: httpx.AsyncClient, guests: list[Shopper], shipping_method_id: str) -> None:
        self.staff, self.guests, self.shipping_method_id = staff, guests, shipping_method_id

    async def create(self, path: str, body: Json) -> Json:
        """Create a row as staff."""
        headers = {"Idempotency-Key": unique("key")}
        answer = await self.staff.post(path, json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def read(self, path: str) -> Json:
        """Read as staff."""
        answer = await self.staff.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def location(self) -> str:
        """Create a stock location, which comes after the main one by priority."""
        body = {"code": unique("second"), "name": "Second", "priority": 50}
        return (await self.create("/v1/stock-locations", body))["id"]

    async def variant(self, *stock: tuple[int, str | None], price: int = 1990, **members: Any) -> str:
        """Create a variant with these units at these locations (None: the main one)."""
        members |= {"sku": unique("sku"), "price": {"amount": price, "currency": "EUR"}}
        body = {"name": unique("Goods"), "status": "active", "variants": [members]}
        product = await self.create("/v1/products?fields=variants{id}", body)
        id = product["variants"][0]["id"]
        for quantity, location_id in stock:
            body = {"kind": "receive", "quantity": quantity, "location_id": location_id}
            await self.create(f"/v1/variants/{id}/stock/movements", body)
        return id

    async def fill_carts(self, number: int, *lines: tuple[str, int]) -> list[Cart]:
        """Fill equal carts, at the APIs in turn."""
        return await asyncio.gather(*[self.guest(n).fill_cart(self.shipping_method_id, *lines) for n in range(number)])

    def guest(self, number: int) -> Shopper:
        """Return a guest: each is at another API than the one before."""
        return self.guests[number % 2]

    async def log_in(self, email: str, password: str) -> list[Shopper]:
        """Log in, and return the user at both APIs."""
        client = self.guests[0].client
        answer = await client.post("/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return [Shopper(client, guest.door, headers) for guest in self.guests]

    async def place_all(self, carts: list[Cart], repeats: int = 20) -> list[Outcome]:
        """Place the orders of all carts at once, at the APIs in turn."""
        return await asyncio.gather(*[self.guest(n).place(cart, repeats=repeats) for n, cart in enumerate(carts)])

    async def levels(self, variant_id: str) -> list[tuple[int, int]]:
        """Return the units on hand and reserved at each location, in the order of priority."""
        locations = (await self.read(f"/v1/variants/{variant_id}/stock"))["locations"]
        return [(location["on_hand"], location["reserved"]) for location in locations]

    async def check_ledger(self, variant_id: str, received: int, reserved: int) -> None:
        """Check that levels, movements and reservations of a variant agree."""
        stock = await self.read(f"/v1/variants/{variant_id}/stock")
        assert (stock["on_hand"], stock["reserved"], stock["available"]) == (received, reserved, received - reserved)
        by_location = {location["location_id"]: Counter[str]() for location in stock["locations"]}
        cursor, fields = "", "kind,location_id,on_hand_delta,reserved_delta"
        while True:
            path = f"/v1/variants/{variant_id}/stock/movements?limit=100&fields={fields}{cursor}"
            page = await self.read(path)
            for movement in page["data"]:
                for column in ("on_hand", "reserved"):
                    by_location[movement["location_id"]][column] += movement[f"{column}_delta"]
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        for location in stock["locations"]:
            sums = by_location[location["location_id"]]
            assert (sums["on_hand"], sums["reserved"]) == (location["on_hand"], location["reserved"])
