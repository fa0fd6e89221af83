"""Demo data: realistic products, always the same for the same seed and number of products."""

from collections.abc import Callable

from sqlalchemy import make_url

from . import postgres, sqlite
from .counts import Counts, ShopNotEmptyError
from .rows import DemoShop

__all__ = ["Counts", "ShopNotEmptyError", "seed"]


async def seed(
    url: str, products: int, progress: Callable[[int], None] | None = None, seed: int = 1, currency: str = "EUR"
) -> Counts:
    """Fill an empty, migrated database with demo products, all or none.

    `progress` is called with the number of products written so far. Raises ShopNotEmptyError if
    the database has products or categories.
    """
    address = make_url(url)
    fill = postgres.fill if address.get_backend_name() == "postgresql" else sqlite.fill
    return await fill(address, DemoShop(products, seed, currency), progress or (lambda _: None))
