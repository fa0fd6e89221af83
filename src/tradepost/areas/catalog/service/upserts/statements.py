"""Writes the differences of planned upserts, at most one statement of each kind per table."""

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
from .planned_upsert import PlannedUpsert


async def write(service: Service, plans: Sequence[PlannedUpsert], now: datetime) -> None:
    """Write all plans and emit their events.

    New rows of a table are inserted in an order that depends only on their values, so that
    concurrent lists do not deadlock.
    """
    new = sorted(
        [p for p in plans if p.current is None], key=lambda p: (p.values["external_reference"] or "", p.values["slug"])
    )
    await bulk.update_rows(
        service.session,
        ProductRow,
        [(p.current, p.current | p.values) for p in plans if p.current is not None and p.changed],
        now,
    )
    await bulk.insert_rows(service.session, ProductRow, [p.values | {"id": p.id} for p in new], now)
    await _write_categories(service, plans, now)
    tags: dict[str, list[str]] = {
        p.id: p.values["tags"] for p in plans if (p.values["tags"] if p.current is None else "tags" in p.changed)
    }
    await Tags(service.context).set_tags(tags)
    await _write_variants(service, plans, now)
    search_rows = [row for p in plans if (row := p.search_row) is not None]
    await bulk.upsert_rows(service.session, ProductSearchRow.__table__, search_rows, "id")
    await _write_media(service, plans, now)
    for plan in plans:
        plan.emit(service.context)


async def _write_categories(service: Service, plans: Sequence[PlannedUpsert], now: datetime) -> None:
    links = _table(ProductCategoryRow)
    if removed := [(p.id, id) for p in plans for id in p.removed_categories]:
        await service.session.execute(delete(links).where(tuple_(links.c.product_id, links.c.category_id).in_(removed)))
    number = ProductCategoryRow.__number__
    added = [
        {"id": new_id(number), "product_id": p.id, "category_id": id}
        for p in plans
        for id in sorted(p.added_categories)
    ]
    await bulk.insert_rows(service.session, ProductCategoryRow, added, now)


async def _write_variants(service: Service, plans: Sequence[PlannedUpsert], now: datetime) -> None:
    variants = _table(VariantRow)
    # Parked variants first get their id as SKU and options, so that the UPDATE below never meets a
    # value that another variant has not given up yet.
    if parked := [id for p in plans for id in p.variants.parked]:
        placeholder = cast(variants.c.id, Text)
        await service.session.execute(
            update(variants)
            .where(variants.c.id.in_(parked))
            .values(sku=placeholder, options_key=placeholder, updated_at=now)
        )
    await bulk.update_rows(
        service.session,
        VariantRow,
        [pair for p in plans for pair in p.variants.changed],
        now,
        ("sku", "options_key") if parked else (),
    )
    created = sorted([values for p in plans for values in p.variants.created], key=lambda values: values["sku"])
    await bulk.insert_rows(service.session, VariantRow, created, now)


async def _write_media(service: Service, plans: Sequence[PlannedUpsert], now: datetime) -> None:
    media = _table(MediaRow)
    if removed := [id for p in plans for id in p.removed_media]:
        await service.session.execute(delete(media).where(media.c.id.in_(removed)))
    await bulk.update_rows(service.session, MediaRow, [pair for p in plans for pair in p.changed_media], now)
    await bulk.insert_rows(service.session, MediaRow, [values for p in plans for values in p.added_media], now)


def _table(row: type[Table]) -> Any:
    """Return the table of a class. With the class itself, the ORM would synchronize its objects."""
    return row.__table__
