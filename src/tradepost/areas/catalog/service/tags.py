"""Tags: the words that products share."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from tradepost.kit.identity import new_id
from tradepost.kit.operation import operation
from tradepost.kit.records import Page, Record
from tradepost.kit.selection import Selection
from tradepost.kit.service import Service
from tradepost.kit.window import Window

from .. import policy
from ..models import ProductTagRow, TagRow
from ..resource import tags
from ..schemas import TagCount


class Tags(Service):
    """Tags as seen by one caller. Products bring them; nobody makes one by itself."""

    @operation("tag_list", "page", tags, access=policy.browse, public=True)
    async def list(self, window: Window, want: Selection[TagCount]) -> Page[TagCount]:
        """The tags in use, with how many products have each."""
        return await self.page(tags, want, window)

    @operation("tag_get", "one", tags, access=policy.browse, public=True)
    async def get(self, key: str, want: Selection[TagCount]) -> Record[TagCount]:
        """One tag by its id or its slug."""
        return await self.one(tags, want, key)

    async def put(self, product_id: str, slugs: Sequence[str]) -> None:
        """Makes these the tags of a product."""
        await self.session.execute(delete(ProductTagRow).where(ProductTagRow.product_id == product_id))
        if not slugs:
            return
        # Two writes may bring the same new tag at once: the second takes the first one's.
        dialect = sqlite if self.context.database.sqlite else postgresql
        new = [{"id": new_id(TagRow.__number__), "slug": s} for s in sorted(slugs)]
        await self.session.execute(dialect.insert(TagRow).on_conflict_do_nothing(index_elements=["slug"]), new)
        ids = (await self.session.scalars(select(TagRow.id).where(TagRow.slug.in_(slugs)))).all()
        await self.session.execute(insert(ProductTagRow), [{"product_id": product_id, "tag_id": i} for i in ids])
