"""Reads of tags, and the tags of products."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes import bulk

from .. import policy
from ..models import ProductTagRow, TagRow
from ..resource import tags
from ..schemas import TagCount

PRODUCT_TAG: Any = ProductTagRow.__table__


class Tags(Service):
    """Reads tags and assigns them to products. Tags are only created for a product."""

    @operation("tag_list", "list", tags, access=policy.browse, public=True)
    def list(self, list_query: ListQuery, selection: Selection[TagCount]) -> Awaitable[Page[TagCount]]:
        """List the tags in use, each with its number of products."""
        return self.page(tags, selection, list_query)

    @operation("tag_get", "get", tags, access=policy.browse, public=True)
    def get(self, key: str, selection: Selection[TagCount]) -> Awaitable[Record[TagCount]]:
        """Get a tag by its id or slug."""
        return self.one(tags, selection, key)

    async def set_tags(self, tags: Mapping[str, Sequence[str]]) -> None:
        """Replace the tags of products; `tags` maps product ids to slugs."""
        if tags:
            await self.session.execute(
                delete(PRODUCT_TAG).where(self.context.database.in_values(PRODUCT_TAG.c.product_id, list(tags)))
            )
            await self.add_tags(tags)

    async def add_tags(self, tags: Mapping[str, Sequence[str]]) -> None:
        """Add tags to products that do not have them yet; `tags` maps product ids to slugs."""
        if distinct := {slug for slugs in tags.values() for slug in slugs}:
            ids = await self.get_or_create(distinct)
            number = ProductTagRow.__number__
            links = [
                {"id": new_id(number), "product_id": product_id, "tag_id": ids[slug]}
                for product_id, slugs in tags.items()
                for slug in slugs
            ]
            await bulk.insert_rows(self.session, ProductTagRow, links, self.context.clock())

    async def get_or_create(self, slugs: Collection[str]) -> dict[str, str]:
        """Return the ids of tags by slug. Missing tags are created."""
        query = select(TagRow.slug, TagRow.id).where(self.context.database.in_values(TagRow.slug, sorted(slugs)))
        ids: dict[str, str] = {slug: id for slug, id in await self.session.execute(query)}
        if len(ids) == len(slugs):
            return ids
        # Two concurrent writes may create the same tag: the second ignores the conflict and reads
        # the row of the first.
        dialect = sqlite if self.context.database.is_sqlite else postgresql
        new = [{"id": new_id(TagRow.__number__), "slug": slug} for slug in sorted(slugs) if slug not in ids]
        await self.session.execute(dialect.insert(TagRow).on_conflict_do_nothing(index_elements=["slug"]), new)
        return {slug: id for slug, id in await self.session.execute(query)}
