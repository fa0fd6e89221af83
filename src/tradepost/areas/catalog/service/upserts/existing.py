"""Loads the products that a list of inputs addresses, and their variants, images and categories."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Column, Select, or_, select

from tradepost.kit.operations.service import Service

from ...models import MediaRow, ProductCategoryRow, ProductRow, VariantRow
from ...resource import products
from ...schemas import ProductCreate

type Values = dict[str, Any]
"""Column values of a row by column name."""

TIMESTAMPS = ("created_at", "updated_at")


def _columns(row: Any, *excluded: str) -> list[Column[Any]]:
    return [c for c in row.__table__.c if c.name not in (*TIMESTAMPS, *excluded)]


PRODUCT_COLUMNS = _columns(ProductRow, "rating_count", "rating_sum")
VARIANT_COLUMNS = _columns(VariantRow)
MEDIA_COLUMNS = [
    MediaRow.id,
    MediaRow.version,
    MediaRow.product_id,
    MediaRow.source_url,
    MediaRow.alt,
    MediaRow.position,
    MediaRow.status,
]


class Existing:
    """Variants, images and category ids of existing products, by product id."""

    __slots__ = ("categories", "media", "variants")

    def __init__(self) -> None:
        self.variants: dict[str, list[Values]] = {}
        self.media: dict[str, list[Values]] = {}
        self.categories: dict[str, set[str]] = {}


async def find_products(service: Service, inputs: Sequence[ProductCreate]) -> list[Values | None]:
    """Find the visible product of each input, by external reference or else by slug.

    The rows are locked in the order of their ids, so that concurrent lists do not deadlock.
    """
    references = [new.external_reference for new in inputs if new.external_reference is not None]
    slugs = [new.slug for new in inputs if new.slug is not UNSET]
    if not references and not slugs:
        return [None for _ in inputs]
    in_values = service.context.database.in_values
    identifiers = ((ProductRow.external_reference, references), (ProductRow.slug, slugs))
    addressed = or_(*[in_values(column, values) for column, values in identifiers if values])
    visible = products.visible(service.viewer)
    query = select(*PRODUCT_COLUMNS).where(addressed, visible).order_by(ProductRow.id).with_for_update()
    matches = await _rows(service, query, **service.viewer_values)
    by_reference = {m["external_reference"]: m for m in matches if m["external_reference"] is not None}
    by_slug = {m["slug"]: m for m in matches}
    return [by_reference.get(new.external_reference) or by_slug.get(new.slug) for new in inputs]


async def load_existing(service: Service, ids: Sequence[str], media: bool) -> Existing:
    """Load what belongs to some products; images only if `media` is true.

    Variants are locked, because they are compared before they are changed.
    """
    existing, in_values = Existing(), service.context.database.in_values
    if not ids:
        return existing
    query = (
        select(*VARIANT_COLUMNS).where(in_values(VariantRow.product_id, ids)).order_by(VariantRow.id).with_for_update()
    )
    existing.variants = _by_product(await _rows(service, query))
    links = select(ProductCategoryRow.product_id, ProductCategoryRow.category_id).where(
        in_values(ProductCategoryRow.product_id, ids)
    )
    for product_id, category_id in await service.session.execute(links):
        existing.categories.setdefault(product_id, set()).add(category_id)
    if media:
        images = select(*MEDIA_COLUMNS).where(in_values(MediaRow.product_id, ids))
        existing.media = _by_product(await _rows(service, images.order_by(MediaRow.position, MediaRow.id)))
    return existing


async def _rows(service: Service, query: Select[*tuple[Any, ...]], **parameters: Any) -> list[Values]:
    result = await service.session.execute(query, parameters)
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


def _by_product(rows: Iterable[Values]) -> dict[str, list[Values]]:
    groups: dict[str, list[Values]] = {}
    for row in rows:
        groups.setdefault(row["product_id"], []).append(row)
    return groups
