"""Media: the pictures of the products, to read."""

from tradepost.kit.operation import operation
from tradepost.kit.records import Page, Record
from tradepost.kit.selection import Selection
from tradepost.kit.service import Service
from tradepost.kit.window import Window

from .. import policy
from ..resource import media, products
from ..schemas import Media


class MediaItems(Service):
    """Pictures as seen by one caller."""

    @operation("media_list", "page", media, access=policy.browse, under=(products, "media"), public=True)
    async def list(self, key: str, window: Window, want: Selection[Media]) -> Page[Media]:
        """The pictures of a product, by their position."""
        return await self.related(products, key, "media", window, want)

    @operation("media_get", "one", media, access=policy.browse, public=True)
    async def get(self, key: str, want: Selection[Media]) -> Record[Media]:
        """One picture by its id."""
        return await self.one(media, want, key)
