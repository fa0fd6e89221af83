"""Create test data with unique names: through REST, or in the database if no operation exists."""

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
    """Return a unique slug. Tests share one database."""
    return f"{word}-{uuid4().hex[:12]}"


def variant_input(price: int = 1000, **members: Any) -> Json:
    """Return the input of a variant with a unique SKU and unique options."""
    number = next(NUMBERS)
    return {
        "sku": unique("sku").upper(),
        "price": {"amount": price, "currency": "EUR"},
        "options": {"number": str(number)},
        **members,
    }


async def create(staff: httpx.AsyncClient, path: str, body: Json) -> Json:
    """Create a row through REST and return the response body."""
    answer = await staff.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def make_category(staff: httpx.AsyncClient, **members: Any) -> Json:
    """Create a category."""
    return await create(staff, "/v1/categories", {"name": "Shelf", "slug": unique("shelf"), **members})


async def make_brand(staff: httpx.AsyncClient, **members: Any) -> Json:
    """Create a brand."""
    return await create(staff, "/v1/brands", {"name": "Kjeld", "slug": unique("kjeld"), **members})


async def make_product(staff: httpx.AsyncClient, **members: Any) -> Json:
    """Create an active product."""
    return await create(staff, "/v1/products", {"name": "Lamp", "slug": unique("lamp"), "status": "active", **members})


async def make_variant(staff: httpx.AsyncClient, product_id: str, price: int = 1000, **members: Any) -> Json:
    """Create a variant of a product."""
    return await create(staff, f"/v1/products/{product_id}/variants", variant_input(price, **members))


async def make_media(app: "TradepostApp", product_id: str, **members: Any) -> Json:
    """Insert an image of a product, since no operation creates one. Return its id and address."""
    row = MediaRow(
        product_id=product_id, **{"source_url": f"https://images.example/{unique('picture')}.jpg", **members}
    )
    async with app.state.database.transaction() as session:
        session.add(row)
        await session.flush()
        return {"id": row.id, "source_url": row.source_url}


async def read(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    """Return the body of a GET request that must succeed."""
    answer = await client.get(path, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def faults(answer: httpx.Response) -> set[tuple[str, str]]:
    """Return the pointer (or parameter) and the code of each error in a problem."""
    return {(error.get("pointer", error.get("parameter")), error["code"]) for error in answer.json()["errors"]}


def assert_problem(answer: httpx.Response, status: int, code: str) -> Json:
    """Assert that a response is this problem with all its members, and return the problem."""
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
