"""Product files as they are written: one file per format."""

from collections.abc import Callable, Mapping
from datetime import datetime

from .ndjson import NdjsonWriter
from .own import NativeCsvWriter
from .sheet import ShopCsvWriter
from .shopify import ShopifyLayout
from .woocommerce import WooCommerceLayout
from .writer import Writer

__all__ = ["FORMATS", "Writer", "create_writer"]

WRITERS: Mapping[str, Callable[[str, datetime], Writer]] = {
    "shopify": lambda currency, moment: ShopCsvWriter(ShopifyLayout(currency), currency=currency, moment=moment),
    "woocommerce": lambda currency, moment: ShopCsvWriter(
        WooCommerceLayout(currency), currency=currency, moment=moment
    ),
    "csv": lambda currency, moment: NativeCsvWriter(),
    "ndjson": lambda currency, moment: NdjsonWriter(),
}
FORMATS = tuple(WRITERS)


def create_writer(format: str, *, currency: str, now: datetime) -> Writer:
    """What writes a format. `currency` is that of prices in sheets that name none; `moment` is now, for prices with dates."""
    return WRITERS[format](currency, now)
