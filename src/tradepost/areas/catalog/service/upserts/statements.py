"""What differs, written: each table by one statement of each kind, however many rows there are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, cast, delete, tuple_, update

from tradepost.kit.db.base import Table
from tradepost.kit.ids import new_id
from tradepost.kit.operations.service import Service
from tradepost.kit.writes import bulk

from ...models import MediaRow, ProductCategoryRow, ProductRow, ProductSearchRow, VariantRow
from ..tags import Tags
from .draft import PlannedUpsert


async def write(service: Service, drafts: Sequence[PlannedUpsert], now: datetime) -> None:
    """Writes all drafts, and announces each once. New rows of a table come in an order that all lists share, so that no two wait for each other."""
    new = sorted(
        [d for d in drafts if d.current is None], key=lambda d: (d.values["external_reference"] or "", d.values["slug"])
    )
    await bulk.update_rows(
        service.session,
        ProductRow,
        [(d.current, d.current | d.values) for d in drafts if d.current is not None and d.changed],
        now,
    )
    await bulk.insert_rows(service.session, ProductRow, [d.values | {"id": d.id} for d in new], now)
    await _places(service, drafts, now)
    tags: dict[str, list[str]] = {
        d.id: d.values["tags"] for d in drafts if (d.values["tags"] if d.current is None else "tags" in d.changed)
    }
    await Tags(service.context).set_tags(tags)
    await _variants(service, drafts, now)
    await bulk.upsert_rows(
        service.session,
        ProductSearchRow.__table__,
        [words for d in drafts if (words := d.search_row) is not None],
        "id",
    )
    await _media(service, drafts, now)
    for draft in drafts:
        type, subject, data = draft.event()
        service.context.emit(type, subject, **data)


async def _places(service: Service, drafts: Sequence[PlannedUpsert], now: datetime) -> None:
    places = _table(ProductCategoryRow)
    if left := [(d.id, c) for d in drafts for c in d.removed_categories]:
        await service.session.execute(delete(places).where(tuple_(places.c.product_id, places.c.category_id).in_(left)))
    number = ProductCategoryRow.__number__
    await bulk.insert_rows(
        service.session,
        ProductCategoryRow,
        [
            {"id": new_id(number), "product_id": d.id, "category_id": c}
            for d in drafts
            for c in sorted(d.added_categories)
        ],
        now,
    )


async def _variants(service: Service, drafts: Sequence[PlannedUpsert], now: datetime) -> None:
    variants = _table(VariantRow)
    # Ids stand in for what another variant of the product takes, until all rows have their own.
    if parked := [id for d in drafts for id in d.variants.parked]:
        stand_in = cast(variants.c.id, Text)
        await service.session.execute(
            update(variants).where(variants.c.id.in_(parked)).values(sku=stand_in, options_key=stand_in, updated_at=now)
        )
    await bulk.update_rows(
        service.session,
        VariantRow,
        [pair for d in drafts for pair in d.variants.changed],
        now,
        ("sku", "options_key") if parked else (),
    )
    await bulk.insert_rows(
        service.session,
        VariantRow,
        sorted([v for d in drafts for v in d.variants.created], key=lambda v: v["sku"]),
        now,
    )


async def _media(service: Service, drafts: Sequence[PlannedUpsert], now: datetime) -> None:
    media = _table(MediaRow)
    if gone := [id for d in drafts for id in d.removed_media]:
        await service.session.execute(delete(media).where(media.c.id.in_(gone)))
    await bulk.update_rows(service.session, MediaRow, [pair for d in drafts for pair in d.changed_media], now)
    await bulk.insert_rows(service.session, MediaRow, [m for d in drafts for m in d.added_media], now)


def _table(of: type[Table]) -> Any:
    """A class's table: given the class, the ORM would look for objects to keep in step."""
    return of.__table__
