"""Writers of product files, one file per format."""

from collections.abc import Callable, Mapping
from datetime import datetime

from .native_csv import NativeCsvWriter
from .ndjson import NdjsonWriter
from .shop_csv import ShopCsvWriter
from .shopify import ShopifyLayout
from .woocommerce import WooCommerceLayout
from .writer import Writer

__all__ = ["FORMATS", "Writer", "create_writer"]

WRITERS: Mapping[str, Callable[[str, datetime], Writer]] = {
    "shopify": lambda currency, now: ShopCsvWriter(ShopifyLayout(currency), currency=currency, now=now),
    "woocommerce": lambda currency, now: ShopCsvWriter(WooCommerceLayout(currency), currency=currency, now=now),
    "csv": lambda currency, now: NativeCsvWriter(),
    "ndjson": lambda currency, now: NdjsonWriter(),
}
FORMATS = tuple(WRITERS)


def create_writer(format: str, *, currency: str, now: datetime) -> Writer:
    """Create the writer of a format.

    `currency` applies to formats without a currency column. `now` decides which dated sale prices
    apply.
    """
    return WRITERS[format](currency, now)
