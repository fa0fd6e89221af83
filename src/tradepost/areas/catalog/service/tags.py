"""Tags: the words that products share."""

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

LINKS: Any = ProductTagRow.__table__


class Tags(Service):
    """Tags as seen by one caller. Products bring them; nobody makes one by itself."""

    @operation("tag_list", "list", tags, access=policy.browse, public=True)
    def list(self, window: ListQuery, want: Selection[TagCount]) -> Awaitable[Page[TagCount]]:
        """The tags in use, with how many products have each."""
        return self.page(tags, want, window)

    @operation("tag_get", "get", tags, access=policy.browse, public=True)
    def get(self, key: str, want: Selection[TagCount]) -> Awaitable[Record[TagCount]]:
        """One tag by its id or its slug."""
        return self.one(tags, want, key)

    async def set_tags(self, tags: Mapping[str, Sequence[str]]) -> None:
        """Makes these the tags of products, by their ids."""
        if tags:
            await self.session.execute(
                delete(LINKS).where(self.context.database.in_values(LINKS.c.product_id, list(tags)))
            )
            await self.add_tags(tags)

    async def add_tags(self, tags: Mapping[str, Sequence[str]]) -> None:
        """Gives products, by their ids, tags that they do not have."""
        if wanted := {slug for slugs in tags.values() for slug in slugs}:
            ids = await self.get_or_create(wanted)
            number = ProductTagRow.__number__
            links = [
                {"id": new_id(number), "product_id": product_id, "tag_id": ids[slug]}
                for product_id, slugs in tags.items()
                for slug in slugs
            ]
            await bulk.insert_rows(self.session, ProductTagRow, links, self.context.clock())

    async def get_or_create(self, slugs: Collection[str]) -> dict[str, str]:
        """The ids of tags by their slugs; those that there are not yet are made."""
        query = select(TagRow.slug, TagRow.id).where(self.context.database.in_values(TagRow.slug, sorted(slugs)))
        found: dict[str, str] = {slug: id for slug, id in await self.session.execute(query)}
        if len(found) == len(slugs):
            return found
        # Two writes may bring the same new tag at once: the second takes the first one's.
        dialect = sqlite if self.context.database.is_sqlite else postgresql
        new = [{"id": new_id(TagRow.__number__), "slug": slug} for slug in sorted(slugs) if slug not in found]
        await self.session.execute(dialect.insert(TagRow).on_conflict_do_nothing(index_elements=["slug"]), new)
        return {slug: id for slug, id in await self.session.execute(query)}
