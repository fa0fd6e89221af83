"""All formats that can be read."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from .csv_file import CsvFile
from .detect import detect_format
from .format import Format
from .native_csv import NATIVE_CSV
from .ndjson import NdjsonFile, is_ndjson
from .numbers import DecimalSeparator
from .product_file import CsvProductFile, ProductFile
from .shopify import SHOPIFY
from .woocommerce import WOOCOMMERCE

CSV_FORMATS: Sequence[Format] = (SHOPIFY, WOOCOMMERCE, NATIVE_CSV)


def open_file(path: Path, *, currency: str, decimal_separator: DecimalSeparator | None, now: datetime) -> ProductFile:
    """Open a product file of any known format, or raise UnreadableError.

    `currency` applies to files without a currency column. With `decimal_separator` None it is
    detected from the prices. `now` decides which dated sale prices apply.
    """
    if is_ndjson(path):
        return NdjsonFile(path)
    csv_file = CsvFile(path)
    format = detect_format(csv_file, CSV_FORMATS)
    return CsvProductFile(csv_file, format, currency=currency, decimal_separator=decimal_separator, now=now)
