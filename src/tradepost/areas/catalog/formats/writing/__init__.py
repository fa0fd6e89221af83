"""Product files as they are written: one file per format."""

from collections.abc import Callable, Mapping
from datetime import datetime

from .ndjson import LineWriter
from .own import OwnWriter
from .sheet import SheetWriter
from .shopify import ShopifyLayout
from .woocommerce import WooCommerceLayout
from .writer import Writer

__all__ = ["FORMATS", "Writer", "writer"]

WRITERS: Mapping[str, Callable[[str, datetime], Writer]] = {
    "shopify": lambda currency, moment: SheetWriter(ShopifyLayout(currency), currency=currency, moment=moment),
    "woocommerce": lambda currency, moment: SheetWriter(WooCommerceLayout(currency), currency=currency, moment=moment),
    "csv": lambda currency, moment: OwnWriter(),
    "ndjson": lambda currency, moment: LineWriter(),
}
FORMATS = tuple(WRITERS)


def writer(format: str, *, currency: str, moment: datetime) -> Writer:
    """What writes a format. `currency` is that of prices in sheets that name none; `moment` is now, for prices with dates."""
    return WRITERS[format](currency, moment)
