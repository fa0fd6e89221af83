"""Derived data of products: `price_from` and the search document."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from tradepost.kit.operations.service import Service, apply_changes
from tradepost.kit.text.words import normalize
from tradepost.kit.writes import bulk

from ..models import ProductRow, ProductSearchRow, VariantRow
from .events import product_updated

SEARCHED_MEMBERS = frozenset({"name", "description", "tags"})
"""Fields of a product that its search document contains, in addition to the SKUs."""


async def refresh_from_variants(service: Service, product: ProductRow) -> bool:
    """Recompute `price_from` and the search document; return whether the price changed.

    Reads the variants from the database, so they must have been flushed. The product is not
    flushed, so that the new price and other changes of the row are one UPDATE, which increments
    the version once.
    """
    session = service.session
    with session.no_autoflush:
        query = select(VariantRow.sku, VariantRow.price_amount, VariantRow.price_currency).where(
            VariantRow.product_id == product.id
        )
        variants = (await session.execute(query)).all()
    changed = apply_changes(product, price_from_values([(amount, currency) for _, amount, currency in variants]))
    if changed:
        product_updated(service.context, product.id, ["price_from"])
    document = document_of(product.name, [sku for sku, _, _ in variants], product.tags, product.description)
    statement = update(ProductSearchRow).where(ProductSearchRow.id == product.id).values(document)
    if not (await session.execute(statement)).rowcount:  # type: ignore[attr-defined]
        await index(service, product.id, document)
    return bool(changed)


async def index(service: Service, id: str, document: dict[str, str]) -> None:
    """Insert the search document of a product that has none yet."""
    await bulk.insert_rows(service.session, ProductSearchRow, [document | {"id": id}], service.context.clock())


def price_from_values(prices: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """Return the `price_from_*` column values for some prices: the lowest, or None."""
    amount, currency = min(prices, default=(None, None))
    return {"price_from_amount": amount, "price_from_currency": currency}


def document_of(name: str, skus: Sequence[str], tags: Sequence[str], description: str) -> dict[str, str]:
    """Return the search document of a product: the words of its name, and all words."""
    return {"name": normalize(name), "words": normalize(name, *skus, *tags, description)}
