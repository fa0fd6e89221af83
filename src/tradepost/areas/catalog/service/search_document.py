"""What a product knows of its parts: the price it begins at, and the words it is found by."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update

from tradepost.kit.operations.service import Service, apply_changes
from tradepost.kit.text.words import normalize
from tradepost.kit.writes import bulk

from ..models import ProductRow, ProductSearchRow, VariantRow

SEARCHED_MEMBERS = frozenset({"name", "description", "tags"})
"""The members of a product whose words it is found by, besides its SKUs."""


async def refresh_from_variants(service: Service, product: ProductRow) -> bool:
    """Makes a product's summary anew from its variants as they were flushed; tells whether its price changed.

    The product itself is not flushed: its new price becomes part of the one UPDATE, and one step of the version.
    """
    session = service.session
    with session.no_autoflush:
        parts = select(VariantRow.sku, VariantRow.price_amount, VariantRow.price_currency).where(
            VariantRow.product_id == product.id
        )
        found = (await session.execute(parts)).all()
    changed = apply_changes(product, price_from_values([(amount, currency) for _, amount, currency in found]))
    if changed:
        service.context.emit("product.updated", product.id, changed=["price_from"])
    words = document_of(product.name, [sku for sku, _, _ in found], product.tags, product.description)
    if not (
        await session.execute(update(ProductSearchRow).where(ProductSearchRow.id == product.id).values(words))
    ).rowcount:  # type: ignore[attr-defined]
        await index(service, product.id, words)
    return bool(changed)


async def index(service: Service, id: str, words: dict[str, str]) -> None:
    """The words of a product that has none yet."""
    await bulk.insert_rows(service.session, ProductSearchRow, [words | {"id": id}], service.context.clock())


def price_from_values(prices: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """The columns of the cheapest of some prices."""
    amount, currency = min(prices, default=(None, None))
    return {"price_from_amount": amount, "price_from_currency": currency}


def document_of(name: str, skus: Sequence[str], tags: Sequence[str], description: str) -> dict[str, str]:
    """The words of a product: those of its name, and all of them."""
    return {"name": normalize(name), "words": normalize(name, *skus, *tags, description)}
