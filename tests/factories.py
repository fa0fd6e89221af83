"""What tests make: rows through the REST door, or straight in the database where no operation makes them, each under names that nobody else has."""

from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from tradepost.areas.catalog.models import MediaRow

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

NUMBERS = count(1)

type Json = dict[str, Any]


def unique(word: str = "x") -> str:
    """A slug that no other test has: tests share one database."""
    return f"{word}-{uuid4().hex[:12]}"


def variant_input(price: int = 1000, **members: Any) -> Json:
    """A variant with a SKU of its own and options that no sibling has."""
    number = next(NUMBERS)
    return {
        "sku": unique("sku").upper(),
        "price": {"amount": price, "currency": "EUR"},
        "options": {"number": str(number)},
        **members,
    }


async def made(staff: httpx.AsyncClient, path: str, body: Json) -> Json:
    """A new row, as the door answered."""
    answer = await staff.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def make_category(staff: httpx.AsyncClient, **members: Any) -> Json:
    """A category."""
    return await made(staff, "/v1/categories", {"name": "Shelf", "slug": unique("shelf"), **members})


async def make_product(staff: httpx.AsyncClient, **members: Any) -> Json:
    """An active product."""
    return await made(staff, "/v1/products", {"name": "Lamp", "slug": unique("lamp"), "status": "active", **members})


async def make_variant(staff: httpx.AsyncClient, product_id: str, price: int = 1000, **members: Any) -> Json:
    """A variant of a product."""
    return await made(staff, f"/v1/products/{product_id}/variants", variant_input(price, **members))


async def make_media(app: "TradepostApp", product_id: str, **members: Any) -> Json:
    """A picture of a product, put straight into the database: no operation makes one yet. Only what names it comes back."""
    row = MediaRow(
        product_id=product_id, **{"source_url": f"https://images.example/{unique('picture')}.jpg", **members}
    )
    async with app.state.database.transaction() as session:
        session.add(row)
        await session.flush()
        return {"id": row.id, "source_url": row.source_url}


async def read(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    """The body of a GET that must succeed."""
    answer = await client.get(path, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def faults(answer: httpx.Response) -> set[tuple[str, str]]:
    """Place and code of each fault that a problem lists."""
    return {(e.get("pointer", e.get("parameter")), e["code"]) for e in answer.json()["errors"]}


def assert_problem(answer: httpx.Response, status: int, code: str) -> Json:
    """The problem in an answer, which must be this one and be complete."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["type"] == f"/problems/{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    return problem
