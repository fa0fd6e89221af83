"""Product files: the formats that are read and written, one file each, and what they share."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from .csv_file import CsvFile
from .detect import CsvProductFile, ProductFile, detect_format
from .format import Format, ParsedProduct
from .issues import Issue, UnreadableError
from .native_csv import NATIVE_CSV
from .ndjson import NdjsonFile, is_ndjson
from .numbers import DecimalSeparator
from .shopify import SHOPIFY
from .woocommerce import WOOCOMMERCE

__all__ = ["Issue", "ParsedProduct", "ProductFile", "DecimalSeparator", "UnreadableError", "open_file"]

CSV_FORMATS: Sequence[Format] = (SHOPIFY, WOOCOMMERCE, NATIVE_CSV)


def open_file(path: Path, *, currency: str, decimal_separator: DecimalSeparator | None, now: datetime) -> ProductFile:
    """A product file of any known format. `sign` settles a decimal sign that its prices leave open; `moment` is now, for prices with dates."""
    if is_ndjson(path):
        return NdjsonFile(path)
    sheet = CsvFile(path)
    return CsvProductFile(
        sheet, detect_format(sheet, CSV_FORMATS), currency=currency, sign=decimal_separator, moment=now
    )
