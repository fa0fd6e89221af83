"""The demo shop: believable goods, always the same ones for the same number."""

from collections.abc import Callable

from sqlalchemy import make_url

from . import postgres, sqlite
from .filling import Counts, ShopNotEmptyError
from .rows import Shop

__all__ = ["Counts", "ShopNotEmptyError", "seed"]


async def seed(
    url: str, products: int, progress: Callable[[int], None] | None = None, seed: int = 1, currency: str = "EUR"
) -> Counts:
    """Fill an empty, migrated database with so many products, all or none; `progress` is told how many are done. A shop with products is refused."""
    address = make_url(url)
    fill = postgres.fill if address.get_backend_name() == "postgresql" else sqlite.fill
    return await fill(address, Shop(products, seed, currency), progress or (lambda _: None))
