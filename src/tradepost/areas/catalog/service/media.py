"""Reads of product images."""

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
    """Reads product images."""

    @operation("media_list", "list", media, access=policy.browse, parent_relation=(products, "media"), public=True)
    def list(self, key: str, list_query: ListQuery, selection: Selection[Media]) -> Awaitable[Page[Media]]:
        """List the images of a product, sorted by position."""
        return self.related(products, key, "media", list_query, selection)

    @operation("media_get", "get", media, access=policy.browse, public=True)
    def get(self, key: str, selection: Selection[Media]) -> Awaitable[Record[Media]]:
        """Get an image by its id."""
        return self.one(media, selection, key)
