"""Shared fixtures of the REST door: rows of every kind, and the paths that read them."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.factories import make_category, make_media, make_product, unique, variant_input

if TYPE_CHECKING:
    from tradepost.app import TradepostApp


@pytest.fixture(scope="package")
async def full_product(staff: httpx.AsyncClient, anyio_backend: object) -> dict[str, Any]:
    """A product with a value in every member."""
    category = await make_category(staff)
    return await make_product(
        staff,
        name="Crème",
        category_id=category["id"],
        tags=[unique("full")],
        attributes={"größe": [1, 2.5, None, {"a": True}], "big": 2**53 + 1},
        description="long " * 300,
        variants=[variant_input(options={"size": "M", "colour": "red"}), variant_input()],
    )


@pytest.fixture(scope="package")
async def full_media(app: "TradepostApp", full_product: dict[str, Any]) -> dict[str, Any]:
    """An image of the product."""
    return await make_media(app, full_product["id"], alt="Crème, “from the side”")


@pytest.fixture(scope="package")
def read_paths(full_product: dict[str, Any], full_media: dict[str, Any]) -> list[str]:
    """The path of each read operation."""
    category, tag, product = full_product["category_id"], full_product["tags"][0], full_product["id"]
    return [
        "/v1/products",
        f"/v1/products/{product}",
        f"/v1/products/{product}/variants",
        "/v1/categories",
        f"/v1/categories/{category}",
        f"/v1/categories/{category}/children",
        f"/v1/categories/{category}/products",
        "/v1/tags",
        f"/v1/tags/{tag}",
        f"/v1/tags/{tag}/products",
        f"/v1/products/{product}/media",
        f"/v1/media/{full_media['id']}",
    ]
