"""Media: the pictures of the products, to read."""

from collections.abc import Awaitable

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..resource import media, products
from ..schemas import Media


class MediaItems(Service):
    """Pictures as seen by one caller."""

    @operation("media_list", "list", media, access=policy.browse, parent_relation=(products, "media"), public=True)
    def list(self, key: str, window: ListQuery, want: Selection[Media]) -> Awaitable[Page[Media]]:
        """The pictures of a product, by their position."""
        return self.related(products, key, "media", window, want)

    @operation("media_get", "get", media, access=policy.browse, public=True)
    def get(self, key: str, want: Selection[Media]) -> Awaitable[Record[Media]]:
        """One picture by its id."""
        return self.one(media, want, key)
