"""Writes of one row by what its resource declares: slug and references."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import select

from ..db.base import Table
from ..query.records import Record
from ..resource.resource import Resource
from ..resource.selection import Selection
from ..writes.slugs import check_slug, generate_slugs
from .service import Service, apply_changes, changed_members


async def create_row(service: Service, resource: Resource[Any], values: Mapping[str, Any]) -> str:
    """Insert a row with the column values of an input, and return its id.

    A missing slug is generated. Emits `<resource>.created`.
    """
    id = await insert_row(service, resource, values)
    service.context.emit(f"{resource.operation_prefix}.created", id)
    return id


async def insert_row(service: Service, resource: Resource[Any], values: Mapping[str, Any]) -> str:
    """Insert a row as `create_row` does, but emit no event."""
    if resource.slug is not None and "slug" not in values:
        [slug] = await generate_slugs(service.context, resource, [values[resource.slug]])
        values = {**values, "slug": slug}
    await check_values(service, resource, values)
    [id] = await service.insert(resource.model, values)
    return id


async def change_row(service: Service, resource: Resource[Any], row: Table, values: Mapping[str, Any]) -> list[str]:
    """Apply the column values of an input to a locked row; return the columns that changed.

    Emits `<resource>.updated` if there are any.
    """
    await check_values(service, resource, values, row)
    if changed := apply_changes(row, values):
        members = changed_members(resource, changed)
        service.context.emit(f"{resource.operation_prefix}.updated", row.id, changed=members)
    return changed


async def delete_row[S: msgspec.Struct](
    service: Service, resource: Resource[S], row: Table, selection: Selection[S], **data: Any
) -> Record[S]:
    """Delete a locked row and return what it was.

    Emits `<resource>.deleted` with `data`. Its handlers run before the row is deleted.
    """
    deleted = await service.one(resource, selection, row.id)
    service.context.emit(f"{resource.operation_prefix}.deleted", row.id, **data)
    await service.context.handle_events()
    await service.session.delete(row)
    return deleted


async def check_values(
    service: Service, resource: Resource[Any], values: Mapping[str, Any], row: Table | None = None
) -> None:
    """Raise Validation if the slug is not allowed or a related row does not exist.

    Related rows that the row already has are not checked.
    """
    if resource.slug is not None and "slug" in values:
        check_slug(values["slug"])
    for column, target in resource.references.items():
        id = values.get(column)
        if id is not None and id != getattr(row, column, None) and not await visible_ids(service, target, [id]):
            raise target.reference_not_found(f"/{column}", id)


async def visible_ids(service: Service, resource: Resource[Any], ids: Collection[str]) -> set[str]:
    """Return those of the ids that belong to visible rows, by one statement."""
    id, in_values = resource.model.id, service.context.database.in_values
    query = select(id).where(in_values(id, sorted(ids)), resource.visible(service.viewer))
    return set(await service.session.scalars(query, service.viewer_values))
