"""What is there: the products that a list of inputs means, locked, and what they have."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET
from sqlalchemy import Column, Select, or_, select

from tradepost.kit.auth.access import Viewer
from tradepost.kit.operations.service import Service

from ...models import MediaRow, ProductCategoryRow, ProductRow, VariantRow
from ...resource import products
from ...schemas import ProductCreate

type Values = dict[str, Any]

TIMES = ("created_at", "updated_at")


def _columns(of: Any, *leave: str) -> list[Column[Any]]:
    return [c for c in of.__table__.c if c.name not in (*TIMES, *leave)]


PRODUCT = _columns(ProductRow, "rating_count", "rating_sum")
VARIANT = _columns(VariantRow)
MEDIA = [
    MediaRow.id,
    MediaRow.version,
    MediaRow.product_id,
    MediaRow.source_url,
    MediaRow.alt,
    MediaRow.position,
    MediaRow.status,
]


class Existing:
    """What present products have, by their ids."""

    __slots__ = ("categories", "media", "variants")

    def __init__(self) -> None:
        self.variants: dict[str, list[Values]] = {}
        self.media: dict[str, list[Values]] = {}
        self.categories: dict[str, set[str]] = {}


async def find_products(service: Service, inputs: Sequence[ProductCreate]) -> list[Values | None]:
    """The product that each input means: by its reference, else by its slug. Locked in one order, so that no two lists wait for each other."""
    references = [new.external_reference for new in inputs if new.external_reference is not None]
    slugs = [new.slug for new in inputs if new.slug is not UNSET]
    if not references and not slugs:
        return [None for _ in inputs]
    caller, among = service.context.caller, service.context.database.in_values
    named = or_(*[among(c, v) for c, v in ((ProductRow.external_reference, references), (ProductRow.slug, slugs)) if v])
    visible = products.visible(Viewer(caller.permissions, caller.is_authenticated))
    query = select(*PRODUCT).where(named, visible).order_by(ProductRow.id).with_for_update()
    found = await rows(service, query, caller_id=caller.id)
    by_reference, by_slug = (
        {f["external_reference"]: f for f in found if f["external_reference"] is not None},
        {f["slug"]: f for f in found},
    )
    return [by_reference.get(new.external_reference) or by_slug.get(new.slug) for new in inputs]


async def load_existing(service: Service, ids: Sequence[str], media: bool) -> Existing:
    """What these products have. The variants are locked too: they are compared before they are changed."""
    present, among = Existing(), service.context.database.in_values
    if not ids:
        return present
    query = select(*VARIANT).where(among(VariantRow.product_id, ids)).order_by(VariantRow.id).with_for_update()
    present.variants = _by_product(await rows(service, query))
    places = select(ProductCategoryRow.product_id, ProductCategoryRow.category_id).where(
        among(ProductCategoryRow.product_id, ids)
    )
    for row in await service.session.execute(places):
        present.categories.setdefault(row[0], set()).add(row[1])
    if media:
        present.media = _by_product(
            await rows(
                service, select(*MEDIA).where(among(MediaRow.product_id, ids)).order_by(MediaRow.position, MediaRow.id)
            )
        )
    return present


async def rows(service: Service, query: Select[*tuple[Any, ...]], **given: Any) -> list[Values]:
    """The rows of a query as plain values."""
    found = await service.session.execute(query, given)
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


def _by_product(found: Iterable[Values]) -> dict[str, list[Values]]:
    out: dict[str, list[Values]] = {}
    for row in found:
        out.setdefault(row["product_id"], []).append(row)
    return out
